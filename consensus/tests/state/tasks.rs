//! The life of a task: every step of the table, and everything that is refused.

use hms_consensus::state::Change;
use hms_consensus::state::command::Command;
use hms_consensus::state::event::Event;
use hms_protocol::peer::Run;
use hms_protocol::task::{AttemptEnd, Blockage, Outcome};

use super::stage::{Stage, agent_id, assign, greet, lose, node_id, spec, submit, task_id};

/// Something that happens to task 1.
enum Act {
    Submit(&'static str),
    Assign(u32, u8),
    Start(u32, u8),
    Report(u32, u8, Outcome),
    Expire(u32, AttemptEnd),
    Block(Blockage),
    Unblock,
    Cancel,
    Lapse,
    Lose(u8),
    Greet(u8, u64),
    Retire(u8, u8),
    Enrol(u8, u8, &'static str),
    Wait(u64),
}
use Act::{
    Assign, Block, Cancel, Enrol, Expire, Greet, Lapse, Lose, Report, Retire, Start, Submit,
    Unblock, Wait,
};
use hms_protocol::task::AttemptEnd::{AgentLost, LeaseExpired};
use hms_protocol::task::Outcome::{Failure, Success, Timeout, Unavailable};

/// Agents 1 (on n1), 2 (on n2) and 3 (on n3) have `echo`, one slot each. Plays the acts, each with the code of its refusal
/// or `""`, then compares the states that the task went through.
fn check(story: &[(Act, &str)], history: &[&str]) {
    let mut stage = Stage::new(3);
    for number in 1..=3 {
        stage.enrol(number, number, &["echo"], 1);
    }
    for (place, (act, expected)) in story.iter().enumerate() {
        let outcome = play(&mut stage, act);
        assert_eq!(outcome, *expected, "act {place}");
    }
    assert_eq!(stage.history(1), history);
}

fn play(stage: &mut Stage, act: &Act) -> &'static str {
    let task = task_id(1);
    let command = match act {
        Submit(skill) => submit(1, spec(skill)),
        Assign(attempt, agent) => assign(1, *attempt, agent_id(*agent)),
        Start(attempt, agent) => Command::Start {
            task,
            attempt: *attempt,
            agent: agent_id(*agent),
        },
        Report(attempt, agent, outcome) => stage.report(1, *attempt, agent_id(*agent), *outcome),
        Expire(attempt, end) => Command::Expire {
            task,
            attempt: *attempt,
            end: *end,
        },
        Block(blockage) => Command::Block {
            task,
            blockage: blockage.clone(),
        },
        Unblock => Command::Unblock { task },
        Cancel => Command::Cancel { task },
        Lapse => Command::Lapse { task },
        Lose(node) => lose(*node, 1),
        Greet(node, incarnation) => greet(*node, *incarnation),
        Retire(node, agent) => Command::Retire {
            node: node_id(*node),
            agents: vec![agent_id(*agent)],
        },
        Enrol(node, agent, skill) => {
            Command::Enrol(vec![stage.certificate(*node, *agent, &[skill], 1)])
        }
        Wait(span_ms) => {
            stage.now = stage.now.plus_ms(*span_ms);
            return "";
        }
    };
    stage
        .decide(command)
        .err()
        .map_or("", |refusal| refusal.code())
}

#[test]
fn a_task_that_goes_well_goes_straight_to_its_end() {
    check(
        &[
            (Submit("echo"), ""),
            (Assign(1, 1), ""),
            (Start(1, 1), ""),
            (Start(1, 1), ""),
            (Report(1, 1, Success), ""),
            (Report(1, 1, Success), ""),
        ],
        &["submitted", "queued", "assigned", "running", "succeeded"],
    );
}

#[test]
fn an_agent_that_says_no_is_believed_at_once() {
    check(
        &[
            (Submit("echo"), ""),
            (Assign(1, 1), ""),
            (Report(1, 1, Failure), ""),
        ],
        &["submitted", "queued", "assigned", "failed"],
    );
}

#[test]
fn a_run_that_came_to_nothing_is_tried_again_until_the_attempts_are_spent() {
    check(
        &[
            (Submit("echo"), ""),
            (Assign(1, 1), ""),
            (Report(1, 1, Unavailable), ""),
            (Assign(2, 2), ""),
            (Report(2, 2, Timeout), ""),
            (Assign(3, 3), "HMS-WRONG-STATE"),
        ],
        &[
            "submitted",
            "queued",
            "assigned",
            "queued",
            "assigned",
            "failed",
        ],
    );
}

/// SUP-8: an expired lease is replayed, and the result that comes after it is refused.
#[test]
fn a_late_result_is_refused_and_the_next_attempt_stands() {
    check(
        &[
            (Submit("echo"), ""),
            (Assign(1, 1), ""),
            (Expire(1, LeaseExpired), "HMS-INVALID"),
            (Wait(10_000), ""),
            (Expire(1, LeaseExpired), ""),
            (Expire(1, LeaseExpired), "HMS-STALE-ATTEMPT"),
            (Report(1, 1, Success), "HMS-STALE-ATTEMPT"),
            (Assign(2, 2), ""),
            (Report(1, 1, Success), "HMS-STALE-ATTEMPT"),
            (Report(2, 1, Success), "HMS-UNFIT"),
            (Report(2, 2, Success), ""),
        ],
        &[
            "submitted",
            "queued",
            "assigned",
            "queued",
            "assigned",
            "succeeded",
        ],
    );
}

/// SUP-9: the task of a lost node ends elsewhere, with attempt 2.
#[test]
fn the_work_of_a_lost_node_goes_to_another() {
    check(
        &[
            (Submit("echo"), ""),
            (Assign(1, 1), ""),
            (Start(1, 1), ""),
            (Lose(1), ""),
            (Lose(1), ""),
            (Assign(2, 1), "HMS-UNFIT"),
            (Assign(2, 2), ""),
            (Report(2, 2, Success), ""),
        ],
        &[
            "submitted",
            "queued",
            "assigned",
            "running",
            "queued",
            "assigned",
            "succeeded",
        ],
    );
}

#[test]
fn a_node_that_comes_back_in_a_new_life_has_lost_its_work() {
    check(
        &[
            (Submit("echo"), ""),
            (Assign(1, 1), ""),
            (Greet(1, 1), ""),
            (Greet(1, 2), ""),
            (Lose(1), ""),
            (Assign(2, 1), ""),
        ],
        &["submitted", "queued", "assigned", "queued", "assigned"],
    );
}

#[test]
fn an_agent_that_is_stopped_hands_its_work_back() {
    check(
        &[
            (Submit("echo"), ""),
            (Assign(1, 1), ""),
            (Retire(2, 1), ""),
            (Retire(1, 1), ""),
            (Assign(2, 1), "HMS-UNFIT"),
            (Assign(2, 2), ""),
            (Expire(2, AgentLost), ""),
        ],
        &[
            "submitted",
            "queued",
            "assigned",
            "queued",
            "assigned",
            "failed",
        ],
    );
}

/// SUP-6: no capable agent gives a blocked state with a reason.
#[test]
fn a_task_is_blocked_only_while_the_roster_says_so_too() {
    check(
        &[
            (Submit("sleep"), ""),
            (Unblock, "HMS-INVALID"),
            (Block(Blockage::NobodyPresent), "HMS-INVALID"),
            (Block(Blockage::NoSkill), ""),
            (Block(Blockage::NoSkill), ""),
            (Assign(1, 1), "HMS-WRONG-STATE"),
            (Unblock, "HMS-INVALID"),
            (Enrol(2, 4, "sleep"), ""),
            (Block(Blockage::NoSkill), "HMS-INVALID"),
            (Lose(2), ""),
            (Block(Blockage::NobodyPresent), ""),
            (Greet(2, 2), ""),
            (Unblock, ""),
            (Assign(1, 4), ""),
        ],
        &[
            "submitted",
            "queued",
            "blocked",
            "blocked",
            "queued",
            "assigned",
        ],
    );
}

#[test]
fn a_task_is_given_up_by_its_client_or_its_deadline_wherever_it_stands() {
    check(
        &[
            (Submit("echo"), ""),
            (Cancel, ""),
            (Cancel, ""),
            (Lapse, "HMS-INVALID"),
        ],
        &["submitted", "queued", "cancelled"],
    );
    check(
        &[
            (Submit("echo"), ""),
            (Assign(1, 1), ""),
            (Lapse, "HMS-INVALID"),
            (Wait(600_000), ""),
            (Lapse, ""),
            (Lapse, ""),
            (Cancel, "HMS-WRONG-STATE"),
            (Report(1, 1, Success), "HMS-STALE-ATTEMPT"),
        ],
        &["submitted", "queued", "assigned", "timed-out"],
    );
}

#[test]
fn an_agent_has_no_more_runs_than_slots_and_no_attempt_is_skipped() {
    let mut stage = Stage::new(1);
    let agent = stage.enrol(1, 1, &["echo"], 1);
    stage.must(submit(1, spec("echo")));
    stage.must(submit(2, spec("echo")));
    let code = |refused: Result<Change, _>| {
        refused.map_err(|refusal: hms_protocol::refusal::Refusal| refusal.code())
    };
    assert_eq!(
        code(stage.decide(assign(1, 2, agent))),
        Err("HMS-STALE-ATTEMPT")
    );
    stage.must(assign(1, 1, agent));
    assert_eq!(code(stage.decide(assign(2, 1, agent))), Err("HMS-UNFIT"));
    assert_eq!(
        code(stage.decide(assign(2, 1, agent_id(9)))),
        Err("HMS-UNKNOWN-AGENT")
    );
    let done = stage.report(1, 1, agent, Success);
    stage.must(done);
    stage.must(assign(2, 1, agent));
}

#[test]
fn a_lease_never_outlasts_the_deadline() {
    let mut stage = Stage::new(1);
    let agent = stage.enrol(1, 1, &["echo"], 1);
    let mut short = spec("echo");
    short.deadline = stage.now.plus_ms(500);
    stage.must(submit(1, short.clone()));
    stage.must(assign(1, 1, agent));
    let record = stage.state.ledger().task(task_id(1)).unwrap();
    assert_eq!(record.attempts[0].lease_until, short.deadline);
}

/// SUP-8: cancel reaches the agent.
#[test]
fn whoever_loses_a_run_is_told_and_whoever_ended_it_is_not() {
    let mut stage = Stage::new(2);
    let (one, two) = (
        stage.enrol(1, 1, &["echo"], 1),
        stage.enrol(2, 2, &["echo"], 1),
    );
    stage.must(submit(1, spec("echo")));
    stage.must(submit(2, spec("echo")));
    stage.must(assign(1, 1, one));
    stage.must(assign(2, 1, two));
    let revoked = |stage: &mut Stage, command| -> Vec<Event> {
        let events = stage
            .apply(vec![command])
            .events
            .into_iter()
            .map(|(_, event)| event);
        events
            .filter(|event| matches!(event, Event::Revoked { .. }))
            .collect()
    };
    let run = Run::Attempt {
        task: task_id(1),
        attempt: 1,
    };
    let node = node_id(1);
    assert_eq!(
        revoked(&mut stage, Command::Cancel { task: task_id(1) }),
        [Event::Revoked { node, run }],
    );
    let done = stage.report(2, 1, two, Success);
    assert_eq!(revoked(&mut stage, done), []);
}

#[test]
fn a_report_counts_only_from_the_agent_that_signed_it() {
    let mut stage = Stage::new(2);
    let (one, two) = (
        stage.enrol(1, 1, &["echo"], 1),
        stage.enrol(2, 2, &["echo"], 1),
    );
    stage.must(submit(1, spec("echo")));
    stage.must(assign(1, 1, one));
    // Agent 2 signs what claims to be agent 1's.
    let body = hms_protocol::codec::encode(&super::stage::report(1, 1, one, Success));
    let forged = stage.seal(two, hms_protocol::envelope::BodyKind::Report, body);
    assert_eq!(
        stage.decide(Command::Report(forged)).unwrap_err().code(),
        "HMS-INVALID"
    );
    assert_eq!(stage.standing(1), "assigned");
    // An agent that the roster does not know.
    stage.certificate(1, 7, &["echo"], 1);
    let stranger = stage.report(1, 1, agent_id(7), Success);
    assert_eq!(
        stage.decide(stranger).unwrap_err().code(),
        "HMS-UNKNOWN-AGENT"
    );
    // Agent 1's id with another key.
    let mut other = Stage::new(2);
    other.certificate(1, 1, &["echo"], 1);
    let honest = other.report(1, 1, one, Success);
    stage.must(honest);
    assert_eq!(stage.standing(1), "succeeded");
}
