//! The keeper's loop in a world whose jobs run when the test says so.

#[path = "support/failing_disk.rs"]
mod failing_disk;

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;

use base::{Instant, Now, Prng};
use bytes::{Bytes, BytesMut};
use driver::keeper_loop::{
    EnsembleConfig, KeeperDone, KeeperFatal, KeeperInput, KeeperLoop, KeeperLoopConfig, KeeperNote, KeeperWorld,
};
use driver::world::{Job, Lane, World};
use keeper::{CloseReason, ConnId, Event, Recovery};
use storage::disk::Disk;
use storage::file_disk::FileDisk;
use storage::zk::names::Compression;
use zab::packet::{LearnerKind, ToLeader, ToLearner};
use zab::{Link, QuorumVerifier, Standing};
use zk_wire::snapshot::{SnapshotDecoder, SnapshotRecord};
use zk_wire::{Acl, ConnectRequest, CreateRequest, Epoch, Id, Jute, OpCode, RequestHeader, SessionId, Zxid};

use self::failing_disk::FailingDisk;

struct TestWorld {
    now_ms: u64,
    disk: FailingDisk,
    jobs: VecDeque<(Lane, Job<KeeperDone<FailingDisk>>)>,
    /// (connection, xid); connect responses count as xid 0.
    sent: Vec<(u64, i32)>,
    notes: Vec<String>,
    closed: Vec<(u64, CloseReason)>,
    answers: Vec<(u64, Result<String, String>)>,
    fatal: Option<String>,
    /// What was streamed to learners; the last piece is there when this ends.
    stream: BytesMut,
    stream_ended: bool,
}

impl World for TestWorld {
    type Disk = FailingDisk;
    type Done = KeeperDone<FailingDisk>;

    fn now(&self) -> Now {
        Now { mono: Instant::from_millis(self.now_ms), wall_ms: 1_000_000 + self.now_ms as i64 }
    }
    fn disk(&self) -> &FailingDisk {
        &self.disk
    }
    fn offload(&mut self, lane: Lane, job: Job<Self::Done>) {
        self.jobs.push_back((lane, job));
    }
}

impl KeeperWorld<FailingDisk> for TestWorld {
    fn send(&mut self, conn: ConnId, frame: Bytes) {
        self.sent.push((conn.0, i32::from_be_bytes(frame[..4].try_into().unwrap())));
    }
    fn established(&mut self, _conn: ConnId, _session: SessionId, _timeout_ms: i32) {}
    fn close(&mut self, conn: ConnId, reason: CloseReason) {
        self.closed.push((conn.0, reason));
    }
    fn snapshot_taken(&mut self, asked: u64, result: Result<PathBuf, String>) {
        self.answers.push((asked, result.map(|path| path.file_name().unwrap().to_string_lossy().into_owned())));
    }
    fn restored(&mut self, asked: u64, result: Result<Zxid, String>) {
        self.answers.push((asked, result.map(|zxid| zxid.to_string())));
    }
    fn note(&mut self, note: KeeperNote) {
        self.notes.push(format!("{note:?}"));
    }
    fn fatal(&mut self, error: KeeperFatal) {
        self.fatal = Some(format!("{}: {}", error.what, error.error));
    }
    fn to_learner(&mut self, _link: Link, _packet: &ToLearner) {}
    fn begin_stream(&mut self, _link: Link) {}
    fn send_stream(&mut self, _link: Link, chunk: Bytes, last: bool) {
        self.stream.extend_from_slice(&chunk);
        self.stream_ended = last;
    }
    fn standing(&mut self, _standing: Standing) {}
    fn leads(&mut self, _leads: bool) {}
}

struct Scene {
    world: TestWorld,
    keeper_loop: KeeperLoop<FailingDisk>,
}

impl Scene {
    fn new(dir: &Path, snap_count: u64) -> Self {
        Self::with(dir, |config| config.keeper.snap_count = snap_count)
    }

    fn with(dir: &Path, change: impl FnOnce(&mut KeeperLoopConfig)) -> Self {
        let mut world = TestWorld {
            now_ms: 0,
            disk: FailingDisk::default(),
            jobs: VecDeque::new(),
            sent: Vec::new(),
            notes: Vec::new(),
            closed: Vec::new(),
            answers: Vec::new(),
            fatal: None,
            stream: BytesMut::new(),
            stream_ended: false,
        };
        let mut config = KeeperLoopConfig::new(dir);
        change(&mut config);
        let keeper_loop = KeeperLoop::open(&mut world, config, Prng::new(7)).unwrap();
        Self { world, keeper_loop }
    }

    fn turn(&mut self, events: Vec<Event>) {
        let mut inputs = events.into_iter().map(KeeperInput::Event).collect();
        self.keeper_loop.turn(&mut self.world, &mut inputs);
    }

    /// Runs the oldest job and gives its result to the loop; false when there is none.
    fn job(&mut self) -> bool {
        let Some((_, job)) = self.world.jobs.pop_front() else { return false };
        let done = job();
        self.keeper_loop.turn(&mut self.world, &mut vec![KeeperInput::Done(done)]);
        true
    }

    fn all_jobs(&mut self) {
        while self.job() {}
    }

    fn lanes(&self) -> Vec<Lane> {
        self.world.jobs.iter().map(|(lane, _)| *lane).collect()
    }

    fn sent(&mut self) -> Vec<(u64, i32)> {
        std::mem::take(&mut self.world.sent)
    }

    fn connected(&mut self, conn: u64) {
        self.turn(vec![connect(conn)]);
        assert_eq!(self.sent(), [], "a session is a write too");
        self.all_jobs();
        assert_eq!(self.sent(), [(conn, 0)]);
    }

    fn has(&self, path: &str) -> bool {
        self.keeper_loop.keeper().with(|keeper| keeper.tree().get(path).is_some())
    }
}

fn connect(conn: u64) -> Event {
    let passwd = Bytes::from_static(&[0; 16]).into();
    let request = ConnectRequest { timeout_ms: 30_000, passwd, read_only: Some(false), ..ConnectRequest::default() };
    Event::Connect { conn: ConnId(conn), peer: IpAddr::V4(Ipv4Addr::LOCALHOST), request }
}

fn create(conn: u64, xid: i32) -> Event {
    let open = Acl { perms: 31, id: Id { scheme: "world".into(), id: "anyone".into() } };
    let path = format!("/n{conn}-{xid}");
    let body = CreateRequest { path: path.as_str().into(), acl: Some(vec![open]), ..CreateRequest::default() };
    let header = RequestHeader { xid, opcode: OpCode::CREATE.0 };
    Event::Request { conn: ConnId(conn), header, body: body.to_bytes() }
}

#[test]
fn replies_leave_behind_the_sync_and_the_next_group_collects_meanwhile() {
    let dir = tempfile::tempdir().unwrap();
    let mut scene = Scene::new(dir.path(), 100_000);
    scene.connected(1);
    scene.turn(vec![create(1, 1), create(1, 2)]);
    assert_eq!(scene.lanes(), [Lane::Sync]);
    scene.turn(vec![create(1, 3)]);
    scene.turn(vec![create(1, 4)]);
    assert_eq!((scene.lanes(), scene.sent()), (vec![Lane::Sync], vec![]), "one group at a time, nothing answered");
    scene.job();
    assert_eq!(scene.sent(), [(1, 1), (1, 2)]);
    assert_eq!(scene.lanes(), [Lane::Sync], "what collected is one group");
    scene.job();
    assert_eq!(scene.sent(), [(1, 3), (1, 4)]);
}

#[test]
fn a_failed_sync_answers_nothing_and_stops_everything() {
    let dir = tempfile::tempdir().unwrap();
    let mut scene = Scene::new(dir.path(), 100_000);
    scene.connected(1);
    scene.world.disk.fails.store(true, Ordering::Relaxed);
    scene.turn(vec![create(1, 1)]);
    scene.job();
    assert!(scene.world.fatal.as_ref().is_some_and(|fatal| fatal.starts_with("write the transaction log")));
    assert!(scene.keeper_loop.is_stopped());
    // The disk seems well again; it is not believed.
    scene.world.disk.fails.store(false, Ordering::Relaxed);
    scene.turn(vec![create(1, 2)]);
    assert_eq!((scene.sent(), scene.lanes()), (vec![], vec![]));
    assert_eq!(scene.keeper_loop.deadline(), None);
}

#[test]
fn a_stop_answers_what_was_logged_and_nothing_later() {
    let dir = tempfile::tempdir().unwrap();
    let mut scene = Scene::new(dir.path(), 100_000);
    scene.connected(1);
    scene.turn(vec![create(1, 1)]);
    scene.turn(vec![create(1, 2)]);
    scene.keeper_loop.shut_down(&mut scene.world);
    scene.turn(vec![create(1, 3)]);
    scene.all_jobs();
    assert_eq!(scene.sent(), [(1, 1), (1, 2)]);
    assert!(scene.keeper_loop.is_stopped());
    drop(scene);
    let scene = Scene::new(dir.path(), 100_000);
    assert_eq!(scene.world.notes, [""; 0], "a clean stop leaves nothing to mention");
    assert!(scene.has("/n1-1") && scene.has("/n1-2") && !scene.has("/n1-3"));
}

#[test]
fn writes_go_on_between_the_chunks_of_a_snapshot() {
    let dir = tempfile::tempdir().unwrap();
    let mut scene = Scene::new(dir.path(), 20);
    scene.connected(1);
    scene.world.now_ms = 10_000;
    let mut xid = 0;
    let mut beside_a_snapshot = 0;
    while !scene.world.notes.iter().any(|note| note.starts_with("SnapshotWritten")) {
        assert!(xid < 100, "no snapshot was written");
        xid += 1;
        scene.turn(vec![create(1, xid)]);
        if scene.lanes().contains(&Lane::Bulk) {
            beside_a_snapshot += 1;
        }
        scene.job();
    }
    scene.all_jobs();
    assert!(beside_a_snapshot > 1);
    assert_eq!(scene.sent().len(), xid as usize);
    let names = FileDisk.list(&dir.path().join("version-2")).unwrap();
    assert!(names.iter().filter(|name| name.starts_with("snapshot.")).count() >= 2, "{names:?}");
    assert!(names.iter().filter(|name| name.starts_with("log.")).count() >= 2, "the log rolls: {names:?}");
    drop(scene);
    let scene = Scene::new(dir.path(), 20);
    assert!((1..=xid).all(|n| scene.has(&format!("/n1-{n}"))));
}

#[test]
fn the_floor_is_raised_a_few_times_a_second() {
    let dir = tempfile::tempdir().unwrap();
    let mut scene = Scene::new(dir.path(), 100_000);
    scene.connected(1);
    let bulk = |scene: &Scene| scene.lanes().iter().filter(|lane| **lane == Lane::Bulk).count();
    scene.world.now_ms = 1000;
    scene.turn(vec![create(1, 1)]);
    scene.all_jobs();
    scene.turn(vec![create(1, 2)]);
    scene.job();
    assert_eq!(bulk(&scene), 0, "not again within the interval");
    let deadline = scene.keeper_loop.deadline().unwrap();
    assert!(deadline <= Instant::from_millis(1250), "{deadline:?}");
    scene.world.now_ms = 1250;
    scene.turn(vec![]);
    assert_eq!(bulk(&scene), 1);
}

#[test]
fn a_group_waits_for_more_when_it_is_told_to() {
    let dir = tempfile::tempdir().unwrap();
    let mut scene = Scene::with(dir.path(), |config| {
        config.flush_delay = Duration::from_millis(20);
        config.batch_entries_max = 3;
    });
    scene.turn(vec![connect(1)]);
    assert_eq!(scene.lanes(), []);
    assert_eq!(scene.keeper_loop.deadline(), Some(Instant::from_millis(20)));
    scene.world.now_ms = 20;
    scene.turn(vec![]);
    assert_eq!(scene.lanes(), [Lane::Sync], "the time is over");
    scene.all_jobs();
    scene.sent();
    scene.turn(vec![create(1, 1), create(1, 2)]);
    assert_eq!(scene.lanes(), []);
    scene.turn(vec![create(1, 3)]);
    assert_eq!(scene.lanes(), [Lane::Sync], "enough for a group");
    scene.job();
    assert_eq!(scene.sent(), [(1, 1), (1, 2), (1, 3)]);
    scene.turn(vec![create(1, 4)]);
    scene.keeper_loop.shut_down(&mut scene.world);
    scene.all_jobs();
    assert_eq!(scene.sent(), [(1, 4)], "nothing more can come");
    assert!(scene.keeper_loop.is_stopped());
}

#[test]
fn purges_go_by_the_clock_and_snapshots_are_compressed() {
    let dir = tempfile::tempdir().unwrap();
    let mut scene = Scene::with(dir.path(), |config| {
        config.keeper.snap_count = 4;
        config.retain = Some(3);
        config.purge_interval = Some(Duration::from_secs(3600));
        config.compression = Compression::Gzip;
    });
    scene.connected(1);
    for xid in 1..=40 {
        scene.turn(vec![create(1, xid)]);
        scene.all_jobs();
    }
    let snapshots = || {
        let names = std::fs::read_dir(dir.path().join("version-2")).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with("snapshot.")).collect::<Vec<_>>()
    };
    let all = snapshots();
    assert!(all.len() > 6, "nothing is purged before its time: {all:?}");
    assert_eq!(all.iter().filter(|name| !name.ends_with(".gz")).count(), 1, "the first of a new folder: {all:?}");
    scene.world.now_ms = 3_600_000;
    scene.turn(vec![]);
    scene.all_jobs();
    assert_eq!(snapshots().len(), 3);
    drop(scene);
    let scene = Scene::with(dir.path(), |config| config.keeper.snap_count = 4);
    assert!((1..=40).all(|xid| scene.has(&format!("/n1-{xid}"))));
}

/// The newest snapshot in a folder, as a state to restore.
fn newest(dir: &Path) -> Box<Recovery> {
    let names = storage::zk::names::snapshots(&FileDisk, &dir.join("version-2")).unwrap();
    let bytes = std::fs::read(&names[0].path).unwrap();
    let recovery = Recovery::new(keeper::Config::default(), Prng::new(1));
    Box::new(storage::zk::stream::recover(bytes.as_slice(), 1 << 20, 1 << 30, recovery).unwrap())
}

impl Scene {
    fn input(&mut self, input: KeeperInput<FailingDisk>) {
        self.keeper_loop.turn(&mut self.world, &mut vec![input]);
    }

    fn answers(&mut self) -> Vec<(u64, Result<String, String>)> {
        std::mem::take(&mut self.world.answers)
    }
}

#[test]
fn a_snapshot_that_is_asked_for_holds_everything_up_to_then() {
    let dir = tempfile::tempdir().unwrap();
    let mut scene = Scene::new(dir.path(), 100_000);
    scene.connected(1);
    scene.input(KeeperInput::TakeSnapshot(1));
    scene.turn(vec![create(1, 1)]);
    // The one under way may not have the node: a second one follows.
    scene.input(KeeperInput::TakeSnapshot(2));
    scene.input(KeeperInput::TakeSnapshot(3));
    scene.all_jobs();
    let [first, second] = ["snapshot.1", "snapshot.2"].map(|name| Ok(name.to_string()));
    assert_eq!(scene.answers(), [(1, first), (2, second.clone()), (3, second)]);
}

#[test]
fn a_restored_state_takes_the_place_of_a_later_one_and_stays_there() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut scene = Scene::new(other.path(), 100_000);
    scene.connected(1);
    scene.turn(vec![create(1, 7)]);
    scene.all_jobs();
    scene.input(KeeperInput::TakeSnapshot(0));
    scene.all_jobs();
    drop(scene);

    let mut scene = Scene::new(dir.path(), 100_000);
    scene.connected(1);
    scene.turn(vec![create(1, 1), create(1, 2), create(1, 3)]);
    scene.input(KeeperInput::Restore(5, newest(other.path())));
    scene.input(KeeperInput::Restore(6, newest(other.path())));
    assert!(!scene.keeper_loop.wants_events() && scene.lanes() == [Lane::Sync], "what is under way comes first");
    let [(6, Err(busy))] = &scene.answers()[..] else { panic!("only one restore at a time") };
    assert!(busy.contains("another restore"), "{busy}");
    scene.job();
    assert_eq!(scene.sent(), [(1, 1), (1, 2), (1, 3)]);
    assert!(scene.has("/n1-3"), "the old state is served until the new one is durable");
    scene.all_jobs();
    assert_eq!(scene.answers(), [(5, Ok("0x5".into()))], "behind all that this folder has seen");
    assert_eq!(scene.world.closed, [(1, CloseReason::Restored)]);
    assert!(scene.has("/n1-7") && !scene.has("/n1-3") && scene.keeper_loop.wants_events());
    // No stop: as after a crash.
    drop(scene);
    let mut scene = Scene::new(dir.path(), 100_000);
    assert!(scene.has("/n1-7") && !scene.has("/n1-3"));
    scene.connected(2);
    scene.turn(vec![create(2, 1)]);
    scene.all_jobs();
    drop(scene);
    let scene = Scene::new(dir.path(), 100_000);
    assert!(scene.has("/n1-7") && scene.has("/n2-1") && !scene.has("/n1-3"));
    assert_eq!(scene.world.notes, [""; 0]);
}

#[test]
fn a_crash_before_the_restored_state_is_durable_leaves_the_old_one() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut scene = Scene::new(other.path(), 100_000);
    scene.input(KeeperInput::TakeSnapshot(0));
    scene.all_jobs();
    drop(scene);
    let mut scene = Scene::new(dir.path(), 100_000);
    scene.connected(1);
    scene.turn(vec![create(1, 1)]);
    scene.all_jobs();
    scene.input(KeeperInput::Restore(5, newest(other.path())));
    assert!(scene.lanes().contains(&Lane::Bulk), "its snapshot is about to be written");
    drop(scene);
    assert!(Scene::new(dir.path(), 100_000).has("/n1-1"));
}

#[test]
fn a_small_state_goes_to_a_learner_as_it_is_at_one_transaction() {
    let dir = tempfile::tempdir().unwrap();
    let mut scene = Scene::with(dir.path(), |config| {
        config.ensemble = Some(EnsembleConfig {
            zab: zab::Config { force_snapshot_sync: true, ..zab::Config::new(1) },
            verifier: QuorumVerifier::majority([1]),
            config_text: "version=0".into(),
            next_text: None,
        });
    });
    while !scene.keeper_loop.keeper().with(keeper::Keeper::serves) {
        scene.turn(vec![]);
        scene.all_jobs();
    }
    scene.connected(1);
    scene.turn(vec![create(1, 1)]);
    scene.all_jobs();
    let link = Link(9);
    let said = |packet| Event::Ensemble(zab::Event::FromLearner { link, packet });
    let info = ToLeader::Info { kind: LearnerKind::Follower, sid: 2, accepted: Epoch(0), config_version: 0 };
    scene.turn(vec![Event::Ensemble(zab::Event::LearnerConnected { link }), said(info)]);
    // A write becomes durable in the very turn in which the learner is to get the state.
    scene.turn(vec![create(1, 2)]);
    let (_, job) = scene.world.jobs.pop_front().unwrap();
    let accepts = said(ToLeader::AckEpoch { last: Zxid::ZERO, current: Some(Epoch(0)) });
    let mut inputs = vec![KeeperInput::Event(accepts), KeeperInput::Done(job())];
    scene.keeper_loop.turn(&mut scene.world, &mut inputs);
    assert!(scene.has("/n1-2") && scene.world.stream_ended);
    let mut decoder = SnapshotDecoder::new(1 << 20);
    decoder.feed(scene.world.stream.split().freeze());
    let mut last = Zxid::ZERO;
    loop {
        match decoder.next().unwrap().expect("a whole snapshot") {
            SnapshotRecord::Session(_) | SnapshotRecord::Acl(_) => {}
            SnapshotRecord::Node(_, node) => last = last.max(node.stat.pzxid),
            SnapshotRecord::End => break,
        }
    }
    let first = scene.keeper_loop.keeper().with(|keeper| keeper.tree().get("/n1-1").unwrap().numbers().czxid);
    assert_eq!(last, first, "nothing of what came behind it");
}
