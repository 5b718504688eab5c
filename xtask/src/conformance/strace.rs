//! Ours under strace: the reply to a write leaves its socket only after an fdatasync has ended that began behind the
//! write of the transaction's bytes to the log. The kernel's own record decides, not our code's opinion of itself.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use zk_wire::{ErrorCode, OpCode, SetDataRequest};

use super::servers::castlekeep;
use super::zk_client::{ZkClient, create_request, open_acl};
use crate::apache::{self, ZooKeeperOptions};
use crate::process::{Server, run_ok, signal};
use crate::{probe, provision};

const DEADLINE: Duration = Duration::from_secs(60);
const CLIENTS: usize = 4;
const BATCHES: usize = 12;
const BATCH: usize = 5;
/// Longer than a group with all its bytes escaped.
const STRING_BYTES_MAX: &str = "8388608";
const CALLS: &str = "trace=pwrite64,pwritev,pwritev2,write,writev,sendto,sendmsg,fdatasync,fsync";

/// Writes of every client are marked, and each mark's way is followed through the record.
pub fn run(dir: &Path) -> Result<String> {
    provision::strace()?;
    std::fs::create_dir_all(dir).with_context(|| format!("create {}", dir.display()))?;
    let port = probe::free_port()?;
    let config = apache::zoo_cfg(dir, &ZooKeeperOptions { port, extra: String::new() })?;
    let record = dir.join("strace.txt");
    let mut command = Command::new("strace");
    command.args(["-f", "-yy", "-e", CALLS, "-e", "signal=none", "-s", STRING_BYTES_MAX, "-o"]).arg(&record);
    command.arg(castlekeep()?).arg("zookeeper").arg(config);
    let mut server = Server::spawn("strace castlekeep", command, &dir.join("server.log"))?;
    server.wait_ready(DEADLINE, || probe::zookeeper_ready(port))?;
    let marks = write(port).with_context(|| server.log_tail())?;
    // strace passes the end on and ends with its child.
    stop_child(server)?;
    let text = std::fs::read(&record).with_context(|| format!("read {}", record.display()))?;
    let calls = parse(&String::from_utf8_lossy(&text));
    let mut tally = Tally::default();
    for mark in &marks {
        judge(&calls, mark, &mut tally).with_context(|| format!("the write marked {mark}"))?;
    }
    let syncs = calls.iter().filter(|call| call.is_sync() && is_log(&call.target)).count();
    Ok(format!(
        "  ok     {} writes: each reply left after an fdatasync that began behind its transaction's bytes \
         ({syncs} syncs of the log)\n",
        tally.covered
    ))
}

fn write(port: u16) -> Result<Vec<String>> {
    let write = |client: usize| -> Result<Vec<String>> {
        let mut zk = ZkClient::connect(port)?;
        let mut marks = Vec::new();
        for batch in 0..BATCHES {
            let mut sent = Vec::new();
            for number in 0..BATCH {
                let path = format!("/mark-{client}-{batch}-{number}-end");
                zk.send(OpCode::CREATE, &create_request(&path, b"x", 0, open_acl()));
                sent.push(path);
            }
            for path in sent {
                let (error, _) = zk.answer()?;
                ensure!(error == ErrorCode::OK, "create of {path} answered {error:?}");
                marks.push(path);
            }
        }
        // A failed write leaves nothing to sync that would matter, but its transaction is logged and waited for, too.
        let missing = SetDataRequest { path: "/absent".into(), data: None, version: -1 };
        let (error, _) = zk.ask(OpCode::SET_DATA, &missing)?;
        ensure!(error == ErrorCode::NO_NODE, "{error:?}");
        zk.close()?;
        Ok(marks)
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..CLIENTS).map(|client| scope.spawn(move || write(client))).collect();
        let mut marks = Vec::new();
        for thread in threads {
            marks.extend(thread.join().expect("a client does not panic")?);
        }
        Ok(marks)
    })
}

fn stop_child(server: Server) -> Result<()> {
    let mut children = Command::new("ps");
    children.args(["-o", "pid=", "--ppid", &server.id().to_string()]);
    let found = run_ok(children, "", DEADLINE)?.stdout;
    let child = found.split_whitespace().next().and_then(|id| id.parse().ok());
    signal(child.context("strace has no child")?, rustix::process::Signal::TERM)?;
    let status = server.wait(DEADLINE)?;
    ensure!(status.success(), "castlekeep under strace ended with {status}");
    Ok(())
}

/// A system call: between which lines of the record it ran, on what, and with which bytes.
#[derive(Debug)]
struct Call {
    name: String,
    target: String,
    arguments: String,
    began: usize,
    /// `None` when it never returned.
    ended: Option<usize>,
    result: String,
}

impl Call {
    fn is_sync(&self) -> bool {
        matches!(self.name.as_str(), "fdatasync" | "fsync") && self.result.starts_with('0')
    }
}

/// Calls that were under way at the same time stand in two parts: where they began, and where they ended.
fn parse(text: &str) -> Vec<Call> {
    let mut calls: Vec<Call> = Vec::new();
    let mut open: BTreeMap<&str, usize> = BTreeMap::new();
    for (line, content) in text.lines().enumerate() {
        let Some((thread, content)) = content.split_once(' ') else { continue };
        let content = content.trim_start();
        if content.starts_with("<... ") {
            if let Some(index) = open.remove(thread) {
                calls[index].ended = Some(line);
                calls[index].result = content.rsplit_once("= ").map_or("", |(_, result)| result).to_owned();
            }
            continue;
        }
        let Some((name, arguments)) = content.split_once('(') else { continue };
        let target = arguments.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map_or("", |(path, _)| path);
        let unfinished = arguments.ends_with("<unfinished ...>");
        if unfinished {
            open.insert(thread, calls.len());
        }
        let result = if unfinished { "" } else { arguments.rsplit_once("= ").map_or("", |(_, result)| result) };
        calls.push(Call {
            name: name.to_owned(),
            target: target.to_owned(),
            arguments: arguments.to_owned(),
            began: line,
            ended: (!unfinished).then_some(line),
            result: result.to_owned(),
        });
    }
    calls
}

fn is_log(target: &str) -> bool {
    target.rsplit('/').next().is_some_and(|name| name.starts_with("log."))
}

fn is_socket(target: &str) -> bool {
    target.starts_with("TCP") || target.starts_with("socket:")
}

#[derive(Default)]
struct Tally {
    covered: usize,
}

/// The mark stands in the bytes of a write to the log, and later in those of a reply. Between the two lies a whole sync.
fn judge(calls: &[Call], mark: &str, tally: &mut Tally) -> Result<()> {
    let with_mark = |on: fn(&str) -> bool| calls.iter().find(|call| on(&call.target) && call.arguments.contains(mark));
    let logged = with_mark(is_log).context("never written to the log")?;
    let replied = with_mark(is_socket).context("never answered")?;
    let Some(written) = logged.ended else { bail!("the write to the log never returned") };
    let covers = |call: &&Call| {
        call.is_sync()
            && call.target == logged.target
            && call.began > written
            && call.ended.is_some_and(|ended| ended < replied.began)
    };
    ensure!(
        calls.iter().any(|call| covers(&call)),
        "written to {} at line {written} of the record, answered at line {}, and no sync of the file in between",
        logged.target,
        replied.began
    );
    tally.covered += 1;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = r#"7 pwritev(12</d/version-2/log.1>, [{iov_base="\0\0/mark-1-end", iov_len=13}], 1, 16) = 13"#;
    const BEGIN: &str = "7 fdatasync(12</d/version-2/log.1> <unfinished ...>";
    const OTHER: &str = r#"8 write(3<pipe:[1]>, "x", 1) = 1"#;
    const END: &str = "7 <... fdatasync resumed>) = 0";
    const FAILED: &str = "7 <... fdatasync resumed>) = -1 EIO (Input/output error)";
    const REPLY: &str = r#"9 sendto(14<TCP:[127.0.0.1:2181->127.0.0.1:5]>, "\0/mark-1-end", 12, 0, NULL, 0) = 12"#;

    fn judged(lines: &[&str]) -> Result<()> {
        judge(&parse(&lines.join("\n")), "/mark-1-end", &mut Tally::default())
    }

    #[test]
    fn only_a_whole_sync_between_write_and_reply_will_do() {
        judged(&[LOG, BEGIN, OTHER, END, REPLY]).unwrap();
        judged(&[LOG, "7 fdatasync(12</d/version-2/log.1>) = 0", REPLY]).unwrap();
        for wrong in [
            &[LOG, BEGIN, OTHER, REPLY, END][..],
            &[BEGIN, LOG, END, REPLY],
            &[LOG, BEGIN, FAILED, REPLY],
            &[LOG, REPLY],
            &[REPLY, BEGIN, END],
            &[LOG, "7 fdatasync(13</d/version-2/log.2>) = 0", REPLY],
        ] {
            assert!(judged(wrong).is_err(), "{wrong:#?}");
        }
    }
}
