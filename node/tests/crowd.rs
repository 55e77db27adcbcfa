//! AGT-9: what ten thousand agents on one node weigh, and that all of them come back after a restart.
//!
//! In a process of its own, because memory belongs to a process: nothing else may grow meanwhile. How long it takes is
//! printed and not judged: that belongs to the machine.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hms_consensus::input::Input;
use hms_node::agent::skills::built_in;
use hms_node::agent::{Registry, Runtime, Voice, Wish};
use hms_node::clock::Clock;
use hms_node::mailbox;
use hms_node::metrics::Metrics;
use hms_node::store::{Retention, Store};
use hms_protocol::id::{AgentId, Incarnation, MeshId};
use hms_protocol::keyring::SecretKey;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

const AGENTS: u64 = 10_000;

/// 300 MB for ten thousand.
const BYTES_PER_AGENT_MAX: u64 = 30_000;

/// By then all agents are up, on a machine that is busy with other tests. A bound on hanging, not a measurement.
const UP_BY: Duration = Duration::from_mins(2);

fn wish(number: u64) -> Wish {
    let id = [[0xa; 8], number.to_be_bytes()].concat();
    let agent = AgentId::from_slice(&id).expect("a UUID has sixteen bytes");
    Wish {
        agent,
        skills: BTreeSet::new(),
        slots: 4,
    }
}

fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/statm").expect("Linux tells");
    let pages: u64 = status
        .split(' ')
        .nth(1)
        .and_then(|text| text.parse().ok())
        .expect("a number");
    pages * rustix::param::page_size() as u64
}

/// What was seen of a crowd.
struct Seen {
    agents: BTreeSet<AgentId>,
    took: Duration,
    grown_bytes: u64,
}

impl Seen {
    fn bytes_per_agent(&self) -> u64 {
        self.grown_bytes / AGENTS
    }
}

/// Brings all agents up, and says who they are, how long that took and how much memory they hold.
async fn live(folder: &Path, wishes: Vec<Wish>) -> Seen {
    let (store, _reports) = Store::open(folder, Retention::default()).expect("the folder is free");
    let clock = Clock::start();
    let (key, mesh) = (
        Arc::new(SecretKey::from_seed(&[1; 32])),
        MeshId::from_bytes([9; 32]),
    );
    let registry = Registry::new(store.agents(), key, mesh, clock);
    let voice = Voice {
        mesh,
        incarnation: Incarnation(1),
        clock,
    };
    let (mailbox, mut inbox) = mailbox::open();
    let skills = built_in(&[]).expect("no database, no fault");
    let (mut runtime, _orders, queue) =
        Runtime::new(registry, skills, voice, mailbox, Metrics::new());
    let stop = CancellationToken::new();
    let stopped = stop.clone();

    let (before, began) = (resident_bytes(), Instant::now());
    let host = tokio::spawn(async move {
        runtime.wake(wishes).await.expect("the agents come up");
        runtime.live(queue, stopped).await;
    });
    let mut agents = BTreeSet::new();
    let all_up = async {
        for _ in 0..AGENTS {
            let heard = inbox.recv().await;
            assert!(matches!(heard, Some(Input::Raised(_))), "{heard:?}");
            if let Some(Input::Raised(certificate)) = heard {
                agents.insert(certificate.agent);
            }
        }
    };
    timeout(UP_BY, all_up).await.expect("all agents come up");
    let seen = Seen {
        agents,
        took: began.elapsed(),
        grown_bytes: resident_bytes().saturating_sub(before),
    };
    stop.cancel();
    host.await.expect("the host ends in order");
    store.close().await;
    seen
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::print_stdout, reason = "the figures are what this is for")]
async fn ten_thousand_agents_fit_into_300_mb_and_all_come_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let wished = (0..AGENTS).map(wish).collect();
    let first = live(folder.path(), wished).await;
    let again = live(folder.path(), Vec::new()).await;
    for (verb, seen) in [("made", &first), ("recalled", &again)] {
        println!(
            "{AGENTS} agents {verb} in {:?}, {} bytes each",
            seen.took,
            seen.bytes_per_agent()
        );
    }
    assert_eq!(first.agents.len(), usize::try_from(AGENTS).expect("small"));
    assert_eq!(first.agents, again.agents);
    let weight = first.bytes_per_agent();
    assert!(weight < BYTES_PER_AGENT_MAX, "{weight} bytes per agent");
}
