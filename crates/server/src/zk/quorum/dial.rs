//! Connects to a server at whichever of its addresses answers first.

use std::io;
use std::time::Duration;

use keeper::membership::HostPort;
use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinSet;

/// Resolves the names anew and tries all of their addresses at once: a server may have moved, and one of its networks may
/// be down. What is not needed in the end is dropped.
///
/// # Errors
/// One line for people.
pub async fn connect_any(places: Vec<HostPort>, limit: Duration, keep_alive: bool) -> Result<TcpStream, String> {
    let all: Vec<String> = places.iter().map(HostPort::to_string).collect();
    let mut tries = JoinSet::new();
    for place in places {
        tries.spawn(async move { try_one(&place).await.map_err(|error| format!("{place}: {error}")) });
    }
    let first = async {
        let mut why = "it has no address".to_string();
        while let Some(tried) = tries.join_next().await {
            match tried {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => why = error,
                Err(error) => why = error.to_string(),
            }
        }
        Err(why)
    };
    let stream = match tokio::time::timeout(limit, first).await {
        Ok(connected) => connected?,
        Err(_) => return Err(format!("{}: no answer within {} ms", all.join("|"), limit.as_millis())),
    };
    prepare(&stream, keep_alive);
    Ok(stream)
}

async fn try_one(place: &HostPort) -> io::Result<TcpStream> {
    let mut result = Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
    for addr in lookup_host((place.host.as_str(), place.port)).await? {
        result = TcpStream::connect(addr).await;
        if result.is_ok() {
            break;
        }
    }
    result
}

/// Votes and packets leave at once; a failure here means that the connection is gone already.
pub fn prepare(stream: &TcpStream, keep_alive: bool) {
    let _ = stream.set_nodelay(true);
    if keep_alive {
        let _ = socket2::SockRef::from(stream).set_keepalive(true);
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn one_address_that_answers_is_enough() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let place = |port| HostPort { host: "127.0.0.1".into(), port };
        let good = listener.local_addr().unwrap().port();
        // Nobody listens on port 1.
        let connected = connect_any(vec![place(1), place(good)], Duration::from_secs(10), true).await;
        assert_eq!(connected.unwrap().peer_addr().unwrap().port(), good);
        let refused = connect_any(vec![place(1)], Duration::from_secs(10), false).await.unwrap_err();
        assert!(refused.starts_with("127.0.0.1:1: "), "{refused}");
        assert!(connect_any(Vec::new(), Duration::from_secs(10), false).await.is_err());
    }
}
