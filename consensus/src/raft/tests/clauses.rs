//! The clauses of the commit rule, one by one, on four drivers of which one is spoken for: whoever leads here has a mandate,
//! and lies. `consensus/decisions/0001-commit-rule.md` says why each is needed.

use hms_protocol::ballot::{Ballot, Mandate};
use hms_protocol::certificate::{Certificate, Mark, Phase};
use hms_protocol::codec;
use hms_protocol::digest::Hash;
use hms_protocol::frame::Frame;
use hms_protocol::id::{Epoch, Index};
use raft::eraftpb::MessageType;
use raft::{GetEntriesContext, Storage as _};

use super::forgery::entry;
use super::mesh::{Mesh, node};
use super::scene::{Scene, chain_with, code, held, words};
use crate::effect::LogWrite;

#[test]
fn clause_a_one_word_less_than_a_quorum_certifies_nothing() {
    let mut scene = Scene::new();
    let others = scene.mesh.others(scene.leader);
    scene.mesh.cut.extend(&others[1..]);
    let (_, index) = scene.mesh.propose(scene.leader, "a");
    assert!(scene.mesh.live[&scene.leader].driver.committed() < index);
    scene.mesh.cut.remove(&others[1]);
    scene.mesh.run(10);
    assert!(index <= scene.mesh.live[&scene.leader].driver.committed());
}

#[test]
fn clause_b_a_voter_attests_one_chain_in_a_term_and_remembers_it() {
    for restarts in [false, true] {
        let mut scene = Scene::new();
        let (term, base) = (scene.term(), scene.base);
        let entries = |data: &[u8]| {
            let mut one = entry(base.0 + 1, term);
            one.data = data.to_vec();
            vec![one]
        };
        assert_eq!(scene.append(term, base, entries(b"one"), vec![]), Ok(()));
        let mut signed = held(&scene.said());
        assert_eq!(signed.len(), 1);
        if restarts {
            scene.restart();
        }
        let other = scene.append(term, base, entries(b"other"), vec![]);
        assert_eq!(code(other), "HMS-RAFT-TWO-CHAINS");
        signed.extend(held(&scene.said()));
        signed.dedup();
        assert_eq!(signed.len(), 1, "{signed:?}");
        assert!(term < scene.term(), "it follows a leader that lies");
    }
}

/// Without it, a lock is walked down to a shorter certificate of a later term.
#[test]
fn clause_c_nothing_below_the_lock_is_attested() {
    let mut scene = Scene::locked();
    let (term, last) = (scene.term() + 1, scene.last());
    let newest = vec![entry(last.0 + 1, term)];
    assert_eq!(scene.append(term, last, newest, vec![]), Ok(()));
    let above = held(&scene.said());
    assert_eq!(above.first().map(|it| it.index), Some(last.next()));
    let (first, base) = (scene.base.next(), scene.base);
    let log = scene.mesh.live[&scene.voter].driver.node.store();
    let context = GetEntriesContext::empty(false);
    let again = log.entries(first.0, first.0 + 1, None, context).unwrap();
    assert_eq!(scene.append(term, base, again, vec![]), Ok(()));
    assert_eq!(held(&scene.said()), []);
}

#[test]
fn clause_d_a_certificate_of_holdings_is_locked_on_and_not_acted_on() {
    let mut scene = Scene::locked();
    for live in scene.mesh.live.values() {
        assert_eq!(live.driver.committed(), scene.base);
    }
    let stored = scene.mesh.disks[&scene.voter].lock.clone();
    let stored: Certificate = codec::decode(&stored.expect("it is on disk")).unwrap();
    assert_eq!(Some(stored.statement.mark()), scene.lock());
    scene.mesh.run(10);
    assert_eq!(
        scene.mesh.live[&scene.voter].driver.committed(),
        scene.last()
    );
}

#[test]
fn clause_e_a_lock_is_attested_in_its_own_term_only() {
    for moves_on in [false, true] {
        let mut scene = Scene::new();
        let (term, base) = (scene.term(), scene.base);
        let one = vec![entry(base.0 + 1, term)];
        assert_eq!(scene.append(term, base, one, vec![]), Ok(()));
        let certificate = scene.certificate(|_| ());
        if moves_on {
            let (leader, mandate) = (scene.leader, scene.mandate(term + 1, scene.leader, 3));
            let kind = (MessageType::MsgHeartbeat, term + 1);
            let led = scene.say(leader, kind, |_, frame| frame.mandate = Some(mandate));
            assert_eq!(led, Ok(()));
        }
        scene.said();
        let bytes = codec::encode(&Frame {
            certificates: vec![certificate.clone()],
            ..Frame::default()
        });
        scene.mesh.deliver(scene.leader, scene.voter, &bytes);
        scene.settle();
        assert_eq!(scene.lock(), Some(certificate.statement.mark()));
        let locks = scene.said();
        let locks = locks.iter().flat_map(|frame| words(frame, Phase::Locked));
        assert_eq!(locks.count(), usize::from(!moves_on));
    }
}

#[test]
fn clause_f_an_append_replaces_nothing_at_or_below_the_lock() {
    let mut scene = Scene::locked();
    let (term, base, before) = (scene.term() + 1, scene.base, scene.lock());
    let other = vec![entry(base.0 + 1, term), entry(base.0 + 2, term)];
    let refused = scene.append(term, base, other, vec![]);
    assert_eq!(code(refused), "HMS-RAFT-LOCK-CONFLICT");
    assert_eq!((scene.lock(), scene.last().0), (before, base.0 + 2));
    let said = scene.said();
    let shown = said.iter().flat_map(|frame| &frame.certificates);
    let marks: Vec<Mark> = shown.map(|it| it.statement.mark()).collect();
    assert_eq!(marks, [before.unwrap()], "the leader gets the lock");
}

#[test]
fn clause_g_a_certificate_of_a_higher_term_releases_the_lock_in_one_write() {
    for higher in [false, true] {
        let mut scene = Scene::locked();
        let (term, base, before) = (scene.term() + 1, scene.base, scene.lock());
        let other = vec![entry(base.0 + 1, term), entry(base.0 + 2, term)];
        let hash = chain_with(&scene, base, &other);
        let certificate = scene.certificate(|it| {
            it.term.0 += u64::from(higher);
            it.hash = hash;
        });
        scene.mesh.prompt = false;
        let received = scene.append(term, base, other, vec![certificate.clone()]);
        if !higher {
            assert_eq!(code(received), "HMS-RAFT-LOCK-CONFLICT");
            assert_eq!(scene.lock(), before);
            continue;
        }
        assert_eq!(received, Ok(()));
        assert_eq!(scene.lock(), Some(certificate.statement.mark()));
        let is_release = |write: &&LogWrite| write.lock.is_some();
        let write = scene.mesh.ordered(scene.voter).find(is_release).unwrap();
        assert_eq!(write.truncate_from, Some(base.next()));
        assert_eq!(write.rows.len(), 2);
        assert_eq!(held(&scene.said()), [], "it is silent until then");
    }
}

#[test]
fn clause_h_a_suffix_that_a_certificate_conflicts_with_is_dropped() {
    let mut scene = Scene::new();
    let (term, base) = (scene.term(), scene.base);
    let own = vec![entry(base.0 + 1, term), entry(base.0 + 2, term)];
    assert_eq!(scene.append(term, base, own, vec![]), Ok(()));
    let certificate = scene.certificate(|it| it.hash = Hash::from_bytes([9; 32]));
    let bytes = codec::encode(&Frame {
        certificates: vec![certificate],
        ..Frame::default()
    });
    scene.mesh.deliver(scene.leader, scene.voter, &bytes);
    scene.settle();
    assert_eq!(scene.last(), base);
    assert_eq!(scene.mesh.disks[&scene.voter].rows.len() as u64, base.0 - 1);
    assert!(
        term < scene.term(),
        "what it attested in a term, it attests no more"
    );
}

#[test]
fn clause_h_a_leader_that_a_certificate_conflicts_with_steps_down() {
    let mut scene = Scene::new();
    scene.voter = scene.leader;
    scene.mesh.cut.extend(scene.mesh.others(scene.leader));
    scene.mesh.propose(scene.leader, "a");
    scene.mesh.cut.clear();
    let certificate = scene.certificate(|it| it.hash = Hash::from_bytes([9; 32]));
    let bytes = codec::encode(&Frame {
        certificates: vec![certificate],
        ..Frame::default()
    });
    let other = scene.mesh.others(scene.leader)[0];
    scene.mesh.deliver(other, scene.leader, &bytes);
    scene.settle();
    assert!(!scene.mesh.live[&scene.leader].driver.leads());
    assert_eq!(scene.last(), scene.base);
}

#[test]
fn clause_i_a_vote_goes_to_nobody_who_shows_less_than_the_lock() {
    let mut scene = Scene::locked();
    let candidate = scene.mesh.others(scene.voter)[1];
    let (term, lock) = (scene.term() + 1, scene.lock().unwrap());
    let low = scene.certificate(|it| it.index = Index(lock.index.0 - 1));
    for shown in [vec![], vec![low]] {
        let refused = scene.ask(candidate, term, shown);
        assert_eq!(code(refused), "HMS-RAFT-BELOW-LOCK");
        let said = scene.said();
        assert!(said.iter().all(|frame| frame.vote.is_none()));
        let shown = said.iter().flat_map(|frame| &frame.certificates);
        assert!(shown.clone().any(|it| it.statement.mark() == lock));
    }
    let certificate = scene.certificate(|_| ());
    assert_eq!(scene.ask(candidate, term, vec![certificate]), Ok(()));
    let votes: Vec<_> = scene.said().iter().filter_map(|it| it.vote).collect();
    assert_eq!(votes.len(), 1);
    let Ballot { shown, lock, .. } = votes[0].ballot;
    assert_eq!((shown, lock), (scene.lock(), scene.lock()));
}

#[test]
fn clause_j_one_vote_in_a_term_and_not_before_it_is_durable() {
    let mut scene = Scene::new();
    let others = scene.mesh.others(scene.voter);
    let term = scene.term() + 1;
    scene.mesh.prompt = false;
    let shown = vec![scene.certificate(|_| ())];
    assert_eq!(scene.ask(others[0], term, shown.clone()), Ok(()));
    let vote = |frames: Vec<Frame>| frames.iter().find_map(|frame| frame.vote);
    assert_eq!(vote(scene.said()), None, "it is not on disk");
    scene.mesh.persist(scene.voter, usize::MAX);
    scene.settle();
    let first = vote(scene.said()).expect("it was asked for");
    assert_eq!(first.ballot.candidate, others[0]);
    for restarts in [false, true] {
        if restarts {
            scene.restart();
        }
        assert_eq!(scene.ask(others[1], term, shown.clone()), Ok(()));
        scene.mesh.persist(scene.voter, usize::MAX);
        scene.settle();
        assert_eq!(vote(scene.said()), None);
    }
}

#[test]
fn clause_k_nobody_leads_without_a_mandate() {
    let mut scene = Scene::new();
    let term = scene.term() + 1;
    let pretender = scene.mesh.others(scene.voter)[1];
    let other = scene.mesh.others(scene.voter)[0];
    let bad = [
        None,
        Some(scene.mandate(term, pretender, 2)),
        Some(scene.mandate(term, other, 4)),
        Some(scene.mandate(term + 1, pretender, 4)),
        Some(Mandate { votes: Vec::new() }),
    ];
    for kind in [MessageType::MsgAppend, MessageType::MsgHeartbeat] {
        for mandate in bad.clone() {
            let refused = scene.say(pretender, (kind, term), |_, frame| frame.mandate = mandate);
            assert_eq!(code(refused), "HMS-RAFT-NO-MANDATE");
            assert_eq!(scene.term(), term - 1);
        }
    }
    let mandate = Some(scene.mandate(term, pretender, 3));
    let kind = (MessageType::MsgHeartbeat, term);
    let led = scene.say(pretender, kind, |_, frame| frame.mandate = mandate);
    assert_eq!(led, Ok(()));
    assert_eq!(scene.term(), term);
}

/// Nothing is signed under a leader whose voters are not known yet.
#[test]
fn clause_l_who_cannot_judge_a_mandate_follows_in_silence() {
    let mut scene = Scene::new();
    let (term, base, leader) = (scene.term() + 1, scene.base, scene.leader);
    let before = scene.mesh.live[&scene.voter].driver.point(base).unwrap();
    let mut mandate = scene.mandate(term, leader, 4);
    for vote in &mut mandate.votes {
        vote.ballot.epoch = Epoch(1_000);
    }
    let appended = scene.say(leader, (MessageType::MsgAppend, term), |message, frame| {
        (message.index, message.log_term) = (base.0, before.term.0);
        message.entries = vec![entry(base.0 + 1, term)];
        frame.before = Some(before.chain);
        frame.mandate = Some(mandate);
    });
    assert_eq!(appended, Ok(()));
    assert_eq!(scene.last(), base.next());
    assert_eq!(held(&scene.said()), []);
}

#[test]
fn clause_l_a_voter_that_missed_a_change_votes_once_it_is_shown_it() {
    let mut mesh = Mesh::new(3);
    let leader = mesh.elect();
    let voter = mesh.others(leader)[0];
    mesh.start(node(4));
    let epoch = mesh.live[&voter].driver.members().epoch();
    mesh.cut.insert(voter);
    let driver = &mut mesh.live.get_mut(&leader).unwrap().driver;
    driver.add_learner(node(4)).unwrap();
    mesh.run(20);
    let driver = &mut mesh.live.get_mut(&leader).unwrap().driver;
    driver.promote(node(4)).unwrap();
    mesh.run(20);
    mesh.cut.clear();
    mesh.wire.clear();
    let handovers = mesh.live[&leader].driver.handovers();
    let mut forged = handovers.clone();
    forged[0].stretch.certificate.signers.truncate(1);
    let mut scene = Scene {
        base: mesh.live[&voter].driver.committed(),
        mesh,
        leader,
        voter,
    };
    for (shown, expected) in [
        (forged, epoch),
        (handovers.clone(), Epoch(handovers[0].stretch.index.0)),
    ] {
        let (term, last) = (scene.term() + 1, scene.last());
        scene.orphan();
        let asked = scene.say(
            leader,
            (MessageType::MsgRequestVote, term),
            |message, frame| {
                (message.index, message.log_term) = (last.0 + 5, term - 1);
                frame.handovers = shown;
            },
        );
        assert_eq!(asked, Ok(()));
        let vote = scene.said().iter().find_map(|frame| frame.vote);
        assert_eq!(vote.map(|vote| vote.ballot.epoch), Some(expected));
    }
}
