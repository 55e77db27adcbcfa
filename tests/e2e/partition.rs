//! Voters that hear nothing for a while: the minority stops deciding, and comes back to what was decided without it.

use std::time::{Duration, Instant};

use hms_client::{Client, Submission};
use hms_testnet::chaos;

use crate::mesh::Mesh;

/// MSH-14, MSH-8: a leader that is cut off from time itself (SIGSTOP) is replaced; when it wakes up it believes that it leads,
/// starts nothing, and follows. What was acknowledged before, meanwhile and after is done, once.
#[tokio::test(flavor = "multi_thread")]
#[expect(
    clippy::print_stdout,
    reason = "the time to converge is a figure that people ask for"
)]
async fn a_leader_that_slept_comes_back_to_what_was_decided_without_it() {
    let mesh = Mesh::up(3).await;
    let leader = mesh.leader().await;
    let mut tasks = vec![mesh.submit("echo", "before").await];
    chaos::pause(mesh.node(&leader)).expect("a node that runs can be paused");
    tasks.push(mesh.submit("echo", "meanwhile").await);
    let successor = mesh.leader().await;
    assert_ne!(successor, leader);

    chaos::resume(mesh.node(&leader)).expect("a paused node can be resumed");
    let woken = Instant::now();
    let gateway = mesh.node(&leader).ready.gateway.clone();
    let sleeper = Client::new(&[gateway]).expect("it is an address");
    tasks.push(mesh.submit("echo", "after").await);
    mesh.until(
        "it follows and answers as the others do",
        async |mesh: &Mesh| {
            let (Ok(here), Ok(there)) = (sleeper.status().await, mesh.client.status().await) else {
                return false;
            };
            here.leader == there.leader && there.voters_reached == 3
        },
    )
    .await;
    println!(
        "the mesh was whole again after {} ms",
        woken.elapsed().as_millis()
    );
    mesh.expect_done(&tasks).await;
}

/// MSH-14: one of three decides nothing; nothing that it was asked to do meanwhile is half done, and it goes on with the others
/// when they are back.
#[tokio::test(flavor = "multi_thread")]
async fn a_minority_decides_nothing_and_goes_on_when_the_others_are_back() {
    let mesh = Mesh::up(3).await;
    let leader = mesh.leader().await;
    let before = mesh.submit("echo", "before").await;
    mesh.expect_done(&[before]).await;
    let others = ["n1", "n2", "n3"]
        .into_iter()
        .filter(|name| *name != leader);
    let others: Vec<&str> = others.collect();
    for name in &others {
        chaos::pause(mesh.node(name)).expect("a node that runs can be paused");
    }
    let gateway = mesh.node(&leader).ready.gateway.clone();
    let alone = Client::new(&[gateway]).expect("it is an address");
    let alone = alone.within(Duration::from_secs(2));
    let skill = "echo".parse().expect("it is a name");
    let asked = alone.submit(Submission::new(skill, b"alone".to_vec()));
    asked.await.expect_err("one of three decides nothing");

    for name in &others {
        chaos::resume(mesh.node(name)).expect("a paused node can be resumed");
    }
    let after = mesh.submit("echo", "after").await;
    mesh.expect_done(&[before, after]).await;
}
