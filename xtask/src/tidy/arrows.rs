//! The arrows between the crates: who may depend on whom, and on what from outside. ARCHITECTURE.md says why.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use super::{DEADLINE, Problems, Tree, cargo};
use crate::process::run_ok;

/// Each crate and the workspace crates that it may use.
const ARROWS: [(&str, &[&str]); 14] = [
    ("base", &[]),
    ("zk-wire", &["base"]),
    ("kafka-wire", &["base"]),
    ("zab", &["base", "zk-wire"]),
    ("client-core", &["base", "zk-wire", "kafka-wire"]),
    ("keeper", &["base", "zk-wire", "zab"]),
    ("broker", &["base", "zk-wire", "kafka-wire", "client-core"]),
    ("storage", &["base", "zk-wire", "kafka-wire", "keeper", "broker"]),
    ("driver", &["base", "zk-wire", "kafka-wire", "zab", "client-core", "keeper", "broker", "storage"]),
    ("server", &["base", "zk-wire", "kafka-wire", "zab", "client-core", "keeper", "broker", "storage", "driver"]),
    ("sim", &["base", "zk-wire", "kafka-wire", "zab", "client-core", "keeper", "broker", "storage", "driver"]),
    ("client", &["base", "zk-wire", "kafka-wire", "client-core"]),
    ("cli", &["base", "zk-wire", "kafka-wire", "client-core", "client", "server", "storage"]),
    ("xtask", &["base", "zk-wire", "kafka-wire", "sim"]),
];

/// The machines and codecs: no clock, socket, file, thread or chance of their own.
const PURE: [&str; 7] = ["base", "zk-wire", "kafka-wire", "zab", "client-core", "keeper", "broker"];

/// Crates that run in the simulator, where the runtime, sockets and chance of the real world have no place.
const SIMULATED: [&str; 10] =
    ["base", "zk-wire", "kafka-wire", "zab", "client-core", "keeper", "broker", "storage", "driver", "sim"];

/// What the simulated crates may not reach, by whatever way.
const REAL_WORLD: [&str; 8] = ["tokio", "mio", "socket2", "axum", "async-std", "smol", "rand", "getrandom"];

/// An oracle for tests; its decoder trusts lengths from the wire, so the product must not hold it.
const ORACLE: &str = "kafka-protocol";

/// Each crate's own Cargo.toml against [`ARROWS`].
pub fn direct(tree: &Tree) -> Result<Problems> {
    let allowed: BTreeMap<&str, &[&str]> = ARROWS.into_iter().collect();
    let mut problems = Vec::new();
    for file in tree.files.iter().filter(|file| is_member(file)) {
        let manifest: toml::Table = tree.read(file)?.parse().with_context(|| format!("parse {file}"))?;
        let name = manifest["package"]["name"].as_str().unwrap_or_default();
        let Some(arrows) = allowed.get(name) else {
            problems.push(format!("{file}: the crate {name} is not in xtask's table of arrows"));
            continue;
        };
        for section in ["dependencies", "build-dependencies", "dev-dependencies"] {
            let Some(dependencies) = manifest.get(section).and_then(toml::Value::as_table) else { continue };
            for dependency in dependencies.keys() {
                let inside = allowed.contains_key(dependency.as_str());
                // A test may hold two machines against each other; the product may not.
                let shipped = section != "dev-dependencies";
                if inside && shipped && !arrows.contains(&dependency.as_str()) {
                    problems.push(format!("{file}: {name} may not depend on {dependency}"));
                }
                if dependency == ORACLE && shipped {
                    problems.push(format!("{file}: {ORACLE} is for tests only"));
                }
            }
        }
    }
    Ok(problems)
}

fn is_member(file: &str) -> bool {
    file == "xtask/Cargo.toml" || (file.starts_with("crates/") && file.ends_with("/Cargo.toml"))
}

/// What the simulated crates and the product reach through others, from cargo's own resolution.
pub fn transitive(tree: &Tree) -> Result<Problems> {
    let mut problems = Vec::new();
    for name in SIMULATED {
        for dependency in reached(tree, name)? {
            if REAL_WORLD.contains(&dependency.as_str()) {
                problems.push(format!("{name} reaches {dependency} (cargo tree -p {name} -e normal -i {dependency})"));
            }
        }
    }
    if reached(tree, "cli")?.iter().any(|dependency| dependency == ORACLE) {
        problems.push(format!("the product reaches {ORACLE}, which is for tests only"));
    }
    Ok(problems)
}

fn reached(tree: &Tree, name: &str) -> Result<Vec<String>> {
    let mut cargo = cargo(&tree.root);
    cargo.args(["tree", "--quiet", "-e", "normal", "--prefix", "none", "--format", "{p}", "-p", name]);
    let output = run_ok(cargo, "", DEADLINE)?.stdout;
    Ok(output.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect())
}

/// Each pure crate has its clippy.toml, and it bans the clock, threads and std's maps.
pub fn clippy_files(tree: &Tree) -> Result<Problems> {
    let mut problems = Vec::new();
    for name in PURE {
        let file = format!("crates/{name}/clippy.toml");
        if !tree.files.contains(&file) {
            problems.push(format!("{file} is missing"));
            continue;
        }
        let text = tree.read(&file)?;
        for banned in ["std::time::Instant::now", "std::thread::spawn", "std::collections::HashMap", "std::fs::File"] {
            if !text.contains(banned) {
                problems.push(format!("{file} does not ban {banned}"));
            }
        }
    }
    Ok(problems)
}
