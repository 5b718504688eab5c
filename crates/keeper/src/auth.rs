//! The authentication schemes `digest` and `ip` (upstream: `DigestAuthenticationProvider`, `IPAuthenticationProvider`).
//! `world` needs no identity, `super` is given by `digest`; `sasl` and `x509` come with their own listeners.

use core::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest as _, Sha1};
use zk_wire::Id;

/// The identity that every connection has.
pub fn ip_identity(peer: IpAddr) -> Id {
    Id { scheme: "ip".into(), id: peer.to_canonical().to_string().into() }
}

/// The identities that an auth packet adds; `None` when it is refused.
pub fn authenticate(scheme: &str, auth: &[u8], peer: IpAddr, super_digest: Option<&str>) -> Option<Vec<Id>> {
    match scheme {
        "digest" => {
            let text = core::str::from_utf8(auth).ok()?;
            let digest = digest_id(text);
            let mut ids = Vec::new();
            if super_digest == Some(digest.as_str()) {
                ids.push(Id { scheme: "super".into(), id: "".into() });
            }
            ids.push(Id { scheme: "digest".into(), id: digest.into() });
            Some(ids)
        }
        "ip" => Some(vec![ip_identity(peer)]),
        _ => None,
    }
}

/// `user:password` to `user:base64(sha1(user:password))`.
pub fn digest_id(user_password: &str) -> String {
    let user = user_password.split(':').next().unwrap_or_default();
    format!("{user}:{}", STANDARD.encode(Sha1::digest(user_password.as_bytes())))
}

/// Whether ids of the scheme stand for somebody who proved who they are.
pub fn is_authenticated(scheme: &str) -> bool {
    scheme == "digest"
}

/// Whether an ACL may hold this id.
pub fn is_valid(scheme: &str, id: &str) -> bool {
    match scheme {
        // Parts between colons, empty ones at the end not counted, as Java's `split` has it.
        "digest" => id.trim_end_matches(':').split(':').count() == 2,
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
        Some((address, bits)) => (address, Some(bits.parse::<u32>().ok()?)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let width = if address.is_ipv4() { 32 } else { 128 };
    let bits = bits.unwrap_or(width);
    (bits <= width).then_some((address, bits))
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
        assert_eq!(digest_id("user:pass"), "user:smGaoVKd/cQkjm7b88GyorAUz20=");
        let admin = "super:xQJmxLMiHGwaqBvst5y6rkB6HQs=";
        let ids = authenticate("digest", b"super:admin", PEER, Some(admin)).expect("digest never fails");
        assert_eq!(ids.iter().map(|id| &*id.scheme).collect::<Vec<_>>(), ["super", "digest"]);
        let ids = authenticate("digest", b"super:wrong", PEER, Some(admin)).expect("digest never fails");
        assert_eq!(ids.len(), 1);
        assert_eq!(authenticate("sasl", b"", PEER, None), None);
    }

    #[test]
    fn ids_of_acls() {
        for (id, valid) in [("a:b", true), ("a", false), ("a:", false), (":b", true), ("a:b:c", false), ("a:b:", true)]
        {
            assert_eq!(is_valid("digest", id), valid, "{id}");
        }
        for (id, valid) in
            [("10.0.0.1", true), ("10.0.0.0/8", true), ("::1/128", true), ("x", false), ("::/129", false)]
        {
            assert_eq!(is_valid("ip", id), valid, "{id}");
        }
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
