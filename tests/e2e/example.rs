//! The example of README: a node whose agents have a skill that HMS does not know.

use std::time::Duration;

use hms_node::agent::SkillSet;
use hms_node::config::{Config, Settings};
use hms_node::makeup::Makeup;
use hms_node::node::run;
use hms_protocol::member::Role;
use tokio_util::sync::CancellationToken;

use crate::mesh::Mesh;

#[path = "../../node/examples/counter.rs"]
#[expect(
    dead_code,
    reason = "here the node runs beside a test and not as a program"
)]
mod counter;

/// AGT-3: an agent from outside the core crates joins a mesh and does work for it, and nobody else can.
#[tokio::test(flavor = "multi_thread")]
async fn an_agent_from_outside_answers_a_task_of_the_mesh() {
    let mesh = Mesh::up(1).await;
    let founder = mesh.node("n1").data_dir.join("ready.json");
    let told = std::fs::read(founder).expect("the founder is ready");
    let told: serde_json::Value = serde_json::from_slice(&told).expect("it is written as a whole");
    let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
    let folder = tempfile::tempdir().expect("a folder");
    let config = Config::check(Settings {
        data_dir: Some(folder.path().to_owned()),
        name: Some("outside".to_owned()),
        join: Some(text(&told["addresses"][0]).into_iter().collect()),
        token: mesh.cluster().invite(Role::Worker).ok(),
        role: Some("worker".to_owned()),
        ..Settings::default()
    })
    .expect("the settings are right");

    let skills = SkillSet::default().with(counter::Words);
    let stop = CancellationToken::new();
    let life = tokio::spawn(run(config, Makeup::skilled(skills), stop.clone()));
    let task = mesh.submit("words", "how many are these").await;
    let done = mesh.expect_done(&[task]).await;
    let result = &done[0]
        .result
        .as_ref()
        .expect("a task that is done has a result")
        .result;
    assert_eq!(result.output, b"4");
    let by = mesh.nodes().await;
    let by = by
        .iter()
        .find(|node| node.member.id == done[0].attempts[0].node);
    assert_eq!(
        by.map(|node| node.member.name.to_string()),
        Some("outside".to_owned())
    );

    stop.cancel();
    let ended = tokio::time::timeout(Duration::from_secs(30), life).await;
    ended
        .expect("it stops in time")
        .expect("it does not panic")
        .expect("it stops cleanly");
}
