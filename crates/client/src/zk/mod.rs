//! A ZooKeeper client: a task that owns the socket and the session machine, and handles that send it operations.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use client::zk::{Op, ZkClient};
//! let zk = ZkClient::connect("localhost:2181", Default::default())?;
//! zk.request(Op::create("/test_node", Some("test_data".into()))).await?;
//! let (data, stat) = zk.get_data("/test_node").await?;
//! assert_eq!((data.as_deref(), stat.version), (Some(&b"test_data"[..]), 0));
//! zk.close().await;
//! # Ok(()) }
//! ```

mod task;

use std::time::Duration;

use base::secret::Secret;
use bytes::Bytes;
pub use client_core::zk::{Acl, CreateMode, Op, Reply, Stat, State, WatchKind, ZkError, open_acl};
use client_core::zk::{ConnectString, OnLoss, SessionConfig};
use tokio::sync::{mpsc, oneshot};

use self::task::{Command, Task};

/// How to connect.
#[derive(Debug)]
pub struct Options {
    /// The session timeout to ask for.
    pub session_timeout: Duration,
    /// Operations on the way at once.
    pub in_flight_max: usize,
    /// Identities: scheme and proof, such as `digest` and `user:password`.
    pub auth: Vec<(String, Secret)>,
}

impl Default for Options {
    fn default() -> Self {
        Self { session_timeout: Duration::from_secs(10), in_flight_max: 1000, auth: Vec::new() }
    }
}

/// A watch that fired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watched {
    /// What happened.
    pub kind: WatchKind,
    /// To which znode, relative to the chroot.
    pub path: String,
}

/// What happens beside operations.
#[derive(Clone, Debug, PartialEq)]
pub enum Notice {
    /// The session's state changed.
    State(State),
    /// A watch fired.
    Watched(Watched),
}

/// The way to a session. Clones share it; when the last one is gone the session ends as if the process had died.
#[derive(Clone, Debug)]
pub struct ZkClient {
    commands: mpsc::UnboundedSender<Command>,
}

impl ZkClient {
    /// Begins to connect, inside the caller's tokio runtime. Operations may be submitted at once; they wait for the
    /// session.
    ///
    /// # Errors
    /// A connection string that makes no sense.
    pub fn connect(connect: &str, options: Options) -> Result<Self, String> {
        Ok(Self::connect_with_notices(connect, options)?.0)
    }

    /// As [`ZkClient::connect`], with the session's states and watches.
    ///
    /// # Errors
    /// A connection string that makes no sense.
    pub fn connect_with_notices(
        connect: &str,
        options: Options,
    ) -> Result<(Self, mpsc::UnboundedReceiver<Notice>), String> {
        let config = SessionConfig {
            connect: ConnectString::parse(connect)?,
            session_timeout_ms: u32::try_from(options.session_timeout.as_millis()).unwrap_or(u32::MAX),
            in_flight_max: options.in_flight_max,
            auth: options.auth,
            takeover: None,
        };
        let (commands, queue) = mpsc::unbounded_channel();
        let (notices, heard) = mpsc::unbounded_channel();
        tokio::spawn(Task::new(config, queue, notices).run());
        Ok((Self { commands }, heard))
    }

    /// Performs an operation. A lost connection makes it fail with [`ZkError::ConnectionLoss`]: only the caller knows
    /// whether it may be tried again.
    ///
    /// # Errors
    /// As the server or the session says.
    pub async fn request(&self, op: Op) -> Result<Reply, ZkError> {
        self.submit(op, OnLoss::Fail).await.map_err(|_| ZkError::Closed)?
    }

    /// Queues an operation: several may be under way, and end in the order of their submission.
    pub fn submit(&self, op: Op, on_loss: OnLoss) -> oneshot::Receiver<Result<Reply, ZkError>> {
        let (answer, answered) = oneshot::channel();
        // a task that has ended drops `answer`, which the receiver sees
        let _ = self.commands.send(Command::Submit { op, on_loss, answer });
        answered
    }

    /// A znode's data and stat.
    ///
    /// # Errors
    /// As [`ZkClient::request`].
    pub async fn get_data(&self, path: &str) -> Result<(Option<Bytes>, Stat), ZkError> {
        match self.request(Op::GetData { path: path.to_string(), watch: false }).await? {
            Reply::Data { data, stat } => Ok((data, stat)),
            _ => Err(ZkError::Malformed("getData")),
        }
    }

    /// The names of a znode's children, sorted.
    ///
    /// # Errors
    /// As [`ZkClient::request`].
    pub async fn get_children(&self, path: &str) -> Result<Vec<String>, ZkError> {
        match self.request(Op::GetChildren { path: path.to_string(), watch: false }).await? {
            Reply::Children { names, .. } => Ok(names),
            _ => Err(ZkError::Malformed("getChildren")),
        }
    }

    /// A znode's stat, or `None` when it does not exist.
    ///
    /// # Errors
    /// As [`ZkClient::request`].
    pub async fn exists(&self, path: &str) -> Result<Option<Stat>, ZkError> {
        match self.request(Op::Exists { path: path.to_string(), watch: false }).await {
            Ok(Reply::Stat(stat)) => Ok(Some(stat)),
            Ok(_) => Err(ZkError::Malformed("exists")),
            Err(ZkError::Code(ZkError::NO_NODE)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Closes the session behind everything that was submitted, and waits until it is closed.
    pub async fn close(self) {
        let (answer, answered) = oneshot::channel();
        if self.commands.send(Command::Close { answer }).is_ok() {
            // dropped by a task that ends otherwise
            let _ = answered.await;
        }
    }
}
