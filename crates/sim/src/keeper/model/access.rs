//! Who may do what.

use super::{Caller, ModelNode};
use crate::keeper::op::{Acl, code};

/// `ZooDefs.Perms`.
pub mod perm {
    /// Looking.
    pub const READ: u8 = 1;
    /// Replacing the data.
    pub const WRITE: u8 = 2;
    /// Making children.
    pub const CREATE: u8 = 4;
    /// Deleting children.
    pub const DELETE: u8 = 8;
    /// Replacing the ACL.
    pub const ADMIN: u8 = 16;
}

/// Where every simulated client comes from.
pub const ADDRESS: &str = "127.0.0.1";

/// World may do everything: what `OPEN_ACL_UNSAFE` means.
pub fn open_acl() -> Vec<Acl> {
    vec![Acl { perms: 31, scheme: "world".into(), id: "anyone".into() }]
}

/// Whether a list gives the caller any of `wanted`.
pub fn grants(acl: &[Acl], users: &[&'static super::super::op::User], wanted: u8) -> bool {
    let matches = |entry: &Acl| match entry.scheme.as_str() {
        "world" => entry.id == "anyone",
        "digest" => users.iter().any(|user| user.id == entry.id),
        // The workload knows these two nets; the clients' address is in the first.
        "ip" => matches!(entry.id.as_str(), ADDRESS | "127.0.0.0/8"),
        _ => false,
    };
    acl.is_empty() || acl.iter().any(|entry| entry.perms & wanted != 0 && matches(entry))
}

/// # Errors
/// `NOAUTH`.
pub fn allowed(caller: Caller<'_>, node: &ModelNode, wanted: u8) -> Result<(), i32> {
    if grants(&node.acl, caller.users, wanted) { Ok(()) } else { Err(code::NO_AUTH) }
}

/// What is stored for an ACL that a client sent: duplicates go, `auth` becomes the caller's own ids.
///
/// # Errors
/// `INVALIDACL`.
pub fn fix_acl(caller: Caller<'_>, acl: &[Acl]) -> Result<Vec<Acl>, i32> {
    let mut fixed: Vec<Acl> = Vec::new();
    for (index, entry) in acl.iter().enumerate() {
        if acl[..index].contains(entry) {
            continue;
        }
        match entry.scheme.as_str() {
            "auth" => {
                if caller.users.is_empty() {
                    return Err(code::INVALID_ACL);
                }
                let own = |id: &str| Acl { perms: entry.perms, scheme: "digest".into(), id: id.into() };
                fixed.extend(caller.users.iter().map(|user| own(user.id)));
            }
            "world" if entry.id == "anyone" => fixed.push(entry.clone()),
            "digest" if entry.id.split(':').count() == 2 => fixed.push(entry.clone()),
            "ip" => fixed.push(entry.clone()),
            _ => return Err(code::INVALID_ACL),
        }
    }
    if fixed.is_empty() { Err(code::INVALID_ACL) } else { Ok(fixed) }
}

/// A list as it is shown to somebody who may not change it: no hashes.
pub fn masked(acl: &[Acl]) -> Vec<Acl> {
    let mask = |entry: &Acl| {
        let user = entry.id.split(':').next().unwrap_or_default();
        let id = if entry.scheme == "digest" { format!("{user}:x") } else { entry.id.clone() };
        Acl { id, ..entry.clone() }
    };
    acl.iter().map(mask).collect()
}
