//! Sessions and when they end (upstream: `SessionTrackerImpl`, `ExpiryQueue`).
//!
//! A session ends when nothing was heard of it for its timeout, rounded up to the next tick. Hearing of one is a store
//! into an atomic, so reads need no exclusive access; a session that was heard of since it was put into its bucket moves
//! to a later one when the bucket comes due.
//!
//! In an ensemble every member has the table; only the leader's ends sessions, but for those that are local to a member. Who was sent a session's connect response
//! owns it: a write that comes from elsewhere is of a client that has moved on (ZOOKEEPER-710).

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use base::map::KeyedMap;
use base::{Instant, Now, Prng};
use zab::Sid;
use zk_wire::{ErrorCode, SessionId, SnapshotSession};

use crate::event::ConnId;

/// So many sessions that have ended are remembered.
const ENDED_MAX: usize = 10_000;

/// When a session was last heard of: milliseconds of the monotonic clock.
#[derive(Clone, Debug, Default)]
pub struct Heard(Arc<AtomicU64>);

impl Heard {
    /// Something came from its client.
    pub fn touch(&self, now: Now) {
        self.0.fetch_max(now.mono.as_millis(), Ordering::Relaxed);
    }

    /// Whether something came at that millisecond or later.
    pub fn since(&self, mono_ms: u64) -> bool {
        self.0.load(Ordering::Relaxed) >= mono_ms
    }
}

/// The server that gave out a session's number (upstream: `getServerIdFromSessionId`).
pub fn maker(id: SessionId) -> u8 {
    id.0.to_be_bytes()[0]
}

/// Through which member a session's client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// This one.
    Here,
    /// A learner of this leader.
    Learner(Sid),
}

/// A session.
#[derive(Debug)]
pub struct Session {
    /// Negotiated when it began; what snapshots say.
    pub timeout_ms: i32,
    /// Negotiated when its client last connected; what counts.
    pub current_timeout_ms: i32,
    /// Its connection, while there is one.
    pub conn: Option<ConnId>,
    /// Shared with its connection.
    pub heard: Heard,
    /// Who speaks for it, at the leader; `None` until somebody does.
    owner: Option<Owner>,
    /// Its creation is applied. Until then it may never have been, should the leader change.
    created: bool,
    /// Its end is proposed: nothing more is taken from it.
    closing: bool,
    /// Only this member of an ensemble knows of it.
    local: bool,
    bucket_ms: u64,
}

type Buckets = BTreeMap<u64, BTreeSet<SessionId>>;

/// All sessions.
#[derive(Debug)]
pub struct Sessions {
    sessions: KeyedMap<SessionId, Session>,
    /// By the time they are looked at, in milliseconds of the monotonic clock.
    buckets: Buckets,
    /// The same for local ones, whose end every member brings about.
    local_buckets: Buckets,
    /// The latest that a transaction ended, with local sessions: what comes too late from one of them is not taken for a
    /// local session's of another member. In the order of their ends, and by id.
    ended: (VecDeque<SessionId>, BTreeSet<SessionId>),
    tick_ms: u64,
    next_id: i64,
}

impl Sessions {
    /// None yet. New ones get ids that begin with the server's id and the time.
    pub fn new(server_id: u8, tick_time_ms: i32, now: Now, prng: &mut Prng) -> Self {
        let time = ((now.wall_ms << 24) as u64 >> 8).cast_signed();
        let mut next_id = time | (i64::from(server_id) << 56);
        if next_id == i64::MIN {
            next_id += 1;
        }
        let tick_ms = u64::try_from(tick_time_ms).unwrap_or(0).max(1);
        let (buckets, local_buckets) = (Buckets::new(), Buckets::new());
        let ended = Default::default();
        Self { sessions: KeyedMap::new(prng), buckets, local_buckets, ended, tick_ms, next_id }
    }

    /// A number that no session has.
    pub fn allocate(&mut self) -> SessionId {
        loop {
            let id = SessionId(self.next_id);
            self.next_id = self.next_id.wrapping_add(1);
            if !self.sessions.contains_key(&id) {
                return id;
            }
        }
    }

    /// None any more. Numbers that were given out stay given out.
    pub fn clear(&mut self) {
        self.sessions.clear();
        self.buckets.clear();
        self.local_buckets.clear();
    }

    /// Begins to watch over a session.
    pub fn track(&mut self, now: Now, id: SessionId, timeout_ms: i32) -> &mut Session {
        self.put(now, id, timeout_ms, false)
    }

    /// Begins to watch over a session that nobody else knows.
    pub fn track_local(&mut self, now: Now, id: SessionId, timeout_ms: i32) -> &mut Session {
        self.put(now, id, timeout_ms, true)
    }

    fn put(&mut self, now: Now, id: SessionId, timeout_ms: i32, local: bool) -> &mut Session {
        let heard = Heard::default();
        heard.touch(now);
        let bucket_ms = self.bucket(now.mono.as_millis(), timeout_ms);
        self.buckets_of(local).entry(bucket_ms).or_default().insert(id);
        let session = Session {
            timeout_ms,
            current_timeout_ms: timeout_ms,
            conn: None,
            heard,
            owner: None,
            created: false,
            closing: false,
            local,
            bucket_ms,
        };
        if let Some(former) = self.sessions.insert(id, session)
            && (former.bucket_ms, former.local) != (bucket_ms, local)
        {
            self.take_from_bucket(id, former.bucket_ms, former.local);
        }
        self.sessions.get_mut(&id).expect("inserted above")
    }

    /// Forgets a session.
    pub fn remove(&mut self, id: SessionId) -> Option<Session> {
        let session = self.sessions.remove(&id)?;
        self.take_from_bucket(id, session.bucket_ms, session.local);
        Some(session)
    }

    /// A transaction has ended the session.
    pub fn note_ended(&mut self, id: SessionId) {
        let (order, by_id) = &mut self.ended;
        if by_id.insert(id) {
            order.push_back(id);
        }
        if order.len() > ENDED_MAX
            && let Some(oldest) = order.pop_front()
        {
            by_id.remove(&oldest);
        }
    }

    /// Whether a transaction ended the session not long ago.
    pub fn has_ended(&self, id: SessionId) -> bool {
        self.ended.1.contains(&id)
    }

    /// A session that is not ending.
    pub fn get_mut(&mut self, id: SessionId) -> Option<&mut Session> {
        self.sessions.get_mut(&id).filter(|session| !session.closing)
    }

    /// Whether requests of the session are taken.
    ///
    /// # Errors
    /// `SESSIONEXPIRED` for one that is not known or is ending.
    pub fn check(&self, id: SessionId) -> Result<(), ErrorCode> {
        match self.sessions.get(&id) {
            Some(session) if !session.closing => Ok(()),
            _ => Err(ErrorCode::SESSION_EXPIRED),
        }
    }

    /// The creation of a session is applied.
    pub fn created(&mut self, now: Now, id: SessionId, timeout_ms: i32) {
        if !self.sessions.contains_key(&id) {
            self.track(now, id, timeout_ms);
        }
        self.sessions.get_mut(&id).expect("tracked above").created = true;
    }

    /// Whether the session is known here only: its creation was never applied.
    pub fn is_provisional(&self, id: SessionId) -> bool {
        self.sessions.get(&id).is_some_and(|session| !session.created)
    }

    /// Whether only this member knows of the session.
    pub fn is_local(&self, id: SessionId) -> bool {
        self.sessions.get(&id).is_some_and(|session| session.local)
    }

    /// A local session becomes one of the ensemble, whose creation is still to be applied; its timeout.
    pub fn make_global(&mut self, now: Now, id: SessionId) -> Option<i32> {
        let bucket = {
            let session = self.get_mut(id).filter(|session| session.local)?;
            session.timeout_ms = session.current_timeout_ms;
            session.timeout_ms
        };
        let bucket_ms = self.bucket(now.mono.as_millis(), bucket);
        let session = self.get_mut(id)?;
        let former_ms = core::mem::replace(&mut session.bucket_ms, bucket_ms);
        session.local = false;
        self.take_from_bucket(id, former_ms, true);
        self.buckets.entry(bucket_ms).or_default().insert(id);
        Some(bucket)
    }

    /// How many only this member knows of.
    pub fn local_len(&self) -> usize {
        self.local_buckets.values().map(BTreeSet::len).sum()
    }

    /// A write of a session that comes through `from`, who owns the session from then on if nobody does.
    ///
    /// # Errors
    /// `SESSIONMOVED` when somebody else does. A session that is not known is not this function's affair.
    pub fn claim(&mut self, id: SessionId, from: Owner) -> Result<(), ErrorCode> {
        let Some(session) = self.get_mut(id) else { return Ok(()) };
        match session.owner {
            Some(owner) if owner != from => Err(ErrorCode::SESSION_MOVED),
            _ => {
                session.owner = Some(from);
                Ok(())
            }
        }
    }

    /// The session's client has connected there.
    pub fn set_owner(&mut self, id: SessionId, owner: Owner) {
        if let Some(session) = self.sessions.get_mut(&id) {
            session.owner = Some(owner);
        }
    }

    /// Something came from the session's client, who may have negotiated another timeout elsewhere. False for a session
    /// that is not known or is ending.
    pub fn touch(&mut self, now: Now, id: SessionId, timeout_ms: i32) -> bool {
        let Some(session) = self.get_mut(id) else { return false };
        session.heard.touch(now);
        if session.current_timeout_ms != timeout_ms {
            self.renew(now, id, timeout_ms);
        }
        true
    }

    /// The connection of a session, also of one that is ending.
    pub fn conn(&self, id: SessionId) -> Option<ConnId> {
        self.sessions.get(&id)?.conn
    }

    /// There is no leader any more: what only it knew is forgotten, and every connection has ended.
    pub fn lose_leader(&mut self) {
        let gone: Vec<SessionId> =
            self.sessions.sorted().filter(|(_, session)| !session.created).map(|(id, _)| *id).collect();
        for id in gone {
            self.remove(id);
        }
        self.sessions.retain(|_, session| {
            (session.conn, session.owner, session.closing) = (None, None, false);
            true
        });
    }

    /// This server begins to lead: every session gets its whole timeout again, those included whose end was looked for
    /// already by an earlier leader here.
    pub fn begin_to_lead(&mut self, now: Now) {
        self.restart_timeouts(now);
        let mut buckets = Buckets::new();
        let now_ms = now.mono.as_millis();
        let due: Vec<(SessionId, u64)> = self
            .sessions
            .sorted()
            .filter(|(_, session)| !session.local)
            .map(|(id, session)| (*id, self.bucket(now_ms, session.current_timeout_ms)))
            .collect();
        for (id, bucket_ms) in due {
            buckets.entry(bucket_ms).or_default().insert(id);
            self.sessions.get_mut(&id).expect("listed above").bucket_ms = bucket_ms;
        }
        self.buckets = buckets;
    }

    /// Whether the session's end is on its way.
    pub fn is_closing(&self, id: SessionId) -> bool {
        self.sessions.get(&id).is_some_and(|session| session.closing)
    }

    /// From now on nothing more is taken from the session.
    pub fn set_closing(&mut self, id: SessionId) {
        if let Some(session) = self.sessions.get_mut(&id) {
            session.closing = true;
        }
    }

    /// The client reconnected: a new timeout counts.
    pub fn renew(&mut self, now: Now, id: SessionId, timeout_ms: i32) {
        let bucket = self.bucket(now.mono.as_millis(), timeout_ms);
        let Some(session) = self.get_mut(id) else { return };
        session.heard.touch(now);
        session.current_timeout_ms = timeout_ms;
        let old = core::mem::replace(&mut session.bucket_ms, bucket);
        let local = session.local;
        self.take_from_bucket(id, old, local);
        self.buckets_of(local).entry(bucket).or_default().insert(id);
    }

    /// Every session gets its whole timeout again.
    pub fn restart_timeouts(&mut self, now: Now) {
        self.sessions.retain(|_, session| {
            session.heard.touch(now);
            true
        });
    }

    /// When a session may have to end.
    pub fn deadline(&self) -> Option<Instant> {
        self.buckets.keys().next().map(|ms| Instant::from_millis(*ms))
    }

    /// When a local one may have to.
    pub fn local_deadline(&self) -> Option<Instant> {
        self.local_buckets.keys().next().map(|ms| Instant::from_millis(*ms))
    }

    /// Sessions that nothing was heard of for too long, in order of their ids within a tick; each is given once.
    pub fn expired(&mut self, now: Now) -> Vec<SessionId> {
        self.due(now, false)
    }

    /// The same for local ones.
    pub fn expired_local(&mut self, now: Now) -> Vec<SessionId> {
        self.due(now, true)
    }

    fn due(&mut self, now: Now, local: bool) -> Vec<SessionId> {
        let mut expired = Vec::new();
        while let Some(entry) =
            self.buckets_of(local).first_entry().filter(|entry| *entry.key() <= now.mono.as_millis())
        {
            for id in entry.remove() {
                let Some(session) = self.sessions.get(&id) else { continue };
                let heard_ms = session.heard.0.load(Ordering::Relaxed);
                let bucket_ms = self.bucket(heard_ms, session.current_timeout_ms);
                if bucket_ms <= now.mono.as_millis() {
                    expired.push(id);
                } else {
                    self.buckets_of(local).entry(bucket_ms).or_default().insert(id);
                    self.sessions.get_mut(&id).expect("looked up above").bucket_ms = bucket_ms;
                }
            }
        }
        expired
    }

    /// All sessions, for a snapshot.
    pub fn entries(&self) -> Vec<SnapshotSession> {
        self.sessions
            .sorted()
            .filter(|(_, session)| session.created)
            .map(|(id, session)| SnapshotSession { id: *id, timeout_ms: session.timeout_ms })
            .collect()
    }

    /// All sessions in order of their ids: timeout, and when each ends if nothing more is heard of it.
    pub fn expiries(&self) -> Vec<(SessionId, i32, Instant)> {
        let expiry = |(id, session): (&SessionId, &Session)| {
            let bucket_ms = self.bucket(session.heard.0.load(Ordering::Relaxed), session.current_timeout_ms);
            (*id, session.current_timeout_ms, Instant::from_millis(bucket_ms))
        };
        self.sessions.sorted().map(expiry).collect()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.sessions.len()
    }

    /// The end of the tick after the timeout.
    fn bucket(&self, heard_ms: u64, timeout_ms: i32) -> u64 {
        let end_ms = heard_ms.saturating_add(u64::try_from(timeout_ms).unwrap_or(0));
        (end_ms / self.tick_ms).saturating_add(1).saturating_mul(self.tick_ms)
    }

    fn buckets_of(&mut self, local: bool) -> &mut Buckets {
        if local { &mut self.local_buckets } else { &mut self.buckets }
    }

    fn take_from_bucket(&mut self, id: SessionId, bucket_ms: u64, local: bool) {
        let buckets = self.buckets_of(local);
        if let Some(bucket) = buckets.get_mut(&bucket_ms) {
            bucket.remove(&id);
            if bucket.is_empty() {
                buckets.remove(&bucket_ms);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Now {
        Now { mono: Instant::from_millis(ms), wall_ms: 1_700_000_000_000 }
    }

    fn sessions() -> Sessions {
        Sessions::new(3, 2000, at(0), &mut Prng::new(1))
    }

    #[test]
    fn ids_begin_with_the_server() {
        let mut sessions = sessions();
        let (a, b) = (sessions.allocate(), sessions.allocate());
        assert_eq!((a.0 >> 56, b.0 - a.0), (3, 1));
        let mut high = Sessions::new(200, 2000, at(0), &mut Prng::new(1));
        assert!(high.allocate().0 < 0);
    }

    #[test]
    fn expiry_comes_at_the_end_of_the_tick() {
        let mut sessions = sessions();
        sessions.track(at(500), SessionId(1), 4000);
        assert_eq!(sessions.deadline(), Some(Instant::from_millis(6000)));
        assert_eq!(sessions.expired(at(5999)), []);
        assert_eq!(sessions.expired(at(6000)), [SessionId(1)]);
        assert_eq!(sessions.expired(at(9000)), [], "once only");
        assert!(sessions.remove(SessionId(1)).is_some());
        assert_eq!(sessions.deadline(), None);
    }

    #[test]
    fn a_session_that_was_heard_of_moves_on() {
        let mut sessions = sessions();
        let heard = sessions.track(at(0), SessionId(1), 4000).heard.clone();
        sessions.track(at(0), SessionId(2), 4000);
        heard.touch(at(3000));
        assert_eq!(sessions.expired(at(6000)), [SessionId(2)]);
        assert_eq!(sessions.deadline(), Some(Instant::from_millis(8000)));
        sessions.renew(at(7000), SessionId(1), 10_000);
        assert_eq!(sessions.expired(at(8000)), []);
        assert_eq!(sessions.expired(at(18_000)), [SessionId(1)]);
    }

    #[test]
    fn a_closing_session_is_as_good_as_gone() {
        let mut sessions = sessions();
        sessions.track(at(0), SessionId(1), 4000);
        assert_eq!(sessions.check(SessionId(1)), Ok(()));
        sessions.set_closing(SessionId(1));
        assert_eq!(sessions.check(SessionId(1)), Err(ErrorCode::SESSION_EXPIRED));
        assert!(sessions.get_mut(SessionId(1)).is_none());
        assert_eq!(sessions.len(), 1);
    }

    #[test]
    fn a_session_whose_end_was_lost_with_the_leader_ends_under_the_next() {
        let mut sessions = sessions();
        sessions.created(at(0), SessionId(1), 4000);
        assert_eq!(sessions.expired(at(6000)), [SessionId(1)]);
        sessions.set_closing(SessionId(1));
        assert_eq!(sessions.deadline(), None, "nobody looks for it any more");
        sessions.lose_leader();
        sessions.begin_to_lead(at(7000));
        assert_eq!(sessions.check(SessionId(1)), Ok(()));
        assert_eq!(sessions.expired(at(11_999)), []);
        assert_eq!(sessions.expired(at(12_000)), [SessionId(1)]);
    }
}
