//! `zoo.cfg` and the flags of a launch script. Whatever they say, there is an answer. The files
//! that a `zoo.cfg` names (`myid`, `dynamicConfigFile`) have what is behind a zero byte, wherever they are.
#![no_main]

use libfuzzer_sys::fuzz_target;
use server::config::{java_flags, zoo_cfg};

fuzz_target!(|data: &[u8]| {
    let Some((which, rest)) = data.split_first() else { return };
    let text = String::from_utf8_lossy(rest);
    let (text, other_files) = text.split_once('\0').unwrap_or((&text, ""));
    let read = |_: &std::path::Path| Ok(other_files.to_owned());
    match which % 2 {
        0 => {
            if let Err(problems) = zoo_cfg::parse_with_files(text, &[], &read) {
                assert!(!problems.is_empty(), "a refusal without a reason");
            }
        }
        _ => {
            let flags = java_flags::read(java_flags::split(text));
            let _ = zoo_cfg::parse_with_files("dataDir=/data\nclientPort=2181\n", &flags.properties, &read);
        }
    }
});
