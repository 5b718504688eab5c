//! Requests as bytes.

use base::Str;
use bytes::{Bytes, BytesMut};
use zk_wire::{Jute, Zxid};

use super::{Acl, CreateKind, Left, MultiOp, Op};

impl Op {
    /// The request's frame, without its length.
    pub fn frame(&self, counter: i32) -> Bytes {
        let mut out = BytesMut::new();
        zk_wire::RequestHeader { xid: self.wire_xid(counter), opcode: self.opcode().0 }.encode(&mut out);
        self.put_body(&mut out);
        out.freeze()
    }

    fn put_body(&self, out: &mut BytesMut) {
        match self {
            Self::Create { path, data, acl, flags, kind } => put_create(path, data, acl, *flags, *kind, out),
            Self::Delete { path, version } => {
                zk_wire::DeleteRequest { path: text(path), version: *version }.encode(out);
            }
            Self::SetData { path, data, version } => {
                zk_wire::SetDataRequest { path: text(path), data: buffer(data), version: *version }.encode(out);
            }
            Self::SetAcl { path, acl, version } => {
                zk_wire::SetAclRequest { path: text(path), acl: wire_acl(acl), version: *version }.encode(out);
            }
            Self::Check { path, version } => {
                zk_wire::CheckVersionRequest { path: text(path), version: *version }.encode(out);
            }
            Self::Multi(ops) | Self::MultiRead(ops) => put_parts(ops, out),
            Self::Reconfig => {
                let nothing = || Some(text(""));
                let record = zk_wire::ReconfigRequest {
                    joining_servers: nothing(),
                    leaving_servers: nothing(),
                    new_members: nothing(),
                    cur_config_id: -1,
                };
                record.encode(out);
            }
            Self::Exists { path, watch } | Self::GetData { path, watch } | Self::GetChildren { path, watch, .. } => {
                // The three requests have one layout.
                zk_wire::GetDataRequest { path: text(path), watch: *watch }.encode(out);
            }
            Self::GetAcl { path }
            | Self::Sync { path }
            | Self::GetAllChildrenNumber { path }
            | Self::GetEphemerals { prefix: path } => {
                // A path and nothing else.
                zk_wire::SyncRequest { path: text(path) }.encode(out);
            }
            Self::Auth { user } => {
                let auth = Bytes::from_static(user.secret.as_bytes()).into();
                zk_wire::AuthPacket { auth_type: 0, scheme: text("digest"), auth }.encode(out);
            }
            Self::AuthOfNobody => {
                let auth = Bytes::from_static(b"nobody").into();
                zk_wire::AuthPacket { auth_type: 0, scheme: text("nobody"), auth }.encode(out);
            }
            Self::Sasl => zk_wire::GetSaslRequest { token: Bytes::from_static(b"token").into() }.encode(out),
            Self::AddWatch { path, recursive } => {
                zk_wire::AddWatchRequest { path: text(path), mode: i32::from(*recursive) }.encode(out);
            }
            Self::RemoveWatches { path, kind } | Self::CheckWatches { path, kind } => {
                zk_wire::CheckWatchesRequest { path: text(path), watcher_type: *kind as i32 }.encode(out);
            }
            Self::SetWatches(left) => put_left(left, out),
            Self::WhoAmI | Self::Ping | Self::CloseSession | Self::Unserved(_) => {}
        }
    }
}

fn put_create(path: &str, data: &Option<Vec<u8>>, acl: &[Acl], flags: i32, kind: CreateKind, out: &mut BytesMut) {
    let (path, data, acl) = (text(path), buffer(data), wire_acl(acl));
    match kind {
        CreateKind::Ttl(ttl_ms) => zk_wire::CreateTtlRequest { path, data, acl, flags, ttl_ms }.encode(out),
        _ => zk_wire::CreateRequest { path, data, acl, flags }.encode(out),
    }
}

fn put_parts(ops: &[MultiOp], out: &mut BytesMut) {
    for MultiOp(op) in ops {
        zk_wire::MultiHeader { opcode: op.opcode().0, done: false, err: -1 }.encode(out);
        op.put_body(out);
    }
    zk_wire::MultiHeader { opcode: -1, done: true, err: -1 }.encode(out);
}

fn put_left(left: &Left, out: &mut BytesMut) {
    let list = |paths: &[String]| Some(paths.iter().map(|path| text(path)).collect());
    let Left { relative_zxid, data, exist, child, persistent, recursive } = left;
    let relative_zxid = Zxid(*relative_zxid);
    let (data_watches, exist_watches, child_watches) = (list(data), list(exist), list(child));
    if left.persists() {
        let record = zk_wire::SetWatches2 {
            relative_zxid,
            data_watches,
            exist_watches,
            child_watches,
            persistent_watches: list(persistent),
            persistent_recursive_watches: list(recursive),
        };
        record.encode(out);
    } else {
        zk_wire::SetWatches { relative_zxid, data_watches, exist_watches, child_watches }.encode(out);
    }
}

fn text(s: &str) -> Str {
    Str::from(s)
}

fn buffer(data: &Option<Vec<u8>>) -> Option<Bytes> {
    data.as_ref().map(|bytes| Bytes::copy_from_slice(bytes))
}

fn wire_acl(acl: &[Acl]) -> Option<Vec<zk_wire::Acl>> {
    let wire = |entry: &Acl| zk_wire::Acl {
        perms: entry.perms.into(),
        id: zk_wire::Id { scheme: text(&entry.scheme), id: text(&entry.id) },
    };
    Some(acl.iter().map(wire).collect())
}
