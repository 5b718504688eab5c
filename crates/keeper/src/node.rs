//! A znode (upstream: `DataNode`, `EphemeralType`).

use std::collections::BTreeMap;
use std::collections::btree_map::{Entry, VacantEntry};

use ecow::EcoString;
use zk_wire::{SessionId, Stat, StatPersisted, Zxid, digest};

use crate::acl::AclId;

/// A znode. Its path is where it hangs in the tree.
///
/// Most nodes of a large tree are leaves that nobody owns and whose list was never set again: what only the others need
/// lies apart.
#[derive(Debug)]
pub struct Node {
    czxid: Zxid,
    mzxid: Zxid,
    ctime: i64,
    mtime: i64,
    version: i32,
    /// CRC-32 of path and data ([`digest::content`]), so that a change of its numbers needs no look at its data.
    pub content: u32,
    /// Its content; null and empty differ.
    pub data: Option<Box<[u8]>>,
    /// Its list in the [`crate::acl::AclTable`].
    pub acl: AclId,
    rare: Option<Box<Rare>>,
}

/// What is not there for a leaf without owner whose list is the first.
#[derive(Debug)]
struct Rare {
    /// Otherwise the node's czxid.
    pzxid: Zxid,
    cversion: i32,
    aversion: i32,
    ephemeral_owner: i64,
    /// Ordered, so that a snapshot can resume.
    children: Children,
}

/// The nodes below a node by name.
pub type Children = BTreeMap<Name, Box<Node>>;

/// A node's name. A short one lies in its slot, so that a look for a name goes to few places in memory.
pub type Name = EcoString;

/// A place below a node that is looked up once to be filled.
pub struct Vacancy<'a>(VacantEntry<'a, Name, Box<Node>>);

impl Vacancy<'_> {
    /// Hangs a node there.
    pub fn insert(self, node: Node) {
        self.0.insert(Box::new(node));
    }
}

/// Who owns a node, as its `ephemeralOwner` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Nobody.
    Persistent,
    /// A session: it goes with it.
    Session(SessionId),
    /// The server deletes it some time after its last child.
    Container,
    /// The server deletes it when childless and unchanged for so many milliseconds.
    Ttl(i64),
}

const CONTAINER: i64 = i64::MIN;
/// The top byte marks an extended type, the two below it which one: 0 is TTL.
const TTL_MARK: i64 = 0xFF_i64 << 56;
/// The longest time to live.
pub const TTL_MS_MAX: i64 = (1 << 40) - 1;

impl Owner {
    /// Reads an `ephemeralOwner`. A server id of 255 would look like a TTL: such ids are not given out.
    pub const fn decode(owner: i64) -> Self {
        match owner {
            0 => Self::Persistent,
            CONTAINER => Self::Container,
            owner if owner & !TTL_MS_MAX == TTL_MARK => Self::Ttl(owner & TTL_MS_MAX),
            owner => Self::Session(SessionId(owner)),
        }
    }

    /// The `ephemeralOwner`.
    pub const fn encode(self) -> i64 {
        match self {
            Self::Persistent => 0,
            Self::Session(session) => session.0,
            Self::Container => CONTAINER,
            Self::Ttl(ttl_ms) => TTL_MARK | ttl_ms,
        }
    }

    /// Reads an `ephemeralOwner` as release 3.5.3 wrote it for TTL nodes: the top bit, and the time in 60 bits, of which
    /// later releases heed those that they have themselves (upstream: `EphemeralTypeEmulate353`). `None` for what does
    /// not differ.
    pub const fn decode_353(owner: i64) -> Option<Self> {
        match owner {
            CONTAINER | 0.. => None,
            owner if owner & TTL_MARK == TTL_MARK => None,
            owner => Some(Self::Ttl(owner & TTL_MS_MAX)),
        }
    }

    /// The session, if one owns the node.
    pub const fn session(self) -> Option<SessionId> {
        match self {
            Self::Session(session) => Some(session),
            _ => None,
        }
    }
}

impl Node {
    /// A node without children.
    pub fn new(path: &str, data: Option<&[u8]>, acl: AclId, stat: StatPersisted) -> Self {
        let mut node = Self {
            czxid: stat.czxid,
            mzxid: stat.mzxid,
            ctime: stat.ctime,
            mtime: stat.mtime,
            version: stat.version,
            content: digest::content(path, data),
            data: data.map(Into::into),
            acl,
            rare: None,
        };
        node.set_numbers(stat);
        node
    }

    /// Its numbers, as snapshots have them.
    pub fn numbers(&self) -> StatPersisted {
        let rare = self.rare.as_deref();
        StatPersisted {
            czxid: self.czxid,
            mzxid: self.mzxid,
            ctime: self.ctime,
            mtime: self.mtime,
            version: self.version,
            cversion: rare.map_or(0, |rare| rare.cversion),
            aversion: rare.map_or(0, |rare| rare.aversion),
            ephemeral_owner: rare.map_or(0, |rare| rare.ephemeral_owner),
            pzxid: self.pzxid(),
        }
    }

    /// Other numbers.
    pub fn set_numbers(&mut self, stat: StatPersisted) {
        let StatPersisted { czxid, mzxid, ctime, mtime, version, cversion, aversion, ephemeral_owner, pzxid } = stat;
        (self.czxid, self.mzxid, self.ctime, self.mtime, self.version) = (czxid, mzxid, ctime, mtime, version);
        let plain = (cversion, aversion, ephemeral_owner, pzxid) == (0, 0, 0, czxid);
        if self.rare.is_none() && plain {
            return;
        }
        let rare = self.rare_mut();
        (rare.cversion, rare.aversion) = (cversion, aversion);
        (rare.ephemeral_owner, rare.pzxid) = (ephemeral_owner, pzxid);
    }

    fn rare_mut(&mut self) -> &mut Rare {
        let pzxid = self.czxid;
        self.rare.get_or_insert_with(|| {
            Box::new(Rare { pzxid, cversion: 0, aversion: 0, ephemeral_owner: 0, children: Children::new() })
        })
    }

    /// The transaction that created it.
    pub fn czxid(&self) -> Zxid {
        self.czxid
    }

    /// The transaction that last changed its data.
    pub fn mzxid(&self) -> Zxid {
        self.mzxid
    }

    /// The transaction that last created or deleted a node below it.
    pub fn pzxid(&self) -> Zxid {
        self.rare.as_ref().map_or(self.czxid, |rare| rare.pzxid)
    }

    /// What clients are told.
    pub fn stat(&self) -> Stat {
        client_stat(&self.numbers(), self.data.as_ref().map_or(0, |data| data.len()), self.children_count())
    }

    /// Who owns it.
    pub fn owner(&self) -> Owner {
        Owner::decode(self.rare.as_ref().map_or(0, |rare| rare.ephemeral_owner))
    }

    /// The nodes below it, if there are any.
    pub fn children(&self) -> Option<&Children> {
        self.rare.as_ref().map(|rare| &rare.children).filter(|children| !children.is_empty())
    }

    /// Names of the nodes below it, in order.
    pub fn child_names(&self) -> impl Iterator<Item = &str> {
        self.children().into_iter().flat_map(|children| children.keys()).map(EcoString::as_str)
    }

    /// How many nodes are directly below it.
    pub fn children_count(&self) -> usize {
        self.rare.as_ref().map_or(0, |rare| rare.children.len())
    }

    /// A node directly below it.
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.rare.as_ref()?.children.get(name).map(|child| &**child)
    }

    /// A node directly below it, to be changed.
    pub fn child_mut(&mut self, name: &str) -> Option<&mut Self> {
        self.rare.as_mut()?.children.get_mut(name).map(|child| &mut **child)
    }

    /// Where a node of this name could hang below it.
    ///
    /// # Errors
    /// The node that hangs there.
    pub fn vacancy(&mut self, name: &str) -> Result<Vacancy<'_>, &mut Self> {
        match self.rare_mut().children.entry(name.into()) {
            Entry::Vacant(vacant) => Ok(Vacancy(vacant)),
            Entry::Occupied(occupied) => Err(&mut **occupied.into_mut()),
        }
    }

    /// Hangs a node below it.
    pub fn add_child(&mut self, name: &str, child: Self) {
        self.rare_mut().children.insert(name.into(), Box::new(child));
    }

    /// Hangs many nodes below it, in any order. False when a name was there twice: one of the two is gone then.
    pub fn add_children(&mut self, added: Vec<(Name, Box<Self>)>) -> bool {
        if added.is_empty() {
            return true;
        }
        let expected = self.children_count() + added.len();
        let children = &mut self.rare_mut().children;
        if children.is_empty() {
            // Built at once, from the leaves: faster than one insertion each, and without half-empty leaves.
            *children = added.into_iter().collect();
        } else {
            children.extend(added);
        }
        self.children_count() == expected
    }

    /// Takes a node from below it.
    pub fn remove_child(&mut self, name: &str) -> Option<Box<Self>> {
        self.rare.as_mut()?.children.remove(name)
    }

    /// Takes all nodes from below it.
    pub fn take_children(&mut self) -> Children {
        self.rare.as_mut().map_or_else(Children::new, |rare| core::mem::take(&mut rare.children))
    }
}

/// What clients are told: deletions of children count in `cversion`, and only sessions are owners.
pub fn client_stat(stat: &StatPersisted, data_length: usize, children: usize) -> Stat {
    let num_children = i32::try_from(children).unwrap_or(i32::MAX);
    Stat {
        czxid: stat.czxid,
        mzxid: stat.mzxid,
        ctime: stat.ctime,
        mtime: stat.mtime,
        version: stat.version,
        cversion: stat.cversion.wrapping_mul(2).wrapping_sub(num_children),
        aversion: stat.aversion,
        ephemeral_owner: Owner::decode(stat.ephemeral_owner).session().unwrap_or_default(),
        data_length: i32::try_from(data_length).unwrap_or(i32::MAX),
        num_children,
        pzxid: stat.pzxid,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_round_trip() {
        for owner in [
            Owner::Persistent,
            Owner::Container,
            Owner::Ttl(1),
            Owner::Ttl(TTL_MS_MAX),
            Owner::Session(SessionId(1)),
            Owner::Session(SessionId(-2 << 56)),
        ] {
            assert_eq!(Owner::decode(owner.encode()), owner);
        }
        assert_eq!(Owner::Ttl(5).encode() as u64, 0xFF00_0000_0000_0005);
    }

    #[test]
    fn ttl_nodes_of_3_5_3() {
        let old = |ttl_ms: i64| i64::MIN | ttl_ms;
        assert_eq!(Owner::decode_353(old(100)), Some(Owner::Ttl(100)));
        assert_eq!(Owner::decode_353(old(1 << 45 | 7)), Some(Owner::Ttl(7)), "the upper bits are not heeded");
        for same in [0, 5, CONTAINER, Owner::Ttl(100).encode()] {
            assert_eq!(Owner::decode_353(same), None, "{same:#x}");
        }
    }

    #[test]
    fn nodes_are_lean() {
        assert!(size_of::<Node>() <= 72, "{} bytes", size_of::<Node>());
    }

    #[test]
    fn numbers_round_trip_whatever_is_rare() {
        let plain = StatPersisted { czxid: Zxid(3), pzxid: Zxid(3), mtime: 5, version: 1, ..StatPersisted::default() };
        for stat in [
            plain.clone(),
            StatPersisted { pzxid: Zxid(4), ..plain.clone() },
            StatPersisted { cversion: 1, ..plain.clone() },
            StatPersisted { aversion: -1, ..plain.clone() },
            StatPersisted { ephemeral_owner: 9, ..plain.clone() },
        ] {
            let mut node = Node::new("/a", None, 1, stat.clone());
            assert_eq!((node.numbers(), node.rare.is_none()), (stat.clone(), stat == plain));
            node.add_child("b", Node::new("/a/b", None, 1, plain.clone()));
            assert_eq!(node.numbers(), stat, "a child alone changes no number");
            node.set_numbers(plain.clone());
            assert_eq!((node.numbers(), node.children_count()), (plain.clone(), 1));
            assert!(node.remove_child("b").is_some() && node.children().is_none());
        }
    }

    #[test]
    fn clients_see_deletions_in_cversion_and_no_markers() {
        let stat = StatPersisted { cversion: 5, ephemeral_owner: CONTAINER, ..StatPersisted::default() };
        let shown = client_stat(&stat, 3, 2);
        assert_eq!((shown.cversion, shown.ephemeral_owner, shown.data_length), (8, SessionId(0), 3));
    }
}
