//! What Apache's `kafka-server-start.sh` and `kafka-server-stop.sh` do, for links of those names to this program.
//!
//! Source: usage, exit codes and words of the scripts of release 3.9.2.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process};

use crate::commands::kafka;
use crate::logging::LoggingArgs;

/// A script of Apache's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Script {
    /// `kafka-server-start.sh`
    Start,
    /// `kafka-server-stop.sh`
    Stop,
}

/// The script by whose name the program was called.
pub fn called_as(argv0: Option<&OsString>) -> Option<Script> {
    match Path::new(argv0?).file_name()?.to_str()? {
        START | "kafka-server-start" => Some(Script::Start),
        "kafka-server-stop.sh" | "kafka-server-stop" => Some(Script::Stop),
        _ => None,
    }
}

const START: &str = "kafka-server-start.sh";

/// Runs it. `args` begins with the program's own name.
pub fn run(script: Script, args: &[OsString]) -> ExitCode {
    let words: Vec<String> = args.iter().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    let result = match script {
        Script::Start => start(&words),
        Script::Stop => stop(),
    };
    match result {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn start(words: &[String]) -> anyhow::Result<u8> {
    let (daemon, rest) = match words.split_first() {
        Some((first, rest)) if first == "-daemon" => (true, rest),
        _ => (false, words),
    };
    let Some((file, overrides)) = parse(rest) else {
        eprintln!("USAGE: {START} [-daemon] server.properties [--override property=value]*");
        eprintln!(
            "\nThis is castlekeep, called by the name of Apache Kafka's script. With -daemon it runs in the background and\n\
             writes to LOG_DIR/kafkaServer.out (./logs without LOG_DIR). JVM settings such as KAFKA_HEAP_OPTS have nothing\n\
             to tune here; a jmx_prometheus_javaagent in KAFKA_OPTS says where metrics are served."
        );
        return Ok(1);
    };
    if !daemon {
        return kafka::serve_file(&file, &overrides, None, &LoggingArgs::of_the_environment()).map(|()| 0);
    }
    let dir = std::env::var_os("LOG_DIR").map_or_else(|| PathBuf::from("logs"), PathBuf::from);
    std::fs::create_dir_all(&dir).with_context(|| format!("cannot make the folder {}; set LOG_DIR", dir.display()))?;
    let path = dir.join("kafkaServer.out");
    let out = File::create(&path).with_context(|| format!("cannot write {}; set LOG_DIR", path.display()))?;
    let out_too = out.try_clone().with_context(|| format!("cannot write {}", path.display()))?;
    let program = std::env::current_exe().context("cannot find this program's own file")?;
    let mut command = Command::new(program);
    command.arg("kafka").arg("--detached").arg(&file);
    command.args(overrides.iter().flat_map(|text| ["--override", text]));
    command.stdin(Stdio::null()).stdout(out).stderr(out_too);
    command.spawn().context("cannot start the broker in the background")?;
    Ok(0)
}

/// The file and its overrides; `None` asks for the usage.
fn parse(words: &[String]) -> Option<(PathBuf, Vec<String>)> {
    let (file, mut rest) = words.split_first()?;
    if file.starts_with('-') {
        return None;
    }
    let mut overrides = Vec::new();
    while let Some((word, after)) = rest.split_first() {
        match word.strip_prefix("--override") {
            Some("") => {
                let (text, after) = after.split_first()?;
                overrides.push(text.clone());
                rest = after;
            }
            Some(text) => {
                overrides.push(text.strip_prefix('=')?.to_owned());
                rest = after;
            }
            None => return None,
        }
    }
    Some((PathBuf::from(file), overrides))
}

/// Asks every broker of this program on the machine to end, as the script does with every broker it finds. `SIGNAL` names
/// another signal than TERM.
fn stop() -> anyhow::Result<u8> {
    let name = std::env::var("SIGNAL").unwrap_or_else(|_| "TERM".into());
    let signal = match name.trim_start_matches("SIG") {
        "TERM" => Signal::TERM,
        "INT" => Signal::INT,
        "KILL" => Signal::KILL,
        other => anyhow::bail!("SIGNAL={other} is not TERM, INT or KILL"),
    };
    let own = std::process::id().cast_signed();
    let brokers: Vec<i32> = processes()?.into_iter().filter(|pid| *pid != own && is_broker(*pid)).collect();
    if brokers.is_empty() {
        println!("No kafka server to stop");
        return Ok(1);
    }
    for pid in brokers {
        let Some(pid) = Pid::from_raw(pid) else { continue };
        kill_process(pid, signal).with_context(|| format!("cannot stop process {}", pid.as_raw_nonzero()))?;
    }
    Ok(0)
}

fn processes() -> anyhow::Result<Vec<i32>> {
    let entries = std::fs::read_dir("/proc").context("cannot list the processes in /proc")?;
    Ok(entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect())
}

fn is_broker(pid: i32) -> bool {
    // It may have ended since it was listed.
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    serves_kafka(&line)
}

/// Whether a command line, its words ended by zeros, is a broker's: this program with `kafka` and a file, or by the name
/// of the start script.
fn serves_kafka(line: &[u8]) -> bool {
    let words: Vec<String> =
        line.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect();
    let name = words.first().and_then(|word| Path::new(word).file_name()).and_then(|name| name.to_str());
    match name {
        Some(START | "kafka-server-start") => true,
        Some("castlekeep") => {
            words.get(1).is_some_and(|verb| verb == "kafka") && words.get(2).is_none_or(|word| word != "dump-log")
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn the_program_knows_itself_by_its_names() {
        let table = [
            ("/opt/kafka/bin/kafka-server-start.sh", Some(Script::Start)),
            ("kafka-server-stop.sh", Some(Script::Stop)),
            ("castlekeep", None),
        ];
        for (name, expected) in table {
            assert_eq!(called_as(Some(&OsString::from(name))), expected, "{name}");
        }
    }

    #[test]
    fn command_lines_are_the_scripts() {
        let all = parse(&words("a.properties --override broker.id=3 --override=log.dirs=/data")).unwrap();
        assert_eq!(all, (PathBuf::from("a.properties"), words("broker.id=3 log.dirs=/data")));
        for text in ["", "--override a=b", "a.properties --override", "a.properties more"] {
            assert_eq!(parse(&words(text)), None, "{text}");
        }
    }

    #[test]
    fn brokers_are_told_from_other_processes() {
        let table: [(&[u8], bool); 5] = [
            (b"/usr/bin/castlekeep\0kafka\0server.properties\0", true),
            (b"bin/kafka-server-start.sh\0server.properties\0", true),
            (b"castlekeep\0kafka\0dump-log\0x.log\0", false),
            (b"castlekeep\0zookeeper\0zoo.cfg\0", false),
            (b"vi\0kafka-server-start.sh\0", false),
        ];
        for (line, expected) in table {
            assert_eq!(serves_kafka(line), expected, "{}", line.escape_ascii());
        }
    }
}
