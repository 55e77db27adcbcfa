//! What must never be false, checked after every step.
//!
//! The oracle sees everything: every mind, every effect, every answer. It compares what the mesh promised with what the
//! mesh is, and names the first promise that was broken.

use std::collections::{BTreeMap, BTreeSet};

use hms_consensus::effect::Notice;
use hms_consensus::state::event::Event;
use hms_consensus::supervisor::audit::Stand;
use hms_protocol::digest::Hash;
use hms_protocol::id::{AgentId, Index, NodeId, Position, TaskId, Term};
use hms_protocol::peer::{Dispatch, Run};
use hms_protocol::task::TaskState;

use crate::sim::clock::Millis;
use crate::sim::crowd::Known;
use crate::sim::host::{Host, HostId};
use crate::sim::seats::Seats;
use hms_testnet::attack::coup::FORGED;

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Violation {
    /// Two leaders in one term.
    TwoLeaders(Term, NodeId, NodeId),
    /// Two replicas differ at one index.
    Diverged(Index, HostId),
    /// A leader's ledger lacks a task that was acknowledged.
    Lost(TaskId, HostId),
    /// A task moved after it was decided, or was decided twice.
    Undone(TaskId, TaskState, TaskState),
    /// Two hosts run one task, both under a lease that they may believe in.
    TwoHolders(TaskId, HostId, HostId),
    /// A mind asked to be stopped.
    Halted(HostId, String),
    /// A node was convicted that has not lied.
    HonestConvicted(NodeId),
    /// A read was answered from an old state.
    StaleRead(TaskId),
    /// A receipt that a node has given does not hold.
    BadReceipt(TaskId, String),
    /// A host has another entry where a receipt proves one.
    AgainstReceipt(Index, HostId),
    /// A host counts or has dropped somebody as a voter or learner, and the ledger never called for it.
    Usurped(HostId, NodeId),
    /// A host has started from a disk that was damaged.
    RanOnDamage(HostId),
    /// A host has taken into its log what nobody has said.
    Swallowed(HostId, Index),
    /// Something was done that nobody may do who has done it.
    Harmed(String),
    /// The faults are over, and something does not come to its end.
    Stuck(String),
}

/// An attempt that a host is at.
#[derive(Clone, Copy, Debug)]
struct Holder {
    agent: AgentId,
    attempt: u32,
}

/// What was promised so far.
#[derive(Debug, Default)]
pub struct Oracle {
    leaders: BTreeMap<Term, NodeId>,
    stands: BTreeMap<Index, Stand>,
    /// How far each host had applied the ledger when it was last looked at.
    looked: BTreeMap<HostId, Index>,
    acknowledged: BTreeMap<TaskId, Position>,
    decided: BTreeMap<TaskId, (Position, TaskState)>,
    holders: BTreeMap<TaskId, BTreeMap<HostId, Holder>>,
    /// Agents that were caught. Their leases are void from then on, whether or not they know.
    convicted: BTreeSet<AgentId>,
    /// Nodes that were caught. Work is taken from them at once, whatever their leases.
    quarantined: BTreeSet<NodeId>,
    /// Nodes that may be convicted, because they lie.
    pub liars: BTreeSet<NodeId>,
    /// Nodes whose keys run twice: their leases promise nothing.
    pub doubled: BTreeSet<NodeId>,
    /// The chain hashes that receipts prove, by index.
    receipted: BTreeMap<Index, Hash>,
    receipts: usize,
    seats: Seats,
    /// The first promise that was broken.
    pub broken: Option<Violation>,
}

impl Oracle {
    fn accuse(&mut self, violation: Violation) {
        self.broken.get_or_insert(violation);
    }

    /// A mind asked to be stopped.
    pub fn halted(&mut self, host: HostId, reason: String) {
        self.accuse(Violation::Halted(host, reason));
    }

    /// Something was done that nobody may do who has done it.
    pub fn harmed(&mut self, what: String) {
        self.accuse(Violation::Harmed(what));
    }

    /// The world came to rest too late, or not at all.
    pub fn stuck(&mut self, what: String) {
        self.accuse(Violation::Stuck(what));
    }

    /// A host has started from a damaged disk.
    pub fn ran_on(&mut self, host: HostId) {
        self.accuse(Violation::RanOnDamage(host));
    }

    /// How many nodes were convicted.
    pub fn convictions(&self) -> usize {
        self.quarantined.len()
    }

    /// A host writes entries into its log.
    pub fn logged(&mut self, host: &Host, rows: &[(Index, Vec<u8>)]) {
        if self.liars.is_empty() || self.liars.contains(&host.node) {
            return;
        }
        let forged = |row: &[u8]| row.windows(FORGED.len()).any(|part| part == FORGED);
        if let Some((index, _)) = rows.iter().find(|(_, row)| forged(row)) {
            self.accuse(Violation::Swallowed(host.id, *index));
        }
    }

    /// A submit was acknowledged.
    pub fn acknowledged(&mut self, task: TaskId, position: Position) {
        self.acknowledged.entry(task).or_insert(position);
    }

    /// Tasks that were acknowledged, in order.
    pub fn promises(&self) -> impl Iterator<Item = TaskId> {
        self.acknowledged.keys().copied()
    }

    /// A linearizable read has found this; `before` is what was known when it was asked.
    pub fn read(&mut self, task: TaskId, before: &Known, found: Option<&TaskState>) {
        let fresh = match (&before.decided, found) {
            (Some(decided), found) => found == Some(decided),
            (None, Some(_)) => true,
            (None, None) => !before.acknowledged,
        };
        if !fresh {
            self.accuse(Violation::StaleRead(task));
        }
    }

    /// What has been promised about a task so far.
    pub fn known(&self, task: TaskId) -> Known {
        Known {
            acknowledged: self.acknowledged.contains_key(&task),
            decided: self.decided.get(&task).map(|(_, state)| state.clone()),
        }
    }

    /// A client holds a receipt, which proves the ledger up to here.
    pub fn receipted(&mut self, index: Index, chain: Hash) {
        self.receipts += 1;
        if *self.receipted.entry(index).or_insert(chain) != chain {
            self.accuse(Violation::AgainstReceipt(index, HostId(0)));
        }
    }

    /// A client got a receipt that proves nothing.
    pub fn bad_receipt(&mut self, task: TaskId, why: String) {
        self.accuse(Violation::BadReceipt(task, why));
    }

    /// How many receipts clients hold.
    pub fn receipts(&self) -> usize {
        self.receipts
    }

    /// A host has applied the entry with this chain hash.
    pub fn found(&mut self, host: HostId, index: Index, chain: Hash) {
        if self
            .receipted
            .get(&index)
            .is_some_and(|proven| *proven != chain)
        {
            self.accuse(Violation::AgainstReceipt(index, host));
        }
    }

    /// A voter has applied something.
    pub fn notice(&mut self, notice: &Notice) {
        if let Event::Convicted { agent, .. } = &notice.event {
            self.convicted.insert(*agent);
        }
        if let Event::NodeConvicted { node, .. } = &notice.event {
            self.quarantined.insert(*node);
            if !self.liars.contains(node) {
                self.accuse(Violation::HonestConvicted(*node));
            }
        }
        let Event::TaskMoved { task, state } = &notice.event else {
            return;
        };
        let known = self.decided.get(task);
        // The same step is told by every voter, and again after a restart.
        if let Some((position, decided)) = known
            && *position <= notice.position
            && (*position, decided) != (notice.position, state)
        {
            self.accuse(Violation::Undone(*task, decided.clone(), state.clone()));
        } else if state.is_final() {
            self.decided.insert(*task, (notice.position, state.clone()));
        }
    }

    /// A host begins a run. `hosts` are all hosts, by number; `now` is the world's time.
    pub fn begins(&mut self, host: HostId, order: &Dispatch, hosts: &[Host], now: Millis) {
        let Run::Attempt { task, attempt } = order.run else {
            return;
        };
        let holders = self.holders.entry(task).or_default();
        let rival = holders.iter().find(|(other, held)| {
            **other != host
                && !self.quarantined.contains(&hosts[other.0].node)
                && !self.doubled.contains(&hosts[other.0].node)
                && !self.doubled.contains(&hosts[host.0].node)
                && !self.convicted.contains(&order.agent)
                && held.attempt != attempt
                && !self.convicted.contains(&held.agent)
                && believes(&hosts[other.0], task, held, now)
        });
        if let Some((rival, _)) = rival {
            let violation = Violation::TwoHolders(task, *rival, host);
            self.broken.get_or_insert(violation);
        }
        let holder = Holder {
            agent: order.agent,
            attempt,
        };
        holders.insert(host, holder);
    }

    /// A host is not at a run any more.
    pub fn ends(&mut self, host: HostId, run: Run) {
        if let Run::Attempt { task, attempt } = run
            && let Some(holders) = self.holders.get_mut(&task)
            && holders
                .get(&host)
                .is_some_and(|held| held.attempt == attempt)
        {
            holders.remove(&host);
        }
    }

    /// A host has crashed.
    pub fn crashes(&mut self, host: HostId) {
        self.seats.forget(host);
        self.looked.remove(&host);
        for holders in self.holders.values_mut() {
            holders.remove(&host);
        }
    }

    /// Looks at a host after a step.
    pub fn look(&mut self, host: &Host) {
        let Some(voter) = host.mind.as_ref().and_then(|mind| mind.supervisor()) else {
            return;
        };
        let replica = voter.replica();
        // Nothing but an entry changes a state.
        let before = self.looked.insert(host.id, replica.index());
        if Index::default() < replica.index() && before != Some(replica.index()) {
            let stand = replica.stand();
            self.found(host.id, replica.index(), stand.chain);
            let known = *self.stands.entry(replica.index()).or_insert(stand);
            if known != stand {
                self.accuse(Violation::Diverged(replica.index(), host.id));
            }
        }
        if !self.liars.contains(&host.node)
            && let Some(node) = self.seats.usurped(host)
        {
            self.accuse(Violation::Usurped(host.id, node));
        }
        let Some(term) = voter.leads_in() else {
            return;
        };
        let known = *self.leaders.entry(term).or_insert(host.node);
        if known != host.node {
            self.accuse(Violation::TwoLeaders(term, known, host.node));
        }
        if voter.acts() {
            self.audit(host);
        }
    }

    /// Holds every promise against a leader's ledger.
    pub fn audit(&mut self, host: &Host) {
        let Some(voter) = host.mind.as_ref().and_then(|mind| mind.supervisor()) else {
            return;
        };
        let ledger = voter.state().ledger();
        // What a leader has acknowledged is in every later leader's log before its own term. A leader that was replaced
        // and does not know it is not asked.
        let newest = self.leaders.keys().next_back().copied();
        let lost = self
            .acknowledged
            .keys()
            .find(|task| ledger.task(**task).is_none());
        if let Some(task) = lost.filter(|_| voter.leads_in() == newest) {
            let violation = Violation::Lost(*task, host.id);
            self.accuse(violation);
            return;
        }
        let applied = voter.replica().index();
        let undone = self.decided.iter().find_map(|(task, (position, decided))| {
            let found = &ledger.task(*task)?.state;
            let differs = position.index <= applied && found != decided;
            differs.then(|| (*task, decided.clone(), found.clone()))
        });
        if let Some((task, decided, found)) = undone {
            self.accuse(Violation::Undone(task, decided, found));
        }
    }
}

/// Whether a host, awake, would go on with what it holds.
fn believes(host: &Host, task: TaskId, held: &Holder, now: Millis) -> bool {
    let run = Run::Attempt {
        task,
        attempt: held.attempt,
    };
    let clock = host.clock(now);
    let mind = host.mind.as_ref();
    mind.is_some_and(|mind| mind.worker().goes_on_with(run, clock))
}
