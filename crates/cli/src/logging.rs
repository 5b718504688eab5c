//! Where log lines go: standard error, one readable line each, or JSON. What is logged can be changed while it runs.

use std::io::IsTerminal;

use clap::{Args, ValueEnum};
use server::log_level::LogLevel;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, fmt, reload};

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
    /// What to log: a level (error, warn, info, debug, trace), or levels per part such as `warn,server::zk=debug`.
    /// While it runs: `kill -USR1 PID` logs one level more, `kill -USR2 PID` one less, and
    /// `curl -d debug localhost:8080/log-level` sets it from this machine
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
    let first = filter(&args.log).map_err(|e| anyhow::anyhow!("cannot use --log: {e}"))?;
    let (first, reload) = reload::Layer::new(first);
    let lines = tracing_subscriber::registry().with(first);
    match args.log_format {
        LogFormat::Text => {
            let colours = std::io::stderr().is_terminal();
            lines.with(fmt::layer().with_writer(std::io::stderr).with_ansi(colours)).init();
        }
        LogFormat::Json => lines.with(fmt::layer().with_writer(std::io::stderr).json().flatten_event(true)).init(),
    }
    let apply = move |text: &str| reload.reload(filter(text)?).map_err(|e| e.to_string());
    LogLevel::new(&args.log, Box::new(apply)).install();
    Ok(())
}

fn filter(text: &str) -> Result<EnvFilter, String> {
    EnvFilter::try_new(text).map_err(|e| format!("cannot read {text:?}: {e}; try a level such as info or debug"))
}

/// Changes what is logged at each SIGUSR1 and SIGUSR2, for as long as it is polled.
pub async fn follow_signals() {
    let listen = || Some((signal(SignalKind::user_defined1()).ok()?, signal(SignalKind::user_defined2()).ok()?));
    let (Some((mut more, mut less)), Some(level)) = (listen(), LogLevel::of_the_process()) else {
        return std::future::pending().await;
    };
    loop {
        let louder = tokio::select! {
            _ = more.recv() => true,
            _ = less.recv() => false,
        };
        match level.step(louder) {
            // At the level that is sure to be seen.
            Ok(filter) => tracing::error!("what is logged was changed to {filter} by a signal"),
            Err(why) => tracing::error!("cannot change what is logged: {why}"),
        }
    }
}
