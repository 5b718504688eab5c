//! Fuzzy snapshots: written in chunks, beside running writes. Each chunk shows its nodes as they are when it is written;
//! replaying the transactions behind the snapshot's zxid makes them whole.

use bytes::BytesMut;
use zk_wire::{Jute, SnapshotSession, Zxid, snapshot};

use crate::node::{Children, Node};
use crate::tree::Tree;

/// Where a snapshot stands between two chunks.
#[derive(Clone, Debug)]
pub struct SnapshotCursor {
    zxid: Zxid,
    /// The last node written; `None` before the root.
    last: Option<String>,
}

impl SnapshotCursor {
    /// Everything up to this transaction is in the snapshot.
    pub fn zxid(&self) -> Zxid {
        self.zxid
    }
}

/// Appends sessions and lists.
pub fn begin(tree: &Tree, sessions: &[SnapshotSession], zxid: Zxid, out: &mut BytesMut) -> SnapshotCursor {
    snapshot::encode_sessions(out, sessions);
    snapshot::encode_acls(out, &tree.acls().entries());
    SnapshotCursor { zxid, last: None }
}

/// Appends nodes, parents first, names in order, until about `bytes_max` bytes are added. False at the end.
pub fn chunk(tree: &Tree, cursor: &mut SnapshotCursor, bytes_max: usize, out: &mut BytesMut) -> bool {
    let until = out.len() + bytes_max;
    let root = tree.get("/").expect("the root is always there");
    let mut walk = match &cursor.last {
        None => {
            put(out, "/", root);
            Walk::at(root, "/")
        }
        Some(last) => Walk::at(root, last),
    };
    while out.len() < until {
        let Some(node) = walk.next() else {
            snapshot::encode_end(out);
            return false;
        };
        put(out, walk.path(), node);
    }
    cursor.last = Some(walk.path().to_string());
    true
}

fn put(out: &mut BytesMut, path: &str, node: &Node) {
    snapshot::encode_path(out, path);
    zk_wire::jute::put_buffer(out, node.data.as_deref());
    node.acl.encode(out);
    node.numbers().encode(out);
}

/// A walk in pre-order, which can begin anywhere, also at a node that is gone.
struct Walk<'a> {
    /// For each level from the root down: the children not visited yet.
    levels: Vec<Level<'a>>,
    path: String,
}

struct Level<'a> {
    rest: std::collections::btree_map::Range<'a, Box<str>, Box<Node>>,
    /// Length of the parent's path, which the names of this level are added to.
    parent_len: usize,
}

impl<'a> Walk<'a> {
    /// Stands at `last` (visited); costs its depth times the logarithm of its siblings.
    fn at(root: &'a Node, last: &str) -> Self {
        let mut walk = Self { levels: Vec::new(), path: String::new() };
        let mut node = Some(root);
        for name in last.split('/').skip(1).filter(|name| !name.is_empty()) {
            if let Some(children) = node.and_then(Node::children) {
                walk.levels.push(Level { rest: after(children, name), parent_len: walk.path.len() });
            }
            node = node.and_then(|node| node.child(name));
            walk.path.push('/');
            walk.path.push_str(name);
        }
        if let Some(node) = node {
            walk.descend(node);
        }
        walk
    }

    fn descend(&mut self, node: &'a Node) {
        if let Some(children) = node.children() {
            self.levels.push(Level { rest: children.range::<str, _>(..), parent_len: self.path.len() });
        }
    }

    fn next(&mut self) -> Option<&'a Node> {
        loop {
            let level = self.levels.last_mut()?;
            let Some((name, node)) = level.rest.next() else {
                self.levels.pop();
                continue;
            };
            self.path.truncate(level.parent_len);
            self.path.push('/');
            self.path.push_str(name);
            self.descend(node);
            return Some(node);
        }
    }

    fn path(&self) -> &str {
        if self.path.is_empty() { "/" } else { &self.path }
    }
}

fn after<'a>(children: &'a Children, name: &str) -> std::collections::btree_map::Range<'a, Box<str>, Box<Node>> {
    use std::ops::Bound::{Excluded, Unbounded};
    children.range::<str, _>((Excluded(name), Unbounded))
}
