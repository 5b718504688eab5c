//! What learners lack that are further behind than the window, from the log on the disk.
//!
//! The log is searched and read in pieces on [`Lane::Bulk`], and a piece is read when the last one has left for the
//! network: a slow learner costs neither memory nor time of the others. Writes go on beside it. A piece is read only once
//! the log is durable up to its end, so what is read does not change any more.

use std::collections::BTreeMap;
use std::io;

use base::planted::PlantedBug;
use bytes::{Bytes, BytesMut};
use keeper::Event;
use storage::disk::Disk;
use storage::zk::log_walk::{LogPosition, LogSearch, Searched, Walked, newest_snapshot_bytes};
use zab::event::CloseReason;
use zab::{Link, Proposal, ToLearner};
use zk_wire::{Jute as _, Zxid};

use super::{KeeperDone, KeeperLoop, KeeperNote, KeeperWorld};
use crate::world::Lane;

/// What is done for a learner.
enum LogSync {
    /// The search waits for the log to be durable up to `until`, or is at work.
    Searching { peer: Zxid, until: Zxid, begun: bool },
    /// It has what the learner lacks, behind this place.
    Found(LogPosition),
    /// The next piece waits for the log to be durable up to `until`.
    Waiting { at: LogPosition, until: Zxid },
    /// A piece is being read.
    Reading,
    /// A piece is on its way.
    Sending { at: LogPosition, until: Zxid },
}

/// Learners that get something of the log.
#[derive(Default)]
pub(super) struct LogSyncs(BTreeMap<Link, LogSync>);

/// A finished job of this module.
pub enum LogSyncDone {
    /// A search has read a piece.
    Searched(Link, LogSearch, io::Result<Searched>),
    /// Packets for a learner.
    Read(Link, LogPiece, io::Result<bool>),
}

/// Packets that a learner is sent, and where the next ones begin.
pub struct LogPiece {
    at: LogPosition,
    until: Zxid,
    packets: BytesMut,
}

/// Bytes of the log that a search reads in one job.
const SEARCH_BYTES: u64 = 8 << 20;

impl LogSyncs {
    /// The machine wants to know what the log has.
    pub fn search(&mut self, link: Link, peer: Zxid, until: Zxid) {
        self.0.insert(link, LogSync::Searching { peer, until, begun: false });
    }

    /// The machine wants the learner to have what was found. Nothing is there any more when the link has ended and the
    /// machine will hear of it in this very turn.
    pub fn send(&mut self, link: Link, after: Zxid, until: Zxid) {
        if let Some(LogSync::Found(at)) = self.0.remove(&link) {
            assert_eq!(at.last(), after.0, "the log is sent from where it was found");
            self.0.insert(link, LogSync::Waiting { at, until });
        }
    }

    /// A link is gone.
    pub fn forget(&mut self, link: Link) {
        self.0.remove(&link);
    }

    /// Whether a stream of the log goes to this learner.
    pub fn sends(&self, link: Link) -> bool {
        matches!(self.0.get(&link), Some(LogSync::Sending { .. }))
    }
}

impl<D: Disk> KeeperLoop<D> {
    /// Begins what the log is durable enough for.
    pub(super) fn advance_log_syncs<W: KeeperWorld<D>>(&mut self, world: &mut W) {
        let Some(member) = &mut self.member else { return };
        let (idle, durable) = (self.log.is_idle(), self.durable);
        let is_due = |sync: &LogSync| match sync {
            LogSync::Searching { until, begun: false, .. } | LogSync::Waiting { until, .. } => {
                idle || *until <= durable
            }
            _ => false,
        };
        let due: Vec<Link> =
            member.log_syncs.0.iter().filter(|(_, sync)| is_due(sync)).map(|(link, _)| *link).collect();
        for link in due {
            let Some(sync) = self.member.as_mut().and_then(|member| member.log_syncs.0.get_mut(&link)) else {
                continue;
            };
            match std::mem::replace(sync, LogSync::Reading) {
                LogSync::Searching { peer, until, .. } => {
                    *sync = LogSync::Searching { peer, until, begun: true };
                    self.begin_search(world, link, peer, until);
                }
                LogSync::Waiting { at, until } => self.read_log(world, link, at, until),
                other => *sync = other,
            }
        }
    }

    fn begin_search<W: KeeperWorld<D>>(&self, world: &mut W, link: Link, peer: Zxid, until: Zxid) {
        let (dir, factor) = (self.dir.clone(), self.config.snapshot_size_factor);
        let job = move || {
            let weigh = |bytes: Option<u64>| match bytes.map(|bytes| bytes as f64 * factor) {
                // As upstream: nothing to be weighed against is no limit.
                None => u64::MAX,
                Some(limit) if limit < 1.0 => u64::MAX,
                Some(limit) => limit as u64,
            };
            let limit = newest_snapshot_bytes(&dir.disk, &dir.snap_dir).map(weigh);
            let search = LogSearch::new(peer.0, until.0, *limit.as_ref().unwrap_or(&0));
            KeeperDone::LogSync(LogSyncDone::Searched(link, search, limit.map(|_| Searched::More)))
        };
        world.offload(Lane::Bulk, Box::new(job));
    }

    fn search_on<W: KeeperWorld<D>>(&self, world: &mut W, link: Link, mut search: LogSearch) {
        let dir = self.dir.clone();
        let job = move || {
            let searched = search.step(&dir.disk, (&dir.snap_dir, &dir.log_dir), SEARCH_BYTES);
            KeeperDone::LogSync(LogSyncDone::Searched(link, search, searched))
        };
        world.offload(Lane::Bulk, Box::new(job));
    }

    fn read_log<W: KeeperWorld<D>>(&self, world: &mut W, link: Link, mut at: LogPosition, until: Zxid) {
        let (dir, chunk_bytes) = (self.dir.clone(), self.config.snapshot_chunk_bytes);
        let ends_early = self.config.bug.is(PlantedBug::LogSyncEndsEarly);
        let job = move || {
            let mut packets = BytesMut::with_capacity(chunk_bytes + 4096);
            let visit = |zxid: i64, payload: Bytes| {
                if zxid > until.0 {
                    return false;
                }
                let zxid = Zxid(zxid);
                if !(ends_early && zxid == until) {
                    let proposal = Proposal { zxid, bytes: payload, config: None };
                    ToLearner::Proposal(proposal).encode().encode(&mut packets);
                    ToLearner::Commit(zxid).encode().encode(&mut packets);
                }
                true
            };
            let walked = at.walk(&dir.disk, (&dir.snap_dir, &dir.log_dir), chunk_bytes as u64, visit);
            let last = at.last() >= until.0;
            let whole = walked.map(|walked| last || walked == Walked::More);
            KeeperDone::LogSync(LogSyncDone::Read(link, LogPiece { at, until, packets }, whole))
        };
        world.offload(Lane::Bulk, Box::new(job));
    }

    /// A learner has taken a piece of the log.
    pub(super) fn send_more_log<W: KeeperWorld<D>>(&mut self, world: &mut W, link: Link) {
        let Some(member) = &mut self.member else { return };
        if let Some(LogSync::Sending { at, until }) = member.log_syncs.0.remove(&link) {
            member.log_syncs.0.insert(link, LogSync::Reading);
            self.read_log(world, link, at, until);
        }
    }

    pub(super) fn log_sync_done<W: KeeperWorld<D>>(
        &mut self,
        world: &mut W,
        done: LogSyncDone,
        events: &mut Vec<Event>,
    ) {
        let Some(member) = &mut self.member else { return };
        let syncs = &mut member.log_syncs.0;
        match done {
            // Links that are gone have nothing here.
            LogSyncDone::Searched(link, ..) | LogSyncDone::Read(link, ..) if !syncs.contains_key(&link) => {}
            LogSyncDone::Searched(link, search, Ok(Searched::More)) => self.search_on(world, link, search),
            LogSyncDone::Searched(link, _, found) => {
                let common = match found {
                    Ok(Searched::Found(at)) => Some(at),
                    Ok(_) => None,
                    Err(error) => {
                        world.note(KeeperNote::LogSyncFailed(error));
                        None
                    }
                };
                let zxid = common.as_ref().map(|at| Zxid(at.last()));
                match common {
                    Some(at) => syncs.insert(link, LogSync::Found(at)),
                    None => syncs.remove(&link),
                };
                events.push(Event::Ensemble(zab::Event::FoundInLog { link, common: zxid }));
            }
            LogSyncDone::Read(link, LogPiece { at, until, packets }, Ok(true)) => {
                let last = at.last() >= until.0;
                match last {
                    true => syncs.remove(&link),
                    false => syncs.insert(link, LogSync::Sending { at, until }),
                };
                world.send_stream(link, packets.freeze(), last);
            }
            LogSyncDone::Read(link, piece, result) => {
                syncs.remove(&link);
                let gap = || io::Error::other(format!("what follows 0x{:x} is not there any more", piece.at.last()));
                world.note(KeeperNote::LogSyncFailed(result.err().unwrap_or_else(gap)));
                world.close_link(link, CloseReason::LogGone);
                events.push(Event::Ensemble(zab::Event::Closed { link }));
            }
        }
    }
}
