//! `cargo xtask conformance ensemble`: ensembles of our members and Apache's in any mix.

mod handover;
mod kafka;
mod kraft;
mod load;
mod log_diff;
mod masters;
mod migration;
mod reads;
mod reconfig;
mod sessions;
mod story;

use std::path::Path;

use anyhow::Result;

use super::OwnServers;
use crate::ensemble::{APACHE, Who};

/// All suites of the gate.
pub const GROUP: &str = "ensemble";
/// These, and those that take too long for every change.
pub const GROUP_FULL: &str = "ensemble-full";

/// The longest ones first, so that two workers end together.
pub(super) const SUITES: &[OwnServers] = &[
    OwnServers { name: "ensemble-one", about: "one of our members, two of Apache's: each make leads", body: one },
    OwnServers { name: "ensemble-two", about: "two of our members, one of Apache's: each make leads", body: two },
    OwnServers {
        name: "ensemble-handover",
        about: "our leaders hand leadership to members of both makes under load",
        body: |dir| handover::run(dir, &[Who::Ours, APACHE, Who::Ours], &[(1, 2), (3, 1), (1, 3)]),
    },
    OwnServers {
        name: "ensemble-migration",
        about: "an Apache ensemble becomes ours and Apache's again under kazoo and Curator",
        body: migration::run,
    },
    OwnServers {
        name: "ensemble-reconfig",
        about: "members join, change their part and leave, the leader too, under each make",
        body: reconfig::run,
    },
    OwnServers {
        name: "ensemble-reconfig-cut",
        about: "everybody killed amid a reconfig; members of the other make end it",
        body: reconfig::cut_short,
    },
    OwnServers {
        name: "ensemble-reconfig-cut-apache-full",
        about: "the same with Apache's members only, which proves it",
        body: reconfig::cut_short_apache,
    },
    OwnServers {
        name: "ensemble-reconfig-apache-full",
        about: "the same with Apache's members only, which proves it",
        body: reconfig::run_apache,
    },
    OwnServers {
        name: "ensemble-apache-full",
        about: "the same story with Apache's members only, which proves it",
        body: |dir| story::run(dir, &[APACHE; 3], &[], ""),
    },
    OwnServers {
        name: "ensemble-restarts-apache-full",
        about: "Apache's members restarted in turn under kazoo and Curator, which proves the migration",
        body: migration::run_apache,
    },
    OwnServers {
        name: "ensemble-ours-full",
        about: "the same story with our members only",
        body: |dir| story::run(dir, &[Who::Ours; 3], &[], ""),
    },
    OwnServers { name: "ensemble-five-full", about: "five members, every split", body: five },
    OwnServers {
        name: "ensemble-masters-full",
        about: "observers of each make learn from followers of each make",
        body: masters::run,
    },
    OwnServers {
        name: "ensemble-log-diff-full",
        about: "a member of each make gets what it lacks from the log of a leader of the other",
        body: log_diff::run,
    },
    OwnServers { name: "ensemble-observers-full", about: "an observer of each make under each make", body: observers },
    OwnServers {
        name: "ensemble-local-sessions-full",
        about: "sessions that a member of either make keeps to itself, under each make",
        body: sessions::run,
    },
    OwnServers {
        name: "ensemble-local-sessions-apache-full",
        about: "the same with Apache's members only, which proves it",
        body: sessions::run_apache,
    },
    OwnServers {
        name: "ensemble-reads-full",
        about: "linearizable reads on our members beside Apache's, under each make",
        body: reads::run,
    },
    OwnServers {
        name: "ensemble-kafka-full",
        about: "two Kafka brokers of Apache's on our keepers, which are killed and replaced",
        body: kafka::run,
    },
    OwnServers {
        name: "ensemble-kafka-apache-full",
        about: "the same on Apache's keepers, which proves it",
        body: kafka::run_apache,
    },
    OwnServers {
        name: "ensemble-kraft-full",
        about: "Apache's own migration of a Kafka cluster from our keepers to KRaft",
        body: kraft::run,
    },
    OwnServers { name: "ensemble-releases-full", about: "one mix each with Apache's 3.8, 3.7 and 3.6", body: releases },
];

/// Whether the suite belongs to what was named.
pub fn in_group(suite: &str, named: &str) -> bool {
    match named {
        GROUP => suite.starts_with("ensemble-") && !suite.ends_with("-full"),
        GROUP_FULL => suite.starts_with("ensemble-"),
        _ => false,
    }
}

/// The names of a group's suites.
pub fn names(group: &str) -> Vec<&'static str> {
    SUITES.iter().map(|suite| suite.name).filter(|name| in_group(name, group)).collect()
}

fn one(dir: &Path) -> Result<String> {
    story::run(dir, &[Who::Ours, APACHE, APACHE], &[], "")
}

fn two(dir: &Path) -> Result<String> {
    story::run(dir, &[APACHE, Who::Ours, Who::Ours], &[], "")
}

fn five(dir: &Path) -> Result<String> {
    let splits = (1..5).map(|ours| {
        let voters: Vec<Who> = (0..5).map(|index| if index < ours { Who::Ours } else { APACHE }).collect();
        story::run(&dir.join(ours.to_string()), &voters, &[], "")
    });
    splits.collect()
}

fn observers(dir: &Path) -> Result<String> {
    let apache = story::run(&dir.join("apache"), &[APACHE; 3], &[Who::Ours, APACHE], "")?;
    Ok(apache + &story::run(&dir.join("ours"), &[Who::Ours; 3], &[Who::Ours, APACHE], "")?)
}

fn releases(dir: &Path) -> Result<String> {
    let sets = ["zookeeper-3.8", "zookeeper-3.7", "zookeeper-3.6"];
    let mixes = sets.map(|set| story::run(&dir.join(set), &[Who::Ours, Who::Apache(set), Who::Ours], &[], ""));
    mixes.into_iter().collect()
}
