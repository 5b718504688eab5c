//! The data behind four-letter words, `/commands` and `/metrics`.

use std::fs;
use std::path::Path;

use keeper::Keeper;
use keeper::admin::Summary;
use zk_wire::OpCode;

use super::Shared;
use super::stats::KeeperCounts;

/// What clients and tools parse: the upstream release whose behaviour is followed, in 3.9's form.
pub const VERSION: &str = concat!("3.9.5-castlekeep-", env!("CARGO_PKG_VERSION"), ", built on 2026-11-24 00:00 UTC");

/// What every word and command but a few is answered while the keeper does not serve.
pub const NOT_SERVING: &str = "This ZooKeeper instance is not currently serving requests";

/// The tree's numbers now.
pub fn tree(shared: &Shared) -> Summary {
    shared.keeper.with(Keeper::summary)
}

/// `conf`'s lines.
pub fn configuration(shared: &Shared) -> Vec<(&'static str, String)> {
    let (data, log) = folder_sizes(shared);
    let keeper = &shared.config.store.keeper;
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or(path.to_path_buf()).display().to_string();
    vec![
        ("clientPort", shared.client_port.to_string()),
        ("secureClientPort", "-1".into()),
        ("dataDir", absolute(&shared.snap_dir)),
        ("dataDirSize", data.to_string()),
        ("dataLogDir", absolute(&shared.log_dir)),
        ("dataLogSize", log.to_string()),
        ("tickTime", keeper.tick_time_ms.to_string()),
        ("maxClientCnxns", shared.config.max_client_cnxns.to_string()),
        ("minSessionTimeout", keeper.session_timeout_ms_min.to_string()),
        ("maxSessionTimeout", keeper.session_timeout_ms_max.to_string()),
        ("clientPortListenBacklog", shared.config.listen_backlog.map_or(-1, i64::from).to_string()),
        ("serverId", keeper.server_id.to_string()),
    ]
}

/// Bytes in the folders of snapshots and of logs.
pub fn folder_sizes(shared: &Shared) -> (u64, u64) {
    let size = |dir: &Path| {
        let entries = fs::read_dir(dir).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.metadata().ok()).filter(|m| m.is_file()).map(|m| m.len()).sum()
    };
    (size(&shared.snap_dir), size(&shared.log_dir))
}

/// `envi`'s lines: those of upstream that mean something without a Java machine. Systems and machines have Java's names.
pub fn environment() -> Vec<(&'static str, String)> {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default().trim().to_string();
    let os = match std::env::consts::OS {
        "linux" => "Linux",
        "macos" => "Mac OS X",
        other => other,
    };
    let arch = if std::env::consts::ARCH == "x86_64" { "amd64" } else { std::env::consts::ARCH };
    let user = User::of_the_process();
    let memory = read("/proc/meminfo");
    let megabytes = |name: &str| {
        let kib =
            memory.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse::<u64>().ok());
        format!("{}MB", kib.unwrap_or(0) / 1024)
    };
    vec![
        ("zookeeper.version", VERSION.into()),
        ("host.name", read("/proc/sys/kernel/hostname")),
        ("os.name", os.into()),
        ("os.arch", arch.into()),
        ("os.version", read("/proc/sys/kernel/osrelease")),
        ("user.name", user.name),
        ("user.home", user.home),
        ("user.dir", std::env::current_dir().map(|dir| dir.display().to_string()).unwrap_or_default()),
        ("os.memory.free", megabytes("MemAvailable:")),
        ("os.memory.max", megabytes("MemTotal:")),
        ("os.memory.total", megabytes("MemTotal:")),
    ]
}

/// Who runs the server, as a Java machine finds out: by the system's list of users.
pub struct User {
    /// The login's name.
    pub name: String,
    /// Its home.
    pub home: String,
}

impl User {
    /// Without an entry in the list, as in some containers, the environment's, or the number.
    pub fn of_the_process() -> Self {
        let uid = rustix::process::getuid().as_raw();
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
        listed(&users, uid).unwrap_or_else(|| Self {
            name: variable("USER").unwrap_or_else(|| uid.to_string()),
            home: variable("HOME").unwrap_or_default(),
        })
    }
}

/// A line is `name:password:uid:gid:comment:home:shell`.
fn listed(users: &str, uid: u32) -> Option<User> {
    users.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let [name, _, number, _, _, home, ..] = fields[..] else { return None };
        (number.parse() == Ok(uid)).then(|| User { name: name.into(), home: home.into() })
    })
}

/// What `cons` calls an operation.
pub fn operation(op: Option<OpCode>) -> &'static str {
    match op {
        Some(OpCode::CREATE_SESSION) => "SESS",
        Some(OpCode::CLOSE_SESSION) => "CLOS",
        Some(OpCode::CREATE | OpCode::CREATE2 | OpCode::CREATE_CONTAINER | OpCode::CREATE_TTL) => "CREA",
        Some(OpCode::DELETE | OpCode::DELETE_CONTAINER) => "DELE",
        Some(OpCode::EXISTS) => "EXIS",
        Some(OpCode::GET_DATA) => "GETD",
        Some(OpCode::SET_DATA) => "SETD",
        Some(OpCode::GET_ACL) => "GETA",
        Some(OpCode::SET_ACL) => "SETA",
        Some(OpCode::GET_CHILDREN | OpCode::GET_CHILDREN2) => "GETC",
        Some(OpCode::SYNC) => "SYNC",
        Some(OpCode::PING) => "PING",
        Some(OpCode::CHECK) => "CHEC",
        Some(OpCode::MULTI) => "MULT",
        Some(OpCode::MULTI_READ) => "MLTR",
        Some(OpCode::RECONFIG) => "RECO",
        Some(OpCode::SET_WATCHES) => "SETW",
        Some(OpCode::SET_WATCHES2) => "STW2",
        Some(OpCode::ADD_WATCH) => "ADDW",
        Some(OpCode::CHECK_WATCHES) => "CHKW",
        Some(OpCode::REMOVE_WATCHES) => "REMW",
        Some(OpCode::GET_EPHEMERALS) => "GETE",
        Some(OpCode::GET_ALL_CHILDREN_NUMBER) => "GETACN",
        Some(OpCode::WHO_AM_I) => "HOMI",
        _ => "NA",
    }
}

/// `srst`
pub fn reset_server(shared: &Shared) {
    let conns = shared.conns.lock();
    let keeper = shared.keeper.with(|keeper| {
        keeper.reset_fired();
        KeeperCounts::of(keeper)
    });
    shared.stats.reset(&conns, keeper, shared.clock.mono().as_millis());
}

/// `crst`
pub fn reset_connections(shared: &Shared) {
    shared.conns.lock().iter().for_each(|outbox| outbox.reset_stats());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_found_by_their_number() {
        let users = "root:x:0:0:root:/root:/bin/sh\n# a comment\nzk:x:1000:1000::/var/lib/zk:/bin/false\n";
        let found = |uid| listed(users, uid).map(|user| (user.name, user.home));
        assert_eq!(found(1000), Some(("zk".into(), "/var/lib/zk".into())));
        assert_eq!(found(0), Some(("root".into(), "/root".into())));
        assert_eq!(found(1), None);
    }
}
