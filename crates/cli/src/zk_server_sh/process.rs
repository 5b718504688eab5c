//! `start`, `stop` and `print-cmd`: a server in the background, found again by its pid file.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use super::environment::Environment;
use crate::banner;

/// A server with a large folder is up when it has read it; nobody who waits for `start` waits longer than this.
const READY_DEADLINE: Duration = Duration::from_secs(10);
/// A server ends within 10 s of a SIGTERM.
const STOP_DEADLINE: Duration = Duration::from_secs(15);
const POLL: Duration = Duration::from_millis(20);

/// Starts a server in the background.
///
/// # Errors
/// For a person: what could not be made or run.
pub fn start(environment: &Environment, flags: &[String]) -> anyhow::Result<u8> {
    print("Starting zookeeper ... ");
    if let Some(pid) = running(&environment.pid_file) {
        println!("already running as process {}.", pid.as_raw_nonzero());
        return Ok(1);
    }
    make_parent(&environment.pid_file)?;
    let out = environment.out_file();
    make_parent(&out)?;
    let log = File::create(&out).with_context(|| format!("cannot write {}; set ZOO_LOG_DIR", out.display()))?;
    let log_too = log.try_clone().with_context(|| format!("cannot write {}", out.display()))?;
    let (program, args) = command(environment, flags)?;
    let spawned = Command::new(program).args(args).stdin(Stdio::null()).stdout(log).stderr(log_too).spawn();
    let Ok(mut child) = spawned else {
        println!("SERVER DID NOT START");
        return Ok(1);
    };
    if let Err(error) = std::fs::write(&environment.pid_file, child.id().to_string()) {
        println!("FAILED TO WRITE PID");
        eprintln!("cannot write {}: {error}; set ZOOPIDFILE", environment.pid_file.display());
        // Nobody would find it again.
        let _ = child.kill();
        return Ok(1);
    }
    if !came_up(&mut child, &out) {
        println!("FAILED TO START");
        eprint!("{}", std::fs::read_to_string(&out).unwrap_or_default());
        return Ok(1);
    }
    println!("STARTED");
    Ok(0)
}

/// Whether the server says that it is ready, or at least still runs after a while.
fn came_up(child: &mut Child, out: &Path) -> bool {
    let deadline = Instant::now() + READY_DEADLINE;
    loop {
        if !matches!(child.try_wait(), Ok(None)) {
            return false;
        }
        let ready = std::fs::read_to_string(out).is_ok_and(|text| text.contains(banner::IS_READY));
        if ready || Instant::now() > deadline {
            return true;
        }
        std::thread::sleep(POLL);
    }
}

/// Stops the server of the pid file and waits for its end.
///
/// # Errors
/// When the pid file cannot be removed.
pub fn stop(environment: &Environment) -> anyhow::Result<u8> {
    print("Stopping zookeeper ... ");
    let pid_file = &environment.pid_file;
    if !pid_file.is_file() {
        println!("no zookeeper to stop (could not find file {})", pid_file.display());
        return Ok(0);
    }
    if let Some(pid) = running(pid_file) {
        if let Err(error) = kill_process(pid, Signal::TERM) {
            println!("FAILED");
            eprintln!("cannot stop process {}: {error}", pid.as_raw_nonzero());
            return Ok(1);
        }
        let deadline = Instant::now() + STOP_DEADLINE;
        while running(pid_file).is_some() {
            if Instant::now() > deadline {
                println!("STILL RUNNING");
                eprintln!("process {} has not ended {STOP_DEADLINE:?} after SIGTERM", pid.as_raw_nonzero());
                return Ok(1);
            }
            std::thread::sleep(POLL);
        }
    }
    std::fs::remove_file(pid_file).with_context(|| format!("cannot remove {}", pid_file.display()))?;
    println!("STOPPED");
    Ok(0)
}

/// The command that `start` runs.
///
/// # Errors
/// When this program does not find itself.
pub fn print_cmd(environment: &Environment, flags: &[String]) -> anyhow::Result<String> {
    let (program, args) = command(environment, flags)?;
    let words: Vec<String> =
        std::iter::once(program.display().to_string()).chain(args).map(|word| format!("\"{word}\"")).collect();
    Ok(format!("{} > \"{}\" 2>&1 < /dev/null", words.join(" "), environment.out_file().display()))
}

/// This program once more, as the server. A Java machine's other flags have nothing to tune.
fn command(environment: &Environment, flags: &[String]) -> anyhow::Result<(PathBuf, Vec<String>)> {
    let program = std::env::current_exe().context("cannot find this program's own file")?;
    let mut args = vec!["zookeeper".to_string(), "--detached".to_string(), environment.file.display().to_string()];
    args.extend(flags.iter().filter(|flag| flag.starts_with("-D")).cloned());
    Ok((program, args))
}

/// The process of the pid file, if it runs.
fn running(pid_file: &Path) -> Option<Pid> {
    let pid = std::fs::read_to_string(pid_file).ok()?.trim().parse().ok().and_then(Pid::from_raw)?;
    // A process that ended and that nobody has waited for yet does not run.
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
    let is_zombie = stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('Z'));
    (test_kill_process(pid).is_ok() && !is_zombie).then_some(pid)
}

fn make_parent(file: &Path) -> anyhow::Result<()> {
    let Some(dir) = file.parent() else { return Ok(()) };
    std::fs::create_dir_all(dir).with_context(|| format!("cannot make the folder {}", dir.display()))
}

fn print(text: &str) {
    print!("{text}");
    // Nobody reads it when standard output is closed.
    let _ = std::io::stdout().flush();
}
