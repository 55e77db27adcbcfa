//! Watched services: who probes, when the mesh believes them, and what happens when a prober is lost.

use std::collections::BTreeSet;

use hms_consensus::state::Change;
use hms_consensus::state::command::Command;
use hms_consensus::state::event::Event;
use hms_protocol::id::{NodeId, ServiceName};
use hms_protocol::service::{Health, Observation, ServiceSpec, Sight};

use super::stage::{Stage, agent_id, greet, lose, node_id};

fn web() -> ServiceName {
    "web".parse().unwrap()
}

fn service(probers: u32, quorum: u32) -> ServiceSpec {
    ServiceSpec {
        name: web(),
        probe: "probe.http".parse().unwrap(),
        target: [("url".to_owned(), "http://127.0.0.1:8080/".to_owned())].into(),
        interval_ms: 1_000,
        timeout_ms: 500,
        retries: 1,
        probers,
        quorum,
        nodes: Vec::new(),
    }
}

/// Five nodes that can all probe.
fn field() -> Stage {
    let mut stage = Stage::new(5);
    for number in 1..=5 {
        stage.enrol(number, number, &["probe.http"], 4);
    }
    stage
}

fn probers(stage: &Stage) -> Vec<NodeId> {
    stage
        .state
        .services()
        .service(&web())
        .unwrap()
        .probers
        .clone()
}

fn observe(stage: &Stage, node: NodeId, sight: Sight) -> Command {
    Command::Observe(Observation {
        service: web(),
        revision: stage.state.services().service(&web()).unwrap().revision,
        node,
        sight,
        latency_ms: 4,
        detail: "connection refused".to_owned(),
        at: stage.now,
    })
}

fn number(node: NodeId) -> u8 {
    (1..=9).find(|number| node_id(*number) == node).unwrap()
}

/// Three of five probe, two must agree. Each word is a prober (by its place in the draw) and what it sees: `0u`, `2d`.
fn check(words: &[&str], expected: &[Health]) {
    let mut stage = field();
    stage.must(Command::Declare(service(3, 2)));
    let probers = probers(&stage);
    let mut seen = vec![stage.state.services().service(&web()).unwrap().health];
    for word in words {
        let (place, sight) = word.split_at(1);
        let sight = if sight == "u" { Sight::Up } else { Sight::Down };
        stage.now = stage.now.plus_ms(100);
        let command = observe(&stage, probers[place.parse::<usize>().unwrap()], sight);
        stage.must(command);
        seen.push(stage.state.services().service(&web()).unwrap().health);
    }
    seen.dedup();
    assert_eq!(seen, expected);
    let service = stage.state.services().service(&web()).unwrap();
    let history: Vec<Health> = service.history.iter().map(|change| change.health).collect();
    assert_eq!(history, expected[1..]);
    assert_eq!(service.latencies_ms.len(), words.len());
}

#[test]
fn so_many_must_agree_before_a_service_is_down() {
    use Health::{Disputed, Down, Healthy, Unknown};
    check(&[], &[Unknown]);
    check(&["0u"], &[Unknown]);
    check(&["0u", "1u"], &[Unknown, Healthy]);
    check(&["0u", "1u", "2d"], &[Unknown, Healthy, Disputed]);
    check(
        &["0u", "1u", "2d", "2u"],
        &[Unknown, Healthy, Disputed, Healthy],
    );
    check(&["0u", "1d", "2d"], &[Unknown, Disputed, Down]);
    check(
        &["0d", "1d", "0u", "1u"],
        &[Unknown, Disputed, Down, Disputed, Healthy],
    );
}

#[test]
fn only_probers_are_heard_about_what_is_declared_now() {
    let mut stage = field();
    stage.must(Command::Declare(service(3, 2)));
    let drawn = probers(&stage);
    let outsider = (1..=5)
        .map(node_id)
        .find(|node| !drawn.contains(node))
        .unwrap();
    let code = |stage: &mut Stage, command| {
        stage
            .decide(command)
            .err()
            .map_or("", |refusal| refusal.code())
    };
    let foreign = observe(&stage, outsider, Sight::Down);
    assert_eq!(code(&mut stage, foreign), "HMS-INVALID");
    let old = observe(&stage, drawn[0], Sight::Down);
    let mut faster = service(3, 2);
    faster.interval_ms = 2_000;
    stage.must(Command::Declare(faster));
    assert_eq!(code(&mut stage, old), "HMS-INVALID");
    let fresh = observe(&stage, drawn[0], Sight::Down);
    assert_eq!(code(&mut stage, fresh.clone()), "");
    assert_eq!(code(&mut stage, fresh), "");
    let service = stage.state.services().service(&web()).unwrap();
    assert_eq!(
        service.latencies_ms.len(),
        1,
        "the repeated word counts once"
    );
}

#[test]
fn declaring_again_changes_nothing_and_withdrawing_forgets() {
    let mut stage = field();
    let declared = |revision, changed| Change::Declared { revision, changed };
    assert_eq!(
        stage.must(Command::Declare(service(3, 2))),
        declared(1, true)
    );
    assert_eq!(
        stage.must(Command::Declare(service(3, 2))),
        declared(1, false)
    );
    assert_eq!(
        stage.must(Command::Declare(service(2, 2))),
        declared(2, true)
    );
    let withdraw = || Command::Withdraw { service: web() };
    assert_eq!(stage.must(withdraw()), Change::Withdrawn);
    assert_eq!(
        stage.decide(withdraw()).unwrap_err().code(),
        "HMS-UNKNOWN-SERVICE"
    );
    assert_eq!(
        stage.must(Command::Declare(service(3, 2))),
        declared(3, true)
    );
    let mut misnamed = service(1, 1);
    misnamed.nodes = vec!["n77".parse().unwrap()];
    assert_eq!(
        stage.decide(Command::Declare(misnamed)).unwrap_err().code(),
        "HMS-INVALID"
    );
}

#[test]
fn a_lost_prober_is_replaced_and_no_other_moves() {
    let mut stage = field();
    stage.must(Command::Declare(service(3, 2)));
    let before = probers(&stage);
    for node in &before {
        let command = observe(&stage, *node, Sight::Down);
        stage.must(command);
    }
    let lost = before[1];
    let events = stage.apply(vec![lose(number(lost), 1)]).events;
    let after = probers(&stage);
    let kept: BTreeSet<NodeId> = before
        .iter()
        .copied()
        .filter(|node| *node != lost)
        .collect();
    assert_eq!(after.len(), 3);
    assert!(kept.iter().all(|node| after.contains(node)) && !after.contains(&lost));
    let new = after
        .iter()
        .copied()
        .find(|node| !before.contains(node))
        .unwrap();
    let changed = events.iter().find_map(|(_, event)| match event {
        Event::ProbersChanged { nodes } => Some(nodes.clone()),
        _ => None,
    });
    let mut expected = vec![lost, new];
    expected.sort_unstable();
    assert_eq!(changed, Some(expected));
    let service = stage.state.services().service(&web()).unwrap();
    assert_eq!(service.health, Health::Down, "two of three still say so");
    // It comes back, and nobody moves for it.
    stage.must(greet(number(lost), 1));
    assert_eq!(probers(&stage), after);
}

#[test]
fn a_service_that_is_short_of_probers_takes_whoever_comes() {
    let mut stage = Stage::new(3);
    stage.enrol(1, 1, &["probe.http"], 1);
    stage.must(Command::Declare(service(2, 1)));
    assert_eq!(probers(&stage), [node_id(1)]);
    stage.enrol(2, 2, &["echo"], 1);
    assert_eq!(probers(&stage), [node_id(1)]);
    stage.enrol(3, 3, &["probe.http"], 1);
    assert_eq!(probers(&stage), [node_id(1), node_id(3)]);
    // The agent that could probe is stopped, and the other node takes over when it learns to.
    stage.must(Command::Retire {
        node: node_id(1),
        agents: vec![agent_id(1)],
    });
    assert_eq!(probers(&stage), [node_id(3)]);
    stage.enrol(2, 4, &["probe.http"], 1);
    assert_eq!(probers(&stage), [node_id(3), node_id(2)]);
    assert_eq!(stage.state.services().watched_by(node_id(2)).count(), 1);
    assert_eq!(stage.state.services().watched_by(node_id(1)).count(), 0);
}

/// AGX-10: what lives on one machine is probed there and nowhere else.
#[test]
fn only_the_named_nodes_probe() {
    let mut stage = field();
    let mut local = service(2, 1);
    local.nodes = vec!["n4".parse().unwrap()];
    stage.must(Command::Declare(local));
    assert_eq!(probers(&stage), [node_id(4)]);
    stage.must(lose(4, 1));
    assert_eq!(probers(&stage), []);
    stage.must(greet(4, 2));
    assert_eq!(probers(&stage), [node_id(4)]);
}
