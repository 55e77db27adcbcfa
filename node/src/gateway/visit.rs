//! One call of one client: its name in the logs, how long its client waits, and what it counts as in the end.

use std::future::Future;
use std::time::Duration;

use hms_protocol::id::TaskId;
use tokio::time::Instant;
use tonic::metadata::MetadataMap;
use tonic::{Extensions, Response, Status};
use tracing::{Instrument as _, Span};

use super::Hall;
use super::asker::Asker;
use super::failure::Failure;
use super::pace::Visitor;
use crate::limits::{CALL_WITHIN, CALL_WITHIN_MAX};

/// How much earlier than its client a call gives up, so that the client hears why.
const ANSWER_MARGIN: Duration = Duration::from_millis(30);

/// One call of one client.
#[derive(Debug)]
pub(super) struct Visit {
    method: &'static str,
    span: Span,
    began: Instant,
    /// Whose call it is.
    pub(super) asker: Asker,
    /// How long the client waits, if it says.
    patience: Option<Duration>,
}

impl Visit {
    /// A client has come in.
    pub(super) fn begin(
        hall: &Hall,
        method: &'static str,
        (metadata, extensions): (&MetadataMap, &Extensions),
    ) -> Self {
        let request_id = hall.name_call();
        let visitor = extensions.get().copied().unwrap_or(Visitor::NODE);
        let span =
            tracing::debug_span!("call", id = %request_id, method, task = tracing::field::Empty);
        let patience = metadata
            .get("grpc-timeout")
            .and_then(|text| parse_timeout(text.to_str().ok()?));
        Self {
            method,
            span,
            began: crate::clock::instant(),
            asker: Asker {
                request_id,
                visitor,
            },
            patience,
        }
    }

    /// Names the task that the call is about.
    pub(super) fn about(&self, task: Option<TaskId>) {
        if let Some(task) = task {
            self.span.record("task", tracing::field::display(task));
        }
    }

    /// When a call with one answer gives up.
    pub(super) fn deadline(&self) -> Instant {
        let patience = self.patience.unwrap_or(CALL_WITHIN).min(CALL_WITHIN_MAX);
        self.began + less_margin(patience)
    }

    /// When a watch gives up; never if the client does not say.
    pub(super) fn watch_deadline(&self) -> Option<Instant> {
        self.patience
            .map(|patience| self.began + less_margin(patience))
    }

    /// Works for the client, and counts how it went.
    pub(super) async fn attend<T>(
        self,
        hall: &Hall,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<Response<T>, Status> {
        let Self {
            method,
            span,
            began,
            ..
        } = self;
        let outcome = work.instrument(span.clone()).await;
        hall.metrics
            .gateway_call_seconds
            .observe(began.elapsed().as_secs_f64());
        let counted = |code: &str| {
            hall.metrics
                .gateway_calls_total
                .with_label_values(&[method, code])
                .inc();
        };
        match outcome {
            Ok(reply) => {
                counted("ok");
                Ok(Response::new(reply))
            }
            Err(failure) => {
                // A foreign leader's code is no label: it could be anything.
                counted(&format!("{:?}", failure.grpc_code()));
                span.in_scope(|| {
                    tracing::info!(method, code = failure.code(), %failure, "call refused");
                });
                Err(failure.into())
            }
        }
    }
}

/// A very short wait keeps half of itself.
fn less_margin(patience: Duration) -> Duration {
    patience.saturating_sub(ANSWER_MARGIN).max(patience / 2)
}

/// Reads the header of the gRPC specification: up to eight digits and a unit.
fn parse_timeout(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.len() > 8 {
        return None;
    }
    let amount: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(amount * 3_600)),
        "M" => Some(Duration::from_secs(amount * 60)),
        "S" => Some(Duration::from_secs(amount)),
        "m" => Some(Duration::from_millis(amount)),
        "u" => Some(Duration::from_micros(amount)),
        "n" => Some(Duration::from_nanos(amount)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clients_patience_is_read_and_garbage_is_not() {
        assert_eq!(parse_timeout("250m"), Some(Duration::from_millis(250)));
        assert_eq!(
            parse_timeout("99999999H"),
            Some(Duration::from_hours(99_999_999))
        );
        for bad in ["", "m", "1", "123456789m", "1x", "-1m", "é"] {
            assert_eq!(parse_timeout(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_call_gives_up_before_its_client_does() {
        assert_eq!(
            less_margin(Duration::from_secs(1)),
            Duration::from_millis(970)
        );
        assert_eq!(
            less_margin(Duration::from_millis(10)),
            Duration::from_millis(5)
        );
    }
}
