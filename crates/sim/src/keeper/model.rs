//! A second, independent ZooKeeper tree: nothing but a sorted map, written from the protocol's description and sharing
//! no code with the keeper. It is told which operation got which zxid, and says what the reply must have been.

use std::collections::{BTreeMap, BTreeSet};

use super::op::{Acl, MultiOp, Op, OpResult, StatView, code};

/// World may do everything: what `OPEN_ACL_UNSAFE` means.
pub fn open_acl() -> Vec<Acl> {
    vec![Acl { perms: 31, scheme: "world".into(), id: "anyone".into() }]
}

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
    /// Session that owns it, or 0.
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
            owner: self.owner,
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

/// Which of a server's two watch managers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Manager {
    /// getData, exists.
    Data,
    /// getChildren.
    Child,
}

/// One watch that a transaction would fire: where, and with what.
pub type Trigger = (Manager, String, Change);

/// Who asks: the session, and the ids it has proved besides world.
#[derive(Clone, Copy, Debug)]
pub struct Caller<'a> {
    /// Session id.
    pub session: i64,
    /// Digest ids that the connection has added.
    pub digests: &'a [String],
}

/// The tree after some zxid.
#[derive(Clone, Debug)]
pub struct Model {
    nodes: BTreeMap<String, ModelNode>,
    /// Sessions that exist, with their ephemeral nodes.
    sessions: BTreeMap<i64, BTreeSet<String>>,
    digest: i64,
    /// The last zxid that was applied.
    pub zxid: i64,
}

impl Model {
    /// A new data folder's tree: `/`, `/zookeeper`, `/zookeeper/quota`, `/zookeeper/config`.
    pub fn new() -> Self {
        let mut model = Self { nodes: BTreeMap::new(), sessions: BTreeMap::new(), digest: 0, zxid: 0 };
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

    /// The sessions that exist.
    pub fn sessions(&self) -> impl Iterator<Item = i64> {
        self.sessions.keys().copied()
    }

    /// A session begins.
    pub fn create_session(&mut self, zxid: i64, session: i64) {
        self.zxid = zxid;
        self.sessions.entry(session).or_default();
    }

    /// A session ends, and its ephemerals with it. Returns their paths and what watches are told.
    pub fn close_session(&mut self, zxid: i64, session: i64) -> (BTreeSet<String>, Vec<Trigger>) {
        self.zxid = zxid;
        let paths = self.sessions.remove(&session).unwrap_or_default();
        let mut triggers = Vec::new();
        for path in &paths {
            self.delete(zxid, path, &mut triggers);
        }
        (paths, triggers)
    }

    /// Performs a write that got `zxid` at wall clock `time_ms`; says what the client must be told, and what watches
    /// must be told.
    pub fn write(&mut self, zxid: i64, time_ms: i64, caller: Caller<'_>, op: &Op) -> (OpResult, Vec<Trigger>) {
        self.zxid = zxid;
        let mut triggers = Vec::new();
        let result = match op {
            Op::Multi(ops) => self.multi(zxid, time_ms, caller, ops, &mut triggers),
            single => self.single(zxid, time_ms, caller, single, &mut triggers).unwrap_or_else(OpResult::Error),
        };
        (result, triggers)
    }

    fn multi(
        &mut self,
        zxid: i64,
        time_ms: i64,
        caller: Caller<'_>,
        ops: &[MultiOp],
        triggers: &mut Vec<Trigger>,
    ) -> OpResult {
        let before = self.clone();
        let mut results = Vec::with_capacity(ops.len());
        for (index, MultiOp(op)) in ops.iter().enumerate() {
            match self.single(zxid, time_ms, caller, op, triggers) {
                Ok(result) => results.push(result),
                Err(error) => {
                    *self = before;
                    self.zxid = zxid;
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
        // What a multi returns is built when it is applied, from the tree as it is after the whole of it... except for
        // setData and create2, whose stat upstream takes at the moment of each part.
        OpResult::Multi(results)
    }

    fn single(
        &mut self,
        zxid: i64,
        time_ms: i64,
        caller: Caller<'_>,
        op: &Op,
        triggers: &mut Vec<Trigger>,
    ) -> Result<OpResult, i32> {
        match op {
            Op::Create { path, data, acl, flags, with_stat } => {
                let path = self.check_create(caller, path, acl, *flags)?;
                let owner = if flags & 1 == 1 { caller.session } else { 0 };
                let acl = fix_acl(caller, acl)?;
                self.create(zxid, time_ms, &path, data.clone(), acl, owner, triggers);
                Ok(OpResult::Created { stat: with_stat.then(|| self.nodes[&path].stat()), path })
            }
            Op::Delete { path, version } => {
                self.check_delete(caller, path, *version)?;
                self.delete(zxid, path, triggers);
                Ok(OpResult::Done)
            }
            Op::SetData { path, data, version } => {
                let node = self.nodes.get(path).ok_or(code::NO_NODE)?;
                allowed(caller, node, perm::WRITE)?;
                expect_version(*version, node.version)?;
                self.change(path, |node| {
                    node.data = data.clone();
                    node.version += 1;
                    node.mzxid = zxid;
                    node.mtime = time_ms;
                });
                triggers.push((Manager::Data, path.clone(), Change::DataChanged));
                Ok(OpResult::Stat(self.nodes[path].stat()))
            }
            Op::SetAcl { path, acl, version } => {
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
                let node = self.nodes.get(path).ok_or(code::NO_NODE)?;
                allowed(caller, node, perm::READ)?;
                expect_version(*version, node.version)?;
                Ok(OpResult::Done)
            }
            read => unreachable!("{read:?} is no write"),
        }
    }

    /// What a read of the tree as it is now must answer.
    pub fn read(&self, caller: Caller<'_>, op: &Op) -> OpResult {
        self.try_read(caller, op).unwrap_or_else(OpResult::Error)
    }

    fn try_read(&self, caller: Caller<'_>, op: &Op) -> Result<OpResult, i32> {
        let find = |path: &String| self.nodes.get(path).ok_or(code::NO_NODE);
        Ok(match op {
            Op::Exists { path, .. } => {
                let node = find(path)?;
                allowed(caller, node, perm::READ)?;
                OpResult::Stat(node.stat())
            }
            Op::GetData { path, .. } => {
                let node = find(path)?;
                allowed(caller, node, perm::READ)?;
                OpResult::Data { data: node.data.clone(), stat: node.stat() }
            }
            Op::GetChildren { path, with_stat, .. } => {
                let node = find(path)?;
                allowed(caller, node, perm::READ)?;
                let names = node.children.iter().cloned().collect();
                OpResult::Children { names, stat: with_stat.then(|| node.stat()) }
            }
            Op::GetAcl { path } => {
                let node = find(path)?;
                allowed(caller, node, perm::READ | perm::ADMIN)?;
                let mut acl = node.acl.clone();
                if allowed(caller, node, perm::ADMIN).is_err() {
                    for entry in acl.iter_mut().filter(|entry| entry.scheme == "digest") {
                        let user = entry.id.split(':').next().unwrap_or_default().to_string();
                        entry.id = format!("{user}:x");
                    }
                }
                OpResult::Acl { acl, stat: node.stat() }
            }
            Op::Sync { path } => OpResult::Synced { path: path.clone() },
            other => unreachable!("{other:?} is no read"),
        })
    }

    fn check_create(&self, caller: Caller<'_>, path: &str, acl: &[Acl], flags: i32) -> Result<String, i32> {
        let slash = path.rfind('/').ok_or(code::BAD_ARGUMENTS)?;
        fix_acl(caller, acl)?;
        let parent_path = if slash == 0 { "/" } else { &path[..slash] };
        let parent = self.nodes.get(parent_path).ok_or(code::NO_NODE)?;
        allowed(caller, parent, perm::CREATE)?;
        let path = if flags & 2 == 2 { format!("{path}{:010}", parent.creates) } else { path.to_string() };
        if !valid_path(&path) {
            return Err(code::BAD_ARGUMENTS);
        }
        if self.nodes.contains_key(&path) {
            return Err(code::NODE_EXISTS);
        }
        if parent.owner != 0 {
            return Err(code::NO_CHILDREN_FOR_EPHEMERALS);
        }
        Ok(path)
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

    #[allow(clippy::too_many_arguments, reason = "these are the parts of a CreateTxn")]
    fn create(
        &mut self,
        zxid: i64,
        time_ms: i64,
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
            parent.pzxid = zxid;
        });
        let node = ModelNode {
            data,
            acl,
            czxid: zxid,
            mzxid: zxid,
            pzxid: zxid,
            ctime: time_ms,
            mtime: time_ms,
            version: 0,
            creates: 0,
            aversion: 0,
            owner,
            children: BTreeSet::new(),
        };
        self.put(path, node);
        if owner != 0 {
            self.sessions.entry(owner).or_default().insert(path.to_string());
        }
        triggers.push((Manager::Data, path.to_string(), Change::Created));
        triggers.push((Manager::Child, parent_of(path).to_string(), Change::ChildrenChanged));
    }

    fn delete(&mut self, zxid: i64, path: &str, triggers: &mut Vec<Trigger>) {
        let Some(node) = self.nodes.remove(path) else { return };
        self.digest = self.digest.wrapping_sub(node_digest(path, &node));
        if let Some(paths) = self.sessions.get_mut(&node.owner) {
            paths.remove(path);
        }
        let name = path.rsplit('/').next().expect("a path has a last part");
        self.change(parent_of(path), |parent| {
            parent.children.remove(name);
            parent.pzxid = zxid;
        });
        triggers.push((Manager::Data, path.to_string(), Change::Deleted));
        triggers.push((Manager::Child, path.to_string(), Change::Deleted));
        triggers.push((Manager::Child, parent_of(path).to_string(), Change::ChildrenChanged));
    }

    fn change(&mut self, path: &str, change: impl FnOnce(&mut ModelNode)) {
        let node = self.nodes.get_mut(path).expect("the caller has checked that the node exists");
        let before = node_digest(path, node);
        change(node);
        let after = node_digest(path, node);
        self.digest = self.digest.wrapping_sub(before).wrapping_add(after);
    }

    fn put(&mut self, path: &str, node: ModelNode) {
        self.digest = self.digest.wrapping_add(node_digest(path, &node));
        self.nodes.insert(path.to_string(), node);
    }
}

impl Default for Model {
    fn default() -> Self {
        Self::new()
    }
}

/// `ZooDefs.Perms`.
mod perm {
    pub const READ: u8 = 1;
    pub const WRITE: u8 = 2;
    pub const CREATE: u8 = 4;
    pub const DELETE: u8 = 8;
    pub const ADMIN: u8 = 16;
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

fn allowed(caller: Caller<'_>, node: &ModelNode, wanted: u8) -> Result<(), i32> {
    let matches = |entry: &Acl| match entry.scheme.as_str() {
        "world" => entry.id == "anyone",
        "digest" => caller.digests.contains(&entry.id),
        _ => false,
    };
    let granted = node.acl.is_empty() || node.acl.iter().any(|entry| entry.perms & wanted != 0 && matches(entry));
    if granted { Ok(()) } else { Err(code::NO_AUTH) }
}

/// What is stored for an ACL that a client sent: duplicates go, `auth` becomes the caller's own ids.
fn fix_acl(caller: Caller<'_>, acl: &[Acl]) -> Result<Vec<Acl>, i32> {
    let mut fixed: Vec<Acl> = Vec::new();
    for (index, entry) in acl.iter().enumerate() {
        if acl[..index].contains(entry) {
            continue;
        }
        match entry.scheme.as_str() {
            "auth" => {
                if caller.digests.is_empty() {
                    return Err(code::INVALID_ACL);
                }
                fixed.extend(caller.digests.iter().map(|id| Acl {
                    perms: entry.perms,
                    scheme: "digest".into(),
                    id: id.clone(),
                }));
            }
            "world" if entry.id == "anyone" => fixed.push(entry.clone()),
            "digest" if entry.id.split(':').count() == 2 => fixed.push(entry.clone()),
            _ => return Err(code::INVALID_ACL),
        }
    }
    if fixed.is_empty() { Err(code::INVALID_ACL) } else { Ok(fixed) }
}

/// The rules that the workload's paths can break: empty parts, dots, a slash at the end.
fn valid_path(path: &str) -> bool {
    path == "/"
        || path.strip_prefix('/').is_some_and(|rest| {
            rest.split('/').all(|part| !part.is_empty() && part != "." && part != ".." && !part.contains('\0'))
        })
}

/// A node's part of the tree digest, version 2 (upstream: `DigestCalculator.java`).
fn node_digest(path: &str, node: &ModelNode) -> i64 {
    if path.starts_with("/zookeeper/") {
        return 0;
    }
    let mut crc = Crc32::new();
    crc.update(if path == "/" { "" } else { path }.as_bytes());
    crc.update(node.data.as_deref().unwrap_or_default());
    for long in [node.czxid, node.mzxid, node.pzxid, node.ctime, node.mtime] {
        crc.update(&long.to_be_bytes());
    }
    for int in [node.version, node.creates, node.aversion] {
        crc.update(&int.to_be_bytes());
    }
    crc.update(&node.owner.to_be_bytes());
    i64::from(crc.finish())
}

/// CRC-32 (IEEE), by a table: the model shares no code with the server.
struct Crc32(u32);

const CRC_TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut value = index as u32;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 { 0xEDB8_8320 ^ (value >> 1) } else { value >> 1 };
            bit += 1;
        }
        table[index] = value;
        index += 1;
    }
    table
};

impl Crc32 {
    fn new() -> Self {
        Self(u32::MAX)
    }

    fn update(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = CRC_TABLE[((self.0 ^ u32::from(*byte)) & 0xff) as usize] ^ (self.0 >> 8);
        }
    }

    fn finish(self) -> u32 {
        !self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOBODY: Caller<'static> = Caller { session: 7, digests: &[] };

    fn create(path: &str, flags: i32) -> Op {
        Op::Create { path: path.into(), data: Some(b"x".to_vec()), acl: open_acl(), flags, with_stat: true }
    }

    #[test]
    fn crc_of_the_standard_check_string() {
        let mut crc = Crc32::new();
        crc.update(b"123456789");
        assert_eq!(crc.finish(), 0xCBF4_3926);
    }

    #[test]
    fn sequence_numbers_count_creates_and_never_go_back() {
        let mut model = Model::new();
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
        let mut model = Model::new();
        model.create_session(1, 7);
        model.write(2, 10, NOBODY, &create("/e", 1));
        let (result, _) = model.write(3, 10, NOBODY, &create("/e/child", 0));
        assert_eq!(result, OpResult::Error(code::NO_CHILDREN_FOR_EPHEMERALS));
        let (paths, triggers) = model.close_session(4, 7);
        assert_eq!(paths, BTreeSet::from(["/e".to_string()]));
        assert_eq!(triggers.len(), 3);
        assert!(model.node("/e").is_none() && !model.has_session(7));
    }

    #[test]
    fn a_failed_multi_changes_nothing() {
        let mut model = Model::new();
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
        let mut model = Model::new();
        model.write(1, 10, NOBODY, &create("/s", 0));
        model.write(2, 10, NOBODY, &Op::SetData { path: "/s".into(), data: None, version: 0 });
        model.write(3, 10, NOBODY, &create("/s/x", 0));
        model.write(4, 10, NOBODY, &Op::Delete { path: "/s/x".into(), version: -1 });
        let summed = model.nodes().fold(0_i64, |sum, (path, node)| sum.wrapping_add(node_digest(path, node)));
        assert_eq!(model.digest(), summed);
    }
}
