//! Walks the finished history in zxid order beside the model and asks every check.

use std::collections::{BTreeMap, BTreeSet};

use base::{Reader, Str};
use zk_wire::{Jute, OpCode};

use super::history::{History, OpId, Seen};
use super::log_tail::LoggedTxn;
use super::model::{Caller, Change, Manager, Model, Trigger};
use super::op::{Op, OpResult, USERS, code};
use crate::check::watches::{self, Changes, Fired, Resumed};
use crate::check::{
    Checked, acknowledged_writes_survive, digest_matches, ephemerals_follow_sessions, once_and_in_order,
    replies_match_model, session_lifetime, zxids_ascend,
};

struct Walk<'a> {
    history: &'a History,
    model: Model,
    /// Requests by session and xid.
    requests: BTreeMap<(i64, i32), OpId>,
    executed: Vec<bool>,
    /// Last executed xid of each session.
    last_xid: BTreeMap<i64, i32>,
    /// Answered reads by the zxid of their reply.
    reads: BTreeMap<i64, Vec<OpId>>,
    changes: Changes,
    resumed: BTreeMap<OpId, Resumed>,
    user: Vec<String>,
    /// Sessions that are closed some time, which may be refused as soon as that begins.
    closed: BTreeSet<i64>,
}

/// Checks a whole run; gives the model's tree after it.
///
/// # Errors
/// The first property that does not hold.
pub fn verify(history: &History, txns: &[LoggedTxn]) -> Result<Model, crate::check::Violation> {
    let mut walk = Walk::new(history, txns);
    walk.reads_at(0)?;
    let mut last = 0;
    for txn in txns {
        zxids_ascend::in_log(last, txn.zxid)?;
        last = txn.zxid;
        walk.txn(txn)?;
        digest_matches::of_txn(txn.zxid, txn.digest(), walk.model.digest())?;
        walk.reads_at(txn.zxid)?;
    }
    for id in walk.reads.values().flatten() {
        replies_match_model::zxid_exists(false, &history.ops[*id])?;
    }
    for (record, executed) in history.ops.iter().zip(&walk.executed) {
        let acknowledged = record.op.is_write() && record.reply.is_some();
        acknowledged_writes_survive::found(!acknowledged || *executed, || format!("{record:?}"))?;
    }
    for client in 0..history.seen.len() {
        watches::of_client(client, history, &walk.changes, &walk.resumed)?;
    }
    Ok(walk.model)
}

impl<'a> Walk<'a> {
    fn new(history: &'a History, txns: &[LoggedTxn]) -> Self {
        let mut requests = BTreeMap::new();
        let mut reads: BTreeMap<i64, Vec<OpId>> = BTreeMap::new();
        for (id, record) in history.ops.iter().enumerate() {
            if record.op.is_write() {
                requests.insert((record.session, record.xid), id);
            } else if let Some(reply) = &record.reply
                && !matches!(record.op, Op::Ping | Op::Auth { .. })
            {
                reads.entry(reply.zxid).or_default().push(id);
            }
        }
        Self {
            history,
            model: Model::new(),
            requests,
            executed: vec![false; history.ops.len()],
            last_xid: BTreeMap::new(),
            reads,
            changes: Changes::default(),
            resumed: BTreeMap::new(),
            user: vec![USERS[0].id.to_string()],
            closed: txns.iter().filter(|txn| txn.opcode == OpCode::CLOSE_SESSION.0).map(|txn| txn.session).collect(),
        }
    }

    fn txn(&mut self, txn: &LoggedTxn) -> Checked {
        match OpCode(txn.opcode) {
            OpCode::CREATE_SESSION => {
                session_lifetime::created_once(txn.zxid, txn.session, self.model.has_session(txn.session))?;
                self.model.create_session(txn.zxid, txn.session);
                Ok(())
            }
            OpCode::CLOSE_SESSION => self.close_session(txn),
            _ => self.request(txn),
        }
    }

    fn close_session(&mut self, txn: &LoggedTxn) -> Checked {
        // The server closes expired sessions without a request; a client's closeSession has its xid.
        if let Some(id) = self.requests.get(&(txn.session, txn.cxid)).copied() {
            once_and_in_order::of_txn(txn.zxid, self.history.ops.get(id), self.executed[id], 0)?;
            self.executed[id] = true;
            replies_match_model::of_write(txn.zxid, &self.history.ops[id], &OpResult::Done)?;
        }
        let acls = self.readable_acls(txn.session);
        let (owned, triggers) = self.model.close_session(txn.zxid, txn.session);
        let listed = Option::<Vec<Str>>::decode(&mut Reader::new(txn.body())).ok().flatten().unwrap_or_default();
        let listed: BTreeSet<String> = listed.iter().map(ToString::to_string).collect();
        ephemerals_follow_sessions::close_lists_all(txn.session, &listed, &owned)?;
        self.note(txn.zxid, triggers, &acls);
        Ok(())
    }

    fn request(&mut self, txn: &LoggedTxn) -> Checked {
        let history = self.history;
        let id = self.requests.get(&(txn.session, txn.cxid)).copied();
        let record = id.map(|id| &history.ops[id]);
        let last_xid = self.last_xid.insert(txn.session, txn.cxid).unwrap_or(0);
        once_and_in_order::of_txn(txn.zxid, record, id.is_some_and(|id| self.executed[id]), last_xid)?;
        let (id, record) = (id.expect("checked"), record.expect("checked"));
        self.executed[id] = true;
        let logged_error = (txn.opcode == OpCode::ERROR.0).then(|| Reader::new(txn.body()).i32().unwrap_or(code::OK));
        let open = self.model.has_session(txn.session);
        session_lifetime::used_while_open(txn.zxid, txn.session, open, logged_error.is_none())?;
        let digests = if record.authenticated { &self.user[..] } else { &[] };
        let caller = Caller { session: txn.session, digests };
        let expected = if open {
            let acls = self.acls_of(&record.op);
            let (expected, triggers) = self.model.write(txn.zxid, txn.time_ms, caller, &record.op);
            self.note(txn.zxid, triggers, &acls);
            expected
        } else {
            self.model.zxid = txn.zxid;
            OpResult::Error(code::SESSION_EXPIRED)
        };
        replies_match_model::of_log(txn.zxid, record, logged_error, &expected)?;
        replies_match_model::of_write(txn.zxid, record, &expected)
    }

    /// Who may read the nodes that a request may delete, before it does.
    fn acls_of(&self, op: &Op) -> BTreeMap<String, (bool, bool)> {
        let mut acls = BTreeMap::new();
        let mut note = |op: &Op| {
            if let Op::Delete { path, .. } = op {
                acls.insert(path.clone(), self.readable(path));
            }
        };
        match op {
            Op::Multi(ops) => ops.iter().for_each(|part| note(&part.0)),
            single => note(single),
        }
        acls
    }

    fn readable_acls(&self, session: i64) -> BTreeMap<String, (bool, bool)> {
        let owned = self.model.nodes().filter(|(_, node)| node.owner == session);
        owned.map(|(path, _)| (path.clone(), self.readable(path))).collect()
    }

    /// READ for everybody, READ for the workload's user. A node that is not there hides nothing.
    fn readable(&self, path: &str) -> (bool, bool) {
        let Some(node) = self.model.node(path) else { return (true, true) };
        let grants = |scheme: &str, id: &str| {
            node.acl.iter().any(|entry| entry.perms & 1 != 0 && entry.scheme == scheme && entry.id == id)
        };
        let world = grants("world", "anyone");
        (world, world || grants("digest", USERS[0].id))
    }

    fn note(&mut self, zxid: i64, triggers: Vec<Trigger>, deleted: &BTreeMap<String, (bool, bool)>) {
        for (manager, path, change) in triggers {
            let before = deleted.get(&path).copied().filter(|_| change == Change::Deleted);
            let (world_readable, user_readable) = before.unwrap_or_else(|| self.readable(&path));
            self.changes.push(manager, &path, Fired { zxid, change, world_readable, user_readable });
        }
    }

    /// The reads that were answered from the tree as it is now.
    fn reads_at(&mut self, zxid: i64) -> Checked {
        for id in self.reads.remove(&zxid).unwrap_or_default() {
            let record = &self.history.ops[id];
            let digests = if record.authenticated { &self.user[..] } else { &[] };
            let caller = Caller { session: record.session, digests };
            let refused =
                record.reply.as_ref().is_some_and(|reply| reply.result == OpResult::Error(code::SESSION_EXPIRED));
            let expected = match &record.op {
                _ if refused && self.closed.contains(&record.session) => continue,
                Op::SetWatches { relative_zxid, data, exist, child } => {
                    self.resumed.insert(id, self.resume(*relative_zxid, data, exist, child));
                    OpResult::Done
                }
                read => self.model.read(caller, read),
            };
            replies_match_model::of_read(record, &expected)?;
        }
        Ok(())
    }

    fn resume(&self, since: i64, data: &[String], exist: &[String], child: &[String]) -> Resumed {
        let mut resumed = Resumed::default();
        let mut decide = |manager: Manager, path: &String, change: Option<Change>| match change {
            Some(change) => drop(resumed.events.insert((change, path.clone()))),
            None => drop(resumed.left.insert((manager, path.clone()))),
        };
        for path in data {
            let change = match self.model.node(path) {
                None => Some(Change::Deleted),
                Some(node) => (node.mzxid > since).then_some(Change::DataChanged),
            };
            decide(Manager::Data, path, change);
        }
        for path in exist {
            decide(Manager::Data, path, self.model.node(path).map(|_| Change::Created));
        }
        for path in child {
            let change = match self.model.node(path) {
                None => Some(Change::Deleted),
                Some(node) => (node.pzxid > since).then_some(Change::ChildrenChanged),
            };
            decide(Manager::Child, path, change);
        }
        resumed
    }
}

/// The highest zxid that connections to this life of the server have shown to anybody, and as what.
pub fn shown_by(history: &History, life: usize) -> (i64, String) {
    let mut shown = (0, String::new());
    for record in history.ops.iter().filter(|record| record.life == life) {
        if let Some(reply) = &record.reply
            && reply.zxid > shown.0
        {
            shown = (reply.zxid, format!("reply to {:?} of client {}", record.op, record.client));
        }
    }
    for (client, seen) in history.seen.iter().enumerate() {
        for event in seen {
            if let Seen::Event { zxid, path, life: of, .. } = event
                && *of == life
                && *zxid > shown.0
            {
                shown = (*zxid, format!("event of {path} to client {client}"));
            }
        }
    }
    shown
}
