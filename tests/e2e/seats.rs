//! MSH-11: who votes changes while the mesh works, and nothing that was acknowledged is lost by it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hms_client::{Client, NodeView, Submission};
use hms_protocol::codec;
use hms_protocol::id::TaskId;
use hms_protocol::member::Seat;
use hms_testnet::chaos;
use tokio::task::JoinHandle;

use crate::mesh::Mesh;

/// How long a voter may be lost in these meshes.
const REPLACE_AFTER_MS: u64 = 1_000;

/// Tasks that are submitted, one after the other, until it is told to stop.
struct Load {
    stop: Arc<AtomicBool>,
    acknowledged: JoinHandle<Vec<TaskId>>,
}

impl Load {
    fn on(client: Client) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let acknowledged = tokio::spawn(async move {
            let mut tasks = Vec::new();
            while !told.load(Ordering::Relaxed) {
                let skill = "echo".parse().expect("it is a name");
                let work = Submission::new(skill, b"under load".to_vec());
                if let Ok(taken) = client.submit(work).await {
                    tasks.push(taken.task);
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            tasks
        });
        Self { stop, acknowledged }
    }

    /// What was acknowledged.
    async fn end(self) -> Vec<TaskId> {
        self.stop.store(true, Ordering::Relaxed);
        self.acknowledged.await.expect("it does not panic")
    }
}

fn named<'a>(nodes: &'a [NodeView], name: &str) -> Option<&'a NodeView> {
    nodes.iter().find(|node| node.member.name.as_str() == name)
}

fn voting(nodes: &[NodeView]) -> usize {
    nodes.iter().filter(|node| node.member.votes).count()
}

/// Kills a voter, and waits until somebody else votes in its place.
async fn lose(mesh: &Mesh, name: &str) {
    chaos::kill(mesh.node(name)).expect("a node that runs can be killed");
    mesh.until(
        "a spare votes in place of the lost voter",
        async |mesh: &Mesh| {
            let nodes = mesh.nodes().await;
            let out = named(&nodes, name).is_some_and(|node| !node.member.votes);
            out && voting(&nodes) == 3
        },
    )
    .await;
}

/// Three voters and two spares: two voters in turn die by kill -9 under load, and each time a spare takes the seat by
/// itself. Nothing that was acknowledged is lost, receipts of before verify after, and who comes back is a spare.
#[tokio::test(flavor = "multi_thread")]
async fn a_mesh_of_three_voters_survives_two_replacements_in_turn() {
    let mut mesh = Mesh::with(5, |plan| {
        plan.spares = 2;
        plan.replace_voter_after_ms = Some(REPLACE_AFTER_MS);
    })
    .await;
    mesh.until("the spares receive the ledger", async |mesh: &Mesh| {
        let nodes = mesh.nodes().await;
        nodes.iter().filter(|node| node.member.listens).count() == 2
    })
    .await;
    let genesis = mesh.client.genesis().await.expect("every leader has it");
    let origin = codec::origin::read(&genesis).expect("it is a genesis");
    let first = mesh.submit("echo", "before").await;
    mesh.expect_done(&[first]).await;
    let before = mesh.client.receipt(first).await.expect("it is certified");

    let load = Load::on(mesh.client.clone());
    let leader = mesh.leader().await;
    lose(&mesh, &leader).await;
    let nodes = mesh.nodes().await;
    let next = nodes.iter().find(|node| node.member.votes && !node.leads);
    let next = next.expect("three vote, one leads").member.name.to_string();
    lose(&mesh, &next).await;

    let acknowledged = load.end().await;
    assert!(!acknowledged.is_empty(), "the mesh took work meanwhile");
    mesh.expect_done(&acknowledged).await;
    before.verify(&origin).expect("the past does not change");
    let after = *acknowledged.last().expect("there are some");
    let after = mesh.client.receipt(after).await.expect("it is certified");
    let proven = after.verify(&origin).expect("the voters are led to");
    let head = before.verify(&origin).expect("as before").head;
    assert!(head.index < proven.head.index);

    let back = mesh.cluster_mut().restart(&leader);
    back.expect("a node that was killed comes back");
    mesh.until("the node that came back is a spare", async |mesh: &Mesh| {
        let nodes = mesh.nodes().await;
        named(&nodes, &leader).is_some_and(|node| {
            node.member.seat == Seat::Spare && node.member.listens && !node.member.votes
        })
    })
    .await;
    let last = mesh.submit("echo", "after").await;
    mesh.expect_done(&[first, last]).await;
}
