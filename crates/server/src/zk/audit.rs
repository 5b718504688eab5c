//! The audit log: a line of the process's log, under the target `audit`, for each change (upstream: `audit.enable`,
//! `Slf4jAuditLogger`).

use keeper::audit::AuditRecord;

/// What the lines' target is called, to be filtered by.
pub const TARGET: &str = "audit";

/// Writes a record's line: as upstream, a failure at the level of errors.
pub fn write(record: &AuditRecord) {
    let line = record.line(&server_user());
    if record.success {
        tracing::info!(target: TARGET, "{line}");
    } else {
        tracing::error!(target: TARGET, "{line}");
    }
}

/// The server starts (`serverStart`) or stops (`serverStop`).
pub fn server(operation: &str) {
    tracing::info!(target: TARGET, "user={}\toperation={operation}\tresult=success", server_user());
}

/// Who runs the server.
fn server_user() -> String {
    std::env::var("USER").ok().filter(|user| !user.is_empty()).unwrap_or_else(|| {
        let uid = rustix::process::getuid();
        if uid.is_root() { "root".into() } else { uid.as_raw().to_string() }
    })
}
