//! What clients do with quotas: as the Java shell and kazoo set, change, list and delete them.
//!
//! Nodes of quotas are known to this part alone: texts that are none would end Apache's server (`docs/divergence.md`).

use std::collections::BTreeSet;

use base::Prng;
use zk_wire::OpCode;

use super::asks::Subject;
use super::body::Body;
use super::values;

/// The nodes that get quotas; chance makes and deletes them and what is below.
const PATHS: &[&str] = &["/a", "/b", "/c", "/a/b"];

/// Limits in both forms. Small ones, so that they are exceeded, and large ones, so that the tree stays alive.
const LIMITS: &[&str] = &[
    "count=3,bytes=20",
    "count=1000,bytes=-1",
    "count=-1,bytes=-1=;countHardLimit=4",
    "count=-1,bytes=-1=;byteHardLimit=40",
    "count=2,bytes=9=;byteHardLimit=100;countHardLimit=6",
    "count=-1,bytes=-1=;byteHardLimit=100000;countHardLimit=1000",
    "countHardLimit=5",
    "",
];

/// Which paths have limits.
#[derive(Default)]
pub struct Quotas {
    limited: BTreeSet<&'static str>,
}

impl Quotas {
    /// Whether any has.
    pub fn any_limits(&self) -> bool {
        !self.limited.is_empty()
    }

    /// A path has limits now, or none any more.
    pub fn learn(&mut self, path: &'static str, there: bool) {
        if there {
            self.limited.insert(path);
        } else {
            self.limited.remove(path);
        }
    }

    /// The next request.
    pub fn ask(&mut self, prng: &mut Prng) -> (OpCode, Body, String, Subject) {
        let path = *prng.pick(PATHS).expect("not empty");
        let node = format!("{}{path}", values::QUOTA.trim_end_matches('/'));
        let (limits, stats) = (format!("{node}/zookeeper_limits"), format!("{node}/zookeeper_stats"));
        let text = *prng.pick(LIMITS).expect("not empty");
        let there = Subject::Limits { path, there: true };
        // Not for long: beside a quota nothing is sent in one go.
        match prng.below(30) {
            14..=29 => self.use_up(prng),
            0 | 1 => create(&node, "", Subject::Nothing),
            2 | 3 => create(&limits, text, there),
            4..=6 => create(
                &stats,
                prng.pick(&["count=-1,bytes=-1", "count=7,bytes=7", ""]).expect("not empty"),
                Subject::Nothing,
            ),
            7 => set(&limits, text, there),
            8 => set(
                &stats,
                prng.pick(&["count=1,bytes=1", "count=0,bytes=0=;x=5"]).expect("not empty"),
                Subject::Nothing,
            ),
            9 | 10 => look(&stats),
            11 if prng.chance(1, 3) => delete(&stats, Subject::Nothing),
            11 => delete(&node, Subject::Nothing),
            _ => match self.limited.first().copied() {
                Some(path) => {
                    let limits = format!("{}{path}/zookeeper_limits", values::QUOTA.trim_end_matches('/'));
                    delete(&limits, Subject::Limits { path, there: false })
                }
                None => delete(&limits, Subject::Limits { path, there: false }),
            },
        }
    }

    /// Something below a path with limits.
    fn use_up(&self, prng: &mut Prng) -> (OpCode, Body, String, Subject) {
        let path = self.limited.first().copied().unwrap_or("/a");
        let below = format!("{path}/q{}", prng.below(12));
        match prng.below(6) {
            0 => create(path, "", Subject::Nothing),
            1..=3 => create(&below, "five!", Subject::Nothing),
            4 => set(&below, "more than that, and more", Subject::Nothing),
            _ => delete(&below, Subject::Nothing),
        }
    }
}

fn create(path: &str, data: &str, subject: Subject) -> (OpCode, Body, String, Subject) {
    let body = Body::new().text(path).buffer(Some(data.as_bytes())).list(&values::open()).int(0);
    (OpCode::CREATE, body, format!("create {path:?} {data:?}"), subject)
}

fn set(path: &str, data: &str, subject: Subject) -> (OpCode, Body, String, Subject) {
    let body = Body::new().text(path).buffer(Some(data.as_bytes())).int(-1);
    (OpCode::SET_DATA, body, format!("setData {path:?} {data:?}"), subject)
}

fn look(path: &str) -> (OpCode, Body, String, Subject) {
    (OpCode::GET_DATA, Body::new().text(path).byte(0), format!("getData {path:?}"), Subject::Nothing)
}

fn delete(path: &str, subject: Subject) -> (OpCode, Body, String, Subject) {
    (OpCode::DELETE, Body::new().text(path).int(-1), format!("delete {path:?}"), subject)
}
