//! What a read of the tree as it is now must answer.

use super::access::{ADDRESS, allowed, masked, perm};
use super::{Caller, Model};
use crate::keeper::op::{MultiOp, Op, OpResult, code};

impl Model {
    /// The answer.
    pub fn read(&self, caller: Caller<'_>, op: &Op) -> OpResult {
        self.try_read(caller, op).unwrap_or_else(OpResult::Error)
    }

    fn try_read(&self, caller: Caller<'_>, op: &Op) -> Result<OpResult, i32> {
        let find = |path: &String| self.node(path).ok_or(code::NO_NODE);
        let readable = |path: &String| {
            let node = find(path)?;
            allowed(caller, node, perm::READ).map(|()| node)
        };
        Ok(match op {
            Op::Exists { path, .. } => OpResult::Stat(readable(path)?.stat()),
            Op::GetData { path, .. } => {
                let node = readable(path)?;
                OpResult::Data { data: node.data.clone(), stat: node.stat() }
            }
            Op::GetChildren { path, with_stat, .. } => {
                let node = readable(path)?;
                let names = node.children.iter().cloned().collect();
                OpResult::Children { names, stat: with_stat.then(|| node.stat()) }
            }
            Op::GetAcl { path } => {
                let node = find(path)?;
                allowed(caller, node, perm::READ | perm::ADMIN)?;
                let all = allowed(caller, node, perm::ADMIN).is_ok();
                OpResult::Acl { acl: if all { node.acl.clone() } else { masked(&node.acl) }, stat: node.stat() }
            }
            Op::MultiRead(parts) => {
                OpResult::Multi(parts.iter().map(|MultiOp(part)| self.read(caller, part)).collect())
            }
            Op::GetAllChildrenNumber { path } => {
                readable(path)?;
                let prefix = if path == "/" { "/".to_string() } else { format!("{path}/") };
                let below = self.nodes().filter(|(other, _)| other.len() > prefix.len() && other.starts_with(&prefix));
                OpResult::Number(below.count() as i32)
            }
            Op::GetEphemerals { prefix } => {
                let prefix = if prefix == "/" { "" } else { prefix };
                let owned = self.owned(caller.session).filter(|path| path.starts_with(prefix));
                OpResult::Paths(owned.cloned().collect())
            }
            Op::WhoAmI => {
                let mut all = vec![("ip".to_string(), ADDRESS.to_string())];
                let name = |id: &str| id.split(':').next().unwrap_or_default().to_string();
                all.extend(caller.users.iter().map(|user| ("digest".to_string(), name(user.id))));
                OpResult::Identities(all)
            }
            Op::Sync { path } => OpResult::Synced { path: path.clone() },
            Op::Ping | Op::AddWatch { .. } => OpResult::Done,
            other => unreachable!("{other:?} is no read of the tree"),
        })
    }
}
