//! `castlekeep bench disk`: how often a disk can make a small append durable, which bounds every durable write.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args as ClapArgs;
use hdrhistogram::Histogram;
use serde_json::json;

use super::process;
use super::report::Format;

/// Flags of `castlekeep bench disk`.
#[derive(ClapArgs, Debug)]
#[command(after_long_help = "Examples:\n  \
    castlekeep bench disk --dir /var/lib/castlekeep\n  \
    castlekeep bench disk --size 4096 --duration 30\n\n\
    One thread writes SIZE bytes behind each other into a preallocated file and calls fdatasync behind each write, as a \
    transaction log does. The file is removed at the end (except after Ctrl-C).")]
pub struct Args {
    /// A folder on the disk
    #[arg(long, default_value = ".", value_name = "DIR")]
    dir: PathBuf,
    /// Bytes of each write
    #[arg(long, default_value_t = 200, value_name = "BYTES")]
    size: usize,
    /// Seconds to measure
    #[arg(long, default_value_t = 5.0, value_name = "SECONDS")]
    duration: f64,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// As Apache's and our logs preallocate.
const FILE_BYTES: u64 = 64 << 20;

/// Measures and prints.
///
/// # Errors
/// When the disk refuses.
pub fn main(args: Args) -> anyhow::Result<()> {
    let path = args.dir.join(format!("castlekeep-bench-disk-{}", std::process::id()));
    let measured = measure(&path, &args).with_context(|| format!("cannot write and sync {}", path.display()));
    // What cannot be removed was reported by the error above, or is only disk space.
    let _ = std::fs::remove_file(&path);
    let (latency, seconds, cpu_us) = measured?;
    let per_second = latency.len() as f64 / seconds;
    let (p50, p999, max) = (latency.value_at_quantile(0.5), latency.value_at_quantile(0.999), latency.max());
    let mut out = std::io::stdout().lock();
    match args.format {
        Format::Json => {
            let report = json!({ "syncs_per_second": per_second, "cpu_us_per_sync": cpu_us,
                "latency_us": { "p50": p50, "p999": p999, "max": max } });
            writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?;
        }
        Format::Table => writeln!(
            out,
            "{per_second:.0} writes of {} B made durable per second, {cpu_us:.1} us CPU each; p50 {p50} us, p99.9 {p999} us, max {max} us",
            args.size
        )?,
    }
    Ok(())
}

fn measure(path: &std::path::Path, args: &Args) -> anyhow::Result<(Histogram<u64>, f64, f64)> {
    let file = File::create_new(path)?;
    file.set_len(FILE_BYTES)?;
    file.sync_all()?;
    let bytes = vec![b'x'; args.size.max(1)];
    let mut latency = Histogram::new_with_bounds(1, super::load::LATENCY_US_MAX, 3)?;
    let (began, cpu) = (Instant::now(), process::cpu_time(std::process::id())?);
    let ends = began + Duration::from_secs_f64(args.duration.max(0.1));
    let mut at = 0;
    while Instant::now() < ends {
        let started = Instant::now();
        file.write_all_at(&bytes, at)?;
        file.sync_data()?;
        latency.saturating_record(started.elapsed().as_micros() as u64);
        at = (at + bytes.len() as u64) % FILE_BYTES;
    }
    let cpu = process::cpu_time(std::process::id())?.saturating_sub(cpu);
    Ok((latency.clone(), began.elapsed().as_secs_f64(), cpu.as_secs_f64() * 1e6 / latency.len().max(1) as f64))
}
