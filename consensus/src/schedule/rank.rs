//! Which agent first: the one with the smallest share of its slots in use, then the one on the least loaded node, then by
//! id.
//!
//! Agents already stand in order of load in the crew's index; a pool only merges those orders, so that taking the best of
//! ten thousand costs a look at one per node.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, btree_set};

use hms_protocol::id::{AgentId, NodeId};

use super::Round;
use super::fit;
use crate::state::capability::Verifiers;
use crate::state::crew::{LOAD_FULL, load};
use crate::state::waiting::Demand;

/// The agents that could take tasks of one demand, best first.
pub(crate) struct Pool<'a> {
    /// One stream per class and node, each in order of load.
    streams: Vec<Stream<'a>>,
    // Invariant: of every stream that has not run dry, the next agent is in the heap.
    heap: BinaryHeap<Reverse<Rank>>,
    verifiers: Verifiers,
}

struct Stream<'a> {
    node: NodeId,
    node_load: u32,
    agents: btree_set::Iter<'a, (u32, AgentId)>,
}

/// What an agent is ranked by: lower is better. The load may be out of date, but never too high.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank {
    load: u32,
    node_load: u32,
    pub(crate) agent: AgentId,
    pub(crate) node: NodeId,
    /// The stream it came from, while it is the head of it.
    stream: Option<usize>,
}

impl<'a> Pool<'a> {
    pub(crate) fn new(round: &Round<'a>, demand: &Demand) -> Self {
        let state = round.state;
        let mut pool = Self {
            streams: Vec::new(),
            heap: BinaryHeap::new(),
            verifiers: state.verifiers(demand),
        };
        for class in state.crew().capable(demand) {
            for (node, agents) in class {
                if fit::obstacle(round, *node).is_some() {
                    continue;
                }
                pool.streams.push(Stream {
                    node: *node,
                    node_load: round.liveness.load_permille(*node),
                    agents: agents.iter(),
                });
                pool.refill(pool.streams.len() - 1);
            }
        }
        pool
    }

    /// Brings the next agent of a stream into the heap.
    fn refill(&mut self, stream: usize) {
        let Some(source) = self.streams.get_mut(stream) else {
            return;
        };
        let next = source.agents.next().filter(|(load, _)| *load < LOAD_FULL);
        self.heap.extend(next.map(|(load, agent)| {
            Reverse(Rank {
                load: *load,
                node_load: source.node_load,
                agent: *agent,
                node: source.node,
                stream: Some(stream),
            })
        }));
    }

    /// Takes the best agent that has a slot and whose result somebody else could check.
    pub(crate) fn take(&mut self, round: &Round) -> Option<Rank> {
        loop {
            let Reverse(mut best) = self.heap.pop()?;
            if let Some(stream) = best.stream.take() {
                self.refill(stream);
            }
            if !self.verifiers.besides(best.agent) {
                continue;
            }
            let slots = round.state.roster().agent(best.agent)?.certificate.slots;
            let current = load(round.running(best.node, best.agent), slots);
            if LOAD_FULL <= current {
                continue;
            }
            if best.load < current {
                best.load = current;
                self.heap.push(Reverse(best));
                continue;
            }
            return Some(best);
        }
    }

    /// Puts an agent back: it may have slots left, or is for another task.
    pub(crate) fn give_back(&mut self, rank: Rank) {
        self.heap.push(Reverse(rank));
    }
}
