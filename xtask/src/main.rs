//! `cargo xtask`: everything around the product that is not the product. Code generation, tidy checks, captures of real
//! traffic, the Apache servers, conformance runs and the gate (`cargo xtask test`).

mod apache;
mod probe;
mod process;
mod repo;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// The command line.
#[derive(Parser)]
#[command(name = "cargo xtask", about = "code generation, checks, conformance runs and the gate")]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Fetch and start the Apache servers that ours is compared with
    #[command(subcommand)]
    Apache(ApacheVerb),
}

#[derive(Subcommand)]
enum ApacheVerb {
    /// Fetch the jars of both servers into .cache/apache (done once)
    Fetch,
    /// Start one server in the foreground: zookeeper or kafka
    Start {
        /// zookeeper or kafka
        name: String,
        /// Port to listen on, on 127.0.0.1 [default: 2181 or 9092]
        #[arg(long)]
        port: Option<u16>,
        /// Kafka's zookeeper.connect
        #[arg(long, default_value = "127.0.0.1:2181")]
        zookeeper: String,
        /// Folder for configuration and data [default: a new one in the temporary folder]
        #[arg(long)]
        dir: Option<PathBuf>,
    },
}

fn main() -> Result<()> {
    match Arguments::parse().verb {
        Verb::Apache(ApacheVerb::Fetch) => apache::fetch(),
        Verb::Apache(ApacheVerb::Start { name, port, zookeeper, dir }) => {
            apache::start_in_foreground(&name, port, &zookeeper, dir)
        }
    }
}
