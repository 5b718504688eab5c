//! The nodes of a session that is about to end, listed ahead: for very many that takes a while, and reads go on meanwhile.

use std::collections::BTreeMap;

use base::Str;
use bytes::BytesMut;
use zk_wire::SessionId;

use crate::event::ConnId;
use crate::server::Keeper;

/// What [`Keeper::list`] found.
#[derive(Debug)]
pub struct Listing {
    pub(crate) session: SessionId,
    pub(crate) nodes: Nodes,
}

/// Nodes that go together.
#[derive(Debug, Default)]
pub(crate) struct Nodes {
    /// In order.
    pub paths: Vec<Str>,
    /// How many of them each parent has.
    pub by_parent: BTreeMap<Str, i64>,
}

impl Nodes {
    /// Of paths in order.
    pub fn of(paths: Vec<Str>) -> Self {
        let parent = |path: &'_ Str| path.rfind('/').unwrap_or(0);
        let mut by_parent = BTreeMap::new();
        for group in paths.chunk_by(|a, b| a[..parent(a)] == b[..parent(b)]) {
            let at = &group[0][..parent(&group[0])];
            *by_parent.entry(if at.is_empty() { "/" } else { at }.into()).or_default() += group.len() as i64;
        }
        Self { paths, by_parent }
    }
}

impl Keeper {
    /// The session that a closeSession of this connection ends, if its nodes should be listed ahead ([`Keeper::list`]).
    pub fn large_end_asked(&self, conn: ConnId) -> Option<SessionId> {
        let session = self.conns.get(&conn)?.session?;
        self.is_large(session).then_some(session)
    }

    /// The session that the next tick ends, if its nodes should be listed ahead.
    pub fn large_end_due(&self) -> Option<SessionId> {
        self.ending.front().copied().filter(|session| self.is_large(*session))
    }

    /// Lists what a session owns, for [`crate::Event::Listed`] in front of whatever ends the session. Without it, and when a
    /// transaction is applied in between, the same happens, only with everybody waiting.
    pub fn list(&self, session: SessionId) -> Listing {
        Listing { session, nodes: Nodes::of(joined(self.tree.ephemerals(session))) }
    }

    pub(crate) fn is_large(&self, session: SessionId) -> bool {
        self.tree.ephemerals_of(session) > self.config.piece_max
    }
}

/// Copies that share one piece of memory: of many, one by one would be as many allocations.
pub(crate) fn joined<'a>(paths: impl Iterator<Item = &'a Str>) -> Vec<Str> {
    let (mut bytes, mut ends) = (BytesMut::new(), Vec::new());
    for path in paths {
        bytes.extend_from_slice(path.as_bytes());
        ends.push(bytes.len());
    }
    let bytes = bytes.freeze();
    let starts = core::iter::once(0).chain(ends.iter().copied());
    let slices = starts.zip(&ends).map(|(start, end)| bytes.slice(start..*end));
    slices.map(|path| Str::from_utf8(path).expect("the paths are strings")).collect()
}
