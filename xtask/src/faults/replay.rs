//! The first checker: the servers say at which zxid everything happened. The writes in that order must be a history of
//! the registers and the queue; each reply must be what this history says; and the order must be that of real time.
//!
//! A write without an answer is known by the version and the mzxid of whoever saw its content; where nobody saw it, it
//! binds nobody.

use std::collections::{BTreeMap, BTreeSet};

use super::history::{Answer, Asked, Checked, History, NEVER, Operation, Violation, require};

const ONE_HISTORY: &str = "a version of a register has one content, set by one transaction, and versions ascend with zxids \
     (ZooKeeper guarantees: atomicity, single system image)";
const NO_PHANTOM: &str = "a content that is read was written by somebody, and not by a write that was refused";
const REAL_TIME: &str = "writes are linearizable: one that began after another one's answer has a later zxid \
     (Hunt et al. 2010, section 2.3)";
const READS: &str =
    "a read at a zxid shows the register's last write up to it (ZooKeeper guarantees: single system image)";
const SYNCED: &str = "a read behind a sync, or behind a write of its own session, shows every write that was acknowledged \
     before (programmer's guide, sync; Hunt et al. 2010, section 2.3)";
const SESSION: &str = "a session never goes back to an earlier zxid, also on another server \
     (ZooKeeper guarantees: single system image)";
const CONDITIONAL: &str = "a conditional write is done exactly when the register has the wished version";
const QUEUE: &str = "every acknowledged node is there in the end, under its number, once, in the order of its transaction \
     (ZooKeeper guarantees: reliability)";

/// One write as it is known: by its answer, or by those who saw it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Write {
    mzxid: i64,
    value: u64,
}

/// The known writes of one register by version.
type Versions = BTreeMap<i32, Write>;

/// Checks a history.
pub fn check(history: &History) -> Checked {
    let registers = registers(history)?;
    for versions in &registers {
        for (before, after) in versions.iter().zip(versions.iter().skip(1)) {
            require(before.1.mzxid < after.1.mzxid, ONE_HISTORY, || format!("{before:x?} and {after:x?}"))?;
        }
    }
    no_phantoms(history, &registers)?;
    for operation in &history.operations {
        one_answer(operation, &registers)?;
    }
    in_real_time(history)?;
    sessions_ascend(history)?;
    queue(history)
}

/// What is known of each register.
fn registers(history: &History) -> Result<Vec<Versions>, Violation> {
    let first = |zxid: &i64| Versions::from([(0, Write { mzxid: *zxid, value: 0 })]);
    let mut registers: Vec<Versions> = history.created.iter().map(first).collect();
    for operation in &history.operations {
        let (key, version, write) = match (operation.asked, operation.answer) {
            (Asked::Set { key, value, .. }, Answer::Set { mzxid, version, .. }) => {
                (key, version, Write { mzxid, value })
            }
            (Asked::Get { key, .. }, Answer::Got { mzxid, version, value, .. }) => {
                (key, version, Write { mzxid, value })
            }
            _ => continue,
        };
        let known = *registers[key].entry(version).or_insert(write);
        require(known == write, ONE_HISTORY, || {
            format!("version {version} of register {key} is {known:x?} and also {write:x?}, says {operation}")
        })?;
    }
    Ok(registers)
}

/// Every content was asked for, for this register, and has one version.
fn no_phantoms(history: &History, registers: &[Versions]) -> Checked {
    let mut asked: BTreeMap<u64, usize> = BTreeMap::new();
    let mut refused: BTreeSet<u64> = BTreeSet::new();
    for operation in &history.operations {
        if let Asked::Set { key, value, .. } = operation.asked {
            asked.insert(value, key);
            if matches!(operation.answer, Answer::BadVersion { .. }) {
                refused.insert(value);
            }
        }
    }
    for (key, versions) in registers.iter().enumerate() {
        let mut seen = BTreeSet::new();
        for (version, write) in versions.iter().filter(|(version, _)| **version > 0) {
            let written = asked.get(&write.value) == Some(&key) && !refused.contains(&write.value);
            require(written, NO_PHANTOM, || format!("version {version} of register {key} is {write:x?}"))?;
            require(seen.insert(write.value), ONE_HISTORY, || {
                format!("{write:x?} of register {key} is there under a second version, {version}")
            })?;
        }
    }
    Ok(())
}

/// Holds one answer against what is known of its register.
fn one_answer(operation: &Operation, registers: &[Versions]) -> Checked {
    match (operation.asked, operation.answer) {
        (Asked::Set { expected, .. }, Answer::Set { zxid, mzxid, version }) => {
            require(expected.is_none_or(|expected| expected + 1 == version), CONDITIONAL, || operation.to_string())?;
            require(mzxid <= zxid, READS, || operation.to_string())
        }
        (Asked::Set { key, expected: Some(expected), .. }, Answer::BadVersion { zxid }) => {
            let versions = &registers[key];
            let (from, to) = (versions.get(&expected), versions.get(&(expected + 1)));
            let had_it = from.is_some_and(|from| from.mzxid < zxid) && to.is_some_and(|to| to.mzxid > zxid);
            require(!had_it, CONDITIONAL, || format!("{operation}, between {from:x?} and {to:x?}"))
        }
        (Asked::Get { key, .. }, Answer::Got { zxid, mzxid, version, .. }) => {
            require(mzxid <= zxid, READS, || operation.to_string())?;
            let later = registers[key].range(version + 1..).next();
            require(later.is_none_or(|(_, write)| write.mzxid > zxid), READS, || {
                format!("{operation}, although there is {later:x?}")
            })
        }
        _ => Ok(()),
    }
}

/// Writes, and reads behind a sync, see what had been answered when they began.
fn in_real_time(history: &History) -> Checked {
    let mut ended: Vec<&Operation> = history.operations.iter().filter(|op| op.returned != NEVER).collect();
    ended.sort_by_key(|operation| operation.returned);
    let mut begun: Vec<&Operation> = ended.clone();
    begun.sort_by_key(|operation| operation.invoked);
    let mut ended = ended.into_iter().filter(|op| is_write(op)).peekable();
    let mut latest: Option<(i64, &Operation)> = None;
    for operation in begun {
        while let Some(before) = ended.next_if(|before| before.returned < operation.invoked) {
            let zxid = own_zxid(before);
            if latest.is_none_or(|(latest, _)| zxid > latest) {
                latest = Some((zxid, before));
            }
        }
        let (Some((latest, before)), Some(zxid)) = (latest, operation.answer.zxid()) else { continue };
        let seen = || format!("{operation}, although before it {before}");
        if is_write(operation) {
            require(own_zxid(operation) > latest, REAL_TIME, seen)?;
        } else if matches!(operation.asked, Asked::Get { synced: true, .. }) {
            require(zxid >= latest, SYNCED, seen)?;
        }
    }
    Ok(())
}

fn is_write(operation: &Operation) -> bool {
    !matches!(operation.asked, Asked::Get { .. })
}

/// The transaction's zxid where the answer names it, else the reply's, which is not below it.
fn own_zxid(operation: &Operation) -> i64 {
    match operation.answer {
        Answer::Set { mzxid, .. } => mzxid,
        other => other.zxid().expect("an operation that was answered"),
    }
}

/// What one client sees, in order.
fn sessions_ascend(history: &History) -> Checked {
    let mut of_client: BTreeMap<usize, Vec<&Operation>> = BTreeMap::new();
    for operation in history.operations.iter().filter(|operation| operation.returned != NEVER) {
        of_client.entry(operation.client).or_default().push(operation);
    }
    for operations in of_client.values_mut() {
        operations.sort_by_key(|operation| operation.invoked);
        for pair in operations.windows(2) {
            require(pair[0].answer.zxid() <= pair[1].answer.zxid(), SESSION, || {
                format!("{}, then {}", pair[0], pair[1])
            })?;
        }
    }
    Ok(())
}

/// The queue in the end.
fn queue(history: &History) -> Checked {
    let found: BTreeMap<i64, u64> = history.queue.iter().copied().collect();
    require(found.len() == history.queue.len(), QUEUE, || "a number is there twice".to_owned())?;
    let values: BTreeSet<u64> = found.values().copied().collect();
    require(values.len() == found.len(), QUEUE, || "a content is there twice".to_owned())?;
    let mut asked = BTreeSet::new();
    let mut acknowledged: Vec<(i64, i64)> = Vec::new();
    for operation in &history.operations {
        let Asked::Append { value } = operation.asked else { continue };
        asked.insert(value);
        if let Answer::Appended { zxid, number } = operation.answer {
            require(found.get(&number) == Some(&value), QUEUE, || {
                format!("{operation}; in the end {:?} has that number", found.get(&number))
            })?;
            acknowledged.push((zxid, number));
        }
    }
    let phantom = values.difference(&asked).next();
    require(phantom.is_none(), NO_PHANTOM, || format!("the queue holds {phantom:?}"))?;
    acknowledged.sort_unstable();
    let turned = acknowledged.windows(2).find(|pair| pair[0].1 >= pair[1].1);
    require(turned.is_none(), QUEUE, || format!("(zxid, number) {turned:x?}"))
}
