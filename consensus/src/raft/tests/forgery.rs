//! Messages that no honest peer sends, one by one: each is refused with its own reason, and changes
//! nothing.

use raft::eraftpb::{Entry, Message, MessageType};

use super::disk::UNREADABLE;
use super::mesh::{Mesh, frame, node};
use crate::raft::{RaftRefusal, limits, raft_id};

/// A mesh with a leader, a follower, and a message from the one to the other.
struct Stage {
    mesh: Mesh,
    message: Message,
}

impl Stage {
    fn new() -> Self {
        let mut mesh = Mesh::new(3);
        let leader = mesh.elect();
        for number in 0..5 {
            mesh.propose(leader, &format!("batch {number}"));
        }
        let follower = mesh.others(leader)[0];
        let driver = &mesh.live[&follower].driver;
        let message = Message {
            from: raft_id(leader),
            to: raft_id(follower),
            term: driver.term().0,
            ..Message::default()
        };
        Self { mesh, message }
    }

    /// Lets the leader say this to the follower.
    fn say(mut self, kind: MessageType, forge: impl FnOnce(&mut Message)) -> RaftRefusal {
        let named = |id| (1..=3).map(node).find(|node| raft_id(*node) == id).unwrap();
        let (from, to) = (named(self.message.from), named(self.message.to));
        self.message.msg_type = kind.into();
        forge(&mut self.message);
        let jury = self.mesh.jury;
        let driver = &mut self.mesh.live.get_mut(&to).unwrap().driver;
        let before = driver.status();
        let refusal = driver
            .receive(from, &frame(&self.message), &jury)
            .unwrap_err();
        assert_eq!(driver.status(), before, "a refused message changes nothing");
        refusal
    }
}

pub(super) fn entry(index: u64, term: u64) -> Entry {
    Entry {
        index,
        term,
        data: b"forged".to_vec(),
        ..Entry::default()
    }
}

#[test]
fn a_message_under_another_name_is_refused() {
    let refusal = Stage::new().say(MessageType::MsgHeartbeat, |message| message.from ^= 1);
    assert_eq!(refusal.code(), "HMS-RAFT-MISADDRESSED");
    let refusal = Stage::new().say(MessageType::MsgHeartbeat, |message| message.to ^= 1);
    assert_eq!(refusal.code(), "HMS-RAFT-MISADDRESSED");
    let refusal = Stage::new().say(MessageType::MsgHeartbeat, |message| {
        message.from = message.to;
    });
    assert_eq!(refusal.code(), "HMS-RAFT-MISADDRESSED");
}

#[test]
fn orders_to_oneself_do_not_travel() {
    for kind in [
        MessageType::MsgHup,
        MessageType::MsgBeat,
        MessageType::MsgPropose,
        MessageType::MsgCheckQuorum,
        MessageType::MsgTransferLeader,
        MessageType::MsgReadIndex,
        MessageType::MsgReadIndexResp,
        MessageType::MsgUnreachable,
        MessageType::MsgSnapStatus,
    ] {
        assert_eq!(Stage::new().say(kind, |_| ()).code(), "HMS-RAFT-FORBIDDEN");
    }
}

#[test]
fn an_answer_from_a_stranger_is_refused_and_its_votes_do_not_count() {
    let mut stage = Stage::new();
    let to = (1..=3)
        .map(node)
        .find(|id| raft_id(*id) == stage.message.to)
        .unwrap();
    stage.message.from = raft_id(node(9));
    for kind in [
        MessageType::MsgAppendResponse,
        MessageType::MsgHeartbeatResponse,
        MessageType::MsgRequestVoteResponse,
        MessageType::MsgRequestPreVoteResponse,
        MessageType::MsgRequestVote,
        MessageType::MsgTimeoutNow,
    ] {
        stage.message.msg_type = kind.into();
        let jury = stage.mesh.jury;
        let driver = &mut stage.mesh.live.get_mut(&to).unwrap().driver;
        let refusal = driver.receive(node(9), &frame(&stage.message), &jury);
        assert_eq!(refusal.unwrap_err().code(), "HMS-RAFT-UNKNOWN-PEER");
    }
}

#[test]
fn a_commit_index_beyond_the_log_is_refused() {
    let refusal = Stage::new().say(MessageType::MsgHeartbeat, |message| message.commit = 1_000);
    assert_eq!(refusal.code(), "HMS-RAFT-BEYOND-LOG");
}

#[test]
fn an_append_that_overrules_committed_entries_is_refused() {
    let refusal = Stage::new().say(MessageType::MsgAppend, |message| {
        message.index = 2;
        message.log_term = 1;
        message.entries = vec![entry(3, 1), entry(4, 1)];
    });
    assert_eq!(refusal.code(), "HMS-RAFT-COMMITTED-CONFLICT");
}

#[test]
fn entries_that_do_not_follow_each_other_are_refused() {
    let broken = |forge: fn(&mut Message)| {
        let refusal = Stage::new().say(MessageType::MsgAppend, |message| {
            message.index = 7;
            message.log_term = message.term;
            message.entries = vec![entry(8, message.term), entry(9, message.term)];
            forge(message);
        });
        assert_eq!(refusal.code(), "HMS-RAFT-BROKEN-ENTRIES");
    };
    broken(|message| message.entries[1].index = 10);
    broken(|message| message.entries[0].index = 7);
    broken(|message| message.entries[0].term += 1);
    broken(|message| message.entries[1].term -= 1);
    broken(|message| message.entries[1].context = b"x".to_vec());
    broken(|message| message.entries[1].entry_type = 1);
    broken(|message| message.entries[1].entry_type = 2);
    broken(|message| message.entries[1].data = vec![0; limits::ENTRY_BYTES_MAX + 1]);
    broken(|message| message.entries[1].data = UNREADABLE.to_vec());
}

#[test]
fn counters_beyond_reason_are_refused() {
    let absurd = |kind, forge: fn(&mut Message)| {
        assert_eq!(Stage::new().say(kind, forge).code(), "HMS-RAFT-ABSURD");
    };
    absurd(MessageType::MsgHeartbeat, |message| message.term = u64::MAX);
    absurd(MessageType::MsgHeartbeat, |message| {
        message.term += limits::TERM_AHEAD_MAX + 1;
    });
    absurd(MessageType::MsgHeartbeat, |message| message.term = 0);
    absurd(MessageType::MsgRequestVote, |message| {
        message.index = u64::MAX;
    });
    absurd(MessageType::MsgAppendResponse, |message| {
        message.reject_hint = u64::MAX;
    });
    absurd(MessageType::MsgAppend, |message| message.index = u64::MAX);
    // Raft takes an absent term for a match.
    absurd(MessageType::MsgAppend, |message| message.index = 1_000);
}

#[test]
fn a_second_leader_of_a_term_is_refused() {
    let mut stage = Stage::new();
    let leader = stage.mesh.elect();
    let others = stage.mesh.others(leader);
    stage.message.from = raft_id(others[1]);
    stage.message.to = raft_id(others[0]);
    let refusal = stage.say(MessageType::MsgHeartbeat, |_| ());
    assert_eq!(refusal.code(), "HMS-RAFT-TWO-LEADERS");
    let mut stage = Stage::new();
    (stage.message.from, stage.message.to) = (stage.message.to, stage.message.from);
    let refusal = stage.say(MessageType::MsgAppend, |_| ());
    assert_eq!(refusal.code(), "HMS-RAFT-TWO-LEADERS");
}

#[test]
fn an_acknowledgement_of_what_was_never_sent_is_refused() {
    let mut stage = Stage::new();
    (stage.message.from, stage.message.to) = (stage.message.to, stage.message.from);
    let refusal = stage.say(MessageType::MsgAppendResponse, |message| {
        message.index = 1_000;
    });
    assert_eq!(refusal.code(), "HMS-RAFT-BEYOND-LOG");
}

#[test]
fn only_the_leader_calls_for_an_election() {
    let mut stage = Stage::new();
    (stage.message.from, stage.message.to) = (stage.message.to, stage.message.from);
    let refusal = stage.say(MessageType::MsgTimeoutNow, |_| ());
    assert_eq!(refusal.code(), "HMS-RAFT-NOT-THE-LEADER");
}

#[test]
fn a_snapshot_that_is_no_checkpoint_is_refused() {
    let bad = |forge: fn(&mut Message)| {
        let refusal = Stage::new().say(MessageType::MsgSnapshot, |message| {
            let (from, to, term) = (message.from, message.to, message.term);
            let snapshot = message.mut_snapshot();
            snapshot.data = b"rubbish".to_vec();
            let metadata = snapshot.mut_metadata();
            (metadata.index, metadata.term) = (100, term);
            metadata.mut_conf_state().voters = vec![from, to];
            forge(message);
        });
        assert_eq!(refusal.code(), "HMS-RAFT-BAD-SNAPSHOT");
    };
    bad(|_| ());
    bad(|message| message.mut_snapshot().data.clear());
    bad(|message| message.snapshot = None);
    bad(|message| {
        let snapshot = message.mut_snapshot();
        snapshot.mut_metadata().index = 0;
        snapshot.data.clear();
    });
    bad(|message| message.mut_snapshot().mut_metadata().index = 0);
    bad(|message| message.mut_snapshot().mut_metadata().term = 1);
    bad(|message| message.mut_snapshot().mut_metadata().term += 1);
    bad(|message| {
        message
            .mut_snapshot()
            .mut_metadata()
            .mut_conf_state()
            .voters
            .clear();
    });
    bad(|message| {
        message
            .mut_snapshot()
            .mut_metadata()
            .mut_conf_state()
            .voters
            .truncate(1);
    });
    bad(|message| {
        message
            .mut_snapshot()
            .mut_metadata()
            .mut_conf_state()
            .voters_outgoing = vec![7];
    });
    bad(|message| {
        message
            .mut_snapshot()
            .mut_metadata()
            .mut_conf_state()
            .auto_leave = true;
    });
}

#[test]
fn votes_that_were_not_asked_for_yet_do_not_make_a_leader() {
    let mut mesh = Mesh::new(3);
    mesh.prompt = false;
    let candidate = node(1);
    let durable = mesh.get(1).driver.term();
    while mesh.get(1).driver.status().role != crate::raft::RaftRole::Candidate {
        mesh.get(1).driver.tick();
    }
    mesh.settle();
    // What it has asked so far needs no disk.
    mesh.wire.clear();
    let term = mesh.get(1).driver.term().0;
    for (kind, term) in [
        (MessageType::MsgRequestPreVoteResponse, term + 1),
        (MessageType::MsgRequestVoteResponse, term + 1),
    ] {
        let vote = Message {
            msg_type: kind.into(),
            from: raft_id(node(2)),
            to: raft_id(candidate),
            term,
            ..Message::default()
        };
        mesh.deliver(node(2), candidate, &frame(&vote));
        mesh.settle();
    }
    // It may believe the vote, but nobody hears of its office before its own vote is durable.
    assert!(durable < mesh.get(1).driver.term());
    assert!(
        mesh.wire.is_empty(),
        "a message left before its term was durable"
    );
}
