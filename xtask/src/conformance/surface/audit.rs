//! The audit log: the same lines for the same operations, from `serverStart` to `serverStop`.

use anyhow::{Context, Result, ensure};

use super::Stopped;

/// Both servers have stopped; their logs are complete.
pub fn compare(apache: &Stopped, ours: &Stopped) -> Result<String> {
    let (theirs, own) = (lines(apache)?, lines(ours)?);
    for (at, line) in theirs.iter().enumerate() {
        let other = own.get(at).map_or("nothing", String::as_str);
        ensure!(line == other, "line {at} of the audit log is\n{line}\nat Apache's and\n{other}\nat ours");
    }
    ensure!(own.len() == theirs.len(), "ours has more lines in its audit log: {:#?}", &own[theirs.len()..]);
    let has = |operation: &str| own.iter().any(|line| line.contains(&format!("operation={operation}\t")));
    let wanted = ["serverStart", "serverStop", "create", "setData", "setAcl", "delete", "multiOperation", "reconfig"];
    for operation in wanted.into_iter().chain(["ephemeralZNodeDeletionOnSessionCloseOrExpire"]) {
        ensure!(has(operation), "nobody logged {operation}: {own:#?}");
    }
    Ok(format!("  ok     audit log: {} lines\n", own.len()))
}

/// The lines without their time, with their level.
fn lines(side: &Stopped) -> Result<Vec<String>> {
    let log = side.dir.join("server.log");
    let text = std::fs::read_to_string(&log).with_context(|| format!("read {}", log.display()))?;
    let line = |line: &str| {
        let at = [line.find("session=0x"), line.find("user=")].into_iter().flatten().min()?;
        let level = if line[..at].contains("ERROR") { "ERROR" } else { "INFO" };
        Some(format!("{level} {}", side.names.apply(&line[at..])))
    };
    Ok(text
        .lines()
        .filter(|line| line.contains("\toperation=") && line.contains("\tresult="))
        .filter_map(line)
        .collect())
}
