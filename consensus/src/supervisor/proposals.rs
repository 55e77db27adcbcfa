//! Commands on their way into the log, and who waits for each.
//!
//! What comes in while an entry is under way becomes one entry, as far as it fits: a larger entry costs the voters no more
//! signatures, messages and writes than a small one. Entries that are full, or that take long, do not wait for each other.
//! A command of the leader's own making is an errand: it is not begun twice. When the
//! leadership ends, everybody who waits is told.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use hms_protocol::codec;
use hms_protocol::digest::Hash;
use hms_protocol::id::{Index, NodeId, ServiceName, TaskId, Term};
use hms_protocol::limits::{BATCH_BYTES_MAX, BATCH_COMMANDS_MAX};
use hms_protocol::peer::Run;
use hms_protocol::refusal::Refusal;
use hms_protocol::time::Moment;

use crate::input::Ticket;
use crate::limits::{BATCHES_UNDER_WAY_MAX, COMMANDS_WAITING_BYTES_MAX, COMMANDS_WAITING_MAX};
use crate::raft::Driver;
use crate::schedule::InFlight;
use crate::state::codec::check;
use crate::state::command::{Batch, Command};

/// Why a command was proposed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// A client waits for the outcome.
    Asked(Ticket),
    /// The leader does its duty.
    Errand(Errand),
}

/// A duty that one command discharges. Two equal errands are one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Errand {
    /// Assign, block or unblock a task.
    Place(TaskId),
    /// End an attempt that ran out.
    Expire(TaskId),
    /// End a task that ran out.
    Lapse(TaskId),
    /// Draw verifiers again.
    Redraw(TaskId),
    /// Note that a run is under way.
    Confirm(Run),
    /// Take a report or verdict; the node is told.
    Take {
        /// Of which run.
        run: Run,
        /// Who sent it.
        from: NodeId,
    },
    /// Enrol agents of a node; the node is told.
    Enrol(NodeId),
    /// Retire agents of a node; the node is told.
    Retire(NodeId),
    /// Note a node's new life.
    Greet(NodeId),
    /// Give a node up.
    Lose(NodeId),
    /// Give a lost voter's seat to a spare.
    Replace(NodeId),
    /// Take a node's opinion of a service.
    Observe(NodeId, ServiceName),
    /// Quarantine a node.
    Convict(NodeId),
    /// Decide what a petition is for.
    Petition(Hash),
}

/// Commands that wait, and entries under way.
#[derive(Debug, Default)]
pub struct Proposals {
    waiting: VecDeque<(Command, Origin)>,
    waiting_bytes: usize,
    under_way: BTreeMap<Index, (Term, Vec<Origin>)>,
    errands: BTreeSet<Errand>,
    placing: InFlight,
    /// Whether a tick has passed since the newest entry was proposed.
    late: bool,
}

impl Proposals {
    /// Takes a client's command.
    pub fn ask(&mut self, command: Command, ticket: Ticket) -> Result<(), Refusal> {
        if !self.has_room() {
            return Err(Refusal::Busy {
                what: "the queue of commands",
                max: COMMANDS_WAITING_MAX as u64,
            });
        }
        check(&command).map_err(|error| Refusal::Invalid {
            field: error.field(),
            reason: error.to_string(),
        })?;
        self.push(command, Origin::Asked(ticket));
        Ok(())
    }

    /// Takes a command of the leader's own making, unless its errand is under way or there is no room. Then the duty
    /// comes up again in a later round.
    pub fn run(&mut self, command: Command, errand: Errand) {
        if let Err(error) = check(&command) {
            tracing::error!(?errand, %error, "a command that no replica could read is dropped");
            return;
        }
        if self.has_room() && self.errands.insert(errand.clone()) {
            self.placing.propose(&command);
            self.push(command, Origin::Errand(errand));
        }
    }

    /// Whether an errand is waiting or under way.
    pub fn is_under_way(&self, errand: &Errand) -> bool {
        self.errands.contains(errand)
    }

    /// Whether the queue takes another command.
    pub fn has_room(&self) -> bool {
        self.waiting.len() < COMMANDS_WAITING_MAX && self.waiting_bytes < COMMANDS_WAITING_BYTES_MAX
    }

    /// Placements that are waiting or under way.
    pub fn placing(&self) -> &InFlight {
        &self.placing
    }

    fn push(&mut self, command: Command, origin: Origin) {
        self.waiting_bytes += command_bytes(&command);
        self.waiting.push_back((command, origin));
    }

    /// Time has passed: an entry that is still under way takes long.
    pub fn tick(&mut self) {
        self.late = true;
    }

    /// Whether the next entry need not wait for the one before it.
    fn may_go_on(&self) -> bool {
        let full =
            BATCH_COMMANDS_MAX <= self.waiting.len() || BATCH_BYTES_MAX <= self.waiting_bytes;
        let room = self.under_way.len() < BATCHES_UNDER_WAY_MAX;
        self.under_way.is_empty() || (room && (self.late || full))
    }

    /// Proposes what waits, as far as there is room.
    pub fn flush(&mut self, driver: &mut Driver, now: Moment) {
        while self.may_go_on() && 0 < driver.room() && !self.waiting.is_empty() {
            let (commands, origins) = self.next_entry();
            let batch = Batch {
                stamped_at: now,
                commands,
            };
            match driver.propose(codec::encode(&batch)) {
                Ok((term, index)) => {
                    self.under_way.insert(index, (term, origins));
                    self.late = false;
                }
                Err(_refused) => {
                    // Not leading any more, or no room: the caller notices the former, the latter passes.
                    self.put_back(batch.commands, origins);
                    return;
                }
            }
        }
    }

    fn next_entry(&mut self) -> (Vec<Command>, Vec<Origin>) {
        let (mut commands, mut origins) = (Vec::new(), Vec::new());
        let mut bytes = 0;
        while let Some((command, origin)) = self.waiting.pop_front() {
            let more = command_bytes(&command);
            let fits = bytes + more <= BATCH_BYTES_MAX && commands.len() < BATCH_COMMANDS_MAX;
            if !fits && !commands.is_empty() {
                self.waiting.push_front((command, origin));
                break;
            }
            bytes += more;
            commands.push(command);
            origins.push(origin);
        }
        self.waiting_bytes -= bytes;
        (commands, origins)
    }

    fn put_back(&mut self, commands: Vec<Command>, origins: Vec<Origin>) {
        for (command, origin) in commands.into_iter().zip(origins).rev() {
            self.waiting_bytes += command_bytes(&command);
            self.waiting.push_front((command, origin));
        }
    }

    /// An entry is applied: who waited for each of its commands, in their order. `None` if it is not one of ours.
    pub fn applied(&mut self, term: Term, index: Index) -> Option<Vec<Origin>> {
        let (_, origins) = self
            .under_way
            .remove(&index)
            .filter(|(proposed, _)| *proposed == term)?;
        for origin in &origins {
            if let Origin::Errand(errand) = origin {
                self.errands.remove(errand);
                if let Errand::Place(task) = errand {
                    self.placing.settle(*task);
                }
            }
        }
        Some(origins)
    }

    /// Gives everything up, because the leadership has ended. Returns who waited for a command that was never proposed,
    /// and who for one that may yet be decided.
    pub fn abandon(&mut self) -> (Vec<Ticket>, Vec<Ticket>) {
        let given_up = std::mem::take(self);
        let tickets = |origin| match origin {
            Origin::Asked(ticket) => Some(ticket),
            Origin::Errand(_) => None,
        };
        let waiting = given_up.waiting.into_iter().map(|(_, origin)| origin);
        let proposed = given_up
            .under_way
            .into_values()
            .flat_map(|(_, origins)| origins);
        (
            waiting.filter_map(tickets).collect(),
            proposed.filter_map(tickets).collect(),
        )
    }
}

/// Roughly how large a command is in the log: what varies, and a round figure for the rest.
fn command_bytes(command: &Command) -> usize {
    /// Enough for the fixed parts of every command, and for one agent's certificate.
    const FIXED: usize = 512;
    match command {
        Command::Submit { spec, .. } => FIXED + spec.input.len(),
        Command::Report(sealed) | Command::Judge(sealed) => {
            let (header, body, _) = sealed.parts();
            FIXED + header.len() + body.len()
        }
        Command::Enrol(certificates) => FIXED * (1 + certificates.len()),
        Command::Retire { agents, .. } => FIXED + size_of_val(agents.as_slice()),
        Command::Admit(_)
        | Command::Declare(_)
        | Command::Observe(_)
        | Command::Convict(_)
        | Command::Operate(_) => 4 * FIXED,
        Command::Greet { .. }
        | Command::Lose { .. }
        | Command::Assign { .. }
        | Command::Block { .. }
        | Command::Unblock { .. }
        | Command::Start { .. }
        | Command::Redraw { .. }
        | Command::Expire { .. }
        | Command::Cancel { .. }
        | Command::Lapse { .. }
        | Command::Withdraw { .. }
        | Command::ReplaceLost { .. } => FIXED,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::effect::Recovered;
    use crate::raft::{RaftSettings, Seat};
    use crate::state::checkpoint::Checkpoint;
    use crate::state::trial::{genesis, key};
    use crate::supervisor::replica::read_anchor;

    const NOW: Moment = Moment(5);

    /// The founder of a mesh, which leads alone.
    fn leader() -> Driver {
        let genesis = genesis(1, 7);
        let seat = Seat {
            key: Arc::new(key(1)),
            group: genesis.mesh(),
        };
        let recovered = Recovered {
            checkpoint: Some(Checkpoint::genesis(&genesis).encode()),
            ..Recovered::default()
        };
        let restored = Driver::restore(seat, RaftSettings::default(), recovered, read_anchor);
        let (mut driver, _) = restored.unwrap();
        driver.look_at(NOW);
        while !driver.leads() || driver.committed() < driver.last() {
            driver.tick();
            write(&mut driver);
        }
        driver
    }

    /// Lets everything that was ordered to be written be durable.
    fn write(driver: &mut Driver) {
        loop {
            let progress = driver.settle();
            if progress.is_empty() {
                return;
            }
            for write in progress.writes {
                driver.persisted(write.number);
            }
        }
    }

    fn ask(proposals: &mut Proposals, commands: u8) {
        for number in 0..commands {
            let task = TaskId::from_bytes([number; 16]);
            let ticket = Ticket(u64::from(number));
            proposals.ask(Command::Cancel { task }, ticket).unwrap();
        }
    }

    #[test]
    fn what_comes_while_an_entry_is_under_way_is_one_entry() {
        let (mut driver, mut proposals) = (leader(), Proposals::default());
        let before = driver.last();
        ask(&mut proposals, 1);
        proposals.flush(&mut driver, NOW);
        for _ in 0..3 {
            ask(&mut proposals, 2);
            proposals.flush(&mut driver, NOW);
        }
        assert_eq!(driver.last(), before.next());
        write(&mut driver);
        let term = driver.term();
        assert_eq!(proposals.applied(term, driver.last()).unwrap().len(), 1);
        proposals.flush(&mut driver, NOW);
        assert_eq!(driver.last(), before.next().next());
        write(&mut driver);
        assert_eq!(proposals.applied(term, driver.last()).unwrap().len(), 6);
    }

    #[test]
    fn an_entry_that_takes_long_or_is_full_holds_nothing_back() {
        let (mut driver, mut proposals) = (leader(), Proposals::default());
        let mut expected = driver.last();
        for _ in 0..BATCHES_UNDER_WAY_MAX {
            ask(&mut proposals, 2);
            proposals.tick();
            proposals.flush(&mut driver, NOW);
            expected = expected.next();
            assert_eq!(driver.last(), expected);
        }
        // As many as there may be.
        ask(&mut proposals, 2);
        proposals.tick();
        proposals.flush(&mut driver, NOW);
        assert_eq!(driver.last(), expected);

        let (mut driver, mut proposals) = (leader(), Proposals::default());
        let before = driver.last();
        while proposals.waiting.len() < 2 * BATCH_COMMANDS_MAX + 1 {
            ask(&mut proposals, 1);
        }
        proposals.flush(&mut driver, NOW);
        assert_eq!(driver.last(), before.next().next());
        assert_eq!(proposals.waiting.len(), 1);
    }
}
