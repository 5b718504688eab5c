//! A way to the server that can be closed: bytes go to and fro until somebody says otherwise.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// Listens on a port of its own.
pub struct Proxy {
    port: u16,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    closed: bool,
    streams: Vec<TcpStream>,
}

impl Proxy {
    /// Starts to pass connections on to `server`.
    pub fn start(server: &str) -> io::Result<Proxy> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let proxy = Proxy { port: listener.local_addr()?.port(), state: Arc::default() };
        let (state, server) = (Arc::clone(&proxy.state), server.to_owned());
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                // A connection that cannot be made is a connection that ends, for the client to see.
                let _ = pass(client, &server, &state);
            }
        });
        Ok(proxy)
    }

    /// `host:port` for the client.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Ends every connection and takes no new one.
    pub fn close(&self) {
        let mut state = self.state.lock().expect("no thread panics");
        state.closed = true;
        for stream in state.streams.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Takes connections again.
    pub fn open(&self) {
        self.state.lock().expect("no thread panics").closed = false;
    }
}

fn pass(client: TcpStream, server: &str, state: &Mutex<State>) -> io::Result<()> {
    let mut state = state.lock().expect("no thread panics");
    if state.closed {
        return client.shutdown(Shutdown::Both);
    }
    let server = TcpStream::connect(server)?;
    for (mut from, mut to) in [(client.try_clone()?, server.try_clone()?), (server.try_clone()?, client.try_clone()?)] {
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = from.read(&mut buffer) {
                if to.write_all(&buffer[..count]).is_err() {
                    break;
                }
            }
            let _ = to.shutdown(Shutdown::Both);
        });
    }
    state.streams.extend([client, server]);
    Ok(())
}
