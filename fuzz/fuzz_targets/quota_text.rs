//! The text of a quota: what is read is written so that it reads the same, and no change overflows.
#![no_main]

use base::Str;
use keeper::quota::{StatsTrack, exceeded};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some(mut track) = StatsTrack::parse(data) else { return };
    let again = StatsTrack::parse(track.to_string().as_bytes()).expect("it is our own text");
    assert_eq!((again.count(), again.bytes()), (track.count(), track.bytes()));
    assert_eq!(again.count_hard_limit(), track.count_hard_limit());
    assert_eq!(again.byte_hard_limit(), track.byte_hard_limit());
    let limited = Str::from("/a");
    for (count, bytes) in [(1, i64::MAX), (-1, i64::MIN), (i64::MAX, 0)] {
        let _ = exceeded(&limited, &track, &again, count, bytes).map(|over| over.to_string());
        track.add(count, bytes);
    }
});
