//! The znodes and how a transaction changes them (upstream: `DataTree`). Applying is the same when serving and when
//! replaying a log over a snapshot that already holds some of its effects: see the notes at each kind.

mod closing;
mod quotas;

use std::collections::{BTreeMap, BTreeSet};

use base::Str;
use zk_wire::txn::TxnBody;
use zk_wire::{Acl, ErrorCode, Id, OpCode, SessionId, Stat, StatPersisted, TxnHeader, Zxid, digest, perms};

use crate::acl::{AclId, AclList, AclTable, OPEN};
use crate::node::{Node, Owner};
use crate::path;
use crate::quota::Quotas;

pub use closing::Closing;
pub use quotas::{Count, Counting};

/// All znodes.
#[derive(Debug)]
pub struct Tree {
    root: Node,
    acls: AclTable,
    ephemerals: BTreeMap<SessionId, Owned>,
    /// The nodes that the server may delete by itself.
    containers_and_ttls: BTreeSet<Str>,
    quotas: Quotas,
    /// Counted for the transaction that is applied next.
    counts: Vec<Count>,
    digest: i64,
    nodes: usize,
    bytes: u64,
}

/// What a session owns.
#[derive(Debug, Default)]
struct Owned {
    paths: BTreeSet<Str>,
    /// The sum of the nodes' digests: so the tree's digest behind the session's end is known without a look at each.
    digest: i64,
}

/// What a watch may wait for.
#[derive(Clone, Debug)]
pub struct Change<'a> {
    /// What happened.
    pub kind: ChangeKind,
    /// To which node.
    pub path: &'a str,
    /// The node's list; of a deleted node the last one.
    pub acl: AclList,
    /// The list of its parent; as `acl` when only data changed.
    pub parent_acl: AclList,
}

/// What happened to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// It was created.
    Created,
    /// It was deleted.
    Deleted,
    /// Its data was replaced.
    DataChanged,
}

/// What applying a transaction gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// `None` when it had its effect.
    pub err: Option<ErrorCode>,
    /// Of the node created or changed.
    pub stat: Option<Stat>,
    /// Of the parts of a multi.
    pub parts: Vec<Applied>,
}

/// Receives changes in the order of their effect.
pub type OnChange<'a> = &'a mut dyn FnMut(Change<'_>);

/// Where and when: what the parts of a transaction share.
#[derive(Clone, Copy)]
struct Stamp {
    session: SessionId,
    zxid: Zxid,
    time_ms: i64,
}

impl Default for Tree {
    /// `/`, `/zookeeper`, `/zookeeper/config` and `/zookeeper/quota`, as upstream makes them: empty data, and only
    /// readable where the ensemble's configuration goes.
    fn default() -> Self {
        let mut tree = Self::empty();
        let readable = Acl { perms: perms::READ, id: Id { scheme: "world".into(), id: "anyone".into() } };
        let readable = tree.acls.acquire(&[readable]);
        let stat = StatPersisted::default();
        let config = StatPersisted { aversion: -1, ..stat.clone() };
        for (path, acl, stat) in [
            ("/", OPEN, stat.clone()),
            ("/zookeeper", OPEN, stat.clone()),
            (path::QUOTA, OPEN, stat),
            (path::CONFIG, readable, config),
        ] {
            tree.load(path, Some(b""), acl, stat).expect("parents come first");
        }
        tree.acls.release(readable);
        tree
    }
}

impl Tree {
    /// No node but an unnumbered root, for [`Tree::load`].
    pub fn empty() -> Self {
        let root = Node::new("/", None, OPEN, StatPersisted::default());
        let mut tree = Self {
            root,
            acls: AclTable::default(),
            ephemerals: BTreeMap::new(),
            containers_and_ttls: BTreeSet::new(),
            quotas: Quotas::default(),
            counts: Vec::new(),
            digest: 0,
            nodes: 1,
            bytes: 1,
        };
        tree.digest = tree.digest_of("/", &tree.root);
        tree
    }

    /// The node at a path; `None` also for paths that no node can have.
    pub fn get(&self, path: &str) -> Option<&Node> {
        names(path)?.try_fold(&self.root, |node, name| node.child(name))
    }

    fn get_mut(&mut self, path: &str) -> Option<&mut Node> {
        below(&mut self.root, path)
    }

    /// The list of a node.
    pub fn acl(&self, node: &Node) -> AclList {
        self.acls.get(node.acl)
    }

    /// All lists.
    pub fn acls(&self) -> &AclTable {
        &self.acls
    }

    /// Paths of the nodes that a session owns.
    pub fn ephemerals(&self, session: SessionId) -> impl Iterator<Item = &Str> {
        self.ephemerals.get(&session).into_iter().flat_map(|owned| &owned.paths)
    }

    /// Sessions that own nodes.
    pub fn ephemeral_owners(&self) -> impl Iterator<Item = SessionId> {
        self.ephemerals.keys().copied()
    }

    /// How many nodes sessions own.
    pub fn ephemerals_count(&self) -> usize {
        self.ephemerals.values().map(|owned| owned.paths.len()).sum()
    }

    /// Paths of the containers and TTL nodes behind a path, in order.
    pub fn containers_and_ttls(&self, after: Option<&str>) -> impl Iterator<Item = &Str> {
        use std::ops::Bound::{Excluded, Unbounded};
        self.containers_and_ttls.range::<str, _>((after.map_or(Unbounded, Excluded), Unbounded))
    }

    /// How many nodes there are.
    pub fn nodes_count(&self) -> usize {
        self.nodes
    }

    /// Bytes of all paths and data.
    pub fn approximate_data_size(&self) -> u64 {
        self.bytes
    }

    /// The sum of the nodes' digests.
    pub fn digest(&self) -> i64 {
        self.digest
    }

    /// What `/zookeeper/config` says of the ensemble. Its numbers are those of the configuration's version, which its last
    /// line has (upstream: `ZKDatabase.initConfigInZKDatabase`). What a reconfig's transaction said, this one or a later
    /// one, stays, unless this server keeps its own configuration whatever the others do (`own`).
    pub fn set_config(&mut self, text: &str, own: bool) {
        let version = text.rsplit_once("version=").and_then(|(_, hex)| i64::from_str_radix(hex.trim(), 16).ok());
        let version = Zxid(version.unwrap_or(0));
        let said = self.get(path::CONFIG).map(|node| (node.numbers().mzxid, node.data.as_deref()));
        if said.is_some_and(|(at, data)| (at > version && !own) || (at == version && data == Some(text.as_bytes()))) {
            return;
        }
        let stamp = Stamp { session: SessionId::NONE, zxid: version, time_ms: 0 };
        let _ = self.set_data(stamp, path::CONFIG, Some(text.as_bytes()), -1, &mut |_| {});
    }

    /// Applies a transaction.
    pub fn apply(&mut self, header: &TxnHeader, body: &TxnBody, on_change: OnChange<'_>) -> Applied {
        let stamp = Stamp { session: header.client_id, zxid: header.zxid, time_ms: header.time_ms };
        let applied = match body {
            TxnBody::Multi(parts) => self.apply_multi(stamp, parts, on_change),
            body => self.apply_one(stamp, body, on_change),
        };
        self.counts.clear();
        applied
    }

    /// All parts or none: with an error among them the parts before it count as done and those behind it as not reached.
    fn apply_multi(&mut self, stamp: Stamp, parts: &[(OpCode, TxnBody)], on_change: OnChange<'_>) -> Applied {
        let is_error = |(_, part): &(OpCode, TxnBody)| matches!(part, TxnBody::Error(_));
        let failed = parts.iter().any(is_error);
        let mut results = Vec::with_capacity(parts.len());
        for part in parts {
            results.push(match &part.1 {
                TxnBody::Error(error) => Applied::failed(ErrorCode(error.err)),
                _ if failed => Applied::failed(ErrorCode::OK),
                body => self.apply_one(stamp, body, on_change),
            });
        }
        let err = results.iter().filter_map(|part| part.err).find(|err| *err != ErrorCode::OK);
        Applied { err, stat: None, parts: results }
    }

    fn apply_one(&mut self, stamp: Stamp, body: &TxnBody, on_change: OnChange<'_>) -> Applied {
        let result = match body {
            TxnBody::Create(txn) => {
                let owner = if txn.ephemeral { Owner::Session(stamp.session) } else { Owner::Persistent };
                let new = NewNode::of(&txn.path, txn.data.as_deref(), txn.acl.as_deref(), owner, txn.parent_cversion);
                self.create(stamp, &new, on_change)
            }
            TxnBody::CreateV0(txn) => {
                let owner = if txn.ephemeral { Owner::Session(stamp.session) } else { Owner::Persistent };
                let new = NewNode::of(&txn.path, txn.data.as_deref(), txn.acl.as_deref(), owner, -1);
                self.create(stamp, &new, on_change)
            }
            TxnBody::CreateTtl(txn) => {
                let owner = Owner::Ttl(txn.ttl_ms);
                let new = NewNode::of(&txn.path, txn.data.as_deref(), txn.acl.as_deref(), owner, txn.parent_cversion);
                self.create(stamp, &new, on_change)
            }
            TxnBody::CreateContainer(txn) => {
                let owner = Owner::Container;
                let new = NewNode::of(&txn.path, txn.data.as_deref(), txn.acl.as_deref(), owner, txn.parent_cversion);
                self.create(stamp, &new, on_change)
            }
            TxnBody::Delete(txn) => self.delete(stamp.zxid, &txn.path, on_change).map(|()| None),
            TxnBody::SetData(txn) => {
                self.set_data(stamp, &txn.path, txn.data.as_deref(), txn.version, on_change).map(Some)
            }
            TxnBody::SetAcl(txn) => self.set_acl(&txn.path, txn.acl.as_deref(), txn.version).map(Some),
            TxnBody::CloseSession(txn) => {
                let listed = txn.as_ref().and_then(|txn| txn.paths_to_delete.as_deref()).unwrap_or_default();
                let header = TxnHeader { client_id: stamp.session, zxid: stamp.zxid, ..TxnHeader::default() };
                self.close_session(&header, listed, on_change);
                Ok(None)
            }
            TxnBody::Error(error) => Err(ErrorCode(error.err)),
            TxnBody::CreateSession(_) | TxnBody::Check(_) | TxnBody::Multi(_) => Ok(None),
        };
        match result {
            Ok(stat) => Applied { stat, ..Applied::default() },
            Err(code) => Applied::failed(code),
        }
    }

    /// Replay: when the node is there already (the snapshot was written later), its parent's numbers and its own list
    /// still become the transaction's, which the snapshot may not have (ZOOKEEPER-4846).
    fn create(&mut self, stamp: Stamp, new: &NewNode<'_>, on_change: OnChange<'_>) -> Result<Option<Stat>, ErrorCode> {
        let (parent_path, name) = path::split(new.path).ok_or(ErrorCode::NO_NODE)?;
        if new.path == "/" {
            return Err(ErrorCode::NODE_EXISTS);
        }
        let parent = below(&mut self.root, parent_path).ok_or(ErrorCode::NO_NODE)?;
        let acl = self.acls.acquire(new.acl);
        let (parent_acl, parent_owner) = (parent.acl, parent.owner());
        let risen = raise(parent_path, parent, new.parent_cversion, stamp.zxid);
        let added = match parent.vacancy(name) {
            Ok(vacancy) => {
                let node = Node::new(new.path, new.data, acl, new.numbers(stamp));
                let (shown, counted) = (node.stat(), Counted::of(new.path, &node));
                vacancy.insert(node);
                Ok((shown, counted))
            }
            Err(existing) => Err(core::mem::replace(&mut existing.acl, acl)),
        };
        self.shift_digest(parent_owner, risen);
        let (shown, counted) = added.map_err(|old_acl| {
            self.acls.release(old_acl);
            ErrorCode::NODE_EXISTS
        })?;
        self.count(new.path, counted);
        self.quota_created(new.path, new.data.map_or(0, <[u8]>::len));
        on_change(Change {
            kind: ChangeKind::Created,
            path: new.path,
            acl: self.acls.get(acl),
            parent_acl: self.acls.get(parent_acl),
        });
        Ok(Some(shown))
    }

    /// Replay: the parent learns of the deletion before the node is looked for. A node that has children again (they
    /// and it were made anew behind this transaction) goes with them; their transactions come back.
    fn delete(&mut self, zxid: Zxid, path: &str, on_change: OnChange<'_>) -> Result<(), ErrorCode> {
        let (parent_path, name) = path::split(path).filter(|(_, name)| !name.is_empty()).ok_or(ErrorCode::NO_NODE)?;
        let parent = below(&mut self.root, parent_path).ok_or(ErrorCode::NO_NODE)?;
        let (parent_acl, parent_owner) = (parent.acl, parent.owner());
        // Of many deletions by one transaction only the first one tells the parent.
        let told = match parent.pzxid() < zxid {
            true => change_numbers(parent_path, parent, |stat| stat.pzxid = zxid),
            false => 0,
        };
        let gone = parent.remove_child(name);
        self.shift_digest(parent_owner, told);
        let node = gone.ok_or(ErrorCode::NO_NODE)?;
        let acl = self.acls.get(node.acl);
        let parent_acl = self.acls.get(parent_acl);
        let bytes = node.data.as_ref().map_or(0, |data| data.len());
        self.count_out(path, *node, None);
        self.quota_deleted(path, bytes);
        on_change(Change { kind: ChangeKind::Deleted, path, acl, parent_acl });
        Ok(())
    }

    fn set_data(
        &mut self,
        stamp: Stamp,
        path: &str,
        data: Option<&[u8]>,
        version: i32,
        on_change: OnChange<'_>,
    ) -> Result<Stat, ErrorCode> {
        let change = |stat: &mut StatPersisted| {
            stat.version = version;
            stat.mzxid = stamp.zxid;
            stat.mtime = stamp.time_ms;
        };
        let (old_len, shown, acl) = self.replace_data(path, data, change).ok_or(ErrorCode::NO_NODE)?;
        self.quota_data_changed(path, data, data.map_or(0, <[u8]>::len) as i64 - old_len as i64);
        let acl = self.acls.get(acl);
        on_change(Change { kind: ChangeKind::DataChanged, path, parent_acl: acl.clone(), acl });
        Ok(shown)
    }

    /// New data and numbers; gives how long the old data was, and the node as it is now.
    fn replace_data(
        &mut self,
        path: &str,
        data: Option<&[u8]>,
        change: impl FnOnce(&mut StatPersisted),
    ) -> Option<(usize, Stat, AclId)> {
        let node = self.get_mut(path)?;
        let (old_len, old_digest) = (node.data.as_ref().map_or(0, |data| data.len()), node_digest(path, node));
        node.data = data.map(Into::into);
        node.content = digest::content(path, data);
        set_numbers(node, change);
        let (shown, new_digest, acl, owner) = (node.stat(), node_digest(path, node), node.acl, node.owner());
        self.shift_digest(owner, new_digest.wrapping_sub(old_digest));
        self.bytes = self.bytes - old_len as u64 + data.map_or(0, <[u8]>::len) as u64;
        Some((old_len, shown, acl))
    }

    fn set_acl(&mut self, path: &str, acl: Option<&[Acl]>, version: i32) -> Result<Stat, ErrorCode> {
        if self.get(path).is_none() {
            return Err(ErrorCode::NO_NODE);
        }
        let acl = self.acls.acquire(acl.unwrap_or_default());
        self.change_numbers(path, |stat| stat.aversion = version);
        let node = self.get_mut(path).expect("looked up above");
        let old = core::mem::replace(&mut node.acl, acl);
        let shown = node.stat();
        self.acls.release(old);
        Ok(shown)
    }

    /// Puts a node of a snapshot in its place. The root may come once more and then replaces the one that is there.
    ///
    /// # Errors
    /// `NONODE` when its parent has not come yet.
    pub fn load(&mut self, path: &str, data: Option<&[u8]>, acl: AclId, stat: StatPersisted) -> Result<(), ErrorCode> {
        let node = Node::new(path, data, acl, stat);
        self.acls.add_use(acl);
        if path == "/" {
            self.digest = self.digest.wrapping_sub(self.digest_of("/", &self.root));
            self.digest = self.digest.wrapping_add(self.digest_of("/", &node));
            self.bytes -= self.root.data.as_ref().map_or(0, |data| data.len()) as u64;
            self.bytes += node.data.as_ref().map_or(0, |data| data.len()) as u64;
            let children = self.root.take_children();
            self.root = node;
            for (name, child) in children {
                self.root.add_child(&name, *child);
            }
            return Ok(());
        }
        let (parent_path, name) = path::split(path).ok_or(ErrorCode::NO_NODE)?;
        if self.get(parent_path).is_none() || name.is_empty() {
            return Err(ErrorCode::NO_NODE);
        }
        self.count_in(path, &node);
        self.get_mut(parent_path).expect("looked up above").add_child(name, node);
        Ok(())
    }

    /// The list table, for loading.
    pub fn acls_mut(&mut self) -> &mut AclTable {
        &mut self.acls
    }

    fn change_numbers(&mut self, path: &str, change: impl FnOnce(&mut StatPersisted)) {
        let Some(node) = self.get_mut(path) else { return };
        let owner = node.owner();
        let by = change_numbers(path, node, change);
        self.shift_digest(owner, by);
    }

    /// A node's part in the digests has become another one.
    fn shift_digest(&mut self, owner: Owner, by: i64) {
        self.digest = self.digest.wrapping_add(by);
        if let Owner::Session(session) = owner
            && let Some(owned) = self.ephemerals.get_mut(&session)
        {
            owned.digest = owned.digest.wrapping_add(by);
        }
    }

    /// The root, which a loader builds apart.
    pub(crate) fn root_mut(&mut self) -> &mut Node {
        &mut self.root
    }

    /// A node more is part of the counts, wherever it hangs.
    pub(crate) fn count_in(&mut self, path: &str, node: &Node) {
        self.count(path, Counted::of(path, node));
    }

    fn count(&mut self, path: &str, Counted { digest, bytes, owner }: Counted) {
        self.digest = self.digest.wrapping_add(digest);
        self.nodes += 1;
        self.bytes += bytes;
        match owner {
            Owner::Persistent => {}
            Owner::Session(session) => {
                let owned = self.ephemerals.entry(session).or_default();
                owned.paths.insert(path.into());
                owned.digest = owned.digest.wrapping_add(digest);
            }
            Owner::Container | Owner::Ttl(_) => {
                self.containers_and_ttls.insert(path.into());
            }
        }
    }

    /// Takes a node and all below it out of the counts, without recursion: a path can have half a million names. What
    /// `closing` owned is out of the digest already.
    fn count_out(&mut self, path: &str, node: Node, closing: Option<SessionId>) {
        let mut gone = vec![(path.to_string(), node)];
        while let Some((path, mut node)) = gone.pop() {
            for (name, child) in node.take_children() {
                gone.push((format!("{path}/{name}"), *child));
            }
            let closes = closing.is_some() && node.owner().session() == closing;
            let digest = if closes { 0 } else { self.digest_of(&path, &node) };
            self.digest = self.digest.wrapping_sub(digest);
            self.nodes -= 1;
            self.bytes -= node_size(&path, &node);
            self.acls.release(node.acl);
            match node.owner() {
                Owner::Persistent => {}
                Owner::Session(session) => self.disown(session, &path, digest),
                Owner::Container | Owner::Ttl(_) => {
                    self.containers_and_ttls.remove(path.as_str());
                }
            }
        }
    }

    fn disown(&mut self, session: SessionId, path: &str, digest: i64) {
        if let Some(owned) = self.ephemerals.get_mut(&session) {
            owned.paths.remove(path);
            owned.digest = owned.digest.wrapping_sub(digest);
            if owned.paths.is_empty() {
                self.ephemerals.remove(&session);
            }
        }
    }

    fn digest_of(&self, path: &str, node: &Node) -> i64 {
        node_digest(path, node)
    }
}

/// A parent's counter of creations never goes back, whatever is replayed. -1 (logs of old releases): one more. Gives what
/// its part in the digests has changed by.
fn raise(path: &str, parent: &mut Node, cversion: i32, zxid: Zxid) -> i64 {
    change_numbers(path, parent, |stat| {
        let cversion = if cversion == -1 { stat.cversion.wrapping_add(1) } else { cversion };
        if cversion > stat.cversion {
            stat.cversion = cversion;
            stat.pzxid = zxid;
        }
    })
}

/// Gives what the node's part in the digests has changed by.
fn change_numbers(path: &str, node: &mut Node, change: impl FnOnce(&mut StatPersisted)) -> i64 {
    let before = node_digest(path, node);
    set_numbers(node, change);
    node_digest(path, node).wrapping_sub(before)
}

fn set_numbers(node: &mut Node, change: impl FnOnce(&mut StatPersisted)) {
    let mut numbers = node.numbers();
    change(&mut numbers);
    node.set_numbers(numbers);
}

/// The node at a path below a root.
fn below<'a>(root: &'a mut Node, path: &str) -> Option<&'a mut Node> {
    names(path)?.try_fold(root, |node, name| node.child_mut(name))
}

/// A node's part in the tree's digest.
pub fn node_digest(path: &str, node: &Node) -> i64 {
    if digest::counts(path) { digest::node(node.content, &node.numbers()) } else { 0 }
}

impl Drop for Tree {
    /// Without recursion, see `count_out`.
    fn drop(&mut self) {
        let mut gone = vec![self.root.take_children()];
        while let Some(children) = gone.pop() {
            gone.extend(children.into_values().map(|mut child| child.take_children()));
        }
    }
}

impl Applied {
    fn failed(code: ErrorCode) -> Self {
        Self { err: Some(code), ..Self::default() }
    }
}

/// What a node adds to the counts.
struct Counted {
    digest: i64,
    bytes: u64,
    owner: Owner,
}

impl Counted {
    fn of(path: &str, node: &Node) -> Self {
        Self { digest: node_digest(path, node), bytes: node_size(path, node), owner: node.owner() }
    }
}

struct NewNode<'a> {
    path: &'a str,
    data: Option<&'a [u8]>,
    acl: &'a [Acl],
    owner: Owner,
    parent_cversion: i32,
}

impl<'a> NewNode<'a> {
    fn of(path: &'a str, data: Option<&'a [u8]>, acl: Option<&'a [Acl]>, owner: Owner, parent_cversion: i32) -> Self {
        Self { path, data, acl: acl.unwrap_or_default(), owner, parent_cversion }
    }

    fn numbers(&self, stamp: Stamp) -> StatPersisted {
        StatPersisted {
            czxid: stamp.zxid,
            mzxid: stamp.zxid,
            pzxid: stamp.zxid,
            ctime: stamp.time_ms,
            mtime: stamp.time_ms,
            ephemeral_owner: self.owner.encode(),
            ..StatPersisted::default()
        }
    }
}

/// What a node counts for in the size of the tree: upstream counts the characters of its path.
fn node_size(path: &str, node: &Node) -> u64 {
    (path.chars().count() + node.data.as_ref().map_or(0, |data| data.len())) as u64
}

/// The names from the root to a node; `None` for a path that does not start with a slash.
fn names(path: &str) -> Option<impl Iterator<Item = &str>> {
    // Upstream knows the root by two names.
    let names = if path.is_empty() { path } else { path.strip_prefix('/')? };
    Some(names.split('/').skip(usize::from(names.is_empty())))
}
