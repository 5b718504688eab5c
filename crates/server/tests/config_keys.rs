//! The table of configuration keys in `docs/compatibility.md` against the one in the code.

use server::config::broker_key_states::ROWS;
use server::config::zoo_keys::{Place, ZOO_KEYS};

const PAGE: &str = include_str!("../../../docs/compatibility.md");
const HEAD: &str = "| key | read from | Apache's default | here |\n|---|---|---|---|\n";

#[test]
fn the_table_says_what_becomes_of_each_key() {
    let mut expected = String::new();
    for key in ZOO_KEYS {
        let family = if key.name.ends_with('.') { "*" } else { "" };
        let place = match key.place {
            Place::File => "file",
            Place::Property => "file, `-D`",
        };
        let state = key.state_in_words();
        expected += &format!("| `{}{family}` | {place} | {} | {state} |\n", key.name, key.default);
    }
    let table = PAGE.split_once(HEAD).expect("the table of keys").1;
    let table = table.split_inclusive('\n').take_while(|line| line.starts_with('|')).collect::<String>();
    assert!(table == expected, "docs/compatibility.md needs this table below its head:\n{HEAD}{expected}");
}

#[test]
fn the_table_says_what_becomes_of_each_key_of_a_broker() {
    let head = "| key of a broker | Apache's default | here |\n|---|---|---|\n";
    let mut expected = String::new();
    for row in ROWS {
        let family = if row.name.ends_with('.') { "*" } else { "" };
        expected += &format!("| `{}{family}` | {} | {} |\n", row.name, row.default_in_words(), row.state_in_words());
    }
    let table = PAGE.split_once(head).map_or("", |(_, rest)| rest);
    let table = table.split_inclusive('\n').take_while(|line| line.starts_with('|')).collect::<String>();
    assert!(table == expected, "docs/compatibility.md needs this table:\n{head}{expected}");
}
