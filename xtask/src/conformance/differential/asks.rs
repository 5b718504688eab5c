//! One client's next request, from chance and from what the answers so far told of the tree.

use std::collections::{BTreeMap, VecDeque};

use base::Prng;
use zk_wire::OpCode;
use zk_wire::multi::MultiRequest;

use super::body::Body;
use super::quotas::Quotas;
use super::shown::Learned;
use super::values;

/// Operations that castlekeep answers otherwise on purpose (`docs/divergence.md`): not generated.
pub const LEFT_OUT: &[OpCode] = &[OpCode::DELETE_CONTAINER];

/// The modes of create and create2: those of containers and TTL nodes are refused or mean nothing there.
const MODES: &[i32] = &[0, 1, 2, 3, 0, 1, 2, 3, 4, 5, 6];

/// How often each operation is asked for.
const WEIGHTS: &[(OpCode, u64)] = &[
    (OpCode::CREATE, 170),
    (OpCode::CREATE2, 60),
    (OpCode::DELETE, 120),
    (OpCode::EXISTS, 80),
    (OpCode::GET_DATA, 90),
    (OpCode::SET_DATA, 110),
    (OpCode::GET_ACL, 40),
    (OpCode::SET_ACL, 50),
    (OpCode::GET_CHILDREN, 60),
    (OpCode::GET_CHILDREN2, 60),
    (OpCode::SYNC, 20),
    (OpCode::PING, 15),
    (OpCode::MULTI, 100),
    (OpCode::AUTH, 20),
    (OpCode::SET_WATCHES, 20),
    (OpCode::SET_WATCHES2, 15),
    (OpCode::ADD_WATCH, 50),
    (OpCode::CHECK_WATCHES, 45),
    (OpCode::REMOVE_WATCHES, 45),
    (OpCode::MULTI_READ, 20),
    (OpCode::GET_EPHEMERALS, 12),
    (OpCode::GET_ALL_CHILDREN_NUMBER, 12),
    (OpCode::WHO_AM_I, 12),
    (OpCode::CLOSE_SESSION, 8),
    (OpCode::CREATE_CONTAINER, 40),
    (OpCode::CREATE_TTL, 40),
    (OpCode::RECONFIG, 8),
    (OpCode::SASL, 8),
    (UNKNOWN, 6),
    (QUOTA, 90),
];

/// Stands for what clients do with quotas.
const QUOTA: OpCode = OpCode(1001);

/// Stands for numbers that are no operation of a client. Apache takes -10 and fails over its body; ours turns it away on
/// purpose, so it is not among them.
const UNKNOWN: OpCode = OpCode(1000);
const UNKNOWN_NUMBERS: &[i32] =
    &[-1, 0, 10, 13, 23, 99, 108, 1000, -2, -12, -100, i32::MIN, i32::MAX, 0x0100, 0x0001_0001];

/// The operations that are asked for.
pub fn served() -> impl Iterator<Item = OpCode> {
    WEIGHTS.iter().map(|(opcode, _)| *opcode).filter(|opcode| ![UNKNOWN, QUOTA].contains(opcode))
}

/// Above this, nodes are deleted rather than created.
const NODES_WANTED: usize = 250;

/// A request.
#[derive(Clone)]
pub struct Ask {
    /// The header's.
    pub xid: i32,
    /// The header's.
    pub opcode: i32,
    /// Behind the header.
    pub body: Vec<u8>,
    /// In words, for a report.
    pub about: String,
    subject: Subject,
}

impl Ask {
    /// A request that teaches the generator nothing.
    pub fn plain(opcode: OpCode, body: Body, about: String, xid: i32) -> Self {
        Self { xid, opcode: opcode.0, body: body.0, about, subject: Subject::Nothing }
    }

    /// Whether replies to requests sent behind it in one go are not determined: it may end the connection, is answered
    /// ahead of what waits, (setACL, a container with the flags of an ephemeral node) Apache knows of it a moment later
    /// than ours, or (setWatches) what is left out of it is asked for right behind it (`docs/divergence.md`).
    pub fn must_be_last(&self) -> bool {
        let served = served().any(|opcode| opcode.0 == self.opcode);
        let last = [OpCode::AUTH, OpCode::CLOSE_SESSION, OpCode::SET_ACL, OpCode::SASL, OpCode::CREATE_CONTAINER];
        !served || last.iter().any(|opcode| opcode.0 == self.opcode) || self.leaves_watches_anew()
    }

    /// Whether it is a setWatches of either kind.
    pub fn leaves_watches_anew(&self) -> bool {
        [OpCode::SET_WATCHES, OpCode::SET_WATCHES2].iter().any(|opcode| opcode.0 == self.opcode)
    }
}

/// What the reply will tell of.
#[derive(Clone, Default)]
pub enum Subject {
    #[default]
    Nothing,
    Node(String),
    Deleted(String),
    Parts(Vec<Subject>),
    /// The limits of a path are there, or gone.
    Limits {
        path: &'static str,
        there: bool,
    },
}

/// What is known of a node.
#[derive(Clone, Copy, Default)]
struct Node {
    version: i32,
    aversion: i32,
}

/// Makes requests.
pub struct Asks {
    prng: Prng,
    nodes: BTreeMap<String, Node>,
    last_zxid: i64,
    /// For a multi that needs nodes of its own.
    fresh: u64,
    former: VecDeque<String>,
    quotas: Quotas,
}

impl Asks {
    /// Nothing is known but the root.
    pub fn new(prng: Prng) -> Self {
        let nodes = BTreeMap::from([("/".to_owned(), Node::default())]);
        Self { prng, nodes, last_zxid: 0, fresh: 0, former: VecDeque::new(), quotas: Quotas::default() }
    }

    /// A request that shows a node: for looking at the whole tree.
    pub fn look(opcode: OpCode, path: &str, xid: i32) -> Ask {
        let body = Body::new().text(path);
        let body = if opcode == OpCode::GET_ACL { body } else { body.byte(0) };
        Ask::plain(opcode, body, format!("{} {path:?}", opcode.name()), xid)
    }

    /// The next request of a connection.
    pub fn next(&mut self, xid: i32) -> Ask {
        let total: u64 = WEIGHTS.iter().map(|(_, weight)| weight).sum();
        let mut at = self.prng.below(total);
        let chosen = WEIGHTS.iter().find(|(_, weight)| {
            let here = at < *weight;
            at = at.saturating_sub(*weight);
            here
        });
        let opcode = chosen.expect("the weights cover the range").0;
        loop {
            let ask = self.ask(opcode, xid);
            if !asks_for_left_out(&ask) {
                return ask;
            }
        }
    }

    /// Whether requests are to be sent one by one: Apache looks at the numbers of a quota before the writes under way
    /// are in them.
    pub fn one_by_one(&self) -> bool {
        self.quotas.any_limits()
    }

    /// A request of an operation.
    pub fn ask(&mut self, opcode: OpCode, xid: i32) -> Ask {
        if opcode == QUOTA {
            let (opcode, body, about, subject) = self.quotas.ask(&mut self.prng);
            return Ask { xid, opcode: opcode.0, body: body.0, about, subject };
        }
        let (body, about, subject) = self.body(opcode);
        let mut ask = Ask { xid, opcode: opcode.0, body: body.0, about, subject };
        match opcode {
            UNKNOWN => {
                ask.opcode = *self.prng.pick(UNKNOWN_NUMBERS).expect("not empty");
                ask.about = format!("opcode {}", ask.opcode);
            }
            OpCode::PING => ask.xid = -2,
            OpCode::AUTH => ask.xid = -4,
            OpCode::SET_WATCHES | OpCode::SET_WATCHES2 => ask.xid = -8,
            _ => {}
        }
        if self.prng.chance(1, 25) && opcode != OpCode::CLOSE_SESSION && opcode != UNKNOWN {
            let how = values::break_body(&mut self.prng, &mut ask.body);
            ask.about = format!("{} ({how}: {})", ask.about, super::shown::hex(&ask.body));
            ask.subject = Subject::Nothing;
        }
        ask
    }

    fn body(&mut self, opcode: OpCode) -> (Body, String, Subject) {
        let body = Body::new();
        match opcode {
            OpCode::CREATE | OpCode::CREATE2 | OpCode::CREATE_CONTAINER | OpCode::CREATE_TTL => {
                let (body, about) = self.create(opcode);
                (body, format!("{} {about}", opcode.name()), Subject::Nothing)
            }
            OpCode::RECONFIG => self.reconfig(),
            OpCode::SASL => {
                let token: Option<&[u8]> = *self.prng.pick(&[Some(&b""[..]), Some(b"token"), None]).expect("not empty");
                (body.buffer(token), format!("sasl {token:?}"), Subject::Nothing)
            }
            OpCode::DELETE => {
                let (body, path, about) = self.delete();
                (body, about, Subject::Deleted(path))
            }
            OpCode::SET_DATA => {
                let (body, path, about) = self.set_data();
                (body, about, Subject::Node(path))
            }
            OpCode::SET_ACL => self.set_acl(),
            OpCode::EXISTS | OpCode::GET_DATA | OpCode::GET_CHILDREN | OpCode::GET_CHILDREN2 => {
                let path = self.path();
                let watch = *self.prng.pick(&[0, 0, 1, 1, 1, 2, 255]).expect("not empty");
                let about = format!("{} {path:?} watch {watch}", opcode.name());
                (body.text(&path).byte(watch), about, Subject::Node(path))
            }
            OpCode::GET_ACL | OpCode::SYNC => {
                let path = self.path();
                let about = format!("{} {path:?}", opcode.name());
                let subject = if opcode == OpCode::SYNC { Subject::Nothing } else { Subject::Node(path.clone()) };
                (body.text(&path), about, subject)
            }
            OpCode::MULTI => self.multi(),
            OpCode::AUTH => self.auth(),
            OpCode::SET_WATCHES => self.set_watches(3),
            OpCode::SET_WATCHES2 => self.set_watches(5),
            OpCode::MULTI_READ => self.multi_read(),
            OpCode::ADD_WATCH | OpCode::CHECK_WATCHES | OpCode::REMOVE_WATCHES => {
                // A few paths that all clients watch, so that some watches are there.
                let common = ["/", "/", "/", "/a"];
                let path = match self.prng.below(5) {
                    0..=2 => (*self.prng.pick(&common).expect("not empty")).to_owned(),
                    _ => self.path(),
                };
                let number = *self.prng.pick(&[0, 1, 2, 3, 3, 3, 3, 3, 4, 4, 4, 5, 5, 5, 6]).expect("not empty");
                let number = if opcode == OpCode::ADD_WATCH { (number - 1) / 3 } else { number };
                (body.text(&path).int(number), format!("{} {path:?} {number}", opcode.name()), Subject::Nothing)
            }
            OpCode::GET_EPHEMERALS | OpCode::GET_ALL_CHILDREN_NUMBER => {
                let path = if self.prng.chance(1, 3) { "/".to_owned() } else { self.path() };
                (body.text(&path), format!("{} {path:?}", opcode.name()), Subject::Nothing)
            }
            _ => (body, opcode.name().to_owned(), Subject::Nothing),
        }
    }

    fn reconfig(&mut self) -> (Body, String, Subject) {
        let mut member = || match self.prng.below(3) {
            0 => None,
            1 => Some(""),
            _ => Some("server.1=127.0.0.1:1:2;3"),
        };
        let texts = [member(), member(), member()];
        let version = *self.prng.pick(&[-1, 0, 1, i64::MAX]).expect("not empty");
        let [joining, leaving, members] = texts;
        let about = format!("reconfig {joining:?} {leaving:?} {members:?} v{version}");
        let body = texts.iter().fold(Body::new(), |body, text| body.buffer(text.map(str::as_bytes)));
        (body.long(version), about, Subject::Nothing)
    }

    fn set_acl(&mut self) -> (Body, String, Subject) {
        let path = self.path();
        let current = self.known(&path).aversion;
        let version = values::version(&mut self.prng, current);
        // Nobody may be locked out of everything.
        let list = if path.matches('/').count() < 2 && self.prng.chance(9, 10) || path == "/" {
            values::open()
        } else {
            values::list(&mut self.prng)
        };
        let about = format!("setACL {path:?} {list:?} v{version}");
        (Body::new().text(&path).list(&list).int(version), about, Subject::Node(path))
    }

    fn create(&mut self, opcode: OpCode) -> (Body, String) {
        let mut path = if self.prng.chance(1, 12) { values::odd_path(&mut self.prng) } else { self.new_path() };
        let crowded = self.nodes.len() > NODES_WANTED;
        if crowded && self.prng.chance(3, 4) {
            path = self.path();
        }
        let data = values::data(&mut self.prng);
        let list = values::list(&mut self.prng);
        let mut flags = values::flags(&mut self.prng, MODES);
        if crowded && flags > 1 {
            flags &= 1;
        }
        let mut ttl_ms = None;
        match opcode {
            OpCode::CREATE_CONTAINER if self.prng.chance(3, 4) => flags = 4,
            OpCode::CREATE_TTL => {
                if self.prng.chance(7, 8) {
                    flags = if crowded || self.prng.chance(1, 2) { 5 } else { 6 };
                }
                ttl_ms = Some(values::ttl_ms(&mut self.prng));
            }
            _ => {}
        }
        let about = format!("{path:?} data {:?} {list:?} flags {flags} {ttl_ms:?}", data.as_ref().map(Vec::len));
        let body = Body::new().text(&path).buffer(data.as_deref()).list(&list).int(flags);
        (ttl_ms.into_iter().fold(body, Body::long), about)
    }

    fn delete(&mut self) -> (Body, String, String) {
        let path = if self.nodes.len() > NODES_WANTED { self.leaf() } else { self.path() };
        let current = self.known(&path).version;
        let version = values::version(&mut self.prng, current);
        let about = format!("delete {path:?} v{version}");
        (Body::new().text(&path).int(version), path, about)
    }

    fn set_data(&mut self) -> (Body, String, String) {
        let path = self.path();
        let data = values::data(&mut self.prng);
        let current = self.known(&path).version;
        let version = values::version(&mut self.prng, current);
        let about = format!("setData {path:?} data {:?} v{version}", data.as_ref().map(Vec::len));
        (Body::new().text(&path).buffer(data.as_deref()).int(version), path, about)
    }

    fn multi(&mut self) -> (Body, String, Subject) {
        let count = self.prng.below(6);
        let mut body = Body::new();
        let mut about = String::from("multi");
        let mut parts = Vec::new();
        // Half of them are made of parts that work, or nearly all would fail.
        let tame = self.prng.chance(1, 2);
        for _ in 0..count {
            let opcode = *self
                .prng
                .pick(&[
                    OpCode::CREATE,
                    OpCode::CREATE2,
                    OpCode::CREATE_CONTAINER,
                    OpCode::CREATE_TTL,
                    OpCode::DELETE,
                    OpCode::DELETE,
                    OpCode::SET_DATA,
                    OpCode::CHECK,
                ])
                .expect("not empty");
            let (part, text, subject) = if tame { self.tame_part(opcode) } else { self.wild_part(opcode) };
            // The flag and the error in a part's header are not looked at.
            body = body.int(opcode.0).byte(0).int(*self.prng.pick(&[-1, -1, 0, 7]).expect("not empty")).raw(&part.0);
            about += &format!(" [{text}]");
            parts.push(subject);
        }
        if self.prng.chance(1, 60) {
            let odd = *self.prng.pick(&[3, 4, 7, 8, 14, 16, -1, 0, 100, 1000]).expect("not empty");
            body = body.int(odd).byte(0).int(-1).text("/a").byte(0);
            about += &format!(" [opcode {odd}]");
        }
        (body.int(-1).byte(1).int(-1), about, Subject::Parts(parts))
    }

    fn multi_read(&mut self) -> (Body, String, Subject) {
        let mut body = Body::new();
        let mut about = String::from("multiRead");
        for _ in 0..self.prng.below(6) {
            let number = *self.prng.pick(&[4, 4, 8, 8, 4, 8, 4, 8, 3, 12, 1]).expect("not empty");
            let path = self.path();
            body = body.int(number).byte(0).int(-1).text(&path).byte(self.prng.below(2) as u8);
            about += &format!(" [opcode {number} {path:?}]");
        }
        (body.int(-1).byte(1).int(-1), about, Subject::Nothing)
    }

    fn wild_part(&mut self, opcode: OpCode) -> (Body, String, Subject) {
        if opcode != OpCode::CHECK {
            // Apache stumbles over a null list within a multi before the request has a zxid; ours answers INVALIDACL
            // for the part, as outside of a multi. To Apache a container with the flags of an ephemeral node is one
            // until it is applied (`docs/divergence.md`).
            loop {
                let part = self.body(opcode);
                let bytes = bytes::Bytes::copy_from_slice(&part.0.0);
                let create = matches!(opcode, OpCode::CREATE | OpCode::CREATE2 | OpCode::CREATE_CONTAINER);
                let differs = |request: zk_wire::CreateRequest| {
                    request.acl.is_none() || opcode == OpCode::CREATE_CONTAINER && matches!(request.flags, 1 | 3)
                };
                if !create || !<zk_wire::CreateRequest as zk_wire::Jute>::from_bytes(bytes).is_ok_and(differs) {
                    return part;
                }
            }
        }
        let path = self.path();
        let current = self.known(&path).version;
        let version = values::version(&mut self.prng, current);
        (Body::new().text(&path).int(version), format!("check {path:?} v{version}"), Subject::Nothing)
    }

    fn tame_part(&mut self, opcode: OpCode) -> (Body, String, Subject) {
        let path = self.known_path();
        match opcode {
            OpCode::CREATE | OpCode::CREATE2 | OpCode::CREATE_CONTAINER | OpCode::CREATE_TTL => {
                self.fresh += 1;
                let parent = if self.prng.chance(1, 3) { path } else { "/".into() };
                let slash = if parent == "/" { "" } else { "/" };
                let path = format!("{parent}{slash}m{}", self.fresh);
                let flags = match opcode {
                    OpCode::CREATE_CONTAINER => *self.prng.pick(&[4, 4, 0, 2]).expect("not empty"),
                    OpCode::CREATE_TTL => *self.prng.pick(&[5, 6, 5, 6, 0, 1, 4]).expect("not empty"),
                    _ => self.prng.below(5) as i32,
                };
                let about = format!("{} {path:?} flags {flags}", opcode.name());
                let body = Body::new().text(&path).buffer(Some(b"multi")).list(&values::open()).int(flags);
                let body = if opcode == OpCode::CREATE_TTL { body.long(1 << 39) } else { body };
                (body, about, Subject::Nothing)
            }
            OpCode::DELETE => {
                let path = self.leaf();
                (Body::new().text(&path).int(-1), format!("delete {path:?} v-1"), Subject::Deleted(path))
            }
            OpCode::SET_DATA => {
                let body = Body::new().text(&path).buffer(Some(b"set")).int(-1);
                (body, format!("setData {path:?} v-1"), Subject::Node(path))
            }
            _ => (Body::new().text(&path).int(-1), format!("check {path:?} v-1"), Subject::Nothing),
        }
    }

    fn auth(&mut self) -> (Body, String, Subject) {
        let kind = *self.prng.pick(&[0, 0, 0, 1, -1]).expect("not empty");
        let (scheme, auth): (&str, Option<Vec<u8>>) = match self.prng.below(40) {
            0..=28 => ("digest", Some(self.prng.pick(&values::USERS).expect("not empty").0.into())),
            29 => ("digest", Some(values::SUPER_USER.into())),
            30 => ("digest", Some(b"nocolon".to_vec())),
            31 => ("digest", Some(b"a:b:c".to_vec())),
            32 => ("digest", Some(Vec::new())),
            33 => ("digest", Some(vec![0xff, b':', 0xc3])),
            34 => ("digest", None),
            35 => ("ip", Some(b"10.0.0.1".to_vec())),
            36 => ("world", Some(b"anyone".to_vec())),
            37 => ("super", Some(b"".to_vec())),
            38 => ("none", Some(b"x".to_vec())),
            _ => (*self.prng.pick(&["", "sasl", "x509", "DIGEST", "auth"]).expect("not empty"), None),
        };
        let about = format!("auth type {kind} {scheme:?} {auth:?}");
        (Body::new().int(kind).text(scheme).buffer(auth.as_deref()), about, Subject::Nothing)
    }

    fn set_watches(&mut self, lists: u64) -> (Body, String, Subject) {
        let back = self.prng.below(60) as i64;
        let since = *self.prng.pick(&[self.last_zxid - back, self.last_zxid, 0, i64::MAX]).expect("not empty");
        let mut body = Body::new().long(since);
        let mut about = format!("setWatches since {since}");
        for _ in 0..lists {
            let paths = match self.prng.below(40) {
                0 => None,
                n => Some((0..n % 4).map(|_| self.path()).collect::<Vec<_>>()),
            };
            about += &format!(" {paths:?}");
            body = body.texts(paths.as_deref());
        }
        (body, about, Subject::Nothing)
    }

    /// A path: mostly of a node, else one near nodes, else an odd one.
    fn path(&mut self) -> String {
        match self.prng.below(100) {
            0..=74 => self.known_path(),
            75..=84 => self.new_path(),
            85..=89 => match self.former.len() {
                0 => self.new_path(),
                len => self.former[self.prng.below(len as u64) as usize].clone(),
            },
            _ => values::odd_path(&mut self.prng),
        }
    }

    fn known_path(&mut self) -> String {
        let at = self.prng.below(self.nodes.len() as u64) as usize;
        self.nodes.keys().nth(at).expect("the root is always known").clone()
    }

    /// A node without children, if a few tries find one.
    fn leaf(&mut self) -> String {
        for _ in 0..8 {
            let path = self.known_path();
            let below = format!("{path}/");
            let next = self.nodes.range(below.clone()..).next();
            if path != "/" && next.is_none_or(|(next, _)| !next.starts_with(&below)) {
                return path;
            }
        }
        self.known_path()
    }

    /// A child of a node, there or not.
    fn new_path(&mut self) -> String {
        let parent = match self.prng.below(10) {
            0..=2 => "/".to_owned(),
            3 => format!("/{}/{}", values::name(&mut self.prng), values::name(&mut self.prng)),
            _ => self.known_path(),
        };
        let depth = parent.matches('/').count();
        let parent = if depth > 12 || parent.starts_with("/zookeeper") { "/".to_owned() } else { parent };
        let slash = if parent.ends_with('/') { "" } else { "/" };
        let name = if self.prng.chance(1, 20) { "" } else { values::name(&mut self.prng) };
        format!("{parent}{slash}{name}")
    }

    fn known(&self, path: &str) -> Node {
        self.nodes.get(path).copied().unwrap_or_default()
    }

    /// Takes what a reply tells.
    pub fn learn(&mut self, ask: &Ask, learned: &Learned) {
        self.last_zxid = self.last_zxid.max(learned.zxid);
        self.take(&ask.subject, learned);
    }

    fn take(&mut self, subject: &Subject, learned: &Learned) {
        if let Some(created) = learned.created.as_ref().filter(|created| !created.starts_with(values::QUOTA)) {
            self.nodes.insert(created.clone(), Node::default());
        }
        match subject {
            Subject::Nothing => {}
            Subject::Limits { path, there } if learned.err == 0 => self.quotas.learn(path, *there),
            Subject::Limits { .. } => {}
            Subject::Node(path) | Subject::Deleted(path) if learned.err == zk_wire::ErrorCode::NO_NODE.0 => {
                self.forget(path);
            }
            Subject::Deleted(path) if learned.err == 0 => self.forget(path),
            Subject::Deleted(_) => {}
            Subject::Node(path) => {
                if let Some(stat) = &learned.stat {
                    let node = Node { version: stat.version, aversion: stat.aversion };
                    self.nodes.insert(path.clone(), node);
                }
            }
            Subject::Parts(parts) => {
                // Of a multi that failed nothing happened, though its first parts say OK.
                if learned.parts.iter().any(|part| part.err != 0) {
                    return;
                }
                for (subject, learned) in parts.iter().zip(&learned.parts) {
                    self.take(subject, learned);
                }
            }
        }
    }

    fn forget(&mut self, path: &str) {
        if path != "/" && self.nodes.remove(path).is_some() {
            self.former.push_back(path.to_owned());
            if self.former.len() > 40 {
                self.former.pop_front();
            }
        }
    }
}

/// Whether a request asks, perhaps by a broken body, for what is left out.
fn asks_for_left_out(ask: &Ask) -> bool {
    let r = &mut base::Reader::new(bytes::Bytes::copy_from_slice(&ask.body));
    match OpCode(ask.opcode) {
        // Apache's server ends over a createTTL of another mode without a time (`docs/divergence.md`).
        OpCode::CREATE_TTL => <zk_wire::CreateTtlRequest as zk_wire::Jute>::decode(r).is_ok_and(|request| {
            let mode = zk_wire::CreateMode::from_flags(request.flags);
            request.ttl_ms < 0 && mode.is_some_and(|mode| !mode.is_ttl())
        }),
        OpCode::MULTI => <MultiRequest as zk_wire::Jute>::decode(r)
            .is_ok_and(|request| request.ops.iter().any(|op| LEFT_OUT.contains(&op.opcode()))),
        _ => LEFT_OUT.iter().any(|opcode| opcode.0 == ask.opcode),
    }
}
