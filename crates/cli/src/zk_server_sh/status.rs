//! `status`: asks the server of the configuration file for its mode.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use super::environment::Environment;

/// As long as upstream's client for four-letter words waits.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Prints the mode. 0 when the server answers.
pub fn status(environment: &Environment) -> u8 {
    let Some((host, port)) = client_address(environment) else {
        println!("Unable to find either secure or unsecure client port in any configs. Terminating.");
        return 1;
    };
    println!("Client port found: {port}. Client address: {host}. Client SSL: false.");
    let Some(mode) = mode(&host, port) else {
        println!("Error contacting service. It is probably not running.");
        return 1;
    };
    println!("{mode}");
    0
}

/// `clientPort` and `clientPortAddress`, or what the server's own line says behind its semicolon.
fn client_address(environment: &Environment) -> Option<(String, u16)> {
    let host = environment.value("clientPortAddress").unwrap_or("localhost").to_string();
    if let Some(port) = environment.value("clientPort").and_then(|port| port.parse().ok()) {
        return Some((host, port));
    }
    let line = environment.keys().filter(|key| key.starts_with("server.")).find_map(|key| {
        let (_, client) = environment.value(key)?.split_once(';')?;
        Some(client.to_string())
    })?;
    match line.rsplit_once(':') {
        Some((host, port)) => Some((host.trim_matches(['[', ']']).to_string(), port.parse().ok()?)),
        None => Some((host, line.parse().ok()?)),
    }
}

/// The `Mode:` line of `srvr`.
fn mode(host: &str, port: u16) -> Option<String> {
    for address in (host, port).to_socket_addrs().ok()? {
        let Ok(mut stream) = TcpStream::connect_timeout(&address, TIMEOUT) else { continue };
        stream.set_read_timeout(Some(TIMEOUT)).ok()?;
        stream.write_all(b"srvr").ok()?;
        let mut text = String::new();
        // What came before an error counts.
        let _ = stream.read_to_string(&mut text);
        return text.lines().find(|line| line.contains("Mode")).map(str::to_string);
    }
    None
}
