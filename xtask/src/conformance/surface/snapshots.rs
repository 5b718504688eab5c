//! A snapshot that one server streams is restored by the other one, both ways: the trees are compared afterwards.

use anyhow::{Context, Result, ensure};

use super::{OWNER, Pair, Side, client, http};
use crate::conformance::zk_client::{Dump, differences};

/// Streams both, restores both at the other server.
pub fn exchange(pair: &Pair) -> Result<String> {
    let [(apache_tree, apache_bytes), (our_tree, our_bytes)] = pair.both(streamed)?;
    ensure!(!differences(&apache_tree, &our_tree).is_empty(), "the trees do not even differ in their times");
    let mut said = String::new();
    for (side, bytes, tree) in [(&pair.apache, our_bytes, our_tree), (&pair.ours, apache_bytes, apache_tree)] {
        let what = format!("restore at {} server", side.make);
        let answer = http::ask(side.http, "POST", "/commands/restore", OWNER, &bytes).with_context(|| what.clone())?;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        ensure!(answer.status == 200 && text.contains("\"last_zxid\""), "{what}: {} {text}", answer.status);
        let mut client = client(side.port)?;
        let differ = differences(&tree, &client.dump()?);
        ensure!(differ.is_empty(), "{what}: not the tree that was streamed:\n{}", differ.join("\n"));
        client.close()?;
        said += &format!("  ok     {what}: {} bytes, {} znodes as they were\n", bytes.len(), tree.len());
    }
    Ok(said)
}

/// The tree, and the snapshot that holds it.
fn streamed(side: &Side) -> Result<(Dump, Vec<u8>)> {
    let mut client = client(side.port)?;
    let tree = client.dump()?;
    let answer = http::ask(side.http, "GET", "/commands/snapshot?streaming=true", OWNER, b"")?;
    let text = || String::from_utf8_lossy(&answer.body).into_owned();
    ensure!(answer.status == 200, "snapshot answered {} {}", answer.status, text());
    ensure!(answer.media_type() == "application/octet-stream", "a snapshot is {}", answer.media_type());
    for header in ["last_zxid", "snapshot_size"] {
        ensure!(answer.headers.contains_key(header), "no {header} beside the snapshot: {:?}", answer.headers);
    }
    client.close()?;
    Ok((tree, answer.body))
}
