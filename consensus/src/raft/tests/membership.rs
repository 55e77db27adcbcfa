//! How a mesh grows from its founder, and shrinks again.

use super::mesh::{Mesh, node};
use crate::raft::{RaftRefusal, RaftRole};

/// A mesh that has grown to three voters from one.
fn grown() -> Mesh {
    let mut mesh = Mesh::new(1);
    mesh.elect();
    mesh.propose(node(1), "first");
    for number in 2..=3 {
        mesh.start(node(number));
        mesh.get(1).driver.add_learner(node(number)).unwrap();
        mesh.run(30);
        assert!(mesh.get(1).driver.caught_up(node(number)));
        mesh.get(1).driver.promote(node(number)).unwrap();
        mesh.run(5);
    }
    mesh
}

#[test]
fn a_mesh_grows_from_one_to_three_voters_by_learners() {
    let mut mesh = grown();
    mesh.propose(node(1), "a");
    mesh.run(5);
    mesh.check_agreed("a");
    for live in mesh.live.values() {
        let status = live.driver.status();
        assert_eq!((status.voters.len(), status.learners.len()), (3, 0));
    }
    mesh.crash(node(1));
    let next = mesh.elect();
    mesh.propose(next, "b");
    mesh.run(5);
    mesh.check_agreed("b");
}

#[test]
fn a_learner_is_brought_up_by_a_checkpoint_that_names_it() {
    let mut mesh = Mesh::new(1);
    mesh.elect();
    mesh.checkpoints = false;
    mesh.start(node(2));
    mesh.get(1).driver.add_learner(node(2)).unwrap();
    mesh.run(30);
    assert_eq!(mesh.get(2).driver.status().role, RaftRole::Outsider);
    mesh.checkpoints = true;
    mesh.run(30);
    assert_eq!(mesh.get(2).driver.status().role, RaftRole::Learner);
    assert!(mesh.refusals.is_empty(), "{:?}", mesh.refusals);
}

#[test]
fn only_one_change_of_members_is_under_way_at_a_time() {
    let mut mesh = Mesh::new(1);
    mesh.elect();
    let driver = &mut mesh.get(1).driver;
    driver.add_learner(node(2)).unwrap();
    assert_eq!(
        driver.add_learner(node(3)),
        Err(RaftRefusal::MembershipBusy)
    );
    mesh.calm();
    mesh.get(1).driver.add_learner(node(3)).unwrap();
}

#[test]
fn changes_that_make_no_sense_are_refused() {
    let mut mesh = Mesh::new(1);
    mesh.elect();
    let driver = &mut mesh.get(1).driver;
    for refused in [
        driver.promote(node(2)),
        driver.remove(node(2)),
        driver.remove(node(1)),
        driver.add_learner(node(1)),
    ] {
        assert_eq!(refused.unwrap_err().code(), "HMS-MEMBERSHIP-WRONG");
    }
}

#[test]
fn a_removed_voter_does_not_disturb_those_that_stay() {
    let mut mesh = grown();
    let leader = mesh.elect();
    let gone = mesh.others(leader)[0];
    mesh.cut.insert(gone);
    mesh.live
        .get_mut(&leader)
        .unwrap()
        .driver
        .remove(gone)
        .unwrap();
    mesh.run(5);
    // It was never told, and asks for votes for ever.
    mesh.cut.clear();
    mesh.run(100);
    assert!(mesh.live[&leader].driver.leads());
    assert_eq!(mesh.live[&leader].driver.status().voters.len(), 2);
    assert_eq!(mesh.live[&gone].driver.status().voters.len(), 3);
    let stranger = RaftRefusal::UnknownPeer { node: gone };
    assert!(mesh.refusals.contains(&stranger));
    mesh.crash(gone);
    mesh.propose(leader, "a");
    mesh.run(5);
    mesh.check_agreed("a");
}

#[test]
fn members_survive_a_restart_before_any_checkpoint_knows_them() {
    let mut mesh = grown();
    for number in 1..=3 {
        mesh.crash(node(number));
    }
    for number in 1..=3 {
        mesh.start(node(number));
    }
    let leader = mesh.elect();
    mesh.propose(leader, "a");
    mesh.run(5);
    mesh.check_agreed("a");
    assert_eq!(mesh.live[&leader].driver.status().voters.len(), 3);
}

#[test]
fn a_leader_that_commits_its_own_removal_steps_down() {
    let mut mesh = grown();
    let leader = mesh.elect();
    let heir = mesh.others(leader)[0];
    // The old leader proposes to remove its heir and hands over before that is committed.
    mesh.live
        .get_mut(&leader)
        .unwrap()
        .driver
        .remove(heir)
        .unwrap();
    mesh.live
        .get_mut(&leader)
        .unwrap()
        .driver
        .transfer(heir)
        .unwrap();
    mesh.run(60);
    let status = mesh.live[&heir].driver.status();
    assert_ne!(status.role, RaftRole::Leader);
    let next = mesh.elect();
    assert_ne!(next, heir);
    mesh.propose(next, "a");
    assert_eq!(mesh.live[&next].driver.status().voters.len(), 2);
}
