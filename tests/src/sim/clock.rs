//! What is going to happen, in order of time. Time jumps from one occurrence to the next.

use std::collections::BTreeMap;

/// Milliseconds since the world began.
pub type Millis = u64;

/// Occurrences by time; at one time, in the order in which they were planned.
#[derive(Debug)]
pub struct Agenda<O> {
    now: Millis,
    queue: BTreeMap<Millis, Vec<O>>,
}

impl<O> Default for Agenda<O> {
    fn default() -> Self {
        Self {
            now: 0,
            queue: BTreeMap::new(),
        }
    }
}

impl<O> Agenda<O> {
    /// The time.
    pub fn now(&self) -> Millis {
        self.now
    }

    /// Plans an occurrence.
    pub fn plan(&mut self, delay_ms: Millis, occurrence: O) {
        let then = self.queue.entry(self.now + delay_ms);
        then.or_default().push(occurrence);
    }

    /// Everything that occurs next, all at one time, if that is not after `until`. The clock moves there, or to `until`.
    pub fn next(&mut self, until: Millis) -> Vec<O> {
        let next = self.queue.first_entry();
        let Some(next) = next.filter(|entry| *entry.key() <= until) else {
            self.now = self.now.max(until);
            return Vec::new();
        };
        let (at, occurrences) = next.remove_entry();
        self.now = at;
        occurrences
    }
}
