//! What is committed is certified: MSH-9 and the commit rule's clauses A to E and L, on drivers that play together.

use hms_protocol::certificate::{Attestation, Certificate, Phase, Statement};
use hms_protocol::codec;
use hms_protocol::digest::Hash;
use hms_protocol::frame::Frame;
use hms_protocol::id::{Epoch, Index, NodeId};
use hms_protocol::time::Moment;
use hms_protocol::trust::{Trust, VoterSet};
use raft::eraftpb::{Message, MessageType, Snapshot};

use super::disk::{TOMORROWS, read_anchor};
use super::mesh::{Live, Mesh, frame, node, seat};
use crate::raft::log::metadata;
use crate::raft::{RaftRefusal, limits, raft_id};

/// The newest certificate that a node has kept.
fn newest(mesh: &Mesh, id: NodeId) -> Certificate {
    let kept = mesh.live[&id].certificates.last();
    kept.expect("something is certified").clone()
}

fn voters(mesh: &Mesh, id: NodeId) -> VoterSet {
    let members = mesh.live[&id].driver.members();
    let set = members.voter_set(seat(id).group);
    set.expect("there are voters")
}

/// Says something to a node in somebody's name, and lets it do what follows.
fn say(mesh: &mut Mesh, from: NodeId, to: NodeId, words: Frame) {
    mesh.deliver(from, to, &codec::encode(&words));
    mesh.settle();
}

/// What a voter says of the entry after the newest that is certified.
fn word(mesh: &Mesh, voter: NodeId, hash: Hash) -> Attestation {
    let statement = Statement {
        hash,
        index: mesh.live[&voter].driver.committed().next(),
        ..newest(mesh, voter).statement
    };
    let held = Statement {
        phase: Phase::Held,
        ..statement
    };
    held.attest(&seat(voter).key)
}

fn check_trust(trust: Trust, count: u8, phase: Phase) {
    let mut mesh = Mesh::founded(count, trust);
    let leader = mesh.elect();
    mesh.propose(leader, "a");
    mesh.run(5);
    for id in mesh.live.keys().copied().collect::<Vec<_>>() {
        let certificate = newest(&mesh, id);
        let set = voters(&mesh, id);
        assert_eq!(certificate.verify(&set), Ok(()));
        assert_eq!(certificate.statement.phase, phase);
        let (applied, statement) = (mesh.live[&id].applied.point, certificate.statement);
        assert_eq!(
            (applied.index, applied.chain),
            (statement.index, statement.hash)
        );
    }
}

#[test]
fn everything_that_is_applied_is_under_a_quorums_signatures() {
    check_trust(Trust::Byzantine, 1, Phase::Held);
    check_trust(Trust::Byzantine, 3, Phase::Held);
    check_trust(Trust::Crash, 4, Phase::Held);
}

#[test]
fn where_a_voter_may_lie_only_locks_are_final() {
    check_trust(Trust::Byzantine, 4, Phase::Locked);
    check_trust(Trust::Byzantine, 7, Phase::Locked);
}

/// Clause A: four voters under `byzantine` need three words, and two of them have none to give.
#[test]
fn acknowledgements_without_words_commit_nothing() {
    let mut mesh = Mesh::new(4);
    let leader = mesh.elect();
    let before = mesh.live[&leader].driver.committed();
    let others = mesh.others(leader);
    mesh.cut.extend(others.clone());
    let (term, index) = mesh.propose(leader, "a");
    mesh.cut.clear();
    mesh.wire.clear();
    for other in others {
        let acknowledged = Message {
            msg_type: MessageType::MsgAppendResponse.into(),
            from: raft_id(other),
            to: raft_id(leader),
            term: term.0,
            index: index.0,
            ..Message::default()
        };
        mesh.deliver(other, leader, &frame(&acknowledged));
        mesh.settle();
    }
    assert_eq!(mesh.live[&leader].driver.committed(), before);
    mesh.run(10);
    assert!(index <= mesh.live[&leader].driver.committed());
}

#[test]
fn nobody_else_speaks_for_a_voter() {
    let mut mesh = Mesh::new(3);
    let leader = mesh.elect();
    let [first, second] = mesh.others(leader)[..] else {
        unreachable!("there are three");
    };
    mesh.run(5);
    mesh.cut.extend([first, second]);
    let (_, index) = mesh.propose(leader, "a");
    mesh.cut.clear();
    let chain = mesh.live[&leader].driver.point(index).unwrap().chain;
    let words = Frame {
        attestations: vec![word(&mesh, second, chain)],
        ..Frame::default()
    };
    say(&mut mesh, first, leader, words.clone());
    assert!(mesh.live[&leader].driver.committed() < index);
    say(&mut mesh, second, leader, words);
    assert_eq!(mesh.live[&leader].driver.committed(), index);
}

/// BYZ-3: a voter that signs two logs convicts itself, and nobody else.
#[test]
fn a_voter_that_contradicts_itself_leaves_evidence() {
    let mut mesh = Mesh::new(3);
    let leader = mesh.elect();
    let liar = mesh.others(leader)[0];
    mesh.run(5);
    mesh.cut.insert(liar);
    for other in mesh.others(leader) {
        mesh.cut.insert(other);
    }
    mesh.propose(leader, "a");
    mesh.cut.clear();
    // Once it is convicted, more of the same is not even looked at.
    for hash in [[1; 32], [2; 32], [3; 32], [4; 32]] {
        let words = Frame {
            attestations: vec![word(&mesh, liar, Hash::from_bytes(hash))],
            ..Frame::default()
        };
        say(&mut mesh, liar, leader, words);
    }
    let evidence = &mesh.live[&leader].evidence;
    assert_eq!(evidence.len(), 1);
    assert_eq!(evidence[0].verify(seat(liar).group), Ok(liar));
}

/// What a liar says of entries that nobody has does not push out what others say of entries that are there.
#[test]
fn words_on_entries_that_are_not_there_crowd_nobody_out() {
    let mut mesh = Mesh::new(4);
    let leader = mesh.elect();
    let liar = mesh.others(leader)[0];
    mesh.run(5);
    mesh.cut.extend(mesh.others(leader));
    let (_, index) = mesh.propose(leader, "a");
    mesh.cut.clear();
    let real = word(&mesh, liar, Hash::default()).statement;
    for number in 0..2 * limits::INDEXES_TALLIED_MAX as u64 {
        let statement = Statement {
            index: Index(u64::MAX - number),
            ..real
        };
        let words = Frame {
            attestations: vec![statement.attest(&seat(liar).key)],
            ..Frame::default()
        };
        mesh.deliver(liar, leader, &codec::encode(&words));
    }
    mesh.cut.insert(liar);
    mesh.run(10);
    assert!(index <= mesh.live[&leader].driver.committed());
}

/// Certificates of epochs that never come take nobody's place but their sender's.
#[test]
fn certificates_of_no_epoch_keep_nobody_behind() {
    let mut mesh = Mesh::new(3);
    let leader = mesh.elect();
    let [behind, liar] = mesh.others(leader)[..] else {
        unreachable!("there are three");
    };
    mesh.run(5);
    mesh.cut.insert(behind);
    mesh.propose(leader, "a");
    let real = newest(&mesh, leader);
    mesh.cut.clear();
    for number in 0..100 {
        let mut forged = real.clone();
        forged.statement.epoch = Epoch(1_000);
        forged.statement.index = Index(2 + number);
        let words = Frame {
            certificates: vec![forged],
            ..Frame::default()
        };
        say(&mut mesh, liar, behind, words);
    }
    mesh.run(10);
    assert!(real.statement.index <= mesh.live[&behind].driver.committed());
}

/// What a follower is told of, and what it makes of it: nothing.
fn check_refused(forge: impl FnOnce(&mut Certificate)) {
    let mut mesh = Mesh::new(3);
    let leader = mesh.elect();
    let others = mesh.others(leader);
    mesh.run(5);
    // The follower has the entry and no word that it is certified.
    mesh.cut.insert(others[1]);
    mesh.propose(leader, "a");
    let mut certificate = newest(&mesh, leader);
    let behind = mesh.others(leader)[1];
    assert!(mesh.live[&behind].driver.committed() < certificate.statement.index);
    forge(&mut certificate);
    let before = mesh.live[&behind].driver.status();
    let words = Frame {
        certificates: vec![certificate],
        ..Frame::default()
    };
    mesh.cut.clear();
    mesh.wire.clear();
    say(&mut mesh, leader, behind, words);
    assert_eq!(mesh.live[&behind].driver.status(), before);
    mesh.propose(leader, "b");
    mesh.run(10);
    mesh.check_agreed("b");
}

#[test]
fn a_certificate_that_is_not_a_quorums_changes_nothing() {
    check_refused(|it| it.signers.truncate(1));
    check_refused(|it| it.signers[1] = it.signers[0]);
    check_refused(|it| it.signers.reverse());
    check_refused(|it| it.signers[0].0 = node(9));
    check_refused(|it| it.statement.epoch = Epoch(7));
    check_refused(|it| it.statement.term.0 += 1);
    check_refused(|it| it.statement.index = Index(1_000));
    check_refused(|it| it.statement.hash = Hash::default());
    check_refused(|it| it.statement.phase = Phase::Locked);
}

/// MSH-10: a voter that starts again knows what was certified, without asking anybody.
#[test]
fn certificates_survive_a_crash() {
    let mut mesh = Mesh::new(4);
    let leader = mesh.elect();
    mesh.propose(leader, "a");
    mesh.run(10);
    let id = mesh.others(leader)[0];
    let certified = mesh.live[&id].driver.committed();
    mesh.crash(id);
    mesh.start(id);
    mesh.settle();
    assert_eq!(mesh.live[&id].driver.committed(), certified);
}

/// Clause L: a node that slept through changes of voters is led from one epoch to the next.
#[test]
fn who_slept_through_epochs_is_led_through_them() {
    let mut mesh = Mesh::new(3);
    let leader = mesh.elect();
    let sleeper = mesh.others(leader)[0];
    for number in 4..=5 {
        mesh.start(node(number));
    }
    let epoch = mesh.live[&sleeper].driver.members().epoch();
    mesh.cut.insert(sleeper);
    for number in 4..=5 {
        let driver = &mut mesh.live.get_mut(&leader).unwrap().driver;
        driver.add_learner(node(number)).unwrap();
        for _ in 0..100 {
            mesh.run(1);
            if mesh.live[&leader].driver.caught_up(node(number)) {
                break;
            }
        }
        let driver = &mut mesh.live.get_mut(&leader).unwrap().driver;
        driver.promote(node(number)).unwrap();
        mesh.run(10);
    }
    mesh.propose(leader, "late");
    assert_eq!(mesh.live[&sleeper].driver.members().epoch(), epoch);
    mesh.cut.clear();
    mesh.run(40);
    mesh.check_agreed("late");
    assert_eq!(mesh.live[&sleeper].driver.handovers().len(), 2);
}

/// A leader's checkpoint at its newest entry, under this certificate, told to a follower that lacks that entry.
fn bring_up(certify: impl FnOnce(Certificate) -> Option<Certificate>) -> Result<(), RaftRefusal> {
    let mut mesh = Mesh::new(3);
    let leader = mesh.elect();
    let behind = mesh.others(leader)[0];
    mesh.cut.insert(behind);
    mesh.propose(leader, "a");
    let live = &mesh.live[&leader];
    let certificate = live.driver.certificate_at(live.applied.point.index);
    let certificate = certify(certificate.expect("it is the newest entry"));
    let (members, handovers) = (live.driver.members(), live.driver.handovers());
    let bytes = live
        .applied
        .encode(members, &handovers, certificate.as_ref());
    let anchor = read_anchor(&bytes).expect("it can be read");
    let message = Message {
        msg_type: MessageType::MsgSnapshot.into(),
        from: raft_id(leader),
        to: raft_id(behind),
        term: live.driver.term().0,
        snapshot: Some(Snapshot {
            data: bytes,
            metadata: Some(metadata(&anchor)),
        }),
        ..Message::default()
    };
    let driver = &mut mesh.live.get_mut(&behind).unwrap().driver;
    driver.receive(leader, &frame(&message), &mesh.jury)
}

#[test]
fn a_checkpoint_that_no_quorum_has_certified_is_refused() {
    assert_eq!(bring_up(Some), Ok(()));
    let forged: [fn(Certificate) -> Option<Certificate>; 4] = [
        |_| None,
        |mut it| {
            it.signers.truncate(1);
            Some(it)
        },
        |mut it| {
            it.statement.index = it.statement.index.next();
            Some(it)
        },
        |mut it| {
            it.statement.hash = Hash::default();
            Some(it)
        },
    ];
    for forge in forged {
        let refused = bring_up(forge).expect_err("it is not what a quorum has signed");
        assert_eq!(refused.code(), "HMS-RAFT-BAD-SNAPSHOT");
    }
}

/// A voter takes, and so attests, no batch that its clock says is of the future; when its time has come it does.
#[test]
fn a_batch_of_the_future_waits_for_its_time() {
    const DAY_MS: u64 = 24 * 3_600_000;
    let mut mesh = Mesh::new(3);
    let leader = mesh.elect();
    let set_clocks = |mesh: &mut Mesh, now| {
        let live = mesh.live.values_mut();
        live.for_each(|live| live.driver.look_at(Moment(now)));
    };
    set_clocks(&mut mesh, 1);
    mesh.propose(leader, str::from_utf8(TOMORROWS).unwrap());
    mesh.run(30);
    assert!(
        mesh.live
            .values()
            .all(|live| live.applied.batches.is_empty())
    );
    set_clocks(&mut mesh, DAY_MS);
    mesh.elect();
    mesh.run(30);
    let known = |live: &Live| live.applied.batches == [TOMORROWS.to_vec()];
    assert!(mesh.live.values().all(known));
}
