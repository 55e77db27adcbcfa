//! MSH-12, DAT-6: a ledger goes on with one node by the operator's order and no other's, and a snapshot is believed as a whole
//! or not at all.

use std::collections::BTreeSet;
use std::sync::Arc;

use hms_consensus::effect::Recovered;
use hms_consensus::salvage::{Revival, Salvage, SalvageError};
use hms_consensus::state::checkpoint::Checkpoint;
use hms_consensus::state::command::Command;
use hms_consensus::state::snapshot;
use hms_protocol::certificate::{Certificate, Phase, Statement};
use hms_protocol::digest::Hash;
use hms_protocol::id::{Epoch, Index, MeshId, NodeName, Term};
use hms_protocol::keyring::SecretKey;
use hms_protocol::member::Seat;
use hms_protocol::order::{Order, OrderDraft, Recover, SignedOrder};
use hms_protocol::trust::{Trust, VoterSet};

use super::checkpoint::rich;
use super::stage::{Stage, node_id, node_key, operator_key};

/// A checkpoint of a mesh in which its founder votes alone, certified by it.
fn certified(stage: &Stage) -> Checkpoint {
    let (group, trust, epoch) = (stage.state.mesh(), Trust::Byzantine, Epoch(1));
    let alone = BTreeSet::from([node_id(1)]);
    let set = VoterSet::new(group, epoch, trust, alone).unwrap();
    let statement = Statement {
        group,
        epoch,
        phase: Phase::Held,
        term: Term(4),
        index: stage.state.applied(),
        hash: Hash::from_bytes([3; 32]),
    };
    let word = statement.attest(&node_key(1));
    Checkpoint {
        index: statement.index,
        term: statement.term,
        chain: statement.hash,
        voters: vec![node_id(1)],
        learners: Vec::new(),
        epoch,
        trust,
        handovers: Vec::new(),
        certificate: Certificate::gather(&set, statement, [&word]),
        state: stage.state.clone(),
    }
}

/// What a node holds that was stopped at a checkpoint.
fn survey(node: u8, checkpoint: &Checkpoint) -> Salvage {
    let recovered = Recovered {
        checkpoint: Some(checkpoint.encode()),
        ..Recovered::default()
    };
    let key = Arc::new(node_key(node));
    Salvage::survey(key, checkpoint.state.mesh(), recovered).unwrap()
}

fn order(stage: &Stage, recover: Recover, by: &SecretKey) -> SignedOrder {
    let draft = OrderDraft {
        mesh: stage.state.mesh(),
        issued_at: stage.now.plus_ms(5),
        nonce: [1; 16],
        order: Order::Recover(recover),
    };
    draft.sign(by)
}

/// A node goes on from a checkpoint, as its operator orders.
fn revive(stage: &Stage, node: u8, name: &str, from: &Checkpoint) -> Result<Revival, SalvageError> {
    let salvage = survey(node, from);
    let signed = order(stage, salvage.wanted(), &operator_key());
    salvage.recover(signed, name.parse().unwrap())
}

#[test]
fn one_voter_goes_on_with_all_that_was_decided() {
    let stage = rich();
    let from = certified(&stage);
    let salvage = survey(2, &from);
    assert_eq!(salvage.state().digest(), stage.state.digest());
    assert_eq!(salvage.reach(), (from.index, from.index));

    let to = revive(&stage, 2, "unused", &from).unwrap().checkpoint;
    let succession = to.prove().expect("the operator leads to it");
    assert_eq!(succession.recoveries(), [from.index.next()]);
    assert_eq!(
        (to.index, &to.voters),
        (from.index.next(), &vec![node_id(2)])
    );
    assert_eq!(to.state.now(), stage.now.plus_ms(5));
    for number in 1..=3 {
        let member = to.state.roster().member(node_id(number)).unwrap();
        let survives = number == 2;
        let seat = if survives { Seat::Voter } else { Seat::None };
        assert_eq!((member.votes, member.seat), (survives, seat), "n{number}");
    }
    assert_eq!(
        to.state.ledger().tasks().count(),
        stage.state.ledger().tasks().count()
    );
    assert_eq!(Checkpoint::decode(&to.encode()), Ok(to));
}

/// A new machine goes on from it, and another one from that: the order of each is followed from the genesis on.
#[test]
fn a_machine_that_is_no_member_becomes_one_under_a_name_of_its_own() {
    let stage = rich();
    let from = certified(&stage);
    let taken = revive(&stage, 9, "n2", &from).unwrap_err();
    assert_eq!(taken.code(), "HMS-NAME-TAKEN");
    let first = revive(&stage, 9, "r1", &from).unwrap().checkpoint;
    let member = first.state.roster().member(node_id(9)).unwrap();
    assert_eq!(member.name, "r1".parse::<NodeName>().unwrap());
    let second = revive(&stage, 3, "unused", &first).unwrap().checkpoint;
    let succession = second.prove().unwrap();
    assert_eq!(succession.recoveries(), [first.index, second.index]);
    assert_eq!(succession.voters().voters(), &BTreeSet::from([node_id(3)]));
}

#[test]
fn nobody_else_orders_it_and_no_order_holds_elsewhere() {
    let mut stage = rich();
    let from = certified(&stage);
    let check = |stage: &Stage, recover: Recover, by: &SecretKey, code: &str| {
        let signed = order(stage, recover, by);
        let refused = survey(2, &from).recover(signed, "x".parse().unwrap());
        assert_eq!(refused.unwrap_err().code(), code);
    };
    let here = survey(2, &from).wanted();
    check(&stage, here, &node_key(2), "HMS-ORDER-FORGED");
    let place = "HMS-SALVAGE-OTHER-PLACE";
    let other_node = Recover {
        survivor: node_id(3),
        ..here
    };
    let later = Recover {
        index: here.index.next(),
        ..here
    };
    let other_log = Recover {
        before: Hash::default(),
        ..here
    };
    for elsewhere in [other_node, later, other_log] {
        check(&stage, elsewhere, &operator_key(), place);
    }
    // A mesh that decides does not take it, and a node that was revoked is not the one.
    let signed = order(&stage, here, &operator_key());
    let refused = stage.decide(Command::Operate(signed)).unwrap_err();
    assert_eq!(refused.code(), "HMS-ORDER-IMPOSSIBLE");
    let draft = OrderDraft {
        mesh: stage.state.mesh(),
        issued_at: stage.now,
        nonce: [2; 16],
        order: Order::RevokeNode(node_id(2)),
    };
    stage.must(Command::Operate(draft.sign(&operator_key())));
    let revoked = revive(&stage, 2, "unused", &certified(&stage)).unwrap_err();
    assert!(matches!(revoked, SalvageError::Refused(_)), "{revoked}");
}

/// The key was rotated: the new one recovers, the old one does not, and the rotation is shown with it.
#[test]
fn a_rotated_key_is_followed_to_the_one_that_recovers() {
    let mut stage = rich();
    let new = SecretKey::from_seed(&[201; 32]);
    let draft = OrderDraft {
        mesh: stage.state.mesh(),
        issued_at: stage.now,
        nonce: [2; 16],
        order: Order::rotate(stage.state.mesh(), &operator_key().public(), &new),
    };
    stage.must(Command::Operate(draft.sign(&operator_key())));
    let from = certified(&stage);
    let old = revive(&stage, 1, "unused", &from).unwrap_err();
    assert_eq!(old.code(), "HMS-ORDER-FORGED");
    let salvage = survey(1, &from);
    let signed = order(&stage, salvage.wanted(), &new);
    let to = salvage.recover(signed, "unused".parse().unwrap()).unwrap();
    assert!(to.checkpoint.prove().is_ok());
}

#[track_caller]
fn refused(checkpoint: &Checkpoint, code: &str) {
    let read = snapshot::read(&snapshot::write(checkpoint), None);
    assert_eq!(read.unwrap_err().code(), code);
}

#[test]
fn a_snapshot_is_believed_only_with_its_voters_certificate() {
    let stage = rich();
    let good = certified(&stage);
    let bytes = snapshot::write(&good);
    let (read, succession) = snapshot::read(&bytes, Some(stage.state.mesh())).unwrap();
    assert_eq!((&read, succession.recoveries()), (&good, &[][..]));
    let other = MeshId::from_bytes([9; 32]);
    let elsewhere = snapshot::read(&bytes, Some(other)).unwrap_err();
    assert_eq!(elsewhere.code(), "HMS-SNAPSHOT-OTHER-MESH");

    let without = Checkpoint {
        certificate: None,
        ..good.clone()
    };
    refused(&without, "HMS-SNAPSHOT-UNCERTIFIED");
    let unproven = "HMS-SNAPSHOT-UNPROVEN";
    let other_voters = Checkpoint {
        voters: vec![node_id(2)],
        ..good.clone()
    };
    refused(&other_voters, unproven);
    let other_place = Checkpoint {
        index: Index(good.index.0 + 1),
        ..good.clone()
    };
    refused(&other_place, unproven);
    let mut forged = good.clone();
    forged.certificate.as_mut().unwrap().signers[0].0 = node_id(2);
    refused(&forged, unproven);
    for cut in [0, 7, 15, bytes.len() - 1] {
        assert!(snapshot::read(&bytes[..cut], None).is_err());
    }
}

/// Whatever bit is flipped, nothing is restored.
#[test]
fn no_bit_of_a_snapshot_can_be_flipped() {
    let bytes = snapshot::write(&certified(&Stage::new(2)));
    for place in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[place] ^= 1 << (place % 8);
        assert!(snapshot::read(&flipped, None).is_err(), "byte {place}");
    }
}
