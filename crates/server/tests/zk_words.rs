//! Four-letter words against text that Apache ZooKeeper 3.9.5 wrote, over real sockets.

mod zk;

use std::io::{Read, Write};
use std::net::SocketAddr;

use server::zk::four_letter::Whitelist;
use server::zk::{ZkServerConfig, ZkServerHandle};
use zk::{Client, word};
use zk_wire::{GetDataRequest, Jute, OpCode};

/// A keeper that answers every word.
async fn start(dir: &std::path::Path) -> ZkServerHandle {
    let config = ZkServerConfig { words: Whitelist::All, ..ZkServerConfig::embedded(dir, 0) };
    server::zk::start(config).await.expect("the keeper starts")
}

async fn with_server(body: impl FnOnce(SocketAddr) + Send + 'static) {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    let addr = server.local_addrs()[0];
    tokio::task::spawn_blocking(move || body(addr)).await.unwrap();
    server.shutdown().await.unwrap();
}

/// The text with every number, and every word of hex digits behind `0x`, replaced by `#`.
fn shape(text: &str) -> String {
    let mut shape = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if !c.is_ascii_digit() {
            shape.push(c);
            continue;
        }
        let hex = c == '0' && chars.next_if_eq(&'x').is_some();
        while chars.next_if(|c| if hex { c.is_ascii_hexdigit() } else { c.is_ascii_digit() || *c == '.' }).is_some() {}
        shape.push('#');
    }
    shape
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_in_ten_lines() {
    with_server(|addr| {
        let mut client = Client::new(addr);
        assert_eq!(client.create("/a", b"data", 1), 0);
        assert_eq!(word(addr, "ruok"), "imok");
        assert_eq!(word(addr, "isro"), "rw");
        let srvr = word(addr, "srvr");
        let lines: Vec<&str> = srvr.lines().collect();
        assert!(lines[0].starts_with("Zookeeper version: 3.9.5-castlekeep-"), "{srvr}");
        assert!(lines[0].ends_with(" UTC") && lines[0].contains(", built on 20"), "{srvr}");
        let expected = ["Connections: 2", "Outstanding: 0", "Zxid: 0x2", "Mode: standalone", "Node count: 6"];
        assert_eq!(lines[4..], expected);
        assert_eq!(shape(lines[1]), "Latency min/avg/max: #/#/#");
        let stat = word(addr, "stat");
        let clients = "Clients:\n /#[#](queued=#,recved=#,sent=#)\n /#[#](queued=#,recved=#,sent=#)\n\nLatency";
        assert!(shape(&stat).replace("#:#", "#").contains(clients), "{stat}");
        assert!(stat.contains("[1](queued=0,recved=2,sent=2)\n"), "{stat}");
        assert_eq!(word(addr, "srst"), "Server stats reset.\n");
        assert!(word(addr, "srvr").contains("\nReceived: 1\nSent: 1\n"), "this word, and the last one's answer");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_and_their_last_request() {
    with_server(|addr| {
        let mut client = Client::new(addr);
        client.create("/a", b"", 0);
        client.get("/a").unwrap();
        let cons = word(addr, "cons");
        let own = cons.lines().find(|line| line.contains("sid=")).expect("the client's line");
        let expected = " /#:#[#](queued=#,recved=#,sent=#,sid=#,lop=GETD,est=#,to=#,lcxid=#,lzxid=#,lresp=#,llat=#,minlat=#,\
                        avglat=#,maxlat=#)";
        assert_eq!(shape(own), expected);
        assert!(own.contains("recved=3,sent=3,") && own.contains("to=30000,lcxid=0x2,lzxid=0x2,"), "{own}");
        assert!(cons.ends_with(")\n\n"), "{cons}");
        assert_eq!(word(addr, "crst"), "Connection stats reset.\n");
        let cons = word(addr, "cons");
        assert!(cons.contains("recved=0,sent=0,sid=0x") && cons.contains(",lop=NA,est="), "{cons}");
        assert!(!cons.contains("lcxid") && cons.contains("lzxid=0xffffffffffffffff,lresp=0,"), "{cons}");
        let received = word(addr, "srvr").lines().nth(2).unwrap().to_string();
        assert_eq!(received, "Received: 7", "the server's own numbers stay");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_watches_and_owners() {
    with_server(|addr| {
        let mut client = Client::new(addr);
        client.create("/a", b"", 1);
        client.call(OpCode::EXISTS, &zk_wire::ExistsRequest { path: "/later".into(), watch: true }.to_bytes());
        client.call(OpCode::GET_DATA, &GetDataRequest { path: "/a".into(), watch: true }.to_bytes());
        let children = zk_wire::GetChildrenRequest { path: "/".into(), watch: true };
        client.call(OpCode::GET_CHILDREN, &children.to_bytes());
        let session = format!("{}", client.session.session);
        assert_eq!(word(addr, "wchs"), "1 connections watching 2 paths\nTotal watches:2\n");
        assert_eq!(word(addr, "wchc"), format!("{session}\n\t/a\n\t/later\n\n"));
        assert_eq!(word(addr, "wchp"), format!("/a\n\t{session}\n/later\n\t{session}\n\n"));
        let dump = word(addr, "dump");
        let lines: Vec<&str> = dump.lines().collect();
        assert_eq!(lines[..2], ["SessionTracker dump:", "Session Sets (1)/(1):"]);
        assert!(lines[2].starts_with("1 expire at ") && lines[2].contains(" UTC 20"), "{dump}");
        let rest =
            [&format!("\t{session}"), "ephemeral nodes dump:", "Sessions with Ephemerals (1):", &format!("{session}:")];
        assert_eq!(lines[3..7], rest);
        assert_eq!(lines[7..9], ["\t/a", "Connections dump:"]);
        assert!(dump.contains(&format!(" sessionId: {session}\n")) && dump.contains(" sessionId: 0x0\n"), "{dump}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn quotas_are_metrics_by_the_name_below_the_root() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = ZkServerConfig { words: Whitelist::All, ..ZkServerConfig::embedded(dir.path(), 0) };
    config.store.keeper.enforce_quota = true;
    let server = server::zk::start(config).await.unwrap();
    let addr = server.local_addrs()[0];
    tokio::task::spawn_blocking(move || {
        let mut client = Client::new(addr);
        for path in ["/q", "/q/a", "/zookeeper/quota/q", "/zookeeper/quota/q/a"] {
            client.create(path, b"", 0);
        }
        let limits = [("q", "count=5,bytes=100"), ("q/a", "count=7,bytes=-1=;countHardLimit=2")];
        for (limited, text) in limits {
            assert_eq!(client.create(&format!("/zookeeper/quota/{limited}/zookeeper_limits"), text.as_bytes(), 0), 0);
            assert_eq!(client.create(&format!("/zookeeper/quota/{limited}/zookeeper_stats"), b"", 0), 0);
        }
        assert_eq!(client.create("/q/a/1", b"data", 0), 0);
        assert_eq!(client.create("/q/a/2", b"", 0), zk_wire::ErrorCode::QUOTA_EXCEEDED.0);
        let mntr = word(addr, "mntr");
        let lines =
            ["count_limit_per_namespace\t7", "bytes_limit_per_namespace\t99", "exceeded_error_per_namespace\t1"];
        for line in lines {
            assert!(mntr.contains(&format!("zk_q_quota_{line}\n")), "{line} in {mntr}");
        }
        assert!(mntr.contains("zk_q_quota_count_usage_per_namespace\t4\n"), "{mntr}");
        assert!(mntr.contains("zk_q_quota_bytes_usage_per_namespace\t4\n"), "{mntr}");
        client.call(OpCode::EXISTS, &zk_wire::ExistsRequest { path: "/later".into(), watch: true }.to_bytes());
        Client::new(addr).create("/later", b"", 0);
        let told = |mntr: &str| mntr.contains("zk_cnt_node_created_watch_count\t1\n");
        assert!(told(&word(addr, "mntr")));
        word(addr, "srst");
        let mntr = word(addr, "mntr");
        assert!(!told(&mntr) && mntr.contains("zk_cnt_node_created_watch_count\t0\n"), "{mntr}");
        assert!(mntr.contains("zk_q_quota_exceeded_error_per_namespace\t0\n"), "{mntr}");
        assert!(mntr.contains("zk_q_quota_count_usage_per_namespace\t4\n"), "what is there stays: {mntr}");
    })
    .await
    .unwrap();
    server.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_configuration_and_digests() {
    with_server(|addr| {
        let mut client = Client::new(addr);
        client.create("/a", b"data", 1);
        for n in 0..300 {
            client.set("/a", format!("{n}").as_bytes());
        }
        client.get("/a").unwrap();
        let mntr = word(addr, "mntr");
        for line in ["zk_server_state\tstandalone", "zk_ephemerals_count\t1", "zk_connection_request_count\t1"] {
            assert!(mntr.contains(&format!("\n{line}\n")), "{line} in {mntr}");
        }
        let value = |key: &str| -> f64 {
            let line = mntr.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('\t'));
            line.unwrap_or_else(|| panic!("{key} in {mntr}")).parse().unwrap()
        };
        assert_eq!([value("zk_cnt_updatelatency"), value("zk_cnt_readlatency")], [302.0, 1.0]);
        assert_eq!(value("zk_sum_sync_processor_batch_size"), 302.0);
        assert!(value("zk_max_client_response_size") >= 84.0 && value("zk_min_client_response_size") > 0.0);
        assert!(value("zk_bytes_received_count") > 302.0 * 20.0 && value("zk_response_bytes") > 302.0 * 84.0);
        let hash = word(addr, "hash");
        let zxids: Vec<&str> = hash.lines().map(|line| line.split(": ").next().unwrap()).collect();
        assert_eq!(zxids, ["80", "100"], "{hash}");
        let conf = word(addr, "conf");
        let keys: Vec<&str> = conf.lines().map(|line| line.split('=').next().unwrap()).collect();
        let expected = "clientPort secureClientPort dataDir dataDirSize dataLogDir dataLogSize tickTime maxClientCnxns \
                        minSessionTimeout maxSessionTimeout clientPortListenBacklog serverId";
        assert_eq!(keys.join(" "), expected);
        assert!(conf.contains(&format!("clientPort={}\n", addr.port())) && conf.contains("version-2\n"), "{conf}");
        assert_eq!(shape(&word(addr, "dirs")), "datadir_size: #\nlogdir_size: #\n");
        assert!(word(addr, "envi").starts_with("Environment:\nzookeeper.version=3.9.5-castlekeep-"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_trace_mask_has_eight_bytes_behind_the_word() {
    with_server(|addr| {
        assert_eq!(word(addr, "gtmk"), "306");
        let mut socket = zk::connect(addr);
        socket.write_all(b"stmk\0\0\0").unwrap();
        socket.write_all(&[0, 0, 0, 1, 18]).unwrap();
        let mut text = String::new();
        socket.read_to_string(&mut text).unwrap();
        assert_eq!((text.as_str(), word(addr, "gtmk").as_str()), ("274", "274"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whitelist_holds() {
    let dir = tempfile::tempdir().unwrap();
    let config = ZkServerConfig { words: Whitelist::upstream(), ..ZkServerConfig::embedded(dir.path(), 0) };
    let server = server::zk::start(config).await.unwrap();
    let addr = server.local_addrs()[0];
    tokio::task::spawn_blocking(move || {
        assert!(word(addr, "srvr").contains("Mode: standalone"));
        assert_eq!(word(addr, "ruok"), "ruok is not executed because it is not in the whitelist.\n");
        assert_eq!(word(addr, "nope"), "", "a word that nobody knows is a length, and too long");
    })
    .await
    .unwrap();
    server.shutdown().await.unwrap();
}
