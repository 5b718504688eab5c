//! Who changed what: one record for each write that a client asked for, and for each node that goes with its session
//! (upstream: `AuditHelper`). Only made when [`crate::Config::audit`] says so.

use core::fmt::{self, Write as _};
use core::net::IpAddr;

use bytes::Bytes;
use zk_wire::multi::{MultiOp, MultiRequest};
use zk_wire::txn::TxnBody;
use zk_wire::{
    Acl, CreateMode, CreateRequest, CreateTtlRequest, DeleteRequest, Id, Jute, OpCode, SessionId, SetAclRequest,
    SetDataRequest, perms,
};

use crate::commit::Pending;
use crate::connection::Connection;

/// A line of the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRecord {
    /// Whose request it was, or whose end.
    pub session: SessionId,
    /// Who the client is, separated by commas; `None` for the server itself.
    pub user: Option<String>,
    /// The client's address; `None` for the server itself.
    pub ip: Option<IpAddr>,
    /// Upstream's word for the operation.
    pub operation: &'static str,
    /// The node.
    pub znode: Option<String>,
    /// The kind of a node that is created.
    pub znode_type: Option<&'static str>,
    /// The new list of `setAcl`.
    pub acl: Option<String>,
    /// Whether it was done.
    pub success: bool,
}

impl AuditRecord {
    /// The line, `server_user` being who runs the server. Fields are separated by tabs; control characters in them, which
    /// would forge lines, are escaped.
    pub fn line(&self, server_user: &str) -> String {
        let mut line = Line(String::new());
        line.field("session", self.session);
        line.field("user", self.user.as_deref().unwrap_or(server_user));
        if let Some(ip) = self.ip {
            line.field("ip", ip);
        }
        line.field("operation", self.operation);
        let rest = [("znode", self.znode.as_deref()), ("znode_type", self.znode_type), ("acl", self.acl.as_deref())];
        for (key, value) in rest.into_iter().filter_map(|(key, value)| Some((key, value?))) {
            line.field(key, value);
        }
        line.field("result", if self.success { "success" } else { "failure" });
        line.0
    }
}

struct Line(String);

impl Line {
    fn field(&mut self, key: &str, value: impl fmt::Display) {
        let tab = if self.0.is_empty() { "" } else { "\t" };
        let _ = write!(self.0, "{tab}{key}=");
        for c in value.to_string().chars() {
            if c.is_control() {
                self.0.extend(c.escape_default());
            } else {
                self.0.push(c);
            }
        }
    }
}

/// What is kept of a request until its transaction is applied.
#[derive(Debug)]
pub(crate) struct AuditRequest {
    user: String,
    ip: IpAddr,
    body: Bytes,
}

impl AuditRequest {
    pub(crate) fn new(connection: &Connection, body: Bytes) -> Self {
        Self { user: users(&connection.ids), ip: connection.peer.to_canonical(), body }
    }
}

/// Names without passwords, those that were proved first.
fn users(ids: &[Id]) -> String {
    let name = |id: &Id| match &*id.scheme {
        "digest" => Some(id.id.split(':').next().unwrap_or_default().to_string()),
        "ip" => Some(id.id.to_string()),
        _ => None,
    };
    ids.iter().rev().filter_map(name).collect::<Vec<_>>().join(",")
}

/// The records of a transaction that is applied.
pub(crate) fn records(pending: &Pending) -> Vec<AuditRecord> {
    if let TxnBody::CloseSession(Some(txn)) = &pending.body {
        let paths = txn.paths_to_delete.iter().flatten();
        return paths.map(|path| went_with_its_session(pending.header.client_id, path)).collect();
    }
    let Some(request) = &pending.audit else { return Vec::new() };
    match &pending.body {
        TxnBody::Multi(parts) => of_multi(pending.header.client_id, request, parts),
        body => of_one(pending, request, !matches!(body, TxnBody::Error(_))).into_iter().collect(),
    }
}

/// The record of a node whose session ended.
pub(crate) fn went_with_its_session(session: SessionId, path: &str) -> AuditRecord {
    AuditRecord {
        session,
        user: None,
        ip: None,
        operation: "ephemeralZNodeDeletionOnSessionCloseOrExpire",
        znode: Some(path.to_string()),
        znode_type: None,
        acl: None,
        success: true,
    }
}

fn record(session: SessionId, request: &AuditRequest, operation: &'static str, success: bool) -> AuditRecord {
    let (user, ip) = (Some(request.user.clone()), Some(request.ip));
    AuditRecord { session, user, ip, operation, znode: None, znode_type: None, acl: None, success }
}

fn of_one(pending: &Pending, request: &AuditRequest, success: bool) -> Option<AuditRecord> {
    let new = |operation| record(pending.header.client_id, request, operation, success);
    let body = request.body.clone();
    // A node that was made has the name that it got; one that was not, the name that was asked for.
    let made = match &pending.body {
        TxnBody::Create(txn) => Some(txn.path.to_string()),
        TxnBody::CreateContainer(txn) => Some(txn.path.to_string()),
        TxnBody::CreateTtl(txn) => Some(txn.path.to_string()),
        _ => None,
    };
    match pending.op {
        OpCode::CREATE | OpCode::CREATE2 | OpCode::CREATE_CONTAINER => {
            let asked = CreateRequest::from_bytes(body).ok()?;
            let znode = Some(made.unwrap_or_else(|| asked.path.to_string()));
            Some(AuditRecord { znode, znode_type: kind(asked.flags), ..new("create") })
        }
        OpCode::CREATE_TTL => {
            let asked = CreateTtlRequest::from_bytes(body).ok()?;
            let znode = Some(made.unwrap_or_else(|| asked.path.to_string()));
            Some(AuditRecord { znode, znode_type: kind(asked.flags), ..new("create") })
        }
        OpCode::DELETE => {
            let znode = Some(DeleteRequest::from_bytes(body).ok()?.path.to_string());
            Some(AuditRecord { znode, ..new("delete") })
        }
        OpCode::SET_DATA => {
            let znode = Some(SetDataRequest::from_bytes(body).ok()?.path.to_string());
            Some(AuditRecord { znode, ..new("setData") })
        }
        OpCode::SET_ACL => {
            let asked = SetAclRequest::from_bytes(body).ok()?;
            let acl = Some(list(asked.acl.as_deref().unwrap_or_default()));
            Some(AuditRecord { znode: Some(asked.path.to_string()), acl, ..new("setAcl") })
        }
        OpCode::MULTI => Some(new("multiOperation")),
        OpCode::RECONFIG => Some(new("reconfig")),
        _ => None,
    }
}

/// One record for each part that did something; one for the whole when it failed.
fn of_multi(session: SessionId, request: &AuditRequest, parts: &[(OpCode, TxnBody)]) -> Vec<AuditRecord> {
    if parts.iter().any(|(_, body)| matches!(body, TxnBody::Error(_))) {
        return vec![record(session, request, "multiOperation", false)];
    }
    let asked = MultiRequest::from_bytes(request.body.clone()).map(|request| request.ops).unwrap_or_default();
    let part = |((_, body), asked): (&(OpCode, TxnBody), &MultiOp)| {
        let (operation, path) = match body {
            TxnBody::Create(txn) => ("create", &txn.path),
            TxnBody::CreateContainer(txn) => ("create", &txn.path),
            TxnBody::CreateTtl(txn) => ("create", &txn.path),
            TxnBody::Delete(txn) => ("delete", &txn.path),
            TxnBody::SetData(txn) => ("setData", &txn.path),
            _ => return None,
        };
        let znode_type = match asked {
            MultiOp::Create(create) | MultiOp::Create2(create) | MultiOp::CreateContainer(create) => kind(create.flags),
            MultiOp::CreateTtl(create) => kind(create.flags),
            _ => None,
        };
        Some(AuditRecord { znode: Some(path.to_string()), znode_type, ..record(session, request, operation, true) })
    };
    parts.iter().zip(&asked).filter_map(part).collect()
}

fn kind(flags: i32) -> Option<&'static str> {
    Some(match CreateMode::from_flags(flags)? {
        CreateMode::Persistent => "persistent",
        CreateMode::Ephemeral => "ephemeral",
        CreateMode::PersistentSequential => "persistent_sequential",
        CreateMode::EphemeralSequential => "ephemeral_sequential",
        CreateMode::Container => "container",
        CreateMode::PersistentWithTtl => "persistent_with_ttl",
        CreateMode::PersistentSequentialWithTtl => "persistent_sequential_with_ttl",
    })
}

/// As upstream writes it: entries follow each other without a separator.
fn list(acl: &[Acl]) -> String {
    let letters =
        [(perms::CREATE, 'c'), (perms::DELETE, 'd'), (perms::READ, 'r'), (perms::WRITE, 'w'), (perms::ADMIN, 'a')];
    let entry = |acl: &Acl| {
        let perms: String = letters.iter().filter(|(bit, _)| acl.perms & bit != 0).map(|(_, letter)| letter).collect();
        format!("{}:{}:{perms}", acl.id.scheme, acl.id.id)
    };
    acl.iter().map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_upstreams_and_cannot_be_forged() {
        let ip = [127, 0, 0, 1].into();
        let set_acl = AuditRecord {
            session: SessionId(0x0100_0045_05a0_0000),
            user: Some("bob,127.0.0.1".into()),
            ip: Some(ip),
            operation: "setAcl",
            znode: Some("/a".into()),
            znode_type: None,
            acl: Some("world:anyone:cdrwa".into()),
            success: true,
        };
        let expected = "session=0x100004505a00000\tuser=bob,127.0.0.1\tip=127.0.0.1\toperation=setAcl\tznode=/a\
                        \tacl=world:anyone:cdrwa\tresult=success";
        assert_eq!(set_acl.line("root"), expected);
        let gone = went_with_its_session(SessionId(1), "/e");
        let expected =
            "session=0x1\tuser=root\toperation=ephemeralZNodeDeletionOnSessionCloseOrExpire\tznode=/e\tresult=success";
        assert_eq!(gone.line("root"), expected);
        let forged = AuditRecord { user: Some("a\tresult=success\nsession=0x2".into()), success: false, ..gone };
        assert!(forged.line("root").contains("user=a\\tresult=success\\nsession=0x2\t"));
    }

    #[test]
    fn who_is_named_and_lists_are_written() {
        let id = |scheme: &str, id: &str| Id { scheme: scheme.into(), id: id.into() };
        assert_eq!(users(&[id("ip", "10.0.0.1"), id("super", ""), id("digest", "bob:hash=")]), "bob,10.0.0.1");
        let entry = |perms, scheme: &str, name: &str| Acl { perms, id: id(scheme, name) };
        assert_eq!(list(&[entry(31, "world", "anyone"), entry(1, "ip", "::1")]), "world:anyone:cdrwaip:::1:r");
    }
}
