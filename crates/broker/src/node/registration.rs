//! Entering the cluster: the broker's number where the configuration leaves it out, the paths that every broker makes
//! sure of, the cluster's id, and `/brokers/ids/N` (`KafkaServer.scala`, `KafkaZkClient.registerBroker`).

use std::time::Duration;

use base::{Instant, Str};
use bytes::Bytes;
use client_core::zk::{Op, ZkError};

use super::zk::Outcome;
use super::{Ctx, Level, NodeEffect, Note, Then};
use crate::TopicId;
use crate::config::UNRESOLVED_ID;
use crate::controller::zk_data;

/// Persistent paths, parents first (`ZkData.PersistentZkPaths`).
const PATHS: &[&str] = &[
    "/admin",
    "/admin/delete_topics",
    "/brokers",
    "/brokers/ids",
    "/brokers/seqid",
    "/brokers/topics",
    "/cluster",
    "/config",
    "/config/brokers",
    "/config/changes",
    "/config/clients",
    "/config/ips",
    "/config/topics",
    "/config/users",
    "/consumers",
    "/isr_change_notification",
    "/latest_producer_id_block",
    "/log_dir_event_notification",
];

/// Its version counts the ids that were generated (`KafkaZkClient.generateBrokerId`).
const SEQUENCE: &str = "/brokers/seqid";

const CLUSTER_ID: &str = "/cluster/id";

/// The znode of a broker's registration.
pub fn path(broker_id: i32) -> String {
    format!("/brokers/ids/{broker_id}")
}

/// What a batch was about.
#[derive(Debug)]
pub enum Step {
    /// A number for a broker that has none.
    BrokerId,
    /// Which paths exist, and the cluster's id.
    Survey,
    /// Missing paths, a new cluster id, and the registration.
    Make {
        /// How many operations precede the registration.
        before: usize,
        /// The id that was proposed for a new cluster.
        proposed_id: Option<Str>,
    },
    /// Another broker made the cluster's id first.
    ClusterId,
    /// Whose registration is in the way.
    Owner,
}

/// The role.
#[derive(Debug, Default)]
pub struct Registration {
    /// Until when a registration of somebody else is waited for.
    blocked_until: Option<Instant>,
}

impl Registration {
    pub(crate) fn on_session(&mut self, ctx: &mut Ctx) {
        self.blocked_until = None;
        if ctx.config.broker_id == UNRESOLVED_ID {
            // What exists already answers so, and that is no matter.
            let ops = vec![
                Op::create("/brokers", None),
                Op::create(SEQUENCE, None),
                Op::SetData { path: SEQUENCE.to_string(), data: Some(Bytes::new()), version: -1 },
            ];
            return ctx.submit(ops, Then::Registration(Step::BrokerId));
        }
        survey(ctx);
    }

    /// A lost reply is asked for again and skips a number, which is no matter either.
    fn on_broker_id(&mut self, ctx: &mut Ctx, outcomes: &[Outcome]) {
        if session_is_over(outcomes) {
            return;
        }
        let reserved_max = ctx.config.int("reserved.broker.max.id");
        let generated = outcomes[2].stat().map(|stat| i64::from(stat.version) + reserved_max);
        match generated.and_then(|id| i32::try_from(id).ok()) {
            Some(id) => {
                ctx.config.set_broker_id(id);
                ctx.log(Level::Info, format!("broker.id is not set; {SEQUENCE} made this broker {id}"));
                survey(ctx);
            }
            None => {
                let message = format!(
                    "could not take a broker id from {SEQUENCE} ({:?}): set broker.id, or look after zookeeper",
                    outcomes[2].result
                );
                ctx.effects.push(NodeEffect::Fatal(message));
            }
        }
    }

    pub(crate) fn on_expired(&mut self) {
        self.blocked_until = None;
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.blocked_until
    }

    pub(crate) fn on_tick(&mut self, ctx: &mut Ctx) {
        if self.blocked_until.is_some_and(|until| ctx.now.mono >= until) {
            self.blocked_until = None;
            let id = ctx.config.broker_id;
            let message = format!("{} is held by another live broker; give this one another broker.id", path(id));
            ctx.effects.push(NodeEffect::Fatal(message));
        }
    }

    /// The registration that was in the way changed.
    pub(crate) fn on_watch(&mut self, ctx: &mut Ctx) {
        if self.blocked_until.is_some() {
            self.register(ctx, Vec::new(), None);
        }
    }

    pub(crate) fn on_batch(&mut self, ctx: &mut Ctx, step: Step, outcomes: &[Outcome]) {
        match step {
            Step::BrokerId => self.on_broker_id(ctx, outcomes),
            Step::Survey => self.on_survey(ctx, outcomes),
            Step::Make { before, proposed_id } => self.on_made(ctx, before, proposed_id, outcomes),
            Step::ClusterId => self.on_cluster_id(ctx, &outcomes[0]),
            Step::Owner => self.on_owner(ctx, outcomes),
        }
    }

    fn on_survey(&mut self, ctx: &mut Ctx, outcomes: &[Outcome]) {
        let mut ops = Vec::new();
        for (path, outcome) in PATHS.iter().zip(outcomes) {
            if outcome.is_no_node() {
                ops.push(Op::create(*path, None));
            }
        }
        let mut proposed_id = None;
        match outcomes[PATHS.len()].data() {
            Some((data, _)) => {
                if let Err(problem) = accept_cluster_id(ctx, data) {
                    ctx.effects.push(NodeEffect::Fatal(problem));
                    return;
                }
            }
            None if !ctx.cluster_id.is_empty() => {
                let message = format!(
                    "zookeeper has no {CLUSTER_ID}, but this broker's log directories belong to cluster {}: connect to \
                     that cluster's zookeeper, or start with empty log directories",
                    ctx.cluster_id
                );
                ctx.effects.push(NodeEffect::Fatal(message));
                return;
            }
            None => {
                let id = Str::from(new_uuid(&mut ctx.prng).to_string());
                ops.push(Op::create(CLUSTER_ID, Some(zk_data::cluster_id(&id))));
                proposed_id = Some(id);
            }
        }
        self.register(ctx, ops, proposed_id);
    }

    /// Submits the registration behind `ops`, on which it does not depend but which it should follow.
    fn register(&mut self, ctx: &mut Ctx, mut ops: Vec<Op>, proposed_id: Option<Str>) {
        let before = ops.len();
        let path = path(ctx.config.broker_id);
        let data: Bytes = zk_data::broker_registration(&ctx.config, ctx.now.wall_ms);
        // the stat of setData in the same transaction brings the czxid, which is the broker epoch
        ops.push(Op::Multi(vec![
            Op::create_ephemeral(path.clone(), None),
            Op::SetData { path, data: Some(data), version: 0 },
        ]));
        ctx.submit(ops, Then::Registration(Step::Make { before, proposed_id }));
    }

    fn on_made(&mut self, ctx: &mut Ctx, before: usize, proposed_id: Option<Str>, outcomes: &[Outcome]) {
        if session_is_over(outcomes) {
            return;
        }
        for outcome in &outcomes[..before] {
            match &outcome.result {
                Err(error) if !outcome.is_node_exists() => {
                    ctx.effects.push(NodeEffect::Fatal(format!("could not make kafka's paths in zookeeper: {error}")));
                    return;
                }
                _ => {}
            }
        }
        if let Some(id) = proposed_id {
            if outcomes[before - 1].result.is_ok() {
                ctx.cluster_id = id;
            } else {
                ctx.submit(
                    vec![Op::GetData { path: CLUSTER_ID.to_string(), watch: false }],
                    Then::Registration(Step::ClusterId),
                );
            }
        }
        match &outcomes[before] {
            outcome if outcome.result.is_ok() => {
                let stat = outcome.multi_stat(1).expect("setData answers with a stat");
                self.on_registered(ctx, stat.czxid.0);
            }
            outcome if outcome.is_node_exists() => {
                let path = path(ctx.config.broker_id);
                ctx.submit(vec![Op::Exists { path, watch: true }], Then::Registration(Step::Owner));
            }
            outcome => {
                let error = outcome.result.clone().expect_err("the other arms took success");
                let path = path(ctx.config.broker_id);
                ctx.effects.push(NodeEffect::Fatal(format!("could not register as {path}: {error}")));
            }
        }
    }

    fn on_cluster_id(&mut self, ctx: &mut Ctx, outcome: &Outcome) {
        let Some((data, _)) = outcome.data() else { return };
        match accept_cluster_id(ctx, data) {
            Ok(()) => identify(ctx),
            Err(problem) => ctx.effects.push(NodeEffect::Fatal(problem)),
        }
    }

    /// Somebody holds our id. Ourselves, when the reply to our registration was lost; an earlier life of ours, whose
    /// session will expire; or another broker, which stays.
    fn on_owner(&mut self, ctx: &mut Ctx, outcomes: &[Outcome]) {
        if session_is_over(outcomes) {
            return;
        }
        match outcomes[0].stat() {
            Some(stat) if stat.ephemeral_owner.0 == ctx.session_id => self.on_registered(ctx, stat.czxid.0),
            Some(_) => {
                let path = path(ctx.config.broker_id);
                ctx.log(Level::Warn, format!("{path} exists in another session; waiting for it to expire"));
                let patience = Duration::from_millis(u64::from(ctx.session_timeout_ms) * 2);
                self.blocked_until = Some(self.blocked_until.unwrap_or(ctx.now.mono + patience));
            }
            None => self.register(ctx, Vec::new(), None),
        }
    }

    fn on_registered(&mut self, ctx: &mut Ctx, epoch: i64) {
        self.blocked_until = None;
        ctx.broker_epoch = epoch;
        if !ctx.cluster_id.is_empty() {
            identify(ctx);
        }
        ctx.log(Level::Info, format!("registered as broker {} with epoch {epoch}", ctx.config.broker_id));
        ctx.note(Note::Registered);
    }
}

/// The folders may be tied to the cluster and the broker now.
fn identify(ctx: &mut Ctx) {
    let (cluster_id, broker_id) = (ctx.cluster_id.clone(), ctx.config.broker_id);
    ctx.effects.push(NodeEffect::Identity { cluster_id, broker_id });
}

fn survey(ctx: &mut Ctx) {
    let exists = |path: &&str| Op::Exists { path: path.to_string(), watch: false };
    let mut ops: Vec<Op> = PATHS.iter().map(exists).collect();
    ops.push(Op::GetData { path: CLUSTER_ID.to_string(), watch: false });
    ctx.submit(ops, Then::Registration(Step::Survey));
}

fn accept_cluster_id(ctx: &mut Ctx, data: &[u8]) -> Result<(), String> {
    let id = zk_data::parse_cluster_id(data).ok_or("the data of /cluster/id makes no sense")?;
    if !ctx.cluster_id.is_empty() && ctx.cluster_id != id {
        return Err(format!(
            "zookeeper's cluster id is {id}, but this broker's log directories belong to {}: connect to that cluster's \
             zookeeper, or start with empty log directories",
            ctx.cluster_id
        ));
    }
    ctx.cluster_id = id;
    Ok(())
}

/// Whether a batch failed with its session, so that nothing of it is worth following.
pub(crate) fn session_is_over(outcomes: &[Outcome]) -> bool {
    outcomes
        .iter()
        .any(|outcome| matches!(outcome.result, Err(ZkError::SessionExpired | ZkError::Closed | ZkError::AuthFailed)))
}

/// A random id (version 4), as `Uuid.randomUuid` makes it: never a reserved one, never one that begins with a dash,
/// which command lines would take for an option.
pub(crate) fn new_uuid(prng: &mut base::Prng) -> TopicId {
    loop {
        let mut bytes = [0; 16];
        prng.fill(&mut bytes);
        bytes[6] = (bytes[6] & 0x0f) | 0x40;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        let id = TopicId(bytes);
        if !id.to_string().starts_with('-') {
            return id;
        }
    }
}
