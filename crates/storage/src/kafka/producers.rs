//! Producers of a log that is being opened or was cut: from the newest snapshot and the batches behind it (upstream:
//! `UnifiedLog.rebuildProducerState`).

use std::collections::BTreeMap;
use std::io;

use broker::log::producer_state::EndTxnMarker;
use broker::log::{BatchHeader, ProducerState};
use bytes::Bytes;
use kafka_wire::records::{Batch, control};

use super::load::remove_if_there;
use super::log::Log;
use super::names::{file_name, parse_file_name};
use super::scan::{Scanner, Step};
use super::txn_index::{self, AbortedTxn};
use super::{context, producer_snapshot};
use crate::disk::{Disk, Patience};

/// Place in time: log start offset, wall clock and expiration in milliseconds.
pub(super) type At = (i64, i64, i64);

/// Of a log that needed no scan. With `clean` and no snapshot at all nothing is read, as upstream: the log was written
/// before snapshots were, or holds nothing.
pub(super) fn load<D: Disk>(
    log: &mut Log<D>,
    at: At,
    clean: bool,
    warnings: &mut Vec<String>,
) -> io::Result<ProducerState> {
    let (state, any) = newest_snapshot(log, at, log.log_end_offset, warnings)?;
    if clean && !any {
        return Ok(ProducerState::new(log.log_end_offset));
    }
    Ok(replay(log, state)?.0)
}

/// Of a log that was scanned from segment `base` on. The snapshot is one that counts no further than what was synced;
/// the transaction indexes keep what ended before it and are made anew behind it.
pub(super) fn rebuild<D: Disk>(
    log: &mut Log<D>,
    at: At,
    base: i64,
    warnings: &mut Vec<String>,
) -> io::Result<ProducerState> {
    let (state, _) = newest_snapshot(log, at, base.max(log.recovery_point), warnings)?;
    let from = state.end_offset();
    let (state, mut ended) = replay(log, state)?;
    let bases: Vec<i64> = log.segments.range(base..).map(|(base, _)| *base).collect();
    for base in bases {
        let mut entries = log.aborted.remove(&base).unwrap_or_default();
        let known = entries.len();
        entries.retain(|txn| txn.last_offset < from);
        let new = ended.remove(&base).unwrap_or_default();
        if known > entries.len() || !new.is_empty() {
            entries.extend(new);
            txn_index::rewrite(&log.disk, &log.dir.join(file_name(base, "txnindex")), &entries)?;
        }
        if !entries.is_empty() {
            log.aborted.insert(base, entries);
        }
    }
    Ok(state)
}

/// The newest readable snapshot at or below `limit`, and whether there was any snapshot. Of each segment the first
/// snapshot is kept, and the newest of all; others go, as do those that count beyond the log's end.
fn newest_snapshot<D: Disk>(
    log: &mut Log<D>,
    (log_start_offset, now_ms, expiration_ms): At,
    limit: i64,
    warnings: &mut Vec<String>,
) -> io::Result<(ProducerState, bool)> {
    let names = log.disk.list(&log.dir()).map_err(|e| context(e, "listing", &log.dir()))?;
    let snapshots = names.iter().filter_map(|name| parse_file_name(name)).filter(|(_, suffix)| *suffix == "snapshot");
    let mut offsets: Vec<i64> = snapshots.map(|(offset, _)| offset).collect();
    offsets.sort_unstable();
    let newest = offsets.iter().rfind(|offset| **offset <= log.log_end_offset).copied();
    // Also one that goes: it shows that the log has been written since there are snapshots.
    let any = !offsets.is_empty();
    log.snapshots.clear();
    let mut found = None;
    for (i, offset) in offsets.iter().copied().enumerate().rev() {
        let path = log.dir.join(file_name(offset, "snapshot"));
        let segment = log.segments.range(..=offset).next_back().map(|(base, _)| *base);
        let first_of_segment = segment.is_some_and(|base| i == 0 || offsets[i - 1] < base);
        if offset > log.log_end_offset || (Some(offset) != newest && !first_of_segment) {
            remove_if_there(&log.disk, &path)?;
            continue;
        }
        log.snapshots.insert(offset);
        if found.is_some() || offset > limit {
            continue;
        }
        let content = log.disk.read_all(&path, producer_snapshot::BYTES_MAX);
        match producer_snapshot::decode(content.map_err(|e| context(e, "reading", &path))?) {
            Ok(entries) => found = Some(ProducerState::from_snapshot(offset, &entries, now_ms, expiration_ms)),
            Err(e) => {
                warnings.push(format!("{}: {e}; removed, an older one or the log itself is used", path.display()));
                remove_if_there(&log.disk, &path)?;
                log.snapshots.remove(&offset);
            }
        }
    }
    Ok((found.unwrap_or_else(|| ProducerState::new(log_start_offset)), any))
}

/// Takes the batches from the state's end on into it. Returns also the aborted transactions that end there, by segment.
fn replay<D: Disk>(
    log: &Log<D>,
    mut state: ProducerState,
) -> io::Result<(ProducerState, BTreeMap<i64, Vec<AbortedTxn>>)> {
    let from = state.end_offset();
    let floor = log.segments.range(..=from).next_back().map_or(i64::MIN, |(base, _)| *base);
    let active = log.active_segment().base_offset;
    let mut aborted: BTreeMap<i64, Vec<AbortedTxn>> = BTreeMap::new();
    for (base, segment) in log.segments.range(floor..) {
        if segment.size == 0 || from >= log.log_end_offset {
            continue;
        }
        let start = match from.max(*base) {
            at if at == *base => 0,
            at if *base == active => log.active.lookup(at),
            at => segment.files.lookup(at, segment.size, Patience::Wait)?,
        };
        let file = segment.files.log()?;
        let mut scanner = Scanner::whole(&*file, start, segment.size);
        loop {
            match scanner.next()? {
                Step::Batch { header, .. } if header.base_offset < from => {}
                Step::Batch { position, header } => {
                    let marker = match header.is_control() {
                        true => end_txn_marker(&scanner.batch(position, &header)?),
                        false => None,
                    };
                    if let Some(txn) = aborted_by(&mut state, &header, marker) {
                        aborted.entry(*base).or_default().push(txn);
                    }
                }
                Step::End => break,
                Step::Bad { position, reason } => {
                    let what = format!("damaged at byte {position} while loading producers: {reason}");
                    return Err(super::damaged(&segment.files.path("log"), what));
                }
            }
        }
    }
    state.advance_end_offset(log.log_end_offset);
    Ok((state, aborted))
}

/// Takes a batch into the state; gives the transaction that it ends by aborting it.
pub(super) fn aborted_by(
    state: &mut ProducerState,
    header: &BatchHeader,
    marker: Option<EndTxnMarker>,
) -> Option<AbortedTxn> {
    let done = state.apply(header, marker).filter(|done| done.aborted)?;
    Some(AbortedTxn {
        producer_id: done.producer_id,
        first_offset: done.first_offset,
        last_offset: done.last_offset,
        last_stable_offset: state.last_stable_offset_after(&done),
    })
}

/// What a control batch says of a transaction's end.
pub(super) fn end_txn_marker(batch: &Bytes) -> Option<EndTxnMarker> {
    let marker = control::EndTxnMarker::from_batch(&Batch::parse(batch).ok()?).ok()??;
    Some(EndTxnMarker { aborted: !marker.committed, coordinator_epoch: marker.coordinator_epoch })
}
