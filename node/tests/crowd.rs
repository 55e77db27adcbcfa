//! AGT-9: what ten thousand agents on one node weigh, and how fast they come back after a restart.
//!
//! In a process of its own, because memory belongs to a process: nothing else may grow meanwhile.

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
use hms_node::store::Store;
use hms_protocol::id::{AgentId, Incarnation, MeshId};
use hms_protocol::keyring::SecretKey;
use tokio_util::sync::CancellationToken;

const AGENTS: u64 = 10_000;

/// 300 MB for ten thousand.
const BYTES_PER_AGENT_MAX: u64 = 30_000;

/// A restart must not take longer; the aim is a second in a release build.
const RECALL_WITHIN: Duration = Duration::from_secs(20);

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

/// Brings all agents up, and says how long that took and how much memory they hold.
async fn live(folder: &Path, wishes: Vec<Wish>) -> (Duration, u64) {
    let (store, _reports) = Store::open(folder).expect("the folder is free");
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
    for _ in 0..AGENTS {
        let heard = inbox.recv().await;
        assert!(matches!(heard, Some(Input::Raised(_))));
    }
    let (took, grown) = (began.elapsed(), resident_bytes().saturating_sub(before));
    stop.cancel();
    host.await.expect("the host ends in order");
    store.close().await;
    (took, grown)
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::print_stdout, reason = "the figures are what this is for")]
async fn ten_thousand_agents_fit_into_300_mb_and_come_back_quickly() {
    let folder = tempfile::tempdir().expect("a folder");
    let (first, grown) = live(folder.path(), (0..AGENTS).map(wish).collect()).await;
    let (again, grown_again) = live(folder.path(), Vec::new()).await;
    println!(
        "{AGENTS} agents made in {first:?}, {} bytes each",
        grown / AGENTS
    );
    println!(
        "{AGENTS} agents recalled in {again:?}, {} bytes each",
        grown_again / AGENTS
    );
    assert!(
        grown < AGENTS * BYTES_PER_AGENT_MAX,
        "{} bytes per agent",
        grown / AGENTS
    );
    assert!(again < RECALL_WITHIN, "recalled in {again:?}");
}
