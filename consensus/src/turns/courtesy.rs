//! How many calls of those who ask without pause are let through, so that those who do pause are served about as fast as if
//! they were alone.
//!
//! While nobody pauses there is nothing to heed. Otherwise those who press are let through in rounds: some of them at once,
//! which become one entry of the log, and then nobody for several times as long as such calls take, so that whoever comes in
//! between finds the log free. How many make a round is found out as for a transfer in the background: where the others'
//! calls take longer than while nobody presses, half as many, and otherwise by and by more. Nobody is stopped: a few are
//! let through in every round.

use crate::limits::{
    CALLS_PER_ROUND_MIN, CALLS_PRESSING_MAX, COURTESY_AFTER_US, COURTESY_SLACK_US,
    ROUND_EVERY_US_MAX, ROUND_EVERY_US_MIN, ROUND_REST,
};

/// Parts of a call in which a round is counted, so that a small one can grow by less than a call.
const PARTS: u64 = 256;

/// The least round in parts, which is also the first.
const LEAST_PARTS: u64 = PARTS * CALLS_PER_ROUND_MIN;

/// Who is let through.
#[derive(Debug)]
pub(super) struct Courtesy {
    /// How many make a round, in parts. Invariant: at least [`LEAST_PARTS`].
    round_parts: u64,
    round: Round,
    /// When a round was last made smaller.
    narrowed_at_us: u64,
    /// When somebody who pauses last asked or was answered.
    others_at_us: Option<u64>,
    pace: Pace,
    /// How long calls of those who press take, of late, in microseconds.
    pressing_us: Option<u64>,
}

/// The round under way.
#[derive(Debug, Default)]
struct Round {
    given: u64,
    left: u64,
    /// When the next may begin.
    next_at_us: u64,
}

/// How long the calls of those who pause take, in microseconds.
#[derive(Debug, Default)]
struct Pace {
    /// Of late: a few calls count.
    recent: Option<u64>,
    /// Of some time: a few dozen calls count.
    usual: Option<u64>,
    /// While nobody pressed; or the least that was ever usual, if somebody always did.
    calm: Option<u64>,
}

impl Default for Courtesy {
    fn default() -> Self {
        Self {
            round_parts: LEAST_PARTS,
            round: Round::default(),
            narrowed_at_us: 0,
            others_at_us: None,
            pace: Pace::default(),
            pressing_us: None,
        }
    }
}

impl Courtesy {
    /// Somebody who pauses asks for something to be decided.
    pub(super) fn meet(&mut self, now_us: u64) {
        self.others_at_us = Some(now_us);
    }

    /// A call of somebody who pauses was answered. `alone` says that nobody pressed meanwhile.
    pub(super) fn note(&mut self, took_us: u64, (alone, now_us): (bool, u64)) {
        self.others_at_us = Some(now_us);
        self.pace.note(took_us, alone);
        // What was slow may have begun before the last change: that is not held against it twice.
        let seen_us = took_us.max(ROUND_EVERY_US_MIN);
        if self.pace.is_slow() && self.narrowed_at_us.saturating_add(seen_us) <= now_us {
            let used = self.round_parts.min(PARTS * self.round.given.max(1));
            self.round_parts = (used / 2).max(LEAST_PARTS);
            self.round.left = self.round.left.min(self.round_parts / PARTS);
            self.narrowed_at_us = now_us;
        }
    }

    /// A call of somebody who presses was answered.
    pub(super) fn note_pressing(&mut self, took_us: u64) {
        self.pressing_us = Some(blend(self.pressing_us, took_us, 4));
    }

    /// Lets one of those who press through, unless it has to wait. `under_way` of them are.
    pub(super) fn admit(&mut self, under_way: usize, now_us: u64) -> bool {
        if !self.is_owed(now_us) {
            return under_way < CALLS_PRESSING_MAX;
        }
        if self.round.next_at_us <= now_us {
            self.begin_round(now_us);
        }
        if self.round.left == 0 || CALLS_PRESSING_MAX <= under_way {
            return false;
        }
        self.round.left -= 1;
        self.round.given += 1;
        true
    }

    fn begin_round(&mut self, now_us: u64) {
        let full = self.round.left == 0 && self.round_parts / PARTS <= self.round.given;
        if full && !self.pace.is_slow() {
            let most = PARTS * CALLS_PRESSING_MAX as u64;
            self.round_parts = (self.round_parts + self.round_parts / 8).min(most);
        }
        let every_us = ROUND_REST.saturating_mul(self.pressing_us.unwrap_or_default());
        let every_us = every_us.clamp(ROUND_EVERY_US_MIN, ROUND_EVERY_US_MAX);
        self.round = Round {
            given: 0,
            left: self.round_parts / PARTS,
            next_at_us: now_us.saturating_add(every_us),
        };
    }

    /// When to ask again for those who wait, if nothing happens before.
    pub(super) fn resumes_at(&self) -> u64 {
        let free_at_us = self.others_at_us.unwrap_or_default();
        let free_at_us = free_at_us.saturating_add(COURTESY_AFTER_US);
        self.round.next_at_us.min(free_at_us)
    }

    /// Whether somebody who pauses was there of late.
    fn is_owed(&self, now_us: u64) -> bool {
        self.others_at_us
            .is_some_and(|at| now_us < at.saturating_add(COURTESY_AFTER_US))
    }
}

impl Pace {
    fn note(&mut self, took_us: u64, alone: bool) {
        let recent = blend(self.recent, took_us, 4);
        let usual = blend(self.usual, took_us, 16);
        (self.recent, self.usual) = (Some(recent), Some(usual));
        self.calm = Some(if alone {
            blend(self.calm, took_us, 16)
        } else {
            self.calm.map_or(usual, |calm| calm.min(usual))
        });
    }

    fn is_slow(&self) -> bool {
        let (Some(recent), Some(calm)) = (self.recent, self.calm) else {
            return false;
        };
        calm + calm / 4 + COURTESY_SLACK_US < recent
    }
}

/// Moves a mean towards a new figure by one part of so many.
fn blend(mean: Option<u64>, figure: u64, parts: u64) -> u64 {
    mean.map_or(figure, |mean| (mean * (parts - 1) + figure) / parts)
}
