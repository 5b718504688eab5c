//! Who is in the ensemble and where: the `server.N`, `group.G` and `weight.N` lines of a configuration.
//!
//! ```text
//! server.N=host:quorumPort:electionPort[|host:..:..]*[:participant|:observer][;[clientHost:]clientPort]
//! group.G=N:N:..
//! weight.N=W
//! version=HEX
//! ```
//! The same text is the data of `/zookeeper/config`, of NEWLEADER and of the votes. Upstream: `QuorumPeer.QuorumServer`,
//! `flexible/QuorumMaj.java`, `flexible/QuorumHierarchical.java`, `QuorumPeerConfig.parseDynamicConfig`.

use core::fmt;
use std::collections::{BTreeMap, BTreeSet};

use zab::quorum::GroupWeight;
use zab::{QuorumVerifier, Sid};

/// A name or an address, and a port.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HostPort {
    /// As it was written; an IPv6 address without its brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// One address of a server, where other servers reach it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerAddress {
    /// As it was written; an IPv6 address without its brackets.
    pub host: String,
    /// Where a leader takes learners.
    pub quorum_port: u16,
    /// Where votes are exchanged.
    pub election_port: u16,
}

/// Whether a server votes (upstream: `LearnerType`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MemberRole {
    /// It does.
    #[default]
    Participant,
    /// It only listens.
    Observer,
}

/// One `server.N` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Where other servers reach it; at least one, all equally good.
    pub addresses: Vec<ServerAddress>,
    /// Whether it votes.
    pub role: MemberRole,
    /// Where clients reach it, when the line says so. A line with a port alone means every address.
    pub client: Option<HostPort>,
}

/// A configuration of the ensemble.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Membership {
    /// The zxid of the reconfig that made it; 0 from a configuration file.
    pub version: i64,
    /// Every server, by id.
    pub members: BTreeMap<Sid, Member>,
    /// The groups of a hierarchical quorum, by number; empty for a majority.
    groups: BTreeMap<i64, BTreeSet<Sid>>,
    /// Weights that were given; a voter of a group without one has 1.
    weights: BTreeMap<Sid, u64>,
}

impl HostPort {
    /// Reads `host:port`.
    pub fn parse(text: &str) -> Option<Self> {
        match &split_colons(text)?[..] {
            [host, port] if !host.is_empty() => Some(Self { host: (*host).to_string(), port: port.parse().ok()? }),
            _ => None,
        }
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", Bracketed(&self.host), self.port)
    }
}

/// A host as it stands before a colon.
struct Bracketed<'a>(&'a str);

impl fmt::Display for Bracketed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.contains(':') { write!(f, "[{}]", self.0) } else { f.write_str(self.0) }
    }
}

impl ServerAddress {
    /// Where a leader takes learners.
    pub fn quorum(&self) -> HostPort {
        HostPort { host: self.host.clone(), port: self.quorum_port }
    }

    /// Where votes are exchanged.
    pub fn election(&self) -> HostPort {
        HostPort { host: self.host.clone(), port: self.election_port }
    }
}

impl Member {
    /// Reads what stands behind `server.N=`.
    ///
    /// # Errors
    /// What is wrong, for people; without the line itself.
    pub fn parse(text: &str) -> Result<Self, String> {
        const SHAPE: &str = "a server is host:quorumPort:electionPort[:participant|observer][;[host:]clientPort]";
        let (servers, client) = match text.split_once(';') {
            Some((servers, client)) => (servers, Some(client.trim())),
            None => (text, None),
        };
        let mut member = Self { addresses: Vec::new(), role: MemberRole::default(), client: None };
        for server in servers.split('|') {
            let parts = split_colons(server.trim()).ok_or(SHAPE)?;
            let (&[host, quorum, election], role) = match &parts[..] {
                [address @ .., role] if address.len() == 3 => (address.first_chunk().ok_or(SHAPE)?, Some(*role)),
                address => (address.first_chunk::<3>().filter(|_| address.len() == 3).ok_or(SHAPE)?, None),
            };
            let port = |text: &str| match text.parse::<u16>() {
                Ok(port) if port > 0 => Ok(port),
                _ => Err(format!("{text} is no port")),
            };
            if host.is_empty() {
                return Err(SHAPE.into());
            }
            let (quorum_port, election_port) = (port(quorum)?, port(election)?);
            member.addresses.push(ServerAddress { host: host.to_string(), quorum_port, election_port });
            member.role = match role.map(str::to_ascii_lowercase).as_deref() {
                None => member.role,
                Some("participant") => MemberRole::Participant,
                Some("observer") => MemberRole::Observer,
                Some(other) => return Err(format!("{other} is neither participant nor observer")),
            };
        }
        member.client = match client.filter(|client| !client.is_empty()) {
            None => None,
            Some(client) => Some(client_address(client).ok_or_else(|| format!("{client} is no client address"))?),
        };
        Ok(member)
    }
}

/// `[host:]port`; a port alone means every address, for which upstream writes 0.0.0.0.
fn client_address(text: &str) -> Option<HostPort> {
    match text.parse() {
        Ok(port) => Some(HostPort { host: "0.0.0.0".into(), port }),
        Err(_) => HostPort::parse(text),
    }
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, address) in self.addresses.iter().enumerate() {
            let between = if at == 0 { "" } else { "|" };
            let host = Bracketed(&address.host);
            write!(f, "{between}{host}:{}:{}", address.quorum_port, address.election_port)?;
        }
        f.write_str(match self.role {
            MemberRole::Participant => ":participant",
            MemberRole::Observer => ":observer",
        })?;
        match &self.client {
            Some(client) => write!(f, ";{client}"),
            None => Ok(()),
        }
    }
}

/// The parts between colons; a part in brackets may have colons of its own.
fn split_colons(text: &str) -> Option<Vec<&str>> {
    let (mut parts, mut rest) = (Vec::new(), text);
    if let Some(bracketed) = text.strip_prefix('[') {
        let (host, behind) = bracketed.split_once(']')?;
        parts.push(host);
        rest = behind.strip_prefix(':')?;
    }
    parts.extend(rest.split(':'));
    Some(parts)
}

impl Membership {
    /// Whether a key is one of a membership's.
    pub fn is_key(key: &str) -> bool {
        ["server.", "group.", "weight."].iter().any(|prefix| key.starts_with(prefix))
    }

    /// Takes one line. A later line for the same server replaces an earlier one.
    ///
    /// # Errors
    /// What is wrong with the line, for people.
    pub fn add(&mut self, key: &str, value: &str) -> Result<(), String> {
        let wrong = |what: String| format!("{key}={value}: {what}");
        let id = |text: &str| match text.trim().parse::<Sid>() {
            Ok(id) if id >= 0 => Ok(id),
            _ => Err(wrong(format!("{text} is no server id"))),
        };
        if let Some(sid) = key.strip_prefix("server.") {
            self.members.insert(id(sid)?, Member::parse(value).map_err(wrong)?);
        } else if let Some(group) = key.strip_prefix("group.") {
            let sids = value.split(':').map(id).collect::<Result<BTreeSet<_>, _>>()?;
            if let Some(sid) = sids.iter().find(|sid| self.groups.values().any(|others| others.contains(*sid))) {
                return Err(wrong(format!("server {sid} is in another group too")));
            }
            self.groups.insert(id(group)?, sids);
        } else if let Some(sid) = key.strip_prefix("weight.") {
            let weight = value.trim().parse().map_err(|_| wrong(format!("{value} is no weight")))?;
            self.weights.insert(id(sid)?, weight);
        } else if key == "version" {
            self.version = i64::from_str_radix(value.trim(), 16).map_err(|_| wrong("no hexadecimal number".into()))?;
        } else {
            return Err(wrong("no key of a membership".into()));
        }
        Ok(())
    }

    /// Reads the text of a configuration, as [`Membership::fmt`] writes it.
    ///
    /// # Errors
    /// What is wrong, for people.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut membership = Self::default();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (key, value) = line.split_once('=').ok_or_else(|| format!("{line} is no line of a membership"))?;
            membership.add(key.trim(), value.trim())?;
        }
        membership.check()?;
        Ok(membership)
    }

    /// What its lines must fulfil together.
    ///
    /// # Errors
    /// What is wrong, for people.
    pub fn check(&self) -> Result<(), String> {
        if self.groups.is_empty() {
            return match self.weights.keys().next() {
                Some(sid) => Err(format!("weight.{sid} is set, and there are no groups; add group lines or remove it")),
                None => Ok(()),
            };
        }
        let grouped = |sid: &Sid| self.groups.values().any(|sids| sids.contains(sid));
        if let Some(sid) = self.voters().find(|sid| !grouped(sid)) {
            return Err(format!("server.{sid} votes and is in no group; add it to a group line"));
        }
        match self.groups.values().flatten().find(|sid| !self.members.contains_key(sid)) {
            Some(sid) => Err(format!("a group has server {sid}, for which there is no server line")),
            None => Ok(()),
        }
    }

    /// The configuration behind an incremental reconfig: `leaving` are ids, then `joining` are server lines, both separated
    /// by commas.
    ///
    /// # Errors
    /// What is wrong, for people.
    pub fn changed(&self, joining: Option<&str>, leaving: Option<&str>) -> Result<Self, String> {
        if !self.groups.is_empty() {
            return Err("a hierarchical quorum is changed as a whole".into());
        }
        let mut next = self.clone();
        for sid in leaving.into_iter().flat_map(|list| list.split(',')).map(str::trim).filter(|sid| !sid.is_empty()) {
            next.members.remove(&sid.parse::<Sid>().map_err(|_| format!("{sid} is no server id"))?);
        }
        for line in joining.into_iter().flat_map(|list| list.split(',')).map(str::trim).filter(|line| !line.is_empty())
        {
            let (key, value) = line.split_once('=').ok_or_else(|| format!("{line} is no server line"))?;
            let sid = key.trim().strip_prefix("server.").and_then(|sid| sid.parse::<Sid>().ok());
            next.add(key.trim(), value.trim())?;
            if sid.and_then(|sid| next.members.get(&sid)).is_none_or(|member| member.client.is_none()) {
                return Err(format!("{line} is no server line with a client port"));
            }
        }
        next.check_addresses()?;
        Ok(next)
    }

    /// The configuration behind a reconfig of the whole: lines separated by commas or line ends.
    ///
    /// # Errors
    /// What is wrong, for people.
    pub fn replaced(&self, members: &str) -> Result<Self, String> {
        let mut next = Self::parse(&members.replace(',', "\n"))?;
        next.version = self.version;
        next.check_addresses()?;
        Ok(next)
    }

    /// No two servers of a running ensemble have one address.
    fn check_addresses(&self) -> Result<(), String> {
        self.check()?;
        let mut taken = BTreeSet::new();
        for (sid, member) in &self.members {
            let others = member.addresses.iter().flat_map(|address| [address.quorum(), address.election()]);
            // Every machine has its own "every address".
            let client = member.client.clone().filter(|client| !matches!(&*client.host, "0.0.0.0" | "::"));
            if let Some(address) = others.chain(client).find(|address| !taken.insert(address.clone())) {
                return Err(format!("server.{sid} has the address {address} that is in use already"));
            }
        }
        Ok(())
    }

    /// The ids of those who vote.
    pub fn voters(&self) -> impl Iterator<Item = Sid> {
        let votes = |(sid, member): (&Sid, &Member)| (member.role == MemberRole::Participant).then_some(*sid);
        self.members.iter().filter_map(votes)
    }

    /// Whether a server votes.
    pub fn votes(&self, sid: Sid) -> bool {
        self.members.get(&sid).is_some_and(|member| member.role == MemberRole::Participant)
    }

    /// How votes are counted.
    pub fn verifier(&self) -> QuorumVerifier {
        if self.groups.is_empty() {
            return QuorumVerifier::majority(self.voters());
        }
        let place = |sid: Sid| {
            let group = self.groups.iter().find(|(_, sids)| sids.contains(&sid)).map_or(-1, |(group, _)| *group);
            (sid, GroupWeight { group, weight: self.weights.get(&sid).copied().unwrap_or(1) })
        };
        QuorumVerifier::Hierarchical { voters: self.voters().map(place).collect() }
    }

    /// The lines without the version, as they stand in a dynamic configuration file.
    pub fn lines(&self) -> Vec<String> {
        let servers = self.members.iter().map(|(sid, member)| format!("server.{sid}={member}"));
        let groups = self.groups.iter().map(|(group, sids)| {
            let sids: Vec<String> = sids.iter().map(Sid::to_string).collect();
            format!("group.{group}={}", sids.join(":"))
        });
        let weights = self.weights.iter().map(|(sid, weight)| format!("weight.{sid}={weight}"));
        servers.chain(groups).chain(weights).collect()
    }
}

/// The text of the configuration; its last line, the version, has no line end.
impl fmt::Display for Membership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in self.lines() {
            writeln!(f, "{line}")?;
        }
        write!(f, "version={:x}", self.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_lines_in_every_shape_read_and_print_as_upstreams() {
        // As written, as printed.
        let table = [
            ("zk1:2888:3888", "zk1:2888:3888:participant"),
            ("zk1:2888:3888;2181", "zk1:2888:3888:participant;0.0.0.0:2181"),
            ("10.0.0.1:2888:3888:OBSERVER;10.1.0.1:2181", "10.0.0.1:2888:3888:observer;10.1.0.1:2181"),
            ("[2001:db8::1]:2888:3888:participant;[::]:2181", "[2001:db8::1]:2888:3888:participant;[::]:2181"),
            ("a:1:2|b:3:4:observer;5", "a:1:2|b:3:4:observer;0.0.0.0:5"),
        ];
        for (written, printed) in table {
            let member = Member::parse(written).unwrap_or_else(|error| panic!("{written}: {error}"));
            assert_eq!(member.to_string(), printed);
            assert_eq!(Member::parse(printed).as_ref(), Ok(&member));
        }
        for wrong in
            ["", "zk1", "zk1:2888", ":1:2", "zk1:2888:x", "zk1:0:1", "a:1:2:chief", "a:1:2:observer:9", "a:1:2;b:c"]
        {
            assert!(Member::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_text_comes_back_as_it_was() {
        let text = "server.1=a:1:2:participant\nserver.2=b:1:2:participant;0.0.0.0:2181\nserver.10=c:1:2:observer\n\
                    version=500000003";
        let membership = Membership::parse(text).unwrap();
        assert_eq!(membership.to_string(), text);
        assert_eq!(membership.version, 0x5_0000_0003);
        assert_eq!(membership.verifier(), QuorumVerifier::majority([1, 2]));
        assert!(membership.votes(1) && !membership.votes(10) && !membership.votes(3));
    }

    #[test]
    fn groups_and_weights_make_a_hierarchical_quorum() {
        let text = "server.1=a:1:2:participant\nserver.2=b:1:2:participant\nserver.3=c:1:2:participant\n\
                    group.1=1:2\ngroup.2=3\nweight.2=0\nversion=0";
        let membership = Membership::parse(text).unwrap();
        assert_eq!(membership.to_string(), text);
        let place = |group, weight| GroupWeight { group, weight };
        let voters = BTreeMap::from([(1, place(1, 1)), (2, place(1, 0)), (3, place(2, 1))]);
        assert_eq!(membership.verifier(), QuorumVerifier::Hierarchical { voters });
    }

    #[test]
    fn what_cannot_be_a_membership_is_named() {
        for (text, part) in [
            ("server.x=a:1:2", "x is no server id"),
            ("server.-1=a:1:2", "-1 is no server id"),
            ("server.1=a:1", "server.1=a:1: a server is host:"),
            ("server.1=a:1:2\nweight.1=1", "there are no groups"),
            ("server.1=a:1:2\nserver.2=a:1:2\ngroup.1=1", "server.2 votes and is in no group"),
            ("server.1=a:1:2\ngroup.1=1:3", "no server line"),
            ("server.1=a:1:2\ngroup.1=1\ngroup.2=1", "in another group too"),
            ("tickTime=1", "no key of a membership"),
            ("version=zz", "no hexadecimal number"),
        ] {
            let error = Membership::parse(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
