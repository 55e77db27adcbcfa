//! Changes of members: what the ledger does not call for comes into no honest log.

use hms_protocol::certificate::{Certificate, Phase};
use hms_protocol::codec;
use hms_protocol::frame::Frame;
use hms_protocol::id::NodeId;
use hms_protocol::trust::Trust;
use prost_raft::Message as _;
use raft::eraftpb::{Entry, EntryType, Message, MessageType};

use super::forgery::entry;
use super::mesh::{Mesh, node};
use super::scene::{Scene, chain_with, code, held};
use crate::raft::MembershipChange;
use crate::raft::members::conf_change;

/// Nothing is called for.
const NOTHING: fn(NodeId, MembershipChange) -> Option<&'static str> = |_, _| Some("it has no seat");

/// The entry that lets a stranger listen.
fn stranger_listens(index: u64, term: u64) -> Entry {
    Entry {
        entry_type: EntryType::EntryConfChange.into(),
        data: conf_change(node(9), MembershipChange::Learner).encode_to_vec(),
        ..entry(index, term)
    }
}

/// Whether a voter has asked its leader for something again.
fn asks_again(said: &[Frame]) -> bool {
    said.iter().any(|frame| {
        let message = Message::decode(frame.message.as_slice()).unwrap();
        message.msg_type == i32::from(MessageType::MsgAppendResponse) && message.reject
    })
}

fn certify(scene: &mut Scene, certificate: Certificate) {
    let bytes = codec::encode(&Frame {
        certificates: vec![certificate],
        ..Frame::default()
    });
    scene.mesh.deliver(scene.leader, scene.voter, &bytes);
    scene.settle();
}

#[test]
fn a_change_that_the_ledger_does_not_call_for_is_not_taken_and_ends_the_term() {
    let mut scene = Scene::new();
    scene.mesh.objection = NOTHING;
    let base = scene.base;
    for expected in ["", "HMS-RAFT-UNCALLED-CHANGE"] {
        let term = scene.term();
        let entries = vec![stranger_listens(base.0 + 1, term)];
        let refused = scene.append(term, base, entries, vec![]);
        assert_eq!(code(refused), expected);
        assert_eq!(scene.last(), base);
        assert!(term < scene.term(), "it follows a leader that lies");
        let said = scene.said();
        assert!(held(&said).iter().all(|it| it.index <= base), "{said:?}");
    }
}

#[test]
fn a_change_that_the_ledger_calls_for_is_asked_for_again_and_attested() {
    let mut scene = Scene::new();
    let (term, base) = (scene.term(), scene.base);
    let change = vec![stranger_listens(base.0 + 1, term)];
    assert_eq!(scene.append(term, base, change.clone(), vec![]), Ok(()));
    assert_eq!(scene.last(), base);
    assert!(asks_again(&scene.said()));
    assert_eq!(scene.append(term, base, change, vec![]), Ok(()));
    let attested = held(&scene.said());
    assert_eq!(attested.last().map(|it| it.index), Some(base.next()));
    assert_eq!(scene.term(), term);
}

#[test]
fn a_change_waits_until_everything_before_it_is_applied() {
    let mut scene = Scene::new();
    let (term, base) = (scene.term(), scene.base);
    let entries = vec![
        entry(base.0 + 1, term),
        stranger_listens(base.0 + 2, term),
        entry(base.0 + 3, term),
    ];
    assert_eq!(scene.append(term, base, entries.clone(), vec![]), Ok(()));
    assert_eq!(scene.last(), base.next());
    let said = scene.said();
    assert_eq!(held(&said).last().map(|it| it.index), Some(base.next()));
    assert!(!asks_again(&said), "it cannot judge yet");
    let last = scene.certificate(|it| it.phase = Phase::Locked);
    certify(&mut scene, last);
    assert!(asks_again(&scene.said()));
    let rest = entries[1..].to_vec();
    assert_eq!(scene.append(term, base.next(), rest, vec![]), Ok(()));
    assert_eq!(scene.last().0, base.0 + 3);
}

/// Whoever slept is not the judge of what a quorum has certified meanwhile.
#[test]
fn what_a_quorum_has_certified_is_taken_without_a_verdict() {
    for forges in [false, true] {
        let mut scene = Scene::new();
        scene.mesh.objection = NOTHING;
        let (term, base) = (scene.term(), scene.base);
        let entries = vec![stranger_listens(base.0 + 1, term), entry(base.0 + 2, term)];
        let hash = chain_with(&scene, base, &entries);
        let mut certificate = scene.certificate(|it| (it.index.0, it.hash) = (base.0 + 2, hash));
        if forges {
            certificate.signers.truncate(1);
        }
        let taken = scene.append(term, base, entries, vec![certificate]);
        assert_eq!(code(taken), "");
        let last = if forges { base.0 } else { base.0 + 2 };
        assert_eq!(scene.last().0, last);
    }
}

/// One that is in the log of the leader alone is forgotten with the leader's office.
#[test]
fn the_mesh_goes_on_without_a_leader_that_wants_such_a_change() {
    for (count, trust) in [
        (3, Trust::Crash),
        (3, Trust::Byzantine),
        (4, Trust::Byzantine),
    ] {
        let mut mesh = Mesh::founded(count, trust);
        let leader = mesh.elect();
        mesh.objection = NOTHING;
        let term = mesh.live[&leader].driver.term();
        let driver = &mut mesh.live.get_mut(&leader).unwrap().driver;
        driver.add_learner(node(9)).unwrap();
        mesh.run(30);
        let next = mesh.elect();
        assert!(term < mesh.live[&next].driver.term());
        mesh.propose(next, "a");
        mesh.run(10);
        mesh.check_agreed("a");
        for live in mesh.live.values() {
            assert_eq!(live.driver.status().learners, []);
        }
    }
}

#[test]
fn a_change_is_proposed_where_the_log_ends_with_what_is_certified() {
    let mut mesh = Mesh::new(3);
    let leader = mesh.elect();
    let driver = &mut mesh.live.get_mut(&leader).unwrap().driver;
    driver.propose(b"a".to_vec()).unwrap();
    let early = driver.add_learner(node(4)).unwrap_err();
    assert_eq!(early.code(), "HMS-BUSY");
    mesh.calm();
    let driver = &mut mesh.live.get_mut(&leader).unwrap().driver;
    assert_eq!(driver.add_learner(node(4)), Ok(()));
}
