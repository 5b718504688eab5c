//! Nodes that the server deletes by itself: containers and TTL nodes.

use super::{Model, ModelNode, Trigger};

/// `ephemeralOwner` of a container.
pub const CONTAINER: i64 = i64::MIN;
/// Of a TTL node: this and the milliseconds.
const TTL: i64 = -1 << 56;
/// No node lives longer.
pub const TTL_MS_MAX: i64 = (1 << 40) - 1;

/// The `ephemeralOwner` of a TTL node.
pub fn ttl_owner(ttl_ms: i64) -> i64 {
    TTL | ttl_ms
}

/// The session that an `ephemeralOwner` stands for.
pub fn session_of(owner: i64) -> Option<i64> {
    let extended = owner == CONTAINER || owner & !TTL_MS_MAX == TTL;
    (owner != 0 && !extended).then_some(owner)
}

impl Model {
    /// Whether the server may delete a node at this time.
    pub fn is_due(&self, node: &ModelNode, time_ms: i64) -> bool {
        let age_ms = time_ms - node.mtime;
        if !node.children.is_empty() {
            return false;
        }
        match node.owner {
            CONTAINER => {
                let unused_ms_max = self.rules.container_never_used_ms_max;
                node.creates > 0 || unused_ms_max != 0 && age_ms > unused_ms_max
            }
            owner if owner != 0 && session_of(owner).is_none() => {
                let ttl_ms = owner & TTL_MS_MAX;
                self.rules.extended_types && ttl_ms != 0 && age_ms > ttl_ms
            }
            _ => false,
        }
    }

    /// The server deletes it.
    pub fn delete_container(&mut self, zxid: i64, path: &str) -> Vec<Trigger> {
        self.zxid = zxid;
        let mut triggers = Vec::new();
        self.delete(zxid, path, &mut triggers);
        self.remember_quotas();
        triggers
    }
}
