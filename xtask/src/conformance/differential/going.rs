//! Containers and TTL nodes that go by themselves: on both servers, with the same events and the same zxids.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use zk_wire::{ErrorCode, OpCode};

use super::asks::{Ask, Asks};
use super::body::Body;
use super::twin::{Hello, NAMES, Servers, Twin};
use super::values;
use crate::conformance::servers::{Make, start_keeper_with, stop_cleanly};
use crate::probe;

const DEADLINE: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(50);

/// Makes them, waits until they are gone, and compares what was told.
pub fn run(dir: &Path) -> Result<()> {
    let ports = [probe::free_port()?, probe::free_port()?];
    let extra = "extendedTypesEnabled=true\n";
    let interval = ["znode.container.checkIntervalMs=200"];
    let apache = start_keeper_with(Make::Apache, &dir.join("apache"), ports[0], extra, &interval)?;
    let ours = start_keeper_with(Make::Ours, &dir.join("ours"), ports[1], extra, &interval)?;
    let mut servers = Servers { ports, names: Default::default(), unordered: Vec::new(), forgiving: false };
    let mut twin = servers.open()?;
    let (_, session) = servers.connect(&mut twin, &Hello::plain(), None)?;
    session.context("no session on one of the servers")?;
    let mut run = Run { servers, twin };
    run.same(create(OpCode::CREATE_CONTAINER, "/unused", 4))?;
    run.same(create(OpCode::CREATE_CONTAINER, "/c", 4))?;
    run.same(create(OpCode::CREATE, "/c/child", 0))?;
    run.same(watch("/c"))?;
    run.same(delete("/c/child"))?;
    run.gone("/c")?;
    run.same(ttl("/t", 300))?;
    run.same(watch("/t"))?;
    run.gone("/t")?;
    run.same(ttl("/parent", 800))?;
    run.same(create(OpCode::CREATE, "/parent/child", 0))?;
    run.same(delete("/parent/child"))?;
    run.gone("/parent")?;
    run.same(create(OpCode::CREATE2, "/last", 0))?;
    for path in ["/", "/unused"] {
        run.same(|xid| Asks::look(OpCode::GET_CHILDREN2, path, xid))?;
    }
    stop_cleanly(ours)?;
    stop_cleanly(apache)
}

struct Run {
    servers: Servers,
    twin: Twin,
}

impl Run {
    /// A request that both servers answer alike.
    fn same(&mut self, make: impl Fn(i32) -> Ask) -> Result<()> {
        self.twin.xid += 1;
        let ask = make(self.twin.xid);
        let answered = self.servers.exchange(&mut self.twin, std::slice::from_ref(&ask))?.pop();
        let answered = answered.context("an exchange of one request has one answer")?;
        ensure!(answered.same(), "{}: {:#?}", ask.about, answered.shown);
        Ok(())
    }

    /// Waits until a node is gone on both servers. The events on the way are the same, whenever they come.
    fn gone(&mut self, path: &str) -> Result<()> {
        let started = Instant::now();
        let mut told = [Vec::new(), Vec::new()];
        loop {
            self.twin.xid += 1;
            let ask = exists(path, 0)(self.twin.xid);
            let answered = self.servers.exchange(&mut self.twin, std::slice::from_ref(&ask))?.pop();
            let answered = answered.context("an exchange of one request has one answer")?;
            let mut gone = true;
            for (told, shown) in told.iter_mut().zip(answered.shown) {
                let (events, reply) = shown.split_at(shown.len().saturating_sub(1));
                told.extend_from_slice(events);
                gone &= reply.iter().any(|reply| reply.contains(&ErrorCode::NO_NODE.to_string()));
            }
            if gone {
                ensure!(told[0] == told[1], "events when {path} went: {NAMES:?} {told:#?}");
                return Ok(());
            }
            ensure!(started.elapsed() < DEADLINE, "{path} is still there on one of the servers");
            std::thread::sleep(POLL);
        }
    }
}

fn create(opcode: OpCode, path: &str, flags: i32) -> impl Fn(i32) -> Ask {
    let body = Body::new().text(path).buffer(Some(b"x")).list(&values::open()).int(flags);
    plain(opcode, body, path)
}

fn ttl(path: &str, ttl_ms: i64) -> impl Fn(i32) -> Ask {
    let body = Body::new().text(path).buffer(None).list(&values::open()).int(5).long(ttl_ms);
    plain(OpCode::CREATE_TTL, body, path)
}

fn delete(path: &str) -> impl Fn(i32) -> Ask {
    plain(OpCode::DELETE, Body::new().text(path).int(-1), path)
}

fn watch(path: &str) -> impl Fn(i32) -> Ask {
    exists(path, 1)
}

fn exists(path: &str, watch: u8) -> impl Fn(i32) -> Ask {
    plain(OpCode::EXISTS, Body::new().text(path).byte(watch), path)
}

fn plain(opcode: OpCode, body: Body, path: &str) -> impl Fn(i32) -> Ask {
    let about = format!("{} {path:?}", opcode.name());
    move |xid| Ask::plain(opcode, body.clone(), about.clone(), xid)
}
