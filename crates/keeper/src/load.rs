//! Builds a tree from the nodes of a snapshot. They come parents first and depth first, from upstream and from us: so
//! the way from the root to the last node is kept open, and a node is hung up without a lookup. A node that comes out
//! of that order is put in its place the long way, by [`Tree::load`].

use zk_wire::StatPersisted;

use crate::acl::{AclId, OPEN};
use crate::node::{Name, Node};
use crate::tree::Tree;

/// A tree while its snapshot is read.
#[derive(Debug)]
pub struct Loader {
    tree: Tree,
    /// From the root down to the node that came last.
    open: Vec<OpenNode>,
    /// Path of the innermost open node; empty for the root.
    path: String,
}

#[derive(Debug)]
struct OpenNode {
    node: Node,
    /// Length of its parent's path within the path.
    parent_len: usize,
    /// Complete nodes below it.
    children: Vec<(Name, Box<Node>)>,
}

/// Why a node is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadError {
    /// Its parent has not come yet.
    Orphan,
    /// Some node came twice.
    Twice,
}

impl Loader {
    /// Adds nodes to `tree`, which is usually [`Tree::empty`].
    pub fn new(tree: Tree) -> Self {
        let mut loader = Self { tree, open: Vec::new(), path: String::new() };
        loader.open_root();
        loader
    }

    /// The list table.
    pub fn tree_mut(&mut self) -> &mut Tree {
        &mut self.tree
    }

    /// Takes a node.
    ///
    /// # Errors
    /// [`LoadError`]; the loader is of no use then.
    pub fn node(&mut self, path: &str, data: Option<&[u8]>, acl: AclId, stat: StatPersisted) -> Result<(), LoadError> {
        let Some((parent, name)) = path.rsplit_once('/').filter(|(_, name)| !name.is_empty()) else {
            return self.out_of_order(path, data, acl, stat);
        };
        while self.path != parent {
            if self.open.len() == 1 {
                // Even the root is not the parent: that is closed already, or has not come.
                return self.out_of_order(path, data, acl, stat);
            }
            self.close_one()?;
        }
        let node = Node::new(path, data, acl, stat);
        self.tree.acls_mut().add_use(acl);
        self.tree.count_in(path, &node);
        self.open.push(OpenNode { node, parent_len: self.path.len(), children: Vec::new() });
        self.path.push('/');
        self.path.push_str(name);
        Ok(())
    }

    /// The whole tree.
    ///
    /// # Errors
    /// [`LoadError::Twice`]
    pub fn finish(mut self) -> Result<Tree, LoadError> {
        self.close()?;
        Ok(core::mem::replace(&mut self.tree, Tree::empty()))
    }

    fn out_of_order(
        &mut self,
        path: &str,
        data: Option<&[u8]>,
        acl: AclId,
        stat: StatPersisted,
    ) -> Result<(), LoadError> {
        self.close()?;
        if path != "/" && self.tree.get(path).is_some() {
            return Err(LoadError::Twice);
        }
        let loaded = self.tree.load(path, data, acl, stat);
        self.open_root();
        loaded.map_err(|_| LoadError::Orphan)
    }

    fn open_root(&mut self) {
        let root = core::mem::replace(self.tree.root_mut(), Node::new("/", None, OPEN, StatPersisted::default()));
        self.open.push(OpenNode { node: root, parent_len: 0, children: Vec::new() });
    }

    /// Hangs the innermost open node below its parent.
    fn close_one(&mut self) -> Result<(), LoadError> {
        let Some(OpenNode { mut node, parent_len, children }) = self.open.pop() else { return Ok(()) };
        let complete = node.add_children(children);
        match self.open.last_mut() {
            Some(parent) => {
                let name = self.path.get(parent_len + 1..).unwrap_or_default();
                parent.children.push((name.into(), Box::new(node)));
                self.path.truncate(parent_len);
            }
            None => *self.tree.root_mut() = node,
        }
        if complete { Ok(()) } else { Err(LoadError::Twice) }
    }

    fn close(&mut self) -> Result<(), LoadError> {
        let mut result = Ok(());
        while !self.open.is_empty() {
            result = result.and(self.close_one());
        }
        result
    }
}

impl Drop for Loader {
    /// A snapshot may turn out damaged half way. The tree knows how to be dropped without recursion.
    fn drop(&mut self) {
        let _ = self.close();
    }
}

#[cfg(test)]
mod tests {
    use zk_wire::Zxid;

    use super::*;

    fn stat(czxid: i64) -> StatPersisted {
        StatPersisted { czxid: Zxid(czxid), ..StatPersisted::default() }
    }

    fn load(paths: &[&str]) -> Result<Tree, LoadError> {
        let mut loader = Loader::new(Tree::empty());
        for (czxid, path) in paths.iter().enumerate() {
            loader.node(path, Some(path.as_bytes()), OPEN, stat(czxid as i64))?;
        }
        loader.finish()
    }

    /// The same nodes, each looked up from the root.
    fn load_one_by_one(paths: &[&str]) -> Tree {
        let mut tree = Tree::empty();
        for (czxid, path) in paths.iter().enumerate() {
            tree.load(path, Some(path.as_bytes()), OPEN, stat(czxid as i64)).unwrap();
        }
        tree
    }

    #[test]
    fn any_order_with_parents_first_gives_the_same_tree() {
        let orders: [&[&str]; 5] = [
            &["/", "/a", "/a/b", "/a/b/c", "/a/d", "/e", "/zookeeper", "/zookeeper/quota"],
            &["/", "/zookeeper", "/zookeeper/quota", "/e", "/a", "/a/d", "/a/b", "/a/b/c"],
            &["/", "/a", "/e", "/zookeeper", "/a/d", "/a/b", "/zookeeper/quota", "/a/b/c"],
            &["/a", "/ab", "/ab/c", "/a/b", "/", "/abc"],
            &["/"],
        ];
        for paths in orders {
            let (tree, expected) = (load(paths).unwrap(), load_one_by_one(paths));
            assert_eq!(tree.digest(), expected.digest(), "{paths:?}");
            assert_eq!(tree.nodes_count(), expected.nodes_count(), "{paths:?}");
            assert_eq!(tree.approximate_data_size(), expected.approximate_data_size(), "{paths:?}");
            for path in paths {
                let (node, expected) = (tree.get(path).unwrap(), expected.get(path).unwrap());
                assert_eq!((node.stat(), &node.data), (expected.stat(), &expected.data), "{path} of {paths:?}");
                assert!(node.child_names().eq(expected.child_names()), "{path} of {paths:?}");
            }
        }
    }

    #[test]
    fn orphans_and_doubles_are_refused() {
        assert_eq!(load(&["/", "/a/b"]).unwrap_err(), LoadError::Orphan);
        assert_eq!(load(&["/", "/a", "/ab/c"]).unwrap_err(), LoadError::Orphan);
        assert_eq!(load(&["/", "a"]).unwrap_err(), LoadError::Orphan);
        assert_eq!(load(&["/", "/a", "/b", "/b"]).unwrap_err(), LoadError::Twice);
        assert_eq!(load(&["/", "/a", "/a/b", "/c", "/a/b"]).unwrap_err(), LoadError::Twice);
    }

    #[test]
    fn a_path_of_any_depth_is_loaded_and_dropped() {
        let mut loader = Loader::new(Tree::empty());
        let mut path = String::new();
        for _ in 0..20_000 {
            path.push_str("/d");
            loader.node(&path, None, OPEN, stat(1)).unwrap();
        }
        loader.node("/e", None, OPEN, stat(1)).unwrap();
        assert_eq!(loader.finish().unwrap().nodes_count(), 20_002);
    }
}
