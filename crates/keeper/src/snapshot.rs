//! Fuzzy snapshots: written in chunks, beside running writes. Each chunk shows its nodes as they are when it is written;
//! replaying the transactions behind the snapshot's zxid makes them whole.
//!
//! A node that was created behind the snapshot's zxid is left out, with all below it: its creation is replayed. Upstream
//! counts on that. A child that is there already when its creation is replayed does not raise the parent's `cversion`,
//! unless it was made by a plain create; and a parent is written before its children, so it may lack that count. A
//! sequential name would be given twice then.

use bytes::BytesMut;
use zk_wire::{SnapshotSession, Zxid, snapshot};

use crate::node::Node;
use crate::tree::Tree;
use crate::walk::Walk;

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

/// What a look at a node that is left out counts for: the lock is held meanwhile.
const LEFT_OUT_BYTES: usize = 64;

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
    let mut left_out = 0;
    while out.len() + left_out * LEFT_OUT_BYTES < until {
        let Some(node) = walk.next() else {
            snapshot::encode_end(out);
            return false;
        };
        if node.czxid() > cursor.zxid {
            left_out += 1;
            continue;
        }
        put(out, walk.path(), node);
        walk.descend(node);
    }
    cursor.last = Some(walk.path().to_string());
    true
}

fn put(out: &mut BytesMut, path: &str, node: &Node) {
    snapshot::encode_node(out, path, node.data.as_deref(), node.acl, &node.numbers());
}

#[cfg(test)]
mod tests {
    use zk_wire::snapshot::{SnapshotDecoder, SnapshotRecord};
    use zk_wire::txn::TxnBody;
    use zk_wire::{Acl, CreateTxn, DeleteTxn, Id, TxnHeader, perms};

    use super::*;

    fn apply(tree: &mut Tree, zxid: i64, body: &TxnBody) {
        let header = TxnHeader { zxid: Zxid(zxid), ..TxnHeader::default() };
        assert_eq!(tree.apply(&header, body, &mut |_| {}).err, None);
    }

    fn create(path: &str, parent_cversion: i32) -> TxnBody {
        let acl = Acl { perms: perms::ALL, id: Id { scheme: "world".into(), id: "anyone".into() } };
        let path = path.into();
        TxnBody::Create(CreateTxn { path, acl: Some(vec![acl]), parent_cversion, ..CreateTxn::default() })
    }

    fn written(out: BytesMut) -> Vec<String> {
        let mut decoder = SnapshotDecoder::new(1 << 20);
        decoder.feed(out.freeze());
        let mut paths = Vec::new();
        loop {
            match decoder.next().unwrap().expect("a whole snapshot") {
                SnapshotRecord::Node(path, _) => paths.push(path.to_string()),
                SnapshotRecord::End => return paths,
                _ => {}
            }
        }
    }

    #[test]
    fn what_is_created_behind_the_zxid_is_left_out_with_all_below() {
        let mut tree = Tree::default();
        for (zxid, path) in [(1, "/a"), (2, "/a/b"), (3, "/a/d"), (4, "/e")] {
            apply(&mut tree, zxid, &create(path, zxid as i32));
        }
        let mut out = BytesMut::new();
        let mut cursor = begin(&tree, &[], Zxid(4), &mut out);
        // `/` and `/a` are written: `/a` without the children that now come.
        assert!(chunk(&tree, &mut cursor, 1, &mut out) && chunk(&tree, &mut cursor, 1, &mut out));
        for (zxid, path) in [(5, "/a/c"), (6, "/a/c/x"), (7, "/f"), (8, "/f/g")] {
            apply(&mut tree, zxid, &create(path, zxid as i32));
        }
        // Made anew: what is there now is not what was there at the snapshot's zxid.
        apply(&mut tree, 9, &TxnBody::Delete(DeleteTxn { path: "/e".into() }));
        apply(&mut tree, 10, &create("/e", 10));
        while chunk(&tree, &mut cursor, 1, &mut out) {}
        let nodes = ["/", "/a", "/a/b", "/a/d", "/zookeeper", "/zookeeper/config", "/zookeeper/quota"];
        assert_eq!(written(out), nodes);
    }

    #[test]
    fn a_chunk_looks_at_no_more_than_it_may_when_everything_is_left_out() {
        let mut tree = Tree::default();
        let mut out = BytesMut::new();
        let mut cursor = begin(&tree, &[], Zxid(0), &mut out);
        for number in 1..=10_000 {
            apply(&mut tree, number, &create(&format!("/n{number:05}"), number as i32));
        }
        let mut chunks = 0;
        while chunk(&tree, &mut cursor, 6400, &mut out) {
            chunks += 1;
        }
        assert!((100..=110).contains(&chunks), "{chunks}");
        assert_eq!(written(out).len(), 4, "what was there at zxid 0");
    }
}
