//! A2A-1, A2A-2, A2A-3, A2A-4: bytes made by Python's protobuf (`golden/make.py`) are read field by field and encoded
//! back to the same bytes.

use std::collections::BTreeMap;
use std::fmt::Debug;

use hms_proto::agent::agent_event::Payload;
use hms_proto::agent::proof_result::Status;
use hms_proto::agent::{
    AgentEvent, AgentTask, PingRequest, PingResponse, ProofResult, SpawnAgentRequest,
    SpawnAgentResponse, TaskStatus, TaskStatusRequest, TaskStatusResponse, TaskStatusUpdate,
    TaskSubmitted,
};
use prost::Message;
use prost_types::Timestamp;

macro_rules! golden {
    ($name:literal) => {
        include_bytes!(concat!("../golden/", $name, ".bin"))
    };
}

/// Both ways: the bytes are the message, and the message is the bytes.
fn check<T: Debug + Default + Message + PartialEq>(bytes: &[u8], expected: &T) {
    let decoded = T::decode(bytes).expect("the golden bytes are a message");
    assert_eq!(&decoded, expected);
    assert_eq!(expected.encode_to_vec(), bytes, "the encoding differs");
}

const TASK: &str = "0192f0c1-2345-7890-abcd-ef0123456789";
const AGENT: &str = "c0ffee00-0000-4000-8000-000000000001";

fn texts<const N: usize>(texts: [&str; N]) -> Vec<String> {
    texts.map(str::to_owned).to_vec()
}

fn task() -> AgentTask {
    let metadata = [("alpha", "first"), ("größe", "ü"), ("zeta", "last")];
    AgentTask {
        task_id: TASK.to_owned(),
        theorem_id: "pm2.43i".to_owned(),
        lean_expr: b"pm2.43i $p |- ( ph -> ps ) $= ? $.".to_vec(),
        axiom_deps: texts(["ax-mp", "ax-1", "ax-2"]),
        assigned_agent_id: AGENT.to_owned(),
        metadata: metadata
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
    }
}

fn result() -> ProofResult {
    ProofResult {
        task_id: TASK.to_owned(),
        theorem_id: "pm2.43i".to_owned(),
        status: Status::Success.into(),
        lean_proof_term: (0..=255).collect(),
        stdout: "proved\n".to_owned(),
        stderr: "warning: none\n".to_owned(),
        chain_of_thought: "apply ax-mp, then ax-2".to_owned(),
        duration_sec: 0.125,
    }
}

fn update() -> TaskStatusUpdate {
    TaskStatusUpdate {
        task_id: TASK.to_owned(),
        status: TaskStatus::Verifying.into(),
        agent_id: AGENT.to_owned(),
        attempt: 2,
        reason: "a result is in".to_owned(),
        timestamp: Some(Timestamp {
            seconds: 1_700_000_000,
            nanos: 123_000_000,
        }),
    }
}

fn event(event_id: &str, timestamp: Timestamp, payload: Payload) -> AgentEvent {
    AgentEvent {
        event_id: event_id.to_owned(),
        timestamp: Some(timestamp),
        payload: Some(payload),
    }
}

#[test]
fn an_agent_task_is_the_one_that_python_wrote() {
    check(golden!("agent_task"), &task());
    check(golden!("agent_task_empty"), &AgentTask::default());
}

#[test]
fn empty_keys_and_values_of_metadata_are_read() {
    // Python writes an empty key or value of a map, prost leaves it out: both are right, so only reading is compared.
    let decoded = AgentTask::decode(&golden!("agent_task_empty_value")[..]).unwrap();
    let metadata = ["", "key"].map(|key| (key.to_owned(), String::new()));
    assert_eq!(decoded.metadata, BTreeMap::from(metadata));
    assert_eq!(AgentTask::decode(&*decoded.encode_to_vec()), Ok(decoded));
}

#[test]
fn a_proof_result_is_the_one_that_python_wrote() {
    check(golden!("proof_result"), &result());
}

#[test]
fn every_status_of_a_proof_has_the_plans_number() {
    let statuses: [(Status, i32, &[u8]); 5] = [
        (Status::Unknown, 0, golden!("proof_result_unknown")),
        (Status::Success, 1, golden!("proof_result_success")),
        (Status::Failure, 2, golden!("proof_result_failure")),
        (Status::Timeout, 3, golden!("proof_result_timeout")),
        (Status::Cancelled, 4, golden!("proof_result_cancelled")),
    ];
    for (status, number, bytes) in statuses {
        assert_eq!(i32::from(status), number);
        let task_id = "t".to_owned();
        check(
            bytes,
            &ProofResult {
                task_id,
                status: number,
                ..ProofResult::default()
            },
        );
    }
}

#[test]
fn every_kind_of_event_is_the_one_that_python_wrote() {
    let at = |seconds, nanos| Timestamp { seconds, nanos };
    let submitted = Payload::TaskSubmitted(TaskSubmitted { task: Some(task()) });
    let bytes = golden!("agent_event_submitted");
    check(bytes, &event("17.3", at(1_700_000_000, 0), submitted));
    let moved = Payload::TaskStatusUpdate(update());
    let bytes = golden!("agent_event_moved");
    check(bytes, &event("18.0", at(1_700_000_000, 123_000_000), moved));
    // A millisecond before the epoch: negative seconds, positive nanoseconds.
    let proved = Payload::ProofResult(result());
    check(
        golden!("agent_event_proved"),
        &event("19.0", at(-1, 999_000_000), proved),
    );
}

#[test]
fn a_ping_and_its_answer_are_the_ones_that_python_wrote() {
    check(
        golden!("ping_request"),
        &PingRequest {
            client: "hms 0.1.0".to_owned(),
        },
    );
    let response = PingResponse {
        version: "0.1.0".to_owned(),
        node: "11".repeat(32),
        leader: "22".repeat(32),
        term: u64::MAX,
        role: "voter".to_owned(),
        mesh: "33".repeat(32),
        node_name: "n1".to_owned(),
    };
    check(golden!("ping_response"), &response);
}

#[test]
fn a_spawn_and_its_answer_are_the_ones_that_python_wrote() {
    let request = SpawnAgentRequest {
        skills: texts(["prove.metamath", "echo"]),
        node: "n2".to_owned(),
        slots: 300,
        agent_id: AGENT.to_owned(),
    };
    check(golden!("spawn_agent_request"), &request);
    let response = SpawnAgentResponse {
        agent_id: AGENT.to_owned(),
        node: "22".repeat(32),
        skills: texts(["echo", "prove.metamath"]),
        slots: 4,
        public_key: vec![7; 32],
    };
    check(golden!("spawn_agent_response"), &response);
}

#[test]
fn a_query_and_its_answer_are_the_ones_that_python_wrote() {
    check(
        golden!("task_status_request"),
        &TaskStatusRequest {
            task_id: TASK.to_owned(),
        },
    );
    let response = TaskStatusResponse {
        task_id: TASK.to_owned(),
        status: TaskStatus::Succeeded.into(),
        history: vec![update(), update()],
        result: Some(result()),
        task: Some(task()),
    };
    check(golden!("task_status_response"), &response);
}
