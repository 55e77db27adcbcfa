//! How a leader hands its office over to a voter that it names.
//!
//! It tells that voter to stand for election at once, and gives it its word, signed, that it may. The voter shows the word to
//! those whose votes it asks for: whoever has a leader passes over every other request. Raft lets any request through that
//! says to be of a transfer (section 3.10 of the thesis); where voters may lie, each of those would cost an election.

use hms_protocol::ballot::Release;
use hms_protocol::frame::Frame;
use hms_protocol::id::{NodeId, Term};
use raft::CAMPAIGN_TRANSFER;
use raft::eraftpb::{Message, MessageType};

use super::driver::Driver;
use super::members::raft_id;
use super::refusal::RaftRefusal;

impl Driver {
    /// Hands the office over to another voter, if it can take it within an election timeout.
    /// Proposals are refused meanwhile.
    pub fn transfer(&mut self, to: NodeId) -> Result<(), RaftRefusal> {
        self.check_leads()?;
        if !self.members.votes(raft_id(to)) {
            return Err(RaftRefusal::MembershipWrong {
                node: to,
                reason: "it does not vote",
            });
        }
        self.node.transfer_leader(raft_id(to));
        Ok(())
    }

    /// The word that goes with a leader's call to stand for election, or with the request for a vote that follows it.
    pub(super) fn release_for(&self, message: &Message) -> Option<Release> {
        match MessageType::from_i32(message.msg_type) {
            Some(MessageType::MsgTimeoutNow) => {
                let (set, candidate) = (self.vouch.voters()?, self.name(message.to)?);
                let named = (Term(message.term), candidate);
                self.leads()
                    .then(|| Release::sign(&set, named, self.vouch.key()))
            }
            Some(MessageType::MsgRequestVote) if is_of_a_transfer(message) => self.release,
            Some(_) | None => None,
        }
    }

    /// Keeps the leader's word for the requests that follow.
    pub(super) fn take_release(&mut self, frame: &Frame) {
        self.release = frame.release;
    }

    /// A request for a vote, as this voter hears it: without the leader's word, it is one like any other.
    pub(super) fn weigh_request(
        &self,
        from: NodeId,
        mut message: Message,
        release: Option<&Release>,
    ) -> Message {
        let set = self.vouch.voters().filter(|set| set.needs_locks());
        let (Some(set), Some(leader)) = (set, self.leader()) else {
            return message;
        };
        if is_of_a_transfer(&message) {
            let named = (self.term(), from);
            let given = release.is_some_and(|it| it.verify(&set, leader, named).is_ok());
            if !given {
                tracing::debug!(%from, "a request for a vote is passed over: the leader has not called for it");
                message.context.clear();
            }
        }
        message
    }
}

fn is_of_a_transfer(message: &Message) -> bool {
    *message.context == *CAMPAIGN_TRANSFER
}
