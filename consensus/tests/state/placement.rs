//! Rounds of placement and their explanations: who gets what, who does not, and why.

use hms_consensus::liveness::Liveness;
use hms_consensus::schedule::{InFlight, explain, schedule};
use hms_consensus::state::command::Command;
use hms_protocol::heartbeat::{Heartbeat, SUSPECT_AFTER_MS};
use hms_protocol::id::{AgentId, Incarnation, Index, Sequence, Term};
use hms_protocol::task::{Blockage, Outcome};

use super::stage::{Stage, agent_id, assign, lose, node_id, proof_spec, spec, submit, task_id};

/// What the leader (on `n1`) makes of the others when each has just beaten with this load.
fn heard(stage: &Stage, loads: &[(u8, u32)]) -> Liveness {
    let mut liveness = Liveness::new(node_id(1), stage.now);
    for (node, load_permille) in loads {
        let beat = Heartbeat {
            node: node_id(*node),
            incarnation: Incarnation(1),
            sequence: Sequence(1),
            version: "0.1.0".to_owned(),
            load_permille: *load_permille,
            lag_ms: 0,
            memory_bytes: 0,
            agents: 1,
            running: 0,
            agents_version: 1,
            changed: Vec::new(),
            term: Term(1),
            leader: Some(node_id(1)),
            applied: Index(1),
        };
        liveness.hear(&beat.into(), stage.now);
    }
    liveness
}

/// One round with everybody alive and idle.
fn round(stage: &Stage) -> Vec<Command> {
    let liveness = heard(stage, &[(1, 0), (2, 0), (3, 0)]);
    schedule(
        &stage.state,
        &liveness,
        stage.now,
        &InFlight::default(),
        100,
    )
}

fn placed(commands: &[Command]) -> Vec<(u8, AgentId)> {
    let placed = commands.iter().filter_map(|command| match command {
        Command::Assign { task, agent, .. } => Some((task.as_bytes()[0], *agent)),
        _ => None,
    });
    placed.collect()
}

/// SUP-6: with two capable agents the less loaded gets the task.
#[test]
fn the_agent_with_the_smallest_share_of_its_slots_in_use_is_first() {
    let mut stage = Stage::new(3);
    let (one, two) = (
        stage.enrol(2, 1, &["echo"], 2),
        stage.enrol(3, 2, &["echo"], 4),
    );
    for task in 1..=5 {
        stage.must(submit(task, spec("echo")));
    }
    stage.must(assign(1, 1, one));
    stage.must(assign(2, 1, two));
    // Now 1 of 2 against 1 of 4.
    assert_eq!(placed(&round(&stage)), [(3, two), (4, one), (5, two)]);
}

#[test]
fn among_equals_the_least_loaded_node_is_first() {
    let mut stage = Stage::new(3);
    let (one, two) = (
        stage.enrol(2, 1, &["echo"], 1),
        stage.enrol(3, 2, &["echo"], 1),
    );
    stage.must(submit(1, spec("echo")));
    for (loads, expected) in [([(2, 900), (3, 100)], two), ([(2, 100), (3, 900)], one)] {
        let liveness = heard(&stage, &loads);
        let commands = schedule(&stage.state, &liveness, stage.now, &InFlight::default(), 9);
        assert_eq!(placed(&commands), [(1, expected)]);
    }
}

#[test]
fn higher_priority_goes_first_then_age_and_a_stuck_line_blocks_no_other() {
    let mut stage = Stage::new(2);
    let echo = stage.enrol(2, 1, &["echo"], 2);
    let sleeper = stage.enrol(2, 2, &["sleep"], 1);
    for (task, skill, priority) in [
        (1, "echo", 0),
        (2, "echo", 7),
        (3, "echo", 0),
        (4, "sleep", 0),
    ] {
        let mut spec = spec(skill);
        spec.priority = priority;
        stage.must(submit(task, spec));
    }
    assert_eq!(placed(&round(&stage)), [(2, echo), (1, echo), (4, sleeper)]);
}

#[test]
fn nothing_is_proposed_twice_and_nobody_is_overbooked() {
    let mut stage = Stage::new(2);
    stage.enrol(2, 1, &["echo"], 2);
    for task in 1..=3 {
        stage.must(submit(task, spec("echo")));
    }
    let liveness = heard(&stage, &[(2, 0)]);
    let mut in_flight = InFlight::default();
    let next = |stage: &Stage, in_flight: &mut InFlight, most| {
        let commands = schedule(&stage.state, &liveness, stage.now, in_flight, most);
        for command in &commands {
            in_flight.propose(command);
        }
        commands
    };
    let first = next(&stage, &mut in_flight, 1);
    assert_eq!(placed(&first).len(), 1);
    let second = next(&stage, &mut in_flight, 9);
    assert_eq!(placed(&second), [(2, agent_id(1))]);
    assert_eq!(next(&stage, &mut in_flight, 9), []);
    // What was refused is proposed again.
    in_flight.settle(task_id(2));
    assert_eq!(next(&stage, &mut in_flight, 9), second);
    assert_eq!(in_flight.len(), 2);
    in_flight.clear();
    assert_eq!(placed(&next(&stage, &mut in_flight, 9)).len(), 2);
}

#[test]
fn a_task_that_failed_on_one_agent_goes_to_another_if_there_is_one() {
    let mut stage = Stage::new(3);
    let (one, two) = (
        stage.enrol(2, 1, &["echo"], 9),
        stage.enrol(3, 2, &["echo"], 1),
    );
    stage.must(submit(1, spec("echo")));
    stage.must(assign(1, 1, one));
    let failed = stage.report(1, 1, one, Outcome::Unavailable);
    stage.must(failed);
    assert_eq!(placed(&round(&stage)), [(1, two)]);
    stage.must(lose(3, 1));
    assert_eq!(
        placed(&round(&stage)),
        [(1, one)],
        "better the same than nobody"
    );
}

#[test]
fn nothing_new_goes_to_a_node_that_is_not_heard() {
    let mut stage = Stage::new(2);
    stage.enrol(2, 1, &["echo"], 1);
    stage.must(submit(1, spec("echo")));
    let liveness = heard(&stage, &[(2, 0)]);
    let later = stage.now.plus_ms(SUSPECT_AFTER_MS);
    let none = InFlight::default();
    assert_eq!(schedule(&stage.state, &liveness, later, &none, 9), []);
    assert_eq!(
        placed(&schedule(&stage.state, &liveness, stage.now, &none, 9)).len(),
        1
    );
}

/// What one round says about task 1 in a mesh of two nodes, after the change.
fn check_blockage(change: impl FnOnce(&mut Stage), expected: Option<Blockage>) {
    let mut stage = Stage::new(2);
    stage.enrol(2, 1, &["prove.metamath", "verify.metamath"], 1);
    stage.enrol(1, 2, &["verify.metamath"], 1);
    let mut wanted = proof_spec();
    change(&mut stage);
    if stage.state.ledger().index().is_empty() {
        wanted.skill = "prove.metamath".parse().unwrap();
        stage.must(submit(1, wanted));
    }
    let commands = round(&stage);
    let blocked = commands.iter().find_map(|command| match command {
        Command::Block { blockage, .. } => Some(blockage.clone()),
        _ => None,
    });
    assert_eq!(blocked, expected);
    assert_eq!(placed(&commands).is_empty(), expected.is_some());
    // The ledger agrees, and the next round frees nothing that is still blocked.
    for command in commands {
        stage.must(command);
    }
    assert_eq!(round(&stage), []);
}

#[test]
fn a_task_that_nobody_can_take_is_blocked_with_the_reason() {
    check_blockage(|_| (), None);
    check_blockage(
        |stage| {
            stage.must(submit(1, spec("juggle")));
        },
        Some(Blockage::NoSkill),
    );
    check_blockage(
        |stage| {
            let mut spec = proof_spec();
            spec.needs.insert("gpu".to_owned());
            stage.must(submit(1, spec));
        },
        Some(Blockage::NoOffer("gpu".to_owned())),
    );
    check_blockage(
        |stage| {
            stage.must(lose(2, 1));
        },
        Some(Blockage::NobodyPresent),
    );
    check_blockage(
        |stage| {
            stage.must(lose(1, 1));
        },
        Some(Blockage::NoVerifier),
    );
}

#[test]
fn a_blocked_task_is_freed_or_told_another_reason_when_things_change() {
    let mut stage = Stage::new(2);
    stage.must(submit(1, spec("echo")));
    let block = |blockage| Command::Block {
        task: task_id(1),
        blockage,
    };
    stage.must(block(Blockage::NoSkill));
    assert_eq!(round(&stage), []);
    stage.enrol(2, 1, &["echo"], 1);
    stage.must(lose(2, 1));
    assert_eq!(round(&stage), [block(Blockage::NobodyPresent)]);
    stage.must(block(Blockage::NobodyPresent));
    stage.must(super::stage::greet(2, 2));
    assert_eq!(round(&stage), [Command::Unblock { task: task_id(1) }]);
}

/// SUP-7: every candidate, and why it was or was not chosen.
#[test]
fn an_explanation_names_every_candidate_and_what_speaks_against_it() {
    let mut stage = Stage::new(3);
    let busy = stage.enrol(2, 1, &["echo"], 1);
    let idle = stage.enrol(2, 2, &["echo"], 1);
    let unskilled = stage.enrol(3, 3, &["sleep"], 1);
    let silent = stage.enrol(3, 4, &["echo"], 1);
    let stopped = stage.enrol(2, 5, &["echo"], 1);
    stage.must(Command::Retire {
        node: node_id(2),
        agents: vec![stopped],
    });
    stage.must(submit(1, spec("echo")));
    stage.must(assign(1, 1, busy));
    stage.must(submit(2, spec("echo")));
    let liveness = heard(&stage, &[(2, 0)]);
    let why = explain(&stage.state, &liveness, stage.now, task_id(2)).unwrap();
    assert_eq!(
        why.summary,
        "1 agent could take it: it is about to be placed"
    );
    assert_eq!(why.candidates[0].agent, idle);
    let mut told: Vec<(AgentId, bool, &str)> = why
        .candidates
        .iter()
        .map(|candidate| (candidate.agent, candidate.fit, candidate.reason.as_str()))
        .collect();
    told.sort_unstable();
    assert_eq!(
        told,
        [
            (busy, false, "all its slots are taken"),
            (idle, true, "it could take the task"),
            (unskilled, false, "it lacks the skill"),
            (
                silent,
                false,
                "its node is suspected: it was not heard lately"
            ),
            (stopped, false, "it was stopped"),
        ],
    );
    let held = explain(&stage.state, &liveness, stage.now, task_id(1)).unwrap();
    assert!(
        held.summary.starts_with("attempt 1 is with agent"),
        "{}",
        held.summary
    );
    assert_eq!(held.candidates[0].reason, "it holds the lease");
    assert!(explain(&stage.state, &liveness, stage.now, task_id(9)).is_err());
}
