//! Producer ids, taken from ZooKeeper in blocks of a thousand (`ZkProducerIdManager.scala`).

use client_core::zk::{Op, ZkError};
use kafka_wire::ErrorCode;
use kafka_wire::messages::InitProducerIdResponse;

use super::zk::Outcome;
use super::{Ctx, Level, Then};
use crate::controller::zk_data;
use crate::shard::RequestToken;

const BLOCK: &str = "/latest_producer_id_block";
const BLOCK_IDS: i64 = 1000;

/// What a batch was about.
#[derive(Debug)]
pub enum Step {
    /// The block that was taken last.
    Latest,
    /// We took the block that begins here.
    Taken(i64),
}

/// The role.
#[derive(Debug, Default)]
pub struct ProducerIds {
    next: i64,
    end: i64,
    taking: bool,
    waiting: Vec<RequestToken>,
}

impl ProducerIds {
    /// Answers with a fresh id, now or when a block is there.
    pub(crate) fn request(&mut self, ctx: &mut Ctx, token: RequestToken) {
        self.waiting.push(token);
        self.serve(ctx);
    }

    fn serve(&mut self, ctx: &mut Ctx) {
        while self.next < self.end && !self.waiting.is_empty() {
            let token = self.waiting.remove(0);
            let producer_id = self.next;
            self.next += 1;
            ctx.reply(token, InitProducerIdResponse { producer_id, ..InitProducerIdResponse::default() });
        }
        if !self.waiting.is_empty() && !self.taking {
            self.taking = true;
            self.look(ctx);
        }
    }

    fn look(&mut self, ctx: &mut Ctx) {
        let op = Op::GetData { path: BLOCK.to_string(), watch: false };
        ctx.submit(vec![op], Then::ProducerIds(Step::Latest));
    }

    pub(crate) fn on_batch(&mut self, ctx: &mut Ctx, step: Step, outcomes: &[Outcome]) {
        match (step, &outcomes[0].result) {
            (Step::Latest, Ok(_)) => {
                let (data, stat) = outcomes[0].data().expect("getData answers with data");
                let start = match data {
                    [] => Some(0),
                    data => zk_data::parse_producer_id_block(data).and_then(|end| end.checked_add(1)),
                };
                // ids near the end of the range would overflow the block behind them
                let Some(start) = start.filter(|start| (0..i64::MAX - BLOCK_IDS).contains(start)) else {
                    self.fail(ctx, &format!("the data of {BLOCK} makes no sense"));
                    return;
                };
                let data = zk_data::producer_id_block(ctx.config.broker_id, start, start + BLOCK_IDS - 1);
                let op = Op::SetData { path: BLOCK.to_string(), data: Some(data), version: stat.version };
                ctx.submit(vec![op], Then::ProducerIds(Step::Taken(start)));
            }
            (Step::Taken(start), Ok(_)) => {
                self.taking = false;
                self.next = start;
                self.end = start + BLOCK_IDS;
                self.serve(ctx);
            }
            // another broker was faster, or we were and the reply was lost: a block is skipped at worst
            (Step::Taken(_), Err(ZkError::Code(ZkError::BAD_VERSION))) => self.look(ctx),
            (_, Err(error)) => {
                let error = error.to_string();
                self.fail(ctx, &error);
            }
        }
    }

    /// Clients try again on `COORDINATOR_NOT_AVAILABLE`.
    fn fail(&mut self, ctx: &mut Ctx, error: &str) {
        self.taking = false;
        ctx.log(Level::Warn, format!("no block of producer ids: {error}"));
        for token in core::mem::take(&mut self.waiting) {
            let error_code = ErrorCode::COORDINATOR_NOT_AVAILABLE.0;
            ctx.reply(token, InitProducerIdResponse { error_code, ..InitProducerIdResponse::default() });
        }
    }
}
