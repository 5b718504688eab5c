//! Other people's clients that work on an ensemble while something happens to it. Each is a program that is told line by
//! line what to do: `check` (show that everything goes on and nothing is lost) and `end`; it answers each with a line
//! that begins with `ok`.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::{apache, provision, repo};

/// A check waits for everything that it checks, so it may take this long when a leader was lost.
const ANSWER: Duration = Duration::from_secs(90);

/// A program that works.
pub struct Load {
    name: &'static str,
    child: Child,
    input: ChildStdin,
    lines: Receiver<String>,
    errors: std::path::PathBuf,
}

impl Load {
    /// kazoo: sessions, ephemerals, a lock, watches, counters.
    pub fn kazoo(hosts: &str, dir: &Path) -> Result<Self> {
        Self::python("kazoo", "conformance/faults/ensemble_load.py", hosts, dir)
    }

    /// librdkafka: a producer and a group's consumer on Kafka brokers.
    pub fn kafka(bootstrap: &str, dir: &Path) -> Result<Self> {
        Self::python("librdkafka", "conformance/faults/kafka_load.py", bootstrap, dir)
    }

    fn python(name: &'static str, script: &str, addresses: &str, dir: &Path) -> Result<Self> {
        let mut python = Command::new(provision::python()?);
        python.arg(repo::root()?.join(script)).arg(addresses).env("PYTHONDONTWRITEBYTECODE", "1");
        Self::start(name, python, dir)
    }

    /// Curator: a mutex, a persistent ephemeral node, a cache, counters.
    pub fn curator(hosts: &str, dir: &Path) -> Result<Self> {
        let mut java = apache::java_with("curator", 128, &[provision::java_clients()?], "CuratorLoad")?;
        java.arg(hosts).env("JDK_JAVA_OPTIONS", "-Dorg.slf4j.simpleLogger.defaultLogLevel=off");
        Self::start("curator", java, dir)
    }

    fn start(name: &'static str, mut command: Command, dir: &Path) -> Result<Self> {
        std::fs::create_dir_all(dir).with_context(|| format!("create {}", dir.display()))?;
        let errors = dir.join(format!("{name}.log"));
        let log = std::fs::File::create(&errors).with_context(|| format!("create {}", errors.display()))?;
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .with_context(|| format!("start the {name} clients"))?;
        let input = child.stdin.take().context("take a child's input")?;
        let output = BufReader::new(child.stdout.take().context("take a child's output")?);
        let (tell, lines) = channel();
        std::thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| tell.send(line)));
        let mut load = Self { name, child, input, lines, errors };
        load.answer().context("at their start")?;
        Ok(load)
    }

    /// Everything goes on, and nothing was lost. Gives what the clients say of it.
    pub fn check(&mut self) -> Result<String> {
        self.tell("check")
    }

    /// The same, once more and for good: every client ends its session.
    pub fn end(mut self) -> Result<String> {
        self.tell("end")
    }

    fn tell(&mut self, what: &str) -> Result<String> {
        // A child that is gone shows when its answer is missing.
        let _ = writeln!(self.input, "{what}").and_then(|()| self.input.flush());
        self.answer()
    }

    fn answer(&mut self) -> Result<String> {
        let line = match self.lines.recv_timeout(ANSWER) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout) => format!("no answer after {ANSWER:?}"),
            Err(RecvTimeoutError::Disconnected) => "the clients have ended".to_owned(),
        };
        if line.starts_with("ok") {
            return Ok(format!("{}: {}", self.name, line.trim_start_matches("ok").trim()));
        }
        let errors = std::fs::read_to_string(&self.errors).unwrap_or_default();
        let more: Vec<String> = self.lines.try_iter().collect();
        bail!("{} clients: {line}\n{}\n{}", self.name, more.join("\n"), crate::process::tail(&errors, 40))
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        // Both fail only when the process is already gone.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
