//! What happened, as a running hash (always) and as text (only when asked, since a seed can be run again).

use std::collections::VecDeque;
use std::fmt::Write;

use base::Instant;

/// Every event of a run passes through here, so two runs are equal when their hashes are.
#[derive(Debug)]
pub struct Trace {
    hash: u64,
    events: u64,
    /// The last events as text, newest last; empty unless recording.
    lines: VecDeque<String>,
    lines_max: usize,
}

impl Trace {
    /// A trace that keeps the last `lines_max` events as text; 0 keeps only the hash.
    pub fn new(lines_max: usize) -> Self {
        Self { hash: 0xcbf2_9ce4_8422_2325, events: 0, lines: VecDeque::new(), lines_max }
    }

    /// Whether text is kept, for callers that would have to make it.
    pub fn is_recording(&self) -> bool {
        self.lines_max > 0
    }

    /// Notes one event: what it was, its numbers and its bytes.
    pub fn event(&mut self, now: Instant, what: &'static str, numbers: &[u64], bytes: &[u8]) {
        self.events += 1;
        self.mix(now.as_nanos());
        self.mix_bytes(what.as_bytes());
        for number in numbers {
            self.mix(*number);
        }
        self.mix_bytes(bytes);
        if self.is_recording() {
            let mut line = format!("{now:?} {what}");
            for number in numbers {
                write!(line, " {number:#x}").expect("writing to a string");
            }
            if !bytes.is_empty() {
                write!(line, " {}", bytes[..bytes.len().min(96)].escape_ascii()).expect("writing to a string");
            }
            self.push(line);
        }
    }

    /// Adds a line of explanation that is no event; `make` runs only while recording.
    pub fn note(&mut self, now: Instant, make: impl FnOnce() -> String) {
        if self.is_recording() {
            self.push(format!("{now:?} {}", make()));
        }
    }

    fn push(&mut self, line: String) {
        if self.lines.len() == self.lines_max {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    fn mix(&mut self, word: u64) {
        let product = u128::from(self.hash ^ word) * 0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835;
        self.hash = (product as u64) ^ ((product >> 64) as u64) ^ word.rotate_left(29);
    }

    fn mix_bytes(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.mix(u64::from_le_bytes(word));
        }
        self.mix(bytes.len() as u64);
    }

    /// The hash of everything so far.
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// How many events there were.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// The last events as text.
    pub fn into_lines(self) -> Vec<String> {
        self.lines.into()
    }
}
