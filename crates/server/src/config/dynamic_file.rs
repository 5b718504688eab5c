//! A reconfiguration on disk: the servers in a file of their own, and `zoo.cfg` pointing to it (upstream:
//! `QuorumPeerConfig.writeDynamicConfig`, `editStaticConfig`).
//!
//! | file | what |
//! |---|---|
//! | `zoo.cfg.dynamic.<version in hex>` | the server, group and weight lines, sorted, without an end of the last line |
//! | `zoo.cfg` | as it was, without those lines, with `dynamicConfigFile` |
//! | `zoo.cfg.bak` | as it was before the first reconfiguration |
//! | `zoo.cfg.dynamic.next` | a later configuration that may be committed, in the same shape, with its `version` line |
//!
//! The last one is there before its server acknowledges the reconfig, and goes when that counts or is known not to. The log
//! has it too, so a start of ours finds it in either; Apache's server looks here only (and deletes the file while it reads
//! it, `QuorumPeer.setQuorumVerifier`).

use std::io;
use std::path::{Path, PathBuf};

use keeper::membership::Membership;
use storage::disk::Disk as _;
use storage::file_disk::FileDisk;
use zab::Sid;

use super::properties;

/// Writes both files for the configuration that is active now. The new file is durable before the old one points to it. A
/// file that is there already under that version is the same. What was kept as the next configuration goes, unless it is a
/// later one still.
///
/// # Errors
/// The file that could not be read or written, and why.
pub fn write(config_file: &Path, membership: &Membership, my_id: Sid) -> Result<PathBuf, String> {
    let config_file = std::fs::canonicalize(config_file).map_err(|error| failed("find", config_file, &error))?;
    let text = std::fs::read_to_string(&config_file).map_err(|error| failed("read", &config_file, &error))?;
    let dynamic = with_suffix(&config_file, &format!(".dynamic.{:x}", membership.version));
    // A client address in this server's line takes the place of the one in the file.
    let client_in_line = membership.members.get(&my_id).is_some_and(|own| own.client.is_some());
    let edited = edit(&text, &dynamic, client_in_line).map_err(|error| failed("read", &config_file, &error))?;
    let mut lines = membership.lines();
    lines.sort();
    replace(&dynamic, lines.join("\n").as_bytes())?;
    if edited != text {
        let backup = with_suffix(&config_file, ".bak");
        if !backup.exists() {
            replace(&backup, text.as_bytes())?;
        }
        replace(&config_file, edited.as_bytes())?;
    }
    if read_next(&config_file, membership.version)?.is_none() {
        remove_next(&config_file)?;
    }
    Ok(dynamic)
}

/// Keeps a configuration that may be committed.
///
/// # Errors
/// The file that could not be written, and why.
pub fn write_next(config_file: &Path, next: &Membership) -> Result<PathBuf, String> {
    let path = next_file(config_file)?;
    let mut lines = next.lines();
    lines.push(format!("version={:x}", next.version));
    lines.sort();
    replace(&path, lines.join("\n").as_bytes())?;
    Ok(path)
}

/// Nothing may be committed any more that is not active. The file does not come back with a power cut.
///
/// # Errors
/// The file that could not be removed, and why.
pub fn remove_next(config_file: &Path) -> Result<(), String> {
    let path = next_file(config_file)?;
    match FileDisk.remove_file(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => {
            let synced = removed.and_then(|()| FileDisk.sync_dir(path.parent().unwrap_or(&path)));
            synced.map_err(|error| failed("remove", &path, &error))
        }
    }
}

/// The configuration that was kept, if it is later than `current`.
///
/// # Errors
/// Why the file, which is there, cannot be read or makes no sense.
pub fn read_next(config_file: &Path, current: i64) -> Result<Option<Membership>, String> {
    let path = next_file(config_file)?;
    let text = match std::fs::read_to_string(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        text => text.map_err(|error| failed("read", &path, &error))?,
    };
    let lines = properties::parse(&text).map_err(|error| failed("read", &path, &error))?;
    let lines: Vec<String> = lines.into_iter().map(|line| format!("{}={}", line.key.trim(), line.value)).collect();
    let next = Membership::parse(&lines.join("\n")).map_err(|error| failed("read", &path, &error))?;
    Ok(Some(next).filter(|next| next.version > current))
}

fn next_file(config_file: &Path) -> Result<PathBuf, String> {
    let config_file = std::fs::canonicalize(config_file).map_err(|error| failed("find", config_file, &error))?;
    Ok(with_suffix(&config_file, ".dynamic.next"))
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn replace(path: &Path, bytes: &[u8]) -> Result<(), String> {
    let written: io::Result<()> = FileDisk.replace_atomically(path, bytes);
    written.map_err(|error| failed("write", path, &error))
}

fn failed(what: &str, path: &Path, error: &dyn std::fmt::Display) -> String {
    format!("cannot {what} {}: {error}", path.display())
}

/// The text of `zoo.cfg` with the servers' lines replaced by the name of their file; everything else stays as it was
/// written, comments too.
fn edit(text: &str, dynamic: &Path, client_in_line: bool) -> Result<String, String> {
    let goes = |key: &str| {
        let key = key.strip_prefix("zookeeper.").unwrap_or(key);
        Membership::is_key(key)
            || matches!(key, "dynamicConfigFile" | "peerType")
            || (client_in_line && matches!(key, "clientPort" | "clientPortAddress"))
    };
    let gone: Vec<usize> = properties::parse(text)
        .map_err(|error| error.to_string())?
        .into_iter()
        .filter(|property| goes(property.key.trim()))
        .map(|property| property.line)
        .collect();
    let mut kept = String::with_capacity(text.len());
    let mut in_gone = false;
    let mut continued = false;
    for (line, number) in text.split_inclusive('\n').zip(1..) {
        if !continued {
            in_gone = gone.contains(&number);
        }
        let bare = line.trim_end_matches(['\n', '\r']);
        continued = properties::continues(bare) && !bare.trim_start().starts_with(['#', '!']);
        if !in_gone {
            kept.push_str(line);
        }
    }
    if !kept.is_empty() && !kept.ends_with('\n') {
        kept.push('\n');
    }
    Ok(kept + &format!("dynamicConfigFile={}\n", dynamic.display()))
}

#[cfg(test)]
mod tests {
    use super::super::zoo_cfg;
    use super::*;

    #[test]
    fn a_configuration_moves_to_its_own_file_and_the_next_start_reads_it_there() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("zoo.cfg");
        std::fs::write(dir.path().join("myid"), "2").unwrap();
        let text = format!(
            "# ours\ntickTime=2000\ninitLimit=5\nsyncLimit=2\ndataDir={}\nclientPort=2181\nserver.1=a:1:2\n\
             server.2=b:1:\\\n  2\npeerType=participant\n# the end",
            dir.path().display()
        );
        std::fs::write(&file, &text).unwrap();
        let lines = "server.10=c:1:2:participant\nserver.2=b:1:2:participant;0.0.0.0:2191";
        let membership = Membership::parse(&format!("{lines}\nversion=1000000a7")).unwrap();
        let dynamic = write(&file, &membership, 2).unwrap();
        assert!(dynamic.ends_with("zoo.cfg.dynamic.1000000a7"), "{}", dynamic.display());
        assert_eq!(std::fs::read_to_string(&dynamic).unwrap(), lines);
        let edited = std::fs::read_to_string(&file).unwrap();
        let expected = format!(
            "# ours\ntickTime=2000\ninitLimit=5\nsyncLimit=2\ndataDir={}\n# the end\ndynamicConfigFile={}\n",
            dir.path().display(),
            dynamic.display()
        );
        assert_eq!(edited, expected);
        assert_eq!(std::fs::read_to_string(dir.path().join("zoo.cfg.bak")).unwrap(), text);
        let member = zoo_cfg::parse(&edited).unwrap().server.member.unwrap();
        assert_eq!(member.membership, membership);
        // Another version later; the first file stays as the backup.
        let mut later = membership.clone();
        later.version = 0x1_0000_00a8;
        let dynamic = write(&file, &later, 2).unwrap();
        assert_eq!(
            zoo_cfg::parse(&std::fs::read_to_string(&file).unwrap()).unwrap().server.member.unwrap().membership,
            later
        );
        assert_eq!(std::fs::read_to_string(dir.path().join("zoo.cfg.bak")).unwrap(), text);
        assert_eq!(write(&file, &later, 2).as_ref(), Ok(&dynamic), "once more changes nothing");
    }

    #[test]
    fn what_may_be_committed_is_kept_until_it_counts_or_a_later_one_does() {
        let dir = tempfile::tempdir().unwrap();
        let (file, next) = (dir.path().join("zoo.cfg"), dir.path().join("zoo.cfg.dynamic.next"));
        std::fs::write(&file, "tickTime=2000\n").unwrap();
        assert_eq!(read_next(&file, 0), Ok(None));
        let of = |version: &str| Membership::parse(&format!("server.1=a:1:2:participant\n{version}")).unwrap();
        let (first, second) = (of("version=1000000a7"), of("version=1000000b0"));
        assert_eq!(write_next(&file, &first).as_ref(), Ok(&next));
        assert_eq!(std::fs::read_to_string(&next).unwrap(), "server.1=a:1:2:participant\nversion=1000000a7");
        assert_eq!(read_next(&file, 5), Ok(Some(first.clone())));
        assert_eq!(read_next(&file, first.version), Ok(None), "it counts already");
        write_next(&file, &second).unwrap();
        write(&file, &first, 1).unwrap();
        assert_eq!(read_next(&file, first.version), Ok(Some(second.clone())), "the later one is not known to count");
        write(&file, &second, 1).unwrap();
        assert!(!next.exists());
        write_next(&file, &second).unwrap();
        remove_next(&file).unwrap();
        remove_next(&file).unwrap();
        assert!(!next.exists());
        std::fs::write(&next, "server.1=nowhere").unwrap();
        assert!(read_next(&file, 0).unwrap_err().contains("zoo.cfg.dynamic.next"));
    }
}
