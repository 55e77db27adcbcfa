//! A2A-9: the schema keeps its promises. Every message, field, enum value and call stands in `hms/v1/lock.txt`; a number
//! that changes its name or type, disappears or is used again makes this test fail.
//!
//! Until 1.0 a break is allowed, but somebody has to strike the line from the lock, where a reviewer sees it. A number that
//! is given up is `reserved` in the schema and keeps its line, so that nobody takes it again.

mod lock;
mod summary;

use std::collections::BTreeMap;

use prost::Message as _;
use prost_types::{FileDescriptorProto, FileDescriptorSet};

use lock::{Break, Lock};
use summary::{Entry, Place, summarise};

const LOCK: &str = include_str!("../../hms/v1/lock.txt");

fn schema() -> FileDescriptorSet {
    FileDescriptorSet::decode(hms_proto::DESCRIPTOR_SET).expect("the build wrote it")
}

/// The schema after a change to its agent.proto.
fn changed(change: impl FnOnce(&mut FileDescriptorProto)) -> FileDescriptorSet {
    let mut schema = schema();
    let is_plans = |file: &&mut FileDescriptorProto| file.name() == "hms/v1/agent.proto";
    change(
        schema
            .file
            .iter_mut()
            .find(is_plans)
            .expect("the plan's file is there"),
    );
    schema
}

/// What a changed schema breaks of what the present one promises.
fn breaks(changed: &FileDescriptorSet) -> Vec<Break> {
    Lock::of(summarise(&schema())).compare(&summarise(changed))
}

fn lines(breaks: &[&Break]) -> String {
    let lines: Vec<String> = breaks.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

#[test]
fn the_schema_is_the_locked_one() {
    let lock = Lock::parse(LOCK).expect("the lock can be read");
    let breaks = lock.compare(&summarise(&schema()));
    let is_new = |it: &&Break| matches!(it, Break::Unlocked(_));
    let (new, broken): (Vec<_>, Vec<_>) = breaks.iter().partition(is_new);
    assert!(
        broken.is_empty(),
        "the schema breaks its promises:\n{}",
        lines(&broken)
    );
    assert!(
        new.is_empty(),
        "add these lines to proto/hms/v1/lock.txt:\n{}",
        lines(&new)
    );
}

#[test]
fn a_field_that_changes_its_type_is_noticed() {
    let schema = changed(|file| {
        let field = &mut file.message_type[0].field[1];
        field.set_type(prost_types::field_descriptor_proto::Type::Bytes);
    });
    let found = breaks(&schema);
    assert_eq!(found.len(), 1);
    assert_eq!(
        found[0].to_string(),
        "agent.AgentTask 2 was `theorem_id string` and is `theorem_id bytes`"
    );
}

#[test]
fn a_number_that_is_used_again_is_noticed() {
    let schema = changed(|file| file.message_type[0].field[1].name = Some("other".to_owned()));
    let found = breaks(&schema);
    assert_eq!(found.len(), 1);
    assert!(matches!(&found[0], Break::Changed { .. }));
}

#[test]
fn a_field_that_moves_to_another_number_is_noticed() {
    let schema = changed(|file| file.message_type[0].field[1].number = Some(99));
    let found = breaks(&schema);
    assert_eq!(found.len(), 2);
    assert!(found.iter().any(|it| matches!(it, Break::Gone { .. })));
    assert!(found.iter().any(|it| matches!(it, Break::Unlocked(_))));
}

#[test]
fn a_number_may_be_given_up_if_it_is_reserved() {
    let remove = |file: &mut FileDescriptorProto| file.message_type[0].field.remove(1);
    let schema = changed(|file| {
        remove(file);
    });
    assert!(matches!(breaks(&schema)[..], [Break::Gone { .. }]));
    let schema = changed(|file| {
        remove(file);
        let range = prost_types::descriptor_proto::ReservedRange {
            start: Some(2),
            end: Some(3),
        };
        file.message_type[0].reserved_range.push(range);
    });
    assert_eq!(breaks(&schema), []);
}

#[test]
fn an_enum_value_a_call_and_a_message_that_go_are_noticed() {
    let schema = changed(|file| {
        file.enum_type[0].value.pop();
    });
    assert!(matches!(breaks(&schema)[..], [Break::Gone { .. }]));
    let schema = changed(|file| {
        file.service[0].method.pop();
    });
    assert!(matches!(breaks(&schema)[..], [Break::Gone { .. }]));
}

#[test]
fn a_new_field_has_to_be_locked() {
    let schema = changed(|file| {
        let mut field = file.message_type[0].field[1].clone();
        field.number = Some(7);
        field.name = Some("priority".to_owned());
        file.message_type[0].field.push(field);
    });
    let found = breaks(&schema);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].to_string(), "agent.AgentTask 7 priority string");
}

/// A2A-1: what the plan prints is what the schema says, whatever the lock holds.
#[test]
fn the_plans_snippet_is_in_the_schema() {
    let entries: BTreeMap<Place, Entry> = summarise(&schema()).entries;
    let says = |owner: &str, key: &str, expected: &str| {
        let place = Place {
            owner: owner.to_owned(),
            key: key.to_owned(),
        };
        let found = entries.get(&place).map(|entry| entry.0.as_str());
        assert_eq!(found, Some(expected), "{owner} {key}");
    };
    let service = "agent.SupervisorService";
    says(service, "Ping", "agent.PingRequest -> agent.PingResponse");
    says(
        service,
        "SpawnAgent",
        "agent.SpawnAgentRequest -> agent.SpawnAgentResponse",
    );
    says(
        service,
        "SubmitProofTask",
        "agent.AgentTask -> agent.TaskStatusResponse",
    );
    says(
        service,
        "QueryTaskStatus",
        "agent.TaskStatusRequest -> agent.TaskStatusResponse",
    );
    says("agent.AgentTask", "1", "task_id string");
    says("agent.AgentTask", "2", "theorem_id string");
    says("agent.AgentTask", "3", "lean_expr bytes");
    says("agent.AgentTask", "4", "axiom_deps repeated string");
    says("agent.AgentTask", "5", "assigned_agent_id string");
    says(
        "agent.AgentTask",
        "6",
        "metadata repeated agent.AgentTask.MetadataEntry",
    );
    says("agent.AgentTask.MetadataEntry", "1", "key string");
    says("agent.AgentTask.MetadataEntry", "2", "value string");
    says("agent.ProofResult", "3", "status agent.ProofResult.Status");
    for (number, name) in ["UNKNOWN", "SUCCESS", "FAILURE", "TIMEOUT", "CANCELLED"]
        .iter()
        .enumerate()
    {
        says("agent.ProofResult.Status", &number.to_string(), name);
    }
}
