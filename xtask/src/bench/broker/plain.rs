//! What no broker can be better than: a plain loop that reads a socket, looks at the checksum and appends to a file; and
//! two that send from a file.

use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use super::Bench;
use crate::probe;
use crate::process::Server;

/// A running plain log.
pub struct PlainLog {
    /// Where it listens.
    pub port: u16,
    server: Server,
}

impl PlainLog {
    /// Starts it on the servers' core; `send` is `sendfile` or `read`.
    pub fn start(bench: &Bench, send: &str) -> Result<Self> {
        let dir = bench.dir.join(format!("plain-{send}"));
        std::fs::create_dir_all(&dir).with_context(|| format!("create {}", dir.display()))?;
        let port = probe::free_port()?;
        let mut command = Command::new("taskset");
        command.args(["-c", "0"]).arg(&bench.binary).args(["bench", "plain-log", "--send", send, "--dir"]).arg(&dir);
        command.arg("--listen").arg(format!("127.0.0.1:{port}"));
        let mut server = Server::spawn("the plain log", command, &dir.join("plain.txt"))?;
        server.wait_ready(Duration::from_secs(10), || TcpStream::connect(("127.0.0.1", port)).is_ok())?;
        Ok(Self { port, server })
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.server.id()
    }
}
