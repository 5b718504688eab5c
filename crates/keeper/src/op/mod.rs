//! One file per operation: its checks and transaction when it writes, its answer when it reads.

mod add_watch;
mod auth;
pub(crate) mod check;
mod check_watches;
pub(crate) mod close_session;
pub(crate) mod create;
mod create_container;
pub(crate) mod create_session;
mod create_ttl;
pub(crate) mod delete;
pub(crate) mod delete_container;
mod exists;
mod get_acl;
mod get_all_children_number;
mod get_children;
mod get_children2;
mod get_data;
mod get_ephemerals;
pub(crate) mod multi;
mod multi_read;
mod reconfig;
mod remove_watches;
mod sasl;
pub(crate) mod set_acl;
pub(crate) mod set_data;
mod set_watches;
mod sync;
mod who_am_i;

use bytes::{Bytes, BytesMut};
use zk_wire::multi::MultiRequest;
use zk_wire::txn::TxnBody;
use zk_wire::{
    CreateRequest, CreateTtlRequest, DeleteRequest, ErrorCode, Jute, OpCode, ReconfigRequest, SetAclRequest,
    SetDataRequest,
};

use crate::acl::{self, AclList};
use crate::config::Config;
use crate::connection::Connection;
use crate::node::Node;
use crate::prep::Prep;
use crate::tree::Tree;
use crate::watch::Watches;

pub(crate) use auth::authenticate;
pub(crate) use sasl::answer as answer_sasl;
pub(crate) use set_watches::SYNC_CONNECTED;
pub(crate) use sync::{answer as answer_sync, parse as parse_sync};

/// How a request is handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// Makes a transaction.
    Write,
    /// Looks at the tree; may leave watches.
    Read,
    /// Waits for the writes under way.
    Sync,
    /// Changes who the connection is.
    Auth,
    /// Would, if there were a login to negotiate.
    Sasl,
}

/// The operations that clients may ask for, and how they are handled. Everything else is answered UNIMPLEMENTED and the
/// connection closed, as upstream does with numbers it does not know.
pub const SERVED: &[(OpCode, Route)] = &[
    (OpCode::CLOSE_SESSION, Route::Write),
    (OpCode::CREATE, Route::Write),
    (OpCode::DELETE, Route::Write),
    (OpCode::EXISTS, Route::Read),
    (OpCode::GET_DATA, Route::Read),
    (OpCode::SET_DATA, Route::Write),
    (OpCode::GET_ACL, Route::Read),
    (OpCode::SET_ACL, Route::Write),
    (OpCode::GET_CHILDREN, Route::Read),
    (OpCode::SYNC, Route::Sync),
    (OpCode::PING, Route::Read),
    (OpCode::GET_CHILDREN2, Route::Read),
    (OpCode::MULTI, Route::Write),
    (OpCode::CREATE2, Route::Write),
    (OpCode::RECONFIG, Route::Write),
    (OpCode::CHECK_WATCHES, Route::Read),
    (OpCode::REMOVE_WATCHES, Route::Read),
    (OpCode::CREATE_CONTAINER, Route::Write),
    (OpCode::CREATE_TTL, Route::Write),
    (OpCode::MULTI_READ, Route::Read),
    (OpCode::AUTH, Route::Auth),
    (OpCode::SET_WATCHES, Route::Read),
    (OpCode::SASL, Route::Sasl),
    (OpCode::GET_EPHEMERALS, Route::Read),
    (OpCode::GET_ALL_CHILDREN_NUMBER, Route::Read),
    (OpCode::SET_WATCHES2, Route::Read),
    (OpCode::ADD_WATCH, Route::Read),
    (OpCode::WHO_AM_I, Route::Read),
];

/// How a request of this operation is handled; `None` when it is not served.
pub fn route(opcode: OpCode) -> Option<Route> {
    let at = usize::try_from(opcode.0.checked_sub(SMALLEST)?).ok()?;
    ROUTES.get(at).copied().flatten()
}

const SMALLEST: i32 = OpCode::CLOSE_SESSION.0;

/// [`SERVED`] by number, from [`SMALLEST`] on: every request is looked up more than once.
const ROUTES: [Option<Route>; 128] = {
    let mut routes = [None; 128];
    let mut at = 0;
    while at < SERVED.len() {
        let (opcode, route) = SERVED[at];
        routes[(opcode.0 - SMALLEST) as usize] = Some(route);
        at += 1;
    }
    routes
};

/// What a read looks at.
pub(crate) struct Reading<'a> {
    pub tree: &'a Tree,
    pub watches: &'a Watches,
    pub conn: &'a Connection,
    pub config: &'a Config,
    /// Frames that go out before the reply.
    pub events: Vec<Bytes>,
}

impl<'a> Reading<'a> {
    fn node(&self, path: &str) -> Result<&'a Node, ErrorCode> {
        self.tree.get(path).ok_or(ErrorCode::NO_NODE)
    }

    fn check(&self, node: &Node, wanted: i32) -> Result<AclList, ErrorCode> {
        let list = self.tree.acl(node);
        if self.config.skip_acl || acl::allows(&list, wanted, &self.conn.ids) {
            Ok(list)
        } else {
            Err(ErrorCode::NO_AUTH)
        }
    }
}

/// Answers a read: appends the reply's body to `out`.
pub(crate) fn read(
    reading: &mut Reading<'_>,
    opcode: OpCode,
    body: &Bytes,
    out: &mut BytesMut,
) -> Result<(), ErrorCode> {
    match opcode {
        OpCode::PING => Ok(()),
        OpCode::EXISTS => exists::read(reading, &decode(body)?, out),
        OpCode::GET_DATA => get_data::read(reading, &decode(body)?, out),
        OpCode::GET_ACL => get_acl::read(reading, &decode(body)?, out),
        OpCode::GET_CHILDREN => get_children::read(reading, &decode(body)?, out),
        OpCode::GET_CHILDREN2 => get_children2::read(reading, &decode(body)?, out),
        OpCode::SET_WATCHES => set_watches::read(reading, &decode(body)?),
        OpCode::SET_WATCHES2 => set_watches::read2(reading, decode(body)?),
        OpCode::ADD_WATCH => add_watch::read(reading, &decode(body)?, out),
        OpCode::CHECK_WATCHES => check_watches::read(reading, &decode(body)?),
        OpCode::REMOVE_WATCHES => remove_watches::read(reading, &decode(body)?),
        OpCode::MULTI_READ => multi_read::read(reading, &decode(body)?, out),
        OpCode::GET_ALL_CHILDREN_NUMBER => get_all_children_number::read(reading, &decode(body)?, out),
        OpCode::GET_EPHEMERALS => {
            let session = reading.conn.session.unwrap_or_default();
            get_ephemerals::read(reading, session, &decode(body)?, out);
            Ok(())
        }
        OpCode::WHO_AM_I => {
            who_am_i::read(reading, out);
            Ok(())
        }
        _ => Err(ErrorCode::UNIMPLEMENTED),
    }
}

/// Checks a write and makes its transaction.
pub(crate) fn prep(prep: &mut Prep<'_>, opcode: OpCode, body: &Bytes) -> Result<TxnBody, ErrorCode> {
    match opcode {
        OpCode::CREATE | OpCode::CREATE2 => create::prep(prep, decode(body)?, create::Kind::Plain),
        OpCode::CREATE_CONTAINER => create_container::prep(prep, decode(body)?),
        OpCode::CREATE_TTL => create_ttl::prep(prep, decode(body)?),
        OpCode::DELETE => delete::prep(prep, decode(body)?),
        OpCode::SET_DATA => set_data::prep(prep, decode(body)?),
        OpCode::SET_ACL => set_acl::prep(prep, decode(body)?),
        OpCode::MULTI => multi::prep(prep, decode(body)?),
        OpCode::RECONFIG => reconfig::prep(prep, &decode(body)?),
        OpCode::CLOSE_SESSION => Ok(close_session::prep(prep)),
        _ => Err(ErrorCode::UNIMPLEMENTED),
    }
}

/// Whether the body of a write can be read at all.
pub(crate) fn is_readable(opcode: OpCode, body: &Bytes) -> bool {
    match opcode {
        OpCode::CREATE | OpCode::CREATE2 | OpCode::CREATE_CONTAINER => decode::<CreateRequest>(body).is_ok(),
        OpCode::CREATE_TTL => decode::<CreateTtlRequest>(body).is_ok(),
        OpCode::DELETE => decode::<DeleteRequest>(body).is_ok(),
        OpCode::SET_DATA => decode::<SetDataRequest>(body).is_ok(),
        OpCode::SET_ACL => decode::<SetAclRequest>(body).is_ok(),
        OpCode::MULTI => decode::<MultiRequest>(body).is_ok(),
        OpCode::RECONFIG => decode::<ReconfigRequest>(body).is_ok(),
        _ => true,
    }
}

/// A request's body.
///
/// # Errors
/// `MARSHALLINGERROR`.
pub(crate) fn decode<T: Jute>(body: &Bytes) -> Result<T, ErrorCode> {
    T::from_bytes(body.clone()).map_err(|_| ErrorCode::MARSHALLING_ERROR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_served_has_its_route_and_nothing_else_has_one() {
        for number in (i32::MIN..i32::MIN + 300).chain(-300..300).chain(i32::MAX - 300..=i32::MAX) {
            let served = SERVED.iter().find(|(opcode, _)| opcode.0 == number).map(|(_, route)| *route);
            assert_eq!(route(OpCode(number)), served, "{number}");
        }
    }
}
