//! Members and agents: who is let in, as what, and what is remembered of them.

use hms_consensus::input::Admission;
use hms_consensus::raft::MembershipChange;
use hms_consensus::state::Change;
use hms_consensus::state::command::Command;
use hms_consensus::state::event::Event;
use hms_protocol::agent::AgentStanding;
use hms_protocol::id::MeshId;
use hms_protocol::member::{Presence, Role};
use hms_protocol::token::{Invitation, TOKEN_TTL_MS};

use super::stage::{Stage, admission, agent_id, greet, lose, node_id, node_key, operator_key};

fn role_of(stage: &Stage, node: u8) -> Role {
    stage.state.roster().member(node_id(node)).unwrap().role
}

#[test]
fn a_node_becomes_what_its_token_says_or_less() {
    let mut stage = Stage::new(1);
    let mut let_in = |number, invited, wish| {
        let mut admission = stage.invited(number, invited);
        admission.role = wish;
        stage.must(Command::Admit(admission));
        role_of(&stage, number)
    };
    assert_eq!(let_in(2, Role::Voter, None), Role::Voter);
    assert_eq!(let_in(3, Role::Voter, Some(Role::Voter)), Role::Voter);
    assert_eq!(let_in(4, Role::Voter, Some(Role::Worker)), Role::Worker);
    assert_eq!(let_in(5, Role::Worker, None), Role::Worker);
}

/// Applies a wish to join; the code of the refusal, or nothing.
fn join(stage: &mut Stage, admission: Admission) -> &'static str {
    let decided = stage.decide(Command::Admit(admission));
    decided.err().map_or("", |refusal| refusal.code())
}

#[test]
fn a_stranger_needs_a_token_of_the_operator_and_a_name_of_its_own() {
    let mut stage = Stage::new(1);
    assert_eq!(join(&mut stage, admission(2)), "HMS-TOKEN-MISSING");
    let mut namesake = stage.invited(2, Role::Voter);
    namesake.name = "n1".parse().unwrap();
    assert_eq!(join(&mut stage, namesake), "HMS-NAME-TAKEN");
    let mut proud = stage.invited(2, Role::Worker);
    proud.role = Some(Role::Voter);
    assert_eq!(join(&mut stage, proud), "HMS-TOKEN-ROLE");
    let mut foreign = stage.invited(2, Role::Worker);
    let mesh = MeshId::from_bytes([1; 32]);
    let ends = stage.now.plus_ms(1_000);
    let made = Invitation::new(&operator_key(), mesh, Role::Voter, ends, &[2; 32]);
    foreign.proof = Some(made.prove(node_id(2)));
    assert_eq!(join(&mut stage, foreign), "HMS-TOKEN-OTHER-MESH");
    let mut forged = stage.invited(2, Role::Worker);
    let mesh = stage.state.mesh();
    let made = Invitation::new(&node_key(1), mesh, Role::Voter, ends, &[2; 32]);
    forged.proof = Some(made.prove(node_id(2)));
    assert_eq!(join(&mut stage, forged), "HMS-TOKEN-FORGED");
    assert!(stage.state.roster().member(node_id(2)).is_none());
    assert_eq!(stage.state.authority().permits().count(), 0);
    let invited = stage.invited(2, Role::Worker);
    assert_eq!(join(&mut stage, invited), "");
}

#[test]
fn a_token_counts_once_and_until_it_ends() {
    let mut stage = Stage::new(1);
    let token = stage.invited(2, Role::Worker);
    let shared = Admission {
        id: node_id(3),
        name: "n3".parse().unwrap(),
        ..token.clone()
    };
    // Whoever relays the wish to join has the token and not its secret.
    assert_eq!(join(&mut stage, shared), "HMS-TOKEN-STOLEN");
    assert_eq!(join(&mut stage, token.clone()), "");
    assert_eq!(join(&mut stage, token), "", "a member may ask again");
    let mut again = stage.invited(3, Role::Worker);
    let (mesh, ends) = (stage.state.mesh(), stage.now.plus_ms(TOKEN_TTL_MS));
    let made = Invitation::new(&operator_key(), mesh, Role::Worker, ends, &[2; 32]);
    again.proof = Some(made.prove(node_id(3)));
    assert_eq!(join(&mut stage, again.clone()), "HMS-TOKEN-USED");
    stage.now = ends;
    assert_eq!(join(&mut stage, again), "HMS-TOKEN-EXPIRED");
    // With the next one the ended ones are forgotten.
    let fresh = stage.invited(3, Role::Worker);
    assert_eq!(join(&mut stage, fresh), "");
    assert_eq!(stage.state.authority().permits().count(), 1);
}

#[test]
fn whoever_joins_again_keeps_its_place_and_may_have_moved() {
    let mut stage = Stage::new(4);
    let revision = stage.state.roster().revision();
    let applied = stage.apply(vec![Command::Admit(admission(4))]);
    assert_eq!(applied.events, []);
    assert_eq!(stage.state.roster().revision(), revision);

    let mut moved = admission(4);
    moved.addresses = vec!["/ip4/127.0.0.1/tcp/9999".to_owned()];
    moved.name = "n9".parse().unwrap();
    let applied = stage.apply(vec![Command::Admit(moved.clone())]);
    assert_eq!(applied.events.len(), 1);
    assert_eq!(applied.events[0].1, Event::RosterChanged);
    let Ok(Change::Admitted(member)) = &applied.outcomes[0] else {
        panic!("{:?}", applied.outcomes);
    };
    assert_eq!(
        (member.role, &member.addresses),
        (Role::Worker, &moved.addresses)
    );
    assert!(stage.state.roster().revision() > revision);
    assert!(stage.state.roster().named(&"n4".parse().unwrap()).is_none());
    assert_eq!(
        stage.state.roster().named(&moved.name).unwrap().id,
        node_id(4)
    );
}

#[test]
fn presence_follows_the_newest_life() {
    let mut stage = Stage::new(2);
    let presence = |stage: &Stage| stage.state.roster().member(node_id(2)).unwrap().presence;
    stage.must(greet(2, 3));
    stage.must(lose(2, 2));
    assert_eq!(
        presence(&stage),
        Presence::Present,
        "an older life was meant"
    );
    stage.must(lose(2, 3));
    assert_eq!(presence(&stage), Presence::Lost);
    stage.must(greet(2, 2));
    assert_eq!(presence(&stage), Presence::Lost, "an older life beats");
    stage.must(greet(2, 3));
    assert_eq!(presence(&stage), Presence::Present);
}

#[test]
fn a_certificate_is_its_nodes_own_word() {
    let mut stage = Stage::new(2);
    let honest = stage.certificate(1, 1, &["echo"], 1);
    let mut stolen = honest.clone();
    stolen.node = node_id(2);
    let mut inflated = honest.clone();
    inflated.slots = 2;
    let mut idle = honest.clone();
    idle.slots = 0;
    let foreign = Stage::new(9).certificate(9, 2, &["echo"], 1);
    let certificates = vec![stolen, inflated, idle, foreign, honest.clone(), honest];
    let Change::Enrolled(outcomes) = stage.must(Command::Enrol(certificates)) else {
        panic!("an enrolment enrols");
    };
    let codes: Vec<&str> = outcomes
        .iter()
        .map(|(_, outcome)| outcome.as_ref().err().map_or("", |refusal| refusal.code()))
        .collect();
    assert_eq!(
        codes,
        [
            "HMS-BAD-SIGNATURE",
            "HMS-BAD-SIGNATURE",
            "HMS-OUT-OF-RANGE",
            "HMS-UNKNOWN-NODE",
            "",
            ""
        ],
    );
    assert_eq!(stage.state.roster().agents_total(), 1);
}

/// AGT-1: an agent keeps its id and key; a newer certificate of its own node replaces the older one, nothing else does.
#[test]
fn an_agent_keeps_its_node_and_key_and_the_newest_certificate_holds() {
    let mut stage = Stage::new(2);
    let old = stage.certificate(1, 1, &["echo"], 1);
    stage.now = stage.now.plus_ms(10);
    let new = stage.certificate(1, 1, &["echo", "sleep"], 4);
    let hijack = stage.certificate(2, 1, &["echo"], 1);
    stage.must(Command::Enrol(vec![new.clone()]));
    stage.must(Command::Enrol(vec![old, hijack]));
    assert_eq!(
        stage.state.roster().agent(agent_id(1)).unwrap().certificate,
        new
    );
    let sleep = "sleep".parse().unwrap();
    assert!(stage.state.crew().node_has(node_id(1), &sleep));
}

#[test]
fn a_stopped_agent_stays_stopped() {
    let mut stage = Stage::new(1);
    stage.enrol(1, 1, &["echo"], 1);
    let retire = || Command::Retire {
        node: node_id(1),
        agents: vec![agent_id(1), agent_id(2)],
    };
    let gone = stage.apply(vec![retire(), retire()]);
    assert_eq!(gone.events.len(), 1, "once is enough");
    stage.now = stage.now.plus_ms(10);
    stage.enrol(1, 1, &["echo"], 1);
    let agent = stage.state.roster().agent(agent_id(1)).unwrap();
    assert_eq!(agent.standing, AgentStanding::Stopped);
}

#[test]
fn a_vote_that_counts_is_news() {
    let mut stage = Stage::new(2);
    let index = stage.state.applied().next();
    let events = stage
        .state
        .apply_membership(index, node_id(2), MembershipChange::Voter);
    assert_eq!(events.len(), 1);
    assert!(stage.state.roster().member(node_id(2)).unwrap().votes);
    let events = stage
        .state
        .apply_membership(index.next(), node_id(2), MembershipChange::Voter);
    assert_eq!(events, []);
}

#[test]
fn a_node_that_has_not_beaten_yet_gets_nothing() {
    let mut stage = Stage::new(1);
    let invited = stage.invited(2, Role::Worker);
    stage.must(Command::Admit(invited));
    assert!(!stage.state.roster().is_present(node_id(2)));
    let events = stage.apply(vec![greet(2, 4)]).events;
    let node = node_id(2);
    let presence = Presence::Present;
    assert!(
        events
            .iter()
            .any(|(_, event)| *event == Event::PresenceChanged { node, presence })
    );
    assert!(stage.state.roster().is_present(node));
}
