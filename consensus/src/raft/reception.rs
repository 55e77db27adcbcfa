//! What comes from a peer: who says it is known, and nothing of it is believed.
//!
//! Each message goes past whoever judges its kind before Raft sees it: the [`Sentry`] all of them, the
//! [`election`](super::election) whatever a candidate, a voter or a leader says of itself, the
//! [`scrutiny`](super::scrutiny) what entries say, the [`suffix`](super::suffix) entries that would replace others. Words
//! that come with a message are heard when they can count for it.

use hms_protocol::codec;
use hms_protocol::frame::Frame;
use hms_protocol::id::NodeId;
use hms_protocol::vetting::{Verified, Vetted};
use raft::eraftpb::Message;

use super::bridge::{self, Kind};
use super::driver::Driver;
use super::members::raft_id;
use super::refusal::RaftRefusal;
use super::scrutiny::Jury;
use super::sentry::Sentry;
use super::suffix::Way;

impl Driver {
    /// Takes a frame that `from` has sealed. A refused one has taught nothing but certificates.
    pub fn receive(
        &mut self,
        from: NodeId,
        bytes: &[u8],
        jury: &dyn Jury,
    ) -> Result<(), RaftRefusal> {
        let frame = codec::decode::<Frame>(bytes).map_err(|_| RaftRefusal::Malformed {
            reason: "it is no frame",
        })?;
        self.receive_vetted(from, frame.into(), jury)
    }

    /// The same, for one that was read and vetted elsewhere.
    pub fn receive_vetted(
        &mut self,
        from: NodeId,
        vetted: Vetted,
        jury: &dyn Jury,
    ) -> Result<(), RaftRefusal> {
        self.vouch.verified = vetted.good;
        let received = self.receive_frame(from, vetted.frame, jury);
        self.vouch.verified = Verified::default();
        received
    }

    fn receive_frame(
        &mut self,
        from: NodeId,
        mut frame: Frame,
        jury: &dyn Jury,
    ) -> Result<(), RaftRefusal> {
        let message = std::mem::take(&mut frame.message);
        let received = if message.is_empty() {
            self.receive_words(from, frame)
        } else {
            let (message, kind) = bridge::decode(&message)?;
            self.judge(from, &message, kind)?;
            self.check_claim(from, &message, kind)?;
            if kind != Kind::Snapshot && frame.chunk.is_some() {
                let reason = "only a snapshot comes in chunks";
                return Err(RaftRefusal::Malformed { reason });
            }
            self.receive_message(from, (message, kind), frame, jury)
        };
        self.draw_timeout();
        received
    }

    fn receive_words(&mut self, from: NodeId, words: Frame) -> Result<(), RaftRefusal> {
        if self.members.node(raft_id(from)) != Some(from) {
            return Err(RaftRefusal::UnknownPeer { node: from });
        }
        self.note(raft_id(from), from);
        if let Some(arrival) = &words.arrival {
            self.take_arrival(from, arrival);
        }
        self.hear(from, words);
        Ok(())
    }

    fn receive_message(
        &mut self,
        from: NodeId,
        (message, kind): (Message, Kind),
        mut frame: Frame,
        jury: &dyn Jury,
    ) -> Result<(), RaftRefusal> {
        match kind {
            // An acknowledgement counts for what its own words certify.
            Kind::AppendAnswer => {
                self.note_answer(&message);
                self.hear(from, frame);
                self.take(from, message, kind)
            }
            Kind::Vote | Kind::PreVote => {
                let certificates = frame.certificates.clone();
                let handovers = std::mem::take(&mut frame.handovers);
                let message = self.weigh_request(from, message, frame.release.as_ref());
                self.hear(from, frame);
                let shown = self.check_candidate(from, &message, &certificates)?;
                self.take(from, message.clone(), kind)?;
                self.note_choice(from, &message, (shown, &handovers));
                Ok(())
            }
            Kind::VoteAnswer if !message.reject => {
                let vote = frame.vote.take();
                self.hear(from, frame);
                self.take_vote(from, message, vote.as_ref())
            }
            // What a leader sends may bring what its words are of.
            Kind::Snapshot => {
                self.check_mandate(from, &message, frame.mandate.take())?;
                let chunk = frame.chunk.take();
                self.take_chunk(from, message, chunk)?;
                self.hear(from, frame);
                Ok(())
            }
            Kind::Append | Kind::Heartbeat => {
                self.check_mandate(from, &message, frame.mandate.take())?;
                self.take_from_leader(from, (message, kind), &frame, jury)?;
                self.hear(from, frame);
                Ok(())
            }
            Kind::HeartbeatAnswer => {
                self.note_answer(&message);
                self.note_round(from, &message);
                self.take(from, message, kind)?;
                self.hear(from, frame);
                Ok(())
            }
            Kind::TimeoutNow => {
                self.take_release(&frame);
                self.take(from, message, kind)?;
                self.hear(from, frame);
                Ok(())
            }
            Kind::VoteAnswer | Kind::PreVoteAnswer => {
                self.take(from, message, kind)?;
                self.hear(from, frame);
                Ok(())
            }
        }
    }

    fn judge(&self, from: NodeId, message: &Message, kind: Kind) -> Result<(), RaftRefusal> {
        let sentry = Sentry {
            raft: &self.node.raft,
            members: &self.members,
            from,
            settled: self.is_settled(),
            installing: self.is_installing(),
        };
        sentry.judge(message, kind)
    }

    /// Takes what a leader sends, if this log may follow it. A certificate counts although the append that came with it does
    /// not: it may be what is missing for the next one.
    fn take_from_leader(
        &mut self,
        from: NodeId,
        (mut message, kind): (Message, Kind),
        frame: &Frame,
        jury: &dyn Jury,
    ) -> Result<(), RaftRefusal> {
        if kind == Kind::Append {
            let way = self
                .screen(&mut message, &frame.certificates, jury)
                .and_then(|()| self.make_way(from, &message, frame.before, &frame.certificates));
            match way {
                Ok(Way::Clear) => {}
                Ok(Way::Answered) => {
                    self.note(message.from, from);
                    return Ok(());
                }
                Err(refusal) => {
                    self.learn_all(from, frame.certificates.clone());
                    return Err(refusal);
                }
            }
        }
        self.take(from, message, kind)
    }

    /// Takes a message that may pass.
    pub(super) fn take(
        &mut self,
        from: NodeId,
        mut message: Message,
        kind: Kind,
    ) -> Result<(), RaftRefusal> {
        let arrived = self.unpack(&mut message)?;
        if let Some(kept) = &arrived {
            self.clear_for(&kept.anchor)?;
        }
        self.note(message.from, from);
        let message = self.curb(message, kind);
        if self.node.step(message).is_err() {
            return Err(RaftRefusal::UnknownPeer { node: from });
        }
        if let Some(kept) = arrived {
            // Raft drops a snapshot that it does not need.
            let accepted = self
                .node
                .snap()
                .map(|snapshot| snapshot.get_metadata().index);
            if accepted == Some(kept.anchor.point.index.0) {
                self.arrived = Some(kept);
            }
        }
        Ok(())
    }
}
