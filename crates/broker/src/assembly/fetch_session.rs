//! Fetch sessions (KIP-227, `FetchSession.scala`): a client names its partitions once, then only what changes; the
//! answers leave out partitions with nothing new.
//!
//! They live on the connection's side and not in a shard, because a session spans shards, and not in the node, because
//! every long poll would then pay two more hops. The cache is one table for the process; a session is taken out of
//! it while a request of it is answered, so the table is locked for two lookups only.

use core::time::Duration;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use base::{Instant, Prng, Str};

use crate::shard::FetchAnswer;
use crate::{ErrorCode, TopicId, error};

/// The epoch of a request that wants a new session (or none, with session id 0 granted back).
pub const INITIAL_EPOCH: i32 = 0;
/// The epoch of a request that ends its session and wants none.
pub const FINAL_EPOCH: i32 = -1;
/// A session untouched for this long may lose its place to another (`FetchSession.scala`).
pub const EVICTION: Duration = Duration::from_secs(120);

/// One partition as a fetch names it.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// The topic's name; empty when the id is unknown here.
    pub topic: Str,
    /// The topic's id; zero before v13.
    pub topic_id: TopicId,
    /// The partition.
    pub partition: i32,
    /// First offset wanted.
    pub fetch_offset: i64,
    /// -1 unknown.
    pub current_leader_epoch: i32,
    /// -1 unknown.
    pub last_fetched_epoch: i32,
    /// A follower's log start offset; -1 from consumers.
    pub log_start_offset: i64,
    /// Limit, bytes.
    pub bytes_max: i32,
}

/// A partition that its session remembers, and what the client was told last.
#[derive(Clone, Debug)]
struct Remembered {
    wanted: Wanted,
    high_watermark: i64,
    log_start_offset: i64,
}

/// The partitions of one session, in the order in which they are served.
#[derive(Clone, Debug)]
pub struct Session {
    id: i32,
    epoch: i32,
    by_topic_id: bool,
    partitions: Vec<Remembered>,
}

/// All sessions of a process.
#[derive(Debug)]
pub struct SessionCache {
    slots: usize,
    prng: Prng,
    sessions: BTreeMap<i32, (Instant, Option<Session>)>,
}

/// How a request stands to a session.
#[derive(Debug)]
pub enum Opened {
    /// No session: every partition is in the request, and all are answered.
    Sessionless(Vec<Wanted>),
    /// A new session, whose first answer has every partition.
    Full(Session),
    /// A known session.
    Incremental(Session),
}

impl Opened {
    /// The session's number, if there is one.
    pub fn session_id(&self) -> Option<i32> {
        match self {
            Self::Sessionless(_) => None,
            Self::Full(session) | Self::Incremental(session) => Some(session.id),
        }
    }
}

impl SessionCache {
    /// A cache of `max.incremental.fetch.session.cache.slots`.
    pub fn new(slots: usize, prng: Prng) -> Self {
        Self { slots, prng, sessions: BTreeMap::new() }
    }

    /// Finds or makes the session of a request. Unless this answers an error, a session is [`SessionCache::put`] back.
    ///
    /// # Errors
    /// FETCH_SESSION_ID_NOT_FOUND or INVALID_FETCH_SESSION_EPOCH, for the whole response.
    pub fn open(
        &mut self,
        now: Instant,
        (id, epoch): (i32, i32),
        wanted: Vec<Wanted>,
        forgotten: &[(Str, TopicId, i32)],
        by_topic_id: bool,
    ) -> Result<Opened, ErrorCode> {
        if epoch == INITIAL_EPOCH || epoch == FINAL_EPOCH {
            self.sessions.remove(&id);
            let granted = if epoch == INITIAL_EPOCH && !wanted.is_empty() { self.new_id(now) } else { None };
            let Some(id) = granted else { return Ok(Opened::Sessionless(wanted)) };
            let remember = |wanted| Remembered { wanted, high_watermark: -1, log_start_offset: -1 };
            let partitions = wanted.into_iter().map(remember).collect();
            return Ok(Opened::Full(Session { id, epoch: 1, by_topic_id, partitions }));
        }
        let (last_used, slot) = self.sessions.get_mut(&id).ok_or(error::FETCH_SESSION_ID_NOT_FOUND)?;
        *last_used = now;
        // Taken: another connection's request of the same session is being answered.
        let session = slot.as_mut().ok_or(error::INVALID_FETCH_SESSION_EPOCH)?;
        if session.epoch != epoch {
            return Err(error::INVALID_FETCH_SESSION_EPOCH);
        }
        if session.by_topic_id != by_topic_id {
            return Err(error::FETCH_SESSION_TOPIC_ID_ERROR);
        }
        let mut session = slot.take().expect("looked at above");
        session.epoch = if epoch == i32::MAX { 1 } else { epoch + 1 };
        let named = if forgotten.is_empty() { Vec::new() } else { wanted.clone() };
        session.change(wanted, forgotten);
        if session.partitions.is_empty() {
            // It ends with its last partition; what the request names is answered all the same.
            self.sessions.remove(&id);
            return Ok(Opened::Sessionless(named));
        }
        Ok(Opened::Incremental(session))
    }

    /// Gives a session back after its answer.
    pub fn put(&mut self, now: Instant, session: Session) {
        // Gone when the client closed it from elsewhere meanwhile.
        if let Some(slot) = self.sessions.get_mut(&session.id) {
            *slot = (now, Some(session));
        }
    }

    /// Ends a session.
    pub fn remove(&mut self, id: i32) {
        self.sessions.remove(&id);
    }

    /// Sessions there are.
    pub fn len(&self) -> usize {
        self.sessions.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    fn new_id(&mut self, now: Instant) -> Option<i32> {
        if self.sessions.len() >= self.slots {
            let idle = self.sessions.iter().min_by_key(|(_, (last_used, _))| *last_used);
            let (id, _) = idle.filter(|(_, (last_used, _))| now.since(*last_used) >= EVICTION)?;
            let id = *id;
            self.sessions.remove(&id);
        }
        loop {
            let id = self.prng.between(1, i32::MAX as u64) as i32;
            if let Entry::Vacant(slot) = self.sessions.entry(id) {
                slot.insert((now, None));
                return Some(id);
            }
        }
    }
}

impl Session {
    /// Its number, for the response.
    pub fn id(&self) -> i32 {
        self.id
    }

    /// What it asks for, in order.
    pub fn wanted(&self) -> Vec<Wanted> {
        self.partitions.iter().map(|remembered| remembered.wanted.clone()).collect()
    }

    fn change(&mut self, wanted: Vec<Wanted>, forgotten: &[(Str, TopicId, i32)]) {
        for new in wanted {
            let same = |known: &&mut Remembered| known.wanted.is_same(&new.topic, new.topic_id, new.partition);
            match self.partitions.iter_mut().find(same) {
                Some(known) => {
                    let topic = if new.topic.is_empty() { known.wanted.topic.clone() } else { new.topic.clone() };
                    known.wanted = Wanted { topic, ..new };
                }
                None => self.partitions.push(Remembered { wanted: new, high_watermark: -1, log_start_offset: -1 }),
            }
        }
        for (topic, topic_id, partition) in forgotten {
            self.partitions.retain(|known| !known.wanted.is_same(topic, *topic_id, *partition));
        }
    }

    /// Remembers the name of a topic that was named by its id: it says what is gone when the topic is.
    pub fn learn_topic(&mut self, at: usize, topic: &Str) {
        let known = &mut self.partitions[at].wanted.topic;
        if known.is_empty() {
            *known = topic.clone();
        }
    }

    /// Whether the client must be told of the partition at this place: it has records, an error, or something new.
    /// Remembers what is told.
    pub fn is_news(&mut self, at: usize, answer: &FetchAnswer, records: u64, full: bool) -> bool {
        let known = &mut self.partitions[at];
        let failed = answer.error_code != error::NONE;
        let news = full
            || failed
            || records > 0
            || answer.diverging_epoch.is_some()
            || known.high_watermark != answer.high_watermark
            || known.log_start_offset != answer.log_start_offset;
        // After an error the next answer tells it all again.
        known.high_watermark = if failed { -1 } else { answer.high_watermark };
        known.log_start_offset = answer.log_start_offset;
        news
    }

    /// Keeps the partitions in the order in which the first answer told of them.
    pub fn arrange(&mut self, order: &[usize]) {
        let mut before: Vec<_> = core::mem::take(&mut self.partitions).into_iter().map(Some).collect();
        self.partitions = order.iter().filter_map(|at| before[*at].take()).collect();
    }

    /// Puts the partitions that gave records behind the others, so that next time those come first.
    pub fn rotate(&mut self, gave_records: &[bool]) {
        let mut order = core::mem::take(&mut self.partitions).into_iter().zip(gave_records).collect::<Vec<_>>();
        order.sort_by_key(|(_, gave)| **gave);
        self.partitions = order.into_iter().map(|(partition, _)| partition).collect();
    }
}

impl Wanted {
    fn is_same(&self, topic: &str, topic_id: TopicId, partition: i32) -> bool {
        let same_topic = if topic_id.is_zero() { self.topic == *topic } else { self.topic_id == topic_id };
        same_topic && self.partition == partition
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(topic: &str, partition: i32, fetch_offset: i64) -> Wanted {
        Wanted {
            topic: topic.into(),
            topic_id: TopicId::ZERO,
            partition,
            fetch_offset,
            current_leader_epoch: -1,
            last_fetched_epoch: -1,
            log_start_offset: -1,
            bytes_max: 100,
        }
    }

    fn answer(high_watermark: i64) -> FetchAnswer {
        let mut answer = crate::api::fetch::failure(0, error::NONE);
        (answer.high_watermark, answer.log_start_offset) = (high_watermark, 0);
        answer
    }

    const NOW: Instant = Instant::ZERO;

    #[test]
    fn a_session_begins_in_the_order_of_its_first_answer() {
        let mut cache = SessionCache::new(1, Prng::new(1));
        let three = vec![wanted("a", 0, 0), wanted("b", 0, 0), wanted("c", 0, 0)];
        let Ok(Opened::Full(mut session)) = cache.open(NOW, (0, 0), three, &[], false) else { panic!("no session") };
        session.arrange(&[0, 2, 1]);
        let order: Vec<String> = session.wanted().iter().map(|w| w.topic.to_string()).collect();
        assert_eq!(order, ["a", "c", "b"]);
    }

    #[test]
    fn a_session_ends_with_its_last_partition() {
        let mut cache = SessionCache::new(10, Prng::new(1));
        let one = || vec![wanted("a", 0, 5)];
        let Ok(Opened::Full(session)) = cache.open(NOW, (0, 0), one(), &[], false) else { panic!("no session") };
        let id = session.id();
        cache.put(NOW, session);
        let forgotten = [("a".into(), TopicId::ZERO, 0)];
        let Ok(Opened::Sessionless(named)) = cache.open(NOW, (id, 1), one(), &forgotten, false) else {
            panic!("a session without partitions")
        };
        assert_eq!((named, cache.len()), (one(), 0), "what is named is answered all the same");
    }

    #[test]
    fn a_session_remembers_and_forgets() {
        let mut cache = SessionCache::new(10, Prng::new(1));
        let both = vec![wanted("a", 0, 5), wanted("b", 1, 7)];
        let Ok(Opened::Full(mut session)) = cache.open(NOW, (0, 0), both, &[], false) else { panic!("no session") };
        let id = session.id();
        assert!(session.is_news(0, &answer(9), 0, true));
        assert!(session.is_news(1, &answer(9), 0, true));
        cache.put(NOW, session);

        let changed = vec![wanted("a", 0, 6)];
        let forgotten = [(Str::from("b"), TopicId::ZERO, 1)];
        let Ok(Opened::Incremental(mut session)) = cache.open(NOW, (id, 1), changed, &forgotten, false) else {
            panic!("not found")
        };
        assert_eq!(session.wanted(), [wanted("a", 0, 6)]);
        assert!(!session.is_news(0, &answer(9), 0, false), "told before");
        assert!(session.is_news(0, &answer(10), 0, false), "the high watermark is new");
        assert!(session.is_news(0, &answer(10), 3, false), "records");
        assert!(session.is_news(0, &crate::api::fetch::failure(0, 6), 0, false), "an error");
        assert!(session.is_news(0, &answer(10), 0, false), "all again after an error");
        cache.put(NOW, session);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let mut cache = SessionCache::new(1, Prng::new(1));
        let one = || vec![wanted("a", 0, 0)];
        let Ok(Opened::Full(session)) = cache.open(NOW, (0, 0), one(), &[], false) else { panic!("no session") };
        let id = session.id();
        let busy = cache.open(NOW, (id, 1), vec![], &[], false);
        assert_eq!(busy.err(), Some(error::INVALID_FETCH_SESSION_EPOCH));
        cache.put(NOW, session);
        let unknown = cache.open(NOW, (id ^ 1, 1), vec![], &[], false);
        assert_eq!(unknown.err(), Some(error::FETCH_SESSION_ID_NOT_FOUND));
        let late = cache.open(NOW, (id, 2), vec![], &[], false);
        assert_eq!(late.err(), Some(error::INVALID_FETCH_SESSION_EPOCH));
        let by_id = cache.open(NOW, (id, 1), vec![], &[], true);
        assert_eq!(by_id.err(), Some(error::FETCH_SESSION_TOPIC_ID_ERROR));
        assert!(matches!(cache.open(NOW, (0, 0), one(), &[], false), Ok(Opened::Sessionless(_))), "no slot is free");
        let later = NOW + EVICTION;
        assert!(matches!(cache.open(later, (0, 0), one(), &[], false), Ok(Opened::Full(_))), "the idle one goes");
        assert_eq!(cache.len(), 1);
        assert!(matches!(cache.open(later, (0, -1), one(), &[], false), Ok(Opened::Sessionless(_))));
    }

    #[test]
    fn partitions_that_gave_records_go_last() {
        let mut cache = SessionCache::new(1, Prng::new(1));
        let three = vec![wanted("a", 0, 0), wanted("b", 0, 0), wanted("c", 0, 0)];
        let Ok(Opened::Full(mut session)) = cache.open(NOW, (0, 0), three, &[], false) else { panic!("no session") };
        session.rotate(&[true, false, false]);
        let order: Vec<String> = session.wanted().iter().map(|w| w.topic.to_string()).collect();
        assert_eq!(order, ["b", "c", "a"]);
    }
}
