//! cons: every connection and what it has done. crst: their counters begin anew.

use std::fmt::Write as _;
use std::sync::atomic::Ordering::Relaxed;

use super::super::conn_stats::Last;
use super::super::outbox::Outbox;
use super::super::{Shared, admin};

/// cons
pub fn text(shared: &Shared) -> String {
    let mut out = String::new();
    for outbox in shared.conns.lock().iter() {
        let _ = writeln!(out, "{}{})", traffic(outbox), session(outbox));
    }
    out + "\n"
}

/// crst
pub fn reset(shared: &Shared) -> String {
    admin::reset_connections(shared);
    "Connection stats reset.\n".into()
}

/// What both `cons` and `stat` say of a connection; the bracket is open. The number behind the address is upstream's
/// interest in its socket: reading, once the client is connected.
pub fn traffic(outbox: &Outbox) -> String {
    let (queued, stats) = (outbox.order.unanswered(), outbox.stats());
    let interest = u8::from(outbox.session.load(Relaxed) != 0);
    let shown = stats.shown();
    format!(" /{}[{interest}](queued={queued},recved={},sent={}", outbox.peer, shown.received, shown.sent)
}

fn session(outbox: &Outbox) -> String {
    let session = outbox.session.load(Relaxed);
    if session == 0 {
        return String::new();
    }
    let stats = outbox.stats();
    let Last { op, cxid, zxid, response_ms, latency_ms, .. } = stats.last;
    let (min, avg, max) = stats.latency_ms();
    let mut out = format!(",sid={session:#x},lop={}", admin::operation(op));
    let _ = write!(out, ",est={},to={}", outbox.established_ms, outbox.timeout_ms.load(Relaxed));
    if cxid >= 0 {
        let _ = write!(out, ",lcxid={cxid:#x}");
    }
    let _ = write!(out, ",lzxid={zxid:#x},lresp={response_ms},llat={latency_ms}");
    let _ = write!(out, ",minlat={min},avglat={avg},maxlat={max}");
    out
}
