//! Walks the finished history in zxid order beside the model and asks every check.

use std::collections::{BTreeMap, BTreeSet};

use base::{Reader, Str};
use zk_wire::{DeleteTxn, Jute, MultiTxn, OpCode};

use super::history::{History, OpId, OpRecord, Seen};
use super::log_tail::LoggedTxn;
use super::model::{Caller, Change, Model, Rules};
use super::op::{Left, Op, OpResult, code};
use crate::check::watches::{self, Changes, Resumed};
use crate::check::{
    Checked, acknowledged_writes_survive, containers_and_ttls_go, digest_matches, ephemerals_follow_sessions,
    hard_quotas_hold, once_and_in_order, replies_match_model, session_lifetime, zxids_ascend,
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
    /// Sessions that are closed some time, which may be refused as soon as that begins.
    closed: BTreeSet<i64>,
    /// For each finished life of the server, the last zxid that the next one found.
    recovered: &'a [i64],
    /// How many of these starts the model has followed.
    starts: usize,
}

/// Checks a whole run; gives the model's tree after it.
///
/// # Errors
/// The first property that does not hold.
pub fn verify(
    history: &History,
    txns: &[LoggedTxn],
    recovered: &[i64],
    rules: Rules,
) -> Result<Model, crate::check::Violation> {
    let mut walk = Walk::new(history, txns, recovered, rules);
    walk.reads_at(0)?;
    let mut last = 0;
    for txn in txns {
        zxids_ascend::in_log(last, txn.zxid)?;
        walk.reads_at_marks(last, txn.zxid)?;
        last = txn.zxid;
        walk.txn(txn)?;
        digest_matches::of_txn(txn.zxid, txn.digest(), walk.model.digest())?;
        walk.reads_at(txn.zxid)?;
    }
    walk.reads_at_marks(last, i64::MAX)?;
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
    fn new(history: &'a History, txns: &[LoggedTxn], recovered: &'a [i64], rules: Rules) -> Self {
        let mut requests = BTreeMap::new();
        let mut reads: BTreeMap<i64, Vec<OpId>> = BTreeMap::new();
        for (id, record) in history.ops.iter().enumerate() {
            if record.op.is_write() {
                requests.insert((record.session, record.xid), id);
            } else if let Some(reply) = &record.reply
                && shows_the_tree(&record.op)
            {
                reads.entry(reply.zxid).or_default().push(id);
            }
        }
        Self {
            history,
            model: Model::new(rules),
            requests,
            executed: vec![false; history.ops.len()],
            last_xid: BTreeMap::new(),
            reads,
            changes: Changes::default(),
            resumed: BTreeMap::new(),
            closed: txns.iter().filter(|txn| txn.opcode == OpCode::CLOSE_SESSION.0).map(|txn| txn.session).collect(),
            recovered,
            starts: 0,
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
            OpCode::DELETE_CONTAINER => {
                let path = DeleteTxn::decode(&mut Reader::new(txn.body())).map(|txn| txn.path.to_string());
                let path = path.unwrap_or_default();
                containers_and_ttls_go::was_due(txn.zxid, txn.time_ms, &path, &self.model)?;
                let triggers = self.model.delete_container(txn.zxid, &path);
                self.changes.push(txn.zxid, triggers);
                Ok(())
            }
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
        let (owned, triggers) = self.model.close_session(txn.zxid, txn.session);
        let listed = Option::<Vec<Str>>::decode(&mut Reader::new(txn.body())).ok().flatten().unwrap_or_default();
        let listed: BTreeSet<String> = listed.iter().map(ToString::to_string).collect();
        ephemerals_follow_sessions::close_lists_all(txn.session, &listed, &owned)?;
        self.changes.push(txn.zxid, triggers);
        Ok(())
    }

    fn request(&mut self, txn: &LoggedTxn) -> Checked {
        let history = self.history;
        let id = self.requests.get(&(txn.session, txn.cxid)).copied();
        let record = id.map(|id| &history.ops[id]);
        let logged_error = (txn.opcode == OpCode::ERROR.0).then(|| Reader::new(txn.body()).i32().unwrap_or(code::OK));
        if logged_error == Some(code::SESSION_MOVED) {
            // It came over a connection that its client had left already: nothing is done, and nobody is told.
            return session_lifetime::moved_is_not_told(txn.zxid, record);
        }
        let last_xid = self.last_xid.insert(txn.session, txn.cxid).unwrap_or(0);
        once_and_in_order::of_txn(txn.zxid, record, id.is_some_and(|id| self.executed[id]), last_xid)?;
        let (id, record) = (id.expect("checked"), record.expect("checked"));
        self.executed[id] = true;
        let open = self.model.has_session(txn.session);
        let done = logged_error.is_none() && parts(txn).iter().all(|part| part.opcode != OpCode::ERROR.0);
        session_lifetime::used_while_open(txn.zxid, txn.session, open, done)?;
        let refused_for_quota = part_refused_for_quota(txn, logged_error);
        let caller = Caller { refused_for_quota, ..caller(record) };
        let (expected, triggers) = self.model.write(txn.zxid, txn.time_ms, caller, &record.op);
        self.changes.push(txn.zxid, triggers);
        hard_quotas_hold::agree(txn.zxid, refused_for_quota, quota_in(&expected), &expected)?;
        replies_match_model::of_log(txn.zxid, record, logged_error, &expected)?;
        replies_match_model::of_write(txn.zxid, record, &expected)
    }

    /// The reads between two transactions: a member that has not seen a transaction of its epoch shows the epoch's mark.
    fn reads_at_marks(&mut self, after: i64, before: i64) -> Checked {
        let marks: Vec<i64> = self.reads.range(after + 1..before).map(|(zxid, _)| *zxid).collect();
        marks.into_iter().filter(|zxid| zxid & 0xffff_ffff == 0).try_for_each(|mark| self.reads_at(mark))
    }

    /// The reads that were answered from the tree as it is now. A start in between counts quotas anew.
    fn reads_at(&mut self, zxid: i64) -> Checked {
        let mut ids = self.reads.remove(&zxid).unwrap_or_default();
        ids.sort_by_key(|id| self.history.ops[*id].life);
        for id in ids {
            let record = &self.history.ops[id];
            self.starts_until(zxid, record.life);
            let refused =
                record.reply.as_ref().is_some_and(|reply| reply.result == OpResult::Error(code::SESSION_EXPIRED));
            if refused && self.closed.contains(&record.session) {
                continue;
            }
            let expected = match &record.op {
                Op::SetWatches(left) => {
                    self.resumed.insert(id, self.resume(left));
                    OpResult::Done
                }
                // Which watches there are is another check's to say.
                Op::RemoveWatches { .. } | Op::CheckWatches { .. } => continue,
                read => self.model.read(caller(record), read),
            };
            replies_match_model::of_read(record, &expected)?;
        }
        self.starts_until(zxid, usize::MAX);
        Ok(())
    }

    /// Follows the starts that found the tree at this zxid, below the server's `life`.
    fn starts_until(&mut self, zxid: i64, life: usize) {
        while self.starts < life.min(self.recovered.len()) && self.recovered[self.starts] <= zxid {
            self.model.recount_quotas();
            self.starts += 1;
        }
    }

    fn resume(&self, left: &Left) -> Resumed {
        let since = left.relative_zxid;
        let mut resumed = Resumed::default();
        for path in &left.data {
            match self.model.node(path) {
                None => resumed.events.push((Change::Deleted, path.clone())),
                Some(node) if node.mzxid > since => resumed.events.push((Change::DataChanged, path.clone())),
                Some(_) => resumed.data.push(path.clone()),
            }
        }
        for path in &left.exist {
            match self.model.node(path) {
                Some(_) => resumed.events.push((Change::Created, path.clone())),
                None => resumed.data.push(path.clone()),
            }
        }
        for path in &left.child {
            match self.model.node(path) {
                None => resumed.events.push((Change::Deleted, path.clone())),
                Some(node) if node.pzxid > since => resumed.events.push((Change::ChildrenChanged, path.clone())),
                Some(_) => resumed.child.push(path.clone()),
            }
        }
        resumed
    }
}

/// Whether the zxid of the reply says which tree was looked at.
fn shows_the_tree(op: &Op) -> bool {
    !matches!(op, Op::Ping | Op::Unserved(_)) && !op.is_answered_at_once()
}

fn caller(record: &OpRecord) -> Caller<'_> {
    Caller { session: record.session, users: &record.users, floor: record.floor, refused_for_quota: None }
}

/// The part of a logged write that was refused for a quota.
fn part_refused_for_quota(txn: &LoggedTxn, logged_error: Option<i32>) -> Option<usize> {
    if txn.opcode != OpCode::MULTI.0 {
        return (logged_error == Some(code::QUOTA_EXCEEDED)).then_some(0);
    }
    parts(txn).iter().position(|part| {
        let error = part.data.as_ref().and_then(|data| Reader::new(data.clone()).i32().ok());
        part.opcode == OpCode::ERROR.0 && error == Some(code::QUOTA_EXCEEDED)
    })
}

/// The parts of a multi.
fn parts(txn: &LoggedTxn) -> Vec<zk_wire::Txn> {
    if txn.opcode != OpCode::MULTI.0 {
        return Vec::new();
    }
    MultiTxn::decode(&mut Reader::new(txn.body())).ok().and_then(|multi| multi.txns).unwrap_or_default()
}

fn quota_in(result: &OpResult) -> Option<usize> {
    let refused = |result: &OpResult| *result == OpResult::Error(code::QUOTA_EXCEEDED);
    match result {
        OpResult::Multi(parts) => parts.iter().position(refused),
        single => refused(single).then_some(0),
    }
}

/// What showed a zxid.
#[derive(Clone, Copy, Debug)]
enum Shown {
    Nothing,
    Reply(OpId),
    Event { client: usize, index: usize },
}

/// The highest zxid that connections to this life of the server have shown to anybody, and what it was.
pub fn shown_by(history: &History, life: usize) -> (i64, impl FnOnce() -> String + '_) {
    let mut shown = (0, Shown::Nothing);
    for (id, record) in history.ops.iter().enumerate().filter(|(_, record)| record.life == life) {
        if let Some(reply) = &record.reply
            && reply.zxid > shown.0
        {
            shown = (reply.zxid, Shown::Reply(id));
        }
    }
    for (client, seen) in history.seen.iter().enumerate() {
        for (index, event) in seen.iter().enumerate() {
            if let Seen::Event { zxid, life: of, .. } = event
                && *of == life
                && *zxid > shown.0
            {
                shown = (*zxid, Shown::Event { client, index });
            }
        }
    }
    let what = shown.1;
    (shown.0, move || match what {
        Shown::Nothing => String::new(),
        Shown::Reply(id) => format!("reply to {:?} of client {}", history.ops[id].op, history.ops[id].client),
        Shown::Event { client, index } => format!("{:?} of client {client}", history.seen[client][index]),
    })
}
