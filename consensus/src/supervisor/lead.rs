//! What a leader owes the nodes: its word that their leases hold, and orders to run what the ledger says is theirs.
//!
//! Which runs are open is read from the ledger, task by task, whenever a task has moved; nothing of it is remembered
//! across leaders. An order is repeated until the node confirms it, and again when the confirmations stop.
//!
//! A word and an order name a beat that was heard *before* a quorum last confirmed the leader. A node that is being
//! given up gets neither. Why that keeps two nodes from holding one lease is told in `worker/fence.rs`.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use hms_protocol::digest::Hash;
use hms_protocol::heartbeat::Heartbeat;
use hms_protocol::id::{Incarnation, NodeId, Sequence, TaskId, Term};
use hms_protocol::limits::VERIFY_ROUND_MS;
use hms_protocol::peer::{Dispatch, Echo, Lead, PeerMessage, Run};
use hms_protocol::task::Task;
use hms_protocol::time::Moment;
use hms_protocol::verdict::verifying_skill;

use crate::limits::{CONFIRM_WITHIN_MS, DISPATCH_EVERY_MS, LEAD_EVERY_MS};
use crate::outbox::Outbox;
use crate::raft::Driver;
use crate::state::State;
use crate::state::ledger::held;
use crate::supervisor::clerk::Clerk;
use crate::supervisor::proposals::{Errand, Proposals};

/// One leadership, from the election to its end.
#[derive(Debug)]
pub struct Tenure {
    term: Term,
    began_at: Moment,
    /// Whether an entry of the term is applied: before that the state may lack what is already decided.
    settled: bool,
    word_due_at: Moment,
    /// The beats that had been heard when the confirmation under way was asked for.
    asked: Option<BTreeMap<NodeId, Beat>>,
    /// The same, of the newest confirmation that came.
    vouched: BTreeMap<NodeId, Beat>,
    open: BTreeMap<Run, Open>,
    /// Runs that were opened since the last dispatch.
    unsent: Vec<Run>,
}

/// A beat that was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beat {
    incarnation: Incarnation,
    sequence: Sequence,
    heard_at: Moment,
}

/// A run that a node should be at.
#[derive(Clone, Copy, Debug)]
struct Open {
    node: NodeId,
    sent_at: Option<Moment>,
    confirmed_at: Option<Moment>,
}

/// The newest beats of every node.
#[derive(Debug, Default)]
pub struct Beats {
    newest: BTreeMap<NodeId, Beat>,
}

impl Beats {
    /// Notes a beat, unless a newer one is known.
    pub fn hear(&mut self, heartbeat: &Heartbeat, now: Moment) {
        let beat = Beat {
            incarnation: heartbeat.incarnation,
            sequence: heartbeat.sequence,
            heard_at: now,
        };
        let age = |beat: &Beat| (beat.incarnation, beat.sequence);
        let known = self.newest.get(&heartbeat.node);
        if known.is_none_or(|known| age(known) < age(&beat)) {
            self.newest.insert(heartbeat.node, beat);
        }
    }

    /// Forgets every beat: this node slept, and does not know when they came.
    pub fn forget(&mut self) {
        self.newest.clear();
    }
}

impl Open {
    fn is_due(self, now: Moment) -> bool {
        let Some(sent_at) = self.sent_at else {
            return true;
        };
        let confirmed = self
            .confirmed_at
            .is_some_and(|at| now.since_ms(at) < CONFIRM_WITHIN_MS);
        !confirmed && now.since_ms(sent_at) >= DISPATCH_EVERY_MS
    }
}

impl Tenure {
    /// A leadership that begins now.
    pub fn new(term: Term, now: Moment) -> Self {
        Self {
            term,
            began_at: now,
            settled: false,
            word_due_at: now,
            asked: None,
            vouched: BTreeMap::new(),
            open: BTreeMap::new(),
            unsent: Vec::new(),
        }
    }

    /// The term.
    pub fn term(&self) -> Term {
        self.term
    }

    /// When it began.
    pub fn began_at(&self) -> Moment {
        self.began_at
    }

    /// Whether the state holds everything that was decided before this leadership.
    pub fn is_settled(&self) -> bool {
        self.settled
    }

    /// An entry of the term is applied: from now on the state may be acted on.
    pub fn settle(&mut self, state: &State) {
        self.settled = true;
        let tasks = state.ledger().tasks();
        for task in tasks.filter(|task| !task.state.is_final()) {
            self.follow(task);
        }
    }

    /// Whether the leader's word is to be given again. If so, the caller has the leadership confirmed.
    pub fn asks_word(&mut self, beats: &Beats, now: Moment) -> bool {
        if !self.settled || self.asked.is_some() || now < self.word_due_at {
            return false;
        }
        self.word_due_at = now.plus_ms(LEAD_EVERY_MS);
        self.asked = Some(beats.newest.clone());
        true
    }

    /// The leadership is confirmed: what was asked may be said.
    pub fn confirm(&mut self) {
        if let Some(beats) = self.asked.take() {
            self.vouched = beats;
        }
    }

    /// The leader's word to one node, which is watched for news of `watch`.
    pub fn word(&self, node: NodeId, watch: Hash, desk: &Desk<'_>) -> Lead {
        let (state, now) = (desk.state, desk.now);
        let echo = |beat: &Beat| Echo {
            sequence: beat.sequence,
            ago_ms: now.since_ms(beat.heard_at),
        };
        let member = state.roster().member(node);
        // A node that beats in a life that the ledger does not know yet holds no lease in it.
        let beat = self
            .vouched
            .get(&node)
            .filter(|beat| member.is_some_and(|member| member.incarnation == beat.incarnation));
        Lead {
            term: self.term,
            roster_revision: state.roster().revision(),
            epoch: desk.driver.members().epoch(),
            watch,
            at: state.now().max(now),
            heard: beat.map(echo),
        }
    }

    /// A task may have moved: which of its runs are open is read anew.
    pub fn follow(&mut self, task: &Task) {
        let wanted: BTreeMap<Run, NodeId> = held(task)
            .into_iter()
            .map(|(node, _, run)| (run, node))
            .collect();
        let over: Vec<Run> = runs_of(task.id)
            .into_iter()
            .flat_map(|bounds| self.open.range(bounds))
            .map(|(run, _)| *run)
            .filter(|run| !wanted.contains_key(run))
            .collect();
        for run in over {
            self.open.remove(&run);
        }
        for (run, node) in wanted {
            if let Entry::Vacant(place) = self.open.entry(run) {
                place.insert(Open {
                    node,
                    sent_at: None,
                    confirmed_at: None,
                });
                self.unsent.push(run);
            }
        }
    }

    /// A node says that it is at a run. Returns whether it should be.
    pub fn confirm_run(&mut self, run: Run, node: NodeId, now: Moment) -> bool {
        let open = self.open.get_mut(&run).filter(|open| open.node == node);
        if let Some(open) = open {
            open.confirmed_at = Some(now);
            true
        } else {
            false
        }
    }

    /// Sends the orders for runs that are new. One that cannot be sent now is due again at the next tick.
    pub fn dispatch_new(&mut self, desk: &Desk<'_>, outbox: &mut Outbox) {
        let mut clerk = Clerk::default();
        for run in std::mem::take(&mut self.unsent) {
            self.send_order(run, (desk, &mut clerk), outbox);
        }
    }

    /// Sends every order that is due.
    pub fn dispatch_due(&mut self, desk: &Desk<'_>, outbox: &mut Outbox) {
        let runs = self.open.iter().filter(|(_, open)| open.is_due(desk.now));
        let due: Vec<Run> = runs.map(|(run, _)| *run).collect();
        let mut clerk = Clerk::default();
        for run in due {
            self.send_order(run, (desk, &mut clerk), outbox);
        }
    }

    fn send_order(
        &mut self,
        run: Run,
        (desk, clerk): (&Desk<'_>, &mut Clerk),
        outbox: &mut Outbox,
    ) {
        let Some(open) = self.open.get_mut(&run) else {
            return;
        };
        let given_up = desk.proposals.is_under_way(&Errand::Lose(open.node));
        if let Some(beat) = self.vouched.get(&open.node).filter(|_| !given_up)
            && let Some(mut order) = order(run, beat, desk.state, desk.now)
        {
            order.warrant = clerk.warrant(run, desk);
            open.sent_at = Some(desk.now);
            outbox.send(open.node, PeerMessage::Dispatch(order));
        }
    }
}

/// What the leader looks at when it gives orders.
pub struct Desk<'view> {
    /// The replicated state.
    pub state: &'view State,
    /// What is being decided.
    pub proposals: &'view Proposals,
    /// The log and its certificates.
    pub driver: &'view Driver,
    /// This node's clock.
    pub now: Moment,
}

/// The keys between which every run of a task lies.
fn runs_of(task: TaskId) -> [std::ops::RangeInclusive<Run>; 2] {
    use hms_protocol::id::AgentId;
    let attempt = |attempt| Run::Attempt { task, attempt };
    let check = |attempt, round, verifier| Run::Check {
        task,
        attempt,
        round,
        verifier,
    };
    let (first, last) = (AgentId::from_bytes([0; 16]), AgentId::from_bytes([255; 16]));
    [
        attempt(0)..=attempt(u32::MAX),
        check(0, 0, first)..=check(u32::MAX, u32::MAX, last),
    ]
}

/// The order for a run, or nothing if the ledger does not want it of this life of the node.
fn order(run: Run, beat: &Beat, state: &State, now: Moment) -> Option<Dispatch> {
    let (Run::Attempt { task, .. } | Run::Check { task, .. }) = run;
    let task = state.ledger().task(task)?;
    let (agent, skill, lease_until) = match run {
        Run::Attempt { attempt, .. } => {
            let attempt = task.attempts.iter().find(|known| known.number == attempt)?;
            if attempt.incarnation != beat.incarnation {
                return None;
            }
            (attempt.agent, task.spec.skill.clone(), attempt.lease_until)
        }
        Run::Check { verifier, .. } => {
            let kernel = verifying_skill(&task.spec.skill)?;
            let drawn_at = task.round.as_ref()?.drawn_at;
            (verifier, kernel, drawn_at.plus_ms(VERIFY_ROUND_MS))
        }
    };
    let is_check = matches!(run, Run::Check { .. });
    Some(Dispatch {
        run,
        agent,
        incarnation: beat.incarnation,
        as_of: beat.sequence,
        skill,
        input: task.spec.input.clone(),
        report: if is_check { task.result.clone() } else { None },
        limit_ms: lease_until.since_ms(state.now().max(now)),
        lease_until,
        warrant: Vec::new(),
    })
}
