//! Agents remember, whatever happens to their nodes.

use std::collections::BTreeSet;

use hms_client::{AgentView, Client};
use hms_protocol::id::AgentId;
use hms_protocol::task::TaskState;
use hms_testnet::chaos;

use crate::mesh::{Mesh, SOON};

/// What every step of a test counts on.
const ASKED: &str = "the mesh does as the test asks";

/// The only agent with a notebook, on `n4`.
async fn spawn_scribe(mesh: &Mesh) -> AgentId {
    let nodes = mesh.nodes().await;
    let host = nodes
        .into_iter()
        .find(|node| node.member.name.as_str() == "n4");
    let host = host.expect(ASKED).member.id;
    let skills = BTreeSet::from(["notes".parse().expect(ASKED)]);
    let certificate = mesh.client.spawn(Some(host), skills, 1).await.expect(ASKED);
    certificate.agent
}

/// Works on notes, and gives what was said.
async fn note(mesh: &Mesh, input: &str) -> String {
    let task = mesh.submit("notes", input).await;
    let done = mesh.wait(task).await;
    assert_eq!(done.state, TaskState::Succeeded, "{:?}", done.history);
    String::from_utf8(done.result.expect(ASKED).result.output).expect(ASKED)
}

/// What every node says of an agent.
async fn show_everywhere(mesh: &Mesh, agent: AgentId) -> Vec<AgentView> {
    let mut views = Vec::new();
    for gateway in mesh.cluster().gateways() {
        let client = Client::new(&[gateway]).expect(ASKED).within(SOON);
        views.push(client.agent(agent).await.expect(ASKED));
    }
    views
}

/// AGT-2: an agent's node is killed and comes back. The agent knows what it was told; any node shows how much that is,
/// and nobody claims to know while its node is away.
#[tokio::test(flavor = "multi_thread")]
async fn an_agent_remembers_what_it_was_told_before_its_node_was_killed() {
    let mut mesh = Mesh::up(4).await;
    let agent = spawn_scribe(&mesh).await;
    for view in show_everywhere(&mesh, agent).await {
        assert_eq!(view.memory_bytes, Some(0));
    }
    assert_eq!(note(&mesh, "put door 4711").await, "");
    let size = Some("notes 1\ndoor 4711\n".len() as u64);
    for view in show_everywhere(&mesh, agent).await {
        assert_eq!(view.memory_bytes, size);
    }

    chaos::kill(mesh.node("n4")).unwrap();
    mesh.until("the agent's node is missed", async |mesh: &Mesh| {
        !mesh.client.agent(agent).await.unwrap().present
    })
    .await;
    assert_eq!(mesh.client.agent(agent).await.unwrap().memory_bytes, None);

    mesh.cluster_mut().restart("n4").unwrap();
    mesh.until(
        "the agent's memory is weighed again",
        async |mesh: &Mesh| mesh.client.agent(agent).await.unwrap().memory_bytes == size,
    )
    .await;
    assert_eq!(note(&mesh, "get door").await, "4711");
    for view in show_everywhere(&mesh, agent).await {
        assert_eq!((view.present, view.memory_bytes), (true, size));
    }

    mesh.client.stop(agent).await.unwrap();
    let stopped = mesh.client.agent(agent).await.unwrap();
    assert_eq!(stopped.memory_bytes, None);
}

/// AGT-2: while an agent is at work, whoever asks for it sees at what.
#[tokio::test(flavor = "multi_thread")]
async fn an_agent_shows_the_task_that_it_is_at() {
    let mesh = Mesh::up(1).await;
    let task = mesh.submit("sleep", "600000").await;
    mesh.until("an agent shows the task", async |mesh: &Mesh| {
        let agents = mesh.client.agents(None).await.unwrap();
        let mut shown = Vec::new();
        for view in agents {
            let agent = view.agent.certificate.agent;
            shown.extend(mesh.client.agent(agent).await.unwrap().running);
        }
        shown == [task]
    })
    .await;
    mesh.client.cancel(task).await.unwrap();
}
