//! A2A-5, DAT-2: whose word a command is shows before it comes into a log, by the keys that the state knows.

use hms_consensus::raft::{Jury as _, Reading};
use hms_consensus::state::State;
use hms_consensus::state::command::{Batch, Command};
use hms_protocol::certificate::{Attestation, Phase, Statement};
use hms_protocol::codec::{self, envelope};
use hms_protocol::digest::Hash;
use hms_protocol::envelope::{BodyKind, Sealed};
use hms_protocol::evidence::VoterEvidence;
use hms_protocol::id::{Epoch, Index, MeshId, Term};
use hms_protocol::keyring::SecretKey;
use hms_protocol::member::Role;
use hms_protocol::order::{Order, OrderDraft};
use hms_protocol::task::Outcome;

use super::stage::{
    FOUNDED, Stage, admission, agent_id, assign, node_id, node_key, operator_key, report, spec,
    submit,
};

/// The code of what is wrong with the author of a command; nothing if it is its own.
fn doubt(state: &State, command: &Command) -> &'static str {
    let batch = Batch {
        stamped_at: FOUNDED,
        commands: vec![submit(99, spec("echo")), command.clone()],
    };
    let read = state.read(&codec::encode(&batch));
    let Some(Reading { stamped_at, doubt }) = read else {
        panic!("it can be read");
    };
    assert_eq!(stamped_at, FOUNDED);
    doubt.unwrap_or_default()
}

fn order(stage: &Stage, key: &SecretKey, order: Order) -> Command {
    let draft = OrderDraft {
        mesh: stage.state.mesh(),
        issued_at: stage.now,
        nonce: [1; 16],
        order,
    };
    Command::Operate(draft.sign(key))
}

/// Two logs that a key has signed for one place, in the name of node 2.
fn evidence(mesh: MeshId, key: &SecretKey) -> Command {
    let word = |hash| {
        let statement = Statement {
            group: mesh,
            epoch: Epoch(1),
            phase: Phase::Held,
            term: Term(3),
            index: Index(9),
            hash: Hash::from_bytes([hash; 32]),
        };
        Attestation {
            voter: node_id(2),
            ..statement.attest(key)
        }
    };
    let (first, second) = (word(1), word(2));
    Command::Convict(Box::new(VoterEvidence::TwoAttestations { first, second }))
}

#[test]
fn what_its_author_has_not_signed_is_doubted() {
    let mut stage = Stage::new(3);
    let one = stage.enrol(1, 1, &["echo"], 1);
    stage.must(submit(1, spec("echo")));
    stage.must(assign(1, 1, one));
    let thief = SecretKey::from_seed(&[9; 32]);
    let body = codec::encode(&report(1, 1, one, Outcome::Success));
    let own = stage.seal(one, BodyKind::Report, body.clone());
    let forged = envelope::seal(own.claimed().clone(), body, &thief);
    let verdict = |sealed: &Sealed| Command::Judge(sealed.clone());
    let stranger = stage.invited(7, Role::Worker);
    let mut stolen = stranger.clone();
    stolen.id = node_id(8);
    let mut certificate = stage.certificate(1, 3, &["echo"], 1);
    let signed = Command::Enrol(vec![certificate.clone()]);
    certificate.slots = 2;
    let promote = Order::Promote(node_id(2));
    let mesh = stage.state.mesh();
    let cases = [
        (Command::Report(own.clone()), ""),
        (Command::Report(forged), "HMS-BAD-SIGNATURE"),
        (verdict(&own), "HMS-INVALID"),
        (Command::Admit(stranger), ""),
        (Command::Admit(stolen), "HMS-TOKEN-STOLEN"),
        (Command::Admit(admission(3)), ""),
        (signed, ""),
        (Command::Enrol(vec![certificate]), "HMS-BAD-SIGNATURE"),
        (order(&stage, &operator_key(), promote), ""),
        (order(&stage, &thief, promote), "HMS-ORDER-FORGED"),
        (evidence(mesh, &node_key(2)), ""),
        (evidence(mesh, &thief), "HMS-INVALID"),
    ];
    for (command, expected) in cases {
        assert_eq!(doubt(&stage.state, &command), expected, "{command:?}");
    }
}

#[test]
fn an_author_must_be_known() {
    let mut stage = Stage::new(1);
    let behind = stage.state.clone();
    let agent = stage.enrol(1, 1, &["echo"], 1);
    let sealed = stage.report(1, 1, agent, Outcome::Success);
    assert_eq!(doubt(&stage.state, &sealed), "");
    assert_eq!(doubt(&behind, &sealed), "HMS-UNKNOWN-AGENT");
    assert_eq!(agent, agent_id(1));
}

/// A voter may be further on than its leader was.
#[test]
fn what_the_operator_signed_with_an_earlier_key_is_its_own() {
    let mut stage = Stage::new(2);
    let (mesh, keys) = (stage.state.mesh(), [0, 1, 2].map(operator));
    let early = order(&stage, &keys[0], Order::RevokeAgent(agent_id(1)));
    let invited = Command::Admit(stage.invited(7, Role::Worker));
    for pair in keys.windows(2) {
        let rotation = Order::rotate(mesh, &pair[0].public(), &pair[1]);
        stage.must(order(&stage, &pair[0], rotation));
        assert_eq!(doubt(&stage.state, &early), "");
        assert_eq!(doubt(&stage.state, &invited), "");
        let refused = stage.decide(early.clone()).unwrap_err();
        assert_eq!(refused.code(), "HMS-ORDER-FORGED", "it counts no more");
    }
    let never = order(&stage, &operator(9), Order::RevokeAgent(agent_id(1)));
    assert_eq!(doubt(&stage.state, &never), "HMS-ORDER-FORGED");
}

fn operator(number: u8) -> SecretKey {
    SecretKey::from_seed(&[200 + number; 32])
}
