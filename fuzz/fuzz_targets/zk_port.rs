//! Bytes on the clients' port of a running server: four-letter words, connect requests, everything else. Nobody else may
//! notice.
#![no_main]

use std::sync::LazyLock;

use castlekeep_fuzz::{Servers, exchange};
use libfuzzer_sys::fuzz_target;

static SERVERS: LazyLock<Servers> = LazyLock::new(Servers::start);

fuzz_target!(|data: &[u8]| {
    assert!(exchange(SERVERS.zookeeper, data), "the port is gone");
});
