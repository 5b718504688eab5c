//! The binary under the name of Apache's launch script, and `castlekeep zookeeper` beside it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

const CASTLEKEEP: &str = env!("CARGO_BIN_EXE_castlekeep");

/// `bin/zkServer.sh` and `conf/zoo.cfg`, as in Apache's release.
struct Release {
    dir: tempfile::TempDir,
    port: u16,
}

impl Release {
    fn new(more: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let path = |name: &str| dir.path().join(name);
        std::fs::create_dir_all(path("bin")).unwrap();
        std::fs::create_dir_all(path("conf")).unwrap();
        std::os::unix::fs::symlink(CASTLEKEEP, path("bin/zkServer.sh")).unwrap();
        let data = path("data").display().to_string();
        let text = format!("dataDir={data}\nclientPort={port}\nadmin.enableServer=false\n{more}");
        std::fs::write(path("conf/zoo.cfg"), text).unwrap();
        Self { dir, port }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn command(&self, program: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        for name in ["ZOOCFGDIR", "ZOOCFG", "ZOOPIDFILE", "ZOO_LOG_DIR", "SERVER_JVMFLAGS", "JVMFLAGS"] {
            command.env_remove(name);
        }
        command.args(args);
        command
    }

    fn script(&self, args: &[&str]) -> (i32, String) {
        ran(self.command(&self.path("bin/zkServer.sh"), args).output().unwrap())
    }

    /// `castlekeep zookeeper ARGS`, once it says that it is ready.
    fn serve(&self, args: &[&str], variables: &[(&str, &str)]) -> Server {
        let mut command = self.command(Path::new(CASTLEKEEP), &["zookeeper"]);
        command.args(args).envs(variables.iter().copied()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        assert!(out.lines().map_while(Result::ok).any(|line| line.contains("is ready")), "{args:?} starts");
        Server(child)
    }
}

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn ran(output: Output) -> (i32, String) {
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
}

fn word(port: u16, word: &str) -> String {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    socket.write_all(word.as_bytes()).unwrap();
    let mut text = String::new();
    socket.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn a_server_in_the_background_is_started_found_and_stopped() {
    let release = Release::new("");
    std::fs::write(release.path("conf/java.env"), "export SERVER_JVMFLAGS=\"-Xmx1g -Dzookeeper.maxCnxns=77\"\n")
        .unwrap();
    let found = format!("Client port found: {}. Client address: localhost. Client SSL: false.\n", release.port);
    assert_eq!(
        release.script(&["status"]),
        (1, format!("{found}Error contacting service. It is probably not running.\n"))
    );
    assert_eq!(release.script(&["start"]), (0, "Starting zookeeper ... STARTED\n".into()));
    let pid = std::fs::read_to_string(release.path("data/zookeeper_server.pid")).unwrap();
    assert_eq!(release.script(&["status"]), (0, format!("{found}Mode: standalone\n")));
    let again = (1, format!("Starting zookeeper ... already running as process {pid}.\n"));
    assert_eq!(release.script(&["start"]), again);
    let (code, out) = release.script(&["print-cmd"]);
    assert_eq!(code, 0);
    assert!(out.contains("\"-Dzookeeper.maxCnxns=77\"") && !out.contains("-Xmx1g"), "{out}");
    // A session of its own: no terminal takes it along.
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let session = stat.rsplit(") ").next().unwrap().split(' ').nth(3).unwrap();
    assert_eq!(session, pid);
    assert_eq!(release.script(&["restart"]).0, 0);
    assert_ne!(std::fs::read_to_string(release.path("data/zookeeper_server.pid")).unwrap(), pid);
    assert_eq!(release.script(&["stop"]), (0, "Stopping zookeeper ... STOPPED\n".into()));
    assert_eq!(release.script(&["status"]).0, 1);
    let (code, out) = release.script(&["stop"]);
    assert_eq!(code, 0);
    assert!(out.starts_with("Stopping zookeeper ... no zookeeper to stop (could not find file "), "{out}");
}

#[test]
fn what_cannot_start_says_why() {
    let release = Release::new("sslQuorum=true\n");
    let output = release.command(&release.path("bin/zkServer.sh"), &["start"]).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("sslQuorum"), "{output:?}");
    assert_eq!(ran(output), (1, "Starting zookeeper ... FAILED TO START\n".into()));
    assert_eq!(release.script(&["upgrade"]), (1, String::new()));
    let mut command = release.command(&release.path("bin/zkServer.sh"), &["start"]);
    let (code, out) = ran(command.env("ZOO_DATADIR_AUTOCREATE_DISABLE", "1").output().unwrap());
    assert_eq!(code, 1);
    assert!(out.starts_with("ZooKeeper data directory is missing at "), "{out}");
}

#[test]
fn properties_come_from_the_command_line_and_the_environment() {
    let release = Release::new("");
    let config = release.path("conf/zoo.cfg").display().to_string();
    let args = ["start-foreground", &config, "-Dzookeeper.4lw.commands.whitelist=conf,ruok"];
    let _server = release.serve(&args, &[("JVMFLAGS", "-Xmx1g -Dzookeeper.4lw.commands.whitelist=srvr")]);
    assert_eq!(word(release.port, "ruok"), "imok");
    assert!(word(release.port, "srvr").contains("not in the whitelist"));
}

#[test]
fn what_is_logged_changes_while_it_runs() {
    let release = Release::new("");
    let config = release.path("conf/zoo.cfg").display().to_string();
    let log = release.path("log");
    let mut command = release.command(Path::new(CASTLEKEEP), &["zookeeper", &config, "--log-format", "json"]);
    command.env_remove("CASTLEKEEP_LOG").stdout(Stdio::null()).stderr(std::fs::File::create(&log).unwrap());
    let server = Server(command.spawn().unwrap());
    let lines = || -> Vec<serde_json::Value> {
        let text = std::fs::read_to_string(&log).unwrap();
        // The last line may be half written.
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    };
    let says = |level: &str, part: &str| {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !lines().iter().any(|l| l["level"] == level && l["message"].as_str().is_some_and(|m| m.contains(part))) {
            assert!(Instant::now() < deadline, "no {level} line with {part:?} in {:?}", lines());
            std::thread::yield_now();
        }
    };
    let deadline = Instant::now() + Duration::from_secs(20);
    while TcpStream::connect(("127.0.0.1", release.port)).is_err() {
        assert!(Instant::now() < deadline, "it does not start");
        std::thread::yield_now();
    }
    assert_eq!(word(release.port, "srvr").lines().filter(|line| line.starts_with("Mode")).count(), 1);
    let pid = Pid::from_child(&server.0);
    kill_process(pid, Signal::USR1).unwrap();
    says("ERROR", "changed to debug");
    drop(TcpStream::connect(("127.0.0.1", release.port)).unwrap());
    says("DEBUG", "closed its connection");
    kill_process(pid, Signal::USR2).unwrap();
    says("ERROR", "changed to info");
}

#[test]
fn the_process_is_the_server_and_ends_on_sigterm() {
    let release = Release::new("");
    let config = release.path("conf/zoo.cfg").display().to_string();
    for signal in [Signal::TERM, Signal::KILL, Signal::INT] {
        let mut server = release.serve(&[&config], &[]);
        let client = TcpStream::connect(("127.0.0.1", release.port)).unwrap();
        let began = Instant::now();
        kill_process(Pid::from_child(&server.0), signal).unwrap();
        let status = server.0.wait().unwrap();
        assert!(began.elapsed() < Duration::from_secs(10), "{signal:?} took {:?}", began.elapsed());
        assert_eq!(status.success(), signal != Signal::KILL, "{status}");
        // The next round binds the same port while this connection still lingers.
        drop(client);
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn get(port: u16, path: &str) -> String {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    socket.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn commands_and_metrics_listen_where_the_file_says() {
    let (http, metrics) = (free_port(), free_port());
    let release = Release::new(&format!(
        "4lw.commands.whitelist=mntr\nadmin.enableServer=true\nadmin.serverAddress=127.0.0.1\nadmin.serverPort={http}\n\
         metricsProvider.className=org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider\n\
         metricsProvider.httpHost=127.0.0.1\nmetricsProvider.httpPort={metrics}\n"
    ));
    let config = release.path("conf/zoo.cfg").display().to_string();
    let _server = release.serve(&[&config], &[]);
    assert!(get(http, "/commands/ruok").contains("\"command\": \"ruok\""));
    let text = get(metrics, "/metrics");
    assert!(text.starts_with("HTTP/1.0 200") && text.contains("\nznode_count 5\n"), "{text}");
    assert!(get(metrics, "/commands/ruok").starts_with("HTTP/1.0 404"));
    for port in [http, metrics] {
        assert!(TcpStream::connect(("127.0.0.2", port)).is_err(), "port {port} listens on another address too");
    }
    assert!(word(release.port, "mntr").contains("\nzk_znode_count\t5.0\n"), "as Apache's provider shows it");
}

#[test]
fn the_audit_log_begins_and_ends_with_the_server() {
    let release = Release::new("audit.enable=true\n");
    let config = release.path("conf/zoo.cfg").display().to_string();
    let log = release.path("log");
    let mut command = release.command(Path::new(CASTLEKEEP), &["zookeeper", &config]);
    command.env_remove("CASTLEKEEP_LOG").stdout(Stdio::piped()).stderr(std::fs::File::create(&log).unwrap());
    let mut server = Server(command.spawn().unwrap());
    let out = BufReader::new(server.0.stdout.take().unwrap());
    assert!(out.lines().map_while(Result::ok).any(|line| line.contains("is ready")));
    kill_process(Pid::from_child(&server.0), Signal::TERM).unwrap();
    assert!(server.0.wait().unwrap().success());
    let text = std::fs::read_to_string(&log).unwrap();
    let audited: Vec<&str> =
        text.lines().filter_map(|line| line.split_once("operation=")).map(|(_, end)| end).collect();
    assert_eq!(audited, ["serverStart\tresult=success", "serverStop\tresult=invoked"], "{text}");
}
