//! Who leads, and who must not.

use hms_protocol::ballot::{Ballot, Mandate};
use hms_protocol::codec;
use hms_protocol::frame::Frame;
use hms_protocol::id::{Epoch, Index, NodeId, Term};
use prost_raft::Message as _;
use raft::eraftpb::{Message, MessageType};

use super::mesh::{Mesh, frame, node, seat};
use crate::raft::members::raft_id;
use crate::raft::{Driver, RaftRefusal, RaftRole, RaftSettings, Seat, limits};

#[test]
fn a_lone_founder_elects_itself_and_commits() {
    let mut mesh = Mesh::new(1);
    assert_eq!(mesh.elect(), node(1));
    mesh.propose(node(1), "a");
    mesh.check_agreed("a");
}

#[test]
fn three_voters_elect_one_leader_and_agree() {
    let mut mesh = Mesh::new(3);
    let leader = mesh.elect();
    mesh.propose(leader, "a");
    mesh.run(5);
    mesh.check_agreed("a");
    for live in mesh.live.values() {
        let status = live.driver.status();
        assert_eq!(status.leader, Some(leader));
        assert_eq!(status.voters.len(), 3);
    }
    let status = mesh.live[&leader].driver.status();
    assert_eq!(status.role, RaftRole::Leader);
    assert_eq!(status.reachable.len(), 3);
}

#[test]
fn the_same_inputs_elect_the_same_leader_in_the_same_term() {
    let outcome = || {
        let mut mesh = Mesh::new(5);
        let first = mesh.elect();
        mesh.crash(first);
        let second = mesh.elect();
        (first, second, mesh.live[&second].driver.status())
    };
    assert_eq!(outcome(), outcome());
}

#[test]
fn a_leader_without_a_quorum_steps_down_and_says_so() {
    let mut mesh = Mesh::new(3);
    let leader = mesh.elect();
    mesh.cut.insert(leader);
    mesh.run(30);
    let refusal = mesh
        .live
        .get_mut(&leader)
        .unwrap()
        .driver
        .propose(b"x".to_vec());
    assert_eq!(refusal, Err(RaftRefusal::NotLeader { leader: None }));
    let other = mesh.elect();
    assert_ne!(other, leader);
}

#[test]
fn a_node_that_comes_back_does_not_disturb_the_leader() {
    let mut mesh = Mesh::new(3);
    let leader = mesh.elect();
    let term = mesh.live[&leader].driver.term();
    let lost = mesh.others(leader)[0];
    mesh.cut.insert(lost);
    mesh.run(200);
    mesh.cut.clear();
    mesh.run(50);
    assert_eq!(mesh.live[&leader].driver.term(), term);
    assert!(mesh.live[&leader].driver.leads());
}

#[test]
fn a_leader_hands_over_to_the_voter_that_it_names() {
    let mut mesh = Mesh::new(3);
    let leader = mesh.elect();
    let heir = mesh.others(leader)[1];
    mesh.live
        .get_mut(&leader)
        .unwrap()
        .driver
        .transfer(heir)
        .unwrap();
    mesh.calm();
    assert!(mesh.live[&heir].driver.leads());
    let stranger = mesh.live.get_mut(&heir).unwrap().driver.transfer(node(9));
    assert_eq!(stranger.unwrap_err().code(), "HMS-MEMBERSHIP-WRONG");
}

/// A message of one voter to another that says nothing but its kind and a term.
fn bare(kind: MessageType, from: NodeId, to: NodeId, term: u64) -> Message {
    Message {
        msg_type: kind.into(),
        from: raft_id(from),
        to: raft_id(to),
        term,
        ..Message::default()
    }
}

/// BYZ-1, B14: a voter that answers in ever higher terms deposes nobody.
#[test]
fn a_voter_that_counts_terms_up_deposes_nobody() {
    let mut mesh = Mesh::new(4);
    let leader = mesh.elect();
    let term = mesh.live[&leader].driver.term();
    let liar = mesh.others(leader)[0];
    let longest = mesh.settings.election_ticks.1 as u64;
    for tick in 0..(limits::CLAIM_ALONE_TIMEOUTS - 1) * longest {
        for to in mesh.others(liar) {
            let claim = bare(
                MessageType::MsgHeartbeatResponse,
                liar,
                to,
                term.0 + 1 + tick,
            );
            mesh.deliver(liar, to, &frame(&claim));
        }
        mesh.run(1);
    }
    assert!(mesh.live[&leader].driver.leads());
    assert_eq!(mesh.live[&leader].driver.term(), term);
    let unshown = |refusal: &RaftRefusal| matches!(refusal, RaftRefusal::TermUnshown { .. });
    assert!(mesh.refusals.iter().any(unshown));
}

/// A heartbeat of a liar that says to lead by the voters of an epoch that nobody knows.
fn usurp(liar: NodeId, to: NodeId, term: u64) -> Vec<u8> {
    let Seat { key, group } = seat(liar);
    let ballot = Ballot {
        group,
        epoch: Epoch(1_000),
        term: Term(term),
        candidate: liar,
        shown: None,
        lock: None,
    };
    let votes = vec![ballot.cast(&key)];
    let beat = bare(MessageType::MsgHeartbeat, liar, to, term);
    codec::encode(&Frame {
        message: beat.encode_to_vec(),
        mandate: Some(Mandate { votes }),
        ..Frame::default()
    })
}

/// BYZ-1, B14: a mandate that nobody can judge deposes no leader, and whoever has none does not follow it for long.
#[test]
fn a_mandate_of_unknown_voters_deposes_nobody() {
    let mut mesh = Mesh::new(4);
    let leader = mesh.elect();
    let term = mesh.live[&leader].driver.term();
    let (liar, victim) = (mesh.others(leader)[0], mesh.others(leader)[1]);
    for _ in 0..50 {
        for to in mesh.others(liar) {
            mesh.deliver(liar, to, &usurp(liar, to, term.0 + 7));
        }
        mesh.run(1);
    }
    assert_eq!(mesh.live[&leader].driver.term(), term);
    mesh.crash(leader);
    let (mut led, ticks) = (0, 2_000);
    for _ in 0..ticks {
        let term = mesh.live[&victim].driver.term();
        mesh.deliver(liar, victim, &usurp(liar, victim, term.0 + 7));
        mesh.deliver(liar, victim, &usurp(liar, victim, term.0));
        mesh.run(1);
        let mut drivers = mesh.live.values().map(|live| &live.driver);
        let reached = |driver: &Driver| driver.status().reachable.len();
        led += usize::from(drivers.any(|driver| driver.leads() && 3 <= reached(driver)));
    }
    assert!(ticks / 2 < led, "{led} of {ticks}");
}

/// The mesh does without an honest voter that is alone in its term, and takes it back.
#[test]
fn a_voter_that_is_alone_in_its_term_comes_back() {
    let mut mesh = Mesh::new(4);
    let leader = mesh.elect();
    let term = mesh.live[&leader].driver.term();
    let alone = mesh.others(leader)[0];
    let voter = &mut mesh.live.get_mut(&alone).unwrap().driver;
    voter.leave_term();
    mesh.propose(leader, "without it");
    mesh.run(50);
    assert_eq!(mesh.live[&leader].driver.term(), term);
    let kept = &mesh.live[&leader].applied.batches;
    assert!(kept.iter().any(|batch| batch.ends_with(b"without it")));
    mesh.run(300);
    let leader = mesh.elect();
    mesh.propose(leader, "with it");
    mesh.run(50);
    mesh.check_agreed("with it");
}

/// BYZ-1, B14: a candidate costs a term by a transfer only if the leader has called for it.
#[test]
fn a_transfer_takes_the_leaders_word() {
    let mut mesh = Mesh::new(4);
    let leader = mesh.elect();
    let term = mesh.live[&leader].driver.term();
    let (heir, liar) = (mesh.others(leader)[0], mesh.others(leader)[1]);
    let last = mesh.live[&leader].driver.last();
    for to in mesh.others(liar) {
        let request = Message {
            index: last.0,
            log_term: term.0,
            context: raft::CAMPAIGN_TRANSFER.to_vec(),
            ..bare(MessageType::MsgRequestVote, liar, to, term.0 + 1)
        };
        let request = Frame {
            message: request.encode_to_vec(),
            certificates: mesh.live[&leader].driver.certificates_from(Index(1)),
            ..Frame::default()
        };
        mesh.deliver(liar, to, &codec::encode(&request));
    }
    assert!(mesh.refusals.is_empty(), "{:?}", mesh.refusals);
    mesh.run(5);
    assert_eq!(mesh.live[&leader].driver.term(), term);
    let driver = &mut mesh.live.get_mut(&leader).unwrap().driver;
    driver.transfer(heir).unwrap();
    mesh.calm();
    assert!(mesh.live[&heir].driver.leads());
    assert_eq!(mesh.live[&heir].driver.term(), Term(term.0 + 1));
}

#[test]
fn a_lone_voter_never_leads_a_term_that_its_disk_does_not_know() {
    let mut mesh = Mesh::new(1);
    mesh.elect();
    mesh.get(1).driver.add_learner(node(2)).unwrap();
    mesh.start(node(2));
    mesh.run(30);
    // The founder restarts, and nothing that it orders from now on reaches its disk.
    let durable = mesh.get(1).driver.term();
    mesh.crash(node(1));
    mesh.start(node(1));
    mesh.prompt = false;
    for _ in 0..40 {
        mesh.get(1).driver.tick();
        mesh.settle();
    }
    assert!(durable < mesh.get(1).driver.term(), "it was elected");
    let appends = mesh
        .wire
        .iter()
        .filter(|(from, _, _)| *from == node(1))
        .count();
    assert_eq!(
        appends, 0,
        "its learner has heard of a term that may be forgotten"
    );
}

#[test]
fn settings_that_cannot_work_are_refused() {
    let settings = RaftSettings {
        election_ticks: (10, 10),
        heartbeat_ticks: 2,
        ..RaftSettings::default()
    };
    let recovered = Mesh::new(1).disks[&node(1)].recovered();
    let seat = seat(node(1));
    let restored = Driver::restore(seat, settings, recovered, super::disk::read_anchor);
    assert_eq!(restored.err().unwrap().code(), "HMS-RAFT-REFUSED");
}
