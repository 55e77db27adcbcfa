//! What the nodes' logs tell of a task.

use hms_testnet::manifest::NodeEntry;

use crate::mesh::Mesh;

/// Tasks, so that some come to the worker.
const TASKS: usize = 24;

fn log_of(node: &NodeEntry) -> String {
    std::fs::read_to_string(&node.log_file).expect("a node writes its log there")
}

/// OBS-3: whoever looks for one task's id in the logs of all nodes finds its whole path: taken and placed by the ledger,
/// begun where its agent lives, decided.
#[tokio::test(flavor = "multi_thread")]
async fn one_id_finds_the_path_of_a_task_on_every_node() {
    let mesh = Mesh::up(4).await;
    let worker = mesh.nodes().await;
    let worker = worker.iter().find(|node| node.member.name.as_str() == "n4");
    let worker = worker.expect("it has joined").member.id;
    let mut tasks = Vec::new();
    for _ in 0..TASKS {
        tasks.push(mesh.submit("sleep", "300").await);
    }
    let done = mesh.expect_done(&tasks).await;
    let moved = done.iter().find(|task| task.attempts[0].node == worker);
    let id = moved.expect("the worker has its share").id.to_string();

    let hop = format!("task={id} attempt=1");
    let begun = log_of(mesh.node("n4"));
    let begun = begun
        .lines()
        .filter(|line| line.contains(&hop) && line.contains("run begins"));
    assert_eq!(begun.count(), 1, "{id} begins once, on n4");
    for voter in ["n1", "n2", "n3"] {
        for state in ["queued", "assigned", "succeeded"] {
            let step = format!("task={id} state=\"{state}\"");
            mesh.until(
                &format!("{voter} tells that {id} is {state}"),
                async |mesh: &Mesh| log_of(mesh.node(voter)).contains(&step),
            )
            .await;
        }
    }
}
