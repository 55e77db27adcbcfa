//! What Raft has brought about is carried out: writes and messages, evidence, checkpoints, and entries that are decided.

use hms_protocol::peer::PeerMessage;
use hms_protocol::refusal::Refusal;

use crate::effect::Effect;
use crate::outbox::Outbox;
use crate::raft::{Committed, Progress};
use crate::state::event::Event;
use crate::supervisor::Supervisor;
use crate::supervisor::replica::Outcome;

impl Supervisor {
    /// Carries out what Raft wants done.
    pub(super) fn perform(&mut self, progress: Progress, outbox: &mut Outbox) {
        for write in progress.writes {
            outbox.push(Effect::Persist(write));
        }
        for (to, bytes) in progress.sends {
            outbox.send(to, PeerMessage::Raft(bytes));
        }
        for evidence in progress.evidence {
            self.accuse(&evidence);
        }
        if let Some((_, bytes)) = progress.install {
            self.install(&bytes, outbox);
        }
        for committed in progress.committed {
            self.apply(committed, outbox);
        }
        for (round, index) in progress.reads {
            self.reads.confirm(round, index);
        }
        for round in progress.reads_lost {
            let refusal = Refusal::NotLeader {
                leader: self.driver.leader(),
            };
            for ticket in self.reads.lose(round) {
                let answer = Err(refusal.clone());
                outbox.push(Effect::Answer { ticket, answer });
            }
        }
        let wanted = progress.checkpoint_wanted;
        if let Some(checkpoint) = self.replica.checkpoint(&self.driver, wanted) {
            outbox.push(Effect::Checkpoint(Box::new(checkpoint)));
        }
    }

    fn install(&mut self, bytes: &[u8], outbox: &mut Outbox) {
        match self.replica.install(bytes) {
            Ok(()) => self.tell_roster(outbox),
            Err(error) => outbox.push(Effect::Halt {
                reason: format!("the leader's checkpoint cannot be read: {error}"),
            }),
        }
    }

    /// This node's own worker learns of members from this node's own state.
    fn tell_roster(&self, outbox: &mut Outbox) {
        let roster = self.replica.state().roster().view();
        outbox.send(self.me, PeerMessage::Roster(roster));
    }

    /// Applies one entry, and does what follows from it.
    fn apply(&mut self, committed: Committed, outbox: &mut Outbox) {
        let index = committed.index();
        let outcome = match self.replica.apply(committed) {
            Ok(outcome) => outcome,
            Err(error) => {
                let reason = format!("entry {index} cannot be read: {error}");
                outbox.push(Effect::Halt { reason });
                return;
            }
        };
        self.unplaced = true;
        self.compare(outbox);
        self.enter_office(outcome.term);
        self.heed(&outcome);
        self.petitions.settle(&outcome);
        self.reply(&outcome, outbox);
        self.publish(outcome, outbox);
    }

    /// Tells watchers what has changed, and gives the orders that follow from it.
    fn publish(&mut self, outcome: Outcome, outbox: &mut Outbox) {
        let mut roster_changed = false;
        for notice in outcome.notices {
            roster_changed |= notice.event == Event::RosterChanged;
            self.follow(&notice.event, outbox);
            self.announce(&notice, outbox);
            outbox.push(Effect::Publish(notice));
        }
        if roster_changed {
            self.tell_roster(outbox);
        }
    }
}
