//! Where log lines go: standard error, one readable line each, or JSON.

use std::io::IsTerminal;

use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One readable line each
    #[default]
    Text,
    /// One JSON object each
    Json,
}

/// The logging flags that every server command takes.
#[derive(Args, Clone, Debug)]
pub struct LoggingArgs {
    /// What to log: a level (error, warn, info, debug, trace), or levels per part such as `warn,server::zk=debug`
    #[arg(long, default_value = "info", env = "CASTLEKEEP_LOG", value_name = "FILTER")]
    pub log: String,
    /// How log lines look
    #[arg(long, value_enum, default_value_t)]
    pub log_format: LogFormat,
}

impl LoggingArgs {
    /// For a server that takes no flags: `CASTLEKEEP_LOG` and the defaults.
    pub fn of_the_environment() -> Self {
        let log = std::env::var("CASTLEKEEP_LOG").unwrap_or_else(|_| "info".into());
        Self { log, log_format: LogFormat::default() }
    }
}

/// Sends log lines to standard error from now on.
///
/// # Errors
/// When the filter makes no sense.
pub fn init(args: &LoggingArgs) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&args.log)
        .map_err(|e| anyhow::anyhow!("cannot read --log {:?}: {e}; try a level such as info or debug", args.log))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match args.log_format {
        LogFormat::Text => builder.with_ansi(std::io::stderr().is_terminal()).init(),
        LogFormat::Json => builder.json().init(),
    }
    Ok(())
}
