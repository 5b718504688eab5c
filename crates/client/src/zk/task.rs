//! The task behind a [`super::ZkClient`]: clock, chance and socket for the session machine.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::time::{SystemTime, UNIX_EPOCH};

use base::{Instant, Now, Prng};
use bytes::{Buf, Bytes, BytesMut};
use client_core::zk::{ConnNo, Effect, Event, Host, OnLoss, Op, Reply, SessionConfig, State, ZkError, ZkSession};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::{Notice, Watched};

/// Replies of servers that were configured for large data still fit.
const FRAME_BYTES_MAX: usize = 64 << 20;

/// What handles ask for.
#[derive(Debug)]
pub(super) enum Command {
    Submit { op: Op, on_loss: OnLoss, answer: oneshot::Sender<Result<Reply, ZkError>> },
    Close { answer: oneshot::Sender<()> },
}

pub(super) struct Task {
    session: ZkSession,
    origin: tokio::time::Instant,
    commands: mpsc::UnboundedReceiver<Command>,
    notices: mpsc::UnboundedSender<Notice>,
    arrivals: mpsc::UnboundedReceiver<Event>,
    deliver: mpsc::UnboundedSender<Event>,
    socket: Option<(ConnNo, mpsc::UnboundedSender<Bytes>, JoinHandle<()>)>,
    next_token: u64,
    answers: BTreeMap<u64, oneshot::Sender<Result<Reply, ZkError>>>,
    closing: Vec<oneshot::Sender<()>>,
    ended: bool,
}

impl Task {
    pub(super) fn new(
        config: SessionConfig,
        commands: mpsc::UnboundedReceiver<Command>,
        notices: mpsc::UnboundedSender<Notice>,
    ) -> Self {
        let (deliver, arrivals) = mpsc::unbounded_channel();
        Self {
            // the standard library's own hash seed is the process's randomness
            session: ZkSession::new(config, Prng::new(RandomState::new().hash_one(0))),
            origin: tokio::time::Instant::now(),
            commands,
            notices,
            arrivals,
            deliver,
            socket: None,
            next_token: 0,
            answers: BTreeMap::new(),
            closing: Vec::new(),
            ended: false,
        }
    }

    pub(super) async fn run(mut self) {
        self.step(Event::Start);
        while !self.ended {
            let deadline = self.session.deadline();
            let wake = deadline.map_or(self.origin + std::time::Duration::from_secs(3600), |deadline| {
                self.origin + std::time::Duration::from_nanos(deadline.as_nanos())
            });
            tokio::select! {
                command = self.commands.recv() => match command {
                    Some(Command::Submit { op, on_loss, answer }) => {
                        self.next_token += 1;
                        self.answers.insert(self.next_token, answer);
                        self.step(Event::Submit { token: self.next_token, op, on_loss });
                    }
                    Some(Command::Close { answer }) => {
                        self.closing.push(answer);
                        self.step(Event::Close);
                    }
                    None => break,
                },
                Some(event) = self.arrivals.recv() => self.step(event),
                () = tokio::time::sleep_until(wake) => self.step(Event::Tick),
            }
        }
        if let Some((_, _, task)) = self.socket.take() {
            task.abort();
        }
    }

    fn now(&self) -> Now {
        let mono = Instant::from_nanos(u64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(u64::MAX));
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now { mono, wall_ms: i64::try_from(wall.as_millis()).unwrap_or(i64::MAX) }
    }

    fn step(&mut self, event: Event) {
        let mut effects = Vec::new();
        self.session.step(self.now(), event, &mut effects);
        for effect in effects {
            match effect {
                Effect::Dial(conn, host) => self.dial(conn, host),
                Effect::Send(conn, frame) => {
                    if let Some((live, frames, _)) = &self.socket
                        && *live == conn
                    {
                        // a socket that has ended says so by an event
                        let _ = frames.send(frame);
                    }
                }
                Effect::CloseSocket(conn) => {
                    if let Some((_, _, task)) = self.socket.take_if(|(live, _, _)| *live == conn) {
                        task.abort();
                    }
                }
                Effect::Completed { token, result, .. } => {
                    if let Some(answer) = self.answers.remove(&token) {
                        // nobody may be waiting any more
                        let _ = answer.send(result);
                    }
                }
                Effect::Watch { kind, path } => self.notify(Notice::Watched(Watched { kind, path })),
                Effect::State(state) => {
                    self.ended |= matches!(state, State::Closed | State::AuthFailed);
                    self.notify(Notice::State(state));
                }
            }
        }
    }

    fn notify(&self, notice: Notice) {
        // nobody may be listening
        let _ = self.notices.send(notice);
    }

    fn dial(&mut self, conn: ConnNo, host: Host) {
        if let Some((_, _, task)) = self.socket.take() {
            task.abort();
        }
        let (frames, queue) = mpsc::unbounded_channel();
        let deliver = self.deliver.clone();
        let task = tokio::spawn(async move {
            // the machine only needs to know that it is over
            let _ = pump(conn, &host, queue, &deliver).await;
            let _ = deliver.send(Event::Disconnected(conn));
        });
        self.socket = Some((conn, frames, task));
    }
}

async fn pump(
    conn: ConnNo,
    host: &Host,
    mut queue: mpsc::UnboundedReceiver<Bytes>,
    deliver: &mpsc::UnboundedSender<Event>,
) -> io::Result<()> {
    let stream = TcpStream::connect((host.host.as_str(), host.port)).await?;
    stream.set_nodelay(true)?;
    let _ = deliver.send(Event::Connected(conn));
    let (mut reader, mut writer) = stream.into_split();
    let read = async {
        let mut buffer = BytesMut::with_capacity(16 * 1024);
        loop {
            while let Some(frame) = next_frame(&mut buffer)? {
                let _ = deliver.send(Event::Frame(conn, frame));
            }
            if reader.read_buf(&mut buffer).await? == 0 {
                return Err::<(), _>(io::ErrorKind::UnexpectedEof.into());
            }
        }
    };
    let write = async {
        while let Some(frame) = queue.recv().await {
            let mut out = BytesMut::from(&zk_wire::frame::with_length(&frame)[..]);
            while let Ok(frame) = queue.try_recv() {
                out.extend_from_slice(&zk_wire::frame::with_length(&frame));
            }
            writer.write_all(&out).await?;
        }
        Ok(())
    };
    tokio::select! {
        ended = read => ended,
        ended = write => ended,
    }
}

fn next_frame(buffer: &mut BytesMut) -> io::Result<Option<Bytes>> {
    let Some(length) = buffer.first_chunk::<4>() else { return Ok(None) };
    let length = usize::try_from(i32::from_be_bytes(*length)).ok().filter(|length| *length <= FRAME_BYTES_MAX);
    let Some(length) = length else { return Err(io::ErrorKind::InvalidData.into()) };
    if buffer.len() < 4 + length {
        return Ok(None);
    }
    buffer.advance(4);
    Ok(Some(buffer.split_to(length).freeze()))
}
