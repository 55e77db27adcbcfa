//! How often a client asks: how many calls it may begin in a second, and whether it ever pauses.
//!
//! A client is a connection: whoever comes in is on this machine and has shown no name. A call beyond the bound is
//! refused at once, before any of it is read, with the time after which the next one is taken; nothing waits here. How
//! many calls a client has under way is bounded by its connection (see `doorway.rs`).
//!
//! A while in which a client has no call under way is credited to it, and a call that is paid for out of that is one of a
//! client that pauses. The price grows with how long its calls take: on a busy machine even who asks again at once is some
//! time about it, and what is less than the price of what was asked before is no pause. One pause
//! is no habit: it takes a few before a client counts as one that pauses, and as many without before it no longer does. What follows from the difference is not decided here.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use hms_consensus::turns::Manner;
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::{Service, http};
use tonic::server::NamedService;

use super::Hall;
use super::failure::Failure;
use crate::clock::Clock;
use crate::limits::{
    CALLS_PER_SECOND_MAX, PAUSE_MS, PAUSE_PART, PAUSES_MAX, STANDING_LOST, STANDING_MAX,
    STANDING_MIN,
};
use crate::metrics::Metrics;

/// Milliseconds for which calls are counted together.
const SECOND_MS: u64 = 1_000;

/// What a client has begun. Clones count together.
#[derive(Clone, Debug)]
pub(super) struct Pace {
    client: u64,
    // Held for the time of one count, never across an await.
    count: Arc<Mutex<Count>>,
}

/// The calls of one client.
#[derive(Debug)]
struct Count {
    // Invariant: at most `CALLS_PER_SECOND_MAX`; those since `first_at_ms`.
    begun: u32,
    first_at_ms: u64,
    under_way: u32,
    /// Since when some are, and how many have been begun since.
    busy_at_ms: u64,
    asked: u32,
    /// How often it has paused of late: more with each pause, less whenever it asks without one.
    // Invariant: at most `STANDING_MAX`.
    standing: u32,
    /// Since when none is; `None` before the first has ended.
    free_at_ms: Option<u64>,
    // Invariant: at most `PAUSES_MAX` pauses.
    credit_ms: u64,
    /// What a pause has to be for the next call, in milliseconds.
    // Invariant: at least `PAUSE_MS`, and at most `PAUSES_MAX` of those.
    price_ms: u64,
}

impl Default for Count {
    fn default() -> Self {
        Self {
            begun: 0,
            first_at_ms: 0,
            under_way: 0,
            busy_at_ms: 0,
            asked: 0,
            standing: 0,
            free_at_ms: None,
            credit_ms: 0,
            price_ms: PAUSE_MS,
        }
    }
}

/// Which client calls, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Visitor {
    /// Its number among the clients of this node, from one.
    pub(super) client: u64,
    /// How it asks.
    pub(super) manner: Manner,
}

impl Visitor {
    /// Nobody: the node itself asks.
    pub(super) const NODE: Self = Self {
        client: 0,
        manner: Manner::Pausing,
    };
}

impl Pace {
    /// That of a client that has just come in, and has not shown yet that it pauses.
    pub(super) fn new(client: u64) -> Self {
        let count = Arc::default();
        Self { client, count }
    }

    /// Counts a call and says how the client asks, or after how many milliseconds a call is taken again.
    fn begin(&self, now_ms: u64) -> Result<Manner, u64> {
        let mut count = self.lock();
        let over_at_ms = count.first_at_ms.saturating_add(SECOND_MS);
        if over_at_ms <= now_ms {
            (count.begun, count.first_at_ms) = (0, now_ms);
        }
        if CALLS_PER_SECOND_MAX <= count.begun {
            return Err(over_at_ms.saturating_sub(now_ms));
        }
        count.begun += 1;
        count.under_way += 1;
        if count.under_way == 1 {
            let asked = std::mem::take(&mut count.asked);
            count.busy_at_ms = now_ms;
            let free_ms = now_ms.saturating_sub(count.free_at_ms.unwrap_or(now_ms));
            // Less is no pause: it is what it takes to ask for so many things again.
            if count.price_ms * u64::from(asked.max(1)).min(PAUSES_MAX) <= free_ms {
                let saved_ms = count.credit_ms.saturating_add(free_ms);
                count.credit_ms = saved_ms.min(PAUSE_MS * PAUSES_MAX);
                count.standing = (count.standing + 1).min(STANDING_MAX);
            } else {
                count.standing = count.standing.saturating_sub(STANDING_LOST);
            }
        }
        count.asked = count.asked.saturating_add(1);
        if count.standing < STANDING_MIN || count.credit_ms < count.price_ms {
            return Ok(Manner::Pressing);
        }
        count.credit_ms -= count.price_ms;
        Ok(Manner::Pausing)
    }

    /// A call is answered, or given up.
    fn end(&self, now_ms: u64) {
        let mut count = self.lock();
        assert!(0 < count.under_way, "a call ends that was not begun");
        count.under_way -= 1;
        if count.under_way == 0 {
            count.free_at_ms = Some(now_ms);
            let busy_ms = now_ms.saturating_sub(count.busy_at_ms);
            count.price_ms = (busy_ms / PAUSE_PART).clamp(PAUSE_MS, PAUSE_MS * PAUSES_MAX);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Count> {
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call under way. Dropping it ends it.
struct Stay {
    pace: Pace,
    clock: Clock,
}

impl Drop for Stay {
    fn drop(&mut self) {
        self.pace.end(self.clock.uptime_ms());
    }
}

/// A service that no client calls more often than it may.
#[derive(Clone, Debug)]
pub(super) struct Paced<S> {
    service: S,
    metrics: Metrics,
    clock: Clock,
}

impl<S> Paced<S> {
    /// Stands around a service.
    pub(super) fn new(service: S, hall: &Hall) -> Self {
        Self {
            service,
            metrics: hall.metrics.clone(),
            clock: hall.clock,
        }
    }
}

impl<S: NamedService> NamedService for Paced<S> {
    const NAME: &'static str = S::NAME;
}

impl<S, B> Service<http::Request<B>> for Paced<S>
where
    S: Service<http::Request<B>, Response = http::Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, mut request: http::Request<B>) -> Self::Future {
        let Some(pace) = request.extensions().get::<Pace>().cloned() else {
            // Only the doorway lets clients in, and it gives each its pace.
            return Box::pin(self.service.call(request));
        };
        match pace.begin(self.clock.uptime_ms()) {
            Ok(manner) => {
                let client = pace.client;
                request.extensions_mut().insert(Visitor { client, manner });
                let clock = self.clock;
                let stay = Stay { pace, clock };
                let served = self.service.call(request);
                // A watch counts until it begins: whoever only listens pauses.
                Box::pin(async move {
                    let response = served.await;
                    drop(stay);
                    response
                })
            }
            Err(retry_after_ms) => {
                self.metrics.gateway_paced_total.inc();
                let failure = Failure::too_many(CALLS_PER_SECOND_MAX, retry_after_ms);
                Box::pin(async move { Ok(Status::from(failure).into_http()) })
            }
        }
    }
}

#[cfg(test)]
mod tests;
