//! Connections in virtual time: each direction is a FIFO of frames with delay; faults stall it, cut it with the loss of
//! what is under way, or silence it without telling anybody.

use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};

use base::{Instant, Prng};
use bytes::Bytes;

/// A connection's number; never used twice in a run.
pub type LinkId = u64;

/// Who a frame is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum To {
    /// The side that listened.
    Server,
    /// The side that dialled.
    Client,
}

/// What reaches an end of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// A whole frame.
    Frame(Bytes),
    /// The other end closed, or the connection was reset. Nothing follows.
    Closed,
}

/// How the network behaves in a run.
#[derive(Clone, Copy, Debug)]
pub struct NetTimes {
    /// Bounds of one frame's delay in microseconds.
    pub delay_us: (u64, u64),
    /// One frame in this many takes a hundred times longer (and holds up what is behind it); 0 for never.
    pub slow_one_in: u64,
}

#[derive(Default)]
struct Stream {
    queue: VecDeque<Arrival>,
    last_arrival: Instant,
    /// The receiver's end is gone: what is sent vanishes.
    dead: bool,
}

#[derive(Default)]
struct Link {
    to_server: Stream,
    to_client: Stream,
}

impl Link {
    fn stream(&mut self, to: To) -> &mut Stream {
        match to {
            To::Server => &mut self.to_server,
            To::Client => &mut self.to_client,
        }
    }
}

/// All connections of a run.
pub struct Net {
    links: BTreeMap<LinkId, Link>,
    next: LinkId,
    times: NetTimes,
}

impl Net {
    /// No connections yet.
    pub fn new(times: NetTimes) -> Self {
        Self { links: BTreeMap::new(), next: 0, times }
    }

    /// Changes how slow frames are from now on.
    pub fn set_times(&mut self, times: NetTimes) {
        self.times = times;
    }

    /// A new connection.
    pub fn open(&mut self) -> LinkId {
        self.next += 1;
        self.links.insert(self.next, Link::default());
        self.next
    }

    /// Sends, and says when [`Net::arrive`] is due; `None` when nothing will arrive.
    pub fn send(&mut self, now: Instant, link: LinkId, to: To, arrival: Arrival, prng: &mut Prng) -> Option<Instant> {
        let times = self.times;
        let stream = self.links.get_mut(&link)?.stream(to);
        if stream.dead || stream.queue.back() == Some(&Arrival::Closed) {
            return None;
        }
        let slow = if times.slow_one_in > 0 && prng.chance(1, times.slow_one_in) { 100 } else { 1 };
        let delay = Duration::from_micros(prng.between(times.delay_us.0, times.delay_us.1) * slow);
        stream.last_arrival = stream.last_arrival.max(now + delay);
        stream.queue.push_back(arrival);
        Some(stream.last_arrival)
    }

    /// What arrives now, if a fault has not taken it.
    pub fn arrive(&mut self, link: LinkId, to: To) -> Option<Arrival> {
        let stream = self.links.get_mut(&link)?.stream(to);
        let arrival = stream.queue.pop_front()?;
        if arrival == Arrival::Closed {
            stream.dead = true;
            self.forget_if_dead(link);
        }
        Some(arrival)
    }

    /// Nothing gets through in either direction before `until`.
    pub fn stall(&mut self, link: LinkId, until: Instant) {
        if let Some(link) = self.links.get_mut(&link) {
            for to in [To::Server, To::Client] {
                let stream = link.stream(to);
                stream.last_arrival = stream.last_arrival.max(until);
            }
        }
    }

    /// Cuts the connection: a random suffix of what is under way is lost, then both ends learn of it. Returns when
    /// [`Net::arrive`] is due for each end.
    pub fn reset(&mut self, now: Instant, link: LinkId, prng: &mut Prng) -> Vec<(To, Instant)> {
        let mut due = Vec::new();
        for to in [To::Server, To::Client] {
            let Some(open) = self.links.get_mut(&link) else { return due };
            let stream = open.stream(to);
            let kept = prng.below(stream.queue.len() as u64 + 1) as usize;
            stream.queue.truncate(kept);
            if let Some(at) = self.send(now, link, to, Arrival::Closed, prng) {
                due.push((to, at));
            }
        }
        due
    }

    /// One end is gone without a word: what is sent to it vanishes, and it sends nothing more. The other end is not
    /// told.
    pub fn vanish(&mut self, link: LinkId, end: To) {
        if let Some(open) = self.links.get_mut(&link) {
            let stream = open.stream(end);
            stream.dead = true;
            stream.queue.clear();
            self.forget_if_dead(link);
        }
    }

    /// The machine of one end is gone: as [`Net::vanish`], and what it had under way to the other end is lost from a
    /// random point on.
    pub fn lose_sent_by(&mut self, link: LinkId, receiver: To, prng: &mut Prng) {
        if let Some(open) = self.links.get_mut(&link) {
            let stream = open.stream(receiver);
            let kept = prng.below(stream.queue.len() as u64 + 1) as usize;
            stream.queue.truncate(kept);
        }
    }

    fn forget_if_dead(&mut self, link: LinkId) {
        if self.links.get(&link).is_some_and(|open| open.to_server.dead && open.to_client.dead) {
            self.links.remove(&link);
        }
    }

    /// The open connections, oldest first.
    pub fn open_links(&self) -> Vec<LinkId> {
        self.links.keys().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMES: NetTimes = NetTimes { delay_us: (10, 2000), slow_one_in: 5 };

    fn frame(number: u8) -> Arrival {
        Arrival::Frame(Bytes::copy_from_slice(&[number]))
    }

    #[test]
    fn a_direction_is_first_in_first_out_whatever_the_delays() {
        let (mut net, mut prng) = (Net::new(TIMES), Prng::new(1));
        let link = net.open();
        let mut last = Instant::ZERO;
        for number in 0..100 {
            let at = net.send(Instant::ZERO, link, To::Server, frame(number), &mut prng).unwrap();
            assert!(at >= last);
            last = at;
        }
        for number in 0..100 {
            assert_eq!(net.arrive(link, To::Server), Some(frame(number)));
        }
        assert_eq!(net.arrive(link, To::Server), None);
    }

    #[test]
    fn a_reset_loses_a_suffix_and_tells_both_ends() {
        let (mut lost, mut kept) = (0, 0);
        for seed in 0..50 {
            let (mut net, mut prng) = (Net::new(TIMES), Prng::new(seed));
            let link = net.open();
            for number in 0..10 {
                net.send(Instant::ZERO, link, To::Client, frame(number), &mut prng).unwrap();
            }
            assert_eq!(net.reset(Instant::ZERO, link, &mut prng).len(), 2);
            let mut expected = 0;
            loop {
                match net.arrive(link, To::Client) {
                    Some(Arrival::Closed) => break,
                    arrived => assert_eq!(arrived, Some(frame(expected)), "a prefix, in order"),
                }
                expected += 1;
            }
            lost += usize::from(expected < 10);
            kept += usize::from(expected > 0);
            assert_eq!(net.send(Instant::ZERO, link, To::Client, frame(1), &mut prng), None);
        }
        assert!(lost > 10 && kept > 10);
    }

    #[test]
    fn a_vanished_end_is_not_announced() {
        let (mut net, mut prng) = (Net::new(TIMES), Prng::new(1));
        let link = net.open();
        net.send(Instant::ZERO, link, To::Server, frame(1), &mut prng).unwrap();
        net.vanish(link, To::Server);
        assert_eq!(net.arrive(link, To::Server), None);
        assert_eq!(net.send(Instant::ZERO, link, To::Server, frame(2), &mut prng), None);
        assert!(net.send(Instant::ZERO, link, To::Client, frame(3), &mut prng).is_some(), "the other way still works");
    }

    #[test]
    fn a_stall_holds_up_and_loses_nothing() {
        let (mut net, mut prng) = (Net::new(TIMES), Prng::new(1));
        let link = net.open();
        net.stall(link, Instant::from_millis(5000));
        let at = net.send(Instant::ZERO, link, To::Server, frame(1), &mut prng).unwrap();
        assert!(at >= Instant::from_millis(5000));
        assert_eq!(net.arrive(link, To::Server), Some(frame(1)));
    }
}
