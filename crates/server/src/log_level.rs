//! The level of the process's log while it runs: changed by a signal, or over HTTP from this machine.
//!
//! The log is the process's, so this is too: whoever sets the log up installs the way to change it.

use std::sync::OnceLock;

use parking_lot::Mutex;

/// Makes a filter count, or says what is wrong with it.
pub type Apply = Box<dyn Fn(&str) -> Result<(), String> + Send + Sync>;

/// From quiet to loud.
const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

/// Everything that has no level of its own.
pub const ROOT: &str = "root";

/// What can have one, by the names that a filter takes.
pub const PARTS: [&str; 5] = [ROOT, "audit", "server::http", "server::kafka", "server::zk"];

static LOG: OnceLock<LogLevel> = OnceLock::new();

/// The filter that counts, and how to change it.
pub struct LogLevel {
    filter: Mutex<String>,
    apply: Apply,
}

impl LogLevel {
    /// `filter` counts now.
    pub fn new(filter: &str, apply: Apply) -> Self {
        Self { filter: Mutex::new(filter.to_string()), apply }
    }

    /// Makes this the one of the process; the first one stays.
    pub fn install(self) {
        let _ = LOG.set(self);
    }

    /// The process's, when it has a log.
    pub fn of_the_process() -> Option<&'static Self> {
        LOG.get()
    }

    /// What counts: a level, or levels per part such as `warn,server::zk=debug`.
    pub fn filter(&self) -> String {
        self.filter.lock().clone()
    }

    /// Makes another filter count.
    ///
    /// # Errors
    /// What is wrong with it; the old one goes on.
    pub fn set(&self, filter: &str) -> Result<(), String> {
        let mut current = self.filter.lock();
        (self.apply)(filter)?;
        *current = filter.to_string();
        Ok(())
    }

    /// The level of one of [`PARTS`], in small letters.
    pub fn level_of(&self, part: &str) -> String {
        let filter = self.filter();
        let own =
            |name: &str| filter.split(',').filter_map(|one| one.split_once('=')).find(|(of, _)| of.trim() == name);
        match own(part) {
            Some((_, level)) => level.trim().to_ascii_lowercase(),
            None => LEVELS[general(&filter)].to_owned(),
        }
    }

    /// Gives parts of [`PARTS`] a level of their own, or takes it. What counts then.
    ///
    /// # Errors
    /// As [`LogLevel::set`].
    pub fn set_parts<'a>(&self, parts: impl Iterator<Item = (&'a str, Option<&'a str>)>) -> Result<String, String> {
        let mut filter = self.filter();
        for (part, level) in parts {
            filter = with_level(&filter, part, level);
        }
        self.set(&filter)?;
        Ok(filter)
    }

    /// One level louder or quieter for everything that has no level of its own. What counts then.
    ///
    /// # Errors
    /// As [`LogLevel::set`].
    pub fn step(&self, louder: bool) -> Result<String, String> {
        let stepped = stepped(&self.filter(), louder);
        self.set(&stepped)?;
        Ok(stepped)
    }
}

/// The filter with its general level moved; a filter without one has "error".
fn stepped(filter: &str, louder: bool) -> String {
    let general = general(filter);
    let next = if louder { (general + 1).min(LEVELS.len() - 1) } else { general.saturating_sub(1) };
    with_level(filter, ROOT, Some(LEVELS[next]))
}

/// The place in [`LEVELS`] of a part of a filter that is a level.
fn level(part: &str) -> Option<usize> {
    LEVELS.iter().position(|level| level.eq_ignore_ascii_case(part.trim()))
}

/// The general level of a filter.
fn general(filter: &str) -> usize {
    filter.split(',').find_map(level).unwrap_or(0)
}

/// A filter with another level, or none, of a part.
fn with_level(filter: &str, part: &str, new: Option<&str>) -> String {
    let is_it = |one: &str| match part {
        ROOT => level(one).is_some(),
        part => one.split_once('=').is_some_and(|(of, _)| of.trim() == part),
    };
    let others = filter.split(',').filter(|one| !is_it(one) && !one.trim().is_empty()).map(str::to_owned);
    match (part, new) {
        (ROOT, new) => std::iter::once(new.unwrap_or(LEVELS[0]).to_owned()).chain(others).collect::<Vec<_>>(),
        (part, new) => others.chain(new.map(|level| format!("{part}={level}"))).collect(),
    }
    .join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_step_up_and_down_and_stop_at_the_ends() {
        for (filter, louder, expected) in [
            ("info", true, "debug"),
            ("info", false, "warn"),
            ("trace", true, "trace"),
            ("error", false, "error"),
            ("server::zk=debug,WARN", true, "info,server::zk=debug"),
            ("server::zk=debug", true, "warn,server::zk=debug"),
            ("", false, "error"),
        ] {
            assert_eq!(stepped(filter, louder), expected, "{filter}");
        }
    }

    #[test]
    fn a_filter_that_makes_no_sense_changes_nothing() {
        let refuses = |filter: &str| if filter == "nonsense" { Err("no level".to_string()) } else { Ok(()) };
        let level = LogLevel::new("info", Box::new(refuses));
        assert_eq!(level.set("nonsense"), Err("no level".to_string()));
        assert_eq!(level.filter(), "info");
        assert_eq!(level.step(true), Ok("debug".to_string()));
        assert_eq!(level.filter(), "debug");
    }
}
