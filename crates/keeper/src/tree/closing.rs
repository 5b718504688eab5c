//! The end of a session, in pieces: nobody waits while a hundred thousand nodes go.

use std::collections::btree_set;
use std::iter::Peekable;

use base::Str;
use zk_wire::{SessionId, TxnHeader, Zxid};

use super::{Change, ChangeKind, OnChange, Tree};
use crate::node::{Node, Owner};
use crate::path;

/// A closeSession between its pieces.
///
/// The nodes that the transaction lists go first, in its order, and then what the session owns and is not listed
/// (ZOOKEEPER-3145, and transactions without a list). Nearly always both are the same in the same order.
#[derive(Debug)]
pub struct Closing {
    session: SessionId,
    zxid: Zxid,
    listed: std::vec::IntoIter<Str>,
    /// What the session owned. The tree knows of it no more.
    owned: Peekable<btree_set::IntoIter<Str>>,
}

impl Closing {
    /// The next nodes to go, so many at most.
    pub fn piece(&mut self, nodes_max: usize) -> Vec<Str> {
        let expected = self.listed.len().max(self.owned.len());
        let mut piece = Vec::with_capacity(nodes_max.min(expected));
        while piece.len() < nodes_max
            && let Some(path) = self.next()
        {
            piece.push(path);
        }
        piece
    }

    /// Whether every node has gone.
    pub fn is_over(&self) -> bool {
        self.listed.len() == 0 && self.owned.len() == 0
    }

    fn next(&mut self) -> Option<Str> {
        let Some(path) = self.listed.next() else { return self.owned.next() };
        self.owned.next_if_eq(&path);
        Some(path)
    }
}

impl Tree {
    /// The sum of the digests of the nodes that a session owns.
    pub fn ephemerals_digest(&self, session: SessionId) -> i64 {
        self.ephemerals.get(&session).map_or(0, |owned| owned.digest)
    }

    /// How many nodes a session owns.
    pub fn ephemerals_of(&self, session: SessionId) -> usize {
        self.ephemerals.get(&session).map_or(0, |owned| owned.paths.len())
    }

    /// Begins the end of a session. Its nodes stay until [`Tree::close_piece`] has come to them, but their digests
    /// leave the tree's at once: nothing else may be applied before the end is over.
    pub fn close_begin(&mut self, header: &TxnHeader, listed: Vec<Str>) -> Closing {
        let owned = self.ephemerals.remove(&header.client_id).unwrap_or_default();
        self.digest = self.digest.wrapping_sub(owned.digest);
        let (session, zxid) = (header.client_id, header.zxid);
        Closing { session, zxid, listed: listed.into_iter(), owned: owned.paths.into_iter().peekable() }
    }

    /// Nodes of [`Closing::piece`] go, even those that somebody else owns by now (their creation is replayed behind
    /// this). Neighbours with the same parent cost one look at it.
    pub fn close_piece(&mut self, closing: &Closing, piece: &[Str], on_change: OnChange<'_>) {
        let parent = |path: &Str| path.rfind('/');
        for group in piece.chunk_by(|a, b| parent(a) == parent(b) && parent(a).is_some_and(|at| a[..at] == b[..at])) {
            self.delete_children(closing, group, on_change);
        }
    }

    /// All of it at once.
    pub(super) fn close_session(&mut self, header: &TxnHeader, listed: &[Str], on_change: OnChange<'_>) {
        let mut closing = self.close_begin(header, listed.to_vec());
        let all = closing.piece(usize::MAX);
        self.close_piece(&closing, &all, on_change);
    }

    /// As `delete` of each path. All have the same parent.
    fn delete_children(&mut self, closing: &Closing, paths: &[Str], on_change: OnChange<'_>) {
        let Some((parent_path, _)) = paths.first().and_then(|path| path::split(path)) else { return };
        let Some(parent) = self.get(parent_path) else { return };
        // Of many deletions by one transaction only the first one tells the parent.
        if parent.numbers().pzxid < closing.zxid {
            self.change_numbers(parent_path, |stat| stat.pzxid = closing.zxid);
        }
        let parent = self.get_mut(parent_path).expect("looked up above");
        let parent_acl = parent.acl;
        let mut gone: Vec<(&Str, Box<Node>)> = Vec::with_capacity(paths.len());
        for path in paths {
            let name = path::split(path).map(|(_, name)| name).filter(|name| !name.is_empty());
            if let Some(node) = name.and_then(|name| parent.remove_child(name)) {
                gone.push((path, node));
            }
        }
        let parent_acl = self.acls.get(parent_acl);
        self.quota_deleted_together(&gone);
        for (path, node) in gone {
            let acl = self.acls.get(node.acl);
            if node.owner() == Owner::Session(closing.session) && node.children().is_none() {
                self.nodes -= 1;
                self.bytes -= super::node_size(path, &node);
                self.acls.release(node.acl);
            } else {
                self.count_out(path, *node, Some(closing.session));
            }
            on_change(Change { kind: ChangeKind::Deleted, path, acl, parent_acl: parent_acl.clone() });
        }
    }
}
