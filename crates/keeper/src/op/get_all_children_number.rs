//! getAllChildrenNumber (104): how many nodes are below a node, at any depth.

use bytes::BytesMut;
use zk_wire::{ErrorCode, GetAllChildrenNumberRequest, GetAllChildrenNumberResponse, Jute, perms};

use super::Reading;
use crate::node::Node;

/// Appends the number.
pub(crate) fn read(
    reading: &Reading<'_>,
    request: &GetAllChildrenNumberRequest,
    out: &mut BytesMut,
) -> Result<(), ErrorCode> {
    let node = reading.node(&request.path)?;
    reading.check(node, perms::READ)?;
    let count = match &*request.path {
        "/" => reading.tree.nodes_count() - 1,
        // Upstream counts the paths that begin with a slash: the root's own, too.
        "" => reading.tree.nodes_count(),
        _ => below(node),
    };
    GetAllChildrenNumberResponse { total_number: i32::try_from(count).unwrap_or(i32::MAX) }.encode(out);
    Ok(())
}

fn below(node: &Node) -> usize {
    let mut count = 0;
    let mut open = vec![node];
    while let Some(node) = open.pop() {
        count += node.children_count();
        open.extend(node.children().into_iter().flat_map(|children| children.values()).map(|child| &**child));
    }
    count
}
