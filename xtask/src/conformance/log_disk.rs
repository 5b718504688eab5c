//! Ours with `dataLogDir` on a file system of its own, a small one in memory: nothing of the log lies elsewhere; a stop,
//! kill -9, and a disk that is full lose nothing that was acknowledged; a disk that is not mounted is no empty log.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use zk_wire::{ErrorCode, OpCode, SetDataRequest};

use super::servers::{castlekeep, stop_cleanly};
use super::zk_client::{Dump, ZkClient, differences, open_acl};
use crate::apache::{self, ZooKeeperOptions};
use crate::probe;
use crate::process::{Server, run_ok};

const DEADLINE: Duration = Duration::from_secs(30);
/// What the file system may hold.
const DISK_MIB: usize = 24;
const VALUE_BYTES: usize = 16 * 1024;
/// More than fits, so that the writes end by themselves.
const WRITES_MAX: usize = 4 * DISK_MIB * 1024 * 1024 / VALUE_BYTES;

/// Does nothing, and says so, without root.
pub fn run(dir: &Path) -> Result<String> {
    if !rustix::process::geteuid().is_root() {
        return Ok("  --     left out: mounting a file system needs root\n".into());
    }
    let place = Place { dir: dir.to_path_buf(), logs: dir.join("log-disk") };
    fs::create_dir_all(&place.logs).with_context(|| format!("create {}", place.logs.display()))?;
    let mut disk = Mounted::new(&place.logs)?;
    let mut said = restarts(&place)?;
    let (acknowledged, why) = until_full(&place)?;
    said += &format!("  ok     full: {why}\n");
    said += &with_room_again(&place, &acknowledged)?;
    disk.unmount()?;
    said += &not_mounted(&place)?;
    Ok(said)
}

struct Place {
    dir: PathBuf,
    logs: PathBuf,
}

impl Place {
    /// Starts the keeper and waits until it serves.
    fn start(&self) -> Result<(Server, u16)> {
        let (mut server, port) = self.spawn()?;
        server.wait_ready(DEADLINE, || probe::zookeeper_ready(port))?;
        Ok((server, port))
    }

    fn spawn(&self) -> Result<(Server, u16)> {
        let port = probe::free_port()?;
        let extra = format!("dataLogDir={}\npreAllocSize=256\nsnapCount=400\n", self.logs.display());
        let mut command = Command::new(castlekeep()?);
        command.arg("zookeeper").arg(apache::zoo_cfg(&self.dir, &ZooKeeperOptions { port, extra })?);
        Ok((Server::spawn("castlekeep zookeeper", command, &self.dir.join("server.log"))?, port))
    }

    fn log(&self) -> Result<String> {
        let path = self.dir.join("server.log");
        fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))
    }
}

/// A mounted file system; unmounted when dropped.
struct Mounted(Option<PathBuf>);

impl Mounted {
    fn new(at: &Path) -> Result<Self> {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={DISK_MIB}m"), "tmpfs"]).arg(at);
        run_ok(mount, "", DEADLINE)?;
        Ok(Self(Some(at.to_path_buf())))
    }

    fn unmount(&mut self) -> Result<()> {
        let Some(at) = self.0.take() else { return Ok(()) };
        let mut umount = Command::new("umount");
        umount.arg(&at);
        run_ok(umount, "", DEADLINE).map(|_| ())
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // A test that failed has said more already.
        let _ = self.unmount();
    }
}

/// A stop and a kill; snapshots on one disk, logs on the other.
fn restarts(place: &Place) -> Result<String> {
    let mut tree: Option<Dump> = None;
    let mut nodes = 0;
    for (round, killed) in [false, true, true, false].into_iter().enumerate() {
        let (server, port) = place.start()?;
        let mut client = ZkClient::connect(port)?;
        let found = client.dump()?;
        if let Some(expected) = &tree {
            let differ = differences(expected, &found);
            ensure!(differ.is_empty(), "round {round} found another tree:\n{}", differ.join("\n"));
        }
        for number in 0..300 {
            client.create(&format!("/{round}-{number}"), b"data", 0, open_acl())?;
        }
        let left = client.dump()?;
        nodes = left.len();
        tree = Some(left);
        if killed {
            server.kill();
        } else {
            client.close()?;
            stop_cleanly(server)?;
        }
    }
    let (snapshots, logs) = (names(&place.dir.join("data/version-2"))?, names(&place.logs.join("version-2"))?);
    let begins = |names: &[String], with: &str| names.iter().any(|name| name.starts_with(with));
    ensure!(begins(&logs, "log.") && !begins(&logs, "snapshot."), "among the logs: {logs:?}");
    ensure!(begins(&snapshots, "snapshot.") && !begins(&snapshots, "log."), "among the snapshots: {snapshots:?}");
    Ok(format!("  ok     four starts, two of them after kill -9: {nodes} znodes, logs and snapshots apart\n"))
}

fn names(dir: &Path) -> Result<Vec<String>> {
    let entries = fs::read_dir(dir).with_context(|| format!("list {}", dir.display()))?;
    Ok(entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect())
}

/// Writes until the server ends: which write was acknowledged last on each node, and the log's last word.
fn until_full(place: &Place) -> Result<(BTreeMap<String, Bytes>, String)> {
    let (server, port) = place.start()?;
    let mut client = ZkClient::connect(port)?;
    let mut acknowledged = BTreeMap::new();
    let mut refused = false;
    for write in 0..WRITES_MAX {
        let path = format!("/0-{}", write % 10);
        let data = Bytes::from(vec![b'a' + (write % 26) as u8; VALUE_BYTES]);
        let request = SetDataRequest { path: path.as_str().into(), data: Some(data.clone()), version: -1 };
        match client.ask(OpCode::SET_DATA, &request) {
            Ok((ErrorCode::OK, _)) => acknowledged.insert(path, data),
            Ok((error, _)) => bail!("a write to a full disk answered {error:?}"),
            Err(_) => {
                refused = true;
                break;
            }
        };
    }
    ensure!(refused, "{WRITES_MAX} writes fitted on a disk of {DISK_MIB} MiB");
    let status = server.wait(DEADLINE).context("a server whose log cannot be written stops")?;
    ensure!(!status.success(), "the server said that it ended well");
    let log = place.log()?;
    let why = log.lines().rev().find(|line| line.contains("make room on the disk"));
    let why = why.with_context(|| format!("no advice in the log, which ends:\n{}", crate::process::tail(&log, 10)))?;
    let at = why.find("cannot").unwrap_or(0);
    Ok((acknowledged, why[at..].to_owned()))
}

/// With room the server serves, and nothing acknowledged is missing.
fn with_room_again(place: &Place, acknowledged: &BTreeMap<String, Bytes>) -> Result<String> {
    // Whoever is an operator removes something; here the disk grows.
    let mut remount = Command::new("mount");
    remount.args(["-o", &format!("remount,size={}m", 2 * DISK_MIB)]).arg(&place.logs);
    run_ok(remount, "", DEADLINE)?;
    let (server, port) = place.start()?;
    let mut client = ZkClient::connect(port)?;
    let dump = client.dump()?;
    let mut later = 0;
    for (path, data) in acknowledged {
        let found = dump.get(path).and_then(|seen| seen.data.clone());
        // The write that was not acknowledged may be there too.
        if found.as_ref() != Some(data) {
            later += 1;
            ensure!(later <= 1, "{path} lost what was acknowledged");
        }
    }
    client.create("/after", b"", 0, open_acl())?;
    client.close()?;
    stop_cleanly(server)?;
    Ok(format!("  ok     with room again: {} znodes, nothing acknowledged is missing\n", dump.len()))
}

/// The folder that the disk was mounted on is empty now.
fn not_mounted(place: &Place) -> Result<String> {
    let mut notes = fs::File::options().append(true).open(place.dir.join("server.log")).context("open the log")?;
    writeln!(notes, "--- without its disk").context("write to the log")?;
    let (server, _) = place.spawn()?;
    let status = server.wait(DEADLINE).context("a server without its log's disk does not start")?;
    let log = place.log()?;
    let said = log.rsplit("--- without its disk").next().unwrap_or_default();
    ensure!(!status.success() && said.contains("mount the disk"), "a start without the log's disk said:\n{said}");
    Ok("  ok     not mounted: the start is refused\n".into())
}
