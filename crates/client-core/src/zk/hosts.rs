//! The connection string: `host:port,host:port/chroot`.

use base::Prng;

/// A server's address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Host {
    /// Name or address, without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
}

/// The servers of a connection string and the path under which the client lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectString {
    /// At least one server.
    pub hosts: Vec<Host>,
    /// Empty, or a path without a slash at its end.
    pub chroot: String,
}

impl ConnectString {
    /// Parses `host[:port],...[/chroot]`; the port is 2181 when left out.
    ///
    /// # Errors
    /// What is wrong with which part.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (hosts, chroot) = match text.find('/') {
            Some(slash) => text.split_at(slash),
            None => (text, ""),
        };
        let chroot = if chroot == "/" { "" } else { chroot };
        if chroot.ends_with('/') || chroot.contains("//") {
            return Err(format!("chroot {chroot:?} of the connection string is not a znode path"));
        }
        let hosts = hosts
            .split(',')
            .map(str::trim)
            .filter(|host| !host.is_empty())
            .map(parse_host)
            .collect::<Result<Vec<_>, _>>()?;
        if hosts.is_empty() {
            return Err(format!("connection string {text:?} names no server"));
        }
        Ok(Self { hosts, chroot: chroot.to_string() })
    }
}

fn parse_host(text: &str) -> Result<Host, String> {
    let fail = || format!("server {text:?} of the connection string is not host:port");
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, "")) => (host, None),
        Some((host, rest)) => (host, Some(rest.strip_prefix(':').ok_or_else(fail)?)),
        // several colons without brackets are a bare IPv6 address
        None if text.matches(':').count() > 1 => (text, None),
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let port = match port {
        Some(port) => port.parse().map_err(|_| fail())?,
        None => 2181,
    };
    if host.is_empty() {
        return Err(fail());
    }
    Ok(Host { host: host.to_string(), port })
}

/// Walks the servers in a random order, round after round, as `StaticHostProvider.java` does.
#[derive(Debug)]
pub(super) struct HostRing {
    hosts: Vec<Host>,
    next: usize,
    /// Dials since the last connection that a server answered.
    failures: u32,
}

impl HostRing {
    pub(super) fn new(mut hosts: Vec<Host>, prng: &mut Prng) -> Self {
        assert!(!hosts.is_empty(), "a connection string has a server");
        for i in (1..hosts.len()).rev() {
            hosts.swap(i, prng.below(i as u64 + 1) as usize);
        }
        Self { hosts, next: 0, failures: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.hosts.len()
    }

    pub(super) fn advance(&mut self) -> Host {
        let host = self.hosts[self.next].clone();
        self.next = (self.next + 1) % self.hosts.len();
        host
    }

    /// The server answered: stay with it first the next time.
    pub(super) fn succeeded(&mut self) {
        self.failures = 0;
        self.next = (self.next + self.hosts.len() - 1) % self.hosts.len();
    }

    /// A dial or a connection failed; how long to wait before the next dial, in milliseconds. The first round goes
    /// through all servers at once; later rounds back off up to a second, with jitter, so that a thousand clients of
    /// a server that comes back do not arrive together.
    pub(super) fn failed(&mut self, prng: &mut Prng) -> u64 {
        self.failures = self.failures.saturating_add(1);
        let round = self.failures / self.hosts.len() as u32;
        if round == 0 {
            return 0;
        }
        let ceiling = (10_u64 << round.min(7)).min(1000);
        prng.between(ceiling / 2, ceiling)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(host: &str, port: u16) -> Host {
        Host { host: host.to_string(), port }
    }

    #[test]
    fn connection_strings() {
        let parsed = ConnectString::parse("a:1, b ,[::1]:3,::2/kafka/one").expect("valid");
        assert_eq!(parsed.hosts, [host("a", 1), host("b", 2181), host("::1", 3), host("::2", 2181)]);
        assert_eq!(parsed.chroot, "/kafka/one");
        assert_eq!(ConnectString::parse("a:1/").expect("valid").chroot, "");
        for bad in ["", "/x", "a:b", ":1", "a:1/x/", "a:1//x", "[::1]x"] {
            assert!(ConnectString::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_first_round_does_not_wait_and_later_ones_do() {
        let mut prng = Prng::new(1);
        let mut ring = HostRing::new(vec![host("a", 1), host("b", 2)], &mut prng);
        let mut seen = [ring.advance(), ring.advance()];
        seen.sort();
        assert_eq!(seen, [host("a", 1), host("b", 2)]);
        assert_eq!(ring.failed(&mut prng), 0);
        let wait = ring.failed(&mut prng);
        assert!((10..=20).contains(&wait), "{wait}");
        for _ in 0..40 {
            assert!(ring.failed(&mut prng) <= 1000);
        }
        ring.succeeded();
        assert_eq!(ring.failed(&mut prng), 0);
    }
}
