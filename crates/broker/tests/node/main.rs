//! A node and its ZooKeeper session against a real keeper: cold start, topics, restarts, and connections that are lost at
//! every possible moment.

mod harness;

use base::Str;
use broker::shard::ShardCommand;
use client_core::zk::Op;
use harness::{Cluster, Cut};
use kafka_wire::messages::*;
use kafka_wire::{ErrorCode, Response};

fn metadata(topics: &[&str]) -> MetadataRequest {
    let topics = topics.iter().map(|name| MetadataRequestTopics { name: Some(Str::from(*name)), ..Default::default() });
    MetadataRequest { topics: Some(topics.collect()), ..MetadataRequest::default() }
}

fn create(name: &str, partitions: i32) -> CreateTopicsRequest {
    let topic = CreateTopicsRequestTopics {
        name: Str::from(name),
        num_partitions: partitions,
        replication_factor: 1,
        ..Default::default()
    };
    CreateTopicsRequest { topics: vec![topic], timeout_ms: 5000, ..CreateTopicsRequest::default() }
}

fn delete(name: &str) -> DeleteTopicsRequest {
    DeleteTopicsRequest { topic_names: vec![Str::from(name)], timeout_ms: 5000, ..DeleteTopicsRequest::default() }
}

fn ask_metadata(cluster: &mut Cluster, member: usize, topics: &[&str]) -> MetadataResponse {
    match cluster.ask(member, 9, metadata(topics)) {
        Response::Metadata(response) => *response,
        other => panic!("{other:?}"),
    }
}

fn ask_create(cluster: &mut Cluster, member: usize, name: &str, partitions: i32) -> CreateTopicsResponseTopics {
    match cluster.ask(member, 7, create(name, partitions)) {
        Response::CreateTopics(mut response) => response.topics.remove(0),
        other => panic!("{other:?}"),
    }
}

fn ask_delete(cluster: &mut Cluster, member: usize, name: &str) -> i16 {
    match cluster.ask(member, 5, delete(name)) {
        Response::DeleteTopics(response) => response.responses[0].error_code,
        other => panic!("{other:?}"),
    }
}

#[test]
fn brokers_without_an_id_are_numbered_by_zookeeper() {
    let mut cluster = Cluster::new();
    let first = cluster.start(-1, None, &[]);
    assert!(cluster.members[first].ready, "{:#?}", cluster.members[first].log);
    let second = cluster.start(-1, None, &[("listeners", "PLAINTEXT://localhost:9099")]);
    assert!(cluster.members[second].fatal.is_none(), "{:?}", cluster.members[second].fatal);
    assert!(cluster.data("/brokers/ids/1001").is_some_and(|data| data.contains("9091")));
    assert!(cluster.data("/brokers/ids/1002").is_some_and(|data| data.contains("9099")));
    assert_eq!(cluster.members[first].identity.as_ref().map(|id| id.1), Some(1001));
    assert_eq!(ask_create(&mut cluster, first, "t", 1).error_code, 0);
    let leads = |command: &ShardCommand| matches!(command, ShardCommand::LeadPartition(lead) if lead.broker_id == 1001);
    assert!(cluster.members[first].commands.iter().any(leads));
}

#[test]
fn a_cold_start_needs_no_waiting_and_writes_upstreams_layout() {
    let mut cluster = Cluster::new();
    let broker = cluster.start(0, None, &[]);
    assert!(cluster.members[broker].ready, "{:#?}", cluster.members[broker].log);
    assert_eq!(cluster.data("/controller_epoch").as_deref(), Some("1"));
    assert_eq!(
        cluster.data("/controller").as_deref(),
        Some(r#"{"version":2,"brokerid":0,"timestamp":"1700000000000","kraftControllerEpoch":-1}"#)
    );
    assert_eq!(cluster.data("/feature").as_deref(), Some(r#"{"version":2,"status":1,"features":{}}"#));
    for path in ["/consumers", "/brokers/seqid", "/config/users", "/latest_producer_id_block"] {
        assert_eq!(cluster.data(path).as_deref(), Some(""), "{path}");
    }
    let response = ask_metadata(&mut cluster, broker, &[]);
    assert_eq!(response.controller_id, 0);
    assert_eq!((&*response.brokers[0].host, response.brokers[0].port), ("localhost", 9092));
    assert_eq!(response.cluster_id.expect("known").len(), 22);
}

#[test]
fn a_topic_is_made_by_asking_for_it() {
    let mut cluster = Cluster::new();
    let broker = cluster.start(0, None, &[("num.partitions", "2")]);
    let response = ask_metadata(&mut cluster, broker, &["orders"]);
    let topic = &response.topics[0];
    assert_eq!((topic.error_code, topic.partitions.len()), (0, 2));
    assert!(topic.partitions.iter().all(|partition| partition.leader_id == 0 && partition.error_code == 0));
    assert_eq!(
        cluster.data("/brokers/topics/orders/partitions/1/state").as_deref(),
        Some(r#"{"version":1,"leader":0,"leader_epoch":0,"controller_epoch":1,"isr":[0]}"#)
    );
    assert_eq!(cluster.data("/config/topics/orders").as_deref(), Some(r#"{"version":1,"config":{}}"#));
    let led = cluster.members[broker].commands.iter().filter(|c| matches!(c, ShardCommand::LeadPartition(_))).count();
    assert_eq!(led, 2);

    let mut forbidden = metadata(&["other"]);
    forbidden.allow_auto_topic_creation = false;
    let Response::Metadata(response) = cluster.ask(broker, 9, forbidden) else { panic!("metadata") };
    assert_eq!(response.topics[0].error_code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION.0);
    let response = ask_metadata(&mut cluster, broker, &["no/such"]);
    assert_eq!(response.topics[0].error_code, ErrorCode::INVALID_TOPIC_EXCEPTION.0);
}

#[test]
fn topics_are_created_refused_deleted_and_created_again() {
    let mut cluster = Cluster::new();
    let broker = cluster.start(0, None, &[]);
    let made = ask_create(&mut cluster, broker, "t", 3);
    assert_eq!((made.error_code, made.num_partitions, made.replication_factor), (0, 3, 1));
    assert!(!made.topic_id.is_zero());
    assert_eq!(ask_create(&mut cluster, broker, "t", 3).error_code, ErrorCode::TOPIC_ALREADY_EXISTS.0);
    assert_eq!(ask_create(&mut cluster, broker, "u", 0).error_code, ErrorCode::INVALID_PARTITIONS.0);
    let mut unknown = create("u", 1);
    unknown.topics[0]
        .configs
        .push(CreateTopicsRequestConfigs { name: Str::from("retention"), value: Some(Str::from("1")) });
    let Response::CreateTopics(response) = cluster.ask(broker, 7, unknown) else { panic!("create") };
    assert_eq!(response.topics[0].error_code, ErrorCode::INVALID_CONFIG.0);

    assert_eq!(ask_delete(&mut cluster, broker, "t"), 0);
    assert_eq!(cluster.data("/brokers/topics/t"), None);
    assert_eq!(cluster.data("/config/topics/t"), None);
    assert_eq!(cluster.data("/admin/delete_topics/t"), None);
    assert_eq!(ask_delete(&mut cluster, broker, "t"), ErrorCode::UNKNOWN_TOPIC_OR_PARTITION.0);
    let again = ask_create(&mut cluster, broker, "t", 1);
    assert_eq!(again.error_code, 0);
    assert_ne!(again.topic_id, made.topic_id);
}

#[test]
fn the_coordinators_topic_is_made_on_the_first_question() {
    let mut cluster = Cluster::new();
    let broker = cluster.start(0, None, &[]);
    let request =
        FindCoordinatorRequest { coordinator_keys: vec![Str::from("g")], ..FindCoordinatorRequest::default() };
    let Response::FindCoordinator(response) = cluster.ask(broker, 4, request.clone()) else { panic!("coordinator") };
    assert_eq!((response.coordinators[0].error_code, response.coordinators[0].node_id), (0, 0));
    let topic = &ask_metadata(&mut cluster, broker, &["__consumer_offsets"]).topics[0];
    assert_eq!((topic.partitions.len(), topic.is_internal), (50, true));

    let mut poor = Cluster::new();
    let broker = poor.start(0, None, &[("offsets.topic.replication.factor", "3")]);
    let Response::FindCoordinator(response) = poor.ask(broker, 4, request) else { panic!("coordinator") };
    assert_eq!(response.coordinators[0].error_code, ErrorCode::COORDINATOR_NOT_AVAILABLE.0);
}

#[test]
fn producer_ids_are_unique_across_blocks_and_brokers() {
    let mut cluster = Cluster::new();
    let (a, b) = (cluster.start(0, None, &[]), cluster.start(1, None, &[]));
    let mut seen = std::collections::BTreeSet::new();
    for i in 0..1500 {
        let member = if i % 3 == 0 { b } else { a };
        let Response::InitProducerId(response) = cluster.ask(member, 4, InitProducerIdRequest::default()) else {
            panic!("init producer id")
        };
        assert_eq!((response.error_code, response.producer_epoch), (0, 0));
        assert!(seen.insert(response.producer_id));
    }
    let transactional = InitProducerIdRequest { transactional_id: Some(Str::from("t")), ..Default::default() };
    let Response::InitProducerId(response) = cluster.ask(a, 4, transactional) else { panic!("init producer id") };
    assert_eq!(response.error_code, ErrorCode::INVALID_REQUEST.0);
}

#[test]
fn after_a_crash_the_old_session_is_closed_and_nothing_waits() {
    let mut cluster = Cluster::new();
    let old = cluster.start(0, None, &[]);
    assert_eq!(ask_create(&mut cluster, old, "t", 1).error_code, 0);
    cluster.kill(old);
    let credentials = cluster.members[old].credentials.clone();
    let new = cluster.start(0, credentials, &[]);
    assert!(cluster.members[new].ready, "{:#?}", cluster.members[new].log);
    assert_eq!(cluster.data("/controller_epoch").as_deref(), Some("2"));
    let topic = &ask_metadata(&mut cluster, new, &["t"]).topics[0];
    assert_eq!((topic.partitions[0].leader_id, topic.partitions[0].leader_epoch), (0, 0));
}

#[test]
fn without_the_old_sessions_password_a_restart_waits_for_its_expiry() {
    let mut cluster = Cluster::new();
    let old = cluster.start(0, None, &[]);
    cluster.kill(old);
    let new = cluster.start(0, None, &[]);
    assert!(!cluster.members[new].ready);
    assert!(cluster.members[new].fatal.is_none());
    cluster.pass_until(30_000, |cluster| cluster.members[new].ready);
}

#[test]
fn who_asks_for_the_cluster_too_early_is_answered_when_it_is_known() {
    let mut cluster = Cluster::new();
    let old = cluster.start(0, None, &[]);
    cluster.kill(old);
    let new = cluster.start(0, None, &[]);
    let impatient = cluster.request(new, 9, metadata(&[]));
    cluster.pass_until(3000, |cluster| cluster.members[new].replies.contains_key(&impatient));
    assert!(!cluster.members[new].ready);
    let Some(Response::Metadata(response)) = cluster.members[new].replies.remove(&impatient) else {
        panic!("metadata")
    };
    assert_eq!((response.brokers.len(), response.controller_id), (0, -1), "it is not known after two seconds");

    let mut asked = Vec::new();
    while !cluster.members[new].ready {
        cluster.pass(1000);
        if !cluster.members[new].ready {
            asked.push(cluster.request(new, 9, metadata(&["made-on-demand"])));
        }
        assert!(asked.len() < 60, "{:#?}", cluster.members[new].log);
    }
    let last = asked.pop().expect("one that asked before");
    cluster.pass_until(2000, |cluster| cluster.members[new].replies.contains_key(&last));
    let Some(Response::Metadata(response)) = cluster.members[new].replies.remove(&last) else { panic!("metadata") };
    assert_eq!((response.brokers.len(), response.controller_id), (1, 0));
    assert_eq!((response.topics[0].error_code, response.topics[0].partitions.len()), (0, 1));
}

#[test]
fn an_id_that_a_live_broker_holds_is_refused() {
    let mut cluster = Cluster::new();
    let first = cluster.start(0, None, &[]);
    let second = cluster.start(0, None, &[]);
    cluster.pass_until(60_000, |cluster| cluster.members[second].fatal.is_some());
    assert!(cluster.members[first].fatal.is_none());
    assert!(!cluster.members[second].ready);
}

#[test]
fn an_expired_session_is_replaced_and_the_controller_returns() {
    let mut cluster = Cluster::new();
    let broker = cluster.start(0, None, &[]);
    assert_eq!(ask_create(&mut cluster, broker, "t", 1).error_code, 0);
    cluster.expire(broker);
    cluster.pass_until(5000, |cluster| cluster.data("/controller_epoch").as_deref() == Some("2"));
    assert_eq!(ask_create(&mut cluster, broker, "u", 1).error_code, 0);
    let response = ask_metadata(&mut cluster, broker, &["t", "u"]);
    assert!(response.topics.iter().all(|topic| topic.error_code == 0 && topic.partitions[0].leader_id == 0));
}

#[test]
fn another_broker_takes_over_as_controller() {
    let mut cluster = Cluster::new();
    let (a, b) = (cluster.start(0, None, &[]), cluster.start(1, None, &[]));
    assert_eq!(ask_create(&mut cluster, a, "t", 4).error_code, 0);
    assert_eq!(ask_create(&mut cluster, b, "u", 1).error_code, ErrorCode::NOT_CONTROLLER.0);
    cluster.kill(a);
    cluster.pass_until(30_000, |cluster| cluster.data("/controller_epoch").as_deref() == Some("2"));
    cluster.pass(10);
    assert!(cluster.members[b].ready);
    let response = ask_metadata(&mut cluster, b, &["t"]);
    assert_eq!(response.controller_id, 1);
    assert_eq!(response.brokers.len(), 1);
    // partitions whose only replica is gone have no leader, and those of the living one keep it
    for partition in &response.topics[0].partitions {
        let held_by_b = partition.replica_nodes == [1];
        assert_eq!(partition.leader_id, if held_by_b { 1 } else { -1 }, "{partition:?}");
    }
}

/// Whatever request or reply is lost with its connection, the broker comes up, the topic is made once, and a second
/// election happens only where the session was lost too.
#[test]
fn a_connection_lost_at_any_frame_changes_nothing() {
    let mut cluster = Cluster::new();
    let broker = cluster.start(0, None, &[]);
    assert_eq!(ask_create(&mut cluster, broker, "t", 2).error_code, 0);
    assert_eq!(ask_delete(&mut cluster, broker, "t"), 0);
    let frames = cluster.frames;
    assert!(frames > 40, "{frames}");
    for frame in 1..=frames {
        for cut in [Cut::Request(frame), Cut::Reply(frame)] {
            let mut cluster = Cluster::new();
            cluster.cut = Some(cut);
            let broker = cluster.start(0, None, &[]);
            cluster.pass_until(40_000, |cluster| cluster.members[broker].ready);
            assert_eq!(cluster.members[broker].fatal, None, "{cut:?}");
            let made = ask_create(&mut cluster, broker, "t", 2).error_code;
            assert_eq!(made, 0, "{cut:?}: {:#?}", cluster.members[broker].log);
            let topic = &ask_metadata(&mut cluster, broker, &["t"]).topics[0];
            assert_eq!((topic.error_code, topic.partitions.len()), (0, 2), "{cut:?}");
            assert_eq!(ask_delete(&mut cluster, broker, "t"), 0, "{cut:?}");
            assert_eq!(cluster.data("/brokers/topics/t"), None, "{cut:?}");
        }
    }
}

#[test]
fn configuration_has_sources_and_synonyms() {
    let mut cluster = Cluster::new();
    let broker = cluster.start(0, None, &[("log.retention.hours", "2")]);
    let mut request = create("t", 1);
    request.topics[0]
        .configs
        .push(CreateTopicsRequestConfigs { name: Str::from("segment.bytes"), value: Some(Str::from("1000000")) });
    let Response::CreateTopics(response) = cluster.ask(broker, 5, request) else { panic!("create") };
    assert_eq!(response.topics[0].error_code, 0);
    let resource = |resource_type, name: &str| DescribeConfigsRequestResources {
        resource_type,
        resource_name: Str::from(name),
        configuration_keys: None,
    };
    let request = DescribeConfigsRequest {
        resources: vec![resource(2, "t"), resource(4, "0"), resource(4, "1"), resource(2, "nope")],
        include_synonyms: true,
        include_documentation: false,
    };
    let Response::DescribeConfigs(response) = cluster.ask(broker, 4, request) else { panic!("describe") };
    let find = |result: usize, name: &str| {
        let entry = response.results[result].configs.iter().find(|entry| &*entry.name == name).expect("listed");
        let synonyms: Vec<_> = entry.synonyms.iter().map(|s| (s.name.to_string(), s.source)).collect();
        (entry.value.as_deref().unwrap_or("null").to_string(), entry.config_source, synonyms)
    };
    assert_eq!(find(0, "segment.bytes").0, "1000000");
    assert_eq!(find(0, "segment.bytes").1, 1);
    // what Apache Kafka 3.9 answers too: the value of the hours, but neither their source nor a synonym
    assert_eq!(find(0, "retention.ms"), ("7200000".to_string(), 5, Vec::new()));
    assert_eq!(find(0, "retention.bytes").2, [("log.retention.bytes".to_string(), 5)]);
    assert_eq!(find(1, "num.partitions").0, "1");
    assert_eq!(response.results[2].error_code, ErrorCode::INVALID_REQUEST.0);
    assert_eq!(response.results[3].error_code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION.0);
}

fn set(resource_type: i8, name: &str, key: &str, value: &str) -> IncrementalAlterConfigsRequest {
    let config = IncrementalAlterConfigsRequestConfigs {
        name: Str::from(key),
        config_operation: 0,
        value: Some(Str::from(value)),
    };
    let resource = IncrementalAlterConfigsRequestResources {
        resource_type,
        resource_name: Str::from(name),
        configs: vec![config],
    };
    IncrementalAlterConfigsRequest { resources: vec![resource], validate_only: false }
}

#[test]
fn altered_configuration_reaches_the_shards() {
    let mut cluster = Cluster::new();
    let broker = cluster.start(0, None, &[]);
    assert_eq!(ask_create(&mut cluster, broker, "t", 1).error_code, 0);
    let alter = |cluster: &mut Cluster, request| {
        let Response::IncrementalAlterConfigs(response) = cluster.ask(broker, 1, request) else { panic!("alter") };
        response.responses[0].error_code
    };
    let updates = |cluster: &Cluster| {
        let told = cluster.members[broker].commands.iter().filter_map(|command| match command {
            ShardCommand::UpdateConfig { config, .. } => Some((config.retention_ms, config.segment_bytes)),
            _ => None,
        });
        told.collect::<Vec<_>>()
    };
    assert_eq!(alter(&mut cluster, set(2, "t", "retention.ms", "5000")), 0);
    assert_eq!(cluster.data("/config/topics/t").as_deref(), Some(r#"{"version":1,"config":{"retention.ms":"5000"}}"#));
    assert_eq!(
        cluster.data("/config/changes/config_change_0000000000").as_deref(),
        Some(r#"{"version":2,"entity_path":"topics/t"}"#)
    );
    assert_eq!(updates(&cluster).last(), Some(&(5000, 1 << 30)));
    assert_eq!(alter(&mut cluster, set(4, "", "log.segment.bytes", "1000000")), 0);
    assert_eq!(updates(&cluster).last(), Some(&(5000, 1_000_000)));
    assert_eq!(alter(&mut cluster, set(4, "", "log.cleaner.threads", "2")), 0);
    let threads = |command: &ShardCommand| match command {
        ShardCommand::Settings(config) => Some(config.int("log.cleaner.threads")),
        _ => None,
    };
    assert_eq!(cluster.members[broker].commands.iter().filter_map(threads).next_back(), Some(2));
    assert_eq!(alter(&mut cluster, set(2, "t", "retention.ms", "soon")), ErrorCode::INVALID_CONFIG.0);
    assert_eq!(alter(&mut cluster, set(2, "u", "retention.ms", "1")), ErrorCode::UNKNOWN_TOPIC_OR_PARTITION.0);
    assert_eq!(alter(&mut cluster, set(4, "0", "log.dirs", "/x")), ErrorCode::INVALID_REQUEST.0);

    // a new session forgets none of it
    cluster.expire(broker);
    cluster.pass_until(5000, |cluster| cluster.data("/controller_epoch").as_deref() == Some("2"));
    assert_eq!(updates(&cluster).last(), Some(&(5000, 1_000_000)));

    let resource =
        AlterConfigsRequestResources { resource_type: 2, resource_name: Str::from("t"), configs: Vec::new() };
    let request = AlterConfigsRequest { resources: vec![resource], validate_only: false };
    let Response::AlterConfigs(response) = cluster.ask(broker, 1, request) else { panic!("alter") };
    assert_eq!(response.responses[0].error_code, 0);
    assert_eq!(updates(&cluster).last().expect("told").0, 604_800_000);
}

#[test]
fn a_topic_grows() {
    let mut cluster = Cluster::new();
    let broker = cluster.start(0, None, &[]);
    assert_eq!(ask_create(&mut cluster, broker, "t", 1).error_code, 0);
    let grow = |cluster: &mut Cluster, count| {
        let topic = CreatePartitionsRequestTopics { name: Str::from("t"), count, assignments: None };
        let request = CreatePartitionsRequest { topics: vec![topic], timeout_ms: 5000, validate_only: false };
        let Response::CreatePartitions(response) = cluster.ask(broker, 3, request) else { panic!("grow") };
        response.results[0].error_code
    };
    assert_eq!(grow(&mut cluster, 3), 0);
    let topic = ask_metadata(&mut cluster, broker, &["t"]).topics.remove(0);
    assert_eq!(topic.partitions.iter().map(|partition| partition.leader_id).collect::<Vec<_>>(), [0, 0, 0]);
    assert_eq!(grow(&mut cluster, 3), ErrorCode::INVALID_PARTITIONS.0);
    assert_eq!(grow(&mut cluster, 5), 0);
    assert_eq!(ask_delete(&mut cluster, broker, "t"), 0);
    assert_eq!(cluster.data("/brokers/topics/t"), None);
}

fn ask_elect(cluster: &mut Cluster, member: usize, unclean: bool, topics: Option<&[(&str, i32)]>) -> Vec<(i32, i16)> {
    let one = |(topic, partition): &(&str, i32)| ElectLeadersRequestTopicPartitions {
        topic: Str::from(*topic),
        partitions: vec![*partition],
    };
    let topic_partitions = topics.map(|topics| topics.iter().map(one).collect());
    let request = ElectLeadersRequest { election_type: i8::from(unclean), topic_partitions, timeout_ms: 1000 };
    match cluster.ask(member, 2, request) {
        Response::ElectLeaders(response) => {
            assert_eq!(response.error_code, 0);
            let results = response.replica_election_results.into_iter().flat_map(|topic| topic.partition_result);
            results.map(|result| (result.partition_id, result.error_code)).collect()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn leaders_are_elected_on_demand() {
    let mut cluster = Cluster::new();
    let broker = cluster.start(0, None, &[]);
    assert_eq!(ask_create(&mut cluster, broker, "t", 2).error_code, 0);
    let both = [("t", 0), ("t", 9)];
    assert_eq!(ask_elect(&mut cluster, broker, false, Some(&both)), [(0, 84), (9, 3)]);
    assert_eq!(ask_elect(&mut cluster, broker, true, Some(&both[..1])), [(0, 84)]);
    assert_eq!(ask_elect(&mut cluster, broker, false, None), [], "all is well");
    // Only a broker that is gone was in sync.
    let state = r#"{"version":1,"leader":-1,"leader_epoch":4,"controller_epoch":1,"isr":[7]}"#;
    let path = "/brokers/topics/t/partitions/0/state".to_string();
    cluster.zk(broker, Op::SetData { path: path.clone(), data: Some(state.into()), version: -1 });
    cluster.expire(broker);
    cluster.pass_until(5000, |cluster| cluster.data("/controller_epoch").as_deref() == Some("2"));
    assert_eq!(ask_elect(&mut cluster, broker, false, Some(&both[..1])), [(0, 80)]);
    assert_eq!(ask_elect(&mut cluster, broker, true, None), [(0, 0)]);
    let written = cluster.data(&path).expect("a state");
    assert!(written.contains(r#""leader":0,"leader_epoch":5,"controller_epoch":2,"isr":[0]"#), "{written}");
    let response = ask_metadata(&mut cluster, broker, &["t"]);
    assert!(response.topics[0].partitions.iter().all(|partition| partition.leader_id == 0));
}

#[test]
fn what_tools_write_below_admin_is_dealt_with_and_removed() {
    let mut cluster = Cluster::new();
    let broker = cluster.start(0, None, &[]);
    assert_eq!(ask_create(&mut cluster, broker, "t", 1).error_code, 0);
    let wishes = [
        ("/admin/preferred_replica_election", r#"{"version":1,"partitions":[{"topic":"t","partition":0}]}"#, "[t-0]"),
        (
            "/admin/reassign_partitions",
            r#"{"version":1,"partitions":[{"topic":"t","partition":0,"replicas":[0]}]}"#,
            "t-0 is on [0] already",
        ),
        (
            "/admin/reassign_partitions",
            r#"{"version":1,"partitions":[{"topic":"t","partition":0,"replicas":[3]}]}"#,
            "brokers that are not alive",
        ),
        ("/admin/reassign_partitions", "nonsense", "makes no sense"),
    ];
    for (path, data, said) in wishes {
        cluster.zk(broker, Op::create(path, Some(data.into())));
        cluster.pass_until(1000, |cluster| cluster.data(path).is_none());
        let log = &cluster.members[broker].log;
        assert!(log.iter().any(|line| line.contains(said)), "{said:?} is not in {log:#?}");
    }
}

#[test]
fn reassignments_as_far_as_one_broker_goes() {
    let mut cluster = Cluster::new();
    let broker = cluster.start(0, None, &[]);
    assert_eq!(ask_create(&mut cluster, broker, "t", 1).error_code, 0);
    let mut alter = |partition_index, replicas: Option<Vec<i32>>| {
        let partitions = vec![AlterPartitionReassignmentsRequestPartitions { partition_index, replicas }];
        let topics = vec![AlterPartitionReassignmentsRequestTopics { name: Str::from("t"), partitions }];
        let request = AlterPartitionReassignmentsRequest { timeout_ms: 1000, topics };
        match cluster.ask(broker, 0, request) {
            Response::AlterPartitionReassignments(response) => response.responses[0].partitions[0].error_code,
            other => panic!("{other:?}"),
        }
    };
    let codes = [
        alter(0, Some(vec![0])),
        alter(0, None),
        alter(4, Some(vec![0])),
        alter(0, Some(vec![])),
        alter(0, Some(vec![0, 0])),
        alter(0, Some(vec![-1])),
        alter(0, Some(vec![5])),
    ];
    assert_eq!(codes, [0, 85, 3, 39, 39, 39, 39]);
    match cluster.ask(broker, 0, ListPartitionReassignmentsRequest::default()) {
        Response::ListPartitionReassignments(response) => {
            assert!(response.error_code == 0 && response.topics.is_empty())
        }
        other => panic!("{other:?}"),
    }
    let feature_updates = vec![UpdateFeaturesRequestFeatureUpdates { feature: Str::from("f"), ..Default::default() }];
    match cluster.ask(broker, 1, UpdateFeaturesRequest { feature_updates, ..Default::default() }) {
        Response::UpdateFeatures(response) => {
            assert_eq!((response.error_code, response.results[0].error_code), (0, 42))
        }
        other => panic!("{other:?}"),
    }
}
