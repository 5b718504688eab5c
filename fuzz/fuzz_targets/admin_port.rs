//! An HTTP request to the AdminServer of a running server: the input's lines are the target, the query and the header
//! fields, `Authorization` among them. An input that begins with a zero byte goes out as it is; behind a byte of 1 is the
//! body of a `restore` by somebody who may do it.
#![no_main]

use std::sync::LazyLock;

use castlekeep_fuzz::{Servers, exchange};
use libfuzzer_sys::fuzz_target;

static SERVERS: LazyLock<Servers> = LazyLock::new(Servers::start);

fuzz_target!(|data: &[u8]| {
    let request = match data.split_first() {
        Some((0, raw)) => raw.to_vec(),
        Some((1, snapshot)) => restore(snapshot),
        _ => request(data),
    };
    assert!(exchange(SERVERS.http, &request), "the port is gone");
});

fn restore(snapshot: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST /commands/restore HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: digest a:b\r\n\
         content-length: {}\r\n\r\n",
        snapshot.len()
    );
    [head.as_bytes(), snapshot].concat()
}

fn request(data: &[u8]) -> Vec<u8> {
    let mut lines = data.split(|byte| *byte == b'\n');
    let mut request = b"GET /commands/".to_vec();
    request.extend_from_slice(lines.next().unwrap_or_default());
    request.extend_from_slice(b" HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: ");
    request.extend_from_slice(lines.next().unwrap_or_default());
    for line in lines {
        request.extend_from_slice(b"\r\n");
        request.extend_from_slice(line);
    }
    request.extend_from_slice(b"\r\n\r\n");
    request
}
