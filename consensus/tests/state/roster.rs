//! Members and agents: who is let in, as what, and what is remembered of them.

use hms_consensus::state::Change;
use hms_consensus::state::command::Command;
use hms_consensus::state::event::Event;
use hms_protocol::agent::AgentStanding;
use hms_protocol::member::{Presence, Role};

use super::stage::{Stage, admission, agent_id, greet, lose, node_id};

fn role_of(stage: &Stage, node: u8) -> Role {
    stage.state.roster().member(node_id(node)).unwrap().role
}

#[test]
fn the_first_become_voters_and_the_rest_workers() {
    let mut stage = Stage::new(2);
    let mut modest = admission(3);
    modest.role = Some(Role::Worker);
    stage.must(Command::Admit(modest));
    let mut eager = admission(4);
    eager.role = Some(Role::Voter);
    stage.must(Command::Admit(eager.clone()));
    eager.id = node_id(5);
    eager.name = "n5".parse().unwrap();
    stage.must(Command::Admit(eager));
    let roles: Vec<Role> = (1..=5).map(|node| role_of(&stage, node)).collect();
    assert_eq!(
        roles,
        [
            Role::Voter,
            Role::Voter,
            Role::Worker,
            Role::Voter,
            Role::Worker
        ]
    );
}

#[test]
fn a_stranger_needs_the_token_and_a_name_of_its_own() {
    let mut stage = Stage::new(1);
    let mut stranger = admission(2);
    stranger.token = b"guess".to_vec();
    let code = |stage: &mut Stage, admission| {
        stage
            .decide(Command::Admit(admission))
            .err()
            .map_or("", |refusal| refusal.code())
    };
    assert_eq!(code(&mut stage, stranger), "HMS-BAD-TOKEN");
    let mut namesake = admission(2);
    namesake.name = "n1".parse().unwrap();
    assert_eq!(code(&mut stage, namesake), "HMS-NAME-TAKEN");
    let mut verbose = admission(2);
    verbose.gateway = "x".repeat(300);
    assert!(stage.state.roster().member(node_id(2)).is_none());
    assert_eq!(code(&mut stage, admission(2)), "");
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
    moved.token = Vec::new();
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
    let events = stage.state.apply_membership(index, node_id(2), true);
    assert_eq!(events.len(), 1);
    assert!(stage.state.roster().member(node_id(2)).unwrap().votes);
    let events = stage.state.apply_membership(index.next(), node_id(2), true);
    assert_eq!(events, []);
}

#[test]
fn a_node_that_has_not_beaten_yet_gets_nothing() {
    let mut stage = Stage::new(1);
    stage.must(Command::Admit(admission(2)));
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
