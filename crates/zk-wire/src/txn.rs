//! Transactions: the payload of a log entry, and of PROPOSAL and INFORM packets.
//!
//! ```text
//! TxnHeader (32 bytes) | body by opcode | TxnDigest, when digests are on
//! ```
//! Upstream: `SerializeUtils.deserializeTxn`.

use base::{DecodeError, Reader};
use bytes::{Bytes, BytesMut};

use crate::error::ErrorCode;
use crate::generated::{
    CheckVersionTxn, CloseSessionTxn, CreateContainerTxn, CreateSessionTxn, CreateTtlTxn, CreateTxn, CreateTxnV0,
    DeleteTxn, ErrorTxn, MultiTxn, SetAclTxn, SetDataTxn, Txn, TxnDigest, TxnHeader,
};
use crate::jute::Jute;
use crate::opcode::OpCode;

/// The version of [`TxnDigest`] that this code computes.
pub const DIGEST_VERSION: i32 = 2;

/// A transaction's body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TxnBody {
    /// createSession.
    CreateSession(CreateSessionTxn),
    /// closeSession; `None` in logs of releases before 3.5 and with `closeSessionTxn.enabled=false`: no paths.
    CloseSession(Option<CloseSessionTxn>),
    /// create and create2.
    Create(CreateTxn),
    /// create of releases before 3.4.
    CreateV0(CreateTxnV0),
    /// createTTL.
    CreateTtl(CreateTtlTxn),
    /// createContainer.
    CreateContainer(CreateContainerTxn),
    /// delete and deleteContainer.
    Delete(DeleteTxn),
    /// setData and reconfig.
    SetData(SetDataTxn),
    /// setACL.
    SetAcl(SetAclTxn),
    /// check, in a multi.
    Check(CheckVersionTxn),
    /// multi; its parts in order, each with its opcode.
    Multi(Vec<(OpCode, TxnBody)>),
    /// A write that failed.
    Error(ErrorTxn),
}

impl TxnBody {
    /// A failed write.
    pub const fn error(code: ErrorCode) -> Self {
        Self::Error(ErrorTxn { err: code.0 })
    }

    /// Reads the body of a transaction of kind `opcode`.
    ///
    /// # Errors
    /// A kind that no log has, or bytes that make no sense.
    pub fn decode(opcode: OpCode, r: &mut Reader) -> Result<Self, DecodeError> {
        Self::decode_nested(opcode, r, false)
    }

    fn decode_nested(opcode: OpCode, r: &mut Reader, nested: bool) -> Result<Self, DecodeError> {
        Ok(match opcode {
            OpCode::CREATE_SESSION if !nested => Self::CreateSession(Jute::decode(r)?),
            OpCode::CLOSE_SESSION if !nested && lists_nothing(r) => Self::CloseSession(None),
            OpCode::CLOSE_SESSION if !nested => Self::CloseSession(Some(Jute::decode(r)?)),
            OpCode::CREATE => {
                // The old form lacks the last field; nothing ever follows it.
                let v0 = CreateTxnV0::decode(r)?;
                if r.is_empty() { Self::CreateV0(v0) } else { Self::Create(upgrade(v0, r.i32()?)) }
            }
            OpCode::CREATE2 => Self::Create(Jute::decode(r)?),
            OpCode::CREATE_TTL => Self::CreateTtl(Jute::decode(r)?),
            OpCode::CREATE_CONTAINER => Self::CreateContainer(Jute::decode(r)?),
            OpCode::DELETE | OpCode::DELETE_CONTAINER => Self::Delete(Jute::decode(r)?),
            OpCode::SET_DATA | OpCode::RECONFIG => Self::SetData(Jute::decode(r)?),
            OpCode::SET_ACL => Self::SetAcl(Jute::decode(r)?),
            OpCode::CHECK if nested => Self::Check(Jute::decode(r)?),
            OpCode::ERROR => Self::Error(Jute::decode(r)?),
            OpCode::MULTI if !nested => {
                let parts = MultiTxn::decode(r)?.txns.unwrap_or_default();
                let mut bodies = Vec::with_capacity(parts.len());
                for Txn { opcode, data } in parts {
                    let mut part = Reader::new(data.unwrap_or_default());
                    bodies.push((OpCode(opcode), Self::decode_nested(OpCode(opcode), &mut part, true)?));
                }
                Self::Multi(bodies)
            }
            _ => return Err(DecodeError::Invalid("kind of transaction")),
        })
    }

    /// Appends the body.
    pub fn encode(&self, out: &mut BytesMut) {
        match self {
            Self::CreateSession(txn) => txn.encode(out),
            Self::CloseSession(None) => {}
            Self::CloseSession(Some(txn)) => txn.encode(out),
            Self::Create(txn) => txn.encode(out),
            Self::CreateV0(txn) => txn.encode(out),
            Self::CreateTtl(txn) => txn.encode(out),
            Self::CreateContainer(txn) => txn.encode(out),
            Self::Delete(txn) => txn.encode(out),
            Self::SetData(txn) => txn.encode(out),
            Self::SetAcl(txn) => txn.encode(out),
            Self::Check(txn) => txn.encode(out),
            Self::Error(txn) => txn.encode(out),
            Self::Multi(parts) => {
                crate::jute::put_len(out, parts.len());
                for (opcode, body) in parts {
                    let mut data = BytesMut::new();
                    body.encode(&mut data);
                    opcode.0.encode(out);
                    crate::jute::put_buffer(out, Some(&data));
                }
            }
        }
    }
}

/// Whether a closeSession ends here, or nothing but a digest follows (`closeSessionTxn.enabled=false`). Its version read
/// as the length of a list would promise two paths, and two paths are longer.
fn lists_nothing(r: &Reader) -> bool {
    let rest = r.peek();
    rest.is_empty() || rest.len() == TxnDigest::SMALLEST_BYTES && rest.starts_with(&DIGEST_VERSION.to_be_bytes())
}

/// The old form with the field that it lacks.
pub fn upgrade(v0: CreateTxnV0, parent_cversion: i32) -> CreateTxn {
    let CreateTxnV0 { path, data, acl, ephemeral } = v0;
    CreateTxn { path, data, acl, ephemeral, parent_cversion }
}

/// A whole transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// Who, when, what kind.
    pub header: TxnHeader,
    /// What it does.
    pub body: TxnBody,
    /// What the tree's digest is behind it.
    pub digest: Option<TxnDigest>,
}

impl Transaction {
    /// Reads a log entry's payload.
    ///
    /// # Errors
    /// Bytes that make no sense.
    pub fn from_bytes(payload: Bytes) -> Result<Self, DecodeError> {
        let mut r = Reader::new(payload);
        let header = TxnHeader::decode(&mut r)?;
        let body = TxnBody::decode(OpCode(header.opcode), &mut r)?;
        let digest = if r.remaining() >= TxnDigest::SMALLEST_BYTES { Some(TxnDigest::decode(&mut r)?) } else { None };
        Ok(Self { header, body, digest })
    }

    /// The log entry's payload.
    pub fn to_bytes(&self) -> Bytes {
        let mut out = BytesMut::new();
        self.encode(&mut out);
        out.freeze()
    }

    /// Appends the log entry's payload.
    pub fn encode(&self, out: &mut BytesMut) {
        self.header.encode(out);
        self.body.encode(out);
        if let Some(digest) = &self.digest {
            digest.encode(out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{SessionId, Zxid};

    fn header(opcode: OpCode) -> TxnHeader {
        TxnHeader { client_id: SessionId(1), cxid: 2, zxid: Zxid(3), time_ms: 4, opcode: opcode.0 }
    }

    fn round(opcode: OpCode, body: TxnBody, digest: Option<TxnDigest>) {
        let txn = Transaction { header: header(opcode), body, digest };
        assert_eq!(Transaction::from_bytes(txn.to_bytes()), Ok(txn));
    }

    #[test]
    fn every_kind_round_trips() {
        let digest = Some(TxnDigest { version: DIGEST_VERSION, tree_digest: -5 });
        let create = CreateTxn { path: "/a".into(), parent_cversion: 1, ..CreateTxn::default() };
        for digest in [None, digest] {
            round(OpCode::CREATE, TxnBody::Create(create.clone()), digest.clone());
            round(OpCode::CREATE2, TxnBody::Create(create.clone()), digest.clone());
            round(OpCode::CREATE_SESSION, TxnBody::CreateSession(CreateSessionTxn { timeout_ms: 9 }), digest.clone());
            let paths_to_delete = Some(vec!["/a".into()]);
            round(
                OpCode::CLOSE_SESSION,
                TxnBody::CloseSession(Some(CloseSessionTxn { paths_to_delete })),
                digest.clone(),
            );
            round(OpCode::ERROR, TxnBody::error(ErrorCode::NO_NODE), digest.clone());
            let parts = vec![
                (OpCode::CREATE2, TxnBody::Create(create.clone())),
                (OpCode::CHECK, TxnBody::Check(CheckVersionTxn { path: "/b".into(), version: 1 })),
                (OpCode::ERROR, TxnBody::error(ErrorCode::BAD_VERSION)),
            ];
            round(OpCode::MULTI, TxnBody::Multi(parts), digest.clone());
        }
    }

    #[test]
    fn old_forms_are_read() {
        round(OpCode::CLOSE_SESSION, TxnBody::CloseSession(None), None);
        let digest = Some(TxnDigest { version: DIGEST_VERSION, tree_digest: -5 });
        round(OpCode::CLOSE_SESSION, TxnBody::CloseSession(None), digest);
        let v0 = CreateTxnV0 { path: "/a".into(), ephemeral: true, ..CreateTxnV0::default() };
        round(OpCode::CREATE, TxnBody::CreateV0(v0), None);
    }

    #[test]
    fn a_multi_does_not_nest() {
        let inner = TxnBody::Multi(Vec::new());
        let txn = Transaction {
            header: header(OpCode::MULTI),
            body: TxnBody::Multi(vec![(OpCode::MULTI, inner)]),
            digest: None,
        };
        assert!(Transaction::from_bytes(txn.to_bytes()).is_err());
    }
}
