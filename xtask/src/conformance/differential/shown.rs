//! Replies as text that is equal when the servers agree: zxids count from the server's start, sessions have the number
//! in which they were made, times are left out but for being zero, children are sorted.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base::{DecodeError, Reader};
use bytes::Bytes;
use zk_wire::multi::{MultiResponse, MultiResult};
use zk_wire::{ConnectResponse, ErrorCode, Jute, OpCode, ReplyHeader, SessionId, Stat, WatcherEvent, Zxid};
use zk_wire::{Create2Response, GetAclResponse, GetChildren2Response, GetChildrenResponse, GetDataResponse};

/// The names that one server's numbers get.
#[derive(Default)]
pub struct Names {
    sessions: BTreeMap<i64, usize>,
    /// From a zxid on, by how much the server is ahead of the other one: so that a difference is told of once.
    ahead: Vec<(i64, i64)>,
}

/// A reply, as far as the generator learns from it.
#[derive(Clone, Debug, Default)]
pub struct Learned {
    /// The header's.
    pub err: i32,
    /// The header's.
    pub zxid: i64,
    /// Of a create.
    pub created: Option<String>,
    /// Of the node asked about.
    pub stat: Option<Stat>,
    /// Of getChildren.
    pub children: Vec<String>,
    /// Of a multi, in order.
    pub parts: Vec<Learned>,
}

impl Names {
    /// A session was made or resumed.
    pub fn session(&mut self, id: SessionId) -> usize {
        let next = self.sessions.len();
        *self.sessions.entry(id.0).or_insert(next)
    }

    /// A zxid in the other server's count.
    pub fn zxid(&self, zxid: Zxid) -> i64 {
        zxid.0 - self.ahead.iter().rev().find(|(from, _)| *from <= zxid.0).map_or(0, |(_, ahead)| *ahead)
    }

    /// The servers differ: this one said `own` where the other one said `other`.
    pub fn correct(&mut self, own: i64, other: i64) {
        if own > 0 && other > 0 && self.zxid(Zxid(own)) != other {
            self.ahead.push((own, own - other));
        }
    }

    fn owner(&self, owner: i64) -> String {
        match self.sessions.get(&owner) {
            Some(number) => format!("session {number}"),
            None => format!("{owner:#x}"),
        }
    }

    fn stat(&self, stat: &Stat) -> String {
        let zxid = |zxid| self.zxid(zxid);
        format!(
            "c{} m{} p{} v{}/{}/{} owner {} len {} children {} times {}{}",
            zxid(stat.czxid),
            zxid(stat.mzxid),
            zxid(stat.pzxid),
            stat.version,
            stat.cversion,
            stat.aversion,
            self.owner(stat.ephemeral_owner.0),
            stat.data_length,
            stat.num_children,
            u8::from(stat.ctime != 0),
            u8::from(stat.mtime != 0),
        )
    }

    /// A watch event, and its zxid.
    pub fn event(&self, frame: &[u8]) -> (i64, String) {
        let mut r = Reader::new(Bytes::copy_from_slice(frame));
        let parsed = (ReplyHeader::decode(&mut r), WatcherEvent::decode(&mut r));
        let (Ok(header), Ok(event)) = parsed else { return (0, format!("event {}", hex(frame))) };
        let WatcherEvent { event_type, state, path } = event;
        let (zxid, err) = (self.zxid(header.zxid), header.err);
        (zxid, format!("event zxid {zxid} err {err} type {event_type} state {state} {path:?}{}", rest(r)))
    }

    /// A connect response, and the session in it.
    pub fn connected(&mut self, frame: &[u8]) -> (String, Option<ConnectResponse>) {
        let Ok(response) = ConnectResponse::from_bytes(Bytes::copy_from_slice(frame)) else {
            return (format!("connect response {}", hex(frame)), None);
        };
        let session = if response.session == SessionId::NONE { None } else { Some(self.session(response.session)) };
        let own = Bytes::copy_from_slice(&response.session.password());
        let passwd = match &response.passwd.0 {
            Some(bytes) if bytes.iter().all(|byte| *byte == 0) => format!("{} zeros", bytes.len()),
            Some(bytes) if *bytes == own => "the session's".to_owned(),
            other => format!("{other:?}"),
        };
        let text = format!(
            "connected protocol {} timeout {} session {session:?} password {passwd} read-only {:?}",
            response.protocol_version, response.timeout_ms, response.read_only
        );
        (text, Some(response))
    }

    /// The reply to a request of `opcode`.
    pub fn reply(&self, opcode: i32, frame: &[u8]) -> (String, Learned) {
        let mut r = Reader::new(Bytes::copy_from_slice(frame));
        let Ok(header) = ReplyHeader::decode(&mut r) else {
            return (format!("reply {}", hex(frame)), Learned::default());
        };
        let mut learned = Learned { err: header.err, zxid: header.zxid.0, ..Learned::default() };
        let mut text = format!("xid {} zxid {} {}", header.xid, self.zxid(header.zxid), ErrorCode(header.err));
        if header.err == 0 {
            let whole = r.peek().to_vec();
            match self.body(OpCode(opcode), &mut r, &mut learned) {
                Ok(body) => text += &body,
                Err(_) => return (format!("{text} body {}", hex(&whole)), learned),
            }
        }
        (text + &rest(r), learned)
    }

    fn body(&self, opcode: OpCode, r: &mut Reader, learned: &mut Learned) -> Result<String, DecodeError> {
        let mut text = String::new();
        match opcode {
            OpCode::CREATE => {
                let path = Option::<base::Str>::decode(r)?;
                text = format!(" path {path:?}");
                learned.created = path.map(|path| path.to_string());
            }
            OpCode::CREATE2 | OpCode::CREATE_CONTAINER | OpCode::CREATE_TTL => {
                let Create2Response { path, stat } = Jute::decode(r)?;
                text = format!(" path {path:?} {}", self.stat(&stat));
                learned.created = Some(path.to_string());
                learned.stat = Some(stat);
            }
            OpCode::EXISTS | OpCode::SET_DATA | OpCode::SET_ACL => {
                let stat = Stat::decode(r)?;
                text = format!(" {}", self.stat(&stat));
                learned.stat = Some(stat);
            }
            OpCode::GET_DATA => {
                let GetDataResponse { data, stat } = Jute::decode(r)?;
                text = format!(" data {} {}", data.map_or("null".into(), |data| hex(&data)), self.stat(&stat));
                learned.stat = Some(stat);
            }
            OpCode::GET_ACL => {
                let GetAclResponse { acl, stat } = Jute::decode(r)?;
                // What stands for `auth` comes out of a hash set, in its order.
                let mut entries: Vec<String> = acl.iter().flatten().map(|entry| format!("{entry:?}")).collect();
                entries.sort();
                text = format!(" {entries:?} {}", self.stat(&stat));
                learned.stat = Some(stat);
            }
            OpCode::GET_CHILDREN | OpCode::GET_EPHEMERALS => {
                text = children(GetChildrenResponse::decode(r)?.children);
            }
            OpCode::WHO_AM_I => {
                let infos = zk_wire::WhoAmIResponse::decode(r)?.client_info;
                let mut infos: Vec<String> = infos.iter().flatten().map(|info| format!("{info:?}")).collect();
                infos.sort();
                text = format!(" {infos:?}");
            }
            OpCode::GET_CHILDREN2 => {
                let GetChildren2Response { children: names, stat } = Jute::decode(r)?;
                learned.children = names.iter().flatten().map(ToString::to_string).collect();
                text = format!("{} {}", children(names), self.stat(&stat));
                learned.stat = Some(stat);
            }
            OpCode::MULTI | OpCode::MULTI_READ => {
                for result in MultiResponse::decode(r)?.results {
                    let (part, known) = self.part(result);
                    let _ = write!(text, " [{part}]");
                    learned.parts.push(known);
                }
            }
            // Of the rest few have a body, and none has a number that differs between servers.
            _ => text = format!(" body {}", hex(&r.rest())),
        }
        Ok(text)
    }

    fn part(&self, result: MultiResult) -> (String, Learned) {
        let mut learned = Learned::default();
        let text = match result {
            MultiResult::Create { path } => {
                learned.created = Some(path.to_string());
                format!("create {path:?}")
            }
            MultiResult::Create2 { path, stat } => {
                learned.created = Some(path.to_string());
                format!("create2 {path:?} {}", self.stat(&stat))
            }
            MultiResult::Delete => "delete".into(),
            MultiResult::SetData(stat) => format!("setData {}", self.stat(&stat)),
            MultiResult::Check => "check".into(),
            MultiResult::GetChildren(names) => format!("getChildren{}", children(names)),
            MultiResult::GetData { data, stat } => {
                format!("getData {} {}", data.map_or("null".into(), |data| hex(&data)), self.stat(&stat))
            }
            MultiResult::Error(code) => {
                learned.err = code.0;
                format!("{code}")
            }
        };
        (text, learned)
    }
}

fn children(names: Option<Vec<base::Str>>) -> String {
    let Some(mut names) = names else { return " children null".into() };
    names.sort();
    format!(" children {names:?}")
}

/// Bytes behind what was understood.
fn rest(mut r: Reader) -> String {
    if r.is_empty() { String::new() } else { format!(" and {}", hex(&r.rest())) }
}

/// Bytes as text, shortened with their checksum.
pub fn hex(bytes: &[u8]) -> String {
    const SHOWN: usize = 48;
    let shown: String = bytes.iter().take(SHOWN).flat_map(|byte| byte.escape_ascii()).map(char::from).collect();
    if bytes.len() <= SHOWN {
        return format!("\"{shown}\"");
    }
    format!("\"{shown}\"... {} bytes, CRC {:08x}", bytes.len(), base::checksum::crc32(bytes))
}
