//! TX-E05: theorems are proved by agents and checked by kernels on other nodes.

use std::fs;
use std::path::PathBuf;

use hms_client::Submission;
use hms_protocol::proof::{hash_database, split_claims};
use hms_protocol::task::TaskState;

use crate::mesh::Mesh;

fn theorems(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../theorems")
        .join(name)
}

/// AGX-3, VER-4, TST-4: goals without proofs are proved by search, and each result was accepted by kernels on nodes
/// other than the prover's.
#[tokio::test(flavor = "multi_thread")]
async fn theorems_are_proved_and_checked_by_others() {
    let mesh = Mesh::with(4, |plan| plan.bases.push(theorems("base.mm"))).await;
    let base = hash_database(&fs::read(theorems("base.mm")).unwrap());
    let goals = fs::read_to_string(theorems("goals.mm")).unwrap();
    let mut tasks = Vec::new();
    for claim in split_claims(&goals, base).unwrap().iter().take(8) {
        tasks.push(
            mesh.client
                .submit(Submission::proof(claim))
                .await
                .unwrap()
                .task,
        );
    }
    for task in mesh.expect_done(&tasks).await {
        let round = task.round.expect("a proof counts only when it was checked");
        let prover = task.attempts.last().unwrap().node;
        assert!(round.drawn.iter().all(|(_, node)| *node != prover));
        assert!(!round.verdicts.is_empty());
    }

    let wrong = fs::read_to_string(theorems("wrong.mm")).unwrap();
    let claim = &split_claims(&wrong, base).unwrap()[0];
    let refused = mesh
        .client
        .submit(Submission::proof(claim))
        .await
        .unwrap()
        .task;
    assert_eq!(mesh.wait(refused).await.state, TaskState::Failed);
}
