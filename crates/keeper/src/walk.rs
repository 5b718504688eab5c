//! A walk over the tree that can be left and gone on with: snapshots, and what is counted in pieces.

use std::collections::btree_map::Range;

use crate::node::{Children, Name, Node};

/// A walk in pre-order, which can begin anywhere, also at a node that is gone.
pub(crate) struct Walk<'a> {
    /// For each level from the root down: the children not visited yet.
    levels: Vec<Level<'a>>,
    path: String,
}

struct Level<'a> {
    rest: Range<'a, Name, Box<Node>>,
    /// So many of them are on their way into the cache.
    touched: usize,
    /// Length of the parent's path, which the names of this level are added to.
    parent_len: usize,
}

/// So many nodes are touched together.
const TOUCHED: usize = 8;

impl Level<'_> {
    /// Brings the next nodes into the cache, together: they lie anywhere in memory, and to wait for one after the other
    /// would be most of what a snapshot costs.
    fn touch(&mut self) {
        if self.touched == 0 {
            let next = || self.rest.clone().take(TOUCHED).map(|(_, node)| node);
            let nodes = next().fold(0, |sum, node| sum ^ node.czxid().0);
            let data = next().fold(0, |sum, node| sum ^ node.data.as_ref().and_then(|data| data.last()).unwrap_or(&0));
            core::hint::black_box((nodes, data));
            self.touched = TOUCHED;
        }
        self.touched -= 1;
    }
}

impl<'a> Walk<'a> {
    /// Stands at `last` (visited) and goes on below it; costs its depth times the logarithm of its siblings.
    pub fn at(root: &'a Node, last: &str) -> Self {
        let mut walk = Self { levels: Vec::new(), path: String::new() };
        let mut node = Some(root);
        for name in last.split('/').skip(1).filter(|name| !name.is_empty()) {
            if let Some(children) = node.and_then(Node::children) {
                walk.levels.push(Level { rest: after(children, name), touched: 0, parent_len: walk.path.len() });
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

    /// Goes on with what is below the node that came last.
    pub fn descend(&mut self, node: &'a Node) {
        if let Some(children) = node.children() {
            self.levels.push(Level { rest: children.range::<str, _>(..), touched: 0, parent_len: self.path.len() });
        }
    }

    /// The next node. What is below it comes only after [`Walk::descend`].
    pub fn next(&mut self) -> Option<&'a Node> {
        loop {
            let level = self.levels.last_mut()?;
            level.touch();
            let Some((name, node)) = level.rest.next() else {
                self.levels.pop();
                continue;
            };
            self.path.truncate(level.parent_len);
            self.path.push('/');
            self.path.push_str(name);
            return Some(node);
        }
    }

    /// The path of the node that came last.
    pub fn path(&self) -> &str {
        if self.path.is_empty() { "/" } else { &self.path }
    }
}

fn after<'a>(children: &'a Children, name: &str) -> Range<'a, Name, Box<Node>> {
    use std::ops::Bound::{Excluded, Unbounded};
    children.range::<str, _>((Excluded(name), Unbounded))
}
