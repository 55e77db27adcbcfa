//! Calls at any node: they find the leader, mean the same when repeated, and fail with a code.

use std::time::Duration;

use hms_client::{ClientError, Declaration, Submission, TaskQuery};
use hms_protocol::id::TaskId;
use hms_protocol::service::ServiceSpec;
use hms_protocol::task::TaskState;
use hms_protocol::time::Moment;

use crate::host::{Host, until};

fn echo(text: &str) -> Submission {
    Submission::new("echo".parse().expect("a skill"), text.as_bytes().to_vec())
}

/// A2A-8, SUP-2: a worker has no ledger, and its gateway serves the whole mesh all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_at_a_worker_is_answered_by_the_leader() {
    let founder = Host::found().await;
    let worker = founder.worker().await;
    let client = worker.client().await;

    let ping = client.ping().await.unwrap();
    assert_eq!(ping.node.to_string(), worker.ready.node);
    let leader = ping.leader.expect("it has answered, so somebody leads");
    assert_eq!(leader.to_string(), founder.ready.node);
    let answering = founder.client().await.ping().await.unwrap();
    assert_eq!(
        (answering.leader, answering.version),
        (Some(leader), ping.version)
    );

    let submitted = client.submit(echo("hello")).await.unwrap();
    let task = client
        .wait(submitted.task, Some(Duration::from_mins(1)))
        .await
        .unwrap();
    assert_eq!(task.state, TaskState::Succeeded);
    assert_eq!(task.via, ping.node);
    assert_eq!(task.result.unwrap().result.output, b"hello");

    let seen_there = founder.client().await.task(submitted.task).await.unwrap();
    assert_eq!(seen_there.state, TaskState::Succeeded);
    worker.stop().await;
    founder.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_key_and_one_id_are_one_task() {
    let host = Host::found().await;
    let client = host.client().await;

    let keyed = || {
        let mut submission = echo("once");
        submission.idempotency_key = Some("key".to_owned());
        submission
    };
    let first = client.submit(keyed()).await.unwrap();
    let second = client.submit(keyed()).await.unwrap();
    assert_eq!((first.task, first.fresh), (second.task, true));
    assert!(!second.fresh);

    let same = echo("again");
    let first = client.submit(same.clone()).await.unwrap();
    let mut other = same;
    other.task = first.task;
    other.input = b"something else".to_vec();
    let refused = client.submit(other).await.unwrap_err();
    assert_eq!(refused.code(), "HMS-TASK-EXISTS");

    let page = client.tasks(TaskQuery::default()).await.unwrap();
    assert_eq!(page.total, 2);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_come_page_by_page_newest_first_and_without_bulk() {
    let host = Host::found().await;
    let client = host.client().await;
    let mut submitted = Vec::new();
    for number in 0..5 {
        let task = client
            .submit(echo(&format!("number {number}")))
            .await
            .unwrap()
            .task;
        client
            .wait(task, Some(Duration::from_mins(1)))
            .await
            .unwrap();
        submitted.insert(0, task);
    }

    let mut query = TaskQuery {
        page_size: 2,
        ..TaskQuery::default()
    };
    let mut listed: Vec<TaskId> = Vec::new();
    loop {
        let page = client.tasks(query.clone()).await.unwrap();
        assert!(page.entries.len() <= 2 && page.total == 5);
        for task in &page.entries {
            assert!(task.spec.input.is_empty());
            assert!(task.result.as_ref().unwrap().result.output.is_empty());
            listed.push(task.id);
        }
        query.after = page.next;
        if query.after.is_none() {
            break;
        }
    }
    assert_eq!(listed, submitted);

    let blocked = TaskQuery {
        state: Some("blocked".to_owned()),
        ..TaskQuery::default()
    };
    assert_eq!(client.tasks(blocked).await.unwrap().total, 0);
    host.stop().await;
}

/// What nobody can do is refused or blocked, with a reason, and the node goes on.
#[tokio::test(flavor = "multi_thread")]
async fn bad_requests_are_refused_with_a_code_and_a_hint() {
    let host = Host::found().await;
    let client = host.client().await;
    let check = |outcome: Result<(), ClientError>, code: &str| {
        let error = outcome.expect_err(code);
        assert_eq!(error.code(), code, "{error}");
        assert!(!error.hint().is_empty(), "{code} has no hint");
    };

    let mut late = echo("too late");
    late.deadline = Some(Moment(1));
    check(client.submit(late).await.map(drop), "HMS-DEADLINE-PASSED");
    let mut greedy = echo("too often");
    greedy.attempts = Some(1_000);
    check(client.submit(greedy).await.map(drop), "HMS-OUT-OF-RANGE");
    let nobody = TaskId::from_bytes([9; 16]);
    check(client.task(nobody).await.map(drop), "HMS-UNKNOWN-TASK");
    check(client.cancel(nobody).await, "HMS-UNKNOWN-TASK");
    check(
        client.wait(nobody, None).await.map(drop),
        "HMS-UNKNOWN-TASK",
    );
    check(
        client.withdraw(&"nothing".parse().unwrap()).await,
        "HMS-UNKNOWN-SERVICE",
    );

    let strange = Submission::new("no.such.skill".parse().unwrap(), Vec::new());
    let task = client.submit(strange).await.unwrap().task;
    until("the task is blocked", async || {
        matches!(
            client.task(task).await.unwrap().state,
            TaskState::Blocked(_)
        )
    })
    .await;
    let explanation = client.explain(task).await.unwrap();
    assert!(
        explanation.summary.contains("no.such.skill"),
        "{}",
        explanation.summary
    );
    client.cancel(task).await.unwrap();
    client
        .cancel(task)
        .await
        .expect("cancelling twice is not an error");
    host.stop().await;
}

/// SUP-3: an agent is spawned where it was asked for, is listed as ready, and stops for good.
#[tokio::test(flavor = "multi_thread")]
async fn agents_come_and_go_on_command() {
    let founder = Host::found().await;
    let worker = founder.worker().await;
    let client = founder.client().await;
    let there = worker.ready.node.parse().unwrap();

    let skills = ["echo".parse().unwrap()].into();
    let spawned = client.spawn(Some(there), skills, 2).await.unwrap();
    assert_eq!((spawned.node, spawned.slots), (there, 2));
    let view = client.agent(spawned.agent).await.unwrap();
    assert!(view.present);
    let listed = client.agents(Some(there)).await.unwrap();
    assert!(
        listed
            .iter()
            .any(|view| view.agent.certificate.agent == spawned.agent)
    );

    client.stop(spawned.agent).await.unwrap();
    let stopped = client.agent(spawned.agent).await.unwrap();
    assert_eq!(
        stopped.agent.standing,
        hms_protocol::agent::AgentStanding::Stopped
    );
    worker.stop().await;
    founder.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn declaring_services_tells_what_changes_and_a_dry_run_changes_nothing() {
    let host = Host::found().await;
    let client = host.client().await;
    let web = |interval_ms| ServiceSpec {
        name: "web".parse().unwrap(),
        probe: "probe.tcp".parse().unwrap(),
        target: [("address".to_owned(), "127.0.0.1:1".to_owned())].into(),
        interval_ms,
        timeout_ms: 500,
        retries: 0,
        probers: 1,
        quorum: 1,
        nodes: Vec::new(),
    };

    let planned = client.declare(&[web(1_000)], true).await.unwrap();
    assert_eq!(planned[0].what, Declaration::Added);
    assert!(client.services().await.unwrap().is_empty());
    let declared = client.declare(&[web(1_000)], false).await.unwrap();
    assert_eq!(
        (declared[0].what, declared[0].revision != 0),
        (Declaration::Added, true)
    );
    let again = client.declare(&[web(1_000)], false).await.unwrap();
    assert_eq!(again[0].what, Declaration::Unchanged);
    let changed = client.declare(&[web(2_000)], false).await.unwrap();
    assert_eq!(changed[0].differences, ["interval: 1000 ms -> 2000 ms"]);
    let twice = client.declare(&[web(1), web(2)], false).await.unwrap_err();
    assert_eq!(twice.code(), "HMS-INVALID");

    assert_eq!(
        client.service(&"web".parse().unwrap()).await.unwrap().spec,
        web(2_000)
    );
    client.withdraw(&"web".parse().unwrap()).await.unwrap();
    assert!(client.services().await.unwrap().is_empty());
    host.stop().await;
}

/// A token lets one node in, once: without one, with that of another mesh, or with a used one, nobody comes in.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_without_a_good_token_is_not_let_in() {
    let (founder, other) = (Host::found().await, Host::found().await);
    founder.client().await;
    let used = founder.invite();
    let member = Host::start(founder.joining(Some(used.clone()))).await;
    let member = member.expect("the right token lets it in");
    for (token, code) in [
        (None, "HMS-TOKEN-MISSING"),
        (Some(other.invite()), "HMS-TOKEN-OTHER-MESH"),
        (Some(used), "HMS-TOKEN-USED"),
    ] {
        let Err(refused) = Host::start(founder.joining(token)).await else {
            panic!("it was let in")
        };
        assert_eq!(refused.code(), code, "{refused}");
    }
    member.stop().await;
    founder.stop().await;
    other.stop().await;
}
