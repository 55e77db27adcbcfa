//! The clients of a drill: they keep the mesh at work, note what was acknowledged and how long it took.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hms_client::{Client, Submission};
use hms_protocol::id::TaskId;
use hms_protocol::proof::{hash_database, split_claims};
use hms_protocol::task::TaskState;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::ground::{BASE, Ground};
use crate::TestnetFault;
use crate::attack::Attack;
use crate::drill::Drill;

/// Pause of a client between two submits.
const PAUSE: Duration = Duration::from_millis(40);

/// Every so many submits one is a theorem to prove.
const PROOF_EVERY: u64 = 8;

/// How long a client waits for one answer.
const CALL_WITHIN: Duration = Duration::from_secs(30);

/// How long a task that shows that the mesh works may take before another is tried.
const PROBE_WITHIN: Duration = Duration::from_secs(5);

/// A theorem that the database of the drill proves.
const THEOREM: &str = "again $p |- ( p <-> p ) $= ? $.";

/// A submit and its answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Served {
    /// The task.
    pub(super) task: TaskId,
    /// When it was asked.
    pub(super) asked: Instant,
    /// How long the answer took.
    pub(super) took: Duration,
}

/// What clients were told.
#[derive(Clone, Debug, Default)]
pub(super) struct Book {
    /// What was acknowledged.
    pub(super) served: Vec<Served>,
    /// What a node that may lie has acknowledged.
    pub(super) claimed: Vec<TaskId>,
    /// When those who got no answer had asked, and until when they waited.
    pub(super) unserved: Vec<(Instant, Instant)>,
    /// When the attack began, and when it ended.
    pub(super) marks: Vec<Instant>,
}

/// The clients.
pub(super) struct Clients {
    book: Arc<Mutex<Book>>,
    stop: CancellationToken,
    tasks: JoinSet<()>,
    probe: Client,
}

impl Clients {
    /// Sets them to work.
    pub(super) fn open(ground: &Ground, drill: &Drill) -> Result<Self, TestnetFault> {
        let gateways = ground.gateways();
        let connect =
            |gateways: &[String]| Client::new(gateways).map(|client| client.within(CALL_WITHIN));
        let (book, stop) = (Arc::<Mutex<Book>>::default(), CancellationToken::new());
        let mut tasks = JoinSet::new();
        for number in 0..drill.mesh.clients {
            // Each begins with another node.
            let mut own = gateways.clone();
            let first = usize::try_from(number).unwrap_or_default() % own.len();
            own.rotate_left(first);
            let client = connect(&own)?;
            tasks.spawn(work(client, Arc::clone(&book), stop.clone()));
        }
        let cheated = drill
            .method
            .iter()
            .filter(|step| step.attack == Attack::AcknowledgeFalsely);
        for step in cheated {
            let named = ground.nodes().iter().find(|node| node.name == step.by);
            if let Some(node) = named {
                let client = connect(std::slice::from_ref(&node.ready.gateway))?;
                tasks.spawn(trust(client, Arc::clone(&book), stop.clone()));
            }
        }
        Ok(Self {
            probe: connect(&gateways)?,
            book,
            stop,
            tasks,
        })
    }

    /// Notes that the attack begins, or ends.
    pub(super) fn mark(&self) {
        lock(&self.book).marks.push(Instant::now());
    }

    /// Whether a new task is done within a time.
    pub(super) async fn prove_work(&self, within: Duration) -> bool {
        let end = Instant::now() + within;
        while Instant::now() < end {
            let echo = "echo".parse().expect("a skill's name");
            let probing = async {
                let submitted = self
                    .probe
                    .submit(Submission::new(echo, b"probe".to_vec()))
                    .await?;
                self.probe.wait(submitted.task, Some(PROBE_WITHIN)).await
            };
            if let Ok(Ok(task)) = tokio::time::timeout(PROBE_WITHIN, probing).await
                && task.state == TaskState::Succeeded
            {
                return true;
            }
        }
        false
    }

    /// Lets them finish what they are at, and gives what they were told.
    pub(super) async fn close(mut self) -> Book {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
        std::mem::take(&mut lock(&self.book))
    }
}

fn lock(book: &Mutex<Book>) -> std::sync::MutexGuard<'_, Book> {
    book.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Submits one task after the other. One that is not answered is asked again, under its id, until it is.
async fn work(client: Client, book: Arc<Mutex<Book>>, stop: CancellationToken) {
    let mut number = 0;
    while !stop.is_cancelled() {
        number += 1;
        let submission = submission(number);
        let (task, asked) = (submission.task, Instant::now());
        loop {
            if client.submit(submission.clone()).await.is_ok() {
                let took = asked.elapsed();
                lock(&book).served.push(Served { task, asked, took });
                break;
            }
            if stop.is_cancelled() {
                lock(&book).unserved.push((asked, Instant::now()));
                return;
            }
            sleep(PAUSE).await;
        }
        sleep(PAUSE).await;
    }
}

/// Submits to one node alone, and takes its word for it.
async fn trust(client: Client, book: Arc<Mutex<Book>>, stop: CancellationToken) {
    let mut number = 0;
    while !stop.is_cancelled() {
        number += 1;
        let submission = submission(number);
        let task = submission.task;
        if client.submit(submission).await.is_ok() {
            lock(&book).claimed.push(task);
        }
        sleep(PAUSE).await;
    }
}

fn submission(number: u64) -> Submission {
    if number.is_multiple_of(PROOF_EVERY) {
        let claims = split_claims(THEOREM, hash_database(BASE.as_bytes()));
        let claims = claims.expect("the theorem of the drill is one");
        return Submission::proof(&claims[0]);
    }
    let echo = "echo".parse().expect("a skill's name");
    Submission::new(echo, number.to_le_bytes().to_vec())
}
