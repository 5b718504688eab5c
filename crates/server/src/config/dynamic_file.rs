//! A reconfiguration on disk: the servers in a file of their own, and `zoo.cfg` pointing to it (upstream:
//! `QuorumPeerConfig.writeDynamicConfig`, `editStaticConfig`).
//!
//! | file | what |
//! |---|---|
//! | `zoo.cfg.dynamic.<version in hex>` | the server, group and weight lines, sorted, without an end of the last line |
//! | `zoo.cfg` | as it was, without those lines, with `dynamicConfigFile` |
//! | `zoo.cfg.bak` | as it was before the first reconfiguration |

use std::io;
use std::path::{Path, PathBuf};

use keeper::membership::Membership;
use storage::disk::Disk as _;
use storage::file_disk::FileDisk;
use zab::Sid;

use super::properties;

/// Writes both files for the configuration that is active now. The new file is durable before the old one points to it. A
/// file that is there already under that version is the same.
///
/// # Errors
/// The file that could not be read or written, and why.
pub fn write(config_file: &Path, membership: &Membership, my_id: Sid) -> Result<PathBuf, String> {
    let failed =
        |what: &str, path: &Path, error: &dyn std::fmt::Display| format!("cannot {what} {}: {error}", path.display());
    let config_file = std::fs::canonicalize(config_file).map_err(|error| failed("find", config_file, &error))?;
    let with = |suffix: &str| {
        let mut name = config_file.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    let text = std::fs::read_to_string(&config_file).map_err(|error| failed("read", &config_file, &error))?;
    let dynamic = with(&format!(".dynamic.{:x}", membership.version));
    // A client address in this server's line takes the place of the one in the file.
    let client_in_line = membership.members.get(&my_id).is_some_and(|own| own.client.is_some());
    let edited = edit(&text, &dynamic, client_in_line).map_err(|error| failed("read", &config_file, &error))?;
    let write = |path: &Path, bytes: &[u8]| -> Result<(), String> {
        let written: io::Result<()> = FileDisk.replace_atomically(path, bytes);
        written.map_err(|error| failed("write", path, &error))
    };
    let mut lines = membership.lines();
    lines.sort();
    write(&dynamic, lines.join("\n").as_bytes())?;
    if edited == text {
        return Ok(dynamic);
    }
    let backup = with(".bak");
    if !backup.exists() {
        write(&backup, text.as_bytes())?;
    }
    write(&config_file, edited.as_bytes())?;
    Ok(dynamic)
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
}
