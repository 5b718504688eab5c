//! Every message in every version: what was written is read back and written the same, and no bytes, however wrong, do more
//! than give an error within the frame's budget.

mod common;

use base::bytes::DecodeError;
use base::{Prng, Reader};
use bytes::{Bytes, BytesMut};
use kafka_wire::Message as _;
use kafka_wire::codecs::{CODECS, Codec};
use kafka_wire::messages::{FetchRequest, MetadataRequest};

/// The messages of the schemas beside the codecs generated from them.
fn pairs() -> Vec<(common::schema::Message, &'static Codec)> {
    let messages = common::messages();
    assert_eq!(messages.len(), CODECS.len());
    let pairs: Vec<_> = messages.into_iter().zip(CODECS).collect();
    for (message, codec) in &pairs {
        assert!(codec.name.starts_with(&message.name), "{} beside {}", message.name, codec.name);
    }
    pairs
}

#[test]
fn every_version_comes_back_as_the_same_bytes() {
    let mut prng = Prng::new(7);
    let mut count = 0;
    for (message, codec) in pairs() {
        for version in codec.min..=codec.max {
            count += 1;
            for _ in 0..20 {
                let bytes = Bytes::from(common::sample(&message, version, &mut prng));
                let mut r = Reader::new(bytes.clone());
                let mut out = BytesMut::new();
                let result = (codec.recode)(&mut r, version, &mut out);
                assert_eq!(result, Ok(()), "{} v{version} from {bytes:?}", codec.name);
                assert!(r.is_empty(), "{} v{version} leaves bytes", codec.name);
                assert_eq!(out, bytes, "{} v{version}", codec.name);
            }
        }
    }
    assert!(count > 600, "only {count} messages and versions");
}

#[test]
fn a_message_that_ends_early_is_an_error() {
    let mut prng = Prng::new(8);
    for (message, codec) in pairs() {
        for version in codec.min..=codec.max {
            let bytes = Bytes::from(common::sample(&message, version, &mut prng));
            for end in 0..bytes.len() {
                let result = (codec.recode)(&mut Reader::new(bytes.slice(..end)), version, &mut BytesMut::new());
                assert!(result.is_err(), "{} v{version} takes {end} of {} bytes", codec.name, bytes.len());
            }
        }
    }
}

/// Lengths and counts that lie, at every place. An allocation by such a number would end the process or take minutes.
#[test]
fn wrong_bytes_are_at_most_an_error() {
    const LIES: [&[u8]; 6] = [
        &[0x7f, 0xff, 0xff, 0xff],
        &[0xff, 0xff, 0xff, 0xff, 0x0f],
        &[0x7f, 0xff],
        &[0x80, 0, 0, 0],
        &[0xff, 0xff, 0xff, 0xfe],
        &[0, 0, 0xff, 0xff],
    ];
    let mut prng = Prng::new(9);
    for (message, codec) in pairs() {
        for version in codec.min..=codec.max {
            let good = common::sample(&message, version, &mut prng);
            for at in 0..=good.len() {
                for lie in LIES {
                    let mut bytes = good.clone();
                    bytes.truncate(at);
                    bytes.extend(lie);
                    bytes.extend(good.get(at + lie.len()..).unwrap_or_default());
                    let mut out = BytesMut::new();
                    let size = bytes.len();
                    // Either outcome is right; what decodes cannot hold more than there was.
                    if (codec.recode)(&mut Reader::new(Bytes::from(bytes)), version, &mut out).is_ok() {
                        assert!(out.len() <= size, "{} v{version} makes {} bytes of {size}", codec.name, out.len());
                    }
                }
            }
        }
    }
}

#[test]
fn a_count_is_held_against_what_is_left() {
    let claim = Bytes::from_static(&[0x7f, 0xff, 0xff, 0xff, 0]);
    let result = MetadataRequest::decode(&mut Reader::new(claim), 4);
    assert_eq!(result, Err(DecodeError::Unreasonable { what: "element count", value: 0x7fff_ffff }));
}

/// Topics without a name and without partitions: six bytes each on the wire, a struct each in memory.
#[test]
fn small_elements_cannot_exceed_the_budget() {
    let frame = |topics: u32| {
        let mut bytes = vec![0; 4 + 4 + 4 + 4 + 1];
        bytes.extend(topics.to_be_bytes());
        bytes.resize(bytes.len() + 6 * topics as usize, 0);
        FetchRequest::decode(&mut Reader::new(Bytes::from(bytes)), 4)
    };
    assert_eq!(frame(100).map(|request| request.topics.len()), Ok(100));
    assert!(matches!(frame(1_000_000), Err(DecodeError::BudgetExhausted { .. })));
}
