//! The binary under the names of Apache Kafka's scripts.

use std::process::{Command, Output};

const CASTLEKEEP: &str = env!("CARGO_BIN_EXE_castlekeep");

fn script(name: &str, args: &[&str]) -> Output {
    let dir = tempfile::tempdir().expect("a folder");
    let link = dir.path().join(name);
    std::os::unix::fs::symlink(CASTLEKEEP, &link).expect("a link");
    Command::new(link).args(args).output().expect("the program runs")
}

#[test]
fn without_a_file_the_start_script_prints_its_usage() {
    let said = script("kafka-server-start.sh", &[]);
    assert_eq!(said.status.code(), Some(1));
    let text = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(text.starts_with("USAGE: kafka-server-start.sh [-daemon] server.properties"), "{text}");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let said = script("kafka-server-start.sh", &["absent.properties", "--override", "broker.id=3"]);
    assert_eq!(said.status.code(), Some(1));
    let text = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(text.contains("cannot read absent.properties"), "{text}");
}

#[test]
fn dump_log_names_what_it_cannot_dump() {
    let dump = |args: &[&str]| {
        let said = Command::new(CASTLEKEEP).args(["kafka", "dump-log"]).args(args).output().expect("the program runs");
        (said.status.code(), String::from_utf8_lossy(&said.stderr).into_owned())
    };
    let (code, text) = dump(&[]);
    assert!(code == Some(1) && text.contains("no file is named"), "{text}");
    let (code, text) = dump(&["orders.txt"]);
    assert!(code == Some(1) && text.contains("cannot dump orders.txt: the name is no segment's"), "{text}");
    let (code, text) = dump(&["00000000000000000000.log"]);
    assert!(code == Some(1) && text.contains("cannot dump 00000000000000000000.log"), "{text}");
}

#[test]
fn a_damaged_segment_gives_exit_code_2() {
    let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/kafka/log-3.9.2/capture-codecs-0");
    let dir = tempfile::tempdir().expect("a folder");
    let name = "00000000000000000000.log";
    let mut bytes = std::fs::read(format!("{fixture}/{name}")).expect("the fixture is there");
    let copy = dir.path().join(name);
    let dump = |bytes: &[u8]| {
        std::fs::write(&copy, bytes).expect("a writable folder");
        let said = Command::new(CASTLEKEEP).args(["kafka", "dump-log"]).arg(&copy).output().expect("the program runs");
        (said.status.code(), String::from_utf8_lossy(&said.stdout).into_owned())
    };
    assert_eq!(dump(&bytes).0, Some(0));
    bytes[100] ^= 1;
    let (code, text) = dump(&bytes);
    assert!(code == Some(2) && text.contains("isvalid: false"), "{text}");
    bytes.truncate(1000);
    let (code, text) = dump(&bytes);
    assert!(code == Some(2) && text.contains("invalid bytes at the end of"), "{text}");
}
