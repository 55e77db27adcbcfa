//! Clients that ask a mesh for the same things at the same time, each at one node, and write down what they are told.
//!
//! Each key gets as many calls as the plan has steps, and each client takes the next step that nobody has taken, so that
//! several clients are at one key at any time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use hms_client::{Client, ClientError, Submission};
use hms_protocol::id::TaskId;
use hms_protocol::task::TaskState;
use tokio::task::JoinSet;

use super::history::{Asked, History, Told, Trouble};

/// Clients at each node.
const CLIENTS_PER_NODE: usize = 2;

/// Keys that are worked on at once: so that about three calls about one key are under way at once.
const KEYS_AT_ONCE: usize = 2;

/// How long one call may take: less than the troubles last, so that outcomes remain unknown; longer than a voter waits before it
/// tells what it knows itself.
const CALL_WITHIN: Duration = Duration::from_secs(2);

/// How long a client rests between two calls. It sets the load, and nothing waits for it.
const REST: Duration = Duration::from_millis(5);

/// How many keys back is looked.
const LOOK_BACK: usize = 2 * KEYS_AT_ONCE;

/// A skill that nobody has: only clients change the state of its tasks.
const SKILL: &str = "linear.nobody";

/// Tasks that are submitted under one key.
const RIVALS: usize = 3;

/// What is asked of a rival for a key.
#[derive(Clone, Copy)]
enum Step {
    Submit(usize),
    Cancel(usize),
    Read(usize),
    /// Reads a rival for a key of which everything else was asked a while ago.
    LookBack(usize),
}

/// What is asked of each key, in the order in which it is handed out. Short, for the sake of the search.
const PLAN: [Step; 12] = [
    Step::Read(0),
    Step::Submit(0),
    Step::LookBack(0),
    Step::Submit(1),
    Step::Read(0),
    Step::Cancel(0),
    Step::LookBack(0),
    Step::Read(0),
    Step::Cancel(1),
    Step::Submit(2),
    Step::LookBack(1),
    Step::Cancel(2),
];

/// What all clients share.
#[derive(Debug)]
struct Notebook {
    history: History,
    trouble: Trouble,
    /// Calls during this trouble after which it was said that there is no quorum.
    unled: usize,
    steps: usize,
    processes: usize,
    /// The rivals for each key.
    keys: Vec<[TaskId; RIVALS]>,
    /// Where the nodes listen now.
    gateways: Vec<String>,
}

/// Clients at work.
#[derive(Debug)]
pub(super) struct Clients {
    notebook: Arc<Mutex<Notebook>>,
    stop: Arc<AtomicBool>,
    running: JoinSet<()>,
}

/// How a call ended.
enum Outcome {
    /// With an answer.
    Told(Told),
    /// With the word that there is no quorum. An answer that comes with it is one of the past: no promise is made for it.
    Unled,
    /// Without an answer: the call may have been heard, or may yet be.
    Open,
}

impl Clients {
    /// Starts clients of the nodes whose gateways these are.
    pub(super) fn of(gateways: Vec<String>) -> Self {
        let nodes = gateways.len();
        let mut clients = Self {
            notebook: Arc::new(Mutex::new(Notebook {
                history: History::default(),
                trouble: Trouble::Nothing,
                unled: 0,
                steps: 0,
                processes: 0,
                keys: Vec::new(),
                gateways,
            })),
            stop: Arc::default(),
            running: JoinSet::new(),
        };
        for node in (0..nodes).flat_map(|node| [node; CLIENTS_PER_NODE]) {
            let (notebook, stop) = (Arc::clone(&clients.notebook), Arc::clone(&clients.stop));
            clients.running.spawn(work(node, notebook, stop));
        }
        clients
    }

    /// Has what follows written down as asked during a trouble.
    pub(super) fn enter(&self, trouble: Trouble) {
        let mut notebook = lock(&self.notebook);
        (notebook.trouble, notebook.unled) = (trouble, 0);
    }

    /// Tells the clients where the nodes listen now: one that was started again may have found its port taken.
    pub(super) fn follow(&self, gateways: Vec<String>) {
        lock(&self.notebook).gateways = gateways;
    }

    /// How many calls during this trouble were answered.
    pub(super) fn answered(&self) -> usize {
        let notebook = lock(&self.notebook);
        notebook.history.answered(notebook.trouble)
    }

    /// How often during this trouble it was said that there is no quorum.
    pub(super) fn unled(&self) -> usize {
        lock(&self.notebook).unled
    }

    /// Lets every client end its call; gives what they wrote.
    pub(super) async fn end(mut self) -> History {
        self.stop.store(true, Ordering::Relaxed);
        while let Some(ended) = self.running.join_next().await {
            ended.expect("clients do not panic");
        }
        lock(&self.notebook).history.clone()
    }
}

impl Notebook {
    /// A number for a process that has asked nothing yet.
    fn enlist(&mut self) -> usize {
        self.processes += 1;
        self.processes
    }

    /// The next thing to ask, and about which key.
    fn next_step(&mut self) -> (usize, Asked) {
        let turn = self.steps / KEYS_AT_ONCE;
        let key = turn / PLAN.len() * KEYS_AT_ONCE + self.steps % KEYS_AT_ONCE;
        self.steps += 1;
        while self.keys.len() <= key {
            let rivals = std::array::from_fn(|rival| name(self.keys.len(), rival));
            self.keys.push(rivals);
        }
        let former = key.checked_sub(LOOK_BACK).unwrap_or(key);
        match PLAN[turn % PLAN.len()] {
            Step::Submit(rival) => (key, Asked::Submit(self.keys[key][rival])),
            Step::Cancel(rival) => (key, Asked::Cancel(self.keys[key][rival])),
            Step::Read(rival) => (key, Asked::Read(self.keys[key][rival])),
            Step::LookBack(rival) => (former, Asked::Read(self.keys[former][rival])),
        }
    }
}

/// What one client of a node does.
async fn work(node: usize, notebook: Arc<Mutex<Notebook>>, stop: Arc<AtomicBool>) {
    let mut process = lock(&notebook).enlist();
    let mut gateway = lock(&notebook).gateways[node].clone();
    let mut client = connect(&gateway);
    while !stop.load(Ordering::Relaxed) {
        let (place, key, asked) = {
            let mut notebook = lock(&notebook);
            if gateway != notebook.gateways[node] {
                gateway.clone_from(&notebook.gateways[node]);
                client = connect(&gateway);
            }
            let (key, asked) = notebook.next_step();
            let trouble = notebook.trouble;
            let place = notebook.history.invoke((key, asked), process, trouble);
            (place, key, asked)
        };
        let outcome = ask(&client, key, asked).await;
        {
            let mut notebook = lock(&notebook);
            match outcome {
                Outcome::Told(told) => notebook.history.answer(place, told),
                Outcome::Unled => {
                    notebook.unled += 1;
                    process = notebook.enlist();
                }
                Outcome::Open => process = notebook.enlist(),
            }
        }
        tokio::time::sleep(REST).await;
    }
}

fn connect(gateway: &str) -> Client {
    let client = Client::new(&[gateway]).expect("it is an address");
    client.within(CALL_WITHIN)
}

/// One call.
async fn ask(client: &Client, key: usize, asked: Asked) -> Outcome {
    match asked {
        Asked::Submit(task) => {
            let mut rival = blank();
            rival.task = task;
            rival.idempotency_key = Some(format!("key-{key}"));
            match client.submit(rival).await {
                Ok(taken) => {
                    // The contrary is no fault: a gateway that asks twice finds what it has done.
                    assert!(!taken.fresh || taken.task == task, "{taken:?} for {task}");
                    Outcome::Told(Told::Taken(taken.task))
                }
                Err(error) => refused(&error),
            }
        }
        Asked::Cancel(task) => match client.cancel(task).await {
            Ok(()) => Outcome::Told(Told::Cancelled),
            Err(error) => refused(&error),
        },
        Asked::Read(task) => match client.task(task).await {
            Ok(_) if client.staleness().is_some() => Outcome::Unled,
            Ok(task) if task.state == TaskState::Cancelled => Outcome::Told(Told::Cancelled),
            Ok(task) => {
                assert!(!task.state.is_final(), "who but a client ended {task:?}");
                Outcome::Told(Told::Open)
            }
            Err(error) => refused(&error),
        },
    }
}

/// What a call that failed tells of its task.
fn refused(error: &ClientError) -> Outcome {
    match error.code() {
        "HMS-UNKNOWN-TASK" => Outcome::Told(Told::Unknown),
        "HMS-NO-QUORUM" => Outcome::Unled,
        _ => Outcome::Open,
    }
}

/// The id of a rival for a key. It begins with both, because that is what is shown of it.
fn name(key: usize, rival: usize) -> TaskId {
    let number = u32::try_from(key * 16 + rival + 1).expect("a test has fewer keys");
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    TaskId::from_bytes(bytes)
}

/// A task that nobody can do.
fn blank() -> Submission {
    let skill = SKILL.parse().expect("it is a name");
    Submission::new(skill, b"nothing".to_vec())
}

fn lock(notebook: &Mutex<Notebook>) -> MutexGuard<'_, Notebook> {
    notebook.lock().expect("nobody panics with the notebook")
}
