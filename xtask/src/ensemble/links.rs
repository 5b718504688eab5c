//! The network between the members: one TCP proxy for each direction of dialling and each port, so that a link can be
//! cut for both, for one direction only, or flap, without root.
//!
//! A cut link takes no new connection and passes no byte; what stands in its buffers waits, as packets under way do,
//! until the link is whole again or [`Links::reset`] drops its connections.
//!
//! On the election port a member that is dialled by a smaller one dials back to the address in the first message, which
//! is what the dialler listens on. So the proxy writes its own way back into that message.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::net::RecvFlags;

/// How often what waits for a cut link looks whether its connection has ended meanwhile.
const LOOK: Duration = Duration::from_millis(20);
/// Longest first message of an election connection: two longs, a length, at most 2,048 bytes of addresses.
const ADDRESS_BYTES_MAX: usize = 2048;
/// Where the length of the address stands in that message.
const ADDRESS_LENGTH_AT: usize = 16;

/// Which directions are cut.
struct Cuts {
    /// `cut[from][to]`, by index of the member.
    table: Mutex<Vec<Vec<bool>>>,
    /// Something was mended.
    mended: Condvar,
}

/// Connections that a link carries now, by the members (dialler, dialled).
type Live = Arc<Mutex<Vec<(usize, usize, [TcpStream; 2])>>>;

/// All links of an ensemble.
pub struct Links {
    cuts: Arc<Cuts>,
    live: Live,
    /// `ports[from][to]`: where `from` dials `to`: (quorum, election).
    ports: Arc<Vec<Vec<(u16, u16)>>>,
}

/// One direction of dialling.
#[derive(Clone)]
struct Link {
    from: usize,
    to: usize,
    target: u16,
    /// On the election port: where `to` reaches `from`.
    way_back: Option<u16>,
    cuts: Arc<Cuts>,
    live: Live,
}

impl Links {
    /// Starts a proxy for each pair and port. `members` are the real (quorum, election) ports in the order of ids.
    pub fn start(members: &[(u16, u16)]) -> Result<Self> {
        let count = members.len();
        let mut listeners = Vec::new();
        let mut ports = vec![vec![(0, 0); count]; count];
        for (from, row) in ports.iter_mut().enumerate() {
            for (to, ports) in row.iter_mut().enumerate().filter(|(to, _)| *to != from) {
                let (quorum, election) = (listen()?, listen()?);
                *ports = (quorum.local_addr()?.port(), election.local_addr()?.port());
                listeners.push((from, to, quorum, election));
            }
        }
        let links = Self {
            cuts: Arc::new(Cuts { table: Mutex::new(vec![vec![false; count]; count]), mended: Condvar::new() }),
            live: Live::default(),
            ports: Arc::new(ports),
        };
        for (from, to, quorum, election) in listeners {
            let (quorum_port, election_port) = members[to];
            let link = |target, way_back| Link {
                from,
                to,
                target,
                way_back,
                cuts: links.cuts.clone(),
                live: links.live.clone(),
            };
            let (first, second) = (link(quorum_port, None), link(election_port, Some(links.ports[to][from].1)));
            std::thread::spawn(move || first.serve(&quorum));
            std::thread::spawn(move || second.serve(&election));
        }
        Ok(links)
    }

    /// Where member `from` dials member `to`: (quorum, election). Ids, not indices.
    pub fn ports(&self, from: usize, to: usize) -> (u16, u16) {
        self.ports[from - 1][to - 1]
    }

    /// Cuts or mends what flows from one member to another.
    pub fn set(&self, from: usize, to: usize, cut: bool) {
        self.cuts.change(|table| table[from - 1][to - 1] = cut);
    }

    /// Cuts or mends both directions between two members.
    pub fn set_both(&self, one: usize, other: usize, cut: bool) {
        self.set(one, other, cut);
        self.set(other, one, cut);
    }

    /// Drops the connections between two members, with what is under way in them.
    pub fn reset(&self, one: usize, other: usize) {
        let (one, other) = (one - 1, other - 1);
        lock(&self.live).retain(|(from, to, ends)| {
            let hit = (*from, *to) == (one, other) || (*from, *to) == (other, one);
            if hit {
                for end in ends {
                    // Ended already is as good.
                    let _ = end.shutdown(Shutdown::Both);
                }
            }
            !hit
        });
    }

    /// Mends everything.
    pub fn mend(&self) {
        self.cuts.change(|table| table.iter_mut().flatten().for_each(|cut| *cut = false));
    }
}

impl Cuts {
    fn change(&self, change: impl FnOnce(&mut Vec<Vec<bool>>)) {
        change(&mut lock(&self.table));
        self.mended.notify_all();
    }

    /// Waits until all these directions are whole; none when the connection ends meanwhile.
    fn wait_whole(&self, directions: &[(usize, usize)], stream: &TcpStream) -> Option<()> {
        let mut table = lock(&self.table);
        while directions.iter().any(|(from, to)| table[*from][*to]) {
            if is_ended(stream) {
                return None;
            }
            let waited = self.mended.wait_timeout(table, LOOK);
            table = waited.unwrap_or_else(std::sync::PoisonError::into_inner).0;
        }
        Some(())
    }
}

impl Link {
    fn serve(&self, listener: &TcpListener) {
        for dialler in listener.incoming().flatten() {
            let link = self.clone();
            std::thread::spawn(move || link.carry(dialler));
        }
    }

    /// Connects onward and carries both directions until either ends. A dial that finds the link cut waits, as one
    /// whose packets are dropped does, until its dialler loses patience.
    fn carry(&self, mut dialler: TcpStream) -> Option<()> {
        // A connection is made by packets in both directions.
        self.cuts.wait_whole(&[(self.from, self.to), (self.to, self.from)], &dialler)?;
        let mut dialled = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], self.target))).ok()?;
        dialler.set_nodelay(true).ok()?;
        dialled.set_nodelay(true).ok()?;
        let ends = [dialler.try_clone().ok()?, dialled.try_clone().ok()?];
        lock(&self.live).push((self.from, self.to, ends));
        let back = (dialled.try_clone().ok()?, dialler.try_clone().ok()?);
        let link = self.clone();
        std::thread::spawn(move || link.pass(back.0, back.1, (link.to, link.from)));
        if let Some(port) = self.way_back {
            let message = first_message(&mut dialler, port)?;
            self.cuts.wait_whole(&[(self.from, self.to)], &dialler)?;
            dialled.write_all(&message).ok()?;
        }
        self.pass(dialler, dialled, (self.from, self.to));
        Some(())
    }

    /// Carries one direction.
    fn pass(&self, mut from: TcpStream, mut to: TcpStream, direction: (usize, usize)) {
        let mut chunk = vec![0; 64 << 10];
        while let Ok(count) = from.read(&mut chunk) {
            let whole = count > 0 && self.cuts.wait_whole(&[direction], &to).is_some();
            if !whole || to.write_all(&chunk[..count]).is_err() {
                break;
            }
        }
        // The other side may be gone already.
        let _ = to.shutdown(Shutdown::Both);
        let _ = from.shutdown(Shutdown::Both);
    }
}

/// Reads the first message of an election connection and gives it with 127.0.0.1:`port` as the dialler's address.
/// Messages of before 3.5 begin with the id and carry no address: they are given as they come.
fn first_message(dialler: &mut TcpStream, port: u16) -> Option<Vec<u8>> {
    let mut head = vec![0; 8];
    dialler.read_exact(&mut head).ok()?;
    let version = i64::from_be_bytes(head[..8].try_into().expect("eight bytes were read"));
    if version >= 0 {
        return Some(head);
    }
    head.resize(ADDRESS_LENGTH_AT + 4, 0);
    dialler.read_exact(&mut head[8..]).ok()?;
    let length: [u8; 4] = head[ADDRESS_LENGTH_AT..].try_into().expect("four bytes were read");
    let length = usize::try_from(i32::from_be_bytes(length)).ok().filter(|length| *length <= ADDRESS_BYTES_MAX)?;
    dialler.read_exact(&mut vec![0; length]).ok()?;
    Some(with_address(&head[..ADDRESS_LENGTH_AT], port))
}

fn with_address(head: &[u8], port: u16) -> Vec<u8> {
    let address = format!("127.0.0.1:{port}");
    let length = i32::try_from(address.len()).expect("an address is short");
    [head, &length.to_be_bytes(), address.as_bytes()].concat()
}

/// Whether the other end has closed, looked at without taking a byte.
fn is_ended(stream: &TcpStream) -> bool {
    match rustix::net::recv(stream, &mut [0u8; 1][..], RecvFlags::PEEK | RecvFlags::DONTWAIT) {
        Ok((_, count)) => count == 0,
        Err(error) => error != rustix::io::Errno::AGAIN,
    }
}

/// A proxy holds its port from the beginning, so any free one will do.
fn listen() -> Result<TcpListener> {
    TcpListener::bind(("127.0.0.1", 0)).context("listen on 127.0.0.1")
}

/// A panic of one connection's thread does not spoil the others' state.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use super::*;

    const DEADLINE: Duration = Duration::from_secs(10);

    /// A link from member 1 to member 2, whose quorum port echoes nothing but is read by the test.
    fn linked() -> (Links, TcpListener, TcpListener) {
        let (quorum, election) = (listen().unwrap(), listen().unwrap());
        let ports = |listener: &TcpListener| listener.local_addr().unwrap().port();
        let member = (ports(&quorum), ports(&election));
        // Member 1's own ports are dialled by nobody here.
        (Links::start(&[(1, 1), member]).unwrap(), quorum, election)
    }

    fn dial(port: u16) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream
    }

    fn read(stream: &mut TcpStream, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.read_exact(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn what_a_cut_direction_holds_back_arrives_when_it_is_whole_again() {
        let (links, quorum, _) = linked();
        let mut dialler = dial(links.ports(1, 2).0);
        dialler.write_all(b"one").unwrap();
        let mut dialled = quorum.accept().unwrap().0;
        assert_eq!(read(&mut dialled, 3), b"one");
        links.set(1, 2, true);
        dialler.write_all(b"two").unwrap();
        // The other direction is whole: this answer overtakes what is held back.
        dialled.write_all(b"back").unwrap();
        assert_eq!(read(&mut dialler, 4), b"back");
        dialled.set_nonblocking(true).unwrap();
        assert_eq!(dialled.read(&mut [0; 3]).unwrap_err().kind(), ErrorKind::WouldBlock);
        dialled.set_nonblocking(false).unwrap();
        links.set(1, 2, false);
        assert_eq!(read(&mut dialled, 3), b"two");
    }

    #[test]
    fn a_reset_link_ends_its_connections() {
        let (links, quorum, _) = linked();
        let mut dialler = dial(links.ports(1, 2).0);
        dialler.write_all(b"one").unwrap();
        let mut dialled = quorum.accept().unwrap().0;
        assert_eq!(read(&mut dialled, 3), b"one");
        links.reset(2, 1);
        assert_eq!(dialler.read(&mut [0; 1]).unwrap_or(0), 0);
        assert_eq!(dialled.read(&mut [0; 1]).unwrap_or(0), 0);
    }

    #[test]
    fn the_first_election_message_names_the_way_back() {
        let (links, _, election) = linked();
        let mut dialler = dial(links.ports(1, 2).1);
        let head = [(-65536i64).to_be_bytes(), 1i64.to_be_bytes()].concat();
        let address = b"127.0.0.1:1";
        dialler.write_all(&[&head[..], &[0, 0, 0, 11], address, b"rest"].concat()).unwrap();
        let mut dialled = election.accept().unwrap().0;
        let expected = [with_address(&head, links.ports(2, 1).1), b"rest".to_vec()].concat();
        assert_eq!(read(&mut dialled, expected.len()), expected);
    }

    #[test]
    fn a_first_message_without_an_address_is_passed_on_as_it_is() {
        let (links, _, election) = linked();
        let mut dialler = dial(links.ports(1, 2).1);
        dialler.write_all(&[&1i64.to_be_bytes()[..], b"rest"].concat()).unwrap();
        let mut dialled = election.accept().unwrap().0;
        assert_eq!(read(&mut dialled, 12), [&1i64.to_be_bytes()[..], b"rest"].concat());
    }
}
