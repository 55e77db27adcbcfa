//! MSH-10: a voter that was away while a large state came about is brought up by the leader's checkpoint, in chunks, and
//! nobody waits for it meanwhile.

use std::fs;
use std::time::{Duration, Instant};

use hms_client::{Client, Submission};
use hms_protocol::id::{Index, TaskId, Term};
use hms_testnet::chaos;

use crate::mesh::{Mesh, SOON};

/// Bytes of each task's input: close to the most that is allowed.
const INPUT_BYTES: usize = 200 * 1024;

/// Tasks that make the state as large as it is to be, some fifty mebibytes: far beyond what leaders keep of the log.
const TASKS: usize = 256;

/// How long one call may take while the checkpoint is on its way. An election alone would take as long.
const CALL_WITHIN: Duration = Duration::from_secs(5);

/// The most memory that a voter may have had that was brought up: several times the state, of which it has the bytes that
/// came, those that it keeps, and what it reads from them.
const MEMORY_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// What a node says of itself: how far it is, and in which term.
async fn stand(mesh: &Mesh, name: &str) -> Option<(Index, Term)> {
    let nodes = mesh.nodes().await;
    let node = nodes.iter().find(|node| node.member.name.as_str() == name);
    let beat = node?.heartbeat.as_ref()?;
    Some((beat.applied, beat.term))
}

/// Submits a task that nobody can do: it stays as it is, input and all.
async fn fill(client: &Client, number: usize) -> TaskId {
    let skill = "nobody.has".parse().expect("it is a name");
    let fill = u8::try_from(number % 251).expect("it is small");
    let work = Submission::new(skill, vec![fill; INPUT_BYTES]);
    client
        .submit(work)
        .await
        .expect("two voters of three decide")
        .task
}

/// The most memory that a process ever held, in bytes.
fn peak_bytes(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("the node runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.expect("Linux counts memory in kB") * 1024
}

#[tokio::test(flavor = "multi_thread")]
async fn a_voter_is_brought_up_with_a_large_state_and_nobody_waits_for_it() {
    let mut mesh = Mesh::up(3).await;
    let leader = mesh.leader().await;
    let away = ["n1", "n2", "n3"].into_iter().find(|name| *name != leader);
    let away = away.expect("one of three leads");
    chaos::kill(mesh.node(away)).expect("a node that runs can be killed");
    for number in 0..TASKS {
        fill(&mesh.client, number).await;
    }
    let (target, term) = stand(&mesh, &leader).await.expect("the leader beats");
    assert!(Index(TASKS as u64 / 2) < target);

    let began = Instant::now();
    mesh.cluster_mut().restart(away).expect("it comes back");
    let mut slowest = Duration::ZERO;
    loop {
        let asked = Instant::now();
        mesh.submit("echo", "meanwhile").await;
        slowest = slowest.max(asked.elapsed());
        let reached = stand(&mesh, away).await;
        if reached.is_some_and(|(applied, _)| target <= applied) {
            break;
        }
        assert!(
            began.elapsed() < SOON,
            "it stands at {reached:?} of {target}"
        );
    }
    let peak = peak_bytes(mesh.node(away).process.pid);
    assert!(slowest < CALL_WITHIN, "a call took {slowest:?}");
    assert!(peak < MEMORY_BYTES_MAX, "it took {peak} bytes");
    let (_, now) = stand(&mesh, &leader).await.expect("the leader beats");
    assert_eq!(now, term, "nobody had to be elected");
}
