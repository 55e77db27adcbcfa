//! What the table of peers does with what happens to it.

use std::sync::Arc;

use super::*;

const ME: NodeId = NodeId::from_bytes([5; 32]);
const SMALLER: NodeId = NodeId::from_bytes([1; 32]);
const LARGER: NodeId = NodeId::from_bytes([9; 32]);

fn address() -> Multiaddr {
    "/ip4/127.0.0.1/tcp/9".parse().unwrap()
}

fn circle(nodes: &[NodeId]) -> Arc<Members> {
    Arc::new(nodes.iter().map(|node| (*node, vec![address()])).collect())
}

fn connection(number: usize) -> ConnectionId {
    ConnectionId::new_unchecked(number)
}

/// Something that happens to the table.
enum Happens {
    Enrol(&'static [NodeId]),
    Connected(NodeId, usize),
    Closed(NodeId, usize),
    Unreachable(NodeId),
    Heard(NodeId, usize),
    Forgive,
    Tick,
}

/// Plays what happens at which millisecond, and returns every move with its millisecond.
fn play(script: &[(u64, Happens)]) -> Vec<(u64, Move)> {
    let mut peers = Peers::new(ME);
    let mut all = Vec::new();
    for (now_ms, happens) in script {
        match happens {
            Happens::Enrol(nodes) => peers.enrol(circle(nodes), *now_ms),
            Happens::Connected(node, id) => {
                peers.connected(*node, connection(*id), address(), *now_ms);
            }
            Happens::Closed(node, id) => {
                peers.closed(*node, connection(*id), *now_ms);
            }
            Happens::Unreachable(node) => peers.unreachable(*node, *now_ms),
            Happens::Heard(node, id) => peers.heard(*node, connection(*id), *now_ms),
            Happens::Forgive => peers.forgive(*now_ms),
            Happens::Tick => peers.tick(*now_ms),
        }
        all.extend(peers.take_moves().into_iter().map(|order| (*now_ms, order)));
    }
    all
}

fn check(script: &[(u64, Happens)], moves: &[(u64, Move)]) {
    assert_eq!(play(script), moves);
}

fn dial(node: NodeId) -> Move {
    Move::Dial {
        node,
        addresses: vec![address()],
    }
}

#[test]
fn the_smaller_id_dials_at_once_and_the_larger_after_a_head_start() {
    check(
        &[
            (0, Happens::Enrol(&[SMALLER, LARGER])),
            (0, Happens::Tick),
            (HEAD_START_MS - 1, Happens::Tick),
            (HEAD_START_MS, Happens::Tick),
        ],
        &[(0, dial(LARGER)), (HEAD_START_MS, dial(SMALLER))],
    );
}

#[test]
fn an_unreachable_member_is_dialled_for_ever_with_a_bounded_pause() {
    let mut peers = Peers::new(ME);
    peers.enrol(circle(&[LARGER]), 0);
    let mut dials = Vec::new();
    for now_ms in 0..60_000 {
        peers.tick(now_ms);
        if !peers.take_moves().is_empty() {
            dials.push(now_ms);
            peers.unreachable(LARGER, now_ms);
        }
    }
    let pauses: Vec<_> = dials.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(
        pauses
            .iter()
            .all(|pause_ms| (PAUSE_MS_MIN..=PAUSE_MS_MAX).contains(pause_ms))
    );
    assert!(pauses.len() > 30, "{pauses:?}");
    let distinct: std::collections::BTreeSet<_> = pauses.iter().collect();
    assert!(distinct.len() > pauses.len() / 2, "no jitter: {pauses:?}");
}

#[test]
fn a_link_is_up_with_its_first_connection_and_down_with_its_last() {
    check(
        &[
            (0, Happens::Enrol(&[LARGER])),
            (10, Happens::Connected(LARGER, 1)),
            (20, Happens::Connected(LARGER, 2)),
            (30, Happens::Closed(LARGER, 1)),
            (40, Happens::Closed(LARGER, 2)),
        ],
        &[
            (10, Move::Admit(LARGER)),
            (10, Move::Up(LARGER)),
            (30, Move::Disconnect(LARGER)),
            (40, Move::Down(LARGER)),
        ],
    );
}

#[test]
fn a_new_connection_beside_a_settled_one_means_a_restart_and_starts_afresh() {
    check(
        &[
            (0, Happens::Enrol(&[LARGER])),
            (0, Happens::Connected(LARGER, 1)),
            (SETTLED_MS, Happens::Connected(LARGER, 2)),
            (SETTLED_MS + 1, Happens::Connected(LARGER, 3)),
            (SETTLED_MS + 2, Happens::Closed(LARGER, 1)),
            (SETTLED_MS + 3, Happens::Closed(LARGER, 2)),
            (SETTLED_MS + 4, Happens::Closed(LARGER, 3)),
            (SETTLED_MS + 4 + PAUSE_MS_MIN, Happens::Tick),
        ],
        &[
            (0, Move::Admit(LARGER)),
            (0, Move::Up(LARGER)),
            (SETTLED_MS, Move::Disconnect(LARGER)),
            (SETTLED_MS + 1, Move::Close(connection(3))),
            (SETTLED_MS + 4, Move::Down(LARGER)),
            (SETTLED_MS + 4 + PAUSE_MS_MIN, dial(LARGER)),
        ],
    );
}

#[test]
fn a_silent_connection_is_given_up_unless_this_node_was_late_itself() {
    check(
        &[
            (0, Happens::Enrol(&[LARGER])),
            (0, Happens::Connected(LARGER, 1)),
            (1_000, Happens::Heard(LARGER, 1)),
            (SILENCE_MS, Happens::Tick),
            (SILENCE_MS + 999, Happens::Forgive),
            (SILENCE_MS + 1_000, Happens::Tick),
            (2 * SILENCE_MS + 999, Happens::Tick),
        ],
        &[
            (0, Move::Admit(LARGER)),
            (0, Move::Up(LARGER)),
            (2 * SILENCE_MS + 999, Move::Disconnect(LARGER)),
        ],
    );
}

#[test]
fn a_stranger_is_shunned_and_sent_away_in_time_but_not_once_it_is_a_member() {
    check(
        &[
            (0, Happens::Connected(LARGER, 1)),
            (0, Happens::Connected(SMALLER, 2)),
            (50, Happens::Enrol(&[SMALLER])),
            (STRANGER_MS, Happens::Forgive),
            (STRANGER_MS, Happens::Tick),
        ],
        &[
            (0, Move::Shun(LARGER)),
            (0, Move::Shun(SMALLER)),
            (50, Move::Admit(SMALLER)),
            (50, Move::Up(SMALLER)),
            (STRANGER_MS, Move::Disconnect(LARGER)),
        ],
    );
}

#[test]
fn a_removed_member_is_shunned_disconnected_and_never_dialled_again() {
    check(
        &[
            (0, Happens::Enrol(&[SMALLER, LARGER])),
            (0, Happens::Connected(LARGER, 1)),
            (50, Happens::Enrol(&[])),
            (60, Happens::Closed(LARGER, 1)),
            (70, Happens::Unreachable(SMALLER)),
            (10_000, Happens::Tick),
        ],
        &[
            (0, Move::Admit(LARGER)),
            (0, Move::Up(LARGER)),
            (50, Move::Shun(LARGER)),
            (50, Move::Down(LARGER)),
            (50, Move::Disconnect(LARGER)),
        ],
    );
}

#[test]
fn too_many_strangers_are_sent_away_and_members_are_not() {
    let mut peers = Peers::new(ME);
    let stranger = |number: usize| {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&number.to_le_bytes());
        NodeId::from_bytes(bytes)
    };
    for number in 0..=STRANGERS_MAX {
        peers.connected(stranger(number), connection(number), address(), 0);
    }
    let moves = peers.take_moves();
    let sent_away: Vec<_> = moves
        .iter()
        .filter(|order| matches!(order, Move::Disconnect(_)))
        .collect();
    assert_eq!(sent_away, [&Move::Disconnect(stranger(STRANGERS_MAX))]);
}
