//! The authentication schemes `digest` and `ip` (upstream: `DigestAuthenticationProvider`, `IPAuthenticationProvider`).
//! `world` needs no identity, `super` is given by `digest`; `sasl` and `x509` come with their own listeners.

use core::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest as _, Sha1};
use sha2::{Sha224, Sha256, Sha384, Sha512};
use sha3::Sha3_256;
use zk_wire::Id;

use crate::config::Config;

/// How the scheme `digest` hides passwords. All servers and all ACLs of a tree must agree on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DigestAlg {
    /// The default of upstream.
    #[default]
    Sha1,
    /// SHA-224
    Sha224,
    /// SHA-256
    Sha256,
    /// SHA-384
    Sha384,
    /// SHA-512
    Sha512,
    /// SHA3-256
    Sha3_256,
}

impl DigestAlg {
    /// By the name that a JDK has for it, in any case; `None` for one that is not known here.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name.to_ascii_uppercase().as_str() {
            "SHA1" | "SHA-1" | "SHA" => Self::Sha1,
            "SHA-224" => Self::Sha224,
            "SHA-256" => Self::Sha256,
            "SHA-384" => Self::Sha384,
            "SHA-512" => Self::Sha512,
            "SHA3-256" => Self::Sha3_256,
            _ => return None,
        })
    }

    fn base64(self, bytes: &[u8]) -> String {
        match self {
            Self::Sha1 => STANDARD.encode(Sha1::digest(bytes)),
            Self::Sha224 => STANDARD.encode(Sha224::digest(bytes)),
            Self::Sha256 => STANDARD.encode(Sha256::digest(bytes)),
            Self::Sha384 => STANDARD.encode(Sha384::digest(bytes)),
            Self::Sha512 => STANDARD.encode(Sha512::digest(bytes)),
            Self::Sha3_256 => STANDARD.encode(Sha3_256::digest(bytes)),
        }
    }
}

/// The identity that every connection has.
pub fn ip_identity(peer: IpAddr) -> Id {
    Id { scheme: "ip".into(), id: peer.to_canonical().to_string().into() }
}

/// The identities that an auth packet adds; `None` when it is refused.
pub fn authenticate(scheme: &str, auth: Option<&[u8]>, peer: IpAddr, config: &Config) -> Option<Vec<Id>> {
    match scheme {
        "digest" if config.digest_auth_enabled => {
            // Bytes that are no UTF-8 are replaced, as Java's strings have it.
            let text = String::from_utf8_lossy(auth?);
            let digest = digest_id(config.digest_alg, &text);
            let mut ids = Vec::new();
            if config.super_digest.as_deref() == Some(digest.as_str()) {
                ids.push(Id { scheme: "super".into(), id: "".into() });
            }
            ids.push(Id { scheme: "digest".into(), id: digest.into() });
            Some(ids)
        }
        "ip" => Some(vec![ip_identity(peer)]),
        _ => None,
    }
}

/// `user:password` to `user:base64(sha1(user:password))`, or with another digest.
pub fn digest_id(alg: DigestAlg, user_password: &str) -> String {
    let user = user_password.split(':').next().unwrap_or_default();
    format!("{user}:{}", alg.base64(user_password.as_bytes()))
}

/// Whether ids of the scheme stand for somebody who proved who they are.
pub fn is_authenticated(scheme: &str) -> bool {
    scheme == "digest"
}

/// Whether an ACL may hold this id.
pub fn is_valid(scheme: &str, id: &str, config: &Config) -> bool {
    match scheme {
        // Parts between colons, empty ones at the end not counted, as Java's `split` has it.
        "digest" => config.digest_auth_enabled && id.trim_end_matches(':').split(':').count() == 2,
        "ip" => parse_net(id).is_some(),
        _ => false,
    }
}

/// Whether a connection's id is meant by an ACL's id of the same scheme.
pub fn matches(scheme: &str, own: &str, acl: &str) -> bool {
    match scheme {
        "ip" => own.parse().is_ok_and(|own| parse_net(acl).is_some_and(|(net, bits)| contains(net, bits, own))),
        _ => own == acl,
    }
}

fn parse_net(text: &str) -> Option<(IpAddr, u32)> {
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(java_int(bits, 10)?)),
        None => (text, None),
    };
    let address = parse_address(address)?;
    let width = if address.is_ipv4() { 32 } else { 128 };
    let bits = u32::try_from(bits.unwrap_or(width)).ok()?;
    (i64::from(bits) <= width).then_some((address, bits))
}

/// An address as upstream reads it, which is neither stricter nor laxer than usual: signs and leading zeros are taken,
/// IPv4 within IPv6 and zones are not.
fn parse_address(text: &str) -> Option<IpAddr> {
    if text.contains(':') {
        return parse_v6(text);
    }
    let parts: Vec<&str> = text.split('.').collect();
    let parts: [&str; 4] = parts.try_into().ok()?;
    let mut octets = [0; 4];
    for (octet, part) in octets.iter_mut().zip(parts) {
        *octet = u8::try_from(java_int(part, 10)?).ok()?;
    }
    Some(octets.into())
}

fn parse_v6(text: &str) -> Option<IpAddr> {
    let segments = |part: &str| -> Option<Vec<u16>> {
        let segment = |text: &str| if text.len() > 4 { None } else { Some(java_int(text, 16)? as u16) };
        part.split(':').map(segment).collect()
    };
    let some = |part: &str| if part.is_empty() { Some(Vec::new()) } else { segments(part) };
    let parts: Vec<&str> = text.split("::").collect();
    let (front, back) = match parts[..] {
        [all] => (segments(all).filter(|all| all.len() == 8)?, Vec::new()),
        [front, back] => (some(front)?, some(back)?),
        _ => return None,
    };
    if parts.len() == 2 && front.len() + back.len() >= 8 {
        return None;
    }
    let mut all = [0; 8];
    all[..front.len()].copy_from_slice(&front);
    all[8 - back.len()..].copy_from_slice(&back);
    Some(all.into())
}

/// `Integer.parseInt`
fn java_int(text: &str, radix: u32) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    i32::from_str_radix(text, radix).ok().map(i64::from)
}

fn contains(net: IpAddr, bits: u32, own: IpAddr) -> bool {
    match (net, own) {
        (IpAddr::V4(net), IpAddr::V4(own)) => (net.to_bits() ^ own.to_bits()).leading_zeros() >= bits,
        (IpAddr::V6(net), IpAddr::V6(own)) => (net.to_bits() ^ own.to_bits()).leading_zeros() >= bits,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: IpAddr = IpAddr::V4(core::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn digests_are_upstreams() {
        let table = [
            ("SHA1", "user:smGaoVKd/cQkjm7b88GyorAUz20="),
            ("sha-256", "user:70yRTFkWmLJo2zxkFj6v2nIJpjDyNuvw7r8EVGDfcjo="),
            ("SHA-384", "user:HCMIuQnSVR4Ge6EqefZYDR5jDoZgKCFDqLIj+NFPNcMCWoRCnlIHxYGRib8lxoES"),
            (
                "SHA-512",
                "user:byB8hNs+LzOYofjeMGiIfR/jKrcms8i5ls17owJgMPc/97CxZ1nTVHmKawnszYHC8bu9VMh6GIu6lFZ1BXBL3Q==",
            ),
            ("SHA3-256", "user:MKfo05p7nYw1Yb/bzA4GEyZLUt02iFpxN0ASiDBnsjw="),
        ];
        for (name, expected) in table {
            let alg = DigestAlg::from_name(name).expect("a name that a JDK knows");
            assert_eq!(digest_id(alg, "user:pass"), expected, "{name}");
        }
        assert_eq!(DigestAlg::from_name("MD4"), None);
        let admin = "super:xQJmxLMiHGwaqBvst5y6rkB6HQs=";
        let config = Config { super_digest: Some(admin.to_string()), ..Config::default() };
        let ids = authenticate("digest", Some(b"super:admin"), PEER, &config).expect("digest never fails");
        assert_eq!(ids.iter().map(|id| &*id.scheme).collect::<Vec<_>>(), ["super", "digest"]);
        let ids = authenticate("digest", Some(b"super:wrong"), PEER, &config).expect("digest never fails");
        assert_eq!(ids.len(), 1);
        assert_eq!(authenticate("sasl", Some(b""), PEER, &config), None);
        let off = Config { digest_auth_enabled: false, ..config };
        assert_eq!(authenticate("digest", Some(b"super:admin"), PEER, &off), None);
    }

    #[test]
    fn ids_of_acls() {
        for (id, valid) in [("a:b", true), ("a", false), ("a:", false), (":b", true), ("a:b:c", false), ("a:b:", true)]
        {
            assert_eq!(is_valid("digest", id, &Config::default()), valid, "{id}");
        }
        for (id, valid) in
            [("10.0.0.1", true), ("10.0.0.0/8", true), ("::1/128", true), ("x", false), ("::/129", false)]
        {
            assert_eq!(is_valid("ip", id, &Config::default()), valid, "{id}");
        }
    }

    #[test]
    fn addresses_are_read_as_upstream_reads_them() {
        for (id, valid) in [
            ("127.00.0.1", true),
            ("+127.0.0.1/+8", true),
            ("127.0.0.1/08", true),
            ("-1.0.0.1", false),
            ("127.0.0", false),
            ("127.0.0.1/8/8", false),
            ("0:0:0:0:0:0:0:1", true),
            ("1:2:3:4:5:6:7::", true),
            ("1:2:3:4::5:6:7:8", false),
            ("1::2::3", false),
            ("::ffff:127.0.0.1", false),
            ("fe80::1%lo", false),
            (":", false),
            ("", false),
        ] {
            assert_eq!(is_valid("ip", id, &Config::default()), valid, "{id}");
        }
    }

    #[test]
    fn passwords_that_are_no_utf_8_are_taken_and_missing_ones_are_not() {
        let config = Config::default();
        assert!(authenticate("digest", Some(b"\xff:\xc3"), PEER, &config).is_some());
        assert_eq!(authenticate("digest", None, PEER, &config), None);
    }

    #[test]
    fn addresses_and_nets() {
        let table = [
            ("10.1.2.3", "10.1.2.3", true),
            ("10.1.2.3", "10.0.0.0/8", true),
            ("11.1.2.3", "10.0.0.0/8", false),
            ("10.1.2.3", "0.0.0.0/0", true),
            ("::1", "::1", true),
            ("fe80::1", "fe80::/10", true),
            ("::1", "0.0.0.0/0", false),
            ("10.1.2.3", "::/0", false),
        ];
        for (own, acl, expected) in table {
            assert_eq!(matches("ip", own, acl), expected, "{own} in {acl}");
        }
    }
}
