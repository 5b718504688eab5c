//! The table of operations in `docs/compatibility.md` against what is served.

use keeper::op::route;
use zk_wire::OpCode;

const PAGE: &str = include_str!("../../../docs/compatibility.md");

/// Name, number and "yes" or "no" of every row of the table.
fn rows() -> Vec<[&'static str; 3]> {
    let table = PAGE.split("| operation | number |").nth(1).expect("the table of operations");
    let rows = table.lines().skip(2).map_while(|line| line.strip_prefix("| "));
    rows.map(|row| row.split('|').map(str::trim).collect::<Vec<_>>()).map(|c| [c[0], c[1], c[2]]).collect()
}

#[test]
fn the_table_says_what_is_served() {
    let rows = rows();
    for (opcode, name) in OpCode::NAMED {
        let row = rows.iter().find(|row| row[0] == *name).unwrap_or_else(|| panic!("{name} is not in the table"));
        assert_eq!(row[1], opcode.0.to_string(), "{name}");
        assert_eq!(row[2], if route(*opcode).is_some() { "yes" } else { "no" }, "{name}");
    }
    assert_eq!(rows.len(), OpCode::NAMED.len() + 1, "connect has no number, everything else has a name");
}
