//! How much memory the connections of a process may hold together.

/// At least this, however small the machine.
const BYTES_MIN: usize = 64 << 20;
/// A quarter of the memory goes to what clients have sent and not been answered, or been answered and not read.
const PART: usize = 4;

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

    #[test]
    fn a_quarter_of_the_smaller_limit() {
        let meminfo = "MemTotal:        8388608 kB\nMemFree: 1 kB\n";
        assert_eq!(bytes_max(meminfo, None), 2 << 30);
        assert_eq!(bytes_max(meminfo, Some(1 << 30)), 256 << 20);
        assert_eq!(bytes_max(meminfo, Some(1 << 20)), BYTES_MIN);
        assert_eq!(bytes_max("", None), 256 << 20);
    }
}
