//! A frame as a client could send it, and the body of every other message. What decodes must encode, and decode to the
//! same bytes again; what does not must be an error.
#![no_main]

use base::Reader;
use bytes::{Bytes, BytesMut};
use kafka_wire::codecs::CODECS;
use kafka_wire::{RequestHeader, decode_request};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    frame(Bytes::copy_from_slice(data));
    if let Some(([which, version], body)) = data.split_first_chunk() {
        any_message(usize::from(*which), i16::from(*version), Bytes::copy_from_slice(body));
    }
});

fn frame(bytes: Bytes) {
    let mut r = Reader::new(bytes);
    if let Ok(header) = RequestHeader::decode(&mut r)
        && let Some(key) = header.key()
    {
        let _ = decode_request(key, header.api_version, &mut r);
    }
}

fn any_message(which: usize, version: i16, body: Bytes) {
    let codec = &CODECS[which % CODECS.len()];
    let version = codec.min + version % (codec.max - codec.min + 1);
    let mut once = BytesMut::new();
    if (codec.recode)(&mut Reader::new(body), version, &mut once).is_err() {
        return;
    }
    // The first decoding may skip unknown tags and odd forms of null; from then on nothing changes. The budget follows the
    // frame's size, which may shrink with what was skipped.
    let once = once.freeze();
    let mut twice = BytesMut::new();
    let budget = base::limits::DecodeBudget::of(usize::MAX);
    let again = (codec.recode)(&mut Reader::with_budget(once.clone(), budget), version, &mut twice);
    assert_eq!(again, Ok(()), "{} v{version}", codec.name);
    assert_eq!(twice, once, "{} v{version}", codec.name);
}
