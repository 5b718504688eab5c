//! What the keeper shows over HTTP: its metrics under Apache's names, and the AdminServer.

use axum::Router;

use super::{AdminSource, admin};
use crate::zk::ZkAdmin;
use crate::zk::metrics::prometheus;

impl AdminSource for ZkAdmin {
    fn role(&self) -> &'static str {
        "zookeeper"
    }

    fn ready(&self) -> Result<(), String> {
        self.serving()
    }

    fn write_metrics(&self, out: &mut String) {
        prometheus::write(&self.metrics(), out);
    }

    fn router(&self) -> Router {
        admin::router(self.clone())
    }
}
