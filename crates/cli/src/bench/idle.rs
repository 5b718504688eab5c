//! `castlekeep bench idle`: what a session that does nothing costs its server in memory.

use std::time::Duration;

use anyhow::{Context, ensure};
use clap::Args as ClapArgs;
use serde_json::json;

use super::process;
use super::report::Format;
use super::zookeeper::Session;

/// Flags of `castlekeep bench idle`.
#[derive(ClapArgs, Debug)]
#[command(after_long_help = "Examples:\n  \
    castlekeep bench idle --connections 10000 --server-pid 4711\n\n\
    Both processes need as many open files: see `ulimit -n`.")]
pub struct Args {
    /// The server
    #[arg(long, default_value = "localhost:2181", value_name = "HOST:PORT")]
    server: String,
    /// Sessions, each on a connection of its own
    #[arg(long, default_value_t = 10_000, value_name = "N")]
    connections: usize,
    /// The server's process, on this machine
    #[arg(long, value_name = "PID")]
    server_pid: u32,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// How often the server's memory is looked at while it frees what only the beginning of a session needs.
const LOOK: Duration = Duration::from_millis(100);
/// So many looks in a row that find nothing freed are the end of it.
const LOOKS: usize = 5;
/// It may go on for as long as this.
const LOOKS_MAX: usize = 100;

/// Opens the sessions, and prints what the server's resident memory grew by.
///
/// # Errors
/// When the server cannot be reached or refuses a session.
pub fn main(args: Args) -> anyhow::Result<()> {
    ensure!(args.connections > 0, "no connections, nothing to measure");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start")?;
    runtime.block_on(async {
        // What the server allocates for its first client is not counted.
        drop(Session::connect(&args.server).await?);
        let before = process::resident_bytes(args.server_pid)?;
        let mut sessions = Vec::with_capacity(args.connections);
        for _ in 0..args.connections {
            sessions.push(Session::connect(&args.server).await?);
        }
        let grown = settled(args.server_pid).await?.saturating_sub(before);
        let each = grown as f64 / args.connections as f64;
        match args.format {
            Format::Json => println!("{}", json!({ "connections": args.connections, "bytes_per_connection": each })),
            Format::Table => println!("{} idle sessions: {each:.0} B resident each", args.connections),
        }
        Ok(())
    })
}

/// What is resident once nothing is given back any more.
async fn settled(pid: u32) -> anyhow::Result<u64> {
    let mut least = process::resident_bytes(pid)?;
    let mut unchanged = 0;
    for _ in 0..LOOKS_MAX {
        tokio::time::sleep(LOOK).await;
        let now = process::resident_bytes(pid)?;
        unchanged = if now < least { 0 } else { unchanged + 1 };
        least = least.min(now);
        if unchanged == LOOKS {
            break;
        }
    }
    Ok(least)
}
