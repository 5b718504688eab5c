//! Three keepers in this process, on loopback: they elect, serve, lose their leader and go on.

mod quorum;
mod zk;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use keeper::membership::Membership;
use quorum::links::Links;
use quorum::{PATIENCE, member, membership};
use server::zk::{ZkServerConfig, ZkServerHandle};
use tempfile::TempDir;
use zk::Client;
use zk_wire::{ErrorCode, Jute as _, OpCode};

/// An ensemble; a member that was stopped has no handle.
struct Ensemble {
    membership: Membership,
    /// What a member takes for the membership, when that is something else.
    views: BTreeMap<i64, Membership>,
    dirs: Vec<TempDir>,
    servers: Vec<Option<ZkServerHandle>>,
    keeper: keeper::Config,
    observer_master_port: Option<u16>,
}

impl Ensemble {
    async fn start(count: i64) -> Self {
        Self::with(membership(count)).await
    }

    async fn with(membership: Membership) -> Self {
        Self::configured(membership, keeper::Config::default()).await
    }

    async fn configured(membership: Membership, keeper: keeper::Config) -> Self {
        let mut ensemble = Self::at_rest(membership, keeper);
        ensemble.revive_all().await;
        ensemble
    }

    fn at_rest(membership: Membership, keeper: keeper::Config) -> Self {
        let dirs = membership.members.keys().map(|_| tempfile::tempdir().unwrap()).collect();
        let servers = membership.members.keys().map(|_| None).collect();
        Self { servers, membership, views: BTreeMap::new(), dirs, keeper, observer_master_port: None }
    }

    async fn revive_all(&mut self) {
        let ensemble = self;
        for sid in ensemble.membership.members.keys().copied().collect::<Vec<_>>() {
            ensemble.revive(sid).await;
        }
    }

    async fn revive(&mut self, sid: i64) {
        let index = self.index(sid);
        let mut config = ZkServerConfig::embedded(self.dirs[index].path(), 0);
        config.store.keeper = self.keeper.clone();
        config.store.keeper.tick_time_ms = 200;
        config.store.keeper.server_id = u8::try_from(sid).unwrap();
        let mut seat = member(sid, self.views.get(&sid).unwrap_or(&self.membership));
        seat.peer.tick = Duration::from_millis(200);
        seat.observer_master_port = self.observer_master_port;
        seat.peer.observer_master = self.observer_master_port.is_some();
        config.member = Some(seat);
        self.servers[index] = Some(server::zk::start(config).await.expect("a member starts"));
    }

    /// As kill -9 would.
    async fn kill(&mut self, sid: i64) {
        let index = self.index(sid);
        self.servers[index].take().expect("it runs").abort().await.unwrap();
    }

    fn index(&self, sid: i64) -> usize {
        self.membership.members.keys().position(|member| *member == sid).expect("a member")
    }

    fn addr(&self, sid: i64) -> SocketAddr {
        self.servers[self.index(sid)].as_ref().expect("it runs").local_addrs()[0]
    }

    fn running(&self) -> Vec<i64> {
        let sids = self.membership.members.keys().copied();
        sids.filter(|sid| self.servers[self.index(*sid)].is_some()).collect()
    }

    fn mode(&self, sid: i64) -> Option<String> {
        let text = zk::word(self.addr(sid), "srvr");
        text.lines().find_map(|line| line.strip_prefix("Mode: ")).map(str::to_string)
    }

    /// Waits until all that run serve and one of them leads; which.
    async fn leader(&self) -> i64 {
        let sids = self.running();
        until("a leader that all follow", || {
            let modes: Vec<Option<String>> = sids.iter().map(|sid| self.mode(*sid)).collect();
            let leads = |mode: &Option<String>| mode.as_deref() == Some("leader");
            let settled = modes.iter().all(Option::is_some) && modes.iter().filter(|mode| leads(mode)).count() == 1;
            settled.then(|| sids[modes.iter().position(leads).expect("there is one")])
        })
    }

    async fn stop(mut self) {
        for server in self.servers.iter_mut().filter_map(Option::take) {
            server.shutdown().await.unwrap();
        }
    }
}

/// Asks again and again, for as long as anything may take.
fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(began.elapsed() < PATIENCE, "no {what} within {PATIENCE:?}");
        // Between two questions.
        std::thread::park_timeout(Duration::from_millis(10));
    }
}

/// What a client sees that has just connected and asked for all that is committed.
fn read(addr: SocketAddr, path: &str) -> Result<Bytes, i32> {
    let mut client = Client::new(addr);
    assert_eq!(client.call(OpCode::SYNC, &zk_wire::SyncRequest { path: path.into() }.to_bytes()).0.err, 0);
    client.get(path)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_on_any_member_is_seen_on_all() {
    let ensemble = Ensemble::start(3).await;
    ensemble.leader().await;
    for writer in 1..=3 {
        let path = format!("/from-{writer}");
        let mut client = Client::new(ensemble.addr(writer));
        assert_eq!(client.create(&path, b"data", 0), 0);
        assert_eq!(client.get(&path), Ok(Bytes::from_static(b"data")), "a client sees its own write");
        assert_eq!(client.create(&path, b"data", 0), ErrorCode::NODE_EXISTS.0);
        for reader in 1..=3 {
            assert_eq!(read(ensemble.addr(reader), &path), Ok(Bytes::from_static(b"data")), "{writer} {reader}");
        }
    }
    ensemble.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_leader_the_rest_elects_another_and_keeps_what_was_acknowledged() {
    let mut ensemble = Ensemble::start(3).await;
    let mut acknowledged = 0;
    for round in 0..3 {
        let leader = ensemble.leader().await;
        let mut client = Client::new(ensemble.addr(leader));
        for _ in 0..20 {
            assert_eq!(client.create(&format!("/n{acknowledged}"), b"", 0), 0);
            acknowledged += 1;
        }
        ensemble.kill(leader).await;
        let next = ensemble.leader().await;
        assert_ne!(next, leader, "round {round}");
        let mut client = Client::new(ensemble.addr(next));
        for n in 0..acknowledged {
            assert!(client.get(&format!("/n{n}")).is_ok(), "round {round}: /n{n} is lost");
        }
        assert_eq!(client.create(&format!("/n{acknowledged}"), b"", 0), 0);
        acknowledged += 1;
        ensemble.revive(leader).await;
        ensemble.leader().await;
        assert!(read(ensemble.addr(leader), &format!("/n{}", acknowledged - 1)).is_ok(), "it has caught up");
    }
    ensemble.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_whose_folder_is_lost_gets_a_snapshot() {
    let mut ensemble = Ensemble::start(3).await;
    let leader = ensemble.leader().await;
    let mut client = Client::new(ensemble.addr(leader));
    for n in 0..300 {
        assert_eq!(client.create(&format!("/n{n}"), &[7; 2000], 0), 0);
    }
    let wiped = 1;
    ensemble.kill(wiped).await;
    ensemble.dirs[0] = tempfile::tempdir().unwrap();
    for n in 300..900 {
        assert_eq!(client.create(&format!("/n{n}"), &[7; 2000], 0), 0);
    }
    ensemble.revive(wiped).await;
    ensemble.leader().await;
    for n in [0, 299, 300, 899] {
        assert_eq!(read(ensemble.addr(wiped), &format!("/n{n}")), Ok(Bytes::from_static(&[7; 2000])));
    }
    ensemble.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_three_serves_nobody() {
    let mut ensemble = Ensemble::start(3).await;
    let leader = ensemble.leader().await;
    let last = if leader == 1 { 2 } else { 1 };
    for sid in (1..=3).filter(|sid| *sid != last) {
        ensemble.kill(sid).await;
    }
    let addr = ensemble.addr(last);
    let not_serving = "This ZooKeeper instance is not currently serving requests\n";
    until("end of the service", || (zk::word(addr, "srvr") == not_serving).then_some(()));
    assert_eq!(zk::word(addr, "ruok"), "imok");
    assert_eq!(zk::word(addr, "isro"), "null");
    let mut socket = zk::connect(addr);
    let request = zk_wire::frame::with_length(&zk_wire::ConnectRequest::default().to_bytes());
    std::io::Write::write_all(&mut socket, &request).unwrap();
    assert!(zk::read_frame(&mut socket).is_none(), "whoever connects is closed without an answer");
    ensemble.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_observer_serves_and_does_not_count() {
    let mut membership = membership(4);
    let line = membership.members[&4].to_string().replace("participant", "observer");
    membership.add("server.4", &line).unwrap();
    let mut ensemble = Ensemble::with(membership).await;
    let leader = ensemble.leader().await;
    assert_eq!(ensemble.mode(4).as_deref(), Some("observer"));
    let mut client = Client::new(ensemble.addr(4));
    assert_eq!(client.create("/a", b"1", 0), 0);
    assert_eq!(client.get("/a"), Ok(Bytes::from_static(b"1")));
    let leader_says = zk::word(ensemble.addr(leader), "mntr");
    for line in [
        "zk_server_state\tleader",
        "zk_peer_state\tleading - broadcast",
        "zk_quorum_size\t3",
        "zk_learners\t3",
        "zk_synced_followers\t2",
        "zk_synced_observers\t1",
        "zk_synced_non_voting_followers\t0",
    ] {
        assert!(leader_says.lines().any(|said| said == line), "{line} is not in\n{leader_says}");
    }
    // Two voters and the observer are no quorum of three without one of both.
    let voters: Vec<i64> = (1..=3).filter(|sid| *sid != leader).collect();
    ensemble.kill(leader).await;
    ensemble.leader().await;
    ensemble.kill(voters[0]).await;
    let addr = ensemble.addr(4);
    until("end of the service", || ensemble.mode(4).is_none().then_some(()));
    assert_eq!(zk::word(addr, "ruok"), "imok");
    ensemble.stop().await;
}

/// Whom an observer learns from.
fn master_of(ensemble: &Ensemble, observer: i64) -> Option<i64> {
    let says = zk::word(ensemble.addr(observer), "mntr");
    says.lines().find_map(|line| line.strip_prefix("zk_observer_master_id\t"))?.parse().ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_observer_learns_from_a_follower_and_from_another_server_when_that_is_gone() {
    // All have one port in common, so each needs an address of its own.
    let mut lines = Membership::default();
    for (sid, member) in membership(4).members {
        let role = if sid == 4 { "observer" } else { "participant" };
        let line = member.to_string().replace("127.0.0.1", &format!("127.0.0.{sid}")).replace("participant", role);
        lines.add(&format!("server.{sid}"), &line).unwrap();
    }
    let mut ensemble = Ensemble::at_rest(lines, keeper::Config::default());
    ensemble.observer_master_port = Some(quorum::free_port());
    ensemble.revive_all().await;
    let leader = ensemble.leader().await;
    let observer = ensemble.addr(4);
    let master = until("a follower that is observed", || master_of(&ensemble, 4).filter(|master| *master != leader));
    let master_says = zk::word(ensemble.addr(master), "mntr");
    assert!(master_says.lines().any(|line| line == "zk_synced_observers\t1"), "{master_says}");

    // REQUEST, SYNC and REVALIDATE go through the follower.
    let mut client = Client::new(observer);
    assert_eq!(client.create("/a", b"1", 0), 0);
    assert_eq!(client.create("/mine", b"", 1), 0);
    assert_eq!(read(observer, "/a"), Ok(Bytes::from_static(b"1")));
    let request = zk_wire::ConnectRequest {
        timeout_ms: client.session.timeout_ms,
        session: client.session.session,
        passwd: client.session.passwd.clone(),
        ..zk_wire::ConnectRequest::default()
    };
    drop(client);
    let mut client = Client::resume(observer, &request);
    assert_eq!(client.session.session, request.session, "the session goes on");
    assert_eq!(client.call(OpCode::CLOSE_SESSION, b"").0.err, 0);
    assert_eq!(read(ensemble.addr(leader), "/mine"), Err(ErrorCode::NO_NODE.0), "its node went with it");

    ensemble.kill(master).await;
    until("another server that is observed", || {
        let observes = ensemble.mode(4).as_deref() == Some("observer");
        master_of(&ensemble, 4).filter(|now| observes && *now != master)
    });
    let mut client = Client::new(observer);
    assert_eq!(client.create("/b", b"2", 0), 0);
    assert_eq!(read(ensemble.addr(leader), "/b"), Ok(Bytes::from_static(b"2")));
    ensemble.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_lacks_more_than_the_window_gets_it_from_the_log() {
    let mut ensemble = Ensemble::start(3).await;
    let leader = ensemble.leader().await;
    let behind = if leader == 1 { 2 } else { 1 };
    let mut client = Client::new(ensemble.addr(leader));
    for n in 0..20 {
        assert_eq!(client.create(&format!("/large{n}"), &vec![7; 100_000], 0), 0);
    }
    // What is weighed against must have been written.
    let server = ensemble.servers[ensemble.index(leader)].as_ref().expect("it runs");
    server.admin().take_snapshot().await.unwrap();
    ensemble.kill(behind).await;
    for n in 0..600 {
        assert_eq!(client.create(&format!("/n{n}"), b"", 0), 0);
    }
    let counted = |name: &str| -> u64 {
        let says = zk::word(ensemble.addr(leader), "mntr");
        let number = says.lines().find_map(|line| line.strip_prefix(&format!("zk_{name}\t"))).map(str::parse);
        number.unwrap_or_else(|| panic!("no {name} in\n{says}")).unwrap()
    };
    let (diffs, snaps) = (counted("diff_count"), counted("snap_count"));
    ensemble.revive(behind).await;
    ensemble.leader().await;
    assert_eq!(read(ensemble.addr(behind), "/n599"), Ok(Bytes::new()));
    let says = zk::word(ensemble.addr(leader), "mntr");
    for line in [format!("zk_diff_count\t{}", diffs + 1), format!("zk_snap_count\t{snaps}")] {
        assert!(says.lines().any(|said| said == line), "{line} is not in\n{says}");
    }
    ensemble.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn conf_shows_the_membership() {
    let ensemble = Ensemble::start(3).await;
    ensemble.leader().await;
    let conf = zk::word(ensemble.addr(2), "conf");
    let own = &ensemble.membership.members[&2].addresses[0];
    let expected = format!(
        "serverId=2\ninitLimit=10\nsyncLimit=5\nelectionAlg=3\nelectionPort={}\nquorumPort={}\npeerType=0\nmembership: \n{}",
        own.election_port, own.quorum_port, ensemble.membership
    );
    assert!(conf.ends_with(&expected), "{conf}\ndoes not end with\n{expected}");
    ensemble.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_leader_reads_are_served_to_whoever_is_content_with_them() {
    let config = keeper::Config { read_only_enabled: true, ..keeper::Config::default() };
    let mut ensemble = Ensemble::configured(membership(3), config).await;
    let leader = ensemble.leader().await;
    let mut client = Client::new(ensemble.addr(leader));
    assert_eq!(client.create("/a", b"1", 0), 0);
    let last = if leader == 1 { 2 } else { 1 };
    assert_eq!(read(ensemble.addr(last), "/a"), Ok(Bytes::from_static(b"1")));
    let others: Vec<i64> = (1..=3).filter(|sid| *sid != last).collect();
    for sid in &others {
        ensemble.kill(*sid).await;
    }
    let addr = ensemble.addr(last);
    until("read-only mode", || (zk::word(addr, "isro") == "ro").then_some(()));
    assert_eq!(ensemble.mode(last).as_deref(), Some("read-only"));
    assert!(zk::word(addr, "srvr").contains("READ-ONLY mode; serving only read-only clients\n"));
    let request = |read_only| zk_wire::ConnectRequest {
        timeout_ms: 30_000,
        passwd: Bytes::from_static(&[0; 16]).into(),
        read_only: Some(read_only),
        ..zk_wire::ConnectRequest::default()
    };
    let mut refused = zk::connect(addr);
    let wants_writes = zk_wire::frame::with_length(&request(false).to_bytes());
    std::io::Write::write_all(&mut refused, &wants_writes).unwrap();
    assert!(zk::read_frame(&mut refused).is_none(), "a client that wants to write is closed");
    let mut reader = Client::resume(addr, &request(true));
    assert_eq!(reader.session.read_only, Some(true));
    assert_eq!(reader.get("/a"), Ok(Bytes::from_static(b"1")));
    let not_read_only = ErrorCode::NOT_READ_ONLY.0;
    assert_eq!(reader.set("/a", b"2"), not_read_only);
    assert_eq!(reader.create("/b", b"", 0), not_read_only);
    let sync = zk_wire::SyncRequest { path: "/a".into() }.to_bytes();
    assert_eq!(reader.call(OpCode::SYNC, &sync).0.err, not_read_only);
    assert_eq!(reader.call(OpCode::PING, b"").0.err, 0);
    let mut other = Client::resume(addr, &request(true));
    assert_eq!(other.call(OpCode::CLOSE_SESSION, b"").0.err, 0);
    ensemble.revive(others[0]).await;
    assert!(zk::read_frame(&mut reader.socket).is_none(), "the mode ends with the election");
    ensemble.leader().await;
    assert_eq!(zk::word(addr, "isro"), "rw");
    let mut client = Client::new(addr);
    assert_eq!(client.set("/a", b"2"), 0);
    ensemble.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn leadership_is_handed_over_without_losing_a_session_or_a_write() {
    let ensemble = Ensemble::start(3).await;
    let mut leader = ensemble.leader().await;
    let mut holder = Client::new(ensemble.addr(leader));
    assert_eq!(holder.create("/mine", b"", 1), 0, "an ephemeral");
    let refused = ensemble.servers[ensemble.index(leader % 3 + 1)].as_ref().unwrap().admin().hand_over(None).await;
    assert_eq!(refused, Err(format!("this server does not lead; ask server {leader}, which does")));
    for round in 0..4 {
        let to = leader % 3 + 1;
        let addr = ensemble.addr(leader);
        // Writes until its connection ends: what is acknowledged must stay.
        let writer = std::thread::spawn(move || {
            let mut client = Client::new(addr);
            let mut acknowledged = 0;
            while client.try_create(&format!("/round-{round}-{acknowledged}")) == Some(0) {
                acknowledged += 1;
            }
            acknowledged
        });
        let wrote = format!("/round-{round}-0");
        until("the first write", || read(addr, &wrote).is_ok().then_some(()));
        let admin = ensemble.servers[ensemble.index(leader)].as_ref().unwrap().admin();
        assert_eq!(admin.hand_over(Some(to)).await, Ok(to), "round {round}");
        leader = ensemble.leader().await;
        assert_eq!(leader, to, "round {round}");
        let acknowledged = writer.join().unwrap();
        for n in 0..acknowledged {
            let path = format!("/round-{round}-{n}");
            assert!(read(ensemble.addr(to), &path).is_ok(), "{path} of {acknowledged} is lost");
        }
        let request = zk_wire::ConnectRequest {
            timeout_ms: 30_000,
            session: holder.session.session,
            passwd: holder.session.passwd.clone(),
            ..zk_wire::ConnectRequest::default()
        };
        holder = Client::resume(ensemble.addr(to), &request);
        assert_eq!(holder.session.session, request.session, "round {round}: the session goes on");
        assert!(holder.get("/mine").is_ok(), "round {round}: with its ephemeral");
    }
    ensemble.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_shall_not_serve_leaves_clients_to_the_others() {
    let config = keeper::Config { leader_serves: false, ..keeper::Config::default() };
    let ensemble = Ensemble::configured(membership(3), config).await;
    let followers = until("two followers", || {
        let follows = |sid: &i64| ensemble.mode(*sid).as_deref() == Some("follower");
        let followers: Vec<i64> = (1..=3).filter(follows).collect();
        (followers.len() == 2).then_some(followers)
    });
    let leader = (1..=3).find(|sid| !followers.contains(sid)).unwrap();
    assert_eq!(ensemble.mode(leader), None);
    let mut client = Client::new(ensemble.addr(followers[0]));
    assert_eq!(client.create("/a", b"1", 0), 0);
    assert_eq!(read(ensemble.addr(followers[1]), "/a"), Ok(Bytes::from_static(b"1")));
    let mut refused = zk::connect(ensemble.addr(leader));
    let request = zk_wire::frame::with_length(&zk_wire::ConnectRequest::default().to_bytes());
    std::io::Write::write_all(&mut refused, &request).unwrap();
    assert!(zk::read_frame(&mut refused).is_none(), "whoever connects to the leader is closed");
    ensemble.stop().await;
}

fn linearizable() -> keeper::Config {
    keeper::Config { linearizable_reads: true, ..keeper::Config::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_linearizable_read_on_any_member_shows_what_any_member_has_acknowledged() {
    let mut membership = membership(4);
    let line = membership.members[&4].to_string().replace("participant", "observer");
    membership.add("server.4", &line).unwrap();
    let ensemble = Ensemble::configured(membership, linearizable()).await;
    ensemble.leader().await;
    let mut clients: Vec<Client> = (1..=4).map(|sid| Client::new(ensemble.addr(sid))).collect();
    assert_eq!(clients[0].create("/n", b"", 0), 0);
    for round in 0..100_usize {
        let data = round.to_string().into_bytes();
        assert_eq!(clients[round % 4].set("/n", &data), 0);
        for sid in 1..=4 {
            let read = clients[sid - 1].get("/n");
            assert_eq!(read, Ok(Bytes::copy_from_slice(&data)), "round {round}, member {sid}");
        }
    }
    ensemble.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_is_cut_off_from_its_quorum_answers_no_linearizable_read() {
    let membership = membership(3);
    let links = Links::between(&membership).await;
    let mut ensemble = Ensemble::at_rest(membership, linearizable());
    ensemble.views.clone_from(&links.views);
    ensemble.revive_all().await;
    let past = ensemble.leader().await;
    let mut reader = Client::new(ensemble.addr(past));
    assert_eq!(reader.create("/n", b"old", 0), 0);
    assert_eq!(reader.get("/n"), Ok(Bytes::from_static(b"old")));
    links.cut_off(Some(past));
    let request = zk_wire::GetDataRequest { path: "/n".into(), watch: false };
    reader.send(OpCode::GET_DATA, &request.to_bytes());
    let others: Vec<i64> = (1..=3).filter(|sid| *sid != past).collect();
    let present =
        until("another leader", || others.iter().copied().find(|sid| ensemble.mode(*sid).as_deref() == Some("leader")));
    assert_eq!(Client::new(ensemble.addr(present)).set("/n", b"new"), 0);
    assert_eq!(zk::read_frame(&mut reader.socket), None, "its connection ends without an answer");
    links.cut_off(None);
    ensemble.leader().await;
    let mut again = Client::new(ensemble.addr(past));
    assert_eq!(again.get("/n"), Ok(Bytes::from_static(b"new")));
    ensemble.stop().await;
}
