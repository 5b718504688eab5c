//! Access control lists: who may do what, and the table that stores each list once (upstream: `ZooKeeperServer.checkACL`,
//! `PrepRequestProcessor.fixupACL`, `ReferenceCountedACLCache`).

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use zk_wire::{Acl, ErrorCode, Id, Jute, SnapshotAcl, perms};

use crate::auth;
use crate::config::Config;

/// A list, shared.
pub type AclList = Arc<[Acl]>;
/// A list's number in the table and in snapshots.
pub type AclId = i64;

/// `world:anyone` with all permissions, which snapshots do not list.
pub const OPEN: AclId = -1;

/// Whether a list gives `wanted` (any of its bits) to somebody with these identities.
pub fn allows(acl: &[Acl], wanted: i32, ids: &[Id]) -> bool {
    acl.is_empty()
        || ids.iter().any(|id| id.scheme == "super")
        || acl.iter().filter(|entry| entry.perms & wanted != 0).any(|entry| {
            is_anyone(&entry.id)
                || ids.iter().any(|id| id.scheme == entry.id.scheme && auth::matches(&id.scheme, &id.id, &entry.id.id))
        })
}

/// The list as it is stored: without duplicates, `auth` replaced by the connection's authenticated identities.
///
/// # Errors
/// `INVALIDACL` for an empty list, an unknown scheme, an id that its scheme does not allow, `auth` without identity.
pub fn fixup(acl: Option<Vec<Acl>>, ids: &[Id], config: &Config) -> Result<Vec<Acl>, ErrorCode> {
    let acl = acl.unwrap_or_default();
    // What nearly everybody sends.
    if let [only] = &*acl
        && is_anyone(&only.id)
    {
        return Ok(acl);
    }
    let mut unique: Vec<&Acl> = Vec::new();
    for entry in &acl {
        if !unique.contains(&entry) {
            unique.push(entry);
        }
    }
    let mut fixed = Vec::with_capacity(unique.len());
    for entry in unique {
        if is_anyone(&entry.id) {
            fixed.push(entry.clone());
        } else if entry.id.scheme == "auth" {
            let before = fixed.len();
            let authenticated = ids.iter().filter(|id| auth::is_authenticated(&id.scheme));
            fixed.extend(authenticated.map(|id| Acl { perms: entry.perms, id: id.clone() }));
            if fixed.len() == before {
                return Err(ErrorCode::INVALID_ACL);
            }
        } else if auth::is_valid(&entry.id.scheme, &entry.id.id, config) {
            fixed.push(entry.clone());
        } else {
            return Err(ErrorCode::INVALID_ACL);
        }
    }
    if fixed.is_empty() { Err(ErrorCode::INVALID_ACL) } else { Ok(fixed) }
}

/// The list as it is shown to somebody without ADMIN: no password hashes.
pub fn masked(acl: &[Acl]) -> Vec<Acl> {
    let mask = |entry: &Acl| match entry.id.id.split_once(':') {
        Some((user, _)) if entry.id.scheme == "digest" => {
            Acl { perms: entry.perms, id: Id { scheme: entry.id.scheme.clone(), id: format!("{user}:x").into() } }
        }
        _ => entry.clone(),
    };
    acl.iter().map(mask).collect()
}

fn is_anyone(id: &Id) -> bool {
    id.scheme == "world" && id.id == "anyone"
}

/// Every list once, by number, counted by the nodes that refer to it.
#[derive(Debug)]
pub struct AclTable {
    lists: BTreeMap<AclId, Entry>,
    numbers: BTreeMap<Bytes, AclId>,
    last: AclId,
    open: AclList,
}

#[derive(Debug)]
struct Entry {
    list: AclList,
    uses: u64,
}

impl Default for AclTable {
    fn default() -> Self {
        let anyone = Id { scheme: "world".into(), id: "anyone".into() };
        let open = Arc::new([Acl { perms: perms::ALL, id: anyone }]);
        Self { lists: BTreeMap::new(), numbers: BTreeMap::new(), last: 0, open }
    }
}

impl AclTable {
    /// The list of a number. A number that a fuzzy snapshot did not list (its transaction is still to be replayed)
    /// gives nobody anything but `super`.
    pub fn get(&self, id: AclId) -> AclList {
        match self.lists.get(&id) {
            _ if id == OPEN => self.open.clone(),
            Some(entry) => entry.list.clone(),
            None => Arc::new([Acl::default()]),
        }
    }

    /// As [`AclTable::get`], without sharing.
    pub fn borrow(&self, id: AclId) -> Option<&[Acl]> {
        if id == OPEN { Some(&self.open) } else { self.lists.get(&id).map(|entry| &*entry.list) }
    }

    /// A list as a node that is not in the tree yet has it.
    pub fn shared(&self, list: &[Acl]) -> AclList {
        if *list == *self.open { self.open.clone() } else { list.into() }
    }

    /// The number of a list, which has one more use from now on.
    pub fn acquire(&mut self, list: &[Acl]) -> AclId {
        if *list == *self.open {
            return OPEN;
        }
        let key = key(list);
        let id = self.numbers.get(&key).copied().unwrap_or(self.last + 1);
        if !self.lists.contains_key(&id) {
            self.insert(id, list, key);
        }
        self.add_use(id);
        id
    }

    /// A node more refers to a number.
    pub fn add_use(&mut self, id: AclId) {
        if let Some(entry) = self.lists.get_mut(&id) {
            entry.uses += 1;
        }
        self.last = self.last.max(id);
    }

    /// A node less refers to a number.
    pub fn release(&mut self, id: AclId) {
        let Some(entry) = self.lists.get_mut(&id) else { return };
        entry.uses = entry.uses.saturating_sub(1);
        if entry.uses == 0
            && let Some(entry) = self.lists.remove(&id)
        {
            self.numbers.remove(&key(&entry.list));
        }
    }

    /// Takes an entry of a snapshot, which no node uses yet.
    pub fn load(&mut self, entry: &SnapshotAcl) {
        let list = entry.acl.as_deref().unwrap_or_default();
        if entry.id != OPEN {
            self.insert(entry.id, list, key(list));
        }
    }

    /// Forgets the lists that no node refers to.
    pub fn drop_unused(&mut self) {
        let numbers = &mut self.numbers;
        self.lists.retain(|id, entry| {
            let used = entry.uses > 0;
            let key = key(&entry.list);
            if !used && numbers.get(&key) == Some(id) {
                numbers.remove(&key);
            }
            used
        });
    }

    /// All lists, for a snapshot.
    pub fn entries(&self) -> Vec<SnapshotAcl> {
        self.lists.iter().map(|(id, entry)| SnapshotAcl { id: *id, acl: Some(entry.list.to_vec()) }).collect()
    }

    fn insert(&mut self, id: AclId, list: &[Acl], key: Bytes) {
        // What is kept must not hold on to the frame that it came in.
        let own = |entry: &Acl| Acl {
            perms: entry.perms,
            id: Id { scheme: entry.id.scheme.detached(), id: entry.id.id.detached() },
        };
        self.lists.insert(id, Entry { list: list.iter().map(own).collect(), uses: 0 });
        self.numbers.insert(key, id);
        self.last = self.last.max(id);
    }
}

fn key(list: &[Acl]) -> Bytes {
    let mut key = BytesMut::new();
    list.iter().for_each(|entry| entry.encode(&mut key));
    key.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(perms: i32, scheme: &str, id: &str) -> Acl {
        Acl { perms, id: Id { scheme: scheme.into(), id: id.into() } }
    }

    fn id(scheme: &str, id: &str) -> Id {
        Id { scheme: scheme.into(), id: id.into() }
    }

    #[test]
    fn who_may_do_what() {
        let ben = [id("ip", "10.0.0.7"), id("digest", "ben:hash")];
        let table = [
            (vec![], perms::ADMIN, true, "an empty list allows everything"),
            (vec![entry(1, "world", "anyone")], perms::READ, true, "world"),
            (vec![entry(1, "world", "anyone")], perms::WRITE, false, "another permission"),
            (vec![entry(31, "digest", "ben:hash")], perms::WRITE, true, "the same id"),
            (vec![entry(31, "digest", "bob:hash")], perms::WRITE, false, "another id"),
            (vec![entry(31, "ip", "10.0.0.0/8")], perms::WRITE, true, "a net"),
            (vec![entry(31, "ip", "11.0.0.0/8")], perms::WRITE, false, "another net"),
            (vec![entry(31, "sasl", "ben:hash")], perms::WRITE, false, "another scheme"),
        ];
        for (acl, wanted, expected, why) in table {
            assert_eq!(allows(&acl, wanted, &ben), expected, "{why}");
        }
        assert!(allows(&[entry(1, "digest", "bob:hash")], perms::ADMIN, &[id("super", "")]));
    }

    #[test]
    fn lists_are_fixed_up() {
        let config = Config::default();
        let ben = [id("ip", "10.0.0.7"), id("digest", "ben:hash")];
        let all = entry(31, "auth", "");
        assert_eq!(fixup(Some(vec![all.clone()]), &ben, &config), Ok(vec![entry(31, "digest", "ben:hash")]));
        assert_eq!(
            fixup(Some(vec![all]), &ben[..1], &config),
            Err(ErrorCode::INVALID_ACL),
            "an address is no identity"
        );
        let world = entry(1, "world", "anyone");
        assert_eq!(fixup(Some(vec![world.clone(), world.clone()]), &[], &config), Ok(vec![world.clone()]));
        assert_eq!(fixup(Some(vec![world.clone()]), &[], &config), Ok(vec![world]));
        for bad in [None, Some(vec![]), Some(vec![entry(1, "none", "x")]), Some(vec![entry(1, "world", "me")])] {
            assert_eq!(fixup(bad, &ben, &config), Err(ErrorCode::INVALID_ACL));
        }
        assert_eq!(fixup(Some(vec![entry(1, "digest", "nopassword")]), &ben, &config), Err(ErrorCode::INVALID_ACL));
        assert_eq!(fixup(Some(vec![entry(1, "ip", "10.0.0.0/40")]), &ben, &config), Err(ErrorCode::INVALID_ACL));
        let off = Config { digest_auth_enabled: false, ..Config::default() };
        assert_eq!(fixup(Some(vec![entry(1, "digest", "a:b")]), &[], &off), Err(ErrorCode::INVALID_ACL));
    }

    #[test]
    fn a_list_has_one_number_while_somebody_uses_it() {
        let mut table = AclTable::default();
        let (a, b) = ([entry(1, "digest", "a:a")], [entry(1, "digest", "b:b")]);
        let first = table.acquire(&a);
        assert_eq!(table.acquire(&a), first);
        let second = table.acquire(&b);
        assert_ne!(first, second);
        table.release(first);
        assert_eq!(*table.get(first), a);
        table.release(first);
        assert_eq!(table.entries().len(), 1);
        assert!(table.acquire(&a) > second, "numbers do not come back");
        assert_eq!(table.acquire(&[entry(31, "world", "anyone")]), OPEN);
        assert!(!allows(&table.get(99), perms::READ, &[id("digest", "a:a")]), "an unlisted number allows nothing");
    }

    #[test]
    fn hashes_are_masked() {
        let shown = masked(&[entry(31, "digest", "ben:hash"), entry(1, "ip", "::1")]);
        assert_eq!(shown, [entry(31, "digest", "ben:x"), entry(1, "ip", "::1")]);
    }
}
