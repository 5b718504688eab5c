//! A keeper in the real world: clients, restarts, crashes.

mod zk;

use bytes::Bytes;
use zk::{Client, start};
use zk_wire::{ConnectRequest, ErrorCode, OpCode, RequestHeader};

#[tokio::test(flavor = "multi_thread")]
async fn create_get_delete() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    for addr in server.local_addrs().to_vec() {
        tokio::task::spawn_blocking(move || {
            let mut client = Client::new(addr);
            assert_eq!(client.session.timeout_ms, 30_000);
            assert_eq!(client.create("/a", b"data", 0), 0);
            assert_eq!(client.create("/a", b"data", 0), ErrorCode::NODE_EXISTS.0);
            assert_eq!(client.get("/a"), Ok(Bytes::from_static(b"data")));
            assert_eq!(client.delete("/a", 0), 0);
            assert_eq!(client.get("/a"), Err(ErrorCode::NO_NODE.0));
            assert_eq!(client.call(OpCode::CLOSE_SESSION, b"").0.err, 0);
            assert!(zk::read_frame(&mut client.socket).is_none(), "the server closes after closeSession");
        })
        .await
        .unwrap();
    }
    server.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_keeps_everything_after_a_stop_and_after_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    let mut created = 0;
    for round in 0..6 {
        let server = start(dir.path()).await;
        let addr = server.local_addrs()[0];
        created = tokio::task::spawn_blocking(move || {
            let mut client = Client::new(addr);
            for n in 0..created {
                let expected = Bytes::from(format!("data {n}"));
                assert_eq!(client.get(&format!("/n{n}")), Ok(expected), "round {round}");
            }
            for n in created..created + 50 {
                assert_eq!(client.create(&format!("/n{n}"), format!("data {n}").as_bytes(), 0), 0);
            }
            created + 50
        })
        .await
        .unwrap();
        match round % 2 {
            0 => server.abort().await.unwrap(),
            _ => server.shutdown().await.unwrap(),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_and_its_ephemerals_survive_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    let addr = server.local_addrs()[0];
    let session = tokio::task::spawn_blocking(move || {
        let mut client = Client::new(addr);
        assert_eq!(client.create("/here", b"", 1), 0);
        client.session
    })
    .await
    .unwrap();
    server.abort().await.unwrap();
    let server = start(dir.path()).await;
    let addr = server.local_addrs()[0];
    tokio::task::spawn_blocking(move || {
        let request = ConnectRequest {
            timeout_ms: 30_000,
            session: session.session,
            passwd: session.passwd.clone(),
            read_only: Some(false),
            ..ConnectRequest::default()
        };
        let mut client = Client::resume(addr, &request);
        assert_eq!(client.session, session);
        assert_eq!(client.get("/here"), Ok(Bytes::new()));
        client.call(OpCode::CLOSE_SESSION, b"");
        assert_eq!(Client::new(addr).get("/here"), Err(ErrorCode::NO_NODE.0));
    })
    .await
    .unwrap();
    server.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn pipelined_requests_are_answered_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    let addr = server.local_addrs()[0];
    tokio::task::spawn_blocking(move || {
        let mut client = Client::new(addr);
        let mut expected = Vec::new();
        for n in 0..3000 {
            expected.push(match n % 3 {
                0 => client.send(OpCode::CREATE, &zk::create(&format!("/n{n}"), b"x", 0)),
                1 => {
                    let path = format!("/n{}", n - 1);
                    let body = zk_wire::Jute::to_bytes(&zk_wire::GetDataRequest { path: path.into(), watch: true });
                    client.send(OpCode::GET_DATA, &body)
                }
                _ => {
                    let body = zk_wire::Jute::to_bytes(&zk_wire::ExistsRequest { path: "/".into(), watch: false });
                    client.send(OpCode::EXISTS, &body)
                }
            });
        }
        for xid in expected {
            let (header, _) = client.receive();
            assert_eq!((header.xid, header.err), (xid, 0));
        }
        let ping = zk_wire::Jute::to_bytes(&RequestHeader { xid: -2, opcode: OpCode::PING.0 });
        std::io::Write::write_all(&mut client.socket, &zk_wire::frame::with_length(&ping)).unwrap();
        assert_eq!(client.receive().0.xid, -2);
    })
    .await
    .unwrap();
    server.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_prevents_a_start_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    let port = server.local_addrs()[0].port();
    let other = tempfile::tempdir().unwrap();

    let same_port = server::zk::ZkServerConfig::embedded(other.path(), port);
    let error = server::zk::start(same_port).await.map(|_| ()).unwrap_err().to_string();
    assert!(error.contains(&format!("127.0.0.1:{port}")) && error.contains("another process"), "{error}");

    let same_folder = server::zk::ZkServerConfig::embedded(dir.path(), 0);
    let error = server::zk::start(same_folder).await.map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("in use by another castlekeep process"), "{error}");

    std::fs::write(other.path().join("file"), "").unwrap();
    let in_file = server::zk::ZkServerConfig::embedded(&other.path().join("file/data"), 0);
    let error = server::zk::start(in_file).await.map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("file/data") && error.contains("choose another folder"), "{error}");

    let mut not_mounted = server::zk::ZkServerConfig::embedded(&other.path().join("disk"), 0);
    not_mounted.creates_folders = false;
    let error = server::zk::start(not_mounted).await.map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("disk/version-2 is not there"), "{error}");
    assert!(!other.path().join("disk").exists());

    let newer = other.path().join("newer");
    std::fs::create_dir_all(newer.join("version-2")).unwrap();
    std::fs::write(newer.join("version-2/castlekeep.format"), "9\n").unwrap();
    let error = server::zk::start(server::zk::ZkServerConfig::embedded(&newer, 0)).await.map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("format \"9\""), "{error}");
    server.shutdown().await.unwrap();
}
