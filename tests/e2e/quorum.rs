//! MSH-12, MSH-14: without a quorum nothing is decided, reads stay up and say that they are of the past, and everything goes on
//! when the voters are back.

use std::time::Duration;

use hms_client::{Class, Client, Submission};
use hms_testnet::chaos;

use crate::mesh::Mesh;

/// One voter of three is alive.
#[tokio::test(flavor = "multi_thread")]
async fn one_voter_of_three_decides_nothing_and_shows_what_it_has() {
    let mut mesh = Mesh::up(3).await;
    let before = mesh.submit("echo", "before").await;
    mesh.expect_done(&[before]).await;
    for name in ["n1", "n2"] {
        chaos::kill(mesh.node(name)).expect("a node that runs can be killed");
    }
    let alone = Client::new(&[&mesh.node("n3").ready.gateway]).expect("an address");
    mesh.until(
        "the last voter says that there is no quorum",
        async |_: &Mesh| {
            let shown = alone.task(before).await.is_ok();
            let stale = alone.staleness();
            shown && stale.is_some_and(|it| (it.need, it.voters, it.have) == (2, 3, 1))
        },
    )
    .await;
    let status = alone.status().await.expect("it shows what it has");
    assert_eq!(status.leader, None);
    let first = alone.staleness().expect("nobody leads").age_ms;
    alone.nodes().await.expect("it shows what it has");
    let receipt = alone.receipt(before).await;
    receipt.expect("what is certified stays so");
    assert!(first < alone.staleness().expect("nobody leads").age_ms);

    let skill = "echo".parse().expect("it is a name");
    let write = Submission::new(skill, b"refused".to_vec());
    let refused = alone.submit(write).await.expect_err("nothing is decided");
    assert_eq!(refused.code(), "HMS-NO-QUORUM");
    assert_eq!(refused.class(), Class::Unavailable);
    let sentence = "no quorum: need 2 of 3, have 1";
    assert!(refused.to_string().contains(sentence), "{refused}");

    for name in ["n1", "n2"] {
        let back = mesh.cluster_mut().restart(name);
        back.expect("a node that was killed comes back");
    }
    let after = mesh.submit("echo", "after").await;
    mesh.expect_done(&[before, after]).await;
    alone.status().await.expect("somebody leads");
    assert_eq!(alone.staleness(), None);
}

/// One voter of three is alive, and was not when the others took a task: it does not know that there is none.
#[tokio::test(flavor = "multi_thread")]
async fn a_voter_alone_does_not_deny_what_it_may_have_missed() {
    let mut mesh = Mesh::up(3).await;
    chaos::kill(mesh.node("n3")).expect("a node that runs can be killed");
    let missed = mesh.submit("echo", "missed").await;
    for name in ["n1", "n2"] {
        chaos::kill(mesh.node(name)).expect("a node that runs can be killed");
    }
    let back = mesh.cluster_mut().restart("n3");
    back.expect("a node that was killed comes back");
    let alone = Client::new(&[&mesh.node("n3").ready.gateway]).expect("an address");
    let alone = alone.within(Duration::from_secs(2));
    mesh.until("it shows what it has", async |_: &Mesh| {
        alone.status().await.is_ok() && alone.staleness().is_some()
    })
    .await;
    let denied = alone.task(missed).await.expect_err("it has missed it");
    assert_eq!(denied.code(), "HMS-NO-QUORUM");

    for name in ["n1", "n2"] {
        let back = mesh.cluster_mut().restart(name);
        back.expect("a node that was killed comes back");
    }
    mesh.until("it is told of what it missed", async |_: &Mesh| {
        alone.task(missed).await.is_ok()
    })
    .await;
}
