//! What is going to happen, in order of time. Time jumps from one occurrence to the next.

use std::collections::BTreeMap;

/// Milliseconds since the world began.
pub type Millis = u64;

/// Occurrences by time; at one time, in the order in which they were planned.
#[derive(Debug)]
pub struct Agenda<O> {
    now: Millis,
    planned: u64,
    queue: BTreeMap<(Millis, u64), O>,
}

impl<O> Default for Agenda<O> {
    fn default() -> Self {
        Self {
            now: 0,
            planned: 0,
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
        self.planned += 1;
        self.queue
            .insert((self.now + delay_ms, self.planned), occurrence);
    }

    /// Everything that occurs next, all at one time, if that is not after `until`. The clock moves there, or to `until`.
    pub fn next(&mut self, until: Millis) -> Vec<O> {
        let Some((at, _)) = self
            .queue
            .keys()
            .next()
            .copied()
            .filter(|(at, _)| *at <= until)
        else {
            self.now = self.now.max(until);
            return Vec::new();
        };
        self.now = at;
        let later = self.queue.split_off(&(at + 1, 0));
        std::mem::replace(&mut self.queue, later)
            .into_values()
            .collect()
    }
}
