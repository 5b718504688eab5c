//! Processes that are started for a test: their output goes to a file, and none of them outlives its owner.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How often a condition is looked at while waiting for it.
const POLL: Duration = Duration::from_millis(5);

/// A running server. Dropping it kills it (SIGKILL) and waits, so a failed test leaves nothing behind.
pub struct Server {
    child: Child,
    name: String,
    log: PathBuf,
}

impl Server {
    /// Starts `command` with both output streams appended to `log`.
    pub fn spawn(name: &str, mut command: Command, log: &Path) -> Result<Server> {
        let out = File::options().create(true).append(true).open(log);
        let out = out.with_context(|| format!("open the log {}", log.display()))?;
        let err = out.try_clone().context("share the log's handle")?;
        command.stdin(Stdio::null()).stdout(out).stderr(err);
        let program = command.get_program().to_string_lossy().into_owned();
        let child = command.spawn().with_context(|| format!("start {name} ({program})"))?;
        Ok(Server { child, name: name.to_owned(), log: log.to_path_buf() })
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until `ready` holds; ends early when the process does.
    pub fn wait_ready(&mut self, deadline: Duration, mut ready: impl FnMut() -> bool) -> Result<()> {
        let started = Instant::now();
        loop {
            if ready() {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait().context("look at a child process")? {
                bail!("{} ended while starting ({status}); its log ends:\n{}", self.name, self.log_tail());
            }
            if started.elapsed() > deadline {
                bail!("{} was not ready after {deadline:?}; its log ends:\n{}", self.name, self.log_tail());
            }
            std::thread::sleep(POLL);
        }
    }

    /// Asks the process to end (SIGTERM) and waits for it.
    pub fn stop(mut self, deadline: Duration) -> Result<ExitStatus> {
        signal(self.child.id(), rustix::process::Signal::TERM)?;
        match wait(&mut self.child, deadline)? {
            Some(status) => Ok(status),
            None => bail!("{} did not end within {deadline:?} of SIGTERM:\n{}", self.name, self.log_tail()),
        }
    }

    /// Waits for a process that ends by itself.
    pub fn wait(mut self, deadline: Duration) -> Result<ExitStatus> {
        match wait(&mut self.child, deadline)? {
            Some(status) => Ok(status),
            None => bail!("{} did not end within {deadline:?}:\n{}", self.name, self.log_tail()),
        }
    }

    /// Ends the process at once (SIGKILL), as a crash would.
    pub fn kill(mut self) {
        self.end();
    }

    /// Whether the process still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// The last lines of what the process wrote.
    pub fn log_tail(&self) -> String {
        let text = std::fs::read(&self.log).unwrap_or_default();
        tail(&String::from_utf8_lossy(&text), 25)
    }

    fn end(&mut self) {
        // Both fail only when the process is already gone.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

/// What a command that ran to its end left behind.
pub struct Finished {
    /// Exit code 0.
    pub success: bool,
    /// Standard output and standard error in one text, output first.
    pub text: String,
    /// Standard output alone.
    pub stdout: String,
}

/// Runs `command` to its end, feeding `input`, and gives its output. Killed and reported past `deadline`.
pub fn run(mut command: Command, input: &str, deadline: Duration) -> Result<Finished> {
    let what = describe(&command);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("start {what}"))?;
    let mut stdin = child.stdin.take().context("take a child's input")?;
    let input = input.to_owned();
    // A child that stops reading closes the pipe; what it answers then tells the story.
    let feeder = std::thread::spawn(move || {
        let _ = std::io::Write::write_all(&mut stdin, input.as_bytes());
    });
    let stdout = drain(child.stdout.take().context("take a child's output")?);
    let stderr = drain(child.stderr.take().context("take a child's errors")?);
    let status = wait(&mut child, deadline)?;
    if status.is_none() {
        let _ = child.kill();
        let _ = child.wait();
    }
    let _ = feeder.join();
    let stdout = stdout.join().unwrap_or_default();
    let stderr = stderr.join().unwrap_or_default();
    let text = format!("{stdout}{stderr}");
    match status {
        Some(status) => Ok(Finished { success: status.success(), text, stdout }),
        None => bail!("{what} did not end within {deadline:?}; its output ends:\n{}", tail(&text, 25)),
    }
}

/// Runs `command` and gives its standard output; anything but exit code 0 is an error that shows what it wrote.
pub fn run_ok(command: Command, input: &str, deadline: Duration) -> Result<Finished> {
    let what = describe(&command);
    let finished = run(command, input, deadline)?;
    if !finished.success {
        bail!("{what} failed:\n{}", tail(&finished.text, 60));
    }
    Ok(finished)
}

/// Sends `signal` to the process `id`.
pub fn signal(id: u32, signal: rustix::process::Signal) -> Result<()> {
    let pid = i32::try_from(id).ok().and_then(rustix::process::Pid::from_raw).context("a process id of zero")?;
    rustix::process::kill_process(pid, signal).with_context(|| format!("signal process {id}"))
}

/// The last `count` lines of `text`.
pub fn tail(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.len().saturating_sub(count);
    lines[from..].iter().map(|line| format!("    {line}\n")).collect()
}

/// Waits until `condition` gives a value, or reports what was waited for.
pub fn wait_for<T>(what: &str, deadline: Duration, condition: impl FnMut() -> Option<T>) -> Result<T> {
    wait_for_at(POLL, what, deadline, condition)
}

/// As [`wait_for`], of a condition that costs something to look at.
pub fn wait_for_at<T>(
    poll: Duration,
    what: &str,
    deadline: Duration,
    mut condition: impl FnMut() -> Option<T>,
) -> Result<T> {
    let started = Instant::now();
    loop {
        if let Some(value) = condition() {
            return Ok(value);
        }
        if started.elapsed() > deadline {
            bail!("waited {deadline:?} for {what}");
        }
        std::thread::sleep(poll);
    }
}

fn wait(child: &mut Child, deadline: Duration) -> Result<Option<ExitStatus>> {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait().context("look at a child process")? {
            return Ok(Some(status));
        }
        if started.elapsed() > deadline {
            return Ok(None);
        }
        std::thread::sleep(POLL);
    }
}

fn drain(mut from: impl std::io::Read + Send + 'static) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = from.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// The command line, short enough for a message: class paths are left out.
fn describe(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let args = command.get_args().map(|arg| arg.to_string_lossy().into_owned());
    let short = args.filter(|arg| !arg.ends_with("/libs/*") && !arg.starts_with("-X") && !arg.starts_with("-D"));
    let words: Vec<String> = std::iter::once(program).chain(short.filter(|arg| arg != "-cp")).collect();
    format!("`{}`", words.join(" "))
}
