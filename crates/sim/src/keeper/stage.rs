//! What runs with ZooKeeper clients have in common: virtual time, the network, the clients with their load, and what they
//! saw. What serves them is the scene's.

use core::time::Duration;
use std::collections::BTreeSet;

use base::Instant;

use super::client::{Client, State, Wish};
use super::history::History;
use super::model::Model;
use super::op::Op;
use super::swarm::Swarm;
use crate::check::{Checked, ephemerals_follow_sessions, serves_again};
use crate::kernel::Kernel;
use crate::net::{Arrival, LinkId, Net, To};

/// Something that happens between clients and servers.
pub enum Happening {
    /// A frame, or the end of a connection, reaches one side.
    Arrive {
        /// The connection.
        link: LinkId,
        /// The side.
        to: To,
    },
    /// A client looks at its clock.
    Tick {
        /// Its number.
        client: usize,
    },
    /// A client without a connection wants one.
    Dial {
        /// Its number.
        client: usize,
    },
    /// A client asks something.
    Work {
        /// Its number.
        client: usize,
    },
}

/// The part of a scene that does not know what serves the clients. `E` is what happens in the scene.
pub struct Stage<E> {
    /// Virtual time, chance and trace.
    pub kernel: Kernel<E>,
    /// The connections, between clients and servers and between servers.
    pub net: Net,
    /// The clients.
    pub clients: Vec<Client>,
    /// What they asked and saw.
    pub history: History,
    /// How they work, and how slow network and disk are.
    pub load: Swarm,
    working: bool,
    /// Per client: whether its next dial and its next burst are scheduled.
    dial_due: Vec<bool>,
    work_due: Vec<bool>,
}

impl<E: From<Happening>> Stage<E> {
    /// A stage whose clients have not begun.
    pub fn new(mut kernel: Kernel<E>, load: Swarm) -> Self {
        Self {
            net: Net::new(load.net),
            clients: (0..load.clients).map(|number| Client::new(number, &mut kernel.prng)).collect(),
            history: History::new(load.clients),
            working: true,
            dial_due: vec![false; load.clients],
            work_due: vec![false; load.clients],
            load,
            kernel,
        }
    }

    /// Schedules the clients' beginning.
    pub fn start_clients(&mut self) {
        for client in 0..self.clients.len() {
            self.want_dial(client, Duration::from_micros(client as u64));
            self.kernel.after(Duration::from_millis(500), Happening::Tick { client }.into());
        }
    }

    /// Stops the workload; no frame is slow any more.
    pub fn heal(&mut self) {
        self.kernel.note("heal", &[], &[]);
        self.working = false;
        let mut net = self.load.net;
        net.slow_one_in = 0;
        self.net.set_times(net);
    }

    /// A line for a human.
    pub fn note(&mut self, make: impl FnOnce() -> String) {
        let now = self.kernel.mono();
        self.kernel.trace.note(now, make);
    }

    /// Requests that were sent.
    pub fn operations(&self) -> u64 {
        self.clients.iter().map(|client| client.operations).sum()
    }

    /// Clients that are not served, or wait for replies.
    pub fn waiting(&self) -> impl Iterator<Item = String> {
        let clients = self.clients.iter().enumerate();
        let waits = clients.filter(|(_, client)| client.state != State::Up || client.in_flight() > 0);
        waits.map(|(number, client)| format!("client {number} is {:?} with {}", client.state, client.in_flight()))
    }

    /// After the calm, ephemerals belong to sessions that clients hold.
    ///
    /// # Errors
    /// The violation.
    pub fn owners_are_alive(&self, model: &Model) -> Checked {
        let alive: BTreeSet<i64> = self.clients.iter().filter_map(Client::session_id).collect();
        let owners: Vec<(String, i64)> = model.owned_nodes().map(|(path, owner)| (path.clone(), owner)).collect();
        ephemerals_follow_sessions::owners_are_alive(&owners, &alive)
    }

    // ---- the network

    /// Sends; what arrives is an event.
    pub fn send(&mut self, link: LinkId, to: To, arrival: Arrival) {
        let now = self.kernel.mono();
        if let Some(at) = self.net.send(now, link, to, arrival, &mut self.kernel.prng) {
            self.kernel.at(at, Happening::Arrive { link, to }.into());
        }
    }

    /// What arrives now, if a fault has not taken it.
    pub fn take_arrival(&mut self, link: LinkId, to: To) -> Option<Arrival> {
        let arrival = self.net.arrive(link, to)?;
        let what = if to == To::Server { "to server" } else { "to client" };
        match &arrival {
            Arrival::Frame(frame) => self.kernel.note(what, &[link], frame),
            Arrival::Closed => self.kernel.note(what, &[link], b"closed"),
        }
        Some(arrival)
    }

    /// Cuts a connection; both ends learn of it.
    pub fn reset(&mut self, link: LinkId) {
        let now = self.kernel.mono();
        for (to, at) in self.net.reset(now, link, &mut self.kernel.prng) {
            self.kernel.at(at, Happening::Arrive { link, to }.into());
        }
    }

    /// The process at one end of a connection is gone, and with it a part of what it sent.
    pub fn lose(&mut self, link: LinkId, end: To, silent: bool) {
        let other = if end == To::Client { To::Server } else { To::Client };
        self.net.lose_sent_by(link, other, &mut self.kernel.prng);
        if !silent {
            self.send(link, other, Arrival::Closed);
        }
        self.net.vanish(link, end);
    }

    /// The clients' connections.
    pub fn client_links(&self) -> Vec<LinkId> {
        self.clients.iter().filter_map(|client| client.link).collect()
    }

    // ---- the clients

    /// A client sees what arrived on its connection.
    ///
    /// # Errors
    /// A property that did not hold.
    pub fn client_sees(
        &mut self,
        number: usize,
        arrival: Arrival,
        last_contact: impl FnOnce(i64) -> Option<Instant>,
    ) -> Checked {
        let now = self.kernel.mono();
        let wish = self.clients[number].on_arrival(now, arrival, last_contact, &mut self.history)?;
        self.grant(number, wish);
        Ok(())
    }

    fn grant(&mut self, number: usize, wish: Wish) {
        if let Some(link) = self.clients[number].link {
            for frame in wish.frames {
                self.send(link, To::Server, Arrival::Frame(frame));
            }
            if wish.hang_up {
                self.send(link, To::Server, Arrival::Closed);
                self.net.vanish(link, To::Client);
                self.clients[number].disconnected(&mut self.history);
            }
        }
        if self.clients[number].state == State::Down {
            let pause = Duration::from_millis(self.kernel.prng.between(1, 100));
            self.want_dial(number, pause);
        }
    }

    fn want_dial(&mut self, client: usize, pause: Duration) {
        if !core::mem::replace(&mut self.dial_due[client], true) {
            self.kernel.after(pause, Happening::Dial { client }.into());
        }
    }

    fn want_work(&mut self, client: usize, pause: Duration) {
        if !core::mem::replace(&mut self.work_due[client], true) {
            self.kernel.after(pause, Happening::Work { client }.into());
        }
    }

    /// [`Happening::Tick`].
    pub fn client_tick(&mut self, number: usize) {
        let now = self.kernel.mono();
        let wish = self.clients[number].on_tick(now, &mut self.history);
        let tick = self.clients[number].tick();
        self.kernel.after(tick, Happening::Tick { client: number }.into());
        self.grant(number, wish);
    }

    /// [`Happening::Dial`]: whether the client still wants a connection, for which the scene calls [`Stage::dial`].
    pub fn wants_connection(&mut self, number: usize) -> bool {
        self.dial_due[number] = false;
        self.clients[number].state == State::Down
    }

    /// A client begins on a new connection, to a server in this life of it.
    pub fn dial(&mut self, number: usize, link: LinkId, life: usize) {
        let frame = self.clients[number].dial(self.kernel.mono(), link, life);
        self.send(link, To::Server, Arrival::Frame(frame));
        self.want_work(number, Duration::from_millis(1));
    }

    /// [`Happening::Work`].
    pub fn work(&mut self, number: usize) {
        self.work_due[number] = false;
        if !self.working || self.clients[number].state == State::Down {
            return;
        }
        let (low, high) = self.load.pause_us;
        let pause = Duration::from_micros(self.kernel.prng.between(low, high));
        self.want_work(number, pause);
        if self.clients[number].in_flight() > 64 {
            return;
        }
        for _ in 0..self.kernel.prng.between(1, self.load.burst_max) {
            if !self.clients[number].is_ready() {
                return;
            }
            let close = self.load.close_one_in > 0 && self.kernel.prng.chance(1, self.load.close_one_in);
            let op = if close { Op::CloseSession } else { self.load.mix.op(&mut self.kernel.prng) };
            self.request(number, op);
        }
    }

    /// A client asks this, if it can.
    pub fn request(&mut self, number: usize, op: Op) {
        let now = self.kernel.mono();
        if !self.clients[number].is_ready() {
            return;
        }
        self.note(|| format!("client {number} asks {op:?}"));
        let link = self.clients[number].link.expect("ready means connected");
        let frame = self.clients[number].request(now, op, &mut self.history);
        self.send(link, To::Server, Arrival::Frame(frame));
    }
}

/// A scene: how long it goes on is the same whatever serves the clients.
pub trait Play {
    /// What happens in it.
    type Event: From<Happening>;

    /// Its stage.
    fn stage(&mut self) -> &mut Stage<Self::Event>;

    /// The next thing happens.
    ///
    /// # Errors
    /// A property that did not hold.
    fn one_event(&mut self) -> Checked;

    /// Who is not served.
    fn waiting(&self) -> Vec<String>;

    /// Runs for `calm` of virtual time; then everybody must be served.
    ///
    /// # Errors
    /// A property that did not hold.
    fn run_until_calm(&mut self, calm: Duration) -> Checked {
        let end = self.stage().kernel.mono() + calm;
        while self.stage().kernel.mono() < end {
            self.one_event()?;
        }
        // A ping may be under way at any moment.
        let patience = end + Duration::from_secs(5);
        while !self.waiting().is_empty() && self.stage().kernel.mono() < patience {
            self.one_event()?;
        }
        serves_again::all_served(&self.waiting())
    }

    /// A client reads these nodes.
    ///
    /// # Errors
    /// A property that did not hold.
    fn read_all(&mut self, paths: &[String]) -> Checked {
        for chunk in paths.chunks(50) {
            for path in chunk {
                let (path, watch) = (path.clone(), false);
                self.stage().request(0, Op::GetData { path: path.clone(), watch });
                self.stage().request(0, Op::GetChildren { path: path.clone(), watch, with_stat: true });
                self.stage().request(0, Op::GetAcl { path });
            }
            while self.stage().clients[0].in_flight() > 0 && self.stage().clients[0].state == State::Up {
                self.one_event()?;
            }
        }
        Ok(())
    }
}
