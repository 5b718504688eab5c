//! A connection to each of the two brokers, and what each of them has named by itself.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result};
use base::{Reader, Str};
use bytes::{Bytes, BytesMut};
use kafka_wire::header::write_request_frame;
use kafka_wire::{ApiKey, ApiRequest, Message, ResponseHeader, Uuid};

/// Place of Apache's broker in every pair.
pub const APACHE: usize = 0;
/// Place of ours.
pub const OURS: usize = 1;

/// What a broker named: requests that repeat it differ in that alone.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// Topics' ids.
    pub topics: BTreeMap<String, Uuid>,
    /// Members, by the group's name.
    pub members: BTreeMap<String, (Str, i32)>,
    /// Producers, by a number of the test's own.
    pub producers: BTreeMap<u64, (i64, i16)>,
    /// The broker's log folder.
    pub log_dir: Str,
    /// The fetch session of the connection and the epoch of its next request.
    pub session: (i32, i32),
}

impl View {
    /// A topic's id; one that nobody has when it is unknown.
    pub fn topic_id(&self, name: &str) -> Uuid {
        self.topics.get(name).copied().unwrap_or(Uuid([9; 16]))
    }

    /// A member's id and generation.
    pub fn member(&self, group: &str) -> (Str, i32) {
        self.members.get(group).cloned().unwrap_or_else(|| (Str::from("nobody"), 1))
    }
}

type Encode = Box<dyn Fn(&View, i32) -> Bytes>;

/// A request for both.
pub struct Ask {
    /// The API.
    pub key: ApiKey,
    /// Its version.
    pub version: i16,
    /// What it is, for reports.
    pub about: String,
    /// What to remember of the answers.
    pub then: Then,
    /// Of a fetch of message sets the offset it begins at.
    pub from: i64,
    encode: Encode,
}

/// What to remember of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Then {
    /// Nothing.
    Nothing,
    /// A topic was asked for, or more partitions of it: so many it has then.
    TopicMade(String, i32),
    /// A topic was asked to go.
    TopicGone(String),
    /// A group's member.
    Joined(String),
    /// A member has left.
    Left(String),
    /// A producer.
    Producer(u64),
    /// A fetch session.
    Session,
}

impl Ask {
    /// A request that each broker is sent as `make` makes it of what that broker has named.
    pub fn new<M: ApiRequest>(version: i16, about: impl Into<String>, make: impl Fn(&View) -> M + 'static) -> Self {
        let encode = move |view: &View, correlation_id: i32| {
            let mut out = BytesMut::new();
            write_request_frame(&mut out, correlation_id, Some(&Str::from("differential")), &make(view), version);
            out.freeze()
        };
        Self { key: M::KEY, version, about: about.into(), then: Then::Nothing, from: 0, encode: Box::new(encode) }
    }

    /// With something to remember.
    pub fn then(self, then: Then) -> Self {
        Self { then, ..self }
    }

    /// A fetch from this offset on.
    pub fn from(self, offset: i64) -> Self {
        Self { from: offset, ..self }
    }
}

/// The two connections.
pub struct Twin {
    ports: [u16; 2],
    streams: [TcpStream; 2],
    correlation_id: i32,
    /// What each broker named.
    pub views: [View; 2],
}

impl Twin {
    /// Connects to both.
    pub fn connect(ports: [u16; 2], views: [View; 2]) -> Result<Self> {
        let streams = [connect(ports[APACHE])?, connect(ports[OURS])?];
        Ok(Self { ports, streams, correlation_id: 0, views })
    }

    /// Connects again, after one has ended a connection.
    pub fn reconnect(&mut self) -> Result<()> {
        self.streams = [connect(self.ports[APACHE])?, connect(self.ports[OURS])?];
        self.views.iter_mut().for_each(|view| view.session = (0, 0));
        Ok(())
    }

    /// Sends a request to both and gives the bodies of the answers; `None` of one that ends the connection.
    pub fn exchange(&mut self, ask: &Ask) -> Result<[Option<Bytes>; 2]> {
        self.correlation_id += 1;
        let id = self.correlation_id;
        for (stream, view) in self.streams.iter_mut().zip(&self.views) {
            // Who has ended the connection is noticed when it is read.
            let _ = stream.write_all(&(ask.encode)(view, id));
        }
        let [apache, ours] = &mut self.streams;
        let read = |stream: &mut TcpStream, whose: &str| {
            frame(stream).with_context(|| format!("{whose} answer to {} v{}: {}", ask.key, ask.version, ask.about))
        };
        Ok([read(apache, "Apache's")?, read(ours, "our")?])
    }

    /// As [`Twin::exchange`] of one broker alone, its answer decoded.
    pub fn call<M: ApiRequest>(&mut self, which: usize, body: &M, version: i16) -> Result<M::Response> {
        self.correlation_id += 1;
        let mut out = BytesMut::new();
        write_request_frame(&mut out, self.correlation_id, Some(&Str::from("differential")), body, version);
        self.streams[which].write_all(&out)?;
        let frame = frame(&mut self.streams[which])?.context("the connection ended")?;
        decode(&frame, version)
    }
}

/// The body of an answer.
pub fn decode<M: Message>(frame: &Bytes, version: i16) -> Result<M> {
    let mut r = Reader::new(frame.clone());
    ResponseHeader::decode(&mut r, M::KEY, version).map_err(|e| anyhow::anyhow!("response header: {e}"))?;
    M::decode(&mut r, version).map_err(|e| anyhow::anyhow!("{} v{version}: {e}", M::NAME))
}

fn connect(port: u16) -> Result<TcpStream> {
    let stream = TcpStream::connect(("127.0.0.1", port)).with_context(|| format!("connect to port {port}"))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    Ok(stream)
}

fn frame(stream: &mut TcpStream) -> io::Result<Option<Bytes>> {
    let mut len = [0; 4];
    match stream.read_exact(&mut len) {
        Ok(()) => {}
        Err(e) if matches!(e.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset) => return Ok(None),
        Err(e) => return Err(e),
    }
    let len = usize::try_from(i32::from_be_bytes(len)).unwrap_or(0).min(256 << 20);
    let mut frame = vec![0; len];
    stream.read_exact(&mut frame)?;
    Ok(Some(frame.into()))
}
