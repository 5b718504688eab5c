//! Token buckets for partitions that are made and deleted (`TokenBucket.java`, `ControllerMutationQuota`): a client that was
//! quiet may make as many at once as all windows allow. Newer requests are refused while the bucket is in debt; older
//! ones, which know of no such error, are served and rest.

use std::collections::BTreeMap;
use std::time::Duration;

use base::Instant;

use super::meter::Client;
use super::table::Scope;
use super::{Kind, Quotas};

/// So many clients are remembered; of more, those that have been quiet longest are forgotten.
const BUCKETS_MAX: usize = 10_000;

/// The buckets of all clients that have a limit.
#[derive(Debug)]
pub struct Buckets {
    /// Seconds of the limit that a bucket holds: `controller.quota.window.num` times `.size.seconds`.
    seconds: f64,
    buckets: BTreeMap<Scope, Bucket>,
}

#[derive(Debug)]
struct Bucket {
    /// Negative while in debt.
    tokens: f64,
    at: Instant,
}

impl Buckets {
    /// All full. `windows` is at least 1.
    pub fn new(windows: usize, window: Duration) -> Self {
        Self { seconds: windows.max(1) as f64 * window.as_secs_f64(), buckets: BTreeMap::new() }
    }

    /// Takes `count` for a client. `Err` says how long it has to rest: with `strict` nothing was taken, since the bucket was
    /// in debt already; without it all was taken, and the bucket is in debt now.
    ///
    /// # Errors
    /// As above.
    pub fn take(
        &mut self,
        now: Instant,
        quotas: &Quotas,
        client: Client<'_>,
        count: f64,
        strict: bool,
    ) -> Result<(), Duration> {
        let Some((scope, limit)) = quotas.limit(Kind::Mutation, client.user, client.client) else { return Ok(()) };
        let full = limit * self.seconds;
        self.make_room();
        let bucket = self.buckets.entry(scope).or_insert(Bucket { tokens: full, at: now });
        let elapsed = now.since(bucket.at).as_secs_f64();
        (bucket.tokens, bucket.at) = (full.min(bucket.tokens + limit * elapsed), now);
        if strict && bucket.tokens < 0.0 {
            return Err(rest(bucket.tokens, limit));
        }
        bucket.tokens -= count;
        if !strict && bucket.tokens < 0.0 { Err(rest(bucket.tokens, limit)) } else { Ok(()) }
    }

    fn make_room(&mut self) {
        if self.buckets.len() < BUCKETS_MAX {
            return;
        }
        let quiet = self.buckets.iter().min_by_key(|(_, bucket)| bucket.at).map(|(scope, _)| scope.clone());
        quiet.map(|scope| self.buckets.remove(&scope));
    }
}

/// Until a bucket is out of debt.
fn rest(tokens: f64, limit: f64) -> Duration {
    Duration::from_secs_f64((-tokens / limit.max(1e-6)).clamp(0.0, 1e6))
}

#[cfg(test)]
mod tests {
    use base::Str;

    use super::*;
    use crate::config::Properties;
    use crate::quota::Entity;

    #[test]
    fn a_bucket_in_debt_refuses_until_it_is_out_of_it() {
        let mut quotas = Quotas::default();
        let rate = Properties::from([("controller_mutation_rate".to_string(), "2".to_string())]);
        quotas.learn(Entity::from_path("clients/app").expect("an entity"), &rate);
        let (user, app, other) = (Str::from("u"), Str::from("app"), Str::from("other"));
        let (app, other) = (Client { user: &user, client: &app }, Client { user: &user, client: &other });
        let mut buckets = Buckets::new(11, Duration::from_secs(1));
        let mut take =
            |ms, client, count, strict| buckets.take(Instant::from_millis(ms), &quotas, client, count, strict);
        assert_eq!(take(0, app, 30.0, true), Ok(()), "22 are there; what is begun is done");
        assert_eq!(take(0, app, 1.0, true), Err(Duration::from_secs(4)), "8 too many");
        assert_eq!(take(0, app, 1.0, true), Err(Duration::from_secs(4)), "what is refused costs nothing");
        assert_eq!(take(0, other, 1e9, true), Ok(()), "no limit");
        assert_eq!(take(4000, app, 4.0, true), Ok(()));
        assert_eq!(take(4000, app, 4.0, false), Err(Duration::from_secs(4)), "done, and to rest");
        assert_eq!(take(100_000, app, 22.0, false), Ok(()), "full again");
    }
}
