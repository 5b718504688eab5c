//! hash: the tree's digest behind every 128th transaction, to compare servers by.

use keeper::Keeper;

use super::super::Shared;

/// hash
pub fn text(shared: &Shared) -> String {
    let entries = shared.keeper.with(Keeper::digest_log);
    entries.into_iter().map(|(zxid, digest)| format!("{:x}: {digest}\n", zxid.0)).collect()
}
