//! The lines in which calls wait: one for each client, the clients of a node in one round, and the nodes in another.
//!
//! A client's wait depends on how many others wait, never on how much one of them asks for. A node gets its share however
//! many clients it says to have, so that a node that lies gets no more than one that does not.

use std::collections::{BTreeMap, VecDeque};

use hms_protocol::id::NodeId;

use super::round::Round;
use super::{Caller, Turn};

/// Calls that wait.
#[derive(Debug, Default)]
pub(super) struct Lines {
    nodes: Round<NodeId>,
    // Invariant: the nodes of `nodes`, and of each a line at least.
    clients: BTreeMap<NodeId, Clients>,
    waiting: usize,
}

/// Calls that wait and came by one node.
#[derive(Debug, Default)]
struct Clients {
    round: Round<u64>,
    // Invariant: the clients of `round`, and of each a call at least.
    lines: BTreeMap<u64, VecDeque<(Turn, u64)>>,
}

impl Lines {
    /// A call waits behind those of its client.
    pub(super) fn join(&mut self, caller: Caller, turn: Turn, cost: u64) {
        let Caller { node, client } = caller;
        let clients = self.clients.entry(node).or_default();
        clients
            .lines
            .entry(client)
            .or_default()
            .push_back((turn, cost));
        clients.round.join(client, cost);
        self.nodes.join(node, cost);
        self.waiting += 1;
    }

    /// Takes out the call whose turn it is.
    pub(super) fn next(&mut self) -> Option<Turn> {
        let node = self.nodes.first()?;
        let clients = self.clients.get_mut(&node)?;
        let client = clients.round.first()?;
        let line = clients.lines.get_mut(&client)?;
        let (turn, _) = line.pop_front()?;
        clients.round.serve();
        match line.front() {
            Some((_, cost)) => clients.round.join(client, *cost),
            None => {
                clients.lines.remove(&client);
            }
        }
        self.nodes.serve();
        match clients.next_cost() {
            Some(cost) => self.nodes.join(node, cost),
            None => {
                self.clients.remove(&node);
            }
        }
        self.waiting -= 1;
        Some(turn)
    }

    /// A call does not wait any more.
    pub(super) fn leave(&mut self, caller: Caller, turn: Turn) {
        let Caller { node, client } = caller;
        let Some(clients) = self.clients.get_mut(&node) else {
            return;
        };
        let Some(line) = clients.lines.get_mut(&client) else {
            return;
        };
        let before = line.len();
        line.retain(|(waiting, _)| *waiting != turn);
        self.waiting -= before - line.len();
        if line.is_empty() {
            clients.lines.remove(&client);
            clients.round.leave(client);
        }
        if clients.round.is_empty() {
            self.clients.remove(&node);
            self.nodes.leave(node);
        }
    }

    /// How many calls wait.
    pub(super) fn len(&self) -> usize {
        self.waiting
    }

    /// How many calls of one client wait.
    pub(super) fn len_of(&self, caller: Caller) -> usize {
        let clients = self.clients.get(&caller.node);
        let line = clients.and_then(|clients| clients.lines.get(&caller.client));
        line.map_or(0, VecDeque::len)
    }
}

impl Clients {
    /// What the call costs that is next.
    fn next_cost(&self) -> Option<u64> {
        let line = self.lines.get(&self.round.first()?)?;
        line.front().map(|(_, cost)| *cost)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn caller(node: u8, client: u64) -> Caller {
        Caller {
            node: NodeId::from_bytes([node; 32]),
            client,
        }
    }

    /// Lets calls wait, numbered from `first`.
    fn join(lines: &mut Lines, caller: Caller, first: u64, calls: u64, cost: u64) {
        for number in first..first + calls {
            lines.join(caller, Turn(number), cost);
        }
    }

    proptest! {
        /// A light client's wait is bounded by how many others there are, however much they have asked for before.
        #[test]
        fn a_light_client_waits_for_others_not_for_what_they_ask(
            backlogs in prop::collection::vec((0_u8..4, 1_u64..200), 1..40),
            served_before in 0_usize..500,
            node in 0_u8..4,
        ) {
            let mut lines = Lines::default();
            for (client, (node, calls)) in (1..).zip(&backlogs) {
                join(&mut lines, caller(*node, client), client * 1_000, *calls, 1);
            }
            for _ in 0..served_before {
                lines.next();
            }
            let own = Turn(0);
            lines.join(caller(node, 0), own, 1);
            let ahead = std::iter::from_fn(|| lines.next()).take_while(|turn| *turn != own).count();
            // While each of the others of its node is served once, another node gets as many turns.
            let of = |node| backlogs.iter().filter(|(other, _)| *other == node).count();
            let nodes = (0..4).filter(|other| *other == node || 0 < of(*other)).count();
            let most = (of(node) + 1) * nodes;
            prop_assert!(ahead <= most, "{ahead} ahead, {most} expected");
        }

        /// Nothing is lost or served twice, and each client's calls come in their order, whoever leaves meanwhile.
        #[test]
        fn every_call_is_served_once_or_has_left(
            steps in prop::collection::vec((0_u8..3, 0_u64..5, 0_u8..4, 1_u64..9), 1..300),
        ) {
            let (mut lines, mut waiting) = (Lines::default(), Vec::new());
            for (number, (node, client, deed, cost)) in (0..).zip(steps) {
                match deed {
                    0 => if let Some(turn) = lines.next() {
                        let at = waiting.iter().position(|(own, _)| *own == turn).unwrap();
                        let (_, own) = waiting.remove(at);
                        prop_assert!(!waiting[..at].iter().any(|(_, other)| *other == own));
                    },
                    1 if !waiting.is_empty() => {
                        let (turn, own) = waiting.swap_remove(waiting.len() / 2);
                        lines.leave(own, turn);
                        waiting.sort_unstable_by_key(|(turn, _)| *turn);
                    }
                    _ => {
                        lines.join(caller(node, client), Turn(number), cost);
                        waiting.push((Turn(number), caller(node, client)));
                    }
                }
                prop_assert_eq!(lines.len(), waiting.len());
            }
            prop_assert_eq!(std::iter::from_fn(|| lines.next()).count(), waiting.len());
            prop_assert!(lines.clients.is_empty() && lines.nodes.is_empty());
        }
    }

    /// How many of the first `turns` went to calls with numbers in a range.
    fn share(lines: &mut Lines, turns: usize, of: std::ops::Range<u64>) -> usize {
        let given = std::iter::from_fn(|| lines.next()).take(turns);
        given.filter(|Turn(number)| of.contains(number)).count()
    }

    #[test]
    fn who_asks_for_much_gets_fewer_turns() {
        let mut lines = Lines::default();
        join(&mut lines, caller(1, 1), 0, 100, 9);
        join(&mut lines, caller(1, 2), 100, 100, 1);
        assert_eq!(share(&mut lines, 100, 0..100), 10);
        // And whoever has been at it for long is not put off for that when somebody comes.
        assert_eq!(share(&mut lines, 10, 100..200), 9);
    }

    #[test]
    fn a_node_gets_its_share_however_many_clients_it_says_to_have() {
        let mut lines = Lines::default();
        for client in 0..1_000 {
            join(&mut lines, caller(1, client), client, 1, 1);
        }
        join(&mut lines, caller(2, 1), 1_000, 100, 1);
        assert_eq!(share(&mut lines, 100, 1_000..1_100), 50);
    }
}
