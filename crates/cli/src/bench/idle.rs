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

/// As long as the server may take to free what only the beginning of a session needs.
const SETTLE: Duration = Duration::from_secs(1);

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
        tokio::time::sleep(SETTLE).await;
        let grown = process::resident_bytes(args.server_pid)?.saturating_sub(before);
        let each = grown as f64 / args.connections as f64;
        match args.format {
            Format::Json => println!("{}", json!({ "connections": args.connections, "bytes_per_connection": each })),
            Format::Table => println!("{} idle sessions: {each:.0} B resident each", args.connections),
        }
        Ok(())
    })
}
