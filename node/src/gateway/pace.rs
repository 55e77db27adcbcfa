//! How many calls a client may begin in a second.
//!
//! A client is a connection: whoever comes in is on this machine and has shown no name. A call beyond the bound is
//! refused at once, before any of it is read, with the time after which the next one is taken; nothing waits here. How
//! many calls a client has under way is bounded by its connection (see `doorway.rs`).

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tonic::Status;
use tonic::body::Body;
use tonic::codegen::{Service, http};
use tonic::server::NamedService;

use super::Hall;
use super::failure::Failure;
use crate::clock::Clock;
use crate::limits::CALLS_PER_SECOND_MAX;
use crate::metrics::Metrics;

/// Milliseconds for which calls are counted together.
const SECOND_MS: u64 = 1_000;

/// What a client has begun. Clones count together.
#[derive(Clone, Debug, Default)]
pub(super) struct Pace {
    // Held for the time of one count, never across an await.
    count: Arc<Mutex<Count>>,
}

/// The calls of one second.
#[derive(Debug, Default)]
struct Count {
    // Invariant: at most `CALLS_PER_SECOND_MAX`; those since `first_at_ms`.
    begun: u32,
    first_at_ms: u64,
}

impl Pace {
    /// Counts a call, or says after how many milliseconds one is taken again.
    fn begin(&self, now_ms: u64) -> Result<(), u64> {
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        let over_at_ms = count.first_at_ms.saturating_add(SECOND_MS);
        if over_at_ms <= now_ms {
            (count.begun, count.first_at_ms) = (0, now_ms);
        }
        if CALLS_PER_SECOND_MAX <= count.begun {
            return Err(over_at_ms.saturating_sub(now_ms));
        }
        count.begun += 1;
        Ok(())
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

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let begun = match request.extensions().get::<Pace>() {
            Some(pace) => pace.begin(self.clock.uptime_ms()),
            // Only the doorway lets clients in, and it gives each its pace.
            None => Ok(()),
        };
        match begun {
            Ok(()) => Box::pin(self.service.call(request)),
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
