//! Append messages to one peer that continue each other become one.
//!
//! The raft crate has a setting for this, which is off: it joins entries to a waiting message that
//! they do not continue, when the peer's progress was set back in between, and does not bound what
//! it joins.

use raft::eraftpb::{Message, MessageType};

use super::limits;
use super::log::size;

/// Joins what may be joined; the order to each peer stays.
pub(super) fn bundle(messages: Vec<Message>) -> Vec<Message> {
    let mut bundled: Vec<Message> = Vec::with_capacity(messages.len());
    for message in messages {
        let earlier = bundled.iter_mut().rfind(|other| other.to == message.to);
        match earlier {
            Some(earlier) if continues(earlier, &message) => {
                earlier.commit = earlier.commit.max(message.commit);
                earlier.entries.extend(message.entries);
            }
            Some(_) | None => bundled.push(message),
        }
    }
    bundled
}

fn continues(earlier: &Message, message: &Message) -> bool {
    let append = i32::from(MessageType::MsgAppend);
    let both = earlier.entries.iter().chain(&message.entries);
    earlier.msg_type == append
        && message.msg_type == append
        && earlier.term == message.term
        && message.index == earlier.index + earlier.entries.len() as u64
        && both.map(size).sum::<u64>() <= limits::APPEND_BYTES_MAX
}

#[cfg(test)]
mod tests {
    use super::*;
    use raft::eraftpb::Entry;

    fn append(to: u64, index: u64, entries: u64) -> Message {
        let entry = |place| Entry {
            index: index + place,
            ..Entry::default()
        };
        Message {
            msg_type: MessageType::MsgAppend.into(),
            to,
            index,
            commit: index,
            entries: (1..=entries).map(entry).collect(),
            ..Message::default()
        }
    }

    fn shape(messages: &[Message]) -> Vec<(u64, u64, usize, u64)> {
        let shape = |message: &Message| {
            let count = message.entries.len();
            (message.to, message.index, count, message.commit)
        };
        messages.iter().map(shape).collect()
    }

    #[test]
    fn what_continues_becomes_one_message_per_peer() {
        let messages = vec![
            append(1, 5, 2),
            append(2, 5, 2),
            append(1, 7, 1),
            append(2, 7, 0),
        ];
        assert_eq!(shape(&bundle(messages)), [(1, 5, 3, 7), (2, 5, 2, 7)]);
    }

    #[test]
    fn what_does_not_continue_stays_apart_and_in_order() {
        let messages = vec![
            append(1, 5, 0),
            append(1, 3, 4),
            append(1, 7, 1),
            append(1, 9, 1),
        ];
        assert_eq!(
            shape(&bundle(messages)),
            [(1, 5, 0, 5), (1, 3, 5, 7), (1, 9, 1, 9)]
        );
    }

    #[test]
    fn a_bundle_is_bounded() {
        let mut large = append(1, 5, 1);
        large.entries[0].data = vec![0; usize::try_from(limits::APPEND_BYTES_MAX).unwrap()];
        assert_eq!(bundle(vec![large, append(1, 6, 1)]).len(), 2);
    }
}
