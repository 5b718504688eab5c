//! The audit log: a line of the process's log, under the target `audit`, for each change (upstream: `audit.enable`,
//! `Slf4jAuditLogger`).

use std::sync::LazyLock;

use keeper::audit::AuditRecord;

use super::admin::User;

/// What the lines' target is called, to be filtered by.
pub const TARGET: &str = "audit";

/// Writes a record's line: as upstream, a failure at the level of errors.
pub fn write(record: &AuditRecord) {
    let line = record.line(server_user());
    if record.success {
        tracing::info!(target: TARGET, "{line}");
    } else {
        tracing::error!(target: TARGET, "{line}");
    }
}

/// The server starts (`serverStart`), which has gone well then, or stops (`serverStop`), which is `invoked`.
pub fn server(operation: &str, result: &str) {
    tracing::info!(target: TARGET, "user={}\toperation={operation}\tresult={result}", server_user());
}

/// Who runs the server.
fn server_user() -> &'static str {
    static USER: LazyLock<String> = LazyLock::new(|| User::of_the_process().name);
    &USER
}
