//! `meta.properties`, which ties a log folder to a cluster and a broker (upstream: `MetaProperties`; version 0, as a
//! broker in ZooKeeper mode writes it).

use std::io;
use std::path::Path;

use super::{context, damaged};
use crate::disk::Disk;

/// The file's name.
pub const FILE: &str = "meta.properties";

/// What it says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MetaProperties {
    /// The cluster's id, 22 characters.
    pub cluster_id: Option<String>,
    /// The broker's id.
    pub broker_id: Option<i32>,
    /// The folder's own id, where a newer broker gave it one.
    pub directory_id: Option<String>,
}

impl MetaProperties {
    /// The file's text.
    pub fn text(&self) -> String {
        let mut out = String::from("#\nversion=0\n");
        let mut line = |key: &str, value: Option<&str>| {
            if let Some(value) = value {
                out.push_str(&format!("{key}={value}\n"));
            }
        };
        line("broker.id", self.broker_id.map(|id| id.to_string()).as_deref());
        line("cluster.id", self.cluster_id.as_deref());
        line("directory.id", self.directory_id.as_deref());
        out
    }

    fn parse(path: &Path, text: &str) -> io::Result<Self> {
        let mut found = Self::default();
        let mut version = None;
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(['#', '!'])) {
            let Some((key, value)) = line.split_once(['=', ':']) else {
                return Err(damaged(path, format!("the line {line:?} has no '='")));
            };
            // Java escapes '=' and ':' in values when it writes properties.
            let (key, value) = (key.trim(), value.trim().replace('\\', ""));
            match key {
                "version" => version = Some(value),
                "cluster.id" => found.cluster_id = Some(value),
                "directory.id" => found.directory_id = Some(value),
                "broker.id" => {
                    let id = value.parse().map_err(|_| damaged(path, format!("broker.id={value} is not a number")))?;
                    found.broker_id = Some(id);
                }
                _ => {}
            }
        }
        match version.as_deref() {
            Some("0") => Ok(found),
            Some("1") => Err(damaged(
                path,
                "version=1 is of a KRaft broker: this server runs in ZooKeeper mode; give it another log folder",
            )),
            other => Err(damaged(path, format!("version {other:?} is not known; was it written by a newer server?"))),
        }
    }

    /// Reads it; `None` when the folder has none yet.
    ///
    /// # Errors
    /// As the disk reports them; `InvalidData` for a file that is not of a broker in ZooKeeper mode.
    pub fn read<D: Disk>(disk: &D, dir: &Path) -> io::Result<Option<Self>> {
        let path = dir.join(FILE);
        match disk.read_all(&path, 1 << 20) {
            Ok(content) => {
                let text = std::str::from_utf8(&content).map_err(|_| damaged(&path, "not a text file"))?;
                Self::parse(&path, text).map(Some)
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(context(e, "reading", &path)),
        }
    }

    /// Replaces it.
    ///
    /// # Errors
    /// As the disk reports them.
    pub fn write<D: Disk>(&self, disk: &D, dir: &Path) -> io::Result<()> {
        let path = dir.join(FILE);
        disk.replace_atomically(&path, self.text().as_bytes()).map_err(|e| context(e, "writing", &path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file_disk::FileDisk;

    #[test]
    fn comes_back() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(MetaProperties::read(&FileDisk, dir.path()).unwrap(), None);
        let meta = MetaProperties {
            cluster_id: Some("AAAAAAAAAAEAAAAAAAAAAg".into()),
            broker_id: Some(3),
            directory_id: None,
        };
        meta.write(&FileDisk, dir.path()).unwrap();
        assert_eq!(MetaProperties::read(&FileDisk, dir.path()).unwrap(), Some(meta));
    }

    #[test]
    fn other_versions_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        for bad in ["version=1\nnode.id=1\n", "version=2\n", "broker.id=1\n", "version=0\nbroker.id=x\n", "hello\n"] {
            std::fs::write(dir.path().join(FILE), bad).unwrap();
            let error = MetaProperties::read(&FileDisk, dir.path()).expect_err(bad);
            assert!(error.to_string().contains("meta.properties"), "{error}");
        }
        let apache = "#\n#Mon Nov 23 12:00:00 UTC 2026\nbroker.id=0\ncluster.id=x\\=y\nversion=0\n";
        std::fs::write(dir.path().join(FILE), apache).unwrap();
        let read = MetaProperties::read(&FileDisk, dir.path()).unwrap().unwrap();
        assert_eq!((read.cluster_id.as_deref(), read.broker_id), (Some("x=y"), Some(0)));
    }
}
