//! Which requests the simulated clients send: few paths, so that they collide; every operation; every kind of failure, so
//! that error replies are checked as hard as the others.

use base::Prng;

use super::model::access::open_acl;
use super::op::{Acl, CreateKind, MultiOp, Op, USERS, WatcherKind};

/// What kinds of requests a run favours; drawn once per seed, so that runs differ in character.
#[derive(Clone, Copy, Debug)]
pub struct Mix {
    /// Of 100 requests, how many write.
    pub writes_percent: u64,
    /// Of 100 reads, how many leave a watch.
    pub watches_percent: u64,
    /// Of 100 writes, how many are multis.
    pub multis_percent: u64,
    /// Names that each level of the tree has.
    pub names: u64,
    /// Bytes of the largest data.
    pub data_bytes_max: u64,
    /// Whether ACLs other than world:anyone:all are used.
    pub acls: bool,
    /// Of 100 creations, how many make a container or a TTL node.
    pub extended_percent: u64,
    /// The longest time to live.
    pub ttl_ms_max: u64,
    /// Whether quotas are set.
    pub quotas: bool,
}

impl Mix {
    /// Draws a mix.
    pub fn draw(prng: &mut Prng) -> Self {
        Self {
            writes_percent: prng.between(30, 90),
            watches_percent: prng.between(0, 80),
            multis_percent: prng.between(0, 30),
            names: prng.between(2, 6),
            data_bytes_max: *prng.pick(&[20, 200, 3000]).expect("not empty"),
            acls: prng.chance(1, 2),
            extended_percent: *prng.pick(&[0, 10, 50]).expect("not empty"),
            ttl_ms_max: *prng.pick(&[100, 5000, 3_600_000]).expect("not empty"),
            quotas: prng.chance(1, 3),
        }
    }

    /// The next request.
    pub fn op(&self, prng: &mut Prng) -> Op {
        if prng.chance(1, 200) {
            return self.odd(prng);
        }
        if !prng.chance(self.writes_percent, 100) {
            return self.read(prng);
        }
        if prng.chance(self.multis_percent, 100) {
            let parts = prng.between(1, 4);
            return Op::Multi((0..parts).map(|_| MultiOp(self.multi_part(prng))).collect());
        }
        if self.acls && prng.chance(1, 20) {
            return Op::SetAcl { path: self.path(prng), acl: self.acl(prng), version: self.version(prng) };
        }
        if self.quotas && prng.chance(1, 12) {
            return self.quota(prng);
        }
        self.write(prng)
    }

    /// What is refused, and mostly ends the connection.
    fn odd(&self, prng: &mut Prng) -> Op {
        match prng.below(6) {
            0 => Op::AuthOfNobody,
            1 => Op::Unserved(*prng.pick(&[-10, -1, 0, 20, 10, 99]).expect("not empty")),
            2 | 3 => Op::Sasl,
            _ => Op::Reconfig,
        }
    }

    fn multi_part(&self, prng: &mut Prng) -> Op {
        if prng.chance(1, 5) {
            return Op::Check { path: self.path(prng), version: self.version(prng) };
        }
        self.write(prng)
    }

    fn write(&self, prng: &mut Prng) -> Op {
        match prng.below(10) {
            0..=4 => self.create(prng),
            5..=6 => Op::Delete { path: self.path(prng), version: self.version(prng) },
            _ => Op::SetData { path: self.path(prng), data: self.data(prng), version: self.version(prng) },
        }
    }

    fn create(&self, prng: &mut Prng) -> Op {
        let mut path = self.path(prng);
        if prng.chance(1, 100) {
            path = prng.pick(&["/a//b", "/a/", "b", "/a/./b", "/.."]).expect("not empty").to_string();
        }
        let (kind, flags) = if prng.chance(self.extended_percent, 100) {
            self.extended(prng)
        } else {
            let kind = if prng.chance(1, 3) { CreateKind::WithStat } else { CreateKind::Plain };
            (kind, *prng.pick(&[0, 0, 0, 1, 1, 2, 3]).expect("not empty"))
        };
        Op::Create { path, data: self.data(prng), acl: self.acl(prng), flags, kind }
    }

    fn extended(&self, prng: &mut Prng) -> (CreateKind, i32) {
        if prng.chance(1, 2) {
            return (CreateKind::Container, *prng.pick(&[4, 4, 4, 2]).expect("not empty"));
        }
        let ttl_ms = if prng.chance(1, 30) { 0 } else { prng.between(1, self.ttl_ms_max) as i64 };
        (CreateKind::Ttl(ttl_ms), *prng.pick(&[5, 5, 6]).expect("not empty"))
    }

    /// Quotas above one another, so that the deepest one counts.
    fn quota(&self, prng: &mut Prng) -> Op {
        let limited = *prng.pick(&["/a", "/b", "/a/b"]).expect("not empty");
        let at = |name: &str| format!("/zookeeper/quota{limited}{name}");
        let new = |path: String, text: &str| Op::Create {
            path,
            data: Some(text.as_bytes().to_vec()),
            acl: open_acl(),
            flags: 0,
            kind: CreateKind::Plain,
        };
        let gone = |path: String| MultiOp(Op::Delete { path, version: -1 });
        let limits = self.limits(prng);
        match prng.below(10) {
            0..=3 => new(at(""), ""),
            4..=7 => {
                let parts = [new(at("/zookeeper_limits"), &limits), new(at("/zookeeper_stats"), "count=0,bytes=0")];
                Op::Multi(parts.into_iter().map(MultiOp).collect())
            }
            8 => Op::SetData { path: at("/zookeeper_limits"), data: Some(limits.into_bytes()), version: -1 },
            _ => Op::Multi(vec![gone(at("/zookeeper_limits")), gone(at("/zookeeper_stats"))]),
        }
    }

    fn limits(&self, prng: &mut Prng) -> String {
        let (count, bytes) = (prng.below(8), prng.below(self.data_bytes_max * 4));
        match prng.below(6) {
            0 => format!("count={count},bytes=-1"),
            1 => format!("count=-1,bytes={bytes}=;countHardLimit={}", count + 1),
            2 => format!("count=-1,bytes=-1=;byteHardLimit={bytes}"),
            3 => "garbage".to_string(),
            _ => format!("count=1,bytes=1=;byteHardLimit={bytes};countHardLimit={}", count + 1),
        }
    }

    fn read(&self, prng: &mut Prng) -> Op {
        let watch = prng.chance(self.watches_percent, 100);
        let path = if prng.chance(1, 8) { "/".to_string() } else { self.path(prng) };
        match prng.below(40) {
            0..=8 => Op::Exists { path, watch },
            9..=17 => self.get_data(path, watch, prng),
            18..=26 => Op::GetChildren { path, watch, with_stat: prng.chance(1, 2) },
            27 => Op::GetAcl { path },
            28 => Op::Sync { path },
            29..=30 => {
                let parts = prng.between(1, 4);
                Op::MultiRead((0..parts).map(|_| MultiOp(self.multi_read_part(prng))).collect())
            }
            31 => Op::GetEphemerals { prefix: path },
            32 => Op::GetAllChildrenNumber { path },
            33 => Op::WhoAmI,
            34..=36 if watch => Op::AddWatch { path, recursive: prng.chance(1, 2) },
            37 => Op::RemoveWatches { path, kind: watcher_kind(prng) },
            _ => Op::CheckWatches { path, kind: watcher_kind(prng) },
        }
    }

    fn get_data(&self, path: String, watch: bool, prng: &mut Prng) -> Op {
        let quota = self.quotas && prng.chance(1, 8);
        let path = if quota { "/zookeeper/quota/a/zookeeper_stats".to_string() } else { path };
        Op::GetData { path, watch }
    }

    fn multi_read_part(&self, prng: &mut Prng) -> Op {
        let (path, watch) = (self.path(prng), false);
        if prng.chance(1, 2) { Op::GetData { path, watch } } else { Op::GetChildren { path, watch, with_stat: false } }
    }

    fn path(&self, prng: &mut Prng) -> String {
        let mut path = String::new();
        let depth = *prng.pick(&[1, 1, 2, 2, 2, 3]).expect("not empty");
        for _ in 0..depth {
            path.push('/');
            path.push(char::from(b'a' + prng.below(self.names) as u8));
        }
        path
    }

    fn version(&self, prng: &mut Prng) -> i32 {
        if prng.chance(3, 4) { -1 } else { prng.below(3) as i32 }
    }

    fn data(&self, prng: &mut Prng) -> Option<Vec<u8>> {
        if prng.chance(1, 20) {
            return None;
        }
        let mut data = vec![0; prng.between(0, self.data_bytes_max) as usize];
        prng.fill(&mut data);
        Some(data)
    }

    fn acl(&self, prng: &mut Prng) -> Vec<Acl> {
        if !self.acls || prng.chance(3, 4) {
            return open_acl();
        }
        let entry = |perms: u8, scheme: &str, id: &str| Acl { perms, scheme: scheme.into(), id: id.into() };
        let user = prng.pick(&USERS).expect("not empty").id;
        match prng.below(9) {
            0 => vec![entry(31, "auth", "")],
            1 => vec![entry(31, "digest", user), entry(1, "world", "anyone")],
            2 => vec![entry(1 + prng.below(31) as u8, "world", "anyone"), entry(31, "digest", user)],
            3 => vec![],
            4 => vec![entry(31, "nobody", "knows"), entry(31, "world", "anyone")],
            5 => vec![entry(31, "digest", user)],
            6 => vec![entry(31, "ip", "127.0.0.0/8"), entry(31, "ip", "10.0.0.0/8")],
            7 => vec![entry(30, "ip", "10.0.0.1"), entry(31, "digest", user)],
            _ => [open_acl(), open_acl()].concat(),
        }
    }
}

fn watcher_kind(prng: &mut Prng) -> WatcherKind {
    let all = [
        WatcherKind::Children,
        WatcherKind::Data,
        WatcherKind::Any,
        WatcherKind::Persistent,
        WatcherKind::PersistentRecursive,
    ];
    *prng.pick(&all).expect("not empty")
}
