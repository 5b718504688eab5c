//! tokio shells around client-core.
