//! Who may run commands that read or replace everything: whoever has every permission on `/`.

use std::net::IpAddr;

use axum::http::StatusCode;
use keeper::{Keeper, acl, auth};
use zk_wire::perms;

use super::outcome::Outcome;
use crate::zk::ZkAdmin;

/// `None` when the header `Authorization: SCHEME DATA` names somebody with every permission on `/`; else the answer.
pub fn refused(admin: &ZkAdmin, header: Option<&str>, peer: IpAddr) -> Option<Outcome> {
    let Some(header) = header else {
        return Some(Outcome::error(StatusCode::UNAUTHORIZED, "Auth info is missing for the command"));
    };
    let allowed = admin.with(|keeper| allowed(keeper, header, peer));
    match allowed {
        None => Some(Outcome::error(StatusCode::UNAUTHORIZED, "Not authenticated")),
        Some(false) => Some(Outcome::error(StatusCode::FORBIDDEN, "Not authorized")),
        Some(true) => None,
    }
}

/// `None` for somebody who did not prove who they are.
fn allowed(keeper: &Keeper, header: &str, peer: IpAddr) -> Option<bool> {
    let (scheme, data) = match header.split(' ').collect::<Vec<_>>()[..] {
        [scheme] => (scheme, None),
        [scheme, data] => (scheme, Some(data.as_bytes())),
        _ => return None,
    };
    let ids = auth::authenticate(scheme, data, peer, keeper.config())?;
    let tree = keeper.tree();
    let list = tree.get("/").map(|root| tree.acl(root)).unwrap_or_default();
    let each = [perms::READ, perms::WRITE, perms::CREATE, perms::DELETE, perms::ADMIN];
    Some(keeper.config().skip_acl || each.into_iter().all(|bit| acl::allows(&list, bit, &ids)))
}
