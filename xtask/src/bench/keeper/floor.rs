//! What no server can be better than: the echo of the same frames, and the disk.

use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use super::{Bench, number};
use crate::probe;
use crate::process::Server;

/// A running echo.
pub struct Echo {
    /// Where it listens.
    pub port: u16,
    server: Server,
}

impl Echo {
    /// Starts it on the server's core.
    pub fn start(bench: &Bench) -> Result<Self> {
        let port = probe::free_port()?;
        let mut command = Command::new("taskset");
        command.args(["-c", "0"]).arg(&bench.binary).args(["bench", "echo", "--listen"]);
        command.arg(format!("127.0.0.1:{port}"));
        let mut server = Server::spawn("the echo", command, &bench.dir.join("echo.log"))?;
        server.wait_ready(Duration::from_secs(10), || TcpStream::connect(("127.0.0.1", port)).is_ok())?;
        Ok(Self { port, server })
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.server.id()
    }
}

/// What the disk below a folder can do.
pub struct Disk {
    /// Small appends made durable, per second.
    pub syncs_per_second: f64,
    /// Microseconds.
    pub p999_us: f64,
}

impl Disk {
    /// Measures on the generator's core.
    pub fn measure(bench: &Bench, dir: &Path) -> Result<Self> {
        let seconds = bench.options.seconds.to_string();
        let dir = dir.display().to_string();
        let report = bench.generator(&["disk", "--dir", &dir, "--duration", &seconds], Duration::from_secs(120))?;
        Ok(Self {
            syncs_per_second: number(&report, "/syncs_per_second")?,
            p999_us: number(&report, "/latency_us/p999")?,
        })
    }
}
