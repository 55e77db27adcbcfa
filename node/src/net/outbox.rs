//! The outbox: gossip that found nobody to tell, kept for a moment.
//!
//! A mesh that is just forming has no listeners for a few hundred milliseconds. What is still unheard after that is
//! dropped and counted: gossip is never a delivery.

use std::collections::VecDeque;

use bytes::Bytes;

use super::Topic;
use crate::limits::OUTBOX_MAX;

/// How long a message waits for somebody to tell. Longer than a mesh needs to form, shorter than a heartbeat is of use.
pub(super) const KEEP_MS: u64 = 2_500;

/// A message that waits for listeners.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Letter {
    /// Where it goes.
    pub(super) topic: Topic,
    /// What it says.
    pub(super) frame: Bytes,
    /// When it is dropped, in milliseconds of uptime.
    pub(super) until_ms: u64,
}

impl Letter {
    /// A letter written now.
    pub(super) fn new(topic: Topic, frame: Bytes, now_ms: u64) -> Self {
        Self {
            topic,
            frame,
            until_ms: now_ms.saturating_add(KEEP_MS),
        }
    }
}

/// What waits for listeners, in order.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    letters: VecDeque<Letter>,
}

impl Outbox {
    /// Keeps a letter. Gives back what has to go for it: an older letter that it supersedes, or the oldest of a crowd.
    pub(super) fn keep(&mut self, letter: Letter) -> Option<Letter> {
        let superseded = letter.topic.keeps_newest_only().then(|| {
            self.letters
                .iter()
                .position(|older| older.topic == letter.topic)
        });
        let leaving = match superseded.flatten() {
            Some(place) => self.letters.remove(place),
            None if OUTBOX_MAX <= self.letters.len() => self.letters.pop_front(),
            None => None,
        };
        self.letters.push_back(letter);
        leaving
    }

    /// Takes everything out, in order: what is young enough to be tried again, and what is too old.
    pub(super) fn take(&mut self, now_ms: u64) -> (Vec<Letter>, Vec<Letter>) {
        self.letters
            .drain(..)
            .partition(|letter| now_ms < letter.until_ms)
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.letters.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(topic: Topic, text: &'static str, now_ms: u64) -> Letter {
        Letter::new(topic, Bytes::from_static(text.as_bytes()), now_ms)
    }

    #[test]
    fn letters_wait_in_order_and_go_when_they_are_old() {
        let mut outbox = Outbox::default();
        outbox.keep(letter(Topic::Events, "old", 0));
        outbox.keep(letter(Topic::Events, "one", 10));
        outbox.keep(letter(Topic::Evidence, "two", 10));

        let (young, old) = outbox.take(KEEP_MS);
        let texts = |letters: &[Letter]| {
            letters
                .iter()
                .map(|letter| letter.frame.to_vec())
                .collect::<Vec<_>>()
        };
        assert_eq!(texts(&old), [b"old"]);
        assert_eq!(texts(&young), [b"one", b"two"]);
        assert!(outbox.is_empty());
    }

    #[test]
    fn a_newer_heartbeat_supersedes_an_older_one_but_not_an_event() {
        let mut outbox = Outbox::default();
        assert_eq!(outbox.keep(letter(Topic::Events, "event", 0)), None);
        assert_eq!(outbox.keep(letter(Topic::Heartbeats, "first", 0)), None);
        let gone = outbox.keep(letter(Topic::Heartbeats, "second", 0)).unwrap();
        assert_eq!(&gone.frame[..], b"first");
        assert_eq!(outbox.keep(letter(Topic::Events, "another", 0)), None);
    }

    #[test]
    fn a_full_outbox_drops_the_oldest() {
        let mut outbox = Outbox::default();
        outbox.keep(letter(Topic::Events, "oldest", 0));
        for _ in 1..OUTBOX_MAX {
            assert_eq!(outbox.keep(letter(Topic::Events, "x", 0)), None);
        }
        let gone = outbox.keep(letter(Topic::Events, "x", 0)).unwrap();
        assert_eq!(&gone.frame[..], b"oldest");
    }
}
