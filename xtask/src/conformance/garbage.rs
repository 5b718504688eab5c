//! Ours alone: bytes that no client sends. Each connection ends, other clients notice nothing, and memory stays.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use super::servers::{Ports, spawn_embedded, stop_cleanly};
use crate::probe;

const START: Duration = Duration::from_secs(30);

/// A connection that got nonsense must be over within this time.
const END: Duration = Duration::from_secs(15);

const CONNECTIONS: usize = 1000;
const RESIDENT_GROWTH_KIB_MAX: u64 = 2 << 10;

/// What is sent to a port.
struct Nonsense {
    name: &'static str,
    bytes: &'static [u8],
    /// The server cannot know that no more follows: the client hangs up instead.
    client_ends: bool,
}

const NONSENSE: [Nonsense; 8] = [
    Nonsense { name: "HTTP", bytes: b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", client_ends: false },
    Nonsense { name: "TLS", bytes: b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a client hello", client_ends: false },
    Nonsense { name: "a length of 2 GiB", bytes: b"\x7f\xff\xff\xff\x00\x00\x00\x00", client_ends: false },
    Nonsense { name: "a negative length", bytes: b"\xff\xff\xff\xff\x00\x00\x00\x00", client_ends: false },
    Nonsense { name: "random bytes", bytes: b"\x9c\x1f\x83\xe2\x70\x04\xd1\xaa\x5b\xee\x00\x37", client_ends: false },
    Nonsense {
        name: "an API nobody has",
        bytes: b"\x00\x00\x00\x0a\x27\x0f\x00\x00\x00\x00\x00\x01\xff\xff",
        client_ends: false,
    },
    Nonsense { name: "half a frame", bytes: b"\x00\x00\x00\x40\x00\x03\x00\x01", client_ends: true },
    Nonsense { name: "nothing", bytes: b"", client_ends: true },
];

/// Sends all kinds to both ports, a thousand connections in all, with a look at the servers now and then.
pub fn run(dir: &Path) -> Result<String> {
    let ports = Ports { zookeeper: probe::free_port()?, kafka: probe::free_port()? };
    let mut server = spawn_embedded(dir, ports)?;
    let serving = || probe::zookeeper_ready(ports.zookeeper) && probe::kafka_ready(ports.kafka, 1);
    server.wait_ready(START, serving)?;
    unknown_version_is_answered(ports.kafka)?;
    // What a first use allocates stays allocated: buffers, threads' stacks.
    let mut resident = Vec::new();
    for _ in 0..2 {
        send_all(ports, CONNECTIONS / 2).with_context(|| server.log_tail())?;
        ensure!(serving(), "other clients are not served any more:\n{}", server.log_tail());
        resident.push(resident_kib(server.id())?);
    }
    send_all(ports, CONNECTIONS).with_context(|| server.log_tail())?;
    ensure!(serving(), "other clients are not served any more:\n{}", server.log_tail());
    resident.push(resident_kib(server.id())?);
    let growth = resident[2].saturating_sub(resident[1]);
    ensure!(
        growth <= RESIDENT_GROWTH_KIB_MAX,
        "{CONNECTIONS} connections of nonsense made the server {growth} KiB larger: {resident:?}"
    );
    stop_cleanly(server)?;
    Ok(format!("  ok     {CONNECTIONS} connections of nonsense; resident KiB {resident:?}\n"))
}

fn send_all(ports: Ports, count: usize) -> Result<()> {
    for number in 0..count {
        let nonsense = &NONSENSE[number / 2 % NONSENSE.len()];
        let (port, whose) = if number % 2 == 0 { (ports.zookeeper, "ZooKeeper") } else { (ports.kafka, "Kafka") };
        send(port, nonsense).with_context(|| format!("{} to the {whose} port", nonsense.name))?;
    }
    Ok(())
}

fn send(port: u16, nonsense: &Nonsense) -> Result<()> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(END))?;
    // The server may have closed already.
    let _ = stream.write_all(nonsense.bytes);
    if nonsense.client_ends {
        return Ok(());
    }
    let mut answer = [0; 1024];
    loop {
        match stream.read(&mut answer) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return Ok(()),
            Err(error) => bail!("the connection was not ended within {END:?}: {error}"),
        }
    }
}

/// ApiVersions of a version from the future is answered in version 0 with UNSUPPORTED_VERSION (35), as KIP-511 says.
fn unknown_version_is_answered(port: u16) -> Result<()> {
    let request = [0, 18, 0, 99, 0, 0, 0, 7, 0xff, 0xff, 0];
    let answer = probe::ask_kafka(port, &request).context("ApiVersions version 99 was not answered")?;
    ensure!(answer.get(..6) == Some(&[0, 0, 0, 7, 0, 35]), "ApiVersions version 99 was answered with {answer:?}");
    Ok(())
}

fn resident_kib(id: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).context("read the server's memory")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).context("VmRSS")?;
    let number = line.split_whitespace().nth(1).context("VmRSS")?;
    number.parse().context("VmRSS")
}
