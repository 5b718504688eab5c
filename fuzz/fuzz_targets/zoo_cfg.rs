//! Configuration files of both systems and the flags of a launch script. Whatever they say, there is an answer.
#![no_main]

use libfuzzer_sys::fuzz_target;
use server::config::server_properties::{UnknownKeys, check};
use server::config::{java_flags, properties, zoo_cfg};

fuzz_target!(|data: &[u8]| {
    let Some((which, rest)) = data.split_first() else { return };
    let text = String::from_utf8_lossy(rest);
    match which % 3 {
        0 => {
            if let Err(problems) = zoo_cfg::parse(&text) {
                assert!(!problems.is_empty(), "a refusal without a reason");
            }
        }
        1 => {
            let Ok(properties) = properties::parse(&text) else { return };
            let pairs: Vec<_> = properties.iter().map(|p| (p.key.as_str(), p.value.as_str())).collect();
            let _ = check(pairs, UnknownKeys::Warn);
        }
        _ => {
            let flags = java_flags::read(java_flags::split(&text));
            let _ = zoo_cfg::parse_with_java("dataDir=/data\nclientPort=2181\n", &flags.properties);
        }
    }
});
