//! How much memory the connections of a process may hold together, and how to wait for some.

use std::time::Duration;

use base::limits::Taken;

/// At least this, however small the machine.
const BYTES_MIN: usize = 128 << 20;
/// A quarter of the memory goes to what clients have sent and not been answered, or been answered and not read.
const PART: usize = 4;

/// Why a connection ends that would hold more than all connections together may.
pub const USED_UP: &str = "the memory for all connections is used up";

/// Who needs more than there is asks again this often, for so long.
const ASK_INTERVAL: Duration = Duration::from_millis(5);
const PATIENCE: Duration = Duration::from_secs(1);

/// Makes it a share of `bytes`, waiting for others to give back what is missing. False when they did not: whoever asked
/// must do without, since all could be waiting for each other.
pub async fn resize(taken: &mut Taken, bytes: usize) -> bool {
    if taken.resize(bytes) {
        return true;
    }
    let wait = async {
        while !taken.resize(bytes) {
            tokio::time::sleep(ASK_INTERVAL).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.is_ok()
}

/// A quarter of what the process may use: the machine's memory, or its control group's limit if that is less.
pub fn connections_bytes_max() -> usize {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let group = read("/sys/fs/cgroup/memory.max").trim().parse().ok();
    bytes_max(&read("/proc/meminfo"), group)
}

fn bytes_max(meminfo: &str, group: Option<usize>) -> usize {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib: Option<usize> = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse().ok());
    let machine = kib.map(|kib| kib.saturating_mul(1024));
    // Where the system tells neither, a small machine is assumed.
    let all = machine.into_iter().chain(group).min().unwrap_or(1 << 30);
    (all / PART).max(BYTES_MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_waits_gets_what_others_give_back_and_gives_up_in_time() {
        let budget = std::sync::Arc::new(base::limits::Budget::new(100));
        let (mut one, mut two) = (Taken::nothing_of(budget.clone()), Taken::nothing_of(budget));
        assert!(one.resize(60));
        assert!(resize(&mut two, 40).await && !resize(&mut two, 41).await);
        let (given, ()) = tokio::join!(resize(&mut two, 100), async {
            tokio::task::yield_now().await;
            one.release();
        });
        assert!(given);
    }

    #[test]
    fn a_quarter_of_the_smaller_limit() {
        let meminfo = "MemTotal:        8388608 kB\nMemFree: 1 kB\n";
        assert_eq!(bytes_max(meminfo, None), 2 << 30);
        assert_eq!(bytes_max(meminfo, Some(1 << 30)), 256 << 20);
        assert_eq!(bytes_max(meminfo, Some(1 << 20)), BYTES_MIN);
        assert_eq!(bytes_max("", None), 256 << 20);
    }
}
