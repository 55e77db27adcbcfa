//! The clients of a drill: they keep the mesh at work, note what was acknowledged and how long it took.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hms_client::{Client, Submission};
use hms_protocol::codec;
use hms_protocol::id::TaskId;
use hms_protocol::proof::{hash_database, split_claims};
use hms_protocol::receipt::Origin;
use hms_protocol::task::TaskState;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::ground::{BASE, Ground};
use crate::TestnetFault;
use crate::attack::Attack;
use crate::drill::Drill;
use crate::drill::manifest::Step;

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
    /// What was acknowledged, and not shown to be so.
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
    /// Sets them to work. Where a leader may tell them that something is done that is not, they believe a receipt only.
    pub(super) async fn open(ground: &Ground, drill: &Drill) -> Result<Self, TestnetFault> {
        let gateways = ground.gateways();
        let connect =
            |gateways: &[String]| Client::new(gateways).map(|client| client.within(CALL_WITHIN));
        let (book, stop) = (Arc::<Mutex<Book>>::default(), CancellationToken::new());
        let cheats = |step: &Step| step.attack == Attack::AcknowledgeFalsely;
        let origin = if drill.method.iter().any(cheats) {
            let genesis = connect(&gateways)?.genesis().await?;
            codec::origin::read(&genesis).ok()
        } else {
            None
        };
        let mut tasks = JoinSet::new();
        for number in 0..drill.mesh.clients {
            // Each begins with another node.
            let mut own = gateways.clone();
            let first = usize::try_from(number).unwrap_or_default() % own.len();
            own.rotate_left(first);
            let client = connect(&own)?;
            let worker = Worker {
                client,
                origin,
                proves: !ground.is_adopted(),
                book: Arc::clone(&book),
                stop: stop.clone(),
            };
            tasks.spawn(worker.work());
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

/// One client.
struct Worker {
    client: Client,
    /// What it checks receipts by, if it believes nothing else.
    origin: Option<Origin>,
    /// Whether some of its tasks are theorems, for which the mesh of a drill has a database.
    proves: bool,
    book: Arc<Mutex<Book>>,
    stop: CancellationToken,
}

impl Worker {
    /// Submits one task after the other. One that is not answered is asked again, under its id, until it is.
    async fn work(self) {
        let mut number = 0;
        while !self.stop.is_cancelled() {
            number += 1;
            let submission = submission(number, self.proves);
            let (task, asked) = (submission.task, Instant::now());
            while self.client.submit(submission.clone()).await.is_err() {
                if self.stop.is_cancelled() {
                    lock(&self.book).unserved.push((asked, Instant::now()));
                    return;
                }
                sleep(PAUSE).await;
            }
            let took = asked.elapsed();
            if self.believes(task).await {
                lock(&self.book).served.push(Served { task, asked, took });
            } else {
                lock(&self.book).claimed.push(task);
            }
            sleep(PAUSE).await;
        }
    }

    /// Whether it takes the word of whoever has answered.
    async fn believes(&self, task: TaskId) -> bool {
        let Some(origin) = &self.origin else {
            return true;
        };
        let receipt = self.client.receipt(task).await;
        receipt.is_ok_and(|receipt| receipt.verify(origin).is_ok())
    }
}

fn submission(number: u64, proves: bool) -> Submission {
    if proves && number.is_multiple_of(PROOF_EVERY) {
        let claims = split_claims(THEOREM, hash_database(BASE.as_bytes()));
        let claims = claims.expect("the theorem of the drill is one");
        return Submission::proof(&claims[0]);
    }
    let echo = "echo".parse().expect("a skill's name");
    Submission::new(echo, number.to_le_bytes().to_vec())
}
