//! Who is the controller (`KafkaController.elect`, `KafkaZkClient.registerControllerAndIncrementControllerEpoch`).

use client_core::zk::{Op, ZkError};

use super::{CONTROLLER, CONTROLLER_EPOCH, Controller, Role, StepKind, zk_data};
use crate::node::zk::Outcome;
use crate::node::{Ctx, Level, NodeEffect, Note};

/// How far an election is.
#[derive(Debug)]
pub(crate) enum Step {
    /// Whether there is a controller, and the epoch.
    Look,
    /// Who the controller is.
    Who,
    /// `/controller_epoch` was made for the first time.
    EpochMade,
    /// We stood for this epoch.
    Stood(i32),
}

impl Controller {
    /// Looks at `/controller`, leaves a watch there, and stands if nobody holds it.
    pub(super) fn elect(&mut self, ctx: &mut Ctx) {
        let ops = vec![
            Op::Exists { path: CONTROLLER.to_string(), watch: true },
            Op::GetData { path: CONTROLLER_EPOCH.to_string(), watch: false },
        ];
        self.submit(ctx, ops, StepKind::Election(Step::Look));
    }

    pub(super) fn on_election(&mut self, ctx: &mut Ctx, step: Step, outcomes: &[Outcome]) {
        match step {
            Step::Look => self.on_look(ctx, outcomes),
            Step::Who => self.on_who(ctx, &outcomes[0]),
            Step::EpochMade => self.elect(ctx),
            Step::Stood(epoch) => self.on_stood(ctx, epoch, &outcomes[0]),
        }
    }

    fn on_look(&mut self, ctx: &mut Ctx, outcomes: &[Outcome]) {
        let epoch = outcomes[1].data().and_then(|(data, stat)| Some((zk_data::parse_epoch(data)?, stat)));
        match (outcomes[0].stat(), epoch) {
            // Ours already: the watch is left anew, or the reply to our candidacy was lost. The two reads are not one: only
            // what one transaction wrote belongs together, and an epoch of somebody's later reign must not become ours,
            // for with its version nothing that we write would be fenced.
            (Some(stat), Some((epoch, of_epoch)))
                if stat.ephemeral_owner.0 == ctx.session_id && stat.czxid == of_epoch.mzxid =>
            {
                if self.role == Role::Active && self.context.epoch == epoch {
                    self.done(ctx);
                } else {
                    self.become_active(ctx, epoch, of_epoch.version);
                }
            }
            (Some(_), _) => {
                let op = Op::GetData { path: CONTROLLER.to_string(), watch: false };
                self.submit(ctx, vec![op], StepKind::Election(Step::Who));
            }
            (None, Some((epoch, stat))) => self.stand(ctx, epoch + 1, stat.version),
            (None, None) if outcomes[1].is_no_node() => {
                let op = Op::create(CONTROLLER_EPOCH, Some(zk_data::epoch(0)));
                self.submit(ctx, vec![op], StepKind::Election(Step::EpochMade));
            }
            (None, None) => {
                ctx.effects.push(NodeEffect::Fatal(format!("the data of {CONTROLLER_EPOCH} makes no sense")));
            }
        }
    }

    fn stand(&mut self, ctx: &mut Ctx, epoch: i32, epoch_zk_version: i32) {
        let data = zk_data::controller(ctx.config.broker_id, ctx.now.wall_ms);
        let op = Op::Multi(vec![
            Op::create_ephemeral(CONTROLLER, Some(data)),
            Op::SetData {
                path: CONTROLLER_EPOCH.to_string(),
                data: Some(zk_data::epoch(epoch)),
                version: epoch_zk_version,
            },
        ]);
        self.submit(ctx, vec![op], StepKind::Election(Step::Stood(epoch)));
    }

    fn on_stood(&mut self, ctx: &mut Ctx, epoch: i32, outcome: &Outcome) {
        match &outcome.result {
            Ok(_) => {
                let stat = outcome.multi_stat(1).expect("setData answers with a stat");
                self.become_active(ctx, epoch, stat.version);
            }
            // somebody was faster, or we were, and the reply was lost: look again
            Err(ZkError::Multi { code: ZkError::NODE_EXISTS | ZkError::BAD_VERSION, .. }) => self.elect(ctx),
            Err(error) => {
                ctx.effects.push(NodeEffect::Fatal(format!("could not stand for controller: {error}")));
            }
        }
    }

    fn on_who(&mut self, ctx: &mut Ctx, outcome: &Outcome) {
        let Some((data, _)) = outcome.data() else {
            // gone again
            self.elect(ctx);
            return;
        };
        let id = zk_data::parse_controller(data);
        if self.role == Role::Active {
            ctx.log(Level::Warn, format!("broker {id:?} took over as controller"));
            self.forget(ctx);
            self.role = Role::Standby;
        }
        self.active_id = id;
        ctx.note(Note::ControllerChanged);
        self.done(ctx);
    }

    fn become_active(&mut self, ctx: &mut Ctx, epoch: i32, epoch_zk_version: i32) {
        self.context = super::Context { epoch, epoch_zk_version, ..super::Context::default() };
        self.role = Role::Active;
        self.active_id = Some(ctx.config.broker_id);
        ctx.log(Level::Info, format!("elected controller with epoch {epoch}"));
        ctx.note(Note::ControllerChanged);
        self.load(ctx);
    }
}
