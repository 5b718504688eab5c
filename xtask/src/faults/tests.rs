//! Both checkers accept histories of a register store that works, and reject those that were damaged in one place.

use std::collections::BTreeSet;

use base::Prng;

use super::history::{Answer, Asked, Checked, History, NEVER, Operation};
use super::{linear, replay};

const CLIENTS: usize = 5;
const KEYS: usize = 3;
const OPERATIONS: usize = 600;
const SEEDS: u64 = 30;

/// What a register was set to, in order: zxid, version, content.
type Past = Vec<(i64, i32, u64)>;

/// A store in virtual time whose every answer is right.
struct Store {
    chance: Prng,
    now: u64,
    zxid: i64,
    registers: Vec<Past>,
    history: History,
    value: u64,
    /// When each client is free again, and the latest zxid that it saw.
    clients: [(u64, i64); CLIENTS],
}

impl Store {
    fn new(seed: u64) -> Self {
        let created: Vec<i64> = (1..=KEYS as i64).collect();
        Self {
            chance: Prng::new(seed),
            now: 1000,
            zxid: KEYS as i64,
            registers: created.iter().map(|zxid| vec![(*zxid, 0, 0)]).collect(),
            history: History { created, ..History::default() },
            value: 0,
            clients: [(0, 0); CLIENTS],
        }
    }

    fn operation(&mut self) {
        self.now += self.chance.between(1, 20);
        let client = self.chance.below(CLIENTS as u64) as usize;
        let (free, seen) = self.clients[client];
        if free >= self.now {
            return;
        }
        let key = self.chance.below(KEYS as u64) as usize;
        let asked = match self.chance.below(6) {
            0 | 1 => self.set(key, None),
            2 => {
                let version = self.registers[key].last().unwrap().1;
                let expected = version - i32::from(self.chance.chance(1, 3));
                self.set(key, Some(expected.max(0)))
            }
            3 => Asked::Get { key, synced: true },
            4 => Asked::Get { key, synced: false },
            _ => {
                self.value += 1;
                Asked::Append { value: self.value }
            }
        };
        let unknown = self.chance.chance(1, 15);
        let answer = if unknown && self.chance.chance(1, 2) { Answer::Unknown } else { self.perform(asked, seen) };
        let answer = if unknown { Answer::Unknown } else { answer };
        let returned = if unknown { NEVER } else { self.now + self.chance.below(60) };
        self.clients[client] = (if unknown { self.now } else { returned }, answer.zxid().unwrap_or(seen));
        let invoked = self.chance.between(free + 1, self.now);
        self.history.operations.push(Operation { client, invoked, returned, asked, answer });
    }

    fn set(&mut self, key: usize, expected: Option<i32>) -> Asked {
        self.value += 1;
        Asked::Set { key, value: self.value, expected }
    }

    fn perform(&mut self, asked: Asked, seen: i64) -> Answer {
        match asked {
            Asked::Set { key, value, expected } => {
                self.zxid += 1;
                let version = self.registers[key].last().unwrap().1;
                if expected.is_some_and(|expected| expected != version) {
                    return Answer::BadVersion { zxid: self.zxid };
                }
                self.registers[key].push((self.zxid, version + 1, value));
                Answer::Set { zxid: self.zxid, mzxid: self.zxid, version: version + 1 }
            }
            Asked::Get { key, synced } => {
                // A server may lag, but not behind what the session has seen.
                let zxid = if synced { self.zxid } else { self.chance.between(seen as u64, self.zxid as u64) as i64 };
                let zxid = zxid.max(KEYS as i64);
                let (mzxid, version, value) = *self.registers[key].iter().rfind(|past| past.0 <= zxid).unwrap();
                Answer::Got { zxid, mzxid, version, value }
            }
            Asked::Append { value } => {
                self.zxid += 1;
                let number = self.history.queue.len() as i64;
                self.history.queue.push((number, value));
                Answer::Appended { zxid: self.zxid, number }
            }
        }
    }
}

fn good(seed: u64) -> History {
    let mut store = Store::new(seed);
    while store.history.operations.len() < OPERATIONS {
        store.operation();
    }
    store.history
}

/// Damages every history with `damage`, which gives whether it found a place; the checker must reject each.
fn rejected(check: fn(&History) -> Checked, damage: impl Fn(&mut History) -> bool) {
    let mut damaged = 0;
    for seed in 0..SEEDS {
        let mut history = good(seed);
        if damage(&mut history) {
            damaged += 1;
            assert!(check(&history).is_err(), "seed {seed}: the damage was not seen");
        }
    }
    assert!(damaged > SEEDS / 2, "only {damaged} of {SEEDS} histories had a place for the damage");
}

/// The first operation that `change` takes.
fn change(history: &mut History, change: impl Fn(&mut Operation) -> bool) -> bool {
    // Not the first ones: before them nothing was acknowledged yet.
    history.operations.iter_mut().skip(OPERATIONS / 3).any(change)
}

/// A read behind a sync shows what its register held one write ago; that write had been answered before.
fn stale(history: &mut History) -> bool {
    let past = history.clone();
    let before = |at: u64, key: usize, version: i32| {
        past.operations.iter().any(|op| {
            let set = matches!((op.asked, op.answer), (Asked::Set { key: of, .. }, Answer::Set { version: told, .. })
                if of == key && told == version);
            set && op.returned < at
        })
    };
    let content = |key: usize, version: i32| {
        past.operations.iter().find_map(|op| match (op.asked, op.answer) {
            (Asked::Set { key: of, value, .. }, Answer::Set { mzxid, version: told, .. }) if of == key => {
                (told == version).then_some((mzxid, value))
            }
            _ => None,
        })
    };
    change(history, |op| {
        let Asked::Get { key, synced: true } = op.asked else { return false };
        let Answer::Got { mzxid, version, value, .. } = &mut op.answer else { return false };
        let Some(earlier) = content(key, *version - 1).filter(|_| before(op.invoked, key, *version)) else {
            return false;
        };
        (*mzxid, *value) = earlier;
        *version -= 1;
        true
    })
}

fn phantom(history: &mut History) -> bool {
    change(history, |op| match (op.asked, &mut op.answer) {
        (Asked::Get { synced: true, .. }, Answer::Got { value, .. }) => {
            *value = 1_000_000;
            true
        }
        _ => false,
    })
}

fn done_with_the_wrong_version(history: &mut History) -> bool {
    change(history, |op| match (&mut op.asked, op.answer) {
        (Asked::Set { expected: Some(expected), .. }, Answer::Set { .. }) => {
            *expected -= 1;
            true
        }
        _ => false,
    })
}

/// Two writes of a register, the second begun behind the first one's answer, change places.
fn turned_round(history: &mut History) -> bool {
    let sets: Vec<usize> = (0..history.operations.len())
        .filter(|index| {
            let op = &history.operations[*index];
            matches!((op.asked, op.answer), (Asked::Set { expected: None, .. }, Answer::Set { .. }))
        })
        .collect();
    let key = |op: &Operation| match op.asked {
        Asked::Set { key, .. } => key,
        _ => usize::MAX,
    };
    for first in &sets {
        for second in &sets {
            let (one, other) = (&history.operations[*first], &history.operations[*second]);
            if key(one) == key(other) && one.returned < other.invoked {
                let (one, other) = (one.answer, other.answer);
                history.operations[*first].answer = other;
                history.operations[*second].answer = one;
                return true;
            }
        }
    }
    false
}

#[test]
fn right_histories_pass_both_checkers() {
    for seed in 0..SEEDS {
        let history = good(seed);
        assert_eq!(replay::check(&history), Ok(()), "seed {seed}");
        assert_eq!(linear::check(&history), Ok(()), "seed {seed}");
    }
}

#[test]
fn stale_reads_behind_a_sync_are_rejected() {
    rejected(replay::check, stale);
    rejected(linear::check, stale);
}

#[test]
fn contents_that_nobody_wrote_are_rejected() {
    rejected(replay::check, phantom);
    rejected(linear::check, phantom);
}

#[test]
fn conditional_writes_with_the_wrong_version_are_rejected() {
    rejected(replay::check, done_with_the_wrong_version);
    rejected(linear::check, done_with_the_wrong_version);
}

#[test]
fn writes_against_real_time_are_rejected() {
    rejected(replay::check, turned_round);
    rejected(linear::check, turned_round);
}

#[test]
fn a_lost_write_is_rejected() {
    // It was acknowledged, and its version is another write's, as after a leader that forgot it.
    let lost = |history: &mut History| {
        change(history, |op| match (&mut op.asked, &mut op.answer) {
            (Asked::Set { value, .. }, Answer::Set { .. }) => {
                *value += 1_000_000;
                true
            }
            _ => false,
        })
    };
    // Seen only where somebody read the version or wrote the next one conditionally, so not in every history.
    let rejections = |check: fn(&History) -> Checked| {
        let damaged = (0..SEEDS).map(good).filter_map(|mut history| lost(&mut history).then_some(history));
        damaged.filter(|history| check(history).is_err()).count()
    };
    assert!(rejections(replay::check) > 0 && rejections(linear::check) > 0);
    // One whose version a later answer gives again is always seen.
    let given_again = |history: &mut History| {
        let sets = history.operations.iter_mut().skip(OPERATIONS / 3);
        let mut sets =
            sets.filter(|op| matches!((op.asked, op.answer), (Asked::Set { key: 0, .. }, Answer::Set { .. })));
        let (Some(first), Some(second)) = (sets.next(), sets.next()) else { return false };
        second.answer = first.answer;
        true
    };
    rejected(replay::check, given_again);
    rejected(linear::check, given_again);
}

#[test]
fn a_conditional_write_that_was_wrongly_refused_is_rejected() {
    // Where nobody read it, another write without an answer could stand in its place.
    let refused = |history: &mut History| {
        let got = |op: &Operation| match (op.asked, op.answer) {
            (Asked::Get { synced: true, .. }, Answer::Got { value, .. }) => Some(value),
            _ => None,
        };
        let read: BTreeSet<u64> = history.operations.iter().filter_map(got).collect();
        change(history, |op| match (op.asked, op.answer) {
            (Asked::Set { value, expected: Some(_), .. }, Answer::Set { zxid, .. }) if read.contains(&value) => {
                op.answer = Answer::BadVersion { zxid };
                true
            }
            _ => false,
        })
    };
    rejected(replay::check, refused);
    rejected(linear::check, refused);
    // By zxids it is seen where the version before and the one after are both known: the next write's answer says so.
    let between = |history: &mut History| {
        let known = history.clone();
        let zxid_of = |key: usize, version: i32| {
            known.operations.iter().find_map(|op| match (op.asked, op.answer) {
                (Asked::Set { key: of, .. }, Answer::Set { mzxid, version: told, .. })
                    if (of, told) == (key, version) =>
                {
                    Some(mzxid)
                }
                _ => None,
            })
        };
        change(history, |op| {
            let Asked::Set { key, expected: Some(expected), .. } = &mut op.asked else { return false };
            let Answer::BadVersion { zxid } = op.answer else { return false };
            let held = (0..i32::MAX).map_while(|version| {
                let last = version > 0 && zxid_of(*key, version).is_none() && zxid_of(*key, version + 1).is_none();
                (!last).then_some(version)
            });
            let mut held = held.filter(|version| {
                zxid_of(*key, *version).is_some_and(|from| from < zxid)
                    && zxid_of(*key, *version + 1).is_some_and(|to| to > zxid)
            });
            let Some(version) = held.next() else { return false };
            *expected = version;
            true
        })
    };
    rejected(replay::check, between);
}

#[test]
fn a_session_that_goes_back_is_rejected() {
    rejected(replay::check, |history| {
        let Some(at) = history.operations.iter().rposition(|op| matches!(op.asked, Asked::Get { synced: false, .. }))
        else {
            return false;
        };
        let created = history.created[0];
        let op = &mut history.operations[at];
        let back = Answer::Got { zxid: KEYS as i64, mzxid: created, version: 0, value: 0 };
        let was = std::mem::replace(&mut op.answer, back);
        op.asked = Asked::Get { key: 0, synced: false };
        was != Answer::Unknown
    });
}

#[test]
fn a_read_that_shows_less_than_its_zxid_is_rejected() {
    rejected(replay::check, |history| {
        let latest = history.operations.iter().filter_map(|op| op.answer.zxid()).max().unwrap();
        let Some(at) = history
            .operations
            .iter()
            .position(|op| matches!((op.asked, op.answer), (Asked::Get { synced: false, .. }, Answer::Got { .. })))
        else {
            return false;
        };
        let op = &mut history.operations[at];
        if let Answer::Got { zxid, .. } = &mut op.answer {
            *zxid = latest;
        }
        // Its client sees nothing afterwards, so that the session does not go back too.
        let client = op.client;
        let invoked = op.invoked;
        history.operations.retain(|op| op.client != client || op.invoked <= invoked);
        true
    });
}

#[test]
fn a_queue_with_a_node_lost_doubled_or_turned_round_is_rejected() {
    rejected(replay::check, |history| {
        let lost = history.operations.iter().find_map(|op| match op.answer {
            Answer::Appended { number, .. } => Some(number),
            _ => None,
        });
        history.queue.retain(|(number, _)| Some(*number) != lost);
        true
    });
    rejected(replay::check, |history| {
        let (number, value) = history.queue[0];
        history.queue.push((number + 1_000_000, value));
        true
    });
    rejected(replay::check, |history| {
        let of = |answer: &Answer| matches!(answer, Answer::Appended { .. });
        let mut appended = history.operations.iter_mut().filter(|op| of(&op.answer));
        let (Some(one), Some(other)) = (appended.next(), appended.next()) else { return false };
        let (Answer::Appended { number: first, .. }, Answer::Appended { number: second, .. }) =
            (&mut one.answer, &mut other.answer)
        else {
            return false;
        };
        std::mem::swap(first, second);
        let (first, second) = (*first, *second);
        for entry in &mut history.queue {
            entry.0 = match entry.0 {
                number if number == first => second,
                number if number == second => first,
                number => number,
            };
        }
        true
    });
}
