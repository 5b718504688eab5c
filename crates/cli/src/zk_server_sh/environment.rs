//! The variables and files that the script goes by.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use server::config::java_flags;
use server::config::properties::{self, Property};

/// Files of assignments that the script runs, in its order. Here they are read: nothing in them is executed.
const SOURCED: [&str; 2] = ["zookeeper-env.sh", "java.env"];

/// Where everything is.
#[derive(Debug)]
pub struct Environment {
    /// The configuration file.
    pub file: PathBuf,
    /// Flags for a Java machine.
    pub flags: Vec<String>,
    /// `ZOO_LOG_DIR`
    pub log_dir: PathBuf,
    /// `ZOOPIDFILE`, or in the data folder.
    pub pid_file: PathBuf,
    properties: Vec<Property>,
    creates_folders: bool,
}

impl Environment {
    /// Reads variables, the files beside the configuration, and the configuration.
    ///
    /// # Errors
    /// When the configuration cannot be read.
    pub fn find(called: &Path, config_dir: Option<&str>, file: Option<&str>) -> anyhow::Result<Self> {
        let bin_dir = bin_dir(called);
        let mut variables: BTreeMap<String, String> = std::env::vars().collect();
        let config_dir = match (config_dir, non_empty(&variables, "ZOOCFGDIR")) {
            (Some(dir), _) => PathBuf::from(dir),
            (None, Some(dir)) => PathBuf::from(dir),
            (None, None) if bin_dir.join("../conf").exists() => bin_dir.join("../conf"),
            (None, None) => bin_dir.join("../etc/zookeeper"),
        };
        for name in SOURCED {
            read_assignments(&config_dir.join(name), &mut variables);
        }
        let name = file.map(str::to_string).or(non_empty(&variables, "ZOOCFG")).unwrap_or("zoo.cfg".into());
        // A name goes to the configuration folder, a path is itself.
        let file = if name.contains('/') { PathBuf::from(name) } else { config_dir.join(name) };
        let text = std::fs::read_to_string(&file).with_context(|| {
            format!("cannot read {}; set ZOOCFGDIR or give --config DIR or the file's path", file.display())
        })?;
        let properties = properties::parse(&text).map_err(|e| anyhow::anyhow!("cannot use {}: {e}", file.display()))?;
        let creates_folders = non_empty(&variables, "ZOO_DATADIR_AUTOCREATE_DISABLE").is_none();
        let mut flags = Vec::new();
        if !creates_folders {
            flags.push("-Dzookeeper.datadir.autocreate=false".to_string());
        }
        for name in ["SERVER_JVMFLAGS", "JVMFLAGS"] {
            flags.extend(java_flags::split(&non_empty(&variables, name).unwrap_or_default()));
        }
        let log_dir = non_empty(&variables, "ZOO_LOG_DIR").map_or_else(|| bin_dir.join("../logs"), PathBuf::from);
        let mut environment = Self { file, flags, log_dir, pid_file: PathBuf::new(), properties, creates_folders };
        environment.pid_file = match (non_empty(&variables, "ZOOPIDFILE"), environment.folder("dataDir")) {
            (Some(path), _) => PathBuf::from(path),
            (None, Some(data_dir)) => data_dir.join("zookeeper_server.pid"),
            (None, None) => PathBuf::from("zookeeper_server.pid"),
        };
        Ok(environment)
    }

    /// The last value of a key of the configuration file.
    pub fn value(&self, key: &str) -> Option<&str> {
        let found = self.properties.iter().rev().find(|property| property.key == key)?;
        Some(found.value.trim()).filter(|value| !value.is_empty())
    }

    /// The keys of the configuration file.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.properties.iter().map(|property| property.key.as_str())
    }

    fn folder(&self, key: &str) -> Option<PathBuf> {
        self.value(key).map(PathBuf::from)
    }

    /// With `ZOO_DATADIR_AUTOCREATE_DISABLE` the folders must be there already; what to print if one is not.
    pub fn missing_folder(&self) -> Option<String> {
        if self.creates_folders {
            return None;
        }
        let missing = |key: &str| self.folder(key).filter(|dir| !dir.join("version-2").is_dir());
        let line = |what: &str, dir: PathBuf| {
            format!("ZooKeeper {what} directory is missing at {} fix the path or run initialize", dir.display())
        };
        missing("dataDir").map(|dir| line("data", dir)).or_else(|| missing("dataLogDir").map(|dir| line("txnlog", dir)))
    }

    /// The file that takes what a server in the background prints.
    pub fn out_file(&self) -> PathBuf {
        let user = std::env::var("USER").unwrap_or_default();
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        self.log_dir.join(format!("zookeeper-{user}-server-{}.out", host.trim()))
    }
}

fn non_empty(variables: &BTreeMap<String, String>, name: &str) -> Option<String> {
    variables.get(name).filter(|value| !value.is_empty()).cloned()
}

/// The folder of the link that was called, not of what it points to: the configuration lies beside it.
fn bin_dir(called: &Path) -> PathBuf {
    let parent = called.parent().filter(|dir| !dir.as_os_str().is_empty());
    if let Some(dir) = parent {
        return dir.to_path_buf();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).find(|dir| dir.join(called).is_file());
    on_path.unwrap_or_else(|| PathBuf::from("."))
}

/// Takes `NAME=value` and `export NAME=value` lines; says of every other line that it is not run.
fn read_assignments(file: &Path, variables: &mut BTreeMap<String, String>) {
    let Ok(text) = std::fs::read_to_string(file) else { return };
    for (line, number) in text.lines().zip(1..) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let assignment = line.strip_prefix("export ").unwrap_or(line).trim_start().split_once('=');
        match assignment {
            Some((name, value)) if is_name(name) && !value.contains(['`', ';', '&', '|']) && !value.contains("$(") => {
                let value = java_flags::split(&expand(value, variables)).join(" ");
                variables.insert(name.to_string(), value);
            }
            _ => eprintln!(
                "{}, line {number}: only assignments are read from this file, and nothing in it is run; \
                 set what it would set before calling this",
                file.display()
            ),
        }
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Puts values for `$NAME` and `${NAME}`; an unknown name is empty, as in a shell.
fn expand(text: &str, variables: &BTreeMap<String, String>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        let (name, tail) = match after.strip_prefix('{').and_then(|after| after.split_once('}')) {
            Some((name, tail)) => (name, tail),
            None => after.split_at(after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len())),
        };
        out.push_str(variables.get(name).map_or("", String::as_str));
        rest = tail;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assignments_are_read_and_nothing_is_run() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("java.env");
        let text = "# heap\nexport JVMFLAGS=\"-Xmx1g $JVMFLAGS\"\nZOO_LOG_DIR='/var/log/zk'\nX=$(touch ran)\nif true\n";
        std::fs::write(&file, text).unwrap();
        let mut variables = BTreeMap::from([("JVMFLAGS".to_string(), "-Dfirst=1".to_string())]);
        read_assignments(&file, &mut variables);
        let expected = [("JVMFLAGS", "-Xmx1g -Dfirst=1"), ("ZOO_LOG_DIR", "/var/log/zk")];
        assert_eq!(variables, expected.map(|(name, value)| (name.to_string(), value.to_string())).into());
        assert!(!dir.path().join("ran").exists());
    }

    #[test]
    fn variables_expand_as_in_a_shell() {
        let variables = BTreeMap::from([("A".to_string(), "1".to_string())]);
        for (text, expected) in [("$A-${A}b$B.", "1-1b."), ("none", "none"), ("$", ""), ("${A", "{A")] {
            assert_eq!(expand(text, &variables), expected, "{text}");
        }
    }
}
