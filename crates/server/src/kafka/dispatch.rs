//! One request from decoded to answered: to the shards by way of an assembly, or to the node.

use std::collections::BTreeMap;
use std::fs::File;
use std::time::Duration;

use base::Str;
use broker::ShardId;
use broker::api::api_versions;
use broker::assembly::fetch::{self, FetchAssembly, Next};
use broker::assembly::fetch_session::Wanted;
use broker::assembly::{Cluster, groups, log_dirs, offsets, produce};
use broker::coordinator::group::Caller;
use broker::metadata_cache::MetadataImage;
use broker::quota::Kind;
use broker::shard::{FetchAnswer, FetchRequest, RequestToken, ShardAnswer, ShardRequest};
use driver::shard_loop::ShardReply;
use kafka_wire::{Request, RequestHeader, Response, messages as wire};
use storage::kafka::FileRange;
use tokio::sync::mpsc;

use super::metrics::traffic::Carried;
use super::quotas;
use super::records::Range;
use super::shard_thread::ToShard;
use super::{Shared, documentation, down_convert, loggers, mutations};
use crate::log_level::LogLevel;

/// What comes back to a connection.
pub(crate) enum Answer {
    /// From a shard.
    Shard(RequestToken, ShardReply<File>),
    /// From the node.
    Node(RequestToken, Box<Response>),
}

/// What a connection sends for a request.
pub(super) enum Outcome {
    /// This, with the records that its slots number.
    Response(Box<Response>, Vec<Range>),
    /// Nothing: `acks=0`.
    Nothing,
    /// Nothing more: the connection ends, for this reason.
    Close(String),
}

/// One connection's way to shards and node. It has one request under way at a time, as in Kafka.
pub(super) struct Dispatcher<'a> {
    shared: &'a Shared,
    listener: Str,
    /// As Java prints it: `/127.0.0.1`.
    host: Str,
    to: mpsc::UnboundedSender<Answer>,
    from: mpsc::UnboundedReceiver<Answer>,
    /// What the request under way has asked and not heard.
    asked: Vec<(ShardId, RequestToken)>,
    /// The fetch session that it has taken.
    session: Option<i32>,
    /// How long the client has to rest for what it fetched.
    rest: Duration,
}

impl<'a> Dispatcher<'a> {
    pub(super) fn new(shared: &'a Shared, listener: Str, host: Str) -> Self {
        let (to, from) = mpsc::unbounded_channel();
        Self { shared, listener, host, to, from, asked: Vec::new(), session: None, rest: Duration::ZERO }
    }

    /// Answers a request. A future that is dropped before its end must be followed by [`Dispatcher::cancel`].
    pub(super) async fn handle(&mut self, header: &RequestHeader, request: Request) -> Outcome {
        let version = header.api_version;
        let image = self.shared.image.load_full();
        match request {
            Request::ApiVersions(body) => respond(api_versions::answer(version, &body)),
            Request::Produce(body) => self.produce(&image, header, *body).await,
            Request::Fetch(body) => self.fetch(&image, header, *body).await,
            Request::ListOffsets(body) if version == 0 => {
                let (mut collected, parts) = offsets::split_legacy_offsets(&self.cluster(&image), *body);
                for answer in self.ask_all(parts).await {
                    let ShardAnswer::LegacyOffsets(answers) = answer else { wrong_answer() };
                    answers.into_iter().for_each(|answer| collected.add(answer.position, answer));
                }
                respond(offsets::finish_legacy_offsets(collected))
            }
            Request::ListOffsets(body) => {
                let (mut collected, parts) = offsets::split_list_offsets(&self.cluster(&image), version, *body);
                for answer in self.ask_all(parts).await {
                    let ShardAnswer::ListOffsets(answers) = answer else { wrong_answer() };
                    answers.into_iter().for_each(|answer| collected.add(answer.position, answer));
                }
                respond(offsets::finish_list_offsets(collected))
            }
            Request::OffsetForLeaderEpoch(body) => {
                let (mut collected, parts) = offsets::split_epoch_ends(&self.cluster(&image), *body);
                for answer in self.ask_all(parts).await {
                    let ShardAnswer::OffsetForLeaderEpoch(answers) = answer else { wrong_answer() };
                    answers.into_iter().for_each(|answer| collected.add(answer.position, answer));
                }
                respond(offsets::finish_epoch_ends(collected))
            }
            Request::DescribeProducers(body) => {
                let (mut collected, parts) = offsets::split_describe_producers(&self.cluster(&image), *body);
                for answer in self.ask_all(parts).await {
                    let ShardAnswer::DescribeProducers(answers) = answer else { wrong_answer() };
                    answers.into_iter().for_each(|answer| collected.add(answer.position, answer));
                }
                respond(offsets::finish_describe_producers(collected))
            }
            Request::DescribeLogDirs(body) => {
                let (mut assembly, parts) = log_dirs::split(&self.cluster(&image), *body);
                for answer in self.ask_all(parts).await {
                    let ShardAnswer::LogDirs(dirs) = answer else { wrong_answer() };
                    assembly.add(dirs);
                }
                respond(assembly.finish())
            }
            Request::AlterReplicaLogDirs(body) => {
                let (mut assembly, parts) = log_dirs::split_moves(&self.cluster(&image), *body);
                for answer in self.ask_all(parts).await {
                    let ShardAnswer::MoveLogs(answers) = answer else { wrong_answer() };
                    assembly.add(answers);
                }
                respond(assembly.finish())
            }
            Request::DeleteRecords(body) => {
                let (mut collected, parts) = offsets::split_delete_records(&self.cluster(&image), *body);
                for answer in self.ask_all(parts).await {
                    let ShardAnswer::DeleteRecords(answers) = answer else { wrong_answer() };
                    answers.into_iter().for_each(|answer| collected.add(answer.position, answer));
                }
                respond(offsets::finish_delete_records(collected))
            }
            Request::DescribeConfigs(body) => self.describe_configs(&image, header, body).await,
            Request::IncrementalAlterConfigs(body) => self.alter_configs(&image, header, body).await,
            other => self.group_or_node(&image, header, other).await,
        }
    }

    /// How long the client has to rest for what the last request fetched.
    pub(super) fn take_rest(&mut self) -> Duration {
        std::mem::take(&mut self.rest)
    }

    /// Forgets the request under way.
    pub(super) fn cancel(&mut self) {
        for (shard, token) in self.asked.drain(..) {
            self.shared.shard(shard).push(ToShard::Cancel(token));
        }
        if let Some(session) = self.session.take() {
            self.shared.sessions.lock().remove(session);
        }
    }

    fn cluster<'b>(&'b self, image: &'b MetadataImage) -> Cluster<'b> {
        Cluster { image, shards: self.shared.shard_map, listener: &self.listener }
    }

    async fn produce(&mut self, image: &MetadataImage, header: &RequestHeader, body: wire::ProduceRequest) -> Outcome {
        let client_id = header.client_id.clone().unwrap_or_default();
        let carried = Carried::by(&body);
        let (mut assembly, parts) = produce::split(&self.cluster(image), header.api_version, &client_id, body);
        for answer in self.ask_all(parts).await {
            let ShardAnswer::Produce(answers) = answer else { wrong_answer() };
            assembly.add(answers);
        }
        self.shared.stats.traffic.produced(image, &carried, assembly.error_codes());
        match assembly.acks {
            0 if assembly.has_failed() => Outcome::Close("a produce request with acks=0 failed".into()),
            0 => Outcome::Nothing,
            _ => respond(assembly.finish(&self.cluster(image))),
        }
    }

    async fn fetch(&mut self, image: &MetadataImage, header: &RequestHeader, body: wire::FetchRequest) -> Outcome {
        let version = header.api_version;
        let client_id = header.client_id.clone().unwrap_or_default();
        let now = self.shared.clock.mono();
        let (wanted, forgotten) = fetch::named(&body);
        let old_offsets = (version < 4).then(|| {
            let offset = |wanted: &Wanted| ((wanted.topic.clone(), wanted.partition), wanted.fetch_offset);
            wanted.iter().map(offset).collect::<BTreeMap<_, _>>()
        });
        let session = (body.session_id, body.session_epoch);
        let opened = self.shared.sessions.lock().open(now, session, wanted, &forgotten, version >= 13);
        let opened = match opened {
            Ok(opened) => opened,
            Err(error_code) => return respond(wire::FetchResponse { error_code, ..Default::default() }),
        };
        self.session = opened.session_id();
        let most = quotas::most(self.shared, image, Kind::Fetch, &client_id);
        let bytes_max = self.shared.fetch_bytes_max.min(most.unwrap_or(u64::MAX));
        let mut assembly = FetchAssembly::new(&self.cluster(image), now, version, &body, opened, bytes_max);
        self.collect(&mut assembly).await;
        let bytes = assembly.bytes() as f64;
        self.rest = quotas::record(self.shared, image, Kind::Fetch, &client_id, bytes);
        if !self.rest.is_zero() {
            quotas::take_back(self.shared, image, Kind::Fetch, &client_id, bytes);
            let (response, session) = assembly.throttled();
            let begun = self.session.take();
            match session {
                Some(session) => self.shared.sessions.lock().put(self.shared.clock.mono(), session),
                None => begun.into_iter().for_each(|id| self.shared.sessions.lock().remove(id)),
            }
            return respond(response);
        }
        let (response, ranges, session) = assembly.finish(&self.cluster(image));
        self.shared.stats.traffic.fetched(image, &response);
        if let Some(session) = session {
            self.shared.sessions.lock().put(self.shared.clock.mono(), session);
        }
        self.session = None;
        if let Some(offsets) = old_offsets {
            return respond(down_convert::run(version, response, ranges, &offsets).await);
        }
        Outcome::Response(Box::new(response.into()), ranges)
    }

    async fn collect(&mut self, assembly: &mut FetchAssembly<Range>) {
        let requests: Vec<(ShardId, FetchRequest)> = assembly.requests().collect();
        if requests.is_empty() {
            return;
        }
        let mut tokens: Vec<RequestToken> =
            requests.into_iter().map(|(shard, request)| self.ask(shard, ShardRequest::Fetch(request))).collect();
        loop {
            let (token, ShardReply::Fetch(answers)) = self.hear().await else { wrong_answer() };
            let part = tokens.iter().position(|known| *known == token).expect("only what was asked is heard");
            let ranged = |(answer, range): (FetchAnswer, Option<FileRange<File>>)| (answer, range.map(Range));
            let answers = answers.into_iter().map(ranged).collect();
            match assembly.on_answer(self.shared.clock.mono(), part, answers) {
                Next::Wait => {}
                Next::Ask(part, request) => {
                    tokens[part] = self.ask(assembly.shard(part), ShardRequest::Fetch(request));
                }
                Next::Complete(parts) => {
                    for part in parts {
                        self.shared.shard(assembly.shard(part)).push(ToShard::Complete(tokens[part]));
                    }
                }
                Next::Done => return,
            }
        }
    }

    async fn group_or_node(&mut self, image: &MetadataImage, header: &RequestHeader, request: Request) -> Outcome {
        let caller = Caller {
            client_id: header.client_id.clone().unwrap_or_default().detached(),
            client_host: self.host.clone(),
            version: header.api_version,
        };
        match groups::split(&self.cluster(image), &caller, request) {
            Ok((mut assembly, parts)) => {
                for answer in self.ask_all(parts).await {
                    let ShardAnswer::Group(answer) = answer else { wrong_answer() };
                    assembly.add(answer);
                }
                Outcome::Response(Box::new(assembly.finish()), Vec::new())
            }
            Err(mut request) => {
                let refused = mutations::admit(self.shared, image, &caller.client_id, header.api_version, &mut request);
                self.rest = refused.rest;
                let mut response = self.ask_node(header.api_version, request).await;
                refused.answer(&mut response);
                Outcome::Response(response, Vec::new())
            }
        }
    }

    /// Of loggers the process answers, of the rest the node; what becomes of a key is added to its documentation.
    async fn describe_configs(
        &mut self,
        image: &MetadataImage,
        header: &RequestHeader,
        mut body: Box<wire::DescribeConfigsRequest>,
    ) -> Outcome {
        let taken = loggers::describe(LogLevel::of_the_process(), self.shared.broker_id(), &mut body);
        let left = (taken.is_empty() || !body.resources.is_empty()).then_some(Request::DescribeConfigs(body));
        let mut outcome = self.ask_what_is_left(image, header, left, wire::DescribeConfigsResponse::default()).await;
        if let Outcome::Response(response, _) = &mut outcome
            && let Response::DescribeConfigs(response) = &mut **response
        {
            documentation::add_states(&mut response.results);
            taken.put_back(&mut response.results);
        }
        outcome
    }

    /// As [`Dispatcher::describe_configs`].
    async fn alter_configs(
        &mut self,
        image: &MetadataImage,
        header: &RequestHeader,
        mut body: Box<wire::IncrementalAlterConfigsRequest>,
    ) -> Outcome {
        let taken = loggers::alter(LogLevel::of_the_process(), self.shared.broker_id(), &mut body);
        let left = (taken.is_empty() || !body.resources.is_empty()).then_some(Request::IncrementalAlterConfigs(body));
        let mut outcome =
            self.ask_what_is_left(image, header, left, wire::IncrementalAlterConfigsResponse::default()).await;
        if let Outcome::Response(response, _) = &mut outcome
            && let Response::IncrementalAlterConfigs(response) = &mut **response
        {
            taken.put_back(&mut response.responses);
        }
        outcome
    }

    /// The answer to what was not taken out of a request; `empty` when that is nothing.
    async fn ask_what_is_left(
        &mut self,
        image: &MetadataImage,
        header: &RequestHeader,
        left: Option<Request>,
        empty: impl Into<Response>,
    ) -> Outcome {
        match left {
            Some(request) => self.group_or_node(image, header, request).await,
            None => respond(empty),
        }
    }

    async fn ask_node(&mut self, version: i16, request: Box<Request>) -> Box<Response> {
        let token = self.shared.token();
        self.shared.waiting.insert(token, self.to.clone());
        self.shared.node.request(token, self.listener.clone(), version, request);
        loop {
            match self.from.recv().await.expect("the connection holds a sender") {
                Answer::Node(answered, response) if answered == token => return response,
                // Of a request that was cancelled.
                _ => {}
            }
        }
    }

    /// Asks every shard, then waits for all; the answers are in the order of the parts.
    async fn ask_all(&mut self, parts: Vec<(ShardId, ShardRequest)>) -> Vec<ShardAnswer> {
        let tokens: Vec<RequestToken> = parts.into_iter().map(|(shard, part)| self.ask(shard, part)).collect();
        let mut answers: Vec<Option<ShardAnswer>> = tokens.iter().map(|_| None).collect();
        for _ in 0..tokens.len() {
            let (token, ShardReply::Answer(answer)) = self.hear().await else { wrong_answer() };
            let part = tokens.iter().position(|known| *known == token).expect("only what was asked is heard");
            answers[part] = Some(answer);
        }
        answers.into_iter().map(|answer| answer.expect("all were heard")).collect()
    }

    fn ask(&mut self, shard: ShardId, mut request: ShardRequest) -> RequestToken {
        let token = self.shared.token();
        if let ShardRequest::Group { request, .. } = &mut request {
            request.token = token;
        }
        self.asked.push((shard, token));
        self.shared.shard(shard).push(ToShard::Request { token, request, to: self.to.clone() });
        token
    }

    /// The next answer to what was asked; those of cancelled requests are passed over.
    async fn hear(&mut self) -> (RequestToken, ShardReply<File>) {
        loop {
            let Answer::Shard(token, reply) = self.from.recv().await.expect("the connection holds a sender") else {
                continue;
            };
            if let Some(at) = self.asked.iter().position(|(_, asked)| *asked == token) {
                self.asked.swap_remove(at);
                return (token, reply);
            }
        }
    }
}

fn respond(response: impl Into<Response>) -> Outcome {
    Outcome::Response(Box::new(response.into()), Vec::new())
}

fn wrong_answer() -> ! {
    panic!("a shard's answer has another kind than its request")
}
