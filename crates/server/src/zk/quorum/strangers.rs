//! How many connections may be open that have not said who they are.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

/// Of one address: a server dials again when its last try did not get through.
const EACH_MAX: usize = 16;
/// Of all addresses.
const ALL_MAX: usize = 512;

/// Counts them.
#[derive(Default)]
pub struct Strangers {
    open: Mutex<BTreeMap<IpAddr, usize>>,
}

/// One of them, until it is dropped.
pub struct Stranger {
    strangers: Arc<Strangers>,
    ip: IpAddr,
}

impl Strangers {
    /// A place for a connection from `ip`, unless there are too many.
    pub fn admit(self: &Arc<Self>, ip: IpAddr) -> Option<Stranger> {
        let mut open = self.open.lock();
        let (all, each) = (open.values().sum::<usize>(), open.get(&ip).copied().unwrap_or(0));
        if all >= ALL_MAX || each >= EACH_MAX {
            return None;
        }
        open.insert(ip, each + 1);
        Some(Stranger { strangers: self.clone(), ip })
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        let mut open = self.strangers.open.lock();
        if let Some(count) = open.get_mut(&self.ip) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.ip);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_has_so_many_and_gets_them_back() {
        let (strangers, ip) = (Arc::new(Strangers::default()), IpAddr::from([127, 0, 0, 1]));
        let mut all: Vec<Stranger> = (0..EACH_MAX).map_while(|_| strangers.admit(ip)).collect();
        assert!(all.len() == EACH_MAX && strangers.admit(ip).is_none());
        assert!(strangers.admit(IpAddr::from([127, 0, 0, 2])).is_some(), "another address");
        all.pop();
        assert!(strangers.admit(ip).is_some());
        drop(all);
        assert!(strangers.open.lock().is_empty());
    }
}
