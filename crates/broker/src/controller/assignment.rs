//! Dealing partitions to brokers (`AdminUtils.java`).

use std::collections::{BTreeMap, BTreeSet};

use base::Prng;

/// A broker as far as placement cares: its id and its rack.
pub type Candidate<'a> = (i32, Option<&'a str>);

/// Deals the partitions `first..first + count` of a topic: leaders go round the brokers from a random one, followers
/// follow at a distance that grows with each round, so that the load of a broker that fails spreads over all others.
/// When every broker has a rack, neighbours in the walk are in different racks and a partition's replicas fill racks
/// that have none yet first.
///
/// # Panics
/// When there are fewer brokers than replicas: callers check that.
pub fn assign(
    brokers: &[Candidate<'_>],
    first: i32,
    count: i32,
    replication_factor: usize,
    prng: &mut Prng,
) -> BTreeMap<i32, Vec<i32>> {
    assert!(brokers.len() >= replication_factor && replication_factor > 0, "checked by the caller");
    let racks: BTreeMap<i32, &str> =
        brokers.iter().filter_map(|(broker, rack)| rack.map(|rack| (*broker, rack))).collect();
    let rack_aware = racks.len() == brokers.len();
    let ring = if rack_aware { alternate_racks(brokers) } else { brokers.iter().map(|(broker, _)| *broker).collect() };
    let start = prng.below(ring.len() as u64) as usize;
    let mut shift = prng.below(ring.len() as u64) as usize;
    let mut assignments = BTreeMap::new();
    for i in 0..count.max(0) {
        let partition = first + i;
        if partition > 0 && (partition as usize).is_multiple_of(ring.len()) {
            shift += 1;
        }
        let leader_index = (partition as usize + start) % ring.len();
        let replicas = if rack_aware {
            rack_aware_replicas(&ring, &racks, leader_index, shift, replication_factor)
        } else {
            let follower = |j: usize| ring[follower_index(leader_index, shift, j, ring.len())];
            core::iter::once(ring[leader_index]).chain((0..replication_factor - 1).map(follower)).collect()
        };
        assignments.insert(partition, replicas);
    }
    assignments
}

fn follower_index(leader: usize, shift: usize, j: usize, brokers: usize) -> usize {
    if brokers == 1 {
        return leader;
    }
    (leader + 1 + (shift + j) % (brokers - 1)) % brokers
}

/// One broker of each rack in turn, until all are placed.
fn alternate_racks(brokers: &[Candidate<'_>]) -> Vec<i32> {
    let mut by_rack: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
    for (broker, rack) in brokers {
        by_rack.entry(rack.expect("every broker has one")).or_default().push(*broker);
    }
    let longest = by_rack.values().map(Vec::len).max().unwrap_or(0);
    (0..longest)
        .flat_map(|i| by_rack.values().filter_map(move |of_rack| of_rack.get(i).copied()).collect::<Vec<_>>())
        .collect()
}

fn rack_aware_replicas(
    ring: &[i32],
    racks: &BTreeMap<i32, &str>,
    leader_index: usize,
    shift: usize,
    replication_factor: usize,
) -> Vec<i32> {
    let rack_count = racks.values().collect::<BTreeSet<_>>().len();
    let leader = ring[leader_index];
    let mut replicas = vec![leader];
    let mut used_racks = BTreeSet::from([racks[&leader]]);
    let mut k = 0;
    while replicas.len() < replication_factor {
        let broker = ring[follower_index(leader_index, shift, k, ring.len())];
        let rack = racks[&broker];
        let rack_is_free = !used_racks.contains(rack) || used_racks.len() == rack_count;
        // after one whole walk racks may repeat: every broker has been offered with its rack free once
        if !replicas.contains(&broker) && (rack_is_free || k >= ring.len()) {
            replicas.push(broker);
            used_racks.insert(rack);
        }
        k += 1;
    }
    replicas
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaders_go_round_and_replicas_differ() {
        let brokers = [(1, None), (2, None), (3, None)];
        for seed in 0..20 {
            let assigned = assign(&brokers, 0, 6, 2, &mut Prng::new(seed));
            assert_eq!(assigned.len(), 6);
            let mut led = BTreeMap::new();
            for replicas in assigned.values() {
                assert_eq!(replicas.len(), 2);
                assert_ne!(replicas[0], replicas[1]);
                *led.entry(replicas[0]).or_insert(0) += 1;
            }
            assert_eq!(led, BTreeMap::from([(1, 2), (2, 2), (3, 2)]));
        }
    }

    #[test]
    fn one_broker_takes_everything() {
        let assigned = assign(&[(7, None)], 0, 3, 1, &mut Prng::new(1));
        assert!(assigned.values().all(|replicas| *replicas == [7]));
    }

    #[test]
    fn racks_are_spread() {
        let brokers = [(1, Some("a")), (2, Some("a")), (3, Some("b")), (4, Some("b"))];
        let racks: BTreeMap<i32, &str> = brokers.iter().map(|(id, rack)| (*id, rack.expect("set"))).collect();
        for seed in 0..20 {
            for replicas in assign(&brokers, 0, 8, 2, &mut Prng::new(seed)).values() {
                assert_ne!(racks[&replicas[0]], racks[&replicas[1]], "seed {seed}: {replicas:?}");
            }
            for replicas in assign(&brokers, 0, 8, 4, &mut Prng::new(seed)).values() {
                assert_eq!(replicas.iter().collect::<BTreeSet<_>>().len(), 4);
            }
        }
    }
}
