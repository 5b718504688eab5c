//! `castlekeep.linearizableReads`.

use super::*;

fn linearizable(voters: &[Sid], observers: &[Sid]) -> Cluster {
    let mut c = Cluster::configured(Config { linearizable_reads: true, ..config() }, voters, observers);
    c.settle();
    c
}

fn exists(path: &str) -> Bytes {
    zk_wire::ExistsRequest { path: path.into(), watch: false }.to_bytes()
}

impl Cluster {
    /// Xid and code of the next replies.
    fn replies(&mut self, sid: Sid, conn: ConnId, count: usize) -> Vec<(i32, ErrorCode)> {
        (0..count).map(|_| self.reply(sid, conn)).map(|reply| (reply.xid, reply.err)).collect()
    }

    /// A leader stands still, and what is sent to it waits, until the others have another one.
    fn past_leader(&mut self) -> (Sid, Sid) {
        let past = self.leader();
        let keeper = self.nodes.get_mut(&past).unwrap().keeper.take();
        let links: Vec<Link> = self.links.keys().copied().collect();
        links.into_iter().for_each(|link| self.close(link));
        self.run(100, |_| false);
        self.settle();
        let present = self.leader();
        self.nodes.get_mut(&past).unwrap().keeper = keeper;
        (past, present)
    }

    fn pings_under_way(&self) -> usize {
        let is_ping =
            |event: &Event| matches!(event, Event::Ensemble(zab::Event::FromLeader { packet: ToLearner::Ping(_), .. }));
        self.queue.values().filter(|(_, event)| is_ping(event)).count()
    }
}

#[test]
fn a_read_on_any_member_shows_what_was_acknowledged_before_it() {
    let mut c = linearizable(&[1, 2, 3], &[9]);
    let leader = c.leader();
    let (writing, _) = c.session(leader);
    for (xid, sid) in [(1, c.followers()[0]), (2, 9), (3, leader)] {
        let (reading, _) = c.session(sid);
        let path = format!("/by{sid}");
        c.create(leader, writing, xid, &path, CreateMode::Persistent);
        assert!(sid == leader || !c.has(sid, &path), "the test would show nothing");
        let logged = c.nodes[&leader].log.len();
        c.ask(sid, reading, OpCode::EXISTS, 7, exists(&path));
        let reply = c.reply(sid, reading);
        assert_eq!((reply.xid, reply.err), (7, ErrorCode::OK), "on {sid}");
        assert_eq!(c.nodes[&leader].log.len(), logged, "a read is no transaction");
    }
    c.run(100, |_| false);
    c.all_equal();
}

#[test]
fn a_leader_of_the_past_answers_no_read() {
    let mut c = linearizable(&[1, 2, 3], &[]);
    let leader = c.leader();
    let (reading, _) = c.session(leader);
    let (past, present) = c.past_leader();
    assert_eq!(past, leader);
    let (writing, _) = c.session(present);
    c.create(present, writing, 1, "/new", CreateMode::Persistent);
    c.ask(past, reading, OpCode::EXISTS, 1, exists("/new"));
    assert!(c.nodes[&past].keeper.as_ref().unwrap().orders(), "it believes that it leads");
    c.run(30_000, |c| c.nodes[&past].closed.contains_key(&reading));
    assert_eq!(c.nodes[&past].closed.get(&reading), Some(&CloseReason::NotServing));
    assert!(c.nodes[&past].sent.get(&reading).is_none_or(Vec::is_empty), "not with what it knows");
}

#[test]
fn requests_behind_a_confirmed_read_are_answered_in_their_order() {
    let mut c = linearizable(&[1, 2, 3], &[9]);
    for sid in [c.leader(), c.followers()[0], 9] {
        let (conn, _) = c.session(sid);
        let path = format!("/by{sid}");
        // A question is under way already, so that these wait for the next one.
        let (other, _) = c.session(sid);
        c.ask(sid, other, OpCode::EXISTS, 1, exists("/"));
        c.ask(sid, conn, OpCode::EXISTS, 1, exists(&path));
        c.ask(sid, conn, OpCode::CREATE, 2, create_request(&path, b"", CreateMode::Persistent).to_bytes());
        c.ask(sid, conn, OpCode::EXISTS, 3, exists(&path));
        c.ask(sid, conn, OpCode::PING, -2, Bytes::new());
        c.ask(sid, conn, OpCode::SYNC, 4, SyncRequest { path: "/".into() }.to_bytes());
        c.ask(sid, conn, OpCode::CREATE, 5, create_request(&path, b"", CreateMode::Persistent).to_bytes());
        c.ask(sid, conn, OpCode::CLOSE_SESSION, 6, Bytes::new());
        let ok = ErrorCode::OK;
        let expected =
            [(1, ErrorCode::NO_NODE), (2, ok), (3, ok), (-2, ok), (4, ok), (5, ErrorCode::NODE_EXISTS), (6, ok)];
        assert_eq!(c.replies(sid, conn, expected.len()), expected, "on {sid}");
    }
    c.run(100, |_| false);
    c.all_equal();
    assert!(c.nodes.values().all(|node| node.keeper.as_ref().unwrap().outstanding() == 0));
}

#[test]
fn one_question_does_for_all_reads_that_wait() {
    let mut c = linearizable(&[1, 2, 3], &[]);
    let leader = c.leader();
    let conns: Vec<ConnId> = (0..20).map(|_| c.session(leader).0).collect();
    c.run(100, |c| c.pings_under_way() == 0);
    for conn in &conns {
        (1..=5).for_each(|xid| c.ask(leader, *conn, OpCode::EXISTS, xid, exists("/")));
    }
    assert_eq!(c.pings_under_way(), 2, "one to each follower");
    let answered = |c: &Cluster, conn: &ConnId| c.nodes[&leader].sent.get(conn).is_some_and(|sent| !sent.is_empty());
    assert!(c.run(100, |c| answered(c, &conns[0])));
    assert_eq!(c.pings_under_way(), 2, "the first read had a round to itself; this is the one of all the others");
    assert!(c.run(100, |c| conns.iter().all(|conn| answered(c, conn))));
    assert_eq!(c.pings_under_way(), 0, "that was the last");
    for conn in conns {
        assert_eq!(c.replies(leader, conn, 5), [1, 2, 3, 4, 5].map(|xid| (xid, ErrorCode::OK)));
    }
}

#[test]
fn a_member_alone_confirms_itself() {
    let mut c = linearizable(&[1], &[]);
    let (conn, _) = c.session(1);
    c.ask(1, conn, OpCode::EXISTS, 1, exists("/"));
    assert_eq!(c.nodes[&1].sent[&conn].len(), 1, "at once");
}

#[test]
fn a_leader_without_the_option_confirms_the_reads_of_others() {
    let mut c = Cluster::new(&[1, 2, 3], &[]);
    c.settle();
    let (leader, sid) = (c.leader(), c.followers()[0]);
    c.config.linearizable_reads = true;
    c.kill(sid);
    c.start(sid);
    c.settle();
    assert_eq!(c.leader(), leader);
    let (reading, _) = c.session(sid);
    c.run(100, |c| c.pings_under_way() == 0);
    c.ask(sid, reading, OpCode::EXISTS, 1, exists("/"));
    c.run(HOP_MS, |_| false);
    assert_eq!(c.pings_under_way(), 2);
    assert_eq!(c.replies(sid, reading, 1), [(1, ErrorCode::OK)]);
}

#[test]
fn what_a_learner_asked_over_a_connection_that_ended_is_not_answered_over_the_next() {
    let mut c = linearizable(&[1, 2, 3], &[9]);
    let leader = c.leader();
    let (reading, _) = c.session(9);
    let link_of = |c: &Cluster, sid: Sid| *c.links.iter().find(|(_, (learner, _))| *learner == sid).unwrap().0;
    // What the followers answer stays away, until the observer that asked is back.
    let of_follower = |c: &Cluster, event: &Event| match event {
        Event::Ensemble(zab::Event::FromLearner { link, packet: ToLeader::Ping(_) }) => c.links[link].0 != 9,
        _ => false,
    };
    c.ask(9, reading, OpCode::EXISTS, 1, exists("/"));
    assert!(c.run(50, |c| c.queue.values().filter(|(_, event)| of_follower(c, event)).count() == 2));
    let late: Vec<(u64, u64)> =
        c.queue.iter().filter(|(_, (_, event))| of_follower(&c, event)).map(|(key, _)| *key).collect();
    let late: Vec<(Sid, Event)> = late.into_iter().map(|key| c.queue.remove(&key).unwrap()).collect();
    let link = link_of(&c, 9);
    c.close(link);
    assert!(c.run(500, |c| c.links.values().any(|(learner, _)| *learner == 9)));
    c.run(50, |_| false);
    assert!(c.nodes[&9].keeper.as_ref().unwrap().serves() && c.leader() == leader);
    let before: Vec<usize> = c.nodes[&9].sent.values().map(Vec::len).collect();
    late.into_iter().for_each(|(sid, event)| c.post(sid, event));
    let revalidated = |(sid, event): &(Sid, Event)| {
        *sid == 9 && matches!(event, Event::Ensemble(zab::Event::FromLeader { packet: ToLearner::Service(_), .. }))
    };
    assert!(!c.run(20, |c| c.queue.values().any(revalidated)), "nobody waits there any more");
    assert_eq!(before, c.nodes[&9].sent.values().map(Vec::len).collect::<Vec<_>>());
}
