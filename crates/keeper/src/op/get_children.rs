//! getChildren (8).

use bytes::BytesMut;
use zk_wire::{ErrorCode, GetChildrenRequest, jute, perms};

use super::Reading;
use crate::node::Node;
use crate::watch::Modes;

/// Appends the names of the node's children.
pub(crate) fn read(reading: &Reading<'_>, request: &GetChildrenRequest, out: &mut BytesMut) -> Result<(), ErrorCode> {
    children(reading, &request.path, request.watch, out).map(|_| ())
}

/// What getChildren and getChildren2 share.
pub(crate) fn children<'a>(
    reading: &Reading<'a>,
    path: &str,
    watch: bool,
    out: &mut BytesMut,
) -> Result<&'a Node, ErrorCode> {
    let node = reading.node(path)?;
    reading.check(node, perms::READ)?;
    if watch {
        reading.watches.child.add(path, reading.conn.id, Modes::STANDARD);
    }
    jute::put_len(out, node.children_count());
    for name in node.child_names() {
        jute::put_buffer(out, Some(name.as_bytes()));
    }
    Ok(node)
}
