//! Load on a running mesh, and what it took: commits and tasks, per second and per call.
//!
//! Every call is a real one by a real client, answered when a quorum holds it. Latencies are measured at the client.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use hms_client::{Client, ClientError, Submission};
use hms_protocol::task::TaskState;

/// Latencies up to a minute, to three digits, in microseconds.
const LATENCY_US_MAX: u64 = 60_000_000;

/// Digits of a latency that are kept.
const LATENCY_DIGITS: u8 = 3;

/// What a load came to.
#[derive(Clone, Debug)]
pub struct Figures {
    /// Calls under way at a time.
    pub clients: usize,
    /// Calls that succeeded.
    pub done: u64,
    /// Calls that failed.
    pub failed: u64,
    /// How long it went on.
    pub took: Duration,
    /// Latencies of the calls that succeeded, in microseconds.
    pub latencies_us: Histogram<u64>,
}

impl Figures {
    /// Calls per second.
    #[expect(clippy::cast_precision_loss, reason = "a rate needs no more")]
    pub fn per_second(&self) -> f64 {
        self.done as f64 / self.took.as_secs_f64().max(f64::EPSILON)
    }

    /// A percentile of the latencies, in milliseconds.
    #[expect(clippy::cast_precision_loss, reason = "a latency needs no more")]
    pub fn latency_ms(&self, percentile: f64) -> f64 {
        self.latencies_us.value_at_percentile(percentile) as f64 / 1_000.0
    }
}

/// What one caller does again and again.
#[derive(Clone, Debug)]
pub enum Work {
    /// One command through the ledger and nothing else: a submit whose idempotency key is known, so that it is
    /// replicated, made durable and applied, and answered with the task that the first one made.
    Commit {
        /// Bytes of the command's input.
        bytes: usize,
    },
    /// A task of skill `echo`, from its submit to its final state.
    Task,
}

/// Keeps `clients` callers at work for `span`.
pub async fn run(
    gateways: &[String],
    work: &Work,
    clients: usize,
    span: Duration,
) -> Result<Figures, ClientError> {
    // Not more connections than a person's program would open: several callers share one.
    let connections: Vec<Client> = (0..clients.min(CONNECTIONS_MAX))
        .map(|_| Client::new(gateways).map(|client| client.within(CALL_WITHIN)))
        .collect::<Result<_, _>>()?;
    // The first call makes the task that the others repeat, and the connections are warm afterwards.
    call(&connections[0], work).await?;
    let began = Instant::now();
    let mut callers = tokio::task::JoinSet::new();
    for number in 0..clients {
        let client = connections[number % connections.len()].clone();
        callers.spawn(call_until(client, work.clone(), began + span));
    }
    let mut figures = Figures {
        clients,
        done: 0,
        failed: 0,
        took: Duration::ZERO,
        latencies_us: empty(),
    };
    while let Some(ended) = callers.join_next().await {
        let (latencies, failed) = ended.unwrap_or_else(|_| (empty(), 1));
        figures.done += latencies.len();
        figures.failed += failed;
        figures.latencies_us += latencies;
    }
    figures.took = began.elapsed();
    Ok(figures)
}

/// Connections that the callers share at most.
const CONNECTIONS_MAX: usize = 8;

/// How long one call may take.
const CALL_WITHIN: Duration = Duration::from_secs(30);

async fn call_until(client: Client, work: Work, end: Instant) -> (Histogram<u64>, u64) {
    let (mut latencies, mut failed) = (empty(), 0);
    while Instant::now() < end {
        let began = Instant::now();
        match call(&client, &work).await {
            Ok(()) => {
                let took_us = u64::try_from(began.elapsed().as_micros()).unwrap_or(LATENCY_US_MAX);
                latencies.saturating_record(took_us);
            }
            Err(error) => {
                tracing::debug!(%error, "a call of the load failed");
                failed += 1;
            }
        }
    }
    (latencies, failed)
}

async fn call(client: &Client, work: &Work) -> Result<(), ClientError> {
    let echo = "echo".parse().expect("a skill's name");
    match work {
        Work::Commit { bytes } => {
            let mut command = Submission::new(echo, vec![b'x'; *bytes]);
            command.idempotency_key = Some("hms-bench-commit".to_owned());
            client.submit(command).await?;
        }
        Work::Task => {
            let task = client
                .submit(Submission::new(echo, b"x".to_vec()))
                .await?
                .task;
            let done = client.wait(task, Some(CALL_WITHIN)).await?;
            debug_assert_eq!(done.state, TaskState::Succeeded);
        }
    }
    Ok(())
}

fn empty() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LATENCY_US_MAX, LATENCY_DIGITS).expect("valid bounds")
}
