//! `castlekeep zk transfer-leadership`

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::{Format, Verdict};

/// How long an answer may take: what is under way must be committed first, within a tick.
const ANSWER: Duration = Duration::from_secs(60);
/// How long the election may take.
const ELECTION: Duration = Duration::from_secs(60);
/// Between two questions who leads.
const PAUSE: Duration = Duration::from_millis(10);

/// Flags.
#[derive(clap::Args)]
#[command(after_long_help = "Examples:\n  \
    castlekeep zk transfer-leadership                         whoever is furthest leads\n  \
    castlekeep zk transfer-leadership --to 2 zk1:8080         server 2 leads; zk1 does now\n  \
    castlekeep zk transfer-leadership --to 2 --auth digest:admin:secret --format json zk1:8080\n\n\
    The server asked must be the leader and a castlekeep; the next leader may be an Apache ZooKeeper. Writes wait until\n\
    the next leader has everything, then an election follows that it wins: clients reconnect, sessions and ephemeral\n\
    nodes stay, and what was acknowledged is there. Exit code 0: it leads; 1: nothing was changed; 2: somebody else was\n\
    elected.")]
pub struct Args {
    /// The AdminServer of the leader
    #[arg(value_name = "HOST:PORT", default_value = "localhost:8080")]
    server: String,
    /// The server that shall lead: the N of its server.N line
    #[arg(long, value_name = "ID")]
    to: Option<i64>,
    /// Who asks: somebody with every permission on /
    #[arg(long, value_name = "SCHEME:DATA", default_value = "ip", env = "CASTLEKEEP_ZK_AUTH", hide_env_values = true)]
    auth: String,
    /// Where the AdminServer has its commands (admin.commandURL)
    #[arg(long, value_name = "PATH", default_value = "/commands")]
    command_url: String,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Runs it.
pub fn run(args: &Args, out: &mut dyn Write) -> Result<Verdict> {
    let before = args.ask("GET", "leader").with_context(|| format!("cannot ask {} who leads", args.server))?;
    let from = before["leader_id"].as_i64().unwrap_or(-1);
    let began = Instant::now();
    let to = args.to.map_or(String::new(), |to| format!("?to={to}"));
    let answer = args.ask("POST", &format!("transfer_leadership{to}"));
    let answer = answer.with_context(|| format!("{} does not hand leadership over", args.server))?;
    let to = answer["to"].as_i64().context("an answer without the next leader")?;
    let leader = args.next_leader(from)?;
    let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    match args.format {
        Format::Json => {
            writeln!(out, "{}", json!({ "from": from, "to": to, "leader": leader, "took_ms": took_ms }))?;
        }
        Format::Text if leader == to => {
            writeln!(out, "server {to} leads in the place of server {from}; it took {took_ms} ms")?;
        }
        Format::Text => {
            writeln!(out, "server {from} stepped down for server {to}, and server {leader} was elected; ask that one")?;
        }
    }
    Ok(if leader == to { Verdict::Good } else { Verdict::Damaged })
}

impl Args {
    /// Waits until the server that was asked knows of a leader again.
    fn next_leader(&self, from: i64) -> Result<i64> {
        let end = Instant::now() + ELECTION;
        while Instant::now() < end {
            // Between two leaders it answers that it does not serve.
            if let Ok(answer) = self.ask("GET", "leader")
                && let Some(leader) = answer["leader_id"].as_i64().filter(|leader| *leader >= 0)
                && (leader != from || answer["is_leader"] == false)
            {
                return Ok(leader);
            }
            std::thread::sleep(PAUSE);
        }
        bail!("server {from} has stepped down, and {} knows of no leader after {} s", self.server, ELECTION.as_secs())
    }

    /// The answer to a command, without an error in it.
    fn ask(&self, method: &str, command: &str) -> Result<Value> {
        let path = format!("{}/{command}", self.command_url.trim_end_matches('/'));
        // The scheme, and what stands behind it.
        let auth = self.auth.replacen(':', " ", 1);
        if auth.chars().any(char::is_control) {
            bail!("--auth has characters that no header may have");
        }
        let request = format!(
            "{method} {path} HTTP/1.0\r\nHost: {}\r\nAuthorization: {auth}\r\nContent-Length: 0\r\n\r\n",
            self.server
        );
        let answer = exchange(&self.server, request.as_bytes())?;
        let answer = String::from_utf8_lossy(&answer);
        let (_, body) = answer.split_once("\r\n\r\n").context("an answer that is not HTTP")?;
        let body: Value = serde_json::from_str(body).with_context(|| {
            format!("an answer that is not an AdminServer's: {}", answer.lines().next().unwrap_or(""))
        })?;
        match body["error"].as_str() {
            Some(why) => bail!("{why}"),
            None => Ok(body),
        }
    }
}

/// Sends, and reads until the server has said everything: with HTTP/1.0 it closes then.
fn exchange(server: &str, request: &[u8]) -> Result<Vec<u8>> {
    let addresses = server.to_socket_addrs().with_context(|| format!("{server} is no HOST:PORT that can be found"))?;
    let mut failed = anyhow::anyhow!("{server} has no address");
    for address in addresses {
        match TcpStream::connect_timeout(&address, ANSWER) {
            Ok(mut stream) => {
                stream.set_read_timeout(Some(ANSWER))?;
                stream.write_all(request)?;
                let mut answer = Vec::new();
                stream.read_to_end(&mut answer)?;
                return Ok(answer);
            }
            Err(error) => {
                failed = anyhow::Error::new(error).context(format!("cannot reach {address}; is its AdminServer on?"));
            }
        }
    }
    Err(failed)
}
