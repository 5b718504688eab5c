//! What waits to be written to one connection of the quorum port.
//!
//! The loop fills the queue and writes it itself at the end of a turn; what the socket does not take then, the
//! connection's task writes. While a learner is sent a snapshot or a part of the log, the queue has two parts: that stream,
//! which comes in pieces as the socket drains, and the packets that must leave behind it.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, SystemTime};

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use parking_lot::Mutex;
use storage::zk::intake::SnapshotIntake;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::Instant;
use zab::Link;
use zk_wire::quorum::PacketType;
use zk_wire::{Jute as _, QuorumPacket, Zxid};

/// Data from here on is not copied into the queue: all learners share it.
const SHARED_BYTES_MIN: usize = 8 * 1024;
/// Pieces that one call to the system writes.
const PIECES_MAX: usize = 64;
/// How long a connection that ends may take to take what is left for it.
const FLUSH_TIME: Duration = Duration::from_secs(1);

/// One connection, as the loop sees it.
pub struct LinkOut {
    /// Its number.
    pub link: Link,
    /// The other side.
    pub peer: SocketAddr,
    socket: Arc<TcpStream>,
    /// Bytes that may wait.
    bytes_max: usize,
    queue: Mutex<Queue>,
    wake: Notify,
    /// Where a snapshot goes that this connection brings.
    intake: Mutex<Option<Box<SnapshotIntake>>>,
    intake_given: Notify,
    /// When it was opened.
    established: SystemTime,
    received: AtomicU64,
    requests: AtomicU64,
}

/// What an operator may know of a connection (upstream: `LearnerHandler.getLearnerHandlerInfo`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkView {
    /// When it was opened.
    pub established: SystemTime,
    /// Packets queued since the queue was empty last: no fewer than those that wait.
    pub queued_packets: u64,
    /// Bytes that wait.
    pub queued_bytes: usize,
    /// Packets that came.
    pub received: u64,
    /// Packets that have left. What was streamed of a snapshot or of the log is not counted.
    pub sent: u64,
    /// REQUESTs among those that came.
    pub requests: u64,
    /// The last zxid that a packet had on its way out; -1 before the first.
    pub last_zxid: Zxid,
}

#[derive(Default)]
struct Queue {
    /// Packets so far.
    packets: u64,
    /// How many of them had left when the queue was empty last.
    left: u64,
    last_zxid: Option<Zxid>,
    front: Pieces,
    /// While a stream is sent, of a snapshot or of the log: packets behind it.
    behind: Option<Pieces>,
    /// The loop wants to know when the queue is empty.
    wants_drained: bool,
    /// The loop has queued packets in this turn.
    dirty: bool,
    end: Option<End>,
}

enum End {
    /// Once the queue has left.
    Flush(String),
    /// Now.
    Drop(&'static str),
}

/// Bytes in order: small ones joined, large ones shared.
#[derive(Default)]
struct Pieces {
    done: VecDeque<Bytes>,
    tail: BytesMut,
    bytes: usize,
    /// How many have left.
    written: u64,
}

impl Pieces {
    fn push_packet(&mut self, packet: &QuorumPacket) {
        match &packet.data {
            Some(data) if data.len() >= SHARED_BYTES_MIN => {
                let before = self.tail.len();
                packet.packet_type.encode(&mut self.tail);
                packet.zxid.encode(&mut self.tail);
                self.tail.put_i32(i32::try_from(data.len()).expect("transactions are below 2 GiB"));
                self.bytes += self.tail.len() - before;
                self.push(data.clone());
                let before = self.tail.len();
                packet.authinfo.encode(&mut self.tail);
                self.bytes += self.tail.len() - before;
            }
            _ => {
                let before = self.tail.len();
                packet.encode(&mut self.tail);
                self.bytes += self.tail.len() - before;
            }
        }
    }

    fn push(&mut self, bytes: Bytes) {
        self.seal();
        self.bytes += bytes.len();
        self.done.push_back(bytes);
    }

    fn append(&mut self, mut other: Self) {
        self.seal();
        other.seal();
        self.bytes += other.bytes;
        self.done.append(&mut other.done);
    }

    fn seal(&mut self) {
        if !self.tail.is_empty() {
            self.done.push_back(self.tail.split().freeze());
        }
    }

    /// Writes what the socket takes. Whether that was all.
    fn write_to(&mut self, socket: &TcpStream) -> io::Result<bool> {
        self.seal();
        while !self.done.is_empty() {
            let mut slices = [IoSlice::new(&[]); PIECES_MAX];
            let count = self.done.len().min(PIECES_MAX);
            for (slice, piece) in slices.iter_mut().zip(&self.done) {
                *slice = IoSlice::new(piece);
            }
            match socket.try_write_vectored(&slices[..count]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => self.advance(written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    fn advance(&mut self, mut count: usize) {
        self.bytes -= count;
        self.written += count as u64;
        while count > 0 {
            let Some(piece) = self.done.front_mut() else { return };
            if piece.len() > count {
                piece.advance(count);
                return;
            }
            count -= piece.len();
            self.done.pop_front();
        }
    }
}

impl LinkOut {
    /// The queue of a connection, of at most `bytes_max` bytes.
    pub fn new(link: Link, peer: SocketAddr, socket: Arc<TcpStream>, bytes_max: usize) -> Self {
        Self {
            link,
            peer,
            socket,
            bytes_max,
            queue: Mutex::default(),
            wake: Notify::new(),
            intake: Mutex::new(None),
            intake_given: Notify::new(),
            established: SystemTime::now(),
            received: AtomicU64::new(0),
            requests: AtomicU64::new(0),
        }
    }

    /// A packet came.
    pub fn received(&self, packet: &QuorumPacket) {
        self.received.fetch_add(1, Relaxed);
        if packet.packet_type == PacketType::Request as i32 {
            self.requests.fetch_add(1, Relaxed);
        }
    }

    /// What there is to know of it now.
    pub fn view(&self) -> LinkView {
        let queue = self.queue.lock();
        let queued_bytes = queue.front.bytes + queue.behind.as_ref().map_or(0, |behind| behind.bytes);
        let queued_packets = if queued_bytes == 0 { 0 } else { queue.packets - queue.left };
        LinkView {
            established: self.established,
            queued_packets,
            queued_bytes,
            received: self.received.load(Relaxed),
            sent: queue.packets - queued_packets,
            requests: self.requests.load(Relaxed),
            last_zxid: queue.last_zxid.unwrap_or(Zxid(-1)),
        }
    }

    /// Counts anew.
    pub fn reset(&self) {
        let mut queue = self.queue.lock();
        (queue.packets, queue.left, queue.last_zxid) = (queue.packets - queue.left, 0, None);
        self.received.store(0, Relaxed);
        self.requests.store(0, Relaxed);
    }

    /// Queues a packet. True for the first of a turn: then [`LinkOut::flush`] is wanted behind the turn.
    pub fn packet(&self, packet: &QuorumPacket) -> bool {
        let mut guard = self.queue.lock();
        let queue = &mut *guard;
        if queue.end.is_some() {
            return false;
        }
        queue.packets += 1;
        if packet.zxid > Zxid::ZERO {
            queue.last_zxid = Some(packet.zxid);
        }
        let pieces = match &mut queue.behind {
            Some(behind) => behind,
            None => &mut queue.front,
        };
        pieces.push_packet(packet);
        self.check(queue);
        !std::mem::replace(&mut queue.dirty, true)
    }

    /// A stream begins behind the packets that are queued: from now on only [`LinkOut::stream`] comes through.
    pub fn begin_stream(&self) {
        let mut queue = self.queue.lock();
        if queue.end.is_none() {
            queue.behind.get_or_insert_default();
        }
    }

    /// Queues a piece of the stream; behind the last one the packets that waited.
    pub fn stream(&self, piece: Bytes, last: bool) {
        let mut queue = self.queue.lock();
        if queue.end.is_some() {
            return;
        }
        queue.front.push(piece);
        if last && let Some(behind) = queue.behind.take() {
            queue.front.append(behind);
        }
        queue.wants_drained = !last;
        self.check(&mut queue);
        drop(queue);
        self.wake.notify_one();
    }

    fn check(&self, queue: &mut Queue) {
        if queue.front.bytes + queue.behind.as_ref().map_or(0, |behind| behind.bytes) > self.bytes_max {
            queue.end = Some(End::Drop("it does not take what it is sent quickly enough"));
            (queue.front, queue.behind) = (Pieces::default(), None);
            self.wake.notify_one();
        }
    }

    /// Writes what the turn has queued, if the socket takes it; otherwise the task does.
    pub fn flush(&self) {
        let mut queue = self.queue.lock();
        queue.dirty = false;
        // What is wrong with the socket, the task will see.
        let all = queue.end.is_none() && !queue.wants_drained && queue.write_to(&self.socket).unwrap_or(false);
        drop(queue);
        if !all {
            self.wake.notify_one();
        }
    }

    /// Ends the connection once the queue has left.
    pub fn close(&self, why: String) {
        self.queue.lock().end.get_or_insert(End::Flush(why));
        self.wake.notify_one();
    }

    /// The connection's task is over: the socket closes, even if somebody still holds this queue.
    pub fn shut_down(&self) {
        // It may be closed already.
        let _ = socket2::SockRef::from(&*self.socket).shutdown(std::net::Shutdown::Both);
    }

    /// The snapshot that follows on this connection goes there.
    pub fn receive(&self, intake: Box<SnapshotIntake>) {
        *self.intake.lock() = Some(intake);
        self.intake_given.notify_one();
    }

    /// Waits for [`LinkOut::receive`].
    pub async fn intake(&self) -> Box<SnapshotIntake> {
        loop {
            if let Some(intake) = self.intake.lock().take() {
                return intake;
            }
            self.intake_given.notified().await;
        }
    }

    /// Writes until the connection shall end; why it does. `stall` is how long the other side may take nothing.
    pub async fn write(&self, stall: Duration, drained: impl Fn(Link)) -> String {
        let (mut written, mut patient_until) = (0, Instant::now() + stall);
        loop {
            let wrote = {
                let mut queue = self.queue.lock();
                if let Some(End::Drop(why)) = &queue.end {
                    return (*why).into();
                }
                match queue.write_to(&self.socket) {
                    Ok(true) => Written::All(queue.all_left()),
                    Ok(false) => {
                        if queue.front.written != written {
                            (written, patient_until) = (queue.front.written, Instant::now() + stall);
                        }
                        Written::Some { ending: queue.end.is_some() }
                    }
                    Err(error) => return error.to_string(),
                }
            };
            match wrote {
                Written::All(Left::End(why)) => return why,
                Written::All(left) => {
                    if matches!(left, Left::Drained) {
                        drained(self.link);
                    }
                    self.wake.notified().await;
                    patient_until = Instant::now() + stall;
                }
                Written::Some { ending } => {
                    if ending {
                        patient_until = patient_until.min(Instant::now() + FLUSH_TIME);
                    }
                    tokio::select! {
                        writable = self.socket.writable() => {
                            if let Err(error) = writable {
                                return error.to_string();
                            }
                        }
                        () = self.wake.notified() => {}
                        () = tokio::time::sleep_until(patient_until) => return "it does not read what it is sent".into(),
                    }
                }
            }
        }
    }
}

enum Written {
    All(Left),
    Some { ending: bool },
}

/// What is to be done when the queue is empty.
enum Left {
    Nothing,
    /// Tell the loop.
    Drained,
    /// End, for this reason.
    End(String),
}

impl Queue {
    /// Writes what the socket takes. Whether nothing waits in front of a stream.
    fn write_to(&mut self, socket: &TcpStream) -> io::Result<bool> {
        let all = self.front.write_to(socket)?;
        if all && self.behind.is_none() {
            self.left = self.packets;
        }
        Ok(all)
    }

    fn all_left(&mut self) -> Left {
        match &self.end {
            Some(End::Flush(why)) => Left::End(why.clone()),
            _ if std::mem::take(&mut self.wants_drained) => Left::Drained,
            _ => Left::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_an_operator_sees_of_a_connection() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let here = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (there, _) = listener.accept().await.unwrap();
        let out = LinkOut::new(Link(1), there.local_addr().unwrap(), Arc::new(here), 1 << 20);
        let packet = |kind: PacketType, zxid| QuorumPacket {
            packet_type: kind as i32,
            zxid: Zxid(zxid),
            data: None,
            authinfo: None,
        };
        assert_eq!((out.view().last_zxid, out.view().sent), (Zxid(-1), 0));
        out.packet(&packet(PacketType::Commit, 7));
        out.packet(&packet(PacketType::Sync, 0));
        let view = out.view();
        // A type, a zxid, no data and no identities.
        assert_eq!((view.queued_packets, view.queued_bytes, view.sent), (2, 40, 0));
        assert_eq!(view.last_zxid, Zxid(7), "0 is no zxid");
        out.received(&packet(PacketType::Request, -1));
        out.received(&packet(PacketType::Ping, -1));
        out.socket.writable().await.unwrap();
        out.flush();
        let view = out.view();
        assert_eq!((view.queued_packets, view.sent, view.received, view.requests), (0, 2, 2, 1));
        out.reset();
        let view = out.view();
        assert_eq!((view.sent, view.received, view.requests, view.last_zxid), (0, 0, 0, Zxid(-1)));
    }
}
