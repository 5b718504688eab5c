//! From a snapshot and a log to a keeper (upstream: `FileTxnSnapLog.restore`).
//!
//! ```text
//! Recovery::new -> [ begin_snapshot -> record * -> end_snapshot ] -> replay * -> finish
//! ```
//! A snapshot that turns out damaged half way is given up by another `begin_snapshot`.

use core::fmt;
use std::collections::{BTreeMap, VecDeque};

use base::planted::PlantedBug;
use base::{Now, Prng};
use bytes::Bytes;
use zab::Proposal;
use zk_wire::snapshot::SnapshotRecord;
use zk_wire::txn::{DIGEST_VERSION, Transaction, TxnBody};
use zk_wire::{SessionId, StatPersisted, Zxid, ZxidDigest};

use crate::config::Config;
use crate::digest_log::DigestLog;
use crate::load::{LoadError, Loader};
use crate::node::Owner;
use crate::server::{Keeper, Recovered};
use crate::tree::Tree;

/// Builds a [`Keeper`].
#[derive(Debug)]
pub struct Recovery {
    config: Config,
    prng: Prng,
    tree: Tree,
    /// While a snapshot is read.
    loader: Option<Loader>,
    sessions: BTreeMap<SessionId, i32>,
    last: Zxid,
    /// Whether nodes are not as the folder has them: no digest of it can be compared.
    converted: bool,
    /// Digests of transactions below this one cannot be compared: the snapshot already holds effects of later ones.
    comparable_from: Option<Zxid>,
    digest_mismatches: u64,
    first_mismatch: Option<Zxid>,
    digest_log: DigestLog,
    /// The latest of what was replayed, at most `window_max`.
    window: VecDeque<Proposal>,
    window_max: usize,
}

/// Why recovery cannot go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecoveryError {
    /// Bytes that make no sense.
    Decode(base::DecodeError),
    /// A node whose parent is not in the snapshot.
    Orphan(String),
    /// Some node is in the snapshot twice.
    Twice,
}

impl fmt::Display for RecoveryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decode(error) => write!(f, "{error}"),
            Self::Orphan(path) => write!(f, "the snapshot has node {path:?} but not its parent"),
            Self::Twice => f.write_str("the snapshot has a node twice"),
        }
    }
}

impl core::error::Error for RecoveryError {}

impl From<base::DecodeError> for RecoveryError {
    fn from(error: base::DecodeError) -> Self {
        Self::Decode(error)
    }
}

impl Recovery {
    /// The initial tree (`/`, `/zookeeper`, `/zookeeper/config`, `/zookeeper/quota`) at zxid 0.
    pub fn new(config: Config, prng: Prng) -> Self {
        Self {
            config,
            prng,
            tree: Tree::default(),
            loader: None,
            sessions: BTreeMap::new(),
            last: Zxid::ZERO,
            converted: false,
            comparable_from: Some(Zxid::ZERO),
            digest_mismatches: 0,
            first_mismatch: None,
            digest_log: DigestLog::default(),
            window: VecDeque::new(),
            window_max: 0,
        }
    }

    /// Keeps the latest transactions that are replayed, up to `count` (`commitLogCount`), for [`Keeper::join`].
    pub fn keep_window(&mut self, count: usize) {
        self.window_max = count;
    }

    /// Forgets everything: a snapshot named after `zxid` follows.
    pub fn begin_snapshot(&mut self, zxid: Zxid) {
        self.loader = Some(Loader::new(Tree::empty()));
        self.sessions.clear();
        self.last = zxid;
        self.converted = false;
        self.comparable_from = None;
        self.digest_mismatches = 0;
        self.first_mismatch = None;
        self.digest_log = DigestLog::default();
        self.window.clear();
    }

    /// Takes a record of the snapshot (see [`zk_wire::snapshot::SnapshotDecoder`]).
    ///
    /// # Errors
    /// A record that does not fit the ones before.
    pub fn record(&mut self, record: SnapshotRecord) -> Result<(), RecoveryError> {
        match record {
            SnapshotRecord::Session(session) => {
                self.sessions.insert(session.id, session.timeout_ms);
            }
            SnapshotRecord::Acl(acl) => self.loader().tree_mut().acls_mut().load(&acl),
            SnapshotRecord::Node(path, mut node) => {
                self.convert(&mut node.stat);
                self.loader().node(&path, node.data.as_deref(), node.acl, node.stat).map_err(|why| match why {
                    LoadError::Orphan => RecoveryError::Orphan(path.to_string()),
                    LoadError::Twice => RecoveryError::Twice,
                })?;
            }
            SnapshotRecord::End => {}
        }
        Ok(())
    }

    /// A TTL node of release 3.5.3 becomes one of today, if the operator says that there are such: the next snapshot has
    /// it so.
    fn convert(&mut self, stat: &mut StatPersisted) {
        let wanted = self.config.extended_types_enabled && self.config.emulate_353_ttl_nodes;
        if let Some(owner) = Owner::decode_353(stat.ephemeral_owner).filter(|_| wanted) {
            stat.ephemeral_owner = owner.encode();
            self.converted = true;
        }
    }

    fn loader(&mut self) -> &mut Loader {
        self.loader.get_or_insert_with(|| Loader::new(Tree::empty()))
    }

    /// The snapshot is complete; `digest` is what its file says of the tree.
    ///
    /// # Errors
    /// Nodes that do not fit together.
    pub fn end_snapshot(&mut self, digest: Option<ZxidDigest>) -> Result<(), RecoveryError> {
        if let Some(loader) = self.loader.take() {
            self.tree = loader.finish().map_err(|_| RecoveryError::Twice)?;
        }
        self.tree.acls_mut().drop_unused();
        let Some(digest) = digest.filter(|digest| digest.digest_version == DIGEST_VERSION && !self.converted) else {
            return Ok(());
        };
        self.comparable_from = Some(digest.zxid);
        // Before the first transaction upstream writes zeros instead of a digest.
        if digest.zxid == self.last && digest.zxid > Zxid::ZERO {
            self.compare(digest.digest);
        }
        Ok(())
    }

    /// Applies a log entry's payload. Entries up to [`Recovery::last_zxid`] are skipped, so that a file may be given
    /// whole.
    ///
    /// # Errors
    /// An entry that makes no sense.
    pub fn replay(&mut self, payload: Bytes) -> Result<Zxid, RecoveryError> {
        let Transaction { header, body, digest } = Transaction::from_bytes(payload.clone())?;
        if header.zxid <= self.last {
            return Ok(header.zxid);
        }
        if self.window_max > 0 {
            self.window.push_back(Proposal { zxid: header.zxid, bytes: payload, config: None });
            if self.window.len() > self.window_max {
                self.window.pop_front();
            }
        }
        match &body {
            TxnBody::CreateSession(txn) => {
                self.sessions.insert(header.client_id, txn.timeout_ms);
            }
            TxnBody::CloseSession(_) => {
                self.sessions.remove(&header.client_id);
            }
            _ => {}
        }
        let forgets = match &body {
            TxnBody::CloseSession(_) => self.config.bug.is(PlantedBug::ForgetEphemeral),
            TxnBody::Delete(txn) => {
                self.config.bug.is(PlantedBug::ReplayForgetsPzxid) && self.tree.get(&txn.path).is_none()
            }
            _ => false,
        };
        if !forgets {
            let _ = self.tree.apply(&header, &body, &mut |_| {});
        }
        self.last = header.zxid;
        self.digest_log.applied(header.zxid, self.tree.digest());
        if let Some(digest) = digest.filter(|digest| digest.version == DIGEST_VERSION)
            && self.comparable_from.is_some_and(|from| header.zxid >= from)
        {
            self.compare(digest.tree_digest);
        }
        Ok(header.zxid)
    }

    /// What is there counts as the state behind this transaction: for a snapshot that does not come from a file of
    /// that name, and for a state that takes the place of a later one.
    pub fn renumber(&mut self, zxid: Zxid) {
        if self.config.bug.is(PlantedBug::RestoreForgetsSessions) {
            self.sessions.clear();
        }
        self.last = zxid;
    }

    /// The last transaction that is in the tree.
    pub fn last_zxid(&self) -> Zxid {
        self.last
    }

    /// How often a transaction's digest was not that of the tree: 0, or something is wrong.
    pub fn digest_mismatches(&self) -> u64 {
        self.digest_mismatches
    }

    /// The first transaction that [`Recovery::digest_mismatches`] counts.
    pub fn first_mismatch(&self) -> Option<Zxid> {
        self.first_mismatch
    }

    /// The tree so far, when no snapshot is half read.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Sessions so far.
    pub fn sessions_count(&self) -> usize {
        self.sessions.len()
    }

    /// The machine, standing alone. Every session gets its whole timeout again. Sessions that own ephemeral nodes and
    /// are not in the session table are closed at the first tick.
    pub fn finish(self, now: Now) -> Keeper {
        let Self {
            config, prng, mut tree, sessions, last, digest_mismatches, digest_log, window, comparable_from, ..
        } = self;
        // A snapshot may hold parts of transactions that a quorum had and this server's log has not.
        let comparable = comparable_from.is_some_and(|from| from <= last);
        if config.bug.is(PlantedBug::QuotaNotRecounted) {
            tree.find_quotas();
        } else {
            tree.set_up_quotas();
        }
        let (sessions, window) = (sessions.into_iter().collect(), window.into());
        let recovered = Recovered { config, tree, sessions, last, comparable, digest_mismatches, digest_log, window };
        Keeper::standalone(recovered, now, prng)
    }

    fn compare(&mut self, digest: i64) {
        if digest != self.tree.digest() {
            self.digest_mismatches += 1;
            self.first_mismatch.get_or_insert(self.last);
        }
    }
}
