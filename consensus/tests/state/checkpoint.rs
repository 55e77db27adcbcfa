//! Checkpoints: what is read back is what was written, or nothing.

use hms_consensus::state::checkpoint::{CHECKPOINT_VERSION, Checkpoint, CheckpointError, Head};
use hms_consensus::state::command::Command;
use hms_proto::v1;
use hms_protocol::digest::{Domain, Hash, hash_fields};
use hms_protocol::id::{Epoch, Index, Term};
use hms_protocol::limits::GENESIS_BYTES_MAX;
use hms_protocol::task::Outcome;
use hms_protocol::trust::Trust;
use hms_protocol::verdict::Finding;
use prost::Message as _;

use super::stage::{Stage, agent_id, assign, genesis, node_id, proof_spec, spec, submit, task_id};

/// A state with something in every table.
pub(crate) fn rich() -> Stage {
    let mut stage = Stage::new(3);
    for number in 1..=3 {
        let skills = ["echo", "prove.metamath", "verify.metamath", "probe.tcp"];
        stage.enrol(number, number, &skills, 4);
    }
    for task in 1..=3 {
        stage.must(submit(task, proof_spec()));
        stage.must(assign(task, 1, agent_id(task)));
        let done = stage.report(task, 1, agent_id(task), Outcome::Success);
        stage.must(done);
    }
    for (verifier, _) in stage.drawn(1) {
        let verdict = stage.verdict(1, 1, verifier, Finding::Rejected("no".to_owned()));
        stage.must(verdict);
    }
    let verifier = stage.drawn(2)[0].0;
    let verdict = stage.verdict(2, 1, verifier, Finding::Accepted);
    let _either_way = stage.decide(verdict);
    for (task, skill) in [(4, "echo"), (5, "nothing"), (6, "echo")] {
        stage.must(submit(task, spec(skill)));
    }
    stage.must(assign(4, 1, agent_id(3)));
    stage.must(Command::Cancel { task: task_id(6) });
    stage.must(Command::Declare(hms_protocol::service::ServiceSpec {
        name: "db".parse().unwrap(),
        probe: "probe.tcp".parse().unwrap(),
        target: [("address".to_owned(), "127.0.0.1:5432".to_owned())].into(),
        interval_ms: 1_000,
        timeout_ms: 500,
        retries: 0,
        probers: 2,
        quorum: 2,
        nodes: Vec::new(),
    }));
    stage
}

fn checkpoint(stage: &Stage) -> Checkpoint {
    Checkpoint {
        index: stage.state.applied(),
        term: Term(4),
        chain: Hash::from_bytes([3; 32]),
        voters: vec![node_id(1), node_id(2)],
        learners: vec![node_id(3)],
        epoch: Epoch(3),
        trust: Trust::Byzantine,
        handovers: Vec::new(),
        certificate: None,
        state: stage.state.clone(),
    }
}

#[test]
fn what_is_read_back_is_what_was_written() {
    let stage = rich();
    let written = checkpoint(&stage);
    let bytes = written.encode();
    let read = Checkpoint::decode(&bytes).unwrap();
    assert_eq!(read.encode(), bytes);
    assert_eq!(read.state.digest(), stage.state.digest());
    let head = Head::decode(&bytes).unwrap();
    assert_eq!(
        (head.index, head.term, head.chain),
        (written.index, Term(4), written.chain)
    );
    assert_eq!(
        (head.voters, head.learners),
        (written.voters, written.learners)
    );
}

/// The indexes that are built anew lead to the same decisions.
#[test]
fn a_state_that_was_read_back_goes_on_as_the_other_would() {
    let mut one = rich();
    let mut other = rich();
    other.state = Checkpoint::decode(&checkpoint(&one).encode())
        .unwrap()
        .state;
    for stage in [&mut one, &mut other] {
        stage.now = stage.now.plus_ms(20_000);
        let due: Vec<_> = stage.state.ledger().index().expired(stage.now).collect();
        assert_eq!(due, [task_id(4)]);
        stage.must(super::stage::lose(3, 1));
        stage.must(super::stage::lose(2, 1));
        stage.must(submit(9, spec("echo")));
    }
    assert_eq!(one.state.digest(), other.state.digest());
    let counts = |stage: &Stage| stage.state.ledger().index().counts().clone();
    assert_eq!(counts(&one), counts(&other));
}

#[test]
fn damage_is_noticed_wherever_it_is() {
    let bytes = checkpoint(&rich()).encode();
    for place in (0..bytes.len()).step_by(97) {
        let mut damaged = bytes.clone();
        damaged[place] ^= 0x40;
        assert!(
            Checkpoint::decode(&damaged).is_err(),
            "byte {place} does not matter"
        );
    }
    for length in [0, 1, bytes.len() / 2, bytes.len() - 1] {
        assert!(Checkpoint::decode(&bytes[..length]).is_err());
    }
    let mut newer = bytes;
    let version = u8::try_from(CHECKPOINT_VERSION).unwrap();
    assert_eq!(newer[..2], [0x08, version], "the version comes first");
    newer[1] = 9;
    assert!(matches!(
        Checkpoint::decode(&newer),
        Err(CheckpointError::UnknownVersion { found: 9, .. })
    ));
}

#[test]
fn a_mesh_begins_with_its_founder_and_its_id_is_its_genesis() {
    let first = Checkpoint::genesis(&genesis(1));
    assert_eq!((first.index, first.term), (Index(1), Term(1)));
    assert_eq!(first.voters, [node_id(1)]);
    assert!(first.state.roster().member(node_id(1)).unwrap().votes);
    let salted = genesis(2);
    assert_ne!(
        Checkpoint::genesis(&salted).state.mesh(),
        first.state.mesh()
    );
    assert_eq!(Checkpoint::genesis(&genesis(1)).encode(), first.encode());
}

/// A checkpoint whose state was changed by whoever made it: its checksum is right.
fn forge(change: impl Fn(&mut v1::State)) -> Result<Checkpoint, CheckpointError> {
    let frame = v1::Checkpoint::decode(&*checkpoint(&rich()).encode()).unwrap();
    let mut content = v1::CheckpointContent::decode(&*frame.content).unwrap();
    change(content.state.as_mut().unwrap());
    let content = content.encode_to_vec();
    let checksum = hash_fields(Domain::Checkpoint, &[&content]);
    let forged = v1::Checkpoint {
        content,
        checksum: checksum.as_bytes().to_vec(),
        ..frame
    };
    Checkpoint::decode(&forged.encode_to_vec())
}

/// What a leader sends has the right checksum and digest, whatever it holds: the tables' sums do not see a record that is
/// there twice.
#[test]
fn a_record_that_is_there_twice_is_refused() {
    let twice: [fn(&mut v1::State); 6] = [
        |state| state.members.push(state.members[0].clone()),
        |state| state.agents.push(state.agents[0].clone()),
        |state| state.tasks.push(state.tasks[0].clone()),
        |state| state.cases.push(state.cases[0].clone()),
        |state| state.services.push(state.services[0].clone()),
        |state| state.evidence.push(state.evidence[0].clone()),
    ];
    for add in twice {
        let error = forge(add).unwrap_err();
        assert!(error.to_string().contains("twice"), "{error}");
    }
}

/// F1: whoever takes the genesis from a voter gets the one that the mesh is named after. It is no part of the state's digest,
/// as the mesh's name is.
#[test]
fn a_checkpoint_carries_the_genesis_of_its_mesh_and_no_other() {
    let kept = forge(|_| ()).unwrap().state;
    assert_eq!(kept.charter(), rich().state.charter());
    let digest = hash_fields(Domain::Genesis, &[&kept.charter().genesis]);
    assert_eq!(kept.mesh().as_bytes(), digest.as_bytes());
    let others: [fn(&mut v1::State); 3] = [
        |state| state.genesis.clear(),
        |state| state.genesis[0] ^= 1,
        |state| state.genesis = vec![0; GENESIS_BYTES_MAX + 1],
    ];
    for change in others {
        let error = forge(change).unwrap_err();
        assert!(error.to_string().contains("genesis"), "{error}");
    }
}
