//! What a person sees when everything is up.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;

/// In the banner's first line, and nowhere else in what a server prints.
pub const IS_READY: &str = " is ready (";

/// One line of the banner per listening role.
pub struct Listening<'a> {
    /// `ZooKeeper`, `Kafka` or `HTTP`.
    pub role: &'a str,
    /// Where it listens.
    pub addresses: &'a [SocketAddr],
}

/// The text printed on standard output once every role answers.
pub fn text(roles: &[Listening<'_>], data_dir: &Path, ready_ms: u128) -> String {
    let mut out = format!("castlekeep {}{IS_READY}{ready_ms} ms)\n\n", env!("CARGO_PKG_VERSION"));
    for role in roles {
        let addresses: Vec<String> = role.addresses.iter().map(ToString::to_string).collect();
        let _ = writeln!(out, "  {:<10} {}", role.role, addresses.join(", "));
    }
    let _ = writeln!(out, "  {:<10} {}", "data", data_dir.display());
    out.push_str("\nTry next:\n");
    let port =
        |wanted: &str| roles.iter().find(|r| r.role == wanted).and_then(|r| r.addresses.first()).map(|a| a.port());
    if let Some(port) = port("ZooKeeper") {
        let _ =
            writeln!(out, "  python3 examples/zookeeper_quickstart.py        any ZooKeeper client, localhost:{port}");
    }
    if let Some(port) = port("Kafka") {
        let _ = writeln!(out, "  python3 examples/kafka_quickstart.py            any Kafka client, localhost:{port}");
    }
    if let Some(port) = port("HTTP") {
        let _ = writeln!(out, "  http://localhost:{port}/                          health, metrics, commands");
    }
    out.push_str("\nCtrl-C stops it cleanly; the data stays.\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_listens_where_and_where_the_data_is() {
        let zk = ["127.0.0.1:2181".parse().unwrap(), "[::1]:2181".parse().unwrap()];
        let text = text(&[Listening { role: "ZooKeeper", addresses: &zk }], Path::new("./castlekeep-data"), 42);
        assert!(text.contains("is ready (42 ms)"));
        assert!(text.contains("ZooKeeper  127.0.0.1:2181, [::1]:2181"));
        assert!(text.contains("./castlekeep-data"));
        assert!(!text.contains("any Kafka client"));
    }
}
