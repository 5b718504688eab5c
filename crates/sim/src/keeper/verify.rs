//! Walks the finished history in zxid order beside the model and asks every check.

use std::collections::{BTreeMap, BTreeSet};

use base::{Reader, Str};
use zk_wire::{DeleteTxn, Jute, MultiTxn, OpCode};

use super::history::{History, OpId, OpRecord, Seen};
use super::log_tail::LoggedTxn;
use super::model::access::{grants, perm};
use super::model::{Caller, Change, Model, ModelNode, Rules};
use super::op::{Left, Op, OpResult, User, code};
use crate::check::watches::{self, Changes, Resumed};
use crate::check::{
    Checked, acknowledged_writes_survive, containers_and_ttls_go, digest_matches, ephemerals_follow_sessions,
    hard_quotas_hold, local_sessions, once_and_in_order, replies_match_model, session_lifetime, synced, zxids_ascend,
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
    /// Of each setWatches, what it must answer; and, when the end of a session behind it may have been under way, what
    /// behind each piece of that.
    resumed: BTreeMap<OpId, Vec<Resumed>>,
    /// Sessions that are closed some time, which may be refused as soon as that begins.
    closed: BTreeSet<i64>,
    /// Whether this is an ensemble whose members change.
    reconfigured: bool,
    /// For each finished life of the server, the last zxid that the next one found.
    recovered: &'a [i64],
    /// How many of these starts the model has followed.
    starts: usize,
    /// The trees that are put back later, by their zxid.
    kept: BTreeMap<i64, Option<Model>>,
    /// A session's end with more nodes than this is applied in pieces of so many.
    piece_max: usize,
    /// How many pieces of the end behind its zxid a read has shown, at least.
    shown_pieces: BTreeMap<OpId, usize>,
}

/// Whether this is the last transaction of a leader that handed leadership over: nobody's, and nothing.
fn is_of_a_handover(txn: &LoggedTxn) -> bool {
    let nothing = Reader::new(txn.body()).i32().is_ok_and(|error| error == code::OK);
    txn.session == 0 && txn.cxid == 0 && nothing
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
    piece_max: usize,
) -> Result<Model, crate::check::Violation> {
    let mut walk = Walk::new(history, txns, recovered, rules, piece_max);
    walk.keep(0);
    walk.reads_at(0, txns.first())?;
    let mut last = 0;
    for (at, txn) in txns.iter().enumerate() {
        zxids_ascend::in_log(last, txn.zxid)?;
        walk.reads_at_marks(last, txn.zxid)?;
        last = txn.zxid;
        walk.txn(txn)?;
        digest_matches::of_txn(txn.zxid, txn.digest(), walk.model.digest())?;
        walk.keep(txn.zxid);
        walk.reads_at(txn.zxid, txns.get(at + 1))?;
    }
    for record in history.ops.iter().filter(|record| matches!(record.op, Op::Sync { .. })) {
        if let Some(reply) = record.reply.as_ref().filter(|reply| !matches!(reply.result, OpResult::Error(_))) {
            synced::shows_what_was_acknowledged(record, reply.zxid)?;
        }
    }
    for (client, zxid) in &history.behind_events {
        zxids_ascend::behind_an_event(*client, *zxid, walk.changes.in_pieces(*zxid))?;
    }
    walk.reads_at_marks(last, i64::MAX)?;
    for id in walk.reads.values().flatten() {
        replies_match_model::zxid_exists(false, &history.ops[*id])?;
    }
    let begin = |txn: &&LoggedTxn| txn.opcode == OpCode::CREATE_SESSION.0;
    let global: BTreeSet<i64> = txns.iter().filter(begin).map(|txn| txn.session).collect();
    for (record, executed) in history.ops.iter().zip(&walk.executed) {
        let acknowledged = record.op.is_write() && record.reply.is_some();
        if acknowledged && !executed && rules.local_sessions {
            local_sessions::answered_without_transaction(record, rules.local_sessions_upgrading, &global)?;
            continue;
        }
        acknowledged_writes_survive::found(!acknowledged || *executed, || format!("{record:?}"))?;
    }
    for client in 0..history.seen.len() {
        watches::of_client(client, history, &walk.changes, &walk.resumed, &walk.shown_pieces)?;
    }
    Ok(walk.model)
}

impl<'a> Walk<'a> {
    fn new(history: &'a History, txns: &[LoggedTxn], recovered: &'a [i64], rules: Rules, piece_max: usize) -> Self {
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
            reconfigured: rules.ensemble && rules.reconfig_enabled,
            recovered,
            starts: 0,
            kept: txns.iter().filter_map(LoggedTxn::restored_source).map(|zxid| (zxid, None)).collect(),
            piece_max,
            shown_pieces: BTreeMap::new(),
        }
    }

    /// Keeps the tree as it is now if it is put back later.
    fn keep(&mut self, zxid: i64) {
        if let Some(kept) = self.kept.get_mut(&zxid) {
            *kept = Some(self.model.clone());
        }
    }

    fn txn(&mut self, txn: &LoggedTxn) -> Checked {
        if let Some(source) = txn.restored_source() {
            self.model = self.kept[&source].clone().expect("kept when the walk came by");
            self.model.zxid = txn.zxid;
            self.model.recount_quotas();
            return Ok(());
        }
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
            OpCode::ERROR if is_of_a_handover(txn) => {
                self.model.zxid = txn.zxid;
                Ok(())
            }
            _ if self.history.operators.contains(&txn.session) => {
                // What it depends on is not in the tree, and `/zookeeper/config` is not in the digest.
                self.model.zxid = txn.zxid;
                if txn.opcode == OpCode::RECONFIG.0 {
                    let triggers = self.model.reconfigured(txn.zxid);
                    self.changes.push(txn.zxid, triggers);
                }
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
        let listed: BTreeSet<String> = listed(txn).into_iter().collect();
        ephemerals_follow_sessions::close_lists_all(txn.session, &listed, &owned)?;
        if listed.len() > self.piece_max {
            self.changes.push_in_pieces(txn.zxid, triggers, self.piece_max);
        } else {
            self.changes.push(txn.zxid, triggers);
        }
        Ok(())
    }

    fn request(&mut self, txn: &LoggedTxn) -> Checked {
        let history = self.history;
        let id = self.requests.get(&(txn.session, txn.cxid)).copied();
        let record = id.map(|id| &history.ops[id]);
        let logged_error = (txn.opcode == OpCode::ERROR.0).then(|| Reader::new(txn.body()).i32().unwrap_or(code::OK));
        // It came over a connection that its client had left already, perhaps to end its session elsewhere: nothing is done,
        // and nobody is told.
        let left_behind = self.last_xid.get(&txn.session).is_some_and(|last_xid| txn.cxid < *last_xid);
        let refused = logged_error.or_else(|| first_part_refused(txn));
        // A reconfig is told first that reconfiguration is off, as with upstream.
        let over = matches!(refused, Some(code::SESSION_EXPIRED | code::RECONFIG_DISABLED))
            && !self.model.has_session(txn.session);
        if refused == Some(code::SESSION_MOVED) || (over && left_behind) {
            return session_lifetime::moved_is_not_told(txn.zxid, record);
        }
        let last_xid = self.last_xid.insert(txn.session, txn.cxid).unwrap_or(0);
        once_and_in_order::of_txn(txn.zxid, record, id.is_some_and(|id| self.executed[id]), last_xid)?;
        let (id, record) = (id.expect("checked"), record.expect("checked"));
        self.executed[id] = true;
        let open = self.model.may_write(txn.session);
        let done = logged_error.is_none() && parts(txn).iter().all(|part| part.opcode != OpCode::ERROR.0);
        session_lifetime::used_while_open(txn.zxid, txn.session, open, done)?;
        if let (true, Op::Reconfig, Some(code)) = (self.reconfigured, &record.op, logged_error) {
            // Why exactly a client is refused depends on who is there.
            self.model.zxid = txn.zxid;
            return replies_match_model::of_write(txn.zxid, record, &OpResult::Error(code));
        }
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
        marks.into_iter().filter(|zxid| zxid & 0xffff_ffff == 0).try_for_each(|mark| self.reads_at(mark, None))
    }

    /// The reads that were answered from the tree as it is now, or, if `next` is the end of a session that is applied in
    /// pieces, as it is behind some of them. A start in between counts quotas anew.
    fn reads_at(&mut self, zxid: i64, next: Option<&LoggedTxn>) -> Checked {
        let mut ids = self.reads.remove(&zxid).unwrap_or_default();
        ids.sort_by_key(|id| self.history.ops[*id].life);
        let mut pieces: BTreeMap<(usize, usize), usize> = BTreeMap::new();
        for id in ids {
            let record = &self.history.ops[id];
            self.starts_until(zxid, record.life);
            let refused =
                record.reply.as_ref().is_some_and(|reply| reply.result == OpResult::Error(code::SESSION_EXPIRED));
            if refused && self.closed.contains(&record.session) {
                continue;
            }
            let between = next.map(|next| self.between(next)).unwrap_or_default();
            let states: Vec<&Model> = core::iter::once(&self.model).chain(&between).collect();
            let expected = match &record.op {
                Op::SetWatches(left) => {
                    let resumed = states.iter().map(|model| resume(model, left, &record.users)).collect();
                    self.resumed.insert(id, resumed);
                    replies_match_model::of_read(record, &OpResult::Done)?;
                    continue;
                }
                // Which watches there are is another check's to say.
                Op::RemoveWatches { .. } | Op::CheckWatches { .. } => continue,
                read => states.iter().map(|model| model.read(caller(record), read)).collect::<Vec<_>>(),
            };
            // Nobody sees a piece undone again.
            let seen = pieces.entry((record.life, record.client)).or_default();
            let shown = (*seen..expected.len()).find(|at| replies_match_model::of_read(record, &expected[*at]).is_ok());
            *seen = shown.unwrap_or(*seen);
            replies_match_model::of_read(record, &expected[*seen])?;
            self.shown_pieces.insert(id, *seen);
        }
        self.starts_until(zxid, usize::MAX);
        Ok(())
    }

    /// The trees between the pieces in which the next transaction is applied: behind the first, behind the second, and
    /// so on; not behind the last.
    fn between(&self, next: &LoggedTxn) -> Vec<Model> {
        let paths = if next.opcode == OpCode::CLOSE_SESSION.0 { listed(next) } else { Vec::new() };
        if paths.len() <= self.piece_max {
            return Vec::new();
        }
        let mut model = self.model.clone();
        let pieces: Vec<&[String]> = paths.chunks(self.piece_max).collect();
        let unfinished = pieces.split_last().map_or(&[][..], |(_, unfinished)| unfinished);
        let mut behind = |piece: &&[String]| {
            model.close_part(next.zxid, piece);
            model.clone()
        };
        unfinished.iter().map(&mut behind).collect()
    }

    /// Follows the starts that found the tree at this zxid, below the server's `life`.
    fn starts_until(&mut self, zxid: i64, life: usize) {
        while self.starts < life.min(self.recovered.len()) && self.recovered[self.starts] <= zxid {
            self.model.recount_quotas();
            self.starts += 1;
        }
    }
}

/// What a setWatches is answered, and what it leaves. Who may not read a node is not told of it.
fn resume(model: &Model, left: &Left, users: &[&'static User]) -> Resumed {
    let since = left.relative_zxid;
    let mut resumed = Resumed::default();
    let readable = |node: &ModelNode| grants(&node.acl, users, perm::READ);
    for path in &left.data {
        match model.node(path) {
            None => resumed.events.push((Change::Deleted, path.clone())),
            Some(node) if node.mzxid <= since => resumed.data.push(path.clone()),
            Some(node) if readable(node) => resumed.events.push((Change::DataChanged, path.clone())),
            Some(_) => {}
        }
    }
    for path in &left.exist {
        match model.node(path) {
            None => resumed.data.push(path.clone()),
            Some(node) if readable(node) => resumed.events.push((Change::Created, path.clone())),
            Some(_) => {}
        }
    }
    for path in &left.child {
        match model.node(path) {
            None => resumed.events.push((Change::Deleted, path.clone())),
            Some(node) if node.pzxid <= since => resumed.child.push(path.clone()),
            Some(node) if readable(node) => resumed.events.push((Change::ChildrenChanged, path.clone())),
            Some(_) => {}
        }
    }
    resumed
}

/// The nodes that a closeSession lists, in its order.
fn listed(txn: &LoggedTxn) -> Vec<String> {
    let listed = Option::<Vec<Str>>::decode(&mut Reader::new(txn.body())).ok().flatten().unwrap_or_default();
    listed.iter().map(ToString::to_string).collect()
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

/// What the first part of a multi was refused with; what is behind a refused part has no reason of its own.
fn first_part_refused(txn: &LoggedTxn) -> Option<i32> {
    let first = parts(txn).into_iter().next().filter(|part| part.opcode == OpCode::ERROR.0)?;
    Reader::new(first.data?).i32().ok()
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
