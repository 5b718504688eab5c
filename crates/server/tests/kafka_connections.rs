//! Limits of connections over real sockets: an address that has its share is closed, what is too much in all waits, and
//! limits change while the broker runs.

mod kafka;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use base::Str;
use kafka::{Client, start};
use kafka_wire::messages as wire;

fn set_for_all_brokers(client: &mut Client, key: &str, value: &str) {
    let set = wire::IncrementalAlterConfigsRequestConfigs {
        name: Str::from(key),
        config_operation: 0,
        value: Some(Str::from(value)),
    };
    let resource = wire::IncrementalAlterConfigsRequestResources {
        resource_type: 4,
        resource_name: Str::new(),
        configs: vec![set],
    };
    let request = wire::IncrementalAlterConfigsRequest { resources: vec![resource], validate_only: false };
    let answer = client.call(&request, 1);
    assert_eq!(answer.responses[0].error_code, 0, "{answer:?}");
}

fn until_some<T>(what: &str, look: impl Fn() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what}");
    }
}

/// A connection for which there is room by now.
fn served(addr: SocketAddr) -> Client {
    until_some("there is room", || {
        let mut client = Client::new(addr);
        client.is_served().then_some(client)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_has_its_share_and_all_together_theirs() {
    let dir = tempfile::tempdir().expect("a folder");
    let servers = start(dir.path(), &[("max.connections.per.ip", "2")]).await;
    let addr = servers.addr();
    let test = move || {
        let (mut first, mut second) = (Client::new(addr), Client::new(addr));
        assert!(first.is_served() && second.is_served());
        assert!(!Client::new(addr).is_served(), "a third is closed");
        drop(second);
        drop(served(addr));
        set_for_all_brokers(&mut first, "max.connections.per.ip.overrides", "127.0.0.1:3,::1:1");
        let mut second = served(addr);
        let third = served(addr);
        assert!(!Client::new(addr).is_served(), "it is three for this address");
        drop(third);
        set_for_all_brokers(&mut first, "max.connections.per.ip.overrides", "127.0.0.1:100");
        drop([served(addr), served(addr), served(addr)]);

        set_for_all_brokers(&mut first, "max.connections", "2");
        // The limit is known when a third one waits.
        let mut waits = until_some("a third one waits", || {
            let mut third = Client::new(addr);
            third.set_patience(Duration::from_millis(300));
            (!third.is_served()).then_some(third)
        });
        assert!(second.is_served(), "who is connected stays");
        drop(second);
        waits.set_patience(Duration::from_secs(20));
        assert!(waits.is_answered(), "what it has asked is answered when it has a place");
    };
    tokio::task::spawn_blocking(test).await.expect("the client part passes");
    servers.stop().await;
}
