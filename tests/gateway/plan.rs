//! The plan's own protocol, spoken by a client that knows nothing else.

use hms_proto::agent::agent_event::Payload;
use hms_proto::agent::proof_result::Status as ProofStatus;
use hms_proto::agent::supervisor_service_client::SupervisorServiceClient;
use hms_proto::agent::{
    AgentTask, PingRequest, SpawnAgentRequest, TaskStatus, TaskStatusRequest, TaskStatusResponse,
};
use hms_proto::v1::WatchTaskRequest;
use hms_proto::v1::mesh_client::MeshClient;
use hms_protocol::id::TaskId;
use tonic::Code;
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use crate::host::{Host, until};

/// Work for the skill `echo`, in the words of the plan.
fn echo() -> AgentTask {
    AgentTask {
        theorem_id: "id".to_owned(),
        lean_expr: b"hello".to_vec(),
        metadata: [
            ("skill".to_owned(), "echo".to_owned()),
            ("who".to_owned(), "me".to_owned()),
        ]
        .into(),
        ..AgentTask::default()
    }
}

async fn finish(
    supervisor: &mut SupervisorServiceClient<Channel>,
    task_id: &str,
) -> TaskStatusResponse {
    let mut found = None;
    until("the task is final", async || {
        let request = TaskStatusRequest {
            task_id: task_id.to_owned(),
        };
        let status = supervisor
            .query_task_status(request)
            .await
            .expect("the task is known")
            .into_inner();
        let done = status
            .result
            .as_ref()
            .is_some_and(|it| it.status() != ProofStatus::Unknown);
        found = Some(status);
        done
    })
    .await;
    found.expect("just found")
}

/// SUP-1, A2A-1: a foreign client finds the four calls of the plan by reflection, on any node.
#[tokio::test(flavor = "multi_thread")]
async fn the_four_calls_are_found_by_reflection_and_the_node_is_healthy() {
    let host = Host::found().await;
    host.client().await;
    let mut reflection = ServerReflectionClient::new(host.channel().await);
    let wanted = MessageRequest::FileContainingSymbol("agent.SupervisorService".to_owned());
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(wanted),
    };
    let mut replies = reflection
        .server_reflection_info(tokio_stream::iter([request]))
        .await
        .unwrap()
        .into_inner();
    let reply = replies
        .message()
        .await
        .unwrap()
        .unwrap()
        .message_response
        .unwrap();
    let MessageResponse::FileDescriptorResponse(files) = reply else {
        panic!("{reply:?}")
    };
    let schema = files.file_descriptor_proto.concat();
    let schema = String::from_utf8_lossy(&schema);
    for call in ["Ping", "SpawnAgent", "SubmitProofTask", "QueryTaskStatus"] {
        assert!(schema.contains(call), "{call} is not served");
    }

    let mut health = HealthClient::new(host.channel().await);
    for service in ["", "agent.SupervisorService", "hms.v1.Mesh"] {
        let request = HealthCheckRequest {
            service: service.to_owned(),
        };
        let reply = health.check(request).await.unwrap().into_inner();
        assert_eq!(reply.status(), ServingStatus::Serving, "{service:?}");
    }
    host.stop().await;
}

/// SUP-4, SUP-5, A2A-2, A2A-3: a task of the plan is taken at once, and its status tells its state, history and result.
#[tokio::test(flavor = "multi_thread")]
async fn a_task_of_the_plan_runs_to_its_result() {
    let founder = Host::found().await;
    let worker = founder.worker().await;
    founder.client().await;
    let mut supervisor = SupervisorServiceClient::new(worker.channel().await);

    let ping = supervisor
        .ping(PingRequest::default())
        .await
        .unwrap()
        .into_inner();
    assert_eq!(
        (ping.node, ping.role.as_str()),
        (worker.ready.node.clone(), "worker")
    );

    let taken = supervisor
        .submit_proof_task(echo())
        .await
        .unwrap()
        .into_inner();
    assert_ne!(taken.status(), TaskStatus::Unspecified);
    let status = finish(&mut supervisor, &taken.task_id).await;
    assert_eq!(status.status(), TaskStatus::Succeeded);
    let (first, last) = (&status.history[0], status.history.last().unwrap());
    assert_eq!(
        (first.status(), last.status()),
        (TaskStatus::Submitted, TaskStatus::Succeeded)
    );
    assert_eq!((first.attempt, last.attempt), (0, 1));
    let result = status.result.unwrap();
    assert_eq!(
        (result.status(), result.lean_proof_term.as_slice()),
        (ProofStatus::Success, &b"hello"[..])
    );
    let task = status.task.unwrap();
    assert_eq!(
        (task.theorem_id.as_str(), task.metadata["who"].as_str()),
        ("id", "me")
    );
    worker.stop().await;
    founder.stop().await;
}

/// A2A-4: the stream of one task replays its full life in order.
#[tokio::test(flavor = "multi_thread")]
async fn the_events_of_a_task_are_its_life_in_order() {
    let host = Host::found().await;
    host.client().await;
    let mut supervisor = SupervisorServiceClient::new(host.channel().await);
    let taken = supervisor
        .submit_proof_task(echo())
        .await
        .unwrap()
        .into_inner();
    finish(&mut supervisor, &taken.task_id).await;

    let task: TaskId = taken.task_id.parse().unwrap();
    let request = WatchTaskRequest {
        task: task.as_bytes().to_vec(),
        after: None,
    };
    let mut mesh = MeshClient::new(host.channel().await);
    let mut stream = mesh.stream_task_events(request).await.unwrap().into_inner();
    let mut events = Vec::new();
    while let Some(event) = stream.message().await.unwrap() {
        events.push(event);
    }

    let payload = |place: usize| events[place].payload.clone().unwrap();
    assert!(
        matches!(payload(0), Payload::TaskSubmitted(it) if it.task.as_ref().is_some_and(|task| task.task_id == taken.task_id))
    );
    assert!(
        matches!(payload(events.len() - 1), Payload::ProofResult(it) if it.status() == ProofStatus::Success)
    );
    for event in &events[1..events.len() - 1] {
        assert!(
            matches!(event.payload, Some(Payload::TaskStatusUpdate(_))),
            "{event:?}"
        );
    }
    let mut ids: Vec<&str> = events.iter().map(|event| event.event_id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), events.len(), "every event has its own id");
    host.stop().await;
}

/// A2A-3: each of the five statuses is reached by a real task.
#[tokio::test(flavor = "multi_thread")]
async fn every_status_is_reached_by_a_real_task() {
    let host = Host::found().await;
    let client = host.client().await;
    let mut supervisor = SupervisorServiceClient::new(host.channel().await);
    let task = |skill: &str, input: &str, options: &[(&str, &str)]| {
        let mut task = AgentTask {
            lean_expr: input.as_bytes().to_vec(),
            ..AgentTask::default()
        };
        task.metadata.insert("skill".to_owned(), skill.to_owned());
        for (key, value) in options {
            task.metadata.insert((*key).to_owned(), (*value).to_owned());
        }
        task
    };

    let slow = task("sleep", "600000", &[]);
    let running = supervisor
        .submit_proof_task(slow.clone())
        .await
        .unwrap()
        .into_inner();
    assert_eq!(running.result.unwrap().status(), ProofStatus::Unknown);
    client
        .cancel(running.task_id.parse().unwrap())
        .await
        .unwrap();
    let cancelled = finish(&mut supervisor, &running.task_id).await;
    assert_eq!(cancelled.result.unwrap().status(), ProofStatus::Cancelled);

    let late = task("sleep", "600000", &[("within_ms", "300")]);
    let late = supervisor
        .submit_proof_task(late)
        .await
        .unwrap()
        .into_inner();
    let late = finish(&mut supervisor, &late.task_id).await;
    assert_eq!(late.result.unwrap().status(), ProofStatus::Timeout);

    let wrong = task("sleep", "not a number", &[("attempts", "1")]);
    let wrong = supervisor
        .submit_proof_task(wrong)
        .await
        .unwrap()
        .into_inner();
    let wrong = finish(&mut supervisor, &wrong.task_id).await;
    assert_eq!(wrong.result.unwrap().status(), ProofStatus::Failure);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_plan_cannot_mean_is_refused_by_field() {
    let host = Host::found().await;
    host.client().await;
    let mut supervisor = SupervisorServiceClient::new(host.channel().await);

    let refused = supervisor
        .submit_proof_task(AgentTask::default())
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(refused.message().contains("metadata.base"), "{refused}");
    let request = TaskStatusRequest {
        task_id: "nonsense".to_owned(),
    };
    let refused = supervisor.query_task_status(request).await.unwrap_err();
    assert_eq!(refused.metadata().get("hms-code").unwrap(), "HMS-INVALID");
    let request = SpawnAgentRequest {
        node: "nobody".to_owned(),
        ..SpawnAgentRequest::default()
    };
    let refused = supervisor.spawn_agent(request).await.unwrap_err();
    assert!(refused.message().contains("nobody"), "{refused}");

    let request = SpawnAgentRequest {
        skills: vec!["echo".to_owned()],
        ..SpawnAgentRequest::default()
    };
    let spawned = supervisor.spawn_agent(request).await.unwrap().into_inner();
    assert_eq!(
        (spawned.node, spawned.skills),
        (host.ready.node.clone(), vec!["echo".to_owned()])
    );
    host.stop().await;
}
