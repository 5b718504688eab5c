//! sasl (102): without a login configuration there is nothing to negotiate. The token is answered with none, at once, as
//! upstream does; the client stays who it was, and nothing more is allowed to it.

use bytes::{Bytes, BytesMut};
use zk_wire::{ErrorCode, GetSaslRequest, Jute, SetSaslResponse};

/// Appends the answer.
///
/// # Errors
/// A request without a token.
pub(crate) fn answer(body: &Bytes, out: &mut BytesMut) -> Result<(), ErrorCode> {
    let request: GetSaslRequest = super::decode(body)?;
    if request.token.0.is_none() {
        return Err(ErrorCode::MARSHALLING_ERROR);
    }
    SetSaslResponse::default().encode(out);
    Ok(())
}
