//! The leader is lost, and nothing else.

use std::time::Duration;

use hms_testnet::chaos;

use crate::mesh::Mesh;

/// MSH-8, SUP-5, A2A-8, TX-E01: kill -9 of the leader under load. Whatever was acknowledged is done, once; any node's
/// address still works; the killed node comes back.
#[tokio::test(flavor = "multi_thread")]
async fn killing_the_leader_under_load_loses_nothing() {
    let mut mesh = Mesh::up(5).await;
    let leader = mesh.leader().await;
    let mut tasks = Vec::new();
    for number in 0..60 {
        if number == 30 {
            chaos::kill(mesh.node(&leader)).unwrap();
        }
        tasks.push(mesh.submit("sleep", "50").await);
    }
    let successor = mesh.leader().await;
    assert_ne!(successor, leader);
    mesh.expect_done(&tasks).await;

    mesh.cluster_mut().restart(&leader).unwrap();
    mesh.until("the killed node is alive again", async |mesh: &Mesh| {
        let nodes = mesh.nodes().await;
        let back = nodes
            .iter()
            .find(|node| node.member.name.as_str() == leader);
        back.is_some_and(|node| {
            node.condition == hms_client::Condition::Alive && node.member.incarnation.0 == 2
        })
    })
    .await;
}

/// MSH-10, DAT-1, AGT-1: every node is killed at once and started again. Tasks, members and agents are the same.
#[tokio::test(flavor = "multi_thread")]
async fn killing_every_node_at_once_loses_nothing() {
    let mut mesh = Mesh::up(3).await;
    let mut tasks = Vec::new();
    for number in 0..20 {
        tasks.push(mesh.submit("echo", &number.to_string()).await);
    }
    mesh.expect_done(&tasks).await;
    mesh.until("every node has an agent", async |mesh: &Mesh| {
        mesh.client
            .agents(None)
            .await
            .is_ok_and(|agents| agents.len() == 3)
    })
    .await;
    let ids = |agents: Vec<hms_client::AgentView>| {
        let mut ids: Vec<_> = agents
            .iter()
            .map(|view| view.agent.certificate.agent)
            .collect();
        ids.sort();
        ids
    };
    let before = ids(mesh.client.agents(None).await.unwrap());

    for name in ["n1", "n2", "n3"] {
        chaos::kill(mesh.node(name)).unwrap();
    }
    for name in ["n1", "n2", "n3"] {
        mesh.cluster_mut().restart(name).unwrap();
    }
    mesh.leader().await;
    mesh.expect_done(&tasks).await;
    assert_eq!(ids(mesh.client.agents(None).await.unwrap()), before);
    let later = mesh.submit("echo", "after").await;
    mesh.expect_done(&[later]).await;
}

/// SUP-2, A2A-8: every node answers a ping and takes calls, whoever leads.
#[tokio::test(flavor = "multi_thread")]
async fn any_nodes_address_works() {
    let mesh = Mesh::up(4).await;
    let leader = mesh.leader().await;
    for gateway in mesh.cluster().gateways() {
        let client = hms_client::Client::new(&[gateway])
            .unwrap()
            .within(Duration::from_secs(20));
        // A worker hears of the leader a moment after it has joined.
        mesh.until("the node knows who leads", async |_: &Mesh| {
            client.ping().await.is_ok_and(|pong| pong.leader.is_some())
        })
        .await;
        let nodes = client.nodes().await.unwrap();
        let leads = nodes.iter().find(|node| node.leads).unwrap();
        assert_eq!(leads.member.name.as_str(), leader);
    }
}
