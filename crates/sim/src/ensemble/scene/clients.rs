//! What clients send and see.

use core::time::Duration;

use base::Now;

use super::{ClientLink, Event, Scene};
use crate::check::Checked;
use crate::keeper::client::{State, Wish};
use crate::keeper::op::Op;
use crate::net::{Arrival, LinkId, To};

impl Scene {
    pub(super) fn client_to_server(&mut self, link: LinkId, arrival: Arrival) -> Checked {
        let now = self.kernel.now();
        let ClientLink { sid, life, .. } = self.client_links[&link];
        let listens = self.process_in(sid, life).is_some_and(|process| process.has_conn(link));
        if !listens {
            self.send(link, To::Client, Arrival::Closed);
            return Ok(());
        }
        let process = self.process_in(sid, life).expect("checked");
        match arrival {
            Arrival::Frame(frame) => {
                let session = process.session_of(link);
                process.on_frame(now, link, frame);
                let outputs = process.take_outputs();
                session.into_iter().for_each(|session| self.heard_of(now, session));
                for output in outputs {
                    self.deliver(sid, output)?;
                }
            }
            Arrival::Closed => process.on_closed(link),
        }
        self.want_turn(sid);
        Ok(())
    }

    /// A frame of a session reached a member that serves. The leader hears of it within half a tick and two hops, unless
    /// something goes wrong meanwhile.
    pub(super) fn heard_of(&mut self, now: Now, session: i64) {
        let (margin, trouble_until) = (self.margin(), self.trouble_until);
        let contact = self.contacts.entry(session).or_default();
        if contact.perhaps + margin <= now.mono {
            if trouble_until < contact.perhaps {
                contact.certain = contact.perhaps;
            }
            contact.perhaps = now.mono;
        }
    }

    /// Something goes wrong for so long, and is noticed by all some time later.
    pub(super) fn trouble(&mut self, lasts: Duration) {
        let noticed = self.kernel.mono() + lasts + self.swarm.tick * 12;
        self.trouble_until = self.trouble_until.max(noticed);
    }

    pub(super) fn margin(&self) -> Duration {
        let net = self.swarm.load.net;
        let slow = if net.slow_one_in > 0 { 100 } else { 1 };
        self.swarm.tick + Duration::from_micros(net.delay_us.1 * slow * 4)
    }

    pub(super) fn server_to_client(&mut self, link: LinkId, arrival: Arrival) -> Checked {
        let number = self.client_links[&link].client;
        if self.clients[number].link != Some(link) {
            return Ok(());
        }
        let now = self.kernel.mono();
        let contacts = &self.contacts;
        let last_contact = |session: i64| contacts.get(&session).map(|contact| contact.certain);
        let asks = self.clients[number].state == State::Connecting && arrival != Arrival::Closed;
        let session = self.clients[number].session_id().filter(|_| asks);
        let wish = self.clients[number].on_arrival(now, arrival, last_contact, &mut self.history)?;
        if let Some(session) = session.filter(|_| self.clients[number].session_id().is_none()) {
            self.ends.push((session, self.ledger.latest()));
        }
        self.grant(number, wish);
        Ok(())
    }

    // ---- the clients

    pub(super) fn grant(&mut self, number: usize, wish: Wish) {
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

    pub(super) fn want_dial(&mut self, client: usize, pause: Duration) {
        if !core::mem::replace(&mut self.dial_due[client], true) {
            self.kernel.after(pause, Event::Dial { client });
        }
    }

    pub(super) fn want_work(&mut self, client: usize, pause: Duration) {
        if !core::mem::replace(&mut self.work_due[client], true) {
            self.kernel.after(pause, Event::Work { client });
        }
    }

    pub(super) fn client_tick(&mut self, number: usize) {
        let now = self.kernel.mono();
        let wish = self.clients[number].on_tick(now, &mut self.history);
        let tick = self.clients[number].tick();
        self.kernel.after(tick, Event::Tick { client: number });
        self.grant(number, wish);
    }

    /// Dials some member.
    pub(super) fn dial(&mut self, number: usize) {
        self.dial_due[number] = false;
        if self.clients[number].state != State::Down {
            return;
        }
        let sid = *self.kernel.prng.pick(&self.swarm.sids()).expect("there are members");
        let link = self.net.open();
        let member = self.member(sid);
        let life = member.life;
        if let Some(process) = &mut member.process {
            process.accept(link);
        }
        self.client_links.insert(link, ClientLink { client: number, sid, life });
        let frame = self.clients[number].dial(self.kernel.mono(), link, 0);
        self.send(link, To::Server, Arrival::Frame(frame));
        self.want_work(number, Duration::from_millis(1));
    }

    pub(super) fn work(&mut self, number: usize) {
        self.work_due[number] = false;
        if !self.working || self.clients[number].state == State::Down {
            return;
        }
        let load = &self.swarm.load;
        let (low, high) = load.pause_us;
        let (burst_max, close_one_in, mix) = (load.burst_max, load.close_one_in, load.mix);
        let pause = Duration::from_micros(self.kernel.prng.between(low, high));
        self.want_work(number, pause);
        if self.clients[number].in_flight() > 64 {
            return;
        }
        for _ in 0..self.kernel.prng.between(1, burst_max) {
            if !self.clients[number].is_ready() {
                return;
            }
            let close = close_one_in > 0 && self.kernel.prng.chance(1, close_one_in);
            let op = if close { Op::CloseSession } else { mix.op(&mut self.kernel.prng) };
            self.request(number, op);
        }
    }

    pub(super) fn request(&mut self, number: usize, op: Op) {
        let now = self.kernel.mono();
        if !self.clients[number].is_ready() {
            return;
        }
        self.note(|| format!("client {number} asks {op:?}"));
        let link = self.clients[number].link.expect("ready means connected");
        let frame = self.clients[number].request(now, op, &mut self.history);
        self.send(link, To::Server, Arrival::Frame(frame));
    }

    // ---- the faults
}
