//! The draw: who verifies and who probes, by hash, so that nobody chooses whom it judges.
//!
//! The rank of a node depends on the subject and the node alone (rendezvous hashing): a node that comes or goes changes
//! nothing among the others.

use hms_protocol::digest::{Domain, Hash, hash_fields};
use hms_protocol::id::NodeId;

/// Ranks the candidates for a subject and takes the first `wanted`.
pub fn draw(
    subject: &[&[u8]],
    candidates: impl IntoIterator<Item = NodeId>,
    wanted: usize,
) -> Vec<NodeId> {
    let mut ranked: Vec<(Hash, NodeId)> = candidates
        .into_iter()
        .map(|node| (rank(subject, node), node))
        .collect();
    ranked.sort_unstable();
    ranked.dedup();
    ranked.truncate(wanted);
    ranked.into_iter().map(|(_, node)| node).collect()
}

/// The rank of one candidate: lower is drawn first.
fn rank(subject: &[&[u8]], node: NodeId) -> Hash {
    let mut fields = subject.to_vec();
    fields.push(node.as_bytes());
    hash_fields(Domain::Draw, &fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(number: u8) -> NodeId {
        NodeId::from_bytes([number; 32])
    }

    fn check(subject: &[u8], candidates: &[u8], wanted: usize) -> Vec<NodeId> {
        let drawn = draw(&[subject], candidates.iter().copied().map(node), wanted);
        let mut backwards: Vec<u8> = candidates.to_vec();
        backwards.reverse();
        let again = draw(&[subject], backwards.into_iter().map(node), wanted);
        assert_eq!(drawn, again, "the order of the candidates matters");
        drawn
    }

    #[test]
    fn a_draw_takes_as_many_as_wanted_and_nobody_twice() {
        assert_eq!(check(b"t", &[1, 2, 3, 4, 5], 3).len(), 3);
        assert_eq!(check(b"t", &[1, 2], 3).len(), 2);
        assert_eq!(check(b"t", &[1, 1, 1], 3), [node(1)]);
        assert_eq!(check(b"t", &[], 3), []);
    }

    #[test]
    fn different_subjects_draw_different_nodes() {
        let all: Vec<u8> = (0..50).collect();
        assert_ne!(check(b"one", &all, 3), check(b"other", &all, 3));
    }

    #[test]
    fn who_leaves_is_replaced_and_nobody_else_moves() {
        let all: Vec<u8> = (0..50).collect();
        let before = check(b"t", &all, 4);
        let left: Vec<u8> = all
            .into_iter()
            .filter(|number| node(*number) != before[0])
            .collect();
        let after = check(b"t", &left, 4);
        assert_eq!(before[1..], after[..3]);
    }
}
