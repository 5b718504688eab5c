//! A second, independent ZooKeeper tree: nothing but a sorted map, written from the protocol's description and sharing
//! no code with the keeper. It is told which operation got which zxid, and says what the reply must have been.

pub mod access;
mod digest;
pub mod expiry;
pub mod quota;
mod read;

use std::collections::{BTreeMap, BTreeSet};

use self::access::{allowed, fix_acl, open_acl, perm};
use self::expiry::{CONTAINER, TTL_MS_MAX, session_of, ttl_owner};
use self::quota::{QuotaHistory, Room};
use super::op::{Acl, CreateKind, MultiOp, Op, OpResult, StatView, User, code};

/// A znode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelNode {
    /// Its data; `None` is null, which is not the same as empty.
    pub data: Option<Vec<u8>>,
    /// Its ACL.
    pub acl: Vec<Acl>,
    /// Zxid of its creation.
    pub czxid: i64,
    /// Zxid of its creation or last setData.
    pub mzxid: i64,
    /// Zxid of the last child created or deleted.
    pub pzxid: i64,
    /// Wall clock of its creation.
    pub ctime: i64,
    /// Wall clock of its creation or last setData.
    pub mtime: i64,
    /// Data version.
    pub version: i32,
    /// Children created so far.
    pub creates: i32,
    /// ACL version.
    pub aversion: i32,
    /// `ephemeralOwner`: the session that owns it, what kind of extended type it is, or 0.
    pub owner: i64,
    /// Names of its children.
    pub children: BTreeSet<String>,
}

impl ModelNode {
    /// As a client sees it.
    pub fn stat(&self) -> StatView {
        StatView {
            czxid: self.czxid,
            mzxid: self.mzxid,
            ctime: self.ctime,
            mtime: self.mtime,
            version: self.version,
            cversion: self.creates.wrapping_mul(2).wrapping_sub(self.children.len() as i32),
            aversion: self.aversion,
            // Extended types are not shown.
            owner: session_of(self.owner).unwrap_or(0),
            data_len: self.data.as_ref().map_or(0, Vec::len) as i32,
            children: self.children.len() as i32,
            pzxid: self.pzxid,
        }
    }
}

/// What a watch would be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// NodeCreated, 1.
    Created,
    /// NodeDeleted, 2.
    Deleted,
    /// NodeDataChanged, 3.
    DataChanged,
    /// NodeChildrenChanged, 4.
    ChildrenChanged,
}

impl Change {
    /// From `WatcherEvent.type`.
    pub fn from_code(code: i32) -> Option<Self> {
        Some(match code {
            1 => Self::Created,
            2 => Self::Deleted,
            3 => Self::DataChanged,
            4 => Self::ChildrenChanged,
            _ => return None,
        })
    }
}

/// A change of a node, with who could read it and its parent at that moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trigger {
    /// Never [`Change::ChildrenChanged`], which follows from the others.
    pub change: Change,
    /// The node.
    pub path: String,
    /// Its list; of a deleted node the last one.
    pub acl: Vec<Acl>,
    /// Its parent's.
    pub parent_acl: Vec<Acl>,
}

/// Who asks, and what is known of when it was asked.
#[derive(Clone, Copy, Debug)]
pub struct Caller<'a> {
    /// Session id.
    pub session: i64,
    /// Digest identities that the connection has added, in order.
    pub users: &'a [&'static User],
    /// A zxid that was applied when the request was sent.
    pub floor: i64,
    /// The part (0 outside of a multi) that the server refused for a quota.
    pub refused_for_quota: Option<usize>,
}

/// What the operator decided.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rules {
    /// `zookeeper.extendedTypesEnabled`
    pub extended_types: bool,
    /// `zookeeper.enforceQuota`
    pub enforce_quota: bool,
    /// `reconfigEnabled`
    pub reconfig_enabled: bool,
    /// Whether this is an ensemble.
    pub ensemble: bool,
    /// `znode.container.maxNeverUsedIntervalMs`
    pub container_never_used_ms_max: i64,
    /// `localSessionsEnabled`: a session may be in no log.
    pub local_sessions: bool,
    /// `localSessionsUpgradingEnabled`
    pub local_sessions_upgrading: bool,
}

/// The tree after some zxid.
#[derive(Clone, Debug)]
pub struct Model {
    rules: Rules,
    nodes: BTreeMap<String, ModelNode>,
    /// Sessions that exist, with their ephemeral nodes.
    sessions: BTreeMap<i64, BTreeSet<String>>,
    /// Sessions that were in the log, and ended.
    ended: BTreeSet<i64>,
    digest: i64,
    /// The last zxid that was applied.
    pub zxid: i64,
    quota_history: QuotaHistory,
    /// While a multi is tried: nodes as they were before each change.
    undo: Option<Vec<(String, Option<ModelNode>)>>,
}

impl Model {
    /// A new data folder's tree: `/`, `/zookeeper`, `/zookeeper/quota`, `/zookeeper/config`.
    pub fn new(rules: Rules) -> Self {
        let mut model = Self {
            rules,
            nodes: BTreeMap::new(),
            sessions: BTreeMap::new(),
            ended: BTreeSet::new(),
            digest: 0,
            zxid: 0,
            quota_history: QuotaHistory::default(),
            undo: None,
        };
        let fresh = |children: &[&str]| ModelNode {
            data: Some(Vec::new()),
            acl: open_acl(),
            czxid: 0,
            mzxid: 0,
            pzxid: 0,
            ctime: 0,
            mtime: 0,
            version: 0,
            creates: 0,
            aversion: 0,
            owner: 0,
            children: children.iter().map(ToString::to_string).collect(),
        };
        for (path, children) in [("/", &["zookeeper"][..]), ("/zookeeper", &["quota", "config"][..])] {
            model.put(path, fresh(children));
        }
        model.put("/zookeeper/quota", fresh(&[]));
        // Upstream gives it READ_ACL_UNSAFE by a setACL with version -1.
        let read_only = vec![Acl { perms: perm::READ, scheme: "world".into(), id: "anyone".into() }];
        model.put("/zookeeper/config", ModelNode { acl: read_only, aversion: -1, ..fresh(&[]) });
        model
    }

    /// The node at `path`.
    pub fn node(&self, path: &str) -> Option<&ModelNode> {
        self.nodes.get(path)
    }

    /// All nodes, by path.
    pub fn nodes(&self) -> impl Iterator<Item = (&String, &ModelNode)> {
        self.nodes.iter()
    }

    /// The sum of all nodes' digests, as `TxnDigest` has it.
    pub fn digest(&self) -> i64 {
        self.digest
    }

    /// Whether a session exists.
    pub fn has_session(&self, session: i64) -> bool {
        self.sessions.contains_key(&session)
    }

    /// Whether a session may write: it is in the log, or may be one that a member keeps to itself.
    pub fn may_write(&self, session: i64) -> bool {
        self.has_session(session) || self.is_local(session)
    }

    fn is_local(&self, session: i64) -> bool {
        self.rules.local_sessions && !self.has_session(session) && !self.ended.contains(&session)
    }

    /// The nodes that sessions own, with the session.
    pub fn owned_nodes(&self) -> impl Iterator<Item = (&String, i64)> {
        self.nodes.iter().filter_map(|(path, node)| Some((path, session_of(node.owner)?)))
    }

    fn owned(&self, session: i64) -> impl Iterator<Item = &String> {
        self.sessions.get(&session).into_iter().flatten()
    }

    /// A session begins.
    pub fn create_session(&mut self, zxid: i64, session: i64) {
        self.zxid = zxid;
        self.sessions.entry(session).or_default();
    }

    /// A session ends, and its ephemerals with it. Returns their paths and what watches are told.
    pub fn close_session(&mut self, zxid: i64, session: i64) -> (BTreeSet<String>, Vec<Trigger>) {
        self.zxid = zxid;
        self.ended.insert(session);
        let paths = self.sessions.remove(&session).unwrap_or_default();
        let mut triggers = Vec::new();
        for path in &paths {
            self.delete(zxid, path, &mut triggers);
        }
        self.remember_quotas();
        (paths, triggers)
    }

    /// In the middle of the end of a session: these of its nodes are gone.
    pub fn close_part(&mut self, zxid: i64, paths: &[String]) {
        for path in paths {
            self.delete(zxid, path, &mut Vec::new());
        }
    }

    /// Performs a write that got `zxid` at wall clock `time_ms`; says what the client must be told, and what watches
    /// must be told.
    pub fn write(&mut self, zxid: i64, time_ms: i64, caller: Caller<'_>, op: &Op) -> (OpResult, Vec<Trigger>) {
        self.zxid = zxid;
        let mut triggers = Vec::new();
        let at = Stamp { zxid, time_ms, part: 0 };
        let result = match op {
            op if self.is_local(caller.session) && op.asks_for_ephemeral() => {
                OpResult::Error(code::EPHEMERAL_ON_LOCAL_SESSION)
            }
            Op::Multi(ops) => self.multi(at, caller, ops, &mut triggers),
            single => self.single(at, caller, single, &mut triggers).unwrap_or_else(OpResult::Error),
        };
        self.remember_quotas();
        (result, triggers)
    }

    fn multi(&mut self, at: Stamp, caller: Caller<'_>, ops: &[MultiOp], triggers: &mut Vec<Trigger>) -> OpResult {
        let (sessions, digest) = (self.sessions.clone(), self.digest);
        self.undo = Some(Vec::new());
        let mut results = Vec::with_capacity(ops.len());
        for (index, MultiOp(op)) in ops.iter().enumerate() {
            match self.single(Stamp { part: index, ..at }, caller, op, triggers) {
                Ok(result) => results.push(result),
                Err(error) => {
                    (self.sessions, self.digest) = (sessions, digest);
                    self.take_back();
                    triggers.clear();
                    let outcome = |at: usize| match at.cmp(&index) {
                        core::cmp::Ordering::Less => code::OK,
                        core::cmp::Ordering::Equal => error,
                        core::cmp::Ordering::Greater => code::RUNTIME_INCONSISTENCY,
                    };
                    return OpResult::Multi((0..ops.len()).map(|at| OpResult::Error(outcome(at))).collect());
                }
            }
        }
        self.undo = None;
        // What a multi returns is built when it is applied, from the tree as it is after the whole of it... except for
        // setData and the creations with a stat, which upstream takes at the moment of each part.
        OpResult::Multi(results)
    }

    fn take_back(&mut self) {
        for (path, before) in self.undo.take().unwrap_or_default().into_iter().rev() {
            match before {
                Some(node) => self.nodes.insert(path, node),
                None => self.nodes.remove(&path),
            };
        }
    }

    fn single(&mut self, at: Stamp, caller: Caller<'_>, op: &Op, triggers: &mut Vec<Trigger>) -> Result<OpResult, i32> {
        match op {
            Op::Create { path, data, acl, flags, kind } => {
                let new = self.check_create(at, caller, op)?;
                let acl = fix_acl(caller, acl)?;
                let owner = match kind {
                    CreateKind::Container => CONTAINER,
                    CreateKind::Ttl(ttl_ms) => ttl_owner(*ttl_ms),
                    _ if flags & 1 == 1 => caller.session,
                    _ => 0,
                };
                debug_assert!(new.starts_with(path.as_str()), "a name only grows");
                self.create(at, &new, data.clone(), acl, owner, triggers);
                let stat = (*kind != CreateKind::Plain).then(|| self.nodes[&new].stat());
                Ok(OpResult::Created { stat, path: new })
            }
            Op::Delete { path, version } => {
                self.check_session(caller)?;
                self.check_delete(caller, path, *version)?;
                self.delete(at.zxid, path, triggers);
                Ok(OpResult::Done)
            }
            Op::SetData { path, data, version } => self.set_data(at, caller, path, data, *version, triggers),
            Op::SetAcl { path, acl, version } => {
                self.check_session(caller)?;
                let acl = fix_acl(caller, acl)?;
                let node = self.nodes.get(path).ok_or(code::NO_NODE)?;
                allowed(caller, node, perm::ADMIN)?;
                expect_version(*version, node.aversion)?;
                self.change(path, |node| {
                    node.acl = acl;
                    node.aversion += 1;
                });
                Ok(OpResult::Stat(self.nodes[path].stat()))
            }
            Op::Check { path, version } => {
                self.check_session(caller)?;
                let node = self.nodes.get(path).ok_or(code::NO_NODE)?;
                allowed(caller, node, perm::READ)?;
                expect_version(*version, node.version)?;
                Ok(OpResult::Done)
            }
            // A standalone server never does it.
            Op::Reconfig if self.rules.reconfig_enabled => self.check_session(caller).and(Err(code::UNIMPLEMENTED)),
            Op::Reconfig => Err(code::RECONFIG_DISABLED),
            read => unreachable!("{read:?} is no write"),
        }
    }

    fn check_session(&self, caller: Caller<'_>) -> Result<(), i32> {
        if self.may_write(caller.session) { Ok(()) } else { Err(code::SESSION_EXPIRED) }
    }

    fn check_create(&self, at: Stamp, caller: Caller<'_>, op: &Op) -> Result<String, i32> {
        let Op::Create { path, data, acl, flags, kind } = op else { unreachable!("a creation") };
        self.check_ttl(*flags, *kind)?;
        self.check_session(caller)?;
        let slash = path.rfind('/').ok_or(code::BAD_ARGUMENTS)?;
        fix_acl(caller, acl)?;
        let parent_path = if slash == 0 { "/" } else { &path[..slash] };
        let parent = self.nodes.get(parent_path).ok_or(code::NO_NODE)?;
        allowed(caller, parent, perm::CREATE)?;
        let sequential = matches!(flags, 2 | 3 | 6);
        let path = if sequential { format!("{path}{:010}", parent.creates) } else { path.clone() };
        if !valid_path(&path) {
            return Err(code::BAD_ARGUMENTS);
        }
        if self.nodes.contains_key(&path) {
            return Err(code::NODE_EXISTS);
        }
        if session_of(parent.owner).is_some() {
            return Err(code::NO_CHILDREN_FOR_EPHEMERALS);
        }
        self.check_room(at, caller, &path, 1, data.as_ref().map_or(0, |data| data.len() as i64))?;
        Ok(path)
    }

    /// Flags 5 and 6 and the operation createTTL belong together.
    fn check_ttl(&self, flags: i32, kind: CreateKind) -> Result<(), i32> {
        match (kind, matches!(flags, 5 | 6)) {
            (CreateKind::Ttl(_), false) => Err(code::BAD_ARGUMENTS),
            (_, false) => Ok(()),
            _ if !self.rules.extended_types => Err(code::UNIMPLEMENTED),
            (CreateKind::Ttl(ttl_ms), true) if (1..=TTL_MS_MAX).contains(&ttl_ms) => Ok(()),
            _ => Err(code::BAD_ARGUMENTS),
        }
    }

    /// A moment decides between yes and no; where both may be right, what the server said is.
    fn check_room(&self, at: Stamp, caller: Caller<'_>, path: &str, count: i64, bytes: i64) -> Result<(), i32> {
        let refused = caller.refused_for_quota == Some(at.part);
        match self.room(caller.floor, path, count, bytes) {
            Room::No => Err(code::QUOTA_EXCEEDED),
            Room::Perhaps if refused => Err(code::QUOTA_EXCEEDED),
            Room::Perhaps | Room::Yes => Ok(()),
        }
    }

    fn check_delete(&self, caller: Caller<'_>, path: &str, version: i32) -> Result<(), i32> {
        if matches!(path, "/" | "/zookeeper" | "/zookeeper/quota" | "/zookeeper/config") || !path.contains('/') {
            return Err(code::BAD_ARGUMENTS);
        }
        let parent = self.nodes.get(parent_of(path)).ok_or(code::NO_NODE)?;
        allowed(caller, parent, perm::DELETE)?;
        let node = self.nodes.get(path).ok_or(code::NO_NODE)?;
        expect_version(version, node.version)?;
        if node.children.is_empty() { Ok(()) } else { Err(code::NOT_EMPTY) }
    }

    /// The ensemble has another configuration. What it says is no matter of this model; that it changed is told.
    pub fn reconfigured(&mut self, zxid: i64) -> Vec<Trigger> {
        let path = "/zookeeper/config";
        self.change(path, |node| node.mzxid = zxid);
        self.zxid = zxid;
        let acl = self.nodes[path].acl.clone();
        vec![Trigger { change: Change::DataChanged, path: path.into(), parent_acl: acl.clone(), acl }]
    }

    fn set_data(
        &mut self,
        at: Stamp,
        caller: Caller<'_>,
        path: &str,
        data: &Option<Vec<u8>>,
        version: i32,
        triggers: &mut Vec<Trigger>,
    ) -> Result<OpResult, i32> {
        self.check_session(caller)?;
        let node = self.nodes.get(path).ok_or(code::NO_NODE)?;
        allowed(caller, node, perm::WRITE)?;
        let len = |data: &Option<Vec<u8>>| data.as_ref().map_or(0, |data| data.len() as i64);
        let more = len(data) - len(&node.data);
        self.check_room(at, caller, path, 0, more)?;
        expect_version(version, node.version)?;
        self.change(path, |node| {
            node.data = data.clone();
            node.version += 1;
            node.mzxid = at.zxid;
            node.mtime = at.time_ms;
        });
        self.quota_data_changed(path, data.as_deref(), more);
        let node = &self.nodes[path];
        let acl = node.acl.clone();
        triggers.push(Trigger { change: Change::DataChanged, path: path.into(), parent_acl: acl.clone(), acl });
        Ok(OpResult::Stat(node.stat()))
    }

    fn create(
        &mut self,
        at: Stamp,
        path: &str,
        data: Option<Vec<u8>>,
        acl: Vec<Acl>,
        owner: i64,
        triggers: &mut Vec<Trigger>,
    ) {
        let name = path.rsplit('/').next().expect("a path has a last part").to_string();
        self.change(parent_of(path), |parent| {
            parent.children.insert(name);
            parent.creates += 1;
            parent.pzxid = at.zxid;
        });
        let bytes = data.as_ref().map_or(0, Vec::len);
        let node = ModelNode {
            data,
            acl: acl.clone(),
            czxid: at.zxid,
            mzxid: at.zxid,
            pzxid: at.zxid,
            ctime: at.time_ms,
            mtime: at.time_ms,
            version: 0,
            creates: 0,
            aversion: 0,
            owner,
            children: BTreeSet::new(),
        };
        self.put(path, node);
        if let Some(session) = session_of(owner) {
            self.sessions.entry(session).or_default().insert(path.to_string());
        }
        self.quota_created(path, bytes);
        let parent_acl = self.nodes[parent_of(path)].acl.clone();
        triggers.push(Trigger { change: Change::Created, path: path.into(), acl, parent_acl });
    }

    fn delete(&mut self, zxid: i64, path: &str, triggers: &mut Vec<Trigger>) {
        let Some(node) = self.nodes.remove(path) else { return };
        self.digest = self.digest.wrapping_sub(digest::of_node(path, &node));
        if let Some(undo) = &mut self.undo {
            undo.push((path.to_string(), Some(node.clone())));
        }
        if let Some(paths) = self.sessions.get_mut(&node.owner) {
            paths.remove(path);
        }
        let name = path.rsplit('/').next().expect("a path has a last part");
        self.change(parent_of(path), |parent| {
            parent.children.remove(name);
            parent.pzxid = zxid;
        });
        self.quota_changed(path, -1, -(node.data.as_ref().map_or(0, Vec::len) as i64));
        let parent_acl = self.nodes[parent_of(path)].acl.clone();
        triggers.push(Trigger { change: Change::Deleted, path: path.into(), acl: node.acl, parent_acl });
    }

    fn change(&mut self, path: &str, change: impl FnOnce(&mut ModelNode)) {
        let node = self.nodes.get_mut(path).expect("the caller has checked that the node exists");
        if let Some(undo) = &mut self.undo {
            undo.push((path.to_string(), Some(node.clone())));
        }
        let before = digest::of_node(path, node);
        change(node);
        let after = digest::of_node(path, node);
        self.digest = self.digest.wrapping_sub(before).wrapping_add(after);
    }

    fn put(&mut self, path: &str, node: ModelNode) {
        self.digest = self.digest.wrapping_add(digest::of_node(path, &node));
        let before = self.nodes.insert(path.to_string(), node);
        if let Some(undo) = &mut self.undo {
            undo.push((path.to_string(), before));
        }
    }
}

/// What a write, or a part of one, has for its own.
#[derive(Clone, Copy)]
struct Stamp {
    zxid: i64,
    time_ms: i64,
    part: usize,
}

fn parent_of(path: &str) -> &str {
    match path.rfind('/') {
        Some(0) | None => "/",
        Some(slash) => &path[..slash],
    }
}

fn expect_version(expected: i32, found: i32) -> Result<(), i32> {
    if expected == -1 || expected == found { Ok(()) } else { Err(code::BAD_VERSION) }
}

/// The rules that the workload's paths can break: empty parts, dots, a slash at the end.
fn valid_path(path: &str) -> bool {
    path == "/"
        || path.strip_prefix('/').is_some_and(|rest| {
            rest.split('/').all(|part| !part.is_empty() && part != "." && part != ".." && !part.contains('\0'))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOBODY: Caller<'static> = Caller { session: 7, users: &[], floor: 0, refused_for_quota: None };

    /// A tree with one session.
    fn begun(rules: Rules) -> Model {
        let mut model = Model::new(rules);
        model.create_session(0, 7);
        model
    }

    fn create(path: &str, flags: i32) -> Op {
        Op::Create { path: path.into(), data: Some(b"x".to_vec()), acl: open_acl(), flags, kind: CreateKind::WithStat }
    }

    #[test]
    fn sequence_numbers_count_creates_and_never_go_back() {
        let mut model = begun(Rules { extended_types: true, enforce_quota: true, ..Rules::default() });
        model.write(1, 10, NOBODY, &create("/s", 0));
        for (zxid, expected) in [(2, "/s/a0000000000"), (3, "/s/a0000000001")] {
            let (result, _) = model.write(zxid, 10, NOBODY, &create("/s/a", 2));
            assert!(matches!(result, OpResult::Created { path, .. } if path == expected));
        }
        model.write(4, 10, NOBODY, &Op::Delete { path: "/s/a0000000001".into(), version: -1 });
        let (result, _) = model.write(5, 10, NOBODY, &create("/s/a", 3));
        assert!(matches!(result, OpResult::Created { path, .. } if path == "/s/a0000000002"));
        let parent = model.node("/s").unwrap().stat();
        assert_eq!((parent.cversion, parent.children, parent.pzxid), (4, 2, 5), "three creates and one delete");
    }

    #[test]
    fn a_closed_session_takes_its_ephemerals_along() {
        let mut model = begun(Rules { extended_types: true, enforce_quota: true, ..Rules::default() });
        model.create_session(1, 7);
        model.write(2, 10, NOBODY, &create("/e", 1));
        let (result, _) = model.write(3, 10, NOBODY, &create("/e/child", 0));
        assert_eq!(result, OpResult::Error(code::NO_CHILDREN_FOR_EPHEMERALS));
        let (paths, triggers) = model.close_session(4, 7);
        assert_eq!(paths, BTreeSet::from(["/e".to_string()]));
        assert_eq!(triggers.len(), 1);
        assert!(model.node("/e").is_none() && !model.has_session(7));
    }

    #[test]
    fn a_failed_multi_changes_nothing() {
        let mut model = begun(Rules { extended_types: true, enforce_quota: true, ..Rules::default() });
        model.write(1, 10, NOBODY, &create("/s", 0));
        let before = model.digest();
        let ops = vec![
            MultiOp(create("/s/a", 2)),
            MultiOp(Op::Check { path: "/s".into(), version: 9 }),
            MultiOp(create("/s/b", 0)),
        ];
        let (result, triggers) = model.write(2, 10, NOBODY, &Op::Multi(ops));
        let codes = [code::OK, code::BAD_VERSION, code::RUNTIME_INCONSISTENCY].map(OpResult::Error);
        assert_eq!(result, OpResult::Multi(codes.to_vec()));
        assert!(triggers.is_empty());
        assert_eq!(model.digest(), before);
    }

    #[test]
    fn the_digest_follows_the_nodes() {
        let mut model = begun(Rules { extended_types: true, enforce_quota: true, ..Rules::default() });
        model.write(1, 10, NOBODY, &create("/s", 0));
        model.write(2, 10, NOBODY, &Op::SetData { path: "/s".into(), data: None, version: 0 });
        model.write(3, 10, NOBODY, &create("/s/x", 0));
        model.write(4, 10, NOBODY, &Op::Delete { path: "/s/x".into(), version: -1 });
        let summed = model.nodes().fold(0_i64, |sum, (path, node)| sum.wrapping_add(digest::of_node(path, node)));
        assert_eq!(model.digest(), summed);
    }

    #[test]
    fn extended_types_have_owners_that_are_no_sessions() {
        let mut model = begun(Rules { extended_types: true, ..Rules::default() });
        let new = |path: &str, flags, kind| Op::Create { path: path.into(), data: None, acl: open_acl(), flags, kind };
        model.write(1, 10, NOBODY, &new("/c", 4, CreateKind::Container));
        model.write(2, 10, NOBODY, &new("/t", 5, CreateKind::Ttl(100)));
        let (wrong, _) = model.write(3, 10, NOBODY, &new("/u", 5, CreateKind::Ttl(0)));
        assert_eq!(wrong, OpResult::Error(code::BAD_ARGUMENTS));
        let due = |model: &Model, path: &str, time_ms| model.is_due(model.node(path).unwrap(), time_ms);
        assert!(!due(&model, "/c", 1 << 40) && !due(&model, "/t", 110) && due(&model, "/t", 111));
        model.write(4, 10, NOBODY, &create("/c/x", 0));
        assert!(!due(&model, "/c", 10), "it has a child");
        model.write(5, 10, NOBODY, &Op::Delete { path: "/c/x".into(), version: -1 });
        assert!(due(&model, "/c", 10));
        assert_eq!(model.owned_nodes().count(), 0);
    }

    #[test]
    fn quotas_count_what_is_applied() {
        let mut model = begun(Rules { enforce_quota: true, ..Rules::default() });
        model.write(1, 10, NOBODY, &create("/q", 0));
        model.write(2, 10, NOBODY, &create("/zookeeper/quota/q", 0));
        let text = |name: &str, text: &str| {
            let (path, data) = (format!("/zookeeper/quota/q/{name}"), Some(text.as_bytes().to_vec()));
            MultiOp(Op::Create { path, data, acl: open_acl(), flags: 0, kind: CreateKind::Plain })
        };
        let limits = text("zookeeper_limits", "count=9,bytes=-1=;countHardLimit=2");
        model.write(3, 10, NOBODY, &Op::Multi(vec![limits, text("zookeeper_stats", "")]));
        let stats = |model: &Model| model.node("/zookeeper/quota/q/zookeeper_stats").unwrap().data.clone().unwrap();
        assert_eq!(stats(&model), b"count=1,bytes=1");
        model.write(4, 10, NOBODY, &create("/q/a", 0));
        assert_eq!(stats(&model), b"count=2,bytes=2");
        model.zxid = 5;
        assert_eq!(model.room(4, "/q/b", 1, 0), Room::No);
        assert_eq!(model.room(3, "/q/b", 1, 0), Room::Perhaps, "the fourth may not have been applied");
        assert_eq!((model.room(4, "/q/b", 0, 99), model.room(4, "/r", 1, 0)), (Room::Yes, Room::Yes));
        assert_eq!(model.room(0, "/q/b", 1, 0), Room::Perhaps);
    }
}
