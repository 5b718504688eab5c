//! The keys of `zoo.cfg` that make a server a member of an ensemble, and the files `myid` and `dynamicConfigFile`.
//!
//! Upstream: `QuorumPeerConfig.parseDynamicConfig`, `setupMyId`, `setupClientPort`, `setupPeerType`.

use std::path::Path;
use std::time::Duration;

use keeper::membership::{HostPort, Member, MemberRole, Membership};
use zab::Sid;

use super::properties::{self, Property};
use super::zoo_cfg::{File, at};
use crate::zk::quorum::MemberConfig;

/// Where this server stands.
#[derive(Default)]
pub(super) struct Place {
    /// As a member; `None` stands alone.
    pub member: Option<MemberConfig>,
    /// Where clients reach this server, from its own line.
    pub client: Option<HostPort>,
}

impl File<'_> {
    /// Reads who is in the ensemble and which of them this server is. Problems are noted.
    pub(super) fn place(&mut self, data_dir: &Path) -> Place {
        let election: i32 = self.number("electionAlg", 3);
        if election != 3 {
            self.problems.push(format!("electionAlg={election} is not served; 3 is the only algorithm, so remove it"));
        }
        let membership = self.membership();
        let voters = membership.voters().count();
        let (alone, standalone_enabled) = (membership.members.len() < 2, self.boolean("standaloneEnabled", true));
        if membership.members.is_empty() {
            if !standalone_enabled {
                self.problems.push("standaloneEnabled=false needs at least one server that votes; add its line".into());
            }
            return Place::default();
        }
        if voters == 0 || (voters == 1 && !alone && standalone_enabled) {
            self.problems.push(format!(
                "the servers are {voters} that vote and {} that observe; observers need more than one that votes, or \
                 standaloneEnabled=false with one",
                membership.members.len() - voters
            ));
            return Place::default();
        }
        if voters == 1 && standalone_enabled {
            self.warnings.push("there is only one server line, so this keeper runs standalone".into());
            let client = membership.members.into_values().next().and_then(|member| member.client);
            return Place { member: None, client };
        }
        if voters.is_multiple_of(2) {
            tracing::warn!("{voters} servers that vote survive no more failures than {}", voters - 1);
        }
        let Some(my_id) = self.my_id(data_dir) else { return Place::default() };
        let Some(own) = membership.members.get(&my_id).cloned() else {
            self.problems.push(format!(
                "{}/myid says {my_id}, and there is no line server.{my_id}; correct the one or add the other",
                data_dir.display()
            ));
            return Place::default();
        };
        self.check_role(my_id, &own);
        Place { client: own.client.clone(), member: Some(self.member(my_id, membership)) }
    }

    /// The lines of this file, or those of the file that `dynamicConfigFile` names.
    fn membership(&mut self) -> Membership {
        let own: Vec<Property> = self.properties.iter().filter(|p| Membership::is_key(&p.key)).cloned().collect();
        let (lines, version) = match self.value("dynamicConfigFile") {
            None => (own, 0),
            Some(path) => {
                for Property { key, line, .. } in own {
                    let at = at(line);
                    self.problems.push(format!("{at}{key} must stand in {path}, the file of dynamicConfigFile"));
                }
                let lines = (self.read)(Path::new(&path)).map_err(|error| error.to_string());
                let lines = lines.and_then(|text| properties::parse(&text).map_err(|error| error.to_string()));
                let lines = lines.unwrap_or_else(|error| {
                    self.problems.push(format!("cannot read dynamicConfigFile={path}: {error}; correct the name"));
                    Vec::new()
                });
                (properties::last_wins(lines), version_of(&path))
            }
        };
        let mut membership = Membership::default();
        membership.version = version;
        for Property { key, value, line } in lines {
            if let Err(error) = membership.add(key.trim(), &value) {
                let at = at(line);
                self.problems.push(format!("{at}{error}; correct it"));
            }
        }
        if let Err(error) = membership.check() {
            self.problems.push(error);
        }
        let several = |(sid, member): (&Sid, &Member)| (member.addresses.len() > 1).then_some(*sid);
        if let Some(sid) = membership.members.iter().find_map(several)
            && !self.boolean("multiAddress.enabled", false)
        {
            self.problems.push(format!(
                "server.{sid} has several addresses; set multiAddress.enabled=true, on every server, or leave one"
            ));
        }
        membership
    }

    fn my_id(&mut self, data_dir: &Path) -> Option<Sid> {
        let path = data_dir.join("myid");
        let advice = "write the number N of this server's line server.N into it";
        let problem = match (self.read)(&path) {
            Ok(text) => match text.trim().parse::<Sid>() {
                Ok(id) if id >= 0 => return Some(id),
                _ => format!("{} holds {:?}, which is no server's number; {advice}", path.display(), first_line(&text)),
            },
            Err(error) => format!("cannot read {}: {error}; {advice}", path.display()),
        };
        self.problems.push(problem);
        None
    }

    fn check_role(&mut self, my_id: Sid, own: &Member) {
        let asked = match self.value("peerType").map(|value| value.to_ascii_lowercase()).as_deref() {
            None => return,
            Some("participant") => MemberRole::Participant,
            Some("observer") => MemberRole::Observer,
            Some(other) => {
                self.problems.push(format!("peerType={other} is neither participant nor observer; correct it"));
                return;
            }
        };
        if asked != own.role {
            let says = if own.role == MemberRole::Observer { "observer" } else { "participant" };
            self.warnings.push(format!("peerType is not what server.{my_id} says; the line wins: {says}"));
        }
    }

    fn member(&mut self, my_id: Sid, membership: Membership) -> MemberConfig {
        let mut member = MemberConfig::new(my_id, membership);
        member.dynamic = self.value("dynamicConfigFile").is_some();
        for (key, what) in [("initLimit", "joining the leader"), ("syncLimit", "silence")] {
            if self.value(key).is_none() {
                self.problems.push(format!("{key} is missing; add {key}=<ticks that {what} may take>"));
            }
        }
        let peer = &mut member.peer;
        (peer.init_limit, peer.sync_limit) = (self.ticks("initLimit", 10), self.ticks("syncLimit", 5));
        peer.tick = self.milliseconds("tickTime", 3000);
        peer.notification_min = self.milliseconds("fastleader.minNotificationInterval", 200);
        peer.notification_max =
            self.milliseconds("fastleader.maxNotificationInterval", 60_000).max(peer.notification_min);
        peer.redial = self.milliseconds("leaderConnectDelayDuringRetryMs", 100);
        peer.commit_log_count = self.number("commitLogCount", 500);
        peer.log_sync = self.number("snapshotSizeFactor", 0.33) >= 0.0;
        peer.force_snapshot_sync = self.boolean("forceSnapshotSync", false);
        peer.snap_syncs_max = self.at_least_one("leader.maxConcurrentSnapSyncs", 10);
        peer.diff_syncs_max = self.at_least_one("leader.maxConcurrentDiffSyncs", 100);
        member.connect_limit = self.number("connectToLearnerMasterLimit", 0);
        member.observer_master_port = Some(self.number("observerMasterPort", 0)).filter(|port| *port > 0);
        member.peer.observer_master = member.observer_master_port.is_some();
        member.listen_on_all_ips = self.boolean("quorumListenOnAllIPs", false);
        member.bind_retries = self.number("electionPortBindRetry", 3);
        member.cnx_timeout = self.milliseconds("cnxTimeout", 5000);
        let handshake_ms: i64 = self.number("quorumCnxnTimeoutMs", -1);
        member.handshake_timeout = u64::try_from(handshake_ms).ok().filter(|ms| *ms > 0).map(Duration::from_millis);
        member.keep_alive = self.boolean("tcpKeepAlive", false);
        member.multi_address = self.boolean("multiAddress.enabled", false);
        member
    }

    fn ticks(&mut self, key: &str, default: u32) -> u32 {
        let ticks = self.number(key, default);
        if ticks == 0 {
            self.problems.push(format!("{key}=0 gives no time at all; give a number of ticks"));
        }
        ticks
    }

    fn at_least_one(&mut self, key: &str, default: usize) -> usize {
        let number = self.number(key, default);
        if number == 0 {
            self.problems.push(format!("{key}=0 would keep every learner out; give a number above 0"));
        }
        number
    }

    fn milliseconds(&mut self, key: &str, default: u64) -> Duration {
        Duration::from_millis(self.number(key, default))
    }
}

/// The version of a dynamic configuration file is the hexadecimal number that its name ends with.
fn version_of(path: &str) -> i64 {
    path.rsplit_once('.').and_then(|(_, version)| i64::from_str_radix(version, 16).ok()).unwrap_or(0)
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::super::zoo_cfg::{ZooCfg, parse};
    use crate::zk::Listen;

    const THREE: &str = "initLimit=10\nsyncLimit=5\nserver.1=zk1:2888:3888\nserver.2=zk2:2888:3888\n\
                         server.3=zk3:2888:3888:observer\n";

    fn folder(my_id: Option<&str>) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        if let Some(my_id) = my_id {
            std::fs::write(dir.path().join("myid"), my_id).unwrap();
        }
        dir
    }

    fn parse_in(dir: &tempfile::TempDir, text: &str) -> Result<ZooCfg, Vec<String>> {
        parse(&format!("dataDir={}\nclientPort=2181\ntickTime=2000\n{text}", dir.path().display()))
    }

    #[test]
    fn a_members_file_makes_a_member() {
        let dir = folder(Some("2\n"));
        let cfg =
            parse_in(&dir, &format!("{THREE}cnxTimeout=700\ncommitLogCount=9\nquorumListenOnAllIPs=true")).unwrap();
        let member = cfg.server.member.unwrap();
        assert_eq!((member.my_id, member.peer.init_limit, member.peer.sync_limit), (2, 10, 5));
        assert_eq!((member.cnx_timeout.as_millis(), member.peer.commit_log_count), (700, 9));
        assert_eq!(member.peer.tick.as_millis(), 2000);
        assert!(member.listen_on_all_ips && !member.multi_address);
        assert!(member.peer.log_sync && !member.peer.force_snapshot_sync);
        assert_eq!((member.peer.snap_syncs_max, member.peer.diff_syncs_max), (10, 100));
        assert_eq!(member.membership.voters().collect::<Vec<_>>(), [1, 2]);
        assert_eq!(cfg.server.store.keeper.server_id, 2);
        assert_eq!(cfg.warnings, [""; 0]);
    }

    #[test]
    fn how_learners_are_synchronised_can_be_chosen() {
        let dir = folder(Some("2"));
        let text = "snapshotSizeFactor=-1\nforceSnapshotSync=true\nleader.maxConcurrentSnapSyncs=2\n\
                    leader.maxConcurrentDiffSyncs=3";
        let member = parse_in(&dir, &format!("{THREE}{text}")).unwrap().server.member.unwrap();
        assert!(!member.peer.log_sync && member.peer.force_snapshot_sync);
        assert_eq!((member.peer.snap_syncs_max, member.peer.diff_syncs_max), (2, 3));
        let cfg = parse_in(&dir, &format!("{THREE}snapshotSizeFactor=0.5")).unwrap();
        assert_eq!(cfg.server.store.snapshot_size_factor, 0.5);
        assert!(parse_in(&dir, &format!("{THREE}leader.maxConcurrentDiffSyncs=0")).is_err());
    }

    #[test]
    fn what_is_wrong_with_myid_is_said() {
        for (my_id, part) in [
            (None, "cannot read"),
            (Some("two"), "holds \"two\", which is no server's number"),
            (Some("-1"), "no server's number"),
            (Some(""), "no server's number"),
            (Some("7"), "there is no line server.7"),
        ] {
            let problems = parse_in(&folder(my_id), THREE).unwrap_err();
            assert!(problems.len() == 1 && problems[0].contains(part), "{my_id:?}: {problems:?}");
        }
    }

    #[test]
    fn what_cannot_be_an_ensemble_is_said() {
        for (text, part) in [
            ("server.1=a:1:2\nserver.2=a:1:2\nsyncLimit=5", "initLimit is missing"),
            ("server.1=a:1:2\nserver.2=a:1:2\nsyncLimit=0\ninitLimit=1", "syncLimit=0"),
            ("server.1=a:1:2\nserver.2=a:1", "line 5: server.2=a:1: a server is"),
            ("server.1=a:1:2:observer", "0 that vote"),
            ("server.1=a:1:2\nserver.2=a:1:2:observer", "1 that vote and 1 that observe"),
            ("server.1=a:1:2|b:1:2\nserver.2=a:1:2\ninitLimit=1\nsyncLimit=1", "multiAddress.enabled"),
            ("electionAlg=1", "electionAlg=1"),
            ("standaloneEnabled=false", "standaloneEnabled=false needs"),
            ("dynamicConfigFile=/does/not/exist", "cannot read dynamicConfigFile"),
            ("peerType=boss\nserver.1=a:1:2\nserver.2=a:1:2\ninitLimit=1\nsyncLimit=1", "peerType=boss"),
            ("weight.1=2\nserver.1=a:1:2\nserver.2=a:1:2\ninitLimit=1\nsyncLimit=1", "there are no groups"),
        ] {
            let problems = parse_in(&folder(Some("1")), text).unwrap_err();
            assert!(problems.iter().any(|problem| problem.contains(part)), "{text}: {problems:?}");
        }
    }

    #[test]
    fn one_server_stands_alone_unless_it_must_not() {
        let dir = folder(Some("1"));
        let cfg = parse(&format!("dataDir={}\nserver.1=localhost:2888:3888;2191", dir.path().display())).unwrap();
        assert!(cfg.server.member.is_none() && cfg.warnings.len() == 1);
        assert_eq!(cfg.server.listen, Listen::Everywhere { port: 2191 });
        let one = "standaloneEnabled=false\ninitLimit=5\nsyncLimit=2\nserver.1=localhost:2888:3888";
        assert_eq!(parse_in(&dir, one).unwrap().server.member.unwrap().my_id, 1);
    }

    #[test]
    fn the_dynamic_file_has_the_servers_and_its_name_their_version() {
        let dir = folder(Some("1"));
        let path = dir.path().join("zoo.cfg.dynamic.100000002");
        std::fs::write(&path, "server.1=a:1:2:participant;0.0.0.0:2191\nserver.2=b:1:2:participant;2181\n").unwrap();
        let text = format!("initLimit=5\nsyncLimit=2\ndynamicConfigFile={}", path.display());
        let all = format!("dataDir={}\n{text}", dir.path().display());
        let cfg = parse(&all).unwrap();
        let member = cfg.server.member.unwrap();
        assert_eq!((member.membership.version, member.dynamic), (0x1_0000_0002, true));
        assert_eq!(cfg.server.listen, Listen::Everywhere { port: 2191 });
        assert!(parse(&format!("{all}\nserver.3=c:1:2")).unwrap_err()[0].contains("must stand in"));
        let problems = parse(&format!("{all}\nclientPort=2181")).unwrap_err();
        assert!(problems[0].contains("clientPort=2181 is not the 2191 of this server's line"), "{problems:?}");
    }
}
