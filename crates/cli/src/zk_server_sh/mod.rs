//! What Apache's `zkServer.sh` does, for a link of that name to this program: launch scripts, service files and people
//! go on as before.
//!
//! Source: what the script of release 3.9.5 prints and returns, and which variables it reads.

mod environment;
mod process;
mod status;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use self::environment::Environment;
use crate::commands::zookeeper;
use crate::logging::LoggingArgs;

/// Whether the program was called by a name of Apache's script.
pub fn is_called(argv0: Option<&OsString>) -> bool {
    let name = argv0.and_then(|path| Path::new(path).file_name());
    name.is_some_and(|name| name == "zkServer.sh" || name == "zkServer")
}

/// Runs a verb. `args` begins with the program's own name.
pub fn run(args: &[OsString]) -> ExitCode {
    match run_verb(args) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

const USAGE_VERBS: &str = "{start|start-foreground|stop|version|restart|status|print-cmd}";

fn run_verb(args: &[OsString]) -> anyhow::Result<u8> {
    let called = args.first().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let words: Vec<String> = args.iter().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    let Some(line) = CommandLine::parse(&words) else {
        eprintln!("Usage: {called} [--config <conf-dir>] {USAGE_VERBS}");
        eprintln!(
            "\nThis is castlekeep, called by the name of Apache ZooKeeper's script. It reads ZOOCFGDIR, ZOOCFG,\n\
             ZOO_LOG_DIR, ZOOPIDFILE, ZOO_DATADIR_AUTOCREATE_DISABLE, SERVER_JVMFLAGS and JVMFLAGS as the script does.\n\
             Examples:\n  {called} start\n  {called} --config /etc/zookeeper/conf status\n  \
             {called} start-foreground /etc/zookeeper/conf/zoo.cfg -Dzookeeper.snapCount=50000"
        );
        return Ok(u8::from(!words.iter().any(|word| word == "--help" || word == "-h")));
    };
    if line.verb == "version" {
        println!("Apache ZooKeeper, version {}", server::zk::admin::VERSION);
        return Ok(0);
    }
    let environment = Environment::find(Path::new(&called), line.config_dir, line.file)?;
    eprintln!("Using config: {}", environment.file.display());
    let mut flags = environment.flags.clone();
    flags.extend(line.properties.iter().map(ToString::to_string));
    if let Some(missing) = environment.missing_folder() {
        println!("{missing}");
        return Ok(1);
    }
    match line.verb {
        "start" => process::start(&environment, &flags),
        "start-foreground" => {
            let logging = LoggingArgs::of_the_environment();
            zookeeper::serve_file(&environment.file, &flags, &logging).map(|()| 0)
        }
        "stop" => process::stop(&environment),
        "restart" => match process::stop(&environment)? {
            0 => process::start(&environment, &flags),
            failed => Ok(failed),
        },
        "status" => Ok(status::status(&environment)),
        _ => {
            println!("{}", process::print_cmd(&environment, &flags)?);
            Ok(0)
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
struct CommandLine<'a> {
    config_dir: Option<&'a str>,
    verb: &'a str,
    file: Option<&'a str>,
    properties: Vec<&'a str>,
}

impl<'a> CommandLine<'a> {
    /// `None` asks for the usage.
    fn parse(words: &'a [String]) -> Option<Self> {
        let (properties, words): (Vec<&str>, Vec<&str>) =
            words.iter().map(String::as_str).partition(|word| word.starts_with("-D"));
        let (config_dir, words) = match words.as_slice() {
            ["--config", dir, rest @ ..] => (Some(*dir), rest),
            all => (None, all),
        };
        let (verb, rest) = words.split_first()?;
        let known = ["start", "start-foreground", "stop", "version", "restart", "status", "print-cmd"].contains(verb);
        known.then(|| Self { config_dir, verb, file: rest.first().copied(), properties })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_knows_itself_by_its_name() {
        for (name, expected) in [("/opt/zk/bin/zkServer.sh", true), ("zkServer", true), ("castlekeep", false)] {
            assert_eq!(is_called(Some(&OsString::from(name))), expected, "{name}");
        }
    }

    #[test]
    fn command_lines_are_the_scripts() {
        let words = |text: &str| text.split_whitespace().map(str::to_string).collect::<Vec<_>>();
        let line = words("--config /conf start my.cfg -Dzookeeper.skipACL=yes");
        let parsed = CommandLine::parse(&line).unwrap();
        assert_eq!((parsed.config_dir, parsed.verb, parsed.file), (Some("/conf"), "start", Some("my.cfg")));
        assert_eq!(parsed.properties, ["-Dzookeeper.skipACL=yes"]);
        assert_eq!(CommandLine::parse(&words("status")).unwrap().file, None);
        for text in ["", "upgrade", "--config", "--help", "START"] {
            assert_eq!(CommandLine::parse(&words(text)), None, "{text}");
        }
    }
}
