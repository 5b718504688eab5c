//! Reconfigurations: configurations in transactions and as text, and which change is asked for next.
//!
//! ```text
//! a transaction's content   bit 63 set | unique number, 31 bits | observers, 16 bits | voters, 16 bits
//! a configuration's text    voters=<bits in hexadecimal> observers=<..>\nversion=<hexadecimal>
//! ```
//! Bit n stands for server n.

use std::collections::BTreeSet;

use base::{Prng, Str};
use zab::{QuorumConfig, QuorumVerifier, Sid};

use crate::check::one_history::Txn;

const RECONFIG: u64 = 1 << 63;

fn bits(sids: impl IntoIterator<Item = Sid>) -> u64 {
    sids.into_iter().fold(0, |bits, sid| bits | 1 << sid)
}

fn sids(bits: u64) -> BTreeSet<Sid> {
    (0..16).filter(|sid| bits >> sid & 1 == 1).collect()
}

/// The configuration with this version.
pub fn config(version: i64, voters: &BTreeSet<Sid>, observers: &BTreeSet<Sid>) -> QuorumConfig {
    let (v, o) = (bits(voters.iter().copied()), bits(observers.iter().copied()));
    QuorumConfig {
        version,
        verifier: QuorumVerifier::majority(voters.iter().copied()),
        observers: observers.clone(),
        text: Str::from(format!("voters={v:x} observers={o:x}\nversion={version:x}").as_str()),
    }
}

/// Reads a configuration's text.
pub fn read(text: &str) -> Option<QuorumConfig> {
    let (members, version) = text.split_once("\nversion=")?;
    let (voters, observers) = members.split_once(' ')?;
    let hex = |text: &str| u64::from_str_radix(text.split_once('=')?.1, 16).ok();
    Some(config(i64::from_str_radix(version, 16).ok()?, &sids(hex(voters)?), &sids(hex(observers)?)))
}

/// The content of the transaction that makes this the configuration.
pub fn content(number: u64, config: &QuorumConfig) -> u64 {
    RECONFIG
        | (number & 0x7fff_ffff) << 32
        | bits(config.observers.iter().copied()) << 16
        | bits(config.verifier.voters())
}

/// The configuration that a transaction makes, if it is a reconfig.
pub fn in_txn((zxid, content): Txn) -> Option<QuorumConfig> {
    let part = |shift: u32| sids(content >> shift & 0xffff);
    (content & RECONFIG != 0).then(|| config(zxid, &part(0), &part(16)))
}

/// Another configuration: some servers get another part.
pub fn change(now: &QuorumConfig, servers: &[Sid], version: i64, prng: &mut Prng) -> QuorumConfig {
    let (mut voters, mut observers): (BTreeSet<Sid>, _) =
        (now.verifier.voters().into_iter().collect(), now.observers.clone());
    for _ in 0..prng.between(1, 3) {
        let Some(sid) = prng.pick(servers).copied() else { continue };
        voters.remove(&sid);
        observers.remove(&sid);
        match prng.below(5) {
            0 => {}
            1 => drop(observers.insert(sid)),
            _ => drop(voters.insert(sid)),
        }
    }
    config(version, &voters, &observers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_comes_back_from_its_text_and_from_its_transaction() {
        let made = config(0x5_0000_0002, &BTreeSet::from([1, 4, 9]), &BTreeSet::from([2]));
        assert_eq!(read(&made.text).as_ref(), Some(&made));
        assert_eq!(in_txn((made.version, content(77, &made))), Some(made));
        assert_eq!((in_txn((1, 77)), read("version=0")), (None, None));
    }
}
