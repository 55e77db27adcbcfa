//! MSH-11, AGT-1: what the operator orders counts once and by its own key; seats are given and taken; a lost voter's goes to
//! a spare after the time that the charter says.

use hms_consensus::state::Change;
use hms_consensus::state::command::Command;
use hms_consensus::state::waiting::Demand;
use hms_protocol::agent::AgentStanding;
use hms_protocol::keyring::SecretKey;
use hms_protocol::member::{MemberStanding, Role, Seat};
use hms_protocol::order::{ORDER_TTL_MS, Order, OrderDraft, SignedOrder};
use hms_protocol::task::{Blockage, Outcome};

use super::stage::{
    REPLACE_AFTER_MS, Stage, agent_id, assign, greet, lose, node_id, operator_key, spec, submit,
};

fn sign(stage: &Stage, key: &SecretKey, order: Order, nonce: u8) -> SignedOrder {
    let draft = OrderDraft {
        mesh: stage.state.mesh(),
        issued_at: stage.now,
        nonce: [nonce; 16],
        order,
    };
    draft.sign(key)
}

/// Gives an order; the code of the refusal, or nothing.
fn order(stage: &mut Stage, order: Order) -> &'static str {
    let signed = sign(stage, &operator_key(), order, 1);
    let decided = stage.decide(Command::Operate(signed));
    // Two equal orders of one moment are one: let a moment pass.
    stage.now = stage.now.plus_ms(1);
    decided.err().map_or("", |refusal| refusal.code())
}

fn seat(stage: &Stage, node: u8) -> Seat {
    stage.state.roster().member(node_id(node)).unwrap().seat
}

/// A mesh of three voters and a spare, which is node 4.
fn with_a_spare() -> Stage {
    let mut stage = Stage::new(3);
    let spare = stage.invited(4, Role::Voter);
    stage.must(Command::Admit(spare));
    stage.must(greet(4, 1));
    assert_eq!(seat(&stage, 4), Seat::Spare, "three are enough");
    stage
}

#[test]
fn an_order_counts_once_and_by_the_operators_key_only() {
    let mut stage = with_a_spare();
    let promote = Order::Promote(node_id(4));
    let forged = sign(&stage, &SecretKey::from_seed(&[1; 32]), promote, 1);
    let signed = sign(&stage, &operator_key(), promote, 1);
    let mut give = |signed: &SignedOrder, later_ms| {
        stage.now = stage.now.plus_ms(later_ms);
        let decided = stage.decide(Command::Operate(signed.clone()));
        let code = decided.err().map_or("", |refusal| refusal.code());
        (code, seat(&stage, 4))
    };
    assert_eq!(give(&forged, 0), ("HMS-ORDER-FORGED", Seat::Spare));
    assert_eq!(give(&signed, 0), ("", Seat::Voter));
    assert_eq!(give(&signed, 0), ("HMS-ORDER-REPEATED", Seat::Voter));
    let later = give(&signed, ORDER_TTL_MS + 1);
    assert_eq!(later, ("HMS-ORDER-EXPIRED", Seat::Voter));
}

#[test]
fn seats_are_given_and_taken_and_the_last_one_stays() {
    let mut stage = with_a_spare();
    assert_eq!(
        order(&mut stage, Order::AddSpare(node_id(4))),
        "HMS-ORDER-IMPOSSIBLE"
    );
    assert_eq!(order(&mut stage, Order::Remove(node_id(4))), "");
    assert_eq!(seat(&stage, 4), Seat::None);
    assert_eq!(
        order(&mut stage, Order::Remove(node_id(4))),
        "HMS-ORDER-IMPOSSIBLE"
    );
    assert_eq!(order(&mut stage, Order::AddSpare(node_id(4))), "");
    let (old, new) = (node_id(1), node_id(4));
    assert_eq!(order(&mut stage, Order::Replace { old, new }), "");
    assert_eq!(
        (seat(&stage, 1), seat(&stage, 4)),
        (Seat::None, Seat::Voter)
    );
    assert_eq!(
        order(&mut stage, Order::Replace { old, new }),
        "HMS-ORDER-IMPOSSIBLE"
    );
    assert_eq!(
        order(&mut stage, Order::Transfer(new)),
        "HMS-ORDER-IMPOSSIBLE",
        "not yet a voter"
    );
    for node in [2, 3] {
        assert_eq!(order(&mut stage, Order::Remove(node_id(node))), "");
    }
    assert_eq!(
        order(&mut stage, Order::Remove(node_id(4))),
        "HMS-ORDER-IMPOSSIBLE"
    );
    assert_eq!(
        order(&mut stage, Order::RevokeNode(node_id(4))),
        "HMS-ORDER-IMPOSSIBLE"
    );
    let worker = stage.invited(5, Role::Worker);
    stage.must(Command::Admit(worker));
    assert_eq!(
        order(&mut stage, Order::AddSpare(node_id(5))),
        "HMS-ORDER-IMPOSSIBLE"
    );
    assert_eq!(
        order(&mut stage, Order::Promote(node_id(9))),
        "HMS-UNKNOWN-NODE"
    );
}

#[test]
fn another_key_takes_over_and_the_old_one_signs_nothing_any_more() {
    let mut stage = with_a_spare();
    let new = SecretKey::from_seed(&[201; 32]);
    let (mesh, old) = (stage.state.mesh(), operator_key().public());
    let Order::Rotate { consent, .. } = Order::rotate(mesh, &old, &new) else {
        panic!("it was just made")
    };
    let stolen = Order::Rotate {
        to: SecretKey::from_seed(&[202; 32]).public(),
        consent,
    };
    assert_eq!(order(&mut stage, stolen), "HMS-ORDER-NO-CONSENT");
    assert_eq!(order(&mut stage, Order::rotate(mesh, &old, &new)), "");
    assert_eq!(*stage.state.authority().operator(), new.public());
    assert_eq!(
        order(&mut stage, Order::Promote(node_id(4))),
        "HMS-ORDER-FORGED"
    );
    let void = stage.invited(5, Role::Worker);
    let refused = stage.decide(Command::Admit(void)).unwrap_err();
    assert_eq!(refused.code(), "HMS-TOKEN-FORGED");
    let signed = sign(&stage, &new, Order::Promote(node_id(4)), 1);
    let done = stage.must(Command::Operate(signed));
    assert_eq!(done, Change::Ordered(Order::Promote(node_id(4))));
}

#[test]
fn a_revoked_node_is_never_let_in_again_and_a_spare_takes_its_seat() {
    let mut stage = with_a_spare();
    assert_eq!(order(&mut stage, Order::RevokeNode(node_id(2))), "");
    let member = stage.state.roster().member(node_id(2)).unwrap();
    assert_eq!(
        (member.standing, member.seat),
        (MemberStanding::Revoked, Seat::None)
    );
    assert_eq!(seat(&stage, 4), Seat::Voter);
    let again = stage.invited(2, Role::Voter);
    let refused = stage.decide(Command::Admit(again)).unwrap_err();
    assert_eq!(refused.code(), "HMS-EXCLUDED");
    assert!(stage.decide(greet(2, 2)).is_err());
    assert_eq!(
        order(&mut stage, Order::RevokeNode(node_id(2))),
        "HMS-ORDER-IMPOSSIBLE"
    );
}

/// SUP-19: a cordoned node keeps what it has and gets nothing new, neither tasks nor results to check, until it is
/// uncordoned. Repeating either changes nothing.
#[test]
fn a_cordoned_node_gets_no_new_work() {
    let mut stage = Stage::new(2);
    let agent = stage.enrol(2, 1, &["echo"], 2);
    for task in 1..=3 {
        stage.must(submit(task, spec("echo")));
    }
    stage.must(assign(1, 1, agent));
    for _ in 0..2 {
        assert_eq!(order(&mut stage, Order::Cordon(node_id(2))), "");
    }
    assert_eq!(
        stage.decide(assign(2, 1, agent)).unwrap_err().code(),
        "HMS-UNFIT"
    );
    let demand = Demand::of(&spec("echo"));
    assert_eq!(stage.state.blockage(&demand), Some(Blockage::NobodyPresent));
    let done = stage.report(1, 1, agent, Outcome::Success);
    stage.must(done);
    assert_eq!(stage.standing(1), "succeeded");
    stage.must(greet(2, 2));
    assert_eq!(
        stage.decide(assign(2, 1, agent)).unwrap_err().code(),
        "HMS-UNFIT",
        "a new life changes nothing"
    );
    for _ in 0..2 {
        assert_eq!(order(&mut stage, Order::Uncordon(node_id(2))), "");
    }
    assert_eq!(stage.state.blockage(&demand), None);
    stage.must(assign(2, 1, agent));
    assert_eq!(
        order(&mut stage, Order::Cordon(node_id(9))),
        "HMS-UNKNOWN-NODE"
    );
}

#[test]
fn nothing_that_a_revoked_agent_says_counts() {
    let mut stage = Stage::new(2);
    let agent = stage.enrol(2, 1, &["echo"], 2);
    stage.must(submit(1, spec("echo")));
    stage.must(assign(1, 1, agent));
    assert_eq!(order(&mut stage, Order::RevokeAgent(agent)), "");
    let standing = stage.state.roster().agent(agent_id(1)).unwrap().standing;
    assert_eq!(standing, AgentStanding::Revoked);
    assert_eq!(stage.standing(1), "queued", "the task goes to others");
    let report = stage.report(1, 1, agent, Outcome::Success);
    assert_eq!(
        stage.decide(report).unwrap_err().code(),
        "HMS-AGENT-REVOKED"
    );
    let command = assign(1, 2, agent);
    assert_eq!(stage.decide(command).unwrap_err().code(), "HMS-UNFIT");
    stage.now = stage.now.plus_ms(10);
    stage.enrol(2, 1, &["echo"], 3);
    let standing = stage.state.roster().agent(agent_id(1)).unwrap().standing;
    assert_eq!(
        standing,
        AgentStanding::Revoked,
        "a new certificate does not help"
    );
}

#[test]
fn a_voter_that_was_lost_for_long_gives_its_seat_to_a_spare() {
    let mut stage = with_a_spare();
    let replace = |spare| Command::ReplaceLost {
        lost: node_id(3),
        incarnation: hms_protocol::id::Incarnation(1),
        spare: node_id(spare),
    };
    let seats = |stage: &Stage| (seat(stage, 3), seat(stage, 4));
    stage.must(replace(4));
    assert_eq!(seats(&stage), (Seat::Voter, Seat::Spare), "it is not lost");
    stage.must(lose(3, 1));
    stage.now = stage.now.plus_ms(REPLACE_AFTER_MS - 1);
    stage.must(replace(4));
    assert_eq!(seats(&stage), (Seat::Voter, Seat::Spare), "not for long");
    stage.now = stage.now.plus_ms(1);
    stage.must(replace(2));
    assert_eq!(
        seats(&stage),
        (Seat::Voter, Seat::Spare),
        "that is no spare"
    );
    stage.must(replace(4));
    assert_eq!(seats(&stage), (Seat::Spare, Seat::Voter));
    // What comes back is a spare, and nothing happens twice.
    stage.must(greet(3, 2));
    stage.must(replace(4));
    assert_eq!(seats(&stage), (Seat::Spare, Seat::Voter));
}
