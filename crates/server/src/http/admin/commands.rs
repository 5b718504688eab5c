//! The table of commands.

use super::outcome::Outcome;
use super::{Admin, Asked, answers, connections, restore, server_stats, sessions, snapshot, transfer_leadership};

/// Answers a command from what the keeper knows.
type Answer = fn(&Admin, &Asked) -> Outcome;

/// How a command is run.
enum Run {
    /// At once.
    Answer(Answer),
    /// `snapshot`
    Snapshot,
    /// `restore`
    Restore,
    /// `transfer_leadership`
    TransferLeadership,
}

/// A command.
pub struct Command {
    /// Upstream's name, then its aliases.
    pub names: &'static [&'static str],
    /// Whether it is a POST; all others are GETs.
    pub is_post: bool,
    /// Whether it is run only while clients are served.
    pub needs_keeper: bool,
    /// Whether it asks for every permission on `/`.
    pub needs_authorization: bool,
    run: Run,
}

impl Command {
    /// The name that answers and lists show.
    pub fn name(&self) -> &'static str {
        self.names[0]
    }

    pub(super) async fn run(&self, admin: &Admin, asked: Asked) -> Outcome {
        match self.run {
            Run::Answer(answer) => answer(admin, &asked),
            Run::Snapshot => snapshot::run(admin, asked.query).await,
            Run::Restore => restore::run(admin, asked.body).await,
            Run::TransferLeadership => transfer_leadership::run(admin, &asked.query).await,
        }
    }
}

const fn answer(names: &'static [&'static str], answer: Answer) -> Command {
    let run = Run::Answer(answer);
    Command { names, is_post: false, needs_keeper: true, needs_authorization: false, run }
}

const fn always(names: &'static [&'static str], run: Answer) -> Command {
    Command { needs_keeper: false, ..answer(names, run) }
}

const COMMANDS: &[Command] = &[
    answer(&["configuration", "conf", "config"], answers::configuration),
    answer(&["connection_stat_reset", "crst"], connections::reset),
    answer(&["connections", "cons"], connections::connections),
    answer(&["dirs"], answers::dirs),
    answer(&["dump"], sessions::dump),
    always(&["environment", "env", "envi"], answers::environment),
    always(&["get_trace_mask", "gtmk"], answers::get_trace_mask),
    answer(&["hash"], answers::hash),
    always(&["initial_configuration", "icfg"], answers::initial_configuration),
    answer(&["is_read_only", "isro"], answers::is_read_only),
    answer(&["last_snapshot", "lsnp"], answers::last_snapshot),
    answer(&["leader", "lead"], answers::leader),
    answer(&["monitor", "mntr"], answers::monitor),
    answer(&["observer_connection_stat_reset", "orst"], answers::reset_observers),
    answer(&["observers", "obsr"], answers::observers),
    Command {
        is_post: true,
        needs_authorization: true,
        run: Run::Restore,
        ..answer(&["restore", "rest"], answers::dirs)
    },
    always(&["ruok"], |_, _| Outcome::ok()),
    answer(&["server_stats", "srvr"], server_stats::server_stats),
    always(&["set_trace_mask", "stmk"], answers::set_trace_mask),
    Command { needs_authorization: true, run: Run::Snapshot, ..answer(&["snapshot", "snap"], answers::dirs) },
    answer(&["stat_reset", "srst"], server_stats::reset),
    answer(&["stats", "stat"], server_stats::stats),
    always(&["system_properties", "sysp"], answers::system_properties),
    Command {
        is_post: true,
        needs_authorization: true,
        run: Run::TransferLeadership,
        ..always(&["transfer_leadership"], answers::leader)
    },
    answer(&["voting_view"], answers::voting_view),
    answer(&["watch_summary", "wchs"], sessions::watch_summary),
    answer(&["watches", "wchc"], sessions::watches),
    answer(&["watches_by_path", "wchp"], sessions::watches_by_path),
    answer(&["zabstate"], answers::zabstate),
];

/// Every command, by its name.
pub fn commands() -> impl Iterator<Item = &'static Command> {
    COMMANDS.iter()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_name_is_used_twice_and_the_list_is_sorted() {
        let names: Vec<&str> = commands().map(Command::name).collect();
        assert!(names.is_sorted(), "{names:?}");
        let all: Vec<&str> = commands().flat_map(|command| command.names).copied().collect();
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
    }
}
