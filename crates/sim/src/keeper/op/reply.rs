//! Replies from bytes.

use base::{DecodeError, Reader, Str};
use bytes::Bytes;
use zk_wire::{Jute, OpCode, SessionId, Zxid};

use super::{Acl, CreateKind, MultiOp, Op, OpResult, StatView};

impl Op {
    /// Reads the reply's body.
    ///
    /// # Errors
    /// Bytes that are no such reply.
    pub fn read_reply(&self, err: i32, body: Bytes) -> Result<OpResult, DecodeError> {
        if err != 0 {
            return Ok(OpResult::Error(err));
        }
        let mut r = Reader::new(body);
        let result = self.read_body(&mut r)?;
        if r.is_empty() { Ok(result) } else { Err(DecodeError::Invalid("bytes behind the reply")) }
    }

    fn read_body(&self, r: &mut Reader) -> Result<OpResult, DecodeError> {
        Ok(match self {
            Self::Create { kind, .. } => {
                let path = string(r)?;
                OpResult::Created { path, stat: (*kind != CreateKind::Plain).then(|| stat(r)).transpose()? }
            }
            Self::SetData { .. } | Self::SetAcl { .. } | Self::Exists { .. } => OpResult::Stat(stat(r)?),
            Self::GetData { .. } => {
                let data = Option::<Bytes>::decode(r)?.map(|bytes| bytes.to_vec());
                OpResult::Data { data, stat: stat(r)? }
            }
            Self::GetChildren { with_stat, .. } => {
                OpResult::Children { names: sorted(r)?, stat: with_stat.then(|| stat(r)).transpose()? }
            }
            Self::GetAcl { .. } => {
                let acl = Option::<Vec<zk_wire::Acl>>::decode(r)?.unwrap_or_default();
                let plain = |entry: &zk_wire::Acl| Acl {
                    perms: entry.perms as u8,
                    scheme: entry.id.scheme.to_string(),
                    id: entry.id.id.to_string(),
                };
                OpResult::Acl { acl: acl.iter().map(plain).collect(), stat: stat(r)? }
            }
            Self::GetEphemerals { .. } => OpResult::Paths(sorted(r)?),
            Self::GetAllChildrenNumber { .. } => OpResult::Number(r.i32()?),
            Self::WhoAmI => {
                let all = zk_wire::WhoAmIResponse::decode(r)?.client_info.unwrap_or_default();
                let plain = |info: &zk_wire::ClientInfo| (info.auth_scheme.to_string(), info.user.to_string());
                OpResult::Identities(all.iter().map(plain).collect())
            }
            Self::Sync { .. } => OpResult::Synced { path: string(r)? },
            Self::Multi(ops) | Self::MultiRead(ops) => OpResult::Multi(read_parts(ops, r)?),
            Self::AddWatch { .. } => {
                // The only operation without a result whose reply has a body: an error that is none.
                if r.i32()? != 0 {
                    return Err(DecodeError::Invalid("addWatch: success and an error"));
                }
                OpResult::Done
            }
            Self::Sasl => {
                zk_wire::SetSaslResponse::decode(r)?;
                OpResult::Done
            }
            Self::Delete { .. }
            | Self::Check { .. }
            | Self::Reconfig
            | Self::Ping
            | Self::Auth { .. }
            | Self::AuthOfNobody
            | Self::RemoveWatches { .. }
            | Self::CheckWatches { .. }
            | Self::SetWatches(_)
            | Self::CloseSession
            | Self::Unserved(_) => OpResult::Done,
        })
    }

    /// What the result of this part of a multi calls itself.
    fn result_opcode(&self) -> OpCode {
        match self.opcode() {
            OpCode::CREATE_CONTAINER | OpCode::CREATE_TTL => OpCode::CREATE2,
            opcode => opcode,
        }
    }
}

fn read_parts(ops: &[MultiOp], r: &mut Reader) -> Result<Vec<OpResult>, DecodeError> {
    let mut results = Vec::new();
    loop {
        let header = zk_wire::MultiHeader::decode(r)?;
        if header.done {
            return Ok(results);
        }
        let result = if header.opcode == OpCode::ERROR.0 {
            OpResult::Error(r.i32()?)
        } else {
            let MultiOp(op) = ops.get(results.len()).ok_or(DecodeError::Invalid("multi: more results than parts"))?;
            if header.opcode != op.result_opcode().0 {
                return Err(DecodeError::Invalid("multi: a result of another kind than its part"));
            }
            op.read_body(r)?
        };
        results.push(result);
    }
}

fn string(r: &mut Reader) -> Result<String, DecodeError> {
    Ok(Str::decode(r)?.to_string())
}

fn sorted(r: &mut Reader) -> Result<Vec<String>, DecodeError> {
    let all = Option::<Vec<Str>>::decode(r)?.unwrap_or_default();
    let mut all: Vec<String> = all.iter().map(ToString::to_string).collect();
    all.sort();
    Ok(all)
}

fn stat(r: &mut Reader) -> Result<StatView, DecodeError> {
    let stat = zk_wire::Stat::decode(r)?;
    let (Zxid(czxid), Zxid(mzxid), Zxid(pzxid)) = (stat.czxid, stat.mzxid, stat.pzxid);
    let SessionId(owner) = stat.ephemeral_owner;
    Ok(StatView {
        czxid,
        mzxid,
        ctime: stat.ctime,
        mtime: stat.mtime,
        version: stat.version,
        cversion: stat.cversion,
        aversion: stat.aversion,
        owner,
        data_len: stat.data_length,
        children: stat.num_children,
        pzxid,
    })
}
