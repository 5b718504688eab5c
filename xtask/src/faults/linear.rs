//! The second checker, which looks at no zxid: is there an order of a register's writes and synced reads, each at some
//! moment between its request and its answer, in which every answer is right? (Linearizability of Herlihy and Wing; the
//! search is that of Wing and Gong with the memory of Lowe, "Testing for linearizability", 2017.)
//!
//! A write without an answer may stand anywhere behind its request, or nowhere. Linearizability is local: each register
//! is checked by itself.

use std::collections::HashSet;

use super::history::{Answer, Asked, Checked, History, NEVER, Operation, Violation};

const LINEARIZABLE: &str = "writes and synced reads of a register are linearizable \
     (Hunt et al. 2010, section 2.3; programmer's guide, sync)";

/// Steps after which a search is given up: a history that needs more has too many unanswered writes to say anything.
const STEPS_MAX: usize = 5_000_000;

/// A register: version and content.
type State = (i32, u64);

/// Checks every register of a history.
pub fn check(history: &History) -> Checked {
    for key in 0..history.created.len() {
        let of_key = |operation: &&Operation| match operation.asked {
            Asked::Set { key: of, .. } | Asked::Get { key: of, synced: true } => of == key,
            Asked::Get { synced: false, .. } | Asked::Append { .. } => false,
        };
        // A read without an answer says nothing.
        let says = |op: &&Operation| op.returned != NEVER || !matches!(op.asked, Asked::Get { .. });
        let mut operations: Vec<&Operation> = history.operations.iter().filter(of_key).filter(says).collect();
        operations.sort_by_key(|operation| operation.invoked);
        search(key, &operations)?;
    }
    Ok(())
}

/// The register after the operation; none when the answer is wrong in this state.
fn after((version, content): State, operation: &Operation) -> Option<State> {
    match (operation.asked, operation.answer) {
        (Asked::Set { value, expected, .. }, Answer::Unknown) => {
            expected.is_none_or(|expected| expected == version).then_some((version + 1, value))
        }
        (Asked::Set { value, expected, .. }, Answer::Set { version: told, .. }) => {
            let done = expected.is_none_or(|expected| expected == version) && told == version + 1;
            done.then_some((told, value))
        }
        (Asked::Set { expected, .. }, Answer::BadVersion { .. }) => {
            (expected != Some(version)).then_some((version, content))
        }
        (Asked::Get { .. }, Answer::Got { version: told, value, .. }) => {
            ((told, value) == (version, content)).then_some((version, content))
        }
        _ => None,
    }
}

/// Operations that are placed, as a set of indices.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Placed(Vec<u64>);

impl Placed {
    fn has(&self, index: usize) -> bool {
        self.0[index / 64] >> (index % 64) & 1 == 1
    }

    fn flip(&mut self, index: usize) {
        self.0[index / 64] ^= 1 << (index % 64);
    }
}

/// One step of the search: what was placed, the state before, and where to look for the next candidate.
struct Step {
    placed: usize,
    before: State,
    first: usize,
}

/// Looks for an order of `operations`, which are sorted by their beginning.
fn search(key: usize, operations: &[&Operation]) -> Checked {
    let mut placed = Placed(vec![0; operations.len().div_ceil(64)]);
    let mut known: HashSet<(Placed, State)> = HashSet::new();
    let mut path: Vec<Step> = Vec::new();
    let (mut state, mut from, mut first) = ((0, 0), 0, 0);
    let (mut steps, mut deepest) = (0, (0, None));
    loop {
        while first < operations.len() && placed.has(first) {
            first += 1;
        }
        // Nothing may be placed behind the earliest answer that still waits.
        let waiting = operations[first..].iter().enumerate().filter(|(index, _)| !placed.has(first + index));
        let Some((earliest, until)) = waiting
            .filter(|(_, operation)| operation.returned != NEVER)
            .map(|(index, operation)| (first + index, operation.returned))
            .min_by_key(|(_, returned)| *returned)
        else {
            return Ok(());
        };
        if path.len() >= deepest.0 {
            deepest = (path.len(), Some((earliest, state)));
        }
        steps += 1;
        if steps > STEPS_MAX {
            let seen = format!("register {key}: given up after {STEPS_MAX} steps with {} operations", operations.len());
            return Err(Violation { promise: LINEARIZABLE, seen });
        }
        let start = from.max(first);
        let candidates = operations[start..].iter().take_while(|operation| operation.invoked <= until);
        let next =
            candidates.enumerate().map(|(index, operation)| (start + index, operation)).find_map(|(index, op)| {
                let next = (!placed.has(index)).then(|| after(state, op)).flatten()?;
                placed.flip(index);
                let new = known.insert((placed.clone(), next));
                if !new {
                    placed.flip(index);
                }
                new.then_some((index, next))
            });
        match next {
            Some((index, next)) => {
                path.push(Step { placed: index, before: state, first });
                (state, from) = (next, 0);
            }
            None => {
                let Some(step) = path.pop() else {
                    return Err(Violation { promise: LINEARIZABLE, seen: stuck(key, operations, deepest.1) });
                };
                placed.flip(step.placed);
                (state, from, first) = (step.before, step.placed + 1, step.first);
            }
        }
    }
}

/// Where the longest attempt came to.
fn stuck(key: usize, operations: &[&Operation], deepest: Option<(usize, State)>) -> String {
    let Some((index, state)) = deepest else { return format!("register {key}") };
    let at = operations[index];
    let beside = operations.iter().filter(|op| op.invoked <= at.returned && op.returned >= at.invoked);
    let beside: String = beside.map(|operation| format!("\n      {operation}")).collect();
    format!("register {key} comes to {state:?}, and then no order fits; at the same time:{beside}")
}
