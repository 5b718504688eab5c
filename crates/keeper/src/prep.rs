//! Checking a write against the tree and the writes still under way, and making its transaction (upstream:
//! `PrepRequestProcessor`). The order of checks in `op/` decides which error a client sees.

use std::collections::{BTreeMap, VecDeque};

use base::map::KeyedMap;
use base::{Prng, Str};
use zk_wire::{Acl, ErrorCode, Id, SessionId, StatPersisted, Zxid, digest};

use crate::acl::{self, AclList};
use crate::config::Config;
use crate::listing::{Listing, Nodes, joined};
use crate::node::{Node, Owner};
use crate::path;
use crate::quota::{self, QuotaExceeded, StatsTrack};
use crate::session::Sessions;
use crate::tree::Tree;

/// What a node will be once every write under way is applied.
#[derive(Clone, Debug)]
pub struct ChangeRecord {
    /// The write that makes it so.
    zxid: Zxid,
    /// Its numbers; `None` when it is deleted.
    stat: Option<StatPersisted>,
    /// How many children it has.
    pub children: i64,
    /// Its list.
    pub acl: AclList,
    /// CRC-32 of path and data.
    pub content: u32,
    /// Bytes of its data.
    pub data_len: usize,
    /// Its part in the tree's digest, and its owner, when it was found or last put: what a change of it takes back.
    found: Found,
}

#[derive(Clone, Copy, Debug, Default)]
struct Found {
    digest: i64,
    owner: Option<SessionId>,
}

impl ChangeRecord {
    /// A node as a write leaves it.
    pub fn new(stat: StatPersisted, acl: AclList, path: &str, data: Option<&[u8]>) -> Self {
        let content = digest::content(path, data);
        let data_len = data.map_or(0, <[u8]>::len);
        Self { zxid: stat.mzxid, stat: Some(stat), children: 0, acl, content, data_len, found: Found::default() }
    }

    /// Its data changes.
    pub fn set_data(&mut self, path: &str, data: Option<&[u8]>) {
        self.content = digest::content(path, data);
        self.data_len = data.map_or(0, <[u8]>::len);
    }

    /// Its numbers. Records that [`Prep::record`] gives have them.
    pub fn stat(&self) -> &StatPersisted {
        self.stat.as_ref().expect("deleted nodes are not given out")
    }

    /// Its numbers, to be changed.
    pub fn stat_mut(&mut self) -> &mut StatPersisted {
        self.stat.as_mut().expect("deleted nodes are not given out")
    }

    fn digest(&self, path: &str) -> i64 {
        match &self.stat {
            Some(stat) if digest::counts(path) => digest::node(self.content, stat),
            _ => 0,
        }
    }

    fn owner(&self) -> Option<SessionId> {
        Owner::decode(self.stat.as_ref()?.ephemeral_owner).session()
    }
}

/// The writes under way, as far as later writes must know them.
#[derive(Debug)]
pub struct Outstanding {
    records: KeyedMap<Str, ChangeRecord>,
    /// What the writes touched, in their order: to be forgotten when they are applied.
    touched: VecDeque<Touched>,
    /// Empty: the memory of [`Prep::undo`] between two writes.
    undo: Vec<Undo>,
    /// Ephemeral nodes created or deleted by writes under way, by owner, with the last such write.
    owned: BTreeMap<SessionId, BTreeMap<Str, Zxid>>,
    /// The tree's digest once every write under way is applied.
    digest: i64,
    /// Sessions whose end is under way: the nodes in the tree that are theirs count as gone.
    closing: BTreeMap<SessionId, Zxid>,
    /// What a session that ends soon owns in the tree, until that changes.
    listed: Option<Listing>,
    /// The last write that went beyond a quota, until somebody looks.
    over_quota: Option<QuotaExceeded>,
    /// Writes refused for a quota, by the name below the root.
    refused: BTreeMap<Str, u64>,
}

#[derive(Debug)]
struct Touched {
    zxid: Zxid,
    path: Str,
    owner: Option<SessionId>,
}

impl Outstanding {
    /// Nothing under way above a tree with this digest.
    pub fn new(digest: i64, prng: &mut Prng) -> Self {
        Self {
            records: KeyedMap::new(prng),
            touched: VecDeque::new(),
            undo: Vec::new(),
            owned: BTreeMap::new(),
            digest,
            closing: BTreeMap::new(),
            listed: None,
            over_quota: None,
            refused: BTreeMap::new(),
        }
    }

    /// Nothing is under way any more above a tree with this digest: what was, another leader decides.
    pub fn reset(&mut self, digest: i64) {
        self.records.clear();
        self.touched.clear();
        self.owned.clear();
        self.closing.clear();
        (self.digest, self.over_quota) = (digest, None);
    }

    /// The last write that went beyond a quota, once.
    pub fn take_over_quota(&mut self) -> Option<QuotaExceeded> {
        self.over_quota.take()
    }

    /// Writes refused for a quota, by the name below the root: no more names than there were quotas.
    pub fn refused_for_quotas(&self) -> &BTreeMap<Str, u64> {
        &self.refused
    }

    /// The nodes of a session that ends soon are listed.
    pub fn listed(&mut self, listing: Listing) {
        self.listed = Some(listing);
    }

    /// Whether the nodes of a session are listed.
    pub fn has_listed(&self, session: SessionId) -> bool {
        self.listed.as_ref().is_some_and(|listing| listing.session == session)
    }

    /// The tree's digest once every write under way is applied.
    pub fn digest(&self) -> i64 {
        self.digest
    }

    /// A node as applied, unless the end of its session is under way.
    fn applied<'t>(&self, tree: &'t Tree, path: &str) -> Option<&'t Node> {
        let gone = |node: &Node| {
            !self.closing.is_empty() && node.owner().session().is_some_and(|owner| self.closing.contains_key(&owner))
        };
        tree.get(path).filter(|node| !gone(node))
    }

    /// A write is applied: the tree knows now.
    pub fn retire(&mut self, zxid: Zxid) {
        self.closing.retain(|_, end| *end != zxid);
        self.listed = None;
        while self.touched.front().is_some_and(|first| first.zxid == zxid)
            && let Some(Touched { path, owner, .. }) = self.touched.pop_front()
        {
            if let Some(owner) = owner
                && let Some(paths) = self.owned.get_mut(&owner)
            {
                if paths.get(&path) == Some(&zxid) {
                    paths.remove(&path);
                }
                if paths.is_empty() {
                    self.owned.remove(&owner);
                }
            }
            self.records.remove_if(path, |record| record.zxid == zxid);
        }
    }
}

/// One write being checked. Dropped without [`Prep::keep`], it leaves no trace.
pub struct Prep<'a> {
    tree: &'a Tree,
    outstanding: &'a mut Outstanding,
    sessions: &'a Sessions,
    config: &'a Config,
    /// Whose write it is.
    pub session: SessionId,
    ids: &'a [Id],
    /// The transaction's number.
    pub zxid: Zxid,
    /// The transaction's time.
    pub time_ms: i64,
    undo: Vec<Undo>,
    kept: bool,
}

#[derive(Debug)]
struct Undo {
    path: Str,
    before: Option<ChangeRecord>,
    digest: i64,
    owner: Option<SessionId>,
    /// The write that touched the owner's node before this one.
    owned_before: Option<Zxid>,
}

/// What a write is checked against.
pub struct Against<'a> {
    /// The nodes as applied.
    pub tree: &'a Tree,
    /// The writes under way.
    pub outstanding: &'a mut Outstanding,
    /// Who may write at all.
    pub sessions: &'a Sessions,
    /// The operator's decisions.
    pub config: &'a Config,
}

impl<'a> Prep<'a> {
    /// Begins to check the write `zxid` of `session`, whose client is `ids`.
    pub fn new(against: Against<'a>, session: SessionId, ids: &'a [Id], zxid: Zxid, time_ms: i64) -> Self {
        let Against { tree, outstanding, sessions, config } = against;
        let undo = core::mem::take(&mut outstanding.undo);
        Self { tree, outstanding, sessions, config, session, ids, zxid, time_ms, undo, kept: false }
    }

    /// The write is proposed: later ones see its effect.
    pub fn keep(mut self) {
        self.kept = true;
        let zxid = self.zxid;
        let touched = self.undo.drain(..).map(|Undo { path, owner, .. }| Touched { zxid, path, owner });
        self.outstanding.touched.extend(touched);
    }

    /// Takes back what the write's parts did so far.
    pub fn rollback(&mut self) {
        while let Some(Undo { path, before, digest, owner, owned_before }) = self.undo.pop() {
            self.outstanding.digest = digest;
            if let Some(owner) = owner
                && let Some(paths) = self.outstanding.owned.get_mut(&owner)
            {
                match owned_before {
                    Some(zxid) => paths.insert(path.clone(), zxid),
                    None => paths.remove(&path),
                };
                if paths.is_empty() {
                    self.outstanding.owned.remove(&owner);
                }
            }
            match before {
                Some(before) => self.outstanding.records.insert(path, before),
                None => self.outstanding.records.remove(&path),
            };
        }
    }

    /// A node as it will be.
    ///
    /// # Errors
    /// `NONODE`.
    pub fn record(&self, path: &str) -> Result<ChangeRecord, ErrorCode> {
        if let Some(record) = self.outstanding.records.get(path) {
            return if record.stat.is_some() { Ok(record.clone()) } else { Err(ErrorCode::NO_NODE) };
        }
        let node = self.outstanding.applied(self.tree, path).ok_or(ErrorCode::NO_NODE)?;
        let stat = node.numbers();
        let digest = if digest::counts(path) { digest::node(node.content, &stat) } else { 0 };
        Ok(ChangeRecord {
            zxid: Zxid::ZERO,
            stat: Some(stat),
            children: node.children_count() as i64,
            acl: self.tree.acl(node),
            content: node.content,
            data_len: node.data.as_ref().map_or(0, |data| data.len()),
            found: Found { digest, owner: node.owner().session() },
        })
    }

    /// A node as this write leaves it: what [`Prep::record`] gave, changed, or a new one.
    pub fn put(&mut self, path: &Str, record: ChangeRecord) {
        self.change(path, record);
    }

    /// A node that [`Prep::record`] gave is gone after this write.
    pub fn put_deleted(&mut self, path: &Str, mut record: ChangeRecord) {
        record.stat = None;
        self.change(path, record);
    }

    /// The path is not copied: it shares the frame of the request, which the write holds on to as well.
    fn change(&mut self, path: &Str, mut record: ChangeRecord) {
        let found = core::mem::take(&mut record.found);
        record.zxid = self.zxid;
        record.found = Found { digest: record.digest(path), owner: record.owner() };
        let digest = self.outstanding.digest;
        self.outstanding.digest = digest.wrapping_sub(found.digest).wrapping_add(record.found.digest);
        let owner = record.found.owner.or(found.owner);
        let owned = owner.map(|owner| self.outstanding.owned.entry(owner).or_default());
        let owned_before = owned.and_then(|paths| paths.insert(path.clone(), self.zxid));
        let before = self.outstanding.records.insert(path.clone(), record);
        self.undo.push(Undo { path: path.clone(), before, digest, owner, owned_before });
    }

    /// The session ends with this write, which must be kept. Gives the nodes that go with it, in order. Only those that
    /// writes under way have touched, and the parents, are looked at one by one.
    pub fn close_session(&mut self) -> Vec<Str> {
        let session = self.session;
        if self.outstanding.closing.contains_key(&session) {
            // A second one behind the first: all of it goes with that, although the tree has it still.
            return Vec::new();
        }
        let touched: Vec<Str> =
            self.outstanding.owned.get(&session).into_iter().flat_map(BTreeMap::keys).cloned().collect();
        let mut digest = self.tree.ephemerals_digest(session);
        let listed = self.outstanding.listed.take().filter(|listed| listed.session == session && touched.is_empty());
        let nodes = match listed {
            Some(listed) => listed.nodes,
            None => Nodes::of(self.owned_behind(touched, &mut digest)),
        };
        self.outstanding.digest = self.outstanding.digest.wrapping_sub(digest);
        for (parent, children) in nodes.by_parent {
            let Ok(mut record) = self.record(&parent) else { continue };
            record.children -= children;
            let pzxid = &mut record.stat_mut().pzxid;
            *pzxid = self.zxid.max(*pzxid);
            self.put(&parent, record);
        }
        self.outstanding.closing.insert(session, self.zxid);
        nodes.paths
    }

    /// What the session owns once the writes under way, which have touched some, are applied. What of `digest`, the sum
    /// over what it owns in the tree, is taken off for the touched ones here comes off that sum.
    fn owned_behind(&mut self, touched: Vec<Str>, digest: &mut i64) -> Vec<Str> {
        let session = self.session;
        let untouched = |path: &&Str| touched.binary_search(path).is_err();
        let mut paths = joined(self.tree.ephemerals(session).filter(untouched));
        let listed = paths.len();
        for path in touched {
            if let Some(node) = self.tree.get(&path).filter(|node| node.owner().session() == Some(session)) {
                *digest = digest.wrapping_sub(crate::tree::node_digest(&path, node));
            }
            if let Ok(record) = self.record(&path)
                && record.owner() == Some(session)
            {
                self.put_deleted(&path, record);
                paths.push(path);
            }
        }
        if paths.len() > listed {
            paths.sort();
        }
        paths
    }

    /// Whether the session may still write.
    ///
    /// # Errors
    /// `SESSIONEXPIRED`.
    pub fn check_session(&self) -> Result<(), ErrorCode> {
        let checked = self.sessions.check(self.session);
        // What this server does not know may be a local session of another member, unless this one made its number.
        let elsewhere = self.config.local_sessions
            && !self.sessions.is_closing(self.session)
            && !self.sessions.has_ended(self.session)
            && crate::session::maker(self.session) != self.config.server_id;
        if elsewhere { Ok(()) } else { checked }
    }

    /// Whether the session may own nodes: the whole ensemble knows of it.
    ///
    /// # Errors
    /// `SESSIONEXPIRED`; of a local session here `EPHEMERALONLOCALSESSION`.
    pub fn check_global_session(&self) -> Result<(), ErrorCode> {
        match self.sessions.is_local(self.session) {
            true => Err(ErrorCode::EPHEMERAL_ON_LOCAL_SESSION),
            false => self.sessions.check(self.session),
        }
    }

    /// Whether a list gives the client `wanted`.
    ///
    /// # Errors
    /// `NOAUTH`.
    pub fn check_acl(&self, acl: &AclList, wanted: i32) -> Result<(), ErrorCode> {
        if self.config.skip_acl || acl::allows(acl, wanted, self.ids) { Ok(()) } else { Err(ErrorCode::NO_AUTH) }
    }

    /// A list, as the record of a node has it.
    pub fn shared_acl(&self, list: &[Acl]) -> AclList {
        self.tree.acls().shared(list)
    }

    /// Whether the quota above a node leaves room for so many nodes and bytes more. What counts is what is applied, as
    /// upstream has it: writes under way are not in the numbers yet. Limits that are no text of limits limit nothing.
    ///
    /// # Errors
    /// `QUOTAEXCEEDED` beyond a hard limit, when the operator enforces them.
    pub fn check_quota(&mut self, path: &str, count: i64, bytes: i64) -> Result<(), ErrorCode> {
        let Some(limited) = self.tree.quotas().above(path) else { return Ok(()) };
        let track = |path: String| self.tree.get(&path)?.data.as_deref().and_then(StatsTrack::parse);
        let (Some(limits), Some(stats)) = (track(quota::limits_path(limited)), track(quota::stats_path(limited)))
        else {
            return Ok(());
        };
        let Some(over) = quota::exceeded(limited, &limits, &stats, count, bytes) else { return Ok(()) };
        let refused = over.hard && self.config.enforce_quota;
        self.outstanding.over_quota = Some(over);
        if !refused {
            return Ok(());
        }
        *self.outstanding.refused.entry(path::top(limited).into()).or_default() += 1;
        Err(ErrorCode::QUOTA_EXCEEDED)
    }

    /// The operator's decisions.
    pub fn config(&self) -> &'a Config {
        self.config
    }

    /// The client's identities.
    pub fn ids(&self) -> &[Id] {
        self.ids
    }
}

impl Drop for Prep<'_> {
    fn drop(&mut self) {
        if !self.kept {
            self.rollback();
        }
        self.outstanding.undo = core::mem::take(&mut self.undo);
    }
}

/// The version after a change of `current` that expects `expected` (-1: any).
///
/// # Errors
/// `BADVERSION`.
pub fn next_version(current: i32, expected: i32) -> Result<i32, ErrorCode> {
    if expected != -1 && expected != current { Err(ErrorCode::BAD_VERSION) } else { Ok(current.wrapping_add(1)) }
}
