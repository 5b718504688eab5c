//! Observer masters (upstream: `ObserverMaster`, `QuorumPeer.nextObserverMaster`): where a follower takes observers, and
//! which server an observer dials.

use keeper::membership::{HostPort, Membership, ServerAddress};
use tokio::task::AbortHandle;
use zab::Sid;

use super::listen::{Admit, keep_listening};
use super::{MemberConfig, Members};

/// A follower's port for observers: it is bound as long as this is there.
pub struct ObserverPort(AbortHandle);

impl ObserverPort {
    /// Binds `observerMasterPort` on this server's addresses, as soon as that is possible. `None` without the key, and for
    /// a server that does not vote.
    pub fn open(config: &MemberConfig, members: &Members, admit: Admit) -> Option<Self> {
        let (port, members) = (config.observer_master_port?, members.load());
        let own = members.members.get(&config.my_id).filter(|_| members.votes(config.my_id))?;
        let places = own.addresses.iter().map(|address| at_port(address, port)).collect();
        Some(Self(keep_listening(places, config.listen_on_all_ips, "observers", admit)))
    }
}

impl Drop for ObserverPort {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Whose turn it is to be dialled.
#[derive(Debug, Default)]
pub struct Masters {
    tried: usize,
}

impl Masters {
    /// Whom this server dials to learn from `leader`, and where. An observer with `observerMasterPort` dials the followers
    /// in turn, each beginning with another one, and the leader itself when none of them would have it.
    pub fn next(&mut self, config: &MemberConfig, members: &Membership, leader: Sid) -> (Sid, Vec<HostPort>) {
        let places = |sid: Sid, place: &dyn Fn(&ServerAddress) -> HostPort| -> Vec<HostPort> {
            members.members.get(&sid).iter().flat_map(|member| &member.addresses).map(place).collect()
        };
        let followers: Vec<Sid> = members.voters().filter(|sid| *sid != leader).collect();
        let turn = self.tried % (followers.len() + 1);
        match config.observer_master_port {
            Some(port) if !members.votes(config.my_id) && turn < followers.len() => {
                self.tried += 1;
                let first = usize::try_from(config.my_id).unwrap_or(0);
                let sid = followers[(first + turn) % followers.len()];
                (sid, places(sid, &|address| at_port(address, port)))
            }
            _ => {
                self.tried = 0;
                (leader, places(leader, &ServerAddress::quorum))
            }
        }
    }
}

fn at_port(address: &ServerAddress, port: u16) -> HostPort {
    HostPort { host: address.host.clone(), port }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members() -> Membership {
        let mut members = Membership::default();
        for (key, value) in [
            ("server.1", "a:1:2"),
            ("server.2", "b:1:2"),
            ("server.3", "c:1:2"),
            ("server.4", "d:1:2:observer"),
            ("server.5", "e:1:2:observer"),
        ] {
            members.add(key, value).unwrap();
        }
        members
    }

    fn dialled(my_id: Sid, port: Option<u16>) -> Vec<String> {
        let (mut masters, members) = (Masters::default(), members());
        let config = MemberConfig { observer_master_port: port, ..MemberConfig::new(my_id, members.clone()) };
        let next = |_| masters.next(&config, &members, 2);
        (0..4).map(next).map(|(sid, places)| format!("{sid} {}", places[0])).collect()
    }

    #[test]
    fn an_observer_dials_the_followers_in_turn_and_then_the_leader() {
        assert_eq!(dialled(4, Some(7)), ["1 a:7", "3 c:7", "2 b:1", "1 a:7"]);
        assert_eq!(dialled(5, Some(7)), ["3 c:7", "1 a:7", "2 b:1", "3 c:7"]);
    }

    #[test]
    fn without_the_port_and_with_a_vote_it_is_the_leader() {
        assert_eq!(dialled(4, None), ["2 b:1"; 4]);
        assert_eq!(dialled(1, Some(7)), ["2 b:1"; 4]);
    }
}
