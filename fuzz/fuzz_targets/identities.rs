//! Schemes, ids and passwords as a client may send them: addauth, the ids of access control lists, and who matches what.
#![no_main]

use std::net::{IpAddr, Ipv4Addr};

use keeper::{Config, DigestAlg, acl, auth};
use libfuzzer_sys::fuzz_target;
use zk_wire::{Acl, Id, perms};

const SCHEMES: [&str; 7] = ["digest", "ip", "world", "auth", "super", "sasl", "x509"];

fuzz_target!(|data: &[u8]| {
    let Some((which, rest)) = data.split_first() else { return };
    let config = Config { super_digest: Some("super:xQJmxLMiHGwaqBvst5y6rkB6HQs=".into()), ..Config::default() };
    let scheme = SCHEMES[usize::from(*which) % SCHEMES.len()];
    let peer = IpAddr::V4(Ipv4Addr::new(10, 1, 2, 3));
    let mut ids = vec![auth::ip_identity(peer)];
    if let Some(proved) = auth::authenticate(scheme, Some(rest), peer, &config) {
        let is_super = proved.iter().any(|id| id.scheme == "super");
        assert!(!is_super || rest.starts_with(b"super:"), "somebody became super");
        ids.extend(proved);
    }
    let text = String::from_utf8_lossy(rest).into_owned();
    let _ = auth::digest_id(DigestAlg::Sha1, &text);
    let entry = Acl { perms: perms::READ, id: Id { scheme: scheme.into(), id: text.as_str().into() } };
    let Ok(list) = acl::fixup(Some(std::slice::from_ref(&entry)), &ids, &config) else { return };
    assert!(scheme == "auth" || auth::is_valid(scheme, &text, &config) || entry.id.id == "anyone");
    let stranger = [Id { scheme: "digest".into(), id: "nobody:x".into() }];
    let _ = acl::allows(&list, perms::READ, &ids);
    let _ = acl::allows(&list, perms::READ, &stranger);
    assert!(!acl::allows(&list, perms::ADMIN, &stranger), "READ is not ADMIN");
    for entry in acl::masked(&list) {
        assert!(entry.id.scheme != "digest" || !entry.id.id.contains('=') || entry.id.id.ends_with(":x"));
    }
});
