//! What the wire may hold and a value may not: each is refused with the field's name and the reason's code.

use hms_proto::v1;
use hms_protocol::agent::AgentCertificate;
use hms_protocol::codec::bundle::Bundle;
use hms_protocol::codec::{self, CodecError, Wire};
use hms_protocol::heartbeat::{HEARTBEAT_CHANGES_MAX, Heartbeat};
use hms_protocol::limits;
use hms_protocol::peer::{Announcement, PeerMessage, Run};
use hms_protocol::refusal::Refusal;
use hms_protocol::service::{Observation, Service};
use hms_protocol::task::{Report, TaskSpec, TaskState};
use hms_protocol::verdict::Finding;
use prost::Message as _;

fn spec() -> v1::TaskSpec {
    v1::TaskSpec {
        kind: v1::TaskKind::Work.into(),
        skill: "echo".to_owned(),
        input: b"hello".to_vec(),
        deadline_ms: 1,
        attempt_ms: 1,
        attempts_max: 1,
        verification: v1::Verification::Reported.into(),
        ..v1::TaskSpec::default()
    }
}

fn observation() -> v1::Observation {
    v1::Observation {
        service: "web".to_owned(),
        node: vec![1; 32],
        sight: v1::Sight::Up.into(),
        ..v1::Observation::default()
    }
}

fn error_of<T: Wire>(message: T::Message) -> (&'static str, &'static str) {
    let error = T::from_wire(message)
        .err()
        .expect("the message was accepted");
    (error.code(), error.field())
}

fn check_spec(change: impl FnOnce(&mut v1::TaskSpec), code: &str, field: &str) {
    assert!(TaskSpec::from_wire(spec()).is_ok());
    let mut message = spec();
    change(&mut message);
    assert_eq!(error_of::<TaskSpec>(message), (code, field));
}

#[test]
fn a_task_without_its_parts_is_refused() {
    check_spec(|it| it.kind = 0, "HMS-CODEC-UNKNOWN", "task.kind");
    check_spec(|it| it.kind = 77, "HMS-CODEC-UNKNOWN", "task.kind");
    check_spec(
        |it| it.verification = -1,
        "HMS-CODEC-UNKNOWN",
        "task.verification",
    );
    check_spec(|it| it.skill.clear(), "HMS-CODEC-NAME", "task.skill");
    check_spec(
        |it| it.skill = "Echo".to_owned(),
        "HMS-CODEC-NAME",
        "task.skill",
    );
    check_spec(|it| it.priority = 256, "HMS-CODEC-RANGE", "task.priority");
}

#[test]
fn a_task_beyond_its_bounds_is_refused() {
    let too_long = "x".repeat(limits::LABEL_BYTES_MAX + 1);
    let many = || (0..=limits::LABELS_MAX).map(|number| number.to_string());
    check_spec(
        |it| it.input = vec![0; limits::TASK_INPUT_BYTES_MAX + 1],
        "HMS-CODEC-TOO-LONG",
        "task.input",
    );
    check_spec(
        |it| it.idempotency_key = Some("k".repeat(limits::IDEMPOTENCY_KEY_BYTES_MAX + 1)),
        "HMS-CODEC-TOO-LONG",
        "task.idempotency_key",
    );
    check_spec(
        |it| it.needs = many().collect(),
        "HMS-CODEC-TOO-MANY",
        "task.needs",
    );
    check_spec(
        |it| it.needs = vec![too_long.clone()],
        "HMS-CODEC-TOO-LONG",
        "task.needs",
    );
    check_spec(
        |it| it.labels = many().map(|key| (key, String::new())).collect(),
        "HMS-CODEC-TOO-MANY",
        "task.labels",
    );
    check_spec(
        |it| it.labels = [("key".to_owned(), too_long.clone())].into(),
        "HMS-CODEC-TOO-LONG",
        "task.labels",
    );
}

#[test]
fn a_set_decodes_in_any_order_and_refuses_a_repeat() {
    let with_needs = |needs: [&str; 2]| {
        let needs = needs.map(str::to_owned).to_vec();
        TaskSpec::from_wire(v1::TaskSpec { needs, ..spec() })
    };
    assert_eq!(with_needs(["a", "b"]), with_needs(["b", "a"]));
    let error = with_needs(["a", "a"]).unwrap_err();
    assert_eq!(
        error,
        CodecError::Repeated {
            field: "task.needs"
        }
    );
}

#[test]
fn a_map_of_opinions_decodes_in_any_order_and_refuses_a_repeat() {
    let from = |nodes: [u8; 2]| {
        let opinion = |node| v1::Observation {
            node: vec![node; 32],
            ..observation()
        };
        Service::from_wire(v1::Service {
            spec: Some(v1::ServiceSpec {
                name: "web".to_owned(),
                probe: "probe.http".to_owned(),
                ..v1::ServiceSpec::default()
            }),
            observations: nodes.map(opinion).to_vec(),
            health: v1::Health::Healthy.into(),
            ..v1::Service::default()
        })
    };
    assert!(from([1, 2]).is_ok());
    assert_eq!(from([1, 2]), from([2, 1]));
    let error = from([1, 1]).unwrap_err();
    assert_eq!(
        error,
        CodecError::Repeated {
            field: "service.observations"
        }
    );
}

#[test]
fn an_identifier_of_the_wrong_length_is_refused() {
    let bytes = v1::Observation {
        node: vec![1; 31],
        ..observation()
    };
    assert_eq!(
        error_of::<Observation>(bytes),
        ("HMS-CODEC-LENGTH", "observation.node")
    );
    let report = v1::Report {
        task: vec![1; 17],
        ..v1::Report::default()
    };
    assert_eq!(
        error_of::<Report>(report),
        ("HMS-CODEC-LENGTH", "report.task")
    );
    let certificate = v1::AgentCertificate::default();
    let expected = ("HMS-CODEC-LENGTH", "certificate.agent");
    assert_eq!(error_of::<AgentCertificate>(certificate), expected);
}

#[test]
fn a_missing_part_is_refused() {
    let report = v1::Report {
        task: vec![1; 16],
        agent: vec![1; 16],
        ..v1::Report::default()
    };
    assert_eq!(
        error_of::<Report>(report),
        ("HMS-CODEC-MISSING", "report.result")
    );
    let nothing = v1::PeerMessage::default();
    assert_eq!(
        error_of::<PeerMessage>(nothing),
        ("HMS-CODEC-MISSING", "peer.say")
    );
    assert_eq!(
        error_of::<Run>(v1::Run::default()),
        ("HMS-CODEC-MISSING", "run")
    );
    let nothing = v1::Announcement::default();
    assert_eq!(
        error_of::<Announcement>(nothing),
        ("HMS-CODEC-MISSING", "announcement.what")
    );
    let nothing = v1::PeerBundle::default();
    assert_eq!(
        error_of::<Bundle>(nothing),
        ("HMS-CODEC-MISSING", "bundle.messages")
    );
}

#[test]
fn parts_that_contradict_each_other_are_refused() {
    let accepted = v1::Finding {
        kind: v1::finding::Kind::Accepted.into(),
        reason: "because".to_owned(),
    };
    assert_eq!(
        error_of::<Finding>(accepted),
        ("HMS-CODEC-CONTRADICTION", "finding.reason")
    );
    let running = v1::TaskState {
        stage: v1::task_state::Stage::Running.into(),
        blockage: Some(v1::Blockage::default()),
    };
    let expected = ("HMS-CODEC-CONTRADICTION", "task_state.blockage");
    assert_eq!(error_of::<TaskState>(running), expected);
}

#[test]
fn a_blocked_task_says_why() {
    let blocked = v1::TaskState {
        stage: v1::task_state::Stage::Blocked.into(),
        blockage: None,
    };
    assert_eq!(
        error_of::<TaskState>(blocked),
        ("HMS-CODEC-MISSING", "task_state.blockage")
    );
}

#[test]
fn lists_beyond_their_bounds_are_refused() {
    let beat = v1::Heartbeat {
        node: vec![1; 32],
        changed: vec![vec![1; 16]; HEARTBEAT_CHANGES_MAX + 1],
        ..v1::Heartbeat::default()
    };
    assert_eq!(
        error_of::<Heartbeat>(beat),
        ("HMS-CODEC-TOO-MANY", "heartbeat.changed")
    );
    let ask = v1::PeerMessage {
        say: Some(v1::peer_message::Say::AskWatch(v1::AskWatch {})),
    };
    let bundle = v1::PeerBundle {
        messages: vec![ask; limits::BUNDLE_MESSAGES_MAX + 1],
    };
    assert_eq!(
        error_of::<Bundle>(bundle),
        ("HMS-CODEC-TOO-MANY", "bundle.messages")
    );
}

#[test]
fn a_bundle_that_would_swell_is_refused_before_it_is_decoded() {
    // Entries of two bytes each, which decode to hundreds.
    let retire = v1::Retire {
        agents: vec![Vec::new(); limits::BUNDLE_ENTRIES_MAX + 1],
    };
    let message = v1::PeerMessage {
        say: Some(v1::peer_message::Say::Retire(retire)),
    };
    let swollen = v1::PeerBundle {
        messages: vec![message],
    }
    .encode_to_vec();
    let error = codec::decode::<Bundle>(&swollen).unwrap_err();
    assert_eq!(
        (error.code(), error.field()),
        ("HMS-CODEC-TOO-MANY", "bundle.entries")
    );

    let ask = v1::PeerMessage {
        say: Some(v1::peer_message::Say::AskWatch(v1::AskWatch {})),
    };
    let crowded = v1::PeerBundle {
        messages: vec![ask; limits::BUNDLE_MESSAGES_MAX + 1],
    };
    let error = codec::decode::<Bundle>(&crowded.encode_to_vec()).unwrap_err();
    assert_eq!(
        (error.code(), error.field()),
        ("HMS-CODEC-TOO-MANY", "bundle.messages")
    );
}

#[test]
fn a_raft_message_of_any_content_is_not_mistaken_for_a_list() {
    let bundle = Bundle(vec![PeerMessage::Raft(vec![
        0;
        4 * limits::BUNDLE_ENTRIES_MAX
    ])]);
    let opaque = Bundle(vec![PeerMessage::Raft(
        [0x0a, 0].repeat(limits::BUNDLE_ENTRIES_MAX + 1),
    )]);
    for bundle in [bundle, opaque] {
        assert_eq!(codec::decode(&codec::encode(&bundle)), Ok(bundle));
    }
}

#[test]
fn an_envelope_inside_a_message_is_checked_like_any_other() {
    let report = |bytes: &[u8]| v1::PeerMessage {
        say: Some(v1::peer_message::Say::Report(bytes.to_vec())),
    };
    assert_eq!(
        error_of::<PeerMessage>(report(b"?")),
        ("HMS-CODEC-ENVELOPE", "peer.report")
    );
}

#[test]
fn bytes_that_are_no_message_name_what_was_expected() {
    let error = codec::decode::<Report>(&[0x0a, 0xff]).unwrap_err();
    assert_eq!(
        (error.code(), error.field()),
        ("HMS-CODEC-MALFORMED", "report")
    );
}

#[test]
fn a_client_learns_which_bound_it_broke() {
    let input = vec![0; limits::TASK_INPUT_BYTES_MAX + 1];
    let error = TaskSpec::from_wire(v1::TaskSpec { input, ..spec() }).unwrap_err();
    let refusal = Refusal::from(error);
    assert_eq!(refusal.code(), "HMS-TOO-LARGE");
    assert_eq!(
        refusal.to_string(),
        "task.input has 262145 bytes: at most 262144 are allowed"
    );
}
