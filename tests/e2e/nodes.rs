//! Nodes that host agents are lost, paused and resumed.

use std::net::{TcpListener, TcpStream};

use hms_client::{Client, Condition, Submission};
use hms_protocol::task::{AttemptEnd, TaskState};
use hms_testnet::process::Pulse;
use hms_testnet::{Cluster, Plan, chaos};

use crate::mesh::{Mesh, SOON};

/// SUP-8, SUP-9: the node of a running agent is killed. The task ends successfully elsewhere, with the second attempt.
#[tokio::test(flavor = "multi_thread")]
async fn killing_an_agents_node_moves_its_tasks() {
    let mesh = Mesh::up(4).await;
    let mut tasks = Vec::new();
    for _ in 0..24 {
        tasks.push(mesh.submit("sleep", "3000").await);
    }
    let worker = mesh
        .nodes()
        .await
        .into_iter()
        .find(|node| node.member.name.as_str() == "n4");
    let worker = worker.unwrap().member.id;
    mesh.until("the worker holds a task", async |mesh: &Mesh| {
        for task in &tasks {
            let task = mesh.client.task(*task).await.unwrap();
            if task.attempts.iter().any(|attempt| attempt.node == worker) {
                return true;
            }
        }
        false
    })
    .await;
    chaos::kill(mesh.node("n4")).unwrap();

    let done = mesh.expect_done(&tasks).await;
    let moved: Vec<_> = done
        .iter()
        .filter(|task| task.attempts[0].node == worker)
        .collect();
    assert!(!moved.is_empty());
    for task in moved {
        let first = task.attempts[0].ended.as_ref().unwrap().1;
        assert_eq!(first, AttemptEnd::NodeLost);
        assert_eq!(task.attempts.len(), 2);
        assert_ne!(task.attempts[1].node, worker);
    }
}

/// MSH-6, AGT-4: a paused node is suspected and then dead, also to the mesh, and its agents are lost with it; resumed, it
/// refutes that and works again.
#[tokio::test(flavor = "multi_thread")]
async fn a_paused_node_comes_back() {
    let mesh = Mesh::up(4).await;
    mesh.until("every node has an agent", async |mesh: &Mesh| {
        let agents = mesh.client.agents(None).await;
        agents.is_ok_and(|agents| agents.len() == 4)
    })
    .await;
    chaos::pause(mesh.node("n4")).unwrap();
    let condition = async |mesh: &Mesh, wanted: Condition| {
        let nodes = mesh.nodes().await;
        nodes
            .iter()
            .any(|node| node.member.name.as_str() == "n4" && node.condition == wanted)
    };
    mesh.until("the paused node is dead", |mesh| {
        condition(mesh, Condition::Dead)
    })
    .await;
    let agents = async |mesh: &Mesh, present: bool| {
        let nodes = mesh.nodes().await;
        let mut paused = nodes.iter();
        let paused = paused.find(|node| node.member.name.as_str() == "n4");
        let Some(paused) = paused.map(|node| node.member.id) else {
            return false;
        };
        let agents = mesh.client.agents(None).await.unwrap_or_default();
        let (its, others): (Vec<_>, Vec<_>) = agents
            .iter()
            .partition(|view| view.agent.certificate.node == paused);
        let as_told = its.iter().all(|view| view.present == present);
        !its.is_empty() && as_told && others.len() == 3 && others.iter().all(|view| view.present)
    };
    mesh.until(
        "the agents of the paused node are lost, and no others",
        |mesh| agents(mesh, false),
    )
    .await;
    chaos::resume(mesh.node("n4")).unwrap();
    mesh.until("the resumed node is alive", |mesh| {
        condition(mesh, Condition::Alive)
    })
    .await;
    mesh.until("its agents are there again", |mesh| agents(mesh, true))
        .await;
}

/// MSH-2, MSH-8: while a voter is down somebody takes its ports. It comes back on others, and the mesh learns of them.
#[tokio::test(flavor = "multi_thread")]
async fn a_voter_whose_ports_were_taken_is_found_at_its_new_ones() {
    let mut mesh = Mesh::up(3).await;
    let gateway_of = async |mesh: &Mesh| {
        let nodes = mesh.nodes().await;
        let node = nodes
            .into_iter()
            .find(|node| node.member.name.as_str() == "n3");
        node.map(|node| node.member.gateway)
    };
    let former = gateway_of(&mesh).await.unwrap();
    chaos::kill(mesh.node("n3")).unwrap();
    let _taken = TcpListener::bind(&former).unwrap();
    mesh.cluster_mut().restart("n3").unwrap();

    mesh.until("the roster has the new address", async |mesh: &Mesh| {
        let gateway = gateway_of(mesh).await;
        gateway.is_some_and(|gateway| gateway != former)
    })
    .await;
    let gateway = gateway_of(&mesh).await.unwrap();
    let client = Client::new(&[gateway]).unwrap();
    client.status().await.unwrap();
}

/// MSH-16: what was brought up is a working mesh; taken down, it leaves no process and no port.
#[tokio::test(flavor = "multi_thread")]
async fn a_mesh_that_is_taken_down_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let plan = Plan::new(folder.path().to_owned(), 2).unwrap();
    let cluster = Cluster::up(&plan, |_, _| {}).unwrap();
    let client = Client::new(&cluster.gateways()).unwrap().within(SOON);
    let work = Submission::new("echo".parse().unwrap(), b"hello".to_vec());
    let task = client.submit(work).await.unwrap().task;
    let done = client.wait(task, Some(SOON)).await.unwrap();
    assert_eq!(done.state, TaskState::Succeeded);

    let nodes = cluster.nodes().to_vec();
    cluster.down().unwrap();
    for node in nodes {
        assert_eq!(node.process.pulse(), Pulse::Gone, "{}", node.name);
        for port in [&node.ready.gateway, &node.ready.metrics] {
            assert!(TcpStream::connect(port).is_err(), "{port} is still open");
        }
        assert!(!node.data_dir.join("ready.json").exists());
    }
}
