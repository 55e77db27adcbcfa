//! BYZ-3: a node is convicted by what it has signed itself, once, on every replica alike; nothing else convicts it.

use hms_consensus::state::Change;
use hms_consensus::state::checkpoint::Checkpoint;
use hms_consensus::state::command::Command;
use hms_consensus::state::event::Event;
use hms_protocol::certificate::{Attestation, Phase, Statement};
use hms_protocol::digest::Hash;
use hms_protocol::evidence::{Exhibit, Guilty, VoterEvidence};
use hms_protocol::id::{Epoch, Index, MeshId, Term};
use hms_protocol::member::{MemberStanding, Role};
use hms_protocol::task::Outcome;
use hms_protocol::verdict::Finding;

use super::stage::{
    Stage, admission, agent_id, assign, genesis, greet, node_id, node_key, proof_spec, spec, submit,
};

/// A word of a node on the log of this mesh: its hash says which one.
fn word(mesh: MeshId, node: u8, (term, hash): (u64, u8)) -> Attestation {
    let statement = Statement {
        group: mesh,
        epoch: Epoch(1),
        phase: Phase::Held,
        term: Term(term),
        index: Index(9),
        hash: Hash::from_bytes([hash; 32]),
    };
    statement.attest(&node_key(node))
}

fn convict(first: Attestation, second: Attestation) -> Command {
    Command::Convict(Box::new(VoterEvidence::TwoAttestations { first, second }))
}

/// Two logs that a node has signed for one place.
fn contradiction(mesh: MeshId, node: u8) -> Command {
    convict(word(mesh, node, (3, 1)), word(mesh, node, (3, 2)))
}

fn standing(stage: &Stage, node: u8) -> MemberStanding {
    let member = stage.state.roster().member(node_id(node));
    member.expect("it is a member").standing
}

#[test]
fn two_words_convict_a_member_and_the_second_piece_changes_nothing() {
    let mut stage = Stage::new(3);
    let mesh = stage.state.mesh();
    let revision = stage.state.roster().revision();
    let events = stage.apply(vec![contradiction(mesh, 2)]).events;
    let (node, number) = (node_id(2), 1);
    let told = |wanted: Event| events.iter().any(|(_, event)| *event == wanted);
    assert!(told(Event::NodeConvicted { node, number }));
    assert!(told(Event::RosterChanged));
    assert_eq!(standing(&stage, 2), MemberStanding::Quarantined);
    assert!(revision < stage.state.roster().revision());

    let piece = stage.state.archive().piece(1).expect("it is kept").clone();
    assert_eq!(piece.guilty, Guilty::Node(node));
    assert_eq!(piece.exhibit.verify(mesh), Ok(Guilty::Node(node)));

    let again = convict(word(mesh, 2, (4, 1)), word(mesh, 2, (4, 2)));
    let applied = stage.apply(vec![again]);
    assert_eq!(applied.outcomes, [Ok(Change::Done)]);
    assert!(applied.events.is_empty());
    assert_eq!(stage.state.archive().newest(), 1);
}

#[test]
fn what_an_honest_node_can_have_said_convicts_nobody() {
    let mut stage = Stage::new(3);
    let mesh = stage.state.mesh();
    let before = stage.state.roster().digests();
    let other = MeshId::from_bytes([8; 32]);
    let mut forged = word(mesh, 2, (3, 2));
    forged.signature = word(mesh, 3, (3, 2)).signature;
    for (command, code) in [
        // A log may be replaced from term to term, and said twice.
        (
            convict(word(mesh, 2, (3, 1)), word(mesh, 2, (4, 2))),
            "HMS-EVID-INNOCENT",
        ),
        (
            convict(word(mesh, 2, (3, 1)), word(mesh, 2, (3, 1))),
            "HMS-EVID-INNOCENT",
        ),
        (
            convict(word(mesh, 2, (3, 1)), word(mesh, 3, (3, 2))),
            "HMS-EVID-VOTERS",
        ),
        (contradiction(other, 2), "HMS-EVID-GROUP"),
        (convict(word(mesh, 2, (3, 1)), forged), "HMS-EVID-SIGNATURE"),
        (contradiction(mesh, 9), "HMS-UNKNOWN-NODE"),
    ] {
        assert_eq!(stage.decide(command).unwrap_err().code(), code);
    }
    assert_eq!(stage.state.roster().digests(), before);
    assert!(stage.state.archive().is_empty());
}

#[test]
fn a_convicted_node_is_never_let_in_again() {
    let mut stage = Stage::new(3);
    let mesh = stage.state.mesh();
    let certificate = stage.certificate(2, 5, &["echo"], 1);
    stage.must(contradiction(mesh, 2));
    for command in [
        Command::Admit(admission(2)),
        greet(2, 2),
        Command::Convict(Box::new(VoterEvidence::TwoAttestations {
            first: word(mesh, 9, (3, 1)),
            second: word(mesh, 9, (3, 2)),
        })),
    ] {
        assert!(stage.decide(command).is_err());
    }
    let enrolled = stage.must(Command::Enrol(vec![certificate]));
    let Change::Enrolled(outcomes) = enrolled else {
        panic!("{enrolled:?}");
    };
    assert_eq!(outcomes[0].1.as_ref().unwrap_err().code(), "HMS-EXCLUDED");
    assert!(!stage.state.roster().is_present(node_id(2)));
    // Its place among the voters is free.
    assert_eq!(stage.state.roster().seated(), 2);
    let invited = stage.invited(4, Role::Voter);
    stage.must(Command::Admit(invited));
    assert_eq!(stage.state.roster().seated(), 3);
}

#[test]
fn the_work_of_a_convicted_node_goes_to_others_and_its_word_counts_no_more() {
    let mut stage = Stage::new(3);
    let mesh = stage.state.mesh();
    let agent = stage.enrol(2, 1, &["echo"], 2);
    stage.must(submit(1, spec("echo")));
    stage.must(assign(1, 1, agent));
    stage.must(contradiction(mesh, 2));
    assert_eq!(stage.standing(1), "queued");
    let late = stage.report(1, 1, agent, Outcome::Success);
    assert_eq!(stage.decide(late).unwrap_err().code(), "HMS-STALE-ATTEMPT");
    let refused = stage.decide(assign(1, 2, agent)).unwrap_err();
    assert_eq!(refused.code(), "HMS-UNFIT");
}

#[test]
fn a_convicted_verifier_is_not_heard_and_not_drawn() {
    let mut stage = Stage::new(4);
    let mesh = stage.state.mesh();
    let skills = ["prove.metamath", "verify.metamath"];
    for node in 1..=4 {
        stage.enrol(node, node, &skills, 1);
    }
    stage.must(submit(1, proof_spec()));
    stage.must(assign(1, 1, agent_id(1)));
    stage.must(stage.report(1, 1, agent_id(1), Outcome::Success));
    assert_eq!(stage.drawn(1).len(), 3);
    stage.must(contradiction(mesh, 3));
    let word = stage.verdict(1, 1, agent_id(3), Finding::Accepted);
    assert_eq!(stage.decide(word).unwrap_err().code(), "HMS-EXCLUDED");
    assert_eq!(stage.standing(1), "verifying");
}

#[test]
fn a_checkpoint_keeps_both_kinds_of_evidence_and_the_standing() {
    let mut stage = Stage::new(3);
    let mesh = stage.state.mesh();
    stage.must(contradiction(mesh, 3));
    let checkpoint = Checkpoint {
        state: stage.state.clone(),
        ..Checkpoint::genesis(&genesis(7))
    };
    let read = Checkpoint::decode(&checkpoint.encode()).expect("it was just written");
    assert_eq!(read.state.digest(), stage.state.digest());
    assert_eq!(read.state, stage.state);
    let piece = read.state.archive().piece(1).expect("it is kept");
    assert!(matches!(piece.exhibit, Exhibit::Voter(_)));
}
