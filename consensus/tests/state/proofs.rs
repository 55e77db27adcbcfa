//! Results that are checked: who is drawn, what is counted, and what becomes of a liar.

use std::collections::BTreeSet;

use hms_consensus::state::command::Command;
use hms_consensus::state::event::Event;
use hms_protocol::agent::AgentStanding;
use hms_protocol::codec;
use hms_protocol::evidence::{Exhibit, Guilty};
use hms_protocol::id::AgentId;
use hms_protocol::limits::{VERIFIERS_MAX, VERIFY_ROUND_MS};
use hms_protocol::task::{Blockage, Outcome};
use hms_protocol::verdict::Finding;

use super::stage::{Stage, agent_id, assign, lose, node_id, proof_spec, spec, submit, task_id};

const BOTH: &[&str] = &["prove.metamath", "verify.metamath", "echo"];

/// A mesh of so many nodes with one proving and verifying agent each (its number is the node's), where agent 1 has
/// reported a proof of task 1.
fn reported(nodes: u8) -> Stage {
    let mut stage = Stage::new(nodes);
    for number in 1..=nodes {
        stage.enrol(number, number, BOTH, 4);
    }
    stage.must(submit(1, proof_spec()));
    stage.must(assign(1, 1, agent_id(1)));
    let done = stage.report(1, 1, agent_id(1), Outcome::Success);
    stage.must(done);
    assert_eq!(stage.standing(1), "verifying");
    stage
}

fn finding(letter: char) -> Finding {
    match letter {
        'a' => Finding::Accepted,
        'r' => Finding::Rejected("step 3 does not follow".to_owned()),
        'u' => Finding::Unavailable("no base".to_owned()),
        other => panic!("{other} is no finding"),
    }
}

/// The drawn of each round say, in order, the letters of that round; then the states are compared.
fn check(nodes: u8, rounds: &[&str], history: &[&str]) -> Stage {
    let mut stage = reported(nodes);
    for (number, letters) in (1..).zip(rounds) {
        let drawn = stage.drawn(1);
        for ((verifier, _), letter) in drawn.into_iter().zip(letters.chars()) {
            let verdict = stage.verdict(1, number, verifier, finding(letter));
            stage.must(verdict);
        }
    }
    assert_eq!(stage.history(1)[3..], *history);
    stage
}

#[test]
fn a_proof_counts_when_a_majority_of_the_drawn_accepts_it() {
    check(5, &["a"], &["verifying"]);
    check(5, &["aa"], &["verifying", "succeeded"]);
    check(5, &["raa"], &["verifying", "succeeded"]);
    check(2, &["a"], &["verifying", "succeeded"]);
}

/// VER-4: a result that claims success with a wrong proof is turned into failure, and evidence against its sender.
#[test]
fn a_wrong_proof_fails_and_its_agent_is_set_aside_with_evidence() {
    let mut stage = check(5, &["arr"], &["verifying", "failed"]);
    let agent = stage.state.roster().agent(agent_id(1)).unwrap();
    assert_eq!(agent.standing, AgentStanding::Quarantined);
    let pieces: Vec<_> = stage.state.archive().pieces().collect();
    assert_eq!(pieces.len(), 1);
    let guilty = Guilty::Agent {
        agent: agent_id(1),
        node: agent.certificate.node,
        task: task_id(1),
        attempt: 1,
    };
    assert_eq!(pieces[0].guilty, guilty);
    // Anybody can check it, and as a file it says the same.
    let mesh = stage.state.mesh();
    assert_eq!(pieces[0].exhibit.verify(mesh), Ok(guilty));
    let file = codec::encode(&pieces[0].exhibit);
    let read: Exhibit = codec::decode_exact(&file).unwrap();
    assert_eq!(read.verify(mesh), Ok(guilty));
    // The liar gets no work any more, and no certificate brings it back.
    stage.must(submit(2, spec("echo")));
    assert_eq!(
        stage.decide(assign(2, 1, agent_id(1))).unwrap_err().code(),
        "HMS-UNFIT"
    );
    stage.now = stage.now.plus_ms(1);
    stage.enrol(1, 1, BOTH, 4);
    let agent = stage.state.roster().agent(agent_id(1)).unwrap();
    assert_eq!(agent.standing, AgentStanding::Quarantined);
}

#[test]
fn a_convicted_agent_loses_its_other_work() {
    let mut stage = reported(3);
    stage.must(submit(2, spec("echo")));
    stage.must(assign(2, 1, agent_id(1)));
    let mut events = Vec::new();
    for (verifier, _) in stage.drawn(1) {
        let verdict = stage.verdict(1, 1, verifier, finding('r'));
        events.extend(
            stage
                .apply(vec![verdict])
                .events
                .into_iter()
                .map(|(_, event)| event),
        );
    }
    assert_eq!(stage.standing(2), "queued");
    let convicted = Event::Convicted {
        agent: agent_id(1),
        task: task_id(1),
    };
    assert!(events.contains(&convicted));
}

#[test]
fn verifiers_are_drawn_on_other_nodes_one_each_and_never_the_reporter() {
    for nodes in 2..=6 {
        let stage = reported(nodes);
        let drawn = stage.drawn(1);
        let others = usize::from(nodes) - 1;
        assert_eq!(drawn.len(), VERIFIERS_MAX.min(others));
        let distinct: BTreeSet<_> = drawn.iter().map(|(_, node)| *node).collect();
        assert_eq!(distinct.len(), drawn.len());
        assert!(!distinct.contains(&node_id(1)));
    }
}

#[test]
fn on_a_lonely_node_another_agent_checks() {
    let mut stage = Stage::new(1);
    stage.enrol(1, 1, BOTH, 4);
    stage.must(submit(1, proof_spec()));
    let block = |blockage| Command::Block {
        task: task_id(1),
        blockage,
    };
    assert_eq!(
        stage.decide(assign(1, 1, agent_id(1))).unwrap_err().code(),
        "HMS-UNFIT"
    );
    stage.must(block(Blockage::NoVerifier));
    stage.enrol(1, 2, &["verify.metamath"], 1);
    stage.must(Command::Unblock { task: task_id(1) });
    stage.must(assign(1, 1, agent_id(1)));
    let done = stage.report(1, 1, agent_id(1), Outcome::Success);
    stage.must(done);
    assert_eq!(stage.drawn(1), [(agent_id(2), node_id(1))]);
}

#[test]
fn rounds_that_cannot_decide_are_drawn_again_and_then_the_task_is_set_aside() {
    check(5, &["uu", "aa"], &["verifying", "succeeded"]);
    check(5, &["uu", "aur", "uu"], &["verifying", "quarantined"]);
    check(3, &["ar", "ar", "aa"], &["verifying", "succeeded"]);
}

#[test]
fn a_round_that_runs_out_of_time_is_drawn_again() {
    let mut stage = reported(5);
    let redraw = |round| Command::Redraw {
        task: task_id(1),
        round,
    };
    assert_eq!(stage.decide(redraw(1)).unwrap_err().code(), "HMS-INVALID");
    for round in 1..=3 {
        stage.now = stage.now.plus_ms(VERIFY_ROUND_MS);
        let due: Vec<_> = stage.state.ledger().index().overdue(stage.now).collect();
        assert_eq!(due, [task_id(1)]);
        stage.must(redraw(round));
        stage.must(redraw(round));
    }
    assert_eq!(stage.standing(1), "quarantined");
}

/// The code of what becomes of a verdict.
fn judged(stage: &mut Stage, round: u32, verifier: AgentId, letter: char) -> &'static str {
    let verdict = stage.verdict(1, round, verifier, finding(letter));
    stage
        .decide(verdict)
        .err()
        .map_or("", |refusal| refusal.code())
}

#[test]
fn only_the_first_word_of_the_drawn_counts() {
    let mut stage = reported(5);
    let drawn = stage.drawn(1);
    let idle = (2..=5)
        .map(agent_id)
        .find(|agent| drawn.iter().all(|(drawn, _)| drawn != agent));
    assert_eq!(judged(&mut stage, 1, agent_id(1), 'a'), "HMS-UNFIT");
    assert_eq!(judged(&mut stage, 1, idle.unwrap(), 'a'), "HMS-UNFIT");
    assert_eq!(judged(&mut stage, 2, drawn[0].0, 'a'), "HMS-STALE-ATTEMPT");
    assert_eq!(judged(&mut stage, 1, drawn[0].0, 'a'), "");
    assert_eq!(judged(&mut stage, 1, drawn[0].0, 'r'), "");
    assert_eq!(stage.standing(1), "verifying");
    assert_eq!(judged(&mut stage, 1, drawn[1].0, 'a'), "");
    assert_eq!(stage.standing(1), "succeeded");
    assert_eq!(judged(&mut stage, 1, drawn[2].0, 'a'), "HMS-STALE-ATTEMPT");
}

#[test]
fn lost_verifiers_are_replaced_when_the_rest_cannot_decide() {
    let mut stage = reported(5);
    let number = |node| (1..=5).find(|number| node_id(*number) == node).unwrap();
    let first: Vec<u8> = stage
        .drawn(1)
        .iter()
        .map(|(_, node)| number(*node))
        .collect();
    stage.must(lose(first[0], 1));
    assert_eq!(stage.drawn(1).len(), 3, "two of three can still decide");
    stage.must(lose(first[1], 1));
    let record = stage.state.ledger().task(task_id(1)).unwrap();
    let round = record.round.as_ref().unwrap();
    assert_eq!(round.number, 2);
    let present = |node| stage.state.roster().is_present(node);
    assert!(round.drawn.iter().all(|(_, node)| present(*node)));
}

#[test]
fn a_verifier_holds_a_slot_while_it_is_waited_for() {
    let mut stage = reported(2);
    let running = |stage: &Stage| stage.state.crew().running(node_id(2), agent_id(2));
    assert_eq!(running(&stage), 1);
    let verdict = stage.verdict(1, 1, agent_id(2), finding('a'));
    stage.must(verdict);
    assert_eq!(running(&stage), 0);
}

#[test]
fn a_verifier_with_a_free_slot_is_drawn_before_a_busy_one() {
    let mut stage = Stage::new(5);
    stage.enrol(1, 1, BOTH, 4);
    for number in 2..=5 {
        stage.enrol(number, number, &["verify.metamath", "echo"], 1);
    }
    stage.must(submit(1, proof_spec()));
    for (task, busy) in [(2, 3), (3, 5)] {
        stage.must(submit(task, spec("echo")));
        stage.must(assign(task, 1, agent_id(busy)));
    }
    stage.must(assign(1, 1, agent_id(1)));
    let done = stage.report(1, 1, agent_id(1), Outcome::Success);
    stage.must(done);
    let drawn: Vec<AgentId> = stage.drawn(1).into_iter().map(|(agent, _)| agent).collect();
    assert_eq!(drawn.len(), VERIFIERS_MAX);
    let mut first = drawn[..2].to_vec();
    first.sort_unstable();
    assert_eq!(first, [agent_id(2), agent_id(4)]);
}

#[test]
fn a_verifier_that_comes_back_is_told_of_its_check_again() {
    let mut stage = reported(5);
    let number = |node| (1..=5).find(|number| node_id(*number) == node).unwrap();
    let verifier = number(stage.drawn(1)[0].1);
    stage.must(lose(verifier, 1));
    for incarnation in [1, 2] {
        let events = stage
            .apply(vec![super::stage::greet(verifier, incarnation)])
            .events;
        let again = Event::Drawn {
            task: task_id(1),
            round: 1,
        };
        assert!(
            events.iter().any(|(_, event)| *event == again),
            "in life {incarnation}"
        );
    }
}
