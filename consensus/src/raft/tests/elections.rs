//! Who leads, and who must not.

use super::mesh::{Mesh, node};
use crate::raft::{RaftRefusal, RaftRole, RaftSettings};

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
    let seat = super::mesh::seat(node(1));
    let restored =
        crate::raft::Driver::restore(seat, settings, recovered, super::disk::read_anchor);
    assert_eq!(restored.err().unwrap().code(), "HMS-RAFT-REFUSED");
}
