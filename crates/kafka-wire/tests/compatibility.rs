//! The table in `docs/compatibility.md` against what is served.

use kafka_wire::api::served_versions;
use kafka_wire::{ApiKey, SERVED};

const PAGE: &str = include_str!("../../../docs/compatibility.md");

/// Key, name, versions served and Apache's, of every row.
fn rows() -> Vec<[&'static str; 4]> {
    let rows = PAGE.lines().filter_map(|line| line.strip_prefix("| "));
    let cells = rows.map(|row| row.split('|').map(str::trim).collect::<Vec<_>>());
    cells.filter(|c| c.len() >= 4 && c[0].parse::<i16>().is_ok()).map(|c| [c[0], c[1], c[2], c[3]]).collect()
}

fn versions(low: i16, high: i16) -> String {
    if low == high { low.to_string() } else { format!("{low} to {high}") }
}

#[test]
fn the_table_says_what_is_served() {
    let rows = rows();
    for [number, name, served, _] in &rows {
        let key = ApiKey::from_i16(number.parse().unwrap()).unwrap();
        assert_eq!(key.name(), *name);
        let expected = served_versions(key).map_or(String::new(), |range| versions(*range.start(), *range.end()));
        assert_eq!(*served, expected, "versions of {name} in docs/compatibility.md");
    }
    for served in SERVED {
        assert!(rows.iter().any(|row| row[1] == served.key.name()), "docs/compatibility.md lacks {}", served.key);
    }
}

/// What a running 3.9.2 broker lists with ZooKeeper, key and highest version; every lowest one is 0.
#[test]
fn the_schemas_have_every_version_that_apache_lists() {
    const LISTED: &str = "0:11 1:17 2:9 3:12 4:7 5:4 6:8 7:3 8:9 9:9 10:6 11:9 12:4 13:5 14:5 15:5 16:5 17:1 18:4 19:7 20:6 \
        21:2 22:5 23:4 24:5 25:4 26:4 27:1 28:4 29:3 30:3 31:3 32:4 33:2 34:2 35:4 36:2 37:3 38:3 39:2 40:2 41:3 42:2 43:2 \
        44:1 45:0 46:0 47:0 48:1 49:1 50:0 51:0 56:3 57:1 58:0 60:1 61:0 65:0 66:1 67:0 68:0 69:0";
    let mut count = 0;
    for entry in LISTED.split_whitespace() {
        let (key, highest) = entry.split_once(':').unwrap();
        let key = ApiKey::from_i16(key.parse().unwrap()).unwrap();
        let highest: i16 = highest.parse().unwrap();
        assert_eq!(key.versions(), Some(0..=highest), "{key}");
        let row = rows().into_iter().find(|row| row[1] == key.name()).unwrap();
        assert_eq!(row[3], versions(0, highest), "Apache's versions of {key} in docs/compatibility.md");
        count += 1;
    }
    assert_eq!(count, 62);
}
