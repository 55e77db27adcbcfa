//! Meshes of one node and of two: less than survives a loss, but meshes all the same.

use hms_testnet::chaos;

use crate::mesh::Mesh;

/// Takes work, loses every node at once, and goes on with everything that it had.
async fn work_and_come_back(nodes: u32) {
    let mut mesh = Mesh::up(nodes).await;
    let before = [
        mesh.submit("echo", "before").await,
        mesh.submit("sleep", "50").await,
    ];
    mesh.expect_done(&before).await;
    let acknowledged = mesh.submit("sleep", "2000").await;

    let names: Vec<String> = (1..=nodes).map(hms_testnet::Plan::name_of).collect();
    for name in &names {
        chaos::kill(mesh.node(name)).expect("a node that runs can be killed");
    }
    for name in &names {
        let back = mesh.cluster_mut().restart(name);
        back.expect("a node that was killed comes back");
    }
    mesh.leader().await;
    let after = mesh.submit("echo", "after").await;
    mesh.expect_done(&[before[0], before[1], acknowledged, after])
        .await;
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    mesh.until_all_list(&names).await;
}

/// MSH-2, MSH-10, DAT-1: a founder alone takes and finishes work, also after it was killed.
#[tokio::test(flavor = "multi_thread")]
async fn a_founder_alone_works_and_comes_back() {
    work_and_come_back(1).await;
}

/// MSH-2, MSH-10, DAT-1: two nodes, both of which vote, take and finish work, also after both were killed.
#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_work_and_come_back() {
    work_and_come_back(2).await;
}
