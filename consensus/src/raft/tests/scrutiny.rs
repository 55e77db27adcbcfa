//! Changes of members that the ledger does not call for, whoever may lie and however many voters there are. What a single
//! voter makes of them is told by the scripts of clause V.

use hms_protocol::id::NodeId;
use hms_protocol::trust::Trust;

use super::mesh::{Mesh, node};
use crate::raft::MembershipChange;

/// Nothing is called for.
const NOTHING: fn(NodeId, MembershipChange) -> Option<&'static str> = |_, _| Some("it has no seat");

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
        mesh.jury.objection = NOTHING;
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
