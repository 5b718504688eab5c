//! Which requests the simulated clients send: few paths, so that they collide; every kind of failure, so that error
//! replies are checked as hard as the others.

use base::Prng;

use super::model::open_acl;
use super::op::{Acl, MultiOp, Op, USERS};

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
            acls: prng.chance(1, 3),
        }
    }

    /// The next request.
    pub fn op(&self, prng: &mut Prng) -> Op {
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
        self.write(prng)
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
        let flags = *prng.pick(&[0, 0, 0, 1, 1, 2, 3]).expect("not empty");
        let mut path = self.path(prng);
        if prng.chance(1, 100) {
            path = prng.pick(&["/a//b", "/a/", "b", "/a/./b", "/.."]).expect("not empty").to_string();
        }
        let with_stat = prng.chance(1, 3);
        Op::Create { path, data: self.data(prng), acl: self.acl(prng), flags, with_stat }
    }

    fn read(&self, prng: &mut Prng) -> Op {
        let watch = prng.chance(self.watches_percent, 100);
        let path = if prng.chance(1, 8) { "/".to_string() } else { self.path(prng) };
        match prng.below(20) {
            0..=5 => Op::Exists { path, watch },
            6..=11 => Op::GetData { path, watch },
            12..=17 => Op::GetChildren { path, watch, with_stat: prng.chance(1, 2) },
            18 => Op::GetAcl { path },
            _ => Op::Sync { path },
        }
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
        match prng.below(6) {
            0 => vec![entry(31, "auth", "")],
            1 => vec![entry(31, "digest", USERS[0].id), entry(1, "world", "anyone")],
            2 => vec![entry(1 + prng.below(31) as u8, "world", "anyone"), entry(31, "digest", USERS[0].id)],
            3 => vec![],
            4 => vec![entry(31, "nobody", "knows"), entry(31, "world", "anyone")],
            _ => [open_acl(), open_acl()].concat(),
        }
    }
}
