//! Placing tasks: what the leader proposes, round by round, and why a task is where it is.
//!
//! Pure: state, liveness and what is already proposed go in, commands come out. A round's work is bounded by the commands
//! that it may give and by [`LINES_PER_ROUND_MAX`], whatever the mesh holds.
//!
//! Nothing is decided here: `apply` checks every assignment again.

pub mod explain;
pub mod fit;
pub mod rank;
pub mod retry;

use std::collections::{BTreeMap, BTreeSet};

use hms_protocol::id::{AgentId, TaskId};
use hms_protocol::task::Blockage;
use hms_protocol::time::Moment;

pub use self::explain::explain;
use self::rank::Pool;
use crate::liveness::Liveness;
use crate::state::State;
use crate::state::command::Command;
use crate::state::waiting::{Demand, Place};

/// Lines of waiting tasks that one round looks at. With more, the rest waits for the next round: those whose first task is
/// of lower priority or younger; of blocked lines, another part each second.
pub const LINES_PER_ROUND_MAX: usize = 256;

/// What was proposed and is not applied yet, so that nothing is proposed twice and no agent is overbooked.
#[derive(Clone, Debug, Default)]
pub struct InFlight {
    // Invariant: `agents` counts the agents among the values of `tasks`.
    tasks: BTreeMap<TaskId, Option<AgentId>>,
    agents: BTreeMap<AgentId, usize>,
}

impl InFlight {
    /// A command of [`schedule`] was proposed.
    pub fn propose(&mut self, command: &Command) {
        let (task, agent) = match command {
            Command::Assign { task, agent, .. } => (*task, Some(*agent)),
            Command::Block { task, .. } | Command::Unblock { task } => (*task, None),
            Command::Admit(_)
            | Command::Greet { .. }
            | Command::Lose { .. }
            | Command::Enrol(_)
            | Command::Retire { .. }
            | Command::Submit { .. }
            | Command::Start { .. }
            | Command::Report(_)
            | Command::Judge(_)
            | Command::Redraw { .. }
            | Command::Expire { .. }
            | Command::Cancel { .. }
            | Command::Lapse { .. }
            | Command::Declare(_)
            | Command::Withdraw { .. }
            | Command::Observe(_)
            | Command::Convict(_)
            | Command::Operate(_)
            | Command::ReplaceLost { .. } => return,
        };
        self.settle(task);
        self.tasks.insert(task, agent);
        if let Some(agent) = agent {
            *self.agents.entry(agent).or_default() += 1;
        }
    }

    /// What was proposed for a task was applied, refused or lost.
    pub fn settle(&mut self, task: TaskId) {
        let Some(Some(agent)) = self.tasks.remove(&task) else {
            return;
        };
        if let Some(count) = self.agents.get_mut(&agent) {
            *count -= 1;
            if *count == 0 {
                self.agents.remove(&agent);
            }
        }
    }

    /// Everything that was proposed is lost: this node does not lead any more.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Whether something is proposed for a task.
    pub fn contains(&self, task: TaskId) -> bool {
        self.tasks.contains_key(&task)
    }

    /// For how many tasks something is proposed.
    pub fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Whether nothing is proposed.
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// How many assignments to an agent are proposed.
    pub fn assigned(&self, agent: AgentId) -> usize {
        self.agents.get(&agent).copied().unwrap_or_default()
    }
}

/// What should be proposed now: at most `most` commands, assignments by priority and age.
pub fn schedule(
    state: &State,
    liveness: &Liveness,
    now: Moment,
    in_flight: &InFlight,
    most: usize,
) -> Vec<Command> {
    let mut round = Round {
        state,
        liveness,
        now,
        in_flight,
        booked: BTreeMap::new(),
        commands: Vec::new(),
        most,
    };
    round.review_blocked();
    round.place_queued();
    round.commands
}

/// One round.
pub(crate) struct Round<'a> {
    state: &'a State,
    liveness: &'a Liveness,
    now: Moment,
    in_flight: &'a InFlight,
    /// Runs that this round has given, by agent.
    booked: BTreeMap<AgentId, usize>,
    commands: Vec<Command>,
    most: usize,
}

impl<'a> Round<'a> {
    fn is_full(&self) -> bool {
        self.most <= self.commands.len()
    }

    /// Frees the tasks that can be placed again, and corrects the reason of those that cannot. Takes at most half of the
    /// round, so that the blocked never keep the placeable waiting.
    fn review_blocked(&mut self) {
        let waiting = self.state.ledger().index().waiting();
        let lines = waiting.blocked_lines();
        if lines == 0 {
            return;
        }
        let turn = usize::try_from(self.now.0 / REVIEW_EVERY_MS).unwrap_or_default();
        let first = turn.wrapping_mul(LINES_PER_ROUND_MAX) % lines;
        let in_turn = waiting
            .blocked()
            .cycle_from(first, lines.min(LINES_PER_ROUND_MAX));
        for (demand, held, places) in in_turn {
            let found = self.state.blockage(demand);
            if found.as_ref() == Some(held) {
                continue;
            }
            for place in places {
                if self.most.div_ceil(2) <= self.commands.len() {
                    return;
                }
                if !self.in_flight.contains(place.task) {
                    self.commands.push(verdict(place.task, found.as_ref()));
                }
            }
        }
    }

    /// Places the first tasks of all lines, best line first. A line whose first task finds no agent is left: those behind
    /// it would find none either.
    fn place_queued(&mut self) {
        let waiting = self.state.ledger().index().waiting();
        let heads = waiting.heads().take(LINES_PER_ROUND_MAX);
        let (mut front, mut lines) = (BTreeSet::new(), Vec::new());
        for (place, demand) in heads {
            front.insert((*place, lines.len()));
            lines.push(Line {
                demand,
                behind: waiting.line_behind(demand, *place),
                outlook: None,
            });
        }
        while let Some((place, number)) = front.pop_first() {
            if self.is_full() {
                return;
            }
            let Some(line) = lines.get_mut(number) else {
                return;
            };
            if self.in_flight.contains(place.task) || self.place(place, line) {
                front.extend(line.behind.next().map(|next| (next, number)));
            }
        }
    }

    /// Proposes something for one task; false if its line is stuck.
    fn place<I>(&mut self, place: Place, line: &mut Line<'a, I>) -> bool {
        let outlook = line
            .outlook
            .get_or_insert_with(|| Outlook::new(self, line.demand));
        let pool = match outlook {
            Outlook::Blocked(blockage) => {
                self.commands.push(verdict(place.task, Some(blockage)));
                return true;
            }
            Outlook::Open(pool) => pool,
        };
        let Some(task) = self.state.ledger().task(place.task) else {
            return true;
        };
        let Some(agent) = retry::choose(pool, task, self) else {
            return false;
        };
        *self.booked.entry(agent).or_default() += 1;
        self.commands.push(Command::Assign {
            task: task.id,
            attempt: task.attempts.last().map_or(1, |attempt| attempt.number + 1),
            agent,
        });
        true
    }

    /// How many runs an agent has, those included that are on their way to it.
    fn running(&self, node: hms_protocol::id::NodeId, agent: AgentId) -> usize {
        let booked = self.booked.get(&agent).copied().unwrap_or_default();
        self.state.crew().running(node, agent) + self.in_flight.assigned(agent) + booked
    }
}

/// Blocked lines are looked at in turn, a part each second.
const REVIEW_EVERY_MS: u64 = 1_000;

fn verdict(task: TaskId, blockage: Option<&Blockage>) -> Command {
    match blockage.cloned() {
        Some(blockage) => Command::Block { task, blockage },
        None => Command::Unblock { task },
    }
}

/// A line of tasks with one demand, as a round works it off.
struct Line<'a, I> {
    demand: &'a Demand,
    /// The tasks behind the one that is looked at.
    behind: I,
    /// Found out when the line's turn comes.
    outlook: Option<Outlook<'a>>,
}

/// What the tasks of one line can hope for.
enum Outlook<'a> {
    /// Nobody can take them, however idle.
    Blocked(Blockage),
    /// These may have a slot.
    Open(Pool<'a>),
}

impl<'a> Outlook<'a> {
    fn new(round: &Round<'a>, demand: &Demand) -> Self {
        match round.state.blockage(demand) {
            Some(blockage) => Self::Blocked(blockage),
            None => Self::Open(Pool::new(round, demand)),
        }
    }
}

/// Going round a list from some place on.
trait CycleFrom: Iterator + Clone {
    fn cycle_from(self, first: usize, count: usize) -> impl Iterator<Item = Self::Item> {
        self.cycle().skip(first).take(count)
    }
}

impl<I: Iterator + Clone> CycleFrom for I {}
