//! The deciding half of a mind, which only voters have: Raft, the replicated state, and on the leader the duties of
//! office.
//!
//! Followers apply what is committed and tell whoever watches. The leader also takes requests and reports into the log,
//! and turns what the log has decided into orders. Its duties are computed by pure functions and *proposed*; nothing is
//! true before it is applied.

pub mod adverts;
mod allowance;
pub mod audit;
mod bulletin;
mod clerk;
mod docket;
mod intake;
pub mod lead;
mod office;
mod perform;
mod petitions;
pub mod proposals;
pub mod raising;
pub mod reads;
mod recovery;
pub mod replica;
mod replies;
mod reports;
mod rounds;
mod seats;
mod views;

use std::fmt;
use std::sync::Arc;

use hms_protocol::id::{Index, NodeId, Term};
use hms_protocol::service::ServiceSpec;
use hms_protocol::time::Moment;
use hms_protocol::vetting::Vetted;

use crate::birth::Birth;
use crate::effect::{Effect, Recovered};
use crate::limits::FORGERIES_PER_NODE_MAX;
use crate::liveness::Liveness;
use crate::outbox::Outbox;
use crate::raft::Driver;
use crate::raft::{RaftRefusal, RaftStatus};
use crate::raft::{RestoreError, Seat};
use crate::state::State;

use adverts::Adverts;
use allowance::Allowance;
use audit::Audit;
use bulletin::Bulletin;
use docket::Docket;
use lead::{Beats, Desk, Tenure};
use petitions::Petitions;
use proposals::Proposals;
use raising::Raisings;
use reads::Reads;
use recovery::Overruled;
use replica::Replica;

/// What a voter thinks.
pub struct Supervisor {
    me: NodeId,
    now: Moment,
    driver: Driver,
    replica: Replica,
    audit: Audit,
    docket: Docket,
    petitions: Petitions,
    adverts: Adverts,
    bulletin: Bulletin,
    beats: Beats,
    /// When a leader was last known.
    led_at: Moment,
    /// `Some` while this node leads.
    tenure: Option<Tenure>,
    // What follows is empty unless this node leads.
    proposals: Proposals,
    reads: Reads,
    raisings: Raisings,
    /// Who may still bring a report that its agent has not sealed.
    forgeries: Allowance,
    /// Whether something has changed that may let a waiting task be placed.
    unplaced: bool,
    /// Whether nothing is proposed until everything that was is applied: a change of members is to follow it.
    hushed: bool,
    /// How far the ledger was last announced to be certified, and when that is due again.
    head_told: Index,
    head_due_at: Moment,
    overruled: Option<Overruled>,
}

impl fmt::Debug for Supervisor {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Supervisor")
            .field("me", &self.me)
            .field("term", &self.driver.term())
            .field("applied", &self.replica.index())
            .finish_non_exhaustive()
    }
}

impl Supervisor {
    /// A voter at the start of a life, from what its store held.
    pub fn restore(birth: &Birth, recovered: Recovered) -> Result<Self, RestoreError> {
        let seat = Seat {
            key: Arc::clone(&birth.key),
            group: birth.mesh,
        };
        let (driver, restored) =
            Driver::restore(seat, birth.settings, recovered, replica::read_anchor)?;
        let mut replica = Replica::blank(birth.checkpoints);
        if let Some((_, bytes)) = restored.checkpoint {
            let length = bytes.len();
            replica
                .install(&bytes)
                .map_err(|_| RestoreError::CheckpointDamaged { bytes: length })?;
        }
        // Nobody hears its own announcement.
        let mut adverts = Adverts::default();
        adverts.hear(birth.me, birth.skills.clone());
        Ok(Self {
            me: birth.me,
            now: Moment::default(),
            driver,
            replica,
            audit: Audit::default(),
            docket: Docket::default(),
            petitions: Petitions::default(),
            adverts,
            bulletin: Bulletin::default(),
            beats: Beats::default(),
            led_at: Moment::default(),
            tenure: None,
            proposals: Proposals::default(),
            reads: Reads::default(),
            raisings: Raisings::default(),
            forgeries: Allowance::new(FORGERIES_PER_NODE_MAX),
            unplaced: false,
            hushed: false,
            head_told: Index::default(),
            head_due_at: Moment::default(),
            overruled: None,
        })
    }

    /// Time has passed. `slept` says that more of it than a tick may take.
    pub fn set_clock(&mut self, now: Moment, slept: bool) {
        self.now = now;
        self.driver.look_at(now);
        if slept {
            self.beats.forget();
        }
    }

    /// Raft's clock moves on by one tick, and a leader looks after everything that is its duty.
    pub fn tick(&mut self, liveness: &Liveness, outbox: &mut Outbox) {
        let now = self.now;
        if !self.is_overruled() {
            self.driver.tick();
        }
        if self.driver.leader().is_some() || self.led_at == Moment::default() {
            self.led_at = now;
        }
        self.unplaced = true;
        self.hushed = false;
        self.proposals.tick();
        self.watch_clock();
        self.watch_nodes(liveness);
        self.prosecute(outbox);
        self.follow_petitions();
        self.watch_seats();
        self.settle_seats(liveness);
        self.announce_head(outbox);
        self.raisings.follow(self.replica.state(), now, outbox);
        if let Some(tenure) = &mut self.tenure {
            if tenure.asks_word(&self.beats, now) {
                self.reads.ask_word();
            }
            let desk = Desk {
                state: self.replica.state(),
                proposals: &self.proposals,
                driver: &self.driver,
                now,
            };
            tenure.dispatch_due(&desk, outbox);
        }
    }

    /// A Raft message has come from a voter. One that evidence convicts is not heard: a guilty leader loses its office by
    /// an election, and cannot keep the evidence out of the ledger.
    pub fn raft(&mut self, from: NodeId, bytes: &[u8]) {
        self.admit(from, |driver, jury| driver.receive(from, bytes, jury));
    }

    /// The same, of one that was read and vetted before.
    pub fn framed(&mut self, from: NodeId, frame: Vetted) {
        self.admit(from, |driver, jury| {
            driver.receive_vetted(from, frame, jury)
        });
    }

    fn admit(
        &mut self,
        from: NodeId,
        receive: impl FnOnce(&mut Driver, &State) -> Result<(), RaftRefusal>,
    ) {
        if self.is_excluded(from) || self.is_outdated(from) {
            return;
        }
        if let Err(refusal) = receive(&mut self.driver, self.replica.state()) {
            tracing::debug!(%from, %refusal, "a raft message was refused");
        }
    }

    /// How many voters beside this one make a quorum; none, if this node does not know the voters.
    pub fn others_needed(&self) -> usize {
        self.driver.others_needed()
    }

    /// A direct connection went down: what was on its way is sent again when it is back.
    pub fn unreachable(&mut self, node: NodeId) {
        self.driver.unreachable(node);
    }

    /// A write is durable.
    pub fn persisted(&mut self, number: u64) {
        self.driver.persisted(number);
    }

    /// A checkpoint is durable.
    pub fn checkpointed(&mut self, index: Index, bytes: Arc<[u8]>) {
        self.replica.checkpointed();
        self.driver.checkpointed(index, bytes);
    }

    /// A heartbeat was heard.
    pub fn heard(&mut self, heartbeat: &hms_protocol::heartbeat::Heartbeat) {
        self.beats.hear(heartbeat, self.now);
    }

    /// A node says what it can do.
    pub fn advertised(&mut self, from: NodeId, skills: Vec<hms_protocol::skill::SkillSpec>) {
        self.adverts.hear(from, skills);
    }

    /// Does everything that can be done now: proposes, lets Raft go on, applies what is committed, answers.
    pub fn settle(&mut self, liveness: &Liveness, outbox: &mut Outbox) {
        loop {
            self.follow_office(liveness, outbox);
            self.place(liveness);
            self.resume_seats(liveness);
            if !self.hushed {
                self.proposals.flush(&mut self.driver, self.now);
            }
            let (applied, state) = (self.replica.index(), self.replica.state());
            self.driver.rule(applied, state);
            self.reads.issue(&mut self.driver);
            let progress = self.driver.settle();
            if progress.is_empty() {
                break;
            }
            self.perform(progress, outbox);
            self.answer_reads(liveness, outbox);
        }
        if let Some(tenure) = &mut self.tenure {
            let desk = Desk {
                state: self.replica.state(),
                proposals: &self.proposals,
                driver: &self.driver,
                now: self.now,
            };
            tenure.dispatch_new(&desk, outbox);
        }
    }

    /// Answers the reads that have become certain, and gives the leader's word if that was confirmed.
    fn answer_reads(&mut self, liveness: &Liveness, outbox: &mut Outbox) {
        for round in self.reads.take_ready(self.replica.index()) {
            for (ticket, question) in round.questions {
                let answer = self.view(question, liveness);
                outbox.push(Effect::Answer { ticket, answer });
            }
            if round.word {
                self.give_word(outbox);
            }
        }
    }

    /// What a node is to probe.
    fn watch_list(&self, node: NodeId) -> Vec<(ServiceSpec, u64)> {
        let watched = self.replica.state().services().watched_by(node);
        watched
            .map(|(spec, revision)| (spec.clone(), revision))
            .collect()
    }

    /// The leader as far as this node knows, and the term.
    pub fn leader(&self) -> (Option<NodeId>, Term) {
        (self.driver.leader(), self.driver.term())
    }

    /// The term in which this node leads, if it does.
    pub fn leads_in(&self) -> Option<Term> {
        self.driver.leads().then(|| self.driver.term())
    }

    /// Whether this node leads, and its state holds everything that was decided before.
    pub fn acts(&self) -> bool {
        self.acting()
    }

    /// How Raft stands.
    pub fn status(&self) -> RaftStatus {
        self.driver.status()
    }

    /// The replicated state as this voter has applied it.
    pub fn state(&self) -> &State {
        self.replica.state()
    }

    /// This voter's replica.
    pub fn replica(&self) -> &Replica {
        &self.replica
    }
}
