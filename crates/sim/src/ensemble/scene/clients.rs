//! What clients send and see.

use core::time::Duration;

use base::Now;

use super::{ClientLink, Scene};
use crate::check::Checked;
use crate::keeper::client::State;
use crate::net::{Arrival, LinkId, To};

impl Scene {
    pub(super) fn client_to_server(&mut self, link: LinkId, arrival: Arrival) -> Checked {
        let now = self.stage.kernel.now();
        let ClientLink { sid, life, .. } = self.client_links[&link];
        let listens = self.process_in(sid, life).is_some_and(|process| process.has_conn(link));
        if !listens {
            self.stage.send(link, To::Client, Arrival::Closed);
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
        let noticed = self.stage.kernel.mono() + lasts + self.swarm.tick * 12;
        self.trouble_until = self.trouble_until.max(noticed);
    }

    pub(super) fn margin(&self) -> Duration {
        let net = self.stage.load.net;
        let slow = if net.slow_one_in > 0 { 100 } else { 1 };
        self.swarm.tick + Duration::from_micros(net.delay_us.1 * slow * 4)
    }

    pub(super) fn server_to_client(&mut self, link: LinkId, arrival: Arrival) -> Checked {
        let number = self.client_links[&link].client;
        if self.stage.clients[number].link != Some(link) {
            return Ok(());
        }
        let contacts = &self.contacts;
        // One that its member keeps to itself is over elsewhere, and there without a leader.
        let lasts = !self.swarm.load.rules.local_sessions;
        let last_contact = |session: i64| contacts.get(&session).filter(|_| lasts).map(|contact| contact.certain);
        let asks = self.stage.clients[number].state == State::Connecting && arrival != Arrival::Closed;
        let session = self.stage.clients[number].session_id().filter(|_| asks);
        self.stage.client_sees(number, arrival, last_contact)?;
        if let Some(session) = session.filter(|_| lasts && self.stage.clients[number].session_id().is_none()) {
            self.ends.push((session, self.ledger.latest()));
        }
        Ok(())
    }

    /// Dials some member.
    pub(super) fn dial(&mut self, number: usize) {
        if !self.stage.wants_connection(number) {
            return;
        }
        let sid = *self.stage.kernel.prng.pick(&self.swarm.sids()).expect("there are members");
        let link = self.stage.net.open();
        let member = self.member(sid);
        let life = member.life;
        if let Some(process) = &mut member.process {
            process.accept(link);
        }
        self.client_links.insert(link, ClientLink { client: number, sid, life });
        self.stage.dial(number, link, 0);
    }
}
