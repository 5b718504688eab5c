//! A connect request and then requests of any operation with any body, pipelined. The machine must not panic; what it
//! logs, and nothing else, must make the same tree again.
#![no_main]

use std::net::{IpAddr, Ipv4Addr};

use base::{DecodeError, Prng, Reader};
use bytes::Bytes;
use castlekeep_fuzz::{NOW, piece};
use keeper::op::SERVED;
use keeper::{Config, ConnId, Effect, Event, Keeper, Recovery};
use libfuzzer_sys::fuzz_target;
use zk_wire::{ConnectRequest, Jute, OpCode, RequestHeader, SessionId, Zxid};

const CONN: ConnId = ConnId(1);

struct Run {
    keeper: Keeper,
    log: Vec<Bytes>,
}

impl Run {
    fn step(&mut self, event: Event) {
        let mut effects = Vec::new();
        self.keeper.step(NOW, event, &mut effects);
        for effect in effects {
            if let Effect::Append { payload, .. } = effect {
                self.log.push(payload);
            }
        }
    }

    fn sync(&mut self) {
        self.step(Event::Synced { zxid: Zxid(self.log.len() as i64) });
    }
}

fuzz_target!(|data: &[u8]| {
    let mut rest = Bytes::copy_from_slice(data);
    let config = Config { extended_types_enabled: true, enforce_quota: true, ..Config::default() };
    let keeper = Recovery::new(config.clone(), Prng::new(1)).finish(NOW);
    let mut run = Run { keeper, log: Vec::new() };
    let request = ConnectRequest {
        protocol_version: 0,
        last_zxid_seen: Zxid(0),
        timeout_ms: 10_000,
        session: SessionId(0),
        passwd: Bytes::from_static(&[0; 16]).into(),
        read_only: Some(false),
    };
    run.step(Event::Connect { conn: CONN, peer: IpAddr::V4(Ipv4Addr::LOCALHOST), request });
    run.sync();
    let mut xid = 0;
    while let Some(kind) = rest.first().copied() {
        let _ = rest.split_to(1);
        let Some(body) = piece(&mut rest) else { break };
        xid += 1;
        let opcode = SERVED.get(usize::from(kind)).map_or(OpCode(i32::from(kind)), |(opcode, _)| *opcode);
        run.step(Event::Request { conn: CONN, header: RequestHeader { xid, opcode: opcode.0 }, body });
        if xid % 3 == 0 {
            run.sync();
        }
    }
    run.sync();
    assert_eq!(run.keeper.digest_mismatches(), 0, "what was foreseen is what was done");
    replay(&run, config).expect("what was logged can be read");
});

fn replay(run: &Run, config: Config) -> Result<(), DecodeError> {
    let mut recovery = Recovery::new(config, Prng::new(2));
    for payload in &run.log {
        recovery.replay(payload.clone()).expect("what was logged can be applied");
        let _ = Reader::new(payload.clone()).i64()?;
    }
    assert_eq!(recovery.digest_mismatches(), 0);
    let again = recovery.finish(NOW);
    assert_eq!(again.tree().digest(), run.keeper.tree().digest());
    assert_eq!(again.tree().nodes_count(), run.keeper.tree().nodes_count());
    let header = zk_wire::TxnHeader::SMALLEST_BYTES;
    assert!(run.log.iter().all(|payload| payload.len() >= header));
    Ok(())
}
