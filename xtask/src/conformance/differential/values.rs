//! The values that requests are made of: likely ones, edges, and nonsense.

use base::Prng;

use super::body::{Entry, List};

/// Paths that are no paths, and paths at the edge of what is one. None beyond U+FFFF: Java writes those as two
/// surrogates, which is no UTF-8 (`docs/divergence.md`).
const ODD_PATHS: &[&str] = &[
    "",
    " ",
    "a",
    "a/b",
    "x/",
    "/",
    "//",
    "//a",
    "/a/",
    "/a//b",
    "/.",
    "/..",
    "/a/.",
    "/a/..",
    "/a/./b",
    "/a/../b",
    "/...",
    "/.a",
    "\0",
    "/\0",
    "/a\0b",
    "/\u{1}",
    "/a\u{1f}b",
    "/\u{7f}",
    "/\u{80}",
    "/\u{9f}",
    "/\u{a0}",
    "/\u{d7ff}",
    "/\u{e000}",
    "/\u{f8ff}",
    "/\u{f900}",
    "/\u{feff}",
    "/\u{ffef}",
    "/\u{fff0}",
    "/\u{fffd}",
    "/\u{ffff}",
    "/ ",
    "/a b",
    "/\u{e9}",
    "/\u{65e5}\u{672c}",
    "/zookeeper",
    "/zookeeper/config",
    "/zookeeper/quota",
    "/zookeeper/quota/a",
    "/zookeeper/none",
    "/zookeeper/none/none",
    "/none/none",
];

const NAMES: &[&str] = &["a", "b", "c", "d", "e", "lock-", "\u{e9}", "x y", "...", "0"];

/// A path that is odd.
pub fn odd_path(prng: &mut Prng) -> String {
    if prng.chance(1, 40) {
        return format!("/{}", "n".repeat(prng.between(200, 3000) as usize));
    }
    (*prng.pick(ODD_PATHS).expect("not empty")).to_owned()
}

/// The name of a node.
pub fn name(prng: &mut Prng) -> &'static str {
    prng.pick(NAMES).expect("not empty")
}

/// A node's data.
pub fn data(prng: &mut Prng) -> Option<Vec<u8>> {
    let len = match prng.below(20) {
        0 | 1 => return None,
        2 | 3 => 0,
        4 => prng.between(1000, 3000),
        5 if prng.chance(1, 10) => 60_000,
        _ => prng.between(1, 24),
    };
    let mut data = vec![0; len as usize];
    prng.fill(&mut data);
    Some(data)
}

/// An expected version, mostly one that fits `current`.
pub fn version(prng: &mut Prng, current: i32) -> i32 {
    match prng.below(20) {
        0..=11 => -1,
        12..=16 => current,
        17 => current.wrapping_add(1),
        18 => current.wrapping_sub(1),
        _ => *prng.pick(&[0, 1, -2, i32::MIN, i32::MAX]).expect("not empty"),
    }
}

/// The users that connections become, with the id that the scheme `digest` gives them.
pub const USERS: [(&str, &str); 2] =
    [("user:pass", "user:smGaoVKd/cQkjm7b88GyorAUz20="), ("super:admin", "super:xQJmxLMiHGwaqBvst5y6rkB6HQs=")];

/// Who may do everything, and the `superDigest` that says so.
pub const SUPER_USER: &str = "boss:secret";
/// As [`SUPER_USER`] has it.
pub const SUPER_DIGEST: &str = "boss:HmfhJIFKFBixIzUWoswupLD5Ih4=";

/// Below it are quotas.
pub const QUOTA: &str = "/zookeeper/quota/";

/// A time to live, long enough that nothing goes while the test runs, or one that is none.
pub fn ttl_ms(prng: &mut Prng) -> i64 {
    match prng.below(10) {
        0 => *prng.pick(&[0, -1, i64::MIN, i64::MAX, 1 << 40, -5]).expect("not empty"),
        1 => (1 << 40) - 1,
        _ => 3_600_000 + prng.below(1 << 30) as i64,
    }
}

const IP_IDS: &[&str] = &[
    "127.0.0.1",
    "127.0.0.1/32",
    "127.0.0.0/8",
    "0.0.0.0/0",
    "10.0.0.1",
    "10.0.0.0/8",
    "127.0.0.1/33",
    "127.0.0.1/",
    "127.0.0.1/-1",
    "127.0.0.1/+8",
    "127.0.0.1/08",
    "127.0.0.1/8/8",
    "127.0.0.1/x",
    "/8",
    "127.0.0",
    "127.0.0.0.1",
    "127.0.0.1.",
    "256.0.0.1",
    "127.00.0.1",
    "+127.0.0.1",
    "-1.0.0.1",
    "::1",
    "::",
    "::/0",
    "::1/128",
    "::1/129",
    "0:0:0:0:0:0:0:1",
    "1:2:3:4:5:6:7:8:9",
    "1::2::3",
    "::ffff:127.0.0.1",
    "fe80::1%lo",
    "12345::",
    "localhost",
    "",
    ":",
    " 127.0.0.1",
];

const DIGEST_IDS: &[&str] = &["a", "a:b", "a:b:c", "a:", ":b", ":", "::", "a:b:", "a::", ":a:b", "", "\u{e9}:\u{65e5}"];

/// One entry of a list, good or bad.
fn entry(prng: &mut Prng) -> Entry {
    let perms = match prng.below(12) {
        0..=5 => 31,
        6 => 1,
        7..=9 => prng.below(32) as i32,
        10 => 0,
        _ => *prng.pick(&[-1, 32, 64, i32::MIN, i32::MAX]).expect("not empty"),
    };
    let (scheme, id) = match prng.below(30) {
        0..=9 => ("world", "anyone"),
        10..=13 => ("auth", ""),
        14 => ("auth", "whatever"),
        15..=17 => ("digest", prng.pick(&USERS).expect("not empty").1),
        18..=20 => ("digest", *prng.pick(DIGEST_IDS).expect("not empty")),
        21..=25 => ("ip", *prng.pick(IP_IDS).expect("not empty")),
        26 => *prng
            .pick(&[
                ("world", "me"),
                ("world", ""),
                ("World", "anyone"),
                ("super", ""),
                ("super", "x"),
                ("sasl", "x"),
                ("x509", "CN=x"),
                ("none", "x"),
                ("", ""),
            ])
            .expect("not empty"),
        _ => ("world", "anyone"),
    };
    Entry::new(perms, scheme, id)
}

/// A list that lets everybody do everything.
pub fn open() -> List {
    Some(vec![Entry::new(31, "world", "anyone")])
}

/// A list: mostly open, so that the tree stays alive.
pub fn list(prng: &mut Prng) -> List {
    match prng.below(40) {
        0..=21 => open(),
        22 => Some(Vec::new()),
        23 if prng.chance(1, 3) => None,
        24..=27 => {
            let entry = entry(prng);
            Some(vec![entry.clone(), Entry::new(31, "world", "anyone"), entry])
        }
        28..=30 => Some((0..prng.between(2, 5)).map(|_| entry(prng)).collect()),
        _ => Some(vec![entry(prng)]),
    }
}

/// The flags of a create.
pub fn flags(prng: &mut Prng, modes: &[i32]) -> i32 {
    match prng.below(40) {
        0..=20 => 0,
        21 => *prng.pick(&[7, 8, -1, 100, i32::MIN, i32::MAX]).expect("not empty"),
        _ => *prng.pick(modes).expect("not empty"),
    }
}

/// Breaks a request's body.
pub fn break_body(prng: &mut Prng, body: &mut Vec<u8>) -> &'static str {
    let at = prng.below(body.len() as u64 + 1) as usize;
    match prng.below(8) {
        0..=2 => {
            body.truncate(at);
            "cut off"
        }
        3 | 4 if body.len() >= 4 => {
            let at = at.min(body.len() - 4);
            // No -1: where a string belongs, null is answered otherwise on purpose.
            let number = [-2, -3, i32::MIN, i32::MAX, 0x000f_ffff, 0x0010_0000, 0x0020_0000, 1000];
            let number = *prng.pick(&number).expect("not empty");
            // Counts and lengths are at the front of fields, and the first field is at the front of the body.
            let at = if prng.chance(1, 3) { 0 } else { at };
            body[at..at + 4].copy_from_slice(&number.to_be_bytes());
            "a number replaced"
        }
        5 if !body.is_empty() => {
            let at = at.min(body.len() - 1);
            body[at] ^= 1 << prng.below(8);
            "a bit turned"
        }
        6 => {
            let mut more = vec![0; prng.between(1, 40) as usize];
            prng.fill(&mut more);
            body.extend_from_slice(&more);
            "bytes added"
        }
        _ => {
            body.resize(prng.below(60) as usize, 0);
            prng.fill(body);
            "garbage"
        }
    }
}
