//! The keys of `zoo.cfg` that limit and throttle.

use std::time::Duration;

use super::zoo_cfg::File;
use crate::zk::{ConnectThrottle, Limits, Weights, ZkServerConfig};

impl File<'_> {
    /// Limits of connections and requests.
    pub(super) fn limits(&mut self, server: &mut ZkServerConfig) {
        server.max_client_cnxns = self.number("maxClientCnxns", 60);
        server.max_cnxns = self.number("maxCnxns", 0);
        server.listen_backlog = self.unless_negative("clientPortListenBacklog");
        server.keep_alive = self.boolean("clientTcpKeepAlive", false);
        server.connect_deadline = Duration::from_millis(self.number("nio.sessionlessCnxnTimeout", 10_000));
        server.store.jute_max_buffer = self.number("jute.maxbuffer", zk_wire::frame::JUTE_MAX_BUFFER);
        server.store.jute_max_buffer_extra = self.number("jute.maxbuffer.extrasize", server.store.jute_max_buffer);
        let drops_stale = self.boolean("request_throttle_drop_stale", true);
        let checks_latency = self.boolean("request_stale_latency_check", false);
        let throttles = self.boolean("request_throttle", true);
        let requests_max: i64 = self.number("request_throttle_max_requests", 0);
        let throttled_ms: i64 = self.number("throttled_op_wait_time", 0);
        server.limits = Limits {
            outstanding_max: self.number("globalOutstandingLimit", 1000),
            large_request_bytes: self.unless_negative("largeRequestThreshold"),
            large_requests_bytes_max: self.number("largeRequestMaxBytes", 100 << 20),
            requests_max: usize::try_from(requests_max).ok().filter(|max| *max > 0 && throttles),
            stall: Duration::from_millis(self.number("request_throttle_stall_time", 100)),
            drops_stale: drops_stale && checks_latency,
            throttled_after: u64::try_from(throttled_ms).ok().filter(|ms| *ms > 0).map(Duration::from_millis),
            connect: self.connect_throttle(),
        };
    }

    fn connect_throttle(&mut self) -> ConnectThrottle {
        let default = ConnectThrottle::default();
        let weights = Weights {
            global: self.number("connection_throttle_global_session_weight", 3),
            renew: self.number("connection_throttle_renew_session_weight", 2),
        };
        let weighs = self.boolean("connection_throttle_weight_enabled", false);
        ConnectThrottle {
            tokens: self.number("connection_throttle_tokens", default.tokens),
            fill_time_ms: self.number("connection_throttle_fill_time", default.fill_time_ms),
            fill_count: self.number("connection_throttle_fill_count", default.fill_count),
            freeze_time_ms: self.unless_negative("connection_throttle_freeze_time"),
            drop_increase: self.number("connection_throttle_drop_increase", default.drop_increase),
            drop_decrease: self.number("connection_throttle_drop_decrease", default.drop_decrease),
            decrease_ratio: self.number("connection_throttle_decrease_ratio", default.decrease_ratio),
            weights: weighs.then_some(weights),
        }
    }

    /// A number for which -1 stands for "not set".
    fn unless_negative<N: TryFrom<i64>>(&mut self, key: &str) -> Option<N> {
        let number: i64 = self.number(key, -1);
        N::try_from(number).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::super::zoo_cfg::parse;
    use super::*;

    fn config(more: &str) -> ZkServerConfig {
        let cfg = parse(&format!("dataDir=/tmp/zk\nclientPort=2181\n{more}")).unwrap();
        assert_eq!(cfg.warnings, [""; 0]);
        cfg.server
    }

    #[test]
    fn without_keys_the_limits_are_upstreams() {
        let config = config("");
        assert_eq!(config.limits, Limits::default());
        assert_eq!((config.max_client_cnxns, config.max_cnxns), (60, 0));
        assert_eq!((config.listen_backlog, config.keep_alive), (None, false));
        assert_eq!(config.connect_deadline, Duration::from_secs(10));
        assert_eq!((config.store.jute_max_buffer, config.store.jute_max_buffer_extra), (0xfffff, 0xfffff));
    }

    #[test]
    fn each_key_reaches_its_limit() {
        let config = config(
            "globalOutstandingLimit=7\nlargeRequestThreshold=100\nlargeRequestMaxBytes=1000\n\
             request_throttle_max_requests=5\nrequest_throttle_stall_time=20\nrequest_stale_latency_check=true\n\
             throttled_op_wait_time=30\nclientPortListenBacklog=9\nclientTcpKeepAlive=true\nmaxCnxns=3\n\
             jute.maxbuffer=4096\njute.maxbuffer.extrasize=2048\nconnection_throttle_tokens=4\n\
             connection_throttle_fill_time=50\nconnection_throttle_fill_count=2\nconnection_throttle_freeze_time=8\n\
             connection_throttle_drop_increase=0.5\nconnection_throttle_weight_enabled=true\n",
        );
        let expected = Limits {
            outstanding_max: 7,
            large_request_bytes: Some(100),
            large_requests_bytes_max: 1000,
            requests_max: Some(5),
            stall: Duration::from_millis(20),
            drops_stale: true,
            throttled_after: Some(Duration::from_millis(30)),
            connect: ConnectThrottle {
                tokens: 4,
                fill_time_ms: 50,
                fill_count: 2,
                freeze_time_ms: Some(8),
                drop_increase: 0.5,
                weights: Some(Weights { global: 3, renew: 2 }),
                ..ConnectThrottle::default()
            },
        };
        assert_eq!(config.limits, expected);
        assert_eq!((config.listen_backlog, config.keep_alive, config.max_cnxns), (Some(9), true, 3));
        assert_eq!((config.store.jute_max_buffer, config.store.jute_max_buffer_extra), (4096, 2048));
    }

    #[test]
    fn switches_of_the_throttle() {
        assert_eq!(config("request_throttle_max_requests=5\nrequest_throttle=false\n").limits.requests_max, None);
        assert!(!config("request_stale_latency_check=true\nrequest_throttle_drop_stale=false\n").limits.drops_stale);
        assert_eq!(config("throttled_op_wait_time=0\n").limits.throttled_after, None);
    }
}
