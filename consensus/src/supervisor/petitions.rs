//! Petitions: what clients have asked of a leader that does not decide it.
//!
//! A gateway whose call of the leader stays unanswered tells every voter what was asked, and every voter tells the others
//! once, so that no voter is alone with it. Whoever leads takes it into the log, whether or not the call ever reached it. The
//! others wait for it to be decided, whatever the decision; a leader under which that does not happen in time is given up,
//! where voters may lie. So no leader can keep out what it does not like: it can delay it, and loses its office for that
//! (the duty of backups in PBFT, Castro and Liskov 1999, section 4.4).
//!
//! What agents report is petitioned in the same way: a node whose leader leaves a report lying tells every voter.
//!
//! An honest leader that is overloaded or cut off is given up, too, and each time with more patience: the doubling of PBFT's
//! section 4.5.2. A liar gains nothing by petitions of its own: an honest leader decides them.

use std::collections::BTreeMap;

use hms_protocol::codec;
use hms_protocol::digest::{Domain, Hash, hash_fields};
use hms_protocol::id::{NodeId, Term};
use hms_protocol::peer::{PeerMessage, Run};
use hms_protocol::time::Moment;

use crate::limits::{
    PETITION_DOUBLINGS_MAX, PETITION_KEPT_MS, PETITION_PATIENCE_MS, PETITIONS_OPEN_MAX,
    PETITIONS_PER_NODE_MAX,
};
use crate::outbox::Outbox;
use crate::state::command::Command;
use crate::supervisor::Supervisor;
use crate::supervisor::allowance::Allowance;
use crate::supervisor::proposals::Errand;
use crate::supervisor::replica::Outcome;

/// Petitions that are not decided yet, as one voter knows them.
#[derive(Debug)]
pub(super) struct Petitions {
    /// By the digest of what is asked.
    open: BTreeMap<Hash, Petition>,
    /// Who leads, and since when: each leader has the same time.
    led: (Option<NodeId>, Term, Moment),
    /// How many leaders were given up since anything petitioned was decided.
    given_up: u32,
    /// Who may bring more.
    allowance: Allowance,
}

#[derive(Debug)]
struct Petition {
    command: Command,
    /// The run of which it is a report, if it is one: nobody waits for it once the ledger does not.
    run: Option<Run>,
    since: Moment,
}

impl Default for Petitions {
    fn default() -> Self {
        Self {
            open: BTreeMap::new(),
            led: (None, Term::default(), Moment::default()),
            given_up: 0,
            allowance: Allowance::new(PETITIONS_PER_NODE_MAX),
        }
    }
}

impl Petitions {
    /// Takes a petition that a node has brought. `true` if it is news.
    fn take(&mut self, from: NodeId, (command, run): (Command, Option<Run>), now: Moment) -> bool {
        let digest = digest(&command);
        if self.open.contains_key(&digest) || PETITIONS_OPEN_MAX <= self.open.len() {
            return false;
        }
        let petition = Petition {
            command,
            run,
            since: now,
        };
        tracing::info!(%from, "the leader is said to leave a request undecided");
        self.open.insert(digest, petition);
        true
    }

    /// Takes a report that the leader leaves lying, unless its node has brought many.
    pub(super) fn follow(&mut self, from: NodeId, command: Command, run: Option<Run>, now: Moment) {
        if self.allowance.spend(from, now) {
            self.take(from, (command, run), now);
        }
    }

    /// Closes what an entry has decided, whatever became of it.
    pub(super) fn settle(&mut self, outcome: &Outcome) {
        if self.open.is_empty() {
            return;
        }
        for (command, _) in &outcome.decided {
            let before = self.open.len();
            self.open
                .retain(|_, petition| !is_same(&petition.command, command));
            if self.open.len() < before {
                self.given_up = 0;
            }
        }
    }

    /// Whether the leader is to be given up: under it a petition has waited for too long. Petitions that nobody can still
    /// wait for are forgotten.
    fn is_overdue(&mut self, (leader, term): (Option<NodeId>, Term), now: Moment) -> bool {
        self.open
            .retain(|_, petition| now.since_ms(petition.since) < PETITION_KEPT_MS);
        if (self.led.0, self.led.1) != (leader, term) {
            self.led = (leader, term, now);
        }
        let doublings = self.given_up.min(PETITION_DOUBLINGS_MAX);
        let patience_ms = PETITION_PATIENCE_MS << doublings;
        let waited = |petition: &Petition| now.since_ms(petition.since.max(self.led.2));
        leader.is_some() && self.open.values().any(|it| patience_ms <= waited(it))
    }
}

/// What names a petition. A task is one petition, whichever gateway took it.
fn digest(command: &Command) -> Hash {
    let bytes = if let Command::Submit { task, .. } = command {
        task.as_bytes().to_vec()
    } else {
        codec::encode(command)
    };
    hash_fields(Domain::Petition, &[&bytes])
}

/// Whether a command that was decided is what a petition asks for.
fn is_same(asked: &Command, decided: &Command) -> bool {
    match (asked, decided) {
        (Command::Submit { task: asked, .. }, Command::Submit { task: decided, .. }) => {
            asked == decided
        }
        (asked, decided) => asked == decided,
    }
}

impl Supervisor {
    /// A member says that the leader leaves a request undecided. What is no client's request, or comes too often, is
    /// dropped.
    pub fn petitioned(&mut self, from: NodeId, bytes: Vec<u8>, outbox: &mut Outbox) {
        if self.is_excluded(from) || !self.petitions.allowance.spend(from, self.now) {
            return;
        }
        let Ok(command) = codec::decode_exact::<Command>(&bytes) else {
            tracing::debug!(%from, "a petition is for no command");
            return;
        };
        let state = self.replica.state();
        let asked = command.is_asked() && state.check_author(&command).is_ok();
        if !asked || !self.petitions.take(from, (command, None), self.now) {
            return;
        }
        for voter in self.driver.members().voters() {
            if voter != self.me && voter != from {
                let command = bytes.clone();
                outbox.send(voter, PeerMessage::Petition { command });
            }
        }
    }

    /// As the leader, decides what is petitioned; as another voter, sees that the leader does.
    pub(super) fn follow_petitions(&mut self) {
        let posture = (self.driver.leader(), self.driver.term());
        let mut open = std::mem::take(&mut self.petitions.open);
        open.retain(|_, it| it.run.is_none_or(|run| self.is_wanted(run)));
        self.petitions.open = open;
        let overdue = self.petitions.is_overdue(posture, self.now);
        if self.acting() {
            for (digest, petition) in &self.petitions.open {
                let command = petition.command.clone();
                self.proposals.run(command, Errand::Petition(*digest));
            }
        } else if overdue && self.driver.give_up_leader() {
            self.petitions.given_up += 1;
            tracing::warn!(leader = ?posture.0, "the leader is given up: it does not decide what it was asked for");
        }
    }
}

#[cfg(test)]
mod tests {
    use hms_protocol::id::{Index, TaskId};

    use super::*;
    use crate::input::Admission;

    const NOW: Moment = Moment(1_000_000);
    const LEADER: NodeId = NodeId::from_bytes([9; 32]);
    const FROM: NodeId = NodeId::from_bytes([1; 32]);

    fn cancel(task: u8) -> Command {
        let task = TaskId::from_bytes([task; 16]);
        Command::Cancel { task }
    }

    fn led(term: u64) -> (Option<NodeId>, Term) {
        (Some(LEADER), Term(term))
    }

    fn decided(command: Command) -> Outcome {
        Outcome {
            term: Term(1),
            index: Index(1),
            decided: vec![(command, Ok(crate::state::Change::Done))],
            notices: Vec::new(),
        }
    }

    /// How long a leader is kept with one petition open, in steps of a hundred milliseconds.
    fn kept_ms(petitions: &mut Petitions, term: u64, from: Moment) -> u64 {
        let times = (0..).map(|step| step * 100);
        let mut times = times.take_while(|ms| *ms < PETITION_KEPT_MS);
        let over = times.find(|ms| petitions.is_overdue(led(term), from.plus_ms(*ms)));
        over.unwrap_or(PETITION_KEPT_MS)
    }

    #[test]
    fn a_leader_is_given_up_after_the_patience_which_doubles_until_something_is_decided() {
        let mut petitions = Petitions::default();
        assert!(petitions.take(FROM, (cancel(1), None), NOW));
        assert!(
            !petitions.take(FROM, (cancel(1), None), NOW),
            "that is no news"
        );
        assert_eq!(kept_ms(&mut petitions, 1, NOW), PETITION_PATIENCE_MS);
        petitions.given_up += 1;
        let next = NOW.plus_ms(PETITION_PATIENCE_MS);
        assert_eq!(kept_ms(&mut petitions, 2, next), 2 * PETITION_PATIENCE_MS);
        petitions.settle(&decided(cancel(1)));
        assert!(petitions.take(FROM, (cancel(2), None), next));
        assert_eq!(kept_ms(&mut petitions, 3, next), PETITION_PATIENCE_MS);
    }

    #[test]
    fn what_is_decided_or_nobody_waits_for_costs_no_leader() {
        let mut petitions = Petitions::default();
        petitions.take(FROM, (cancel(1), None), NOW);
        petitions.settle(&decided(cancel(2)));
        assert_eq!(petitions.open.len(), 1);
        petitions.settle(&decided(cancel(1)));
        assert_eq!(kept_ms(&mut petitions, 1, NOW), PETITION_KEPT_MS);

        petitions.take(FROM, (cancel(3), None), NOW);
        let nobody = (None, Term(2));
        assert!(!petitions.is_overdue(nobody, NOW.plus_ms(PETITION_KEPT_MS - 1)));
        assert!(!petitions.is_overdue(nobody, NOW.plus_ms(PETITION_KEPT_MS)));
        assert!(petitions.open.is_empty());
    }

    /// Where a member is, only its own connection may say.
    #[test]
    fn what_a_member_says_of_itself_is_brought_by_nobody_else() {
        let moved = Command::Admit(Admission {
            id: FROM,
            name: "n1".parse().unwrap(),
            role: None,
            addresses: vec!["/ip4/127.0.0.1/tcp/1".to_owned()],
            gateway: "127.0.0.1:1".to_owned(),
            proof: None,
        });
        assert!(cancel(1).is_asked() && !moved.is_asked());
    }

    #[test]
    fn no_more_are_followed_up_than_there_is_room_for() {
        let mut petitions = Petitions::default();
        let taken = (0..=255).filter(|task| petitions.take(FROM, (cancel(*task), None), NOW));
        assert_eq!(taken.count(), PETITIONS_OPEN_MAX);
    }
}
