//! Whose turn it is: calls of many clients before one mind.
//!
//! Whoever lets a while pass between its calls is served at once, and whoever asks without pause when there is time for it:
//! see [`Manner`]. Those who wait are served fairly, so that a client's wait depends on how many others wait and never on
//! how much one of them asks for. While nobody pauses, nobody who presses waits, up to a bound on how much is under way.
//! It is told what time it is and gives no answers: what a call says, and to whom, is not known here.

mod courtesy;
mod lines;
mod round;

use std::collections::BTreeMap;

use hms_protocol::id::NodeId;

use self::courtesy::Courtesy;
use self::lines::Lines;
use crate::limits::{
    CALLS_PAUSING_MAX, CALLS_PRESSING_MAX, CALLS_WAITING_MAX, CALLS_WAITING_PER_CLIENT_MAX,
    TURN_COST_FIXED,
};

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Caller {
    /// The node by which the call came in. It is known for certain.
    pub node: NodeId,
    /// Which of that node's clients, by that node's word; 0 for the node itself.
    pub client: u64,
}

/// How a client asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Manner {
    /// With pauses, as people do and programs that wait for something else meanwhile.
    Pausing,
    /// Without: the next call comes as soon as one is answered, or sooner.
    Pressing,
}

/// What a call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// Something is to be decided: it goes through the log.
    Decide,
    /// Something is to be told, and nothing changed.
    Read,
}

/// A call that wants a turn.
#[derive(Clone, Copy, Debug)]
pub struct Wish {
    /// Who asks.
    pub caller: Caller,
    /// How it asks.
    pub manner: Manner,
    /// What for.
    pub purpose: Purpose,
    /// How large the call is, in bytes. Whoever asks for much gets fewer turns.
    pub bytes: usize,
}

impl Wish {
    /// Whether those who press make way for it. A read does not wait for the log, and neither a poll now and then nor what a
    /// node wants for itself, to join, is a reason to hold anybody back.
    fn is_owed_courtesy(&self) -> bool {
        let is_client = self.caller.client != 0;
        is_client && self.manner == Manner::Pausing && self.purpose == Purpose::Decide
    }
}

/// A turn, from the wish for it to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Turn(u64);

/// Why a call may not even wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Crowd {
    /// Its own client has too many that do.
    #[error("{max} calls of this client wait already")]
    OfItsClient {
        /// How many may.
        max: usize,
    },
    /// Too many do.
    #[error("{max} calls wait already")]
    OfAll {
        /// How many may.
        max: usize,
    },
}

/// How many turns may be under way at a time.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Of those who pause.
    pub pausing_max: usize,
    /// Of those who press.
    pub pressing_max: usize,
    /// Whether those who press make way for those who pause where these would suffer otherwise.
    pub courteous: bool,
}

impl Default for Bounds {
    /// Those before a mind.
    fn default() -> Self {
        Self {
            pausing_max: CALLS_PAUSING_MAX,
            pressing_max: CALLS_PRESSING_MAX,
            courteous: true,
        }
    }
}

/// Everybody's turns.
#[derive(Debug, Default)]
pub struct Turns {
    bounds: Bounds,
    next: u64,
    // Those that wait, and those under way.
    stages: BTreeMap<Turn, (Wish, Stage)>,
    pausing: Lane,
    pressing: Lane,
    courtesy: Courtesy,
    /// How often a turn was given to somebody who presses.
    pressed: u64,
}

/// Calls of one manner.
#[derive(Debug, Default)]
struct Lane {
    lines: Lines,
    under_way: usize,
}

/// Where a turn stands.
#[derive(Clone, Copy, Debug)]
enum Stage {
    Waiting,
    Given {
        at_us: u64,
        /// `Turns::pressed` at that time; `None` if somebody who presses was served then.
        pressed: Option<u64>,
    },
}

impl Turns {
    /// Turns of which so many may be under way.
    pub fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            ..Self::default()
        }
    }

    /// Wishes for a turn. It is given by [`next`](Self::next), and has to be ended.
    pub fn ask(&mut self, wish: Wish, now_us: u64) -> Result<Turn, Crowd> {
        if wish.is_owed_courtesy() {
            self.courtesy.meet(now_us);
        }
        let lines = &mut self.lane(wish.manner).lines;
        let max = CALLS_WAITING_PER_CLIENT_MAX;
        if max <= lines.len_of(wish.caller) {
            return Err(Crowd::OfItsClient { max });
        }
        let max = CALLS_WAITING_MAX;
        if max <= lines.len() {
            return Err(Crowd::OfAll { max });
        }
        let turn = Turn(self.next);
        self.next += 1;
        let cost = TURN_COST_FIXED.saturating_add(wish.bytes as u64);
        self.lane(wish.manner).lines.join(wish.caller, turn, cost);
        self.stages.insert(turn, (wish, Stage::Waiting));
        Ok(turn)
    }

    /// The next turn that is given, if one can be.
    pub fn next(&mut self, now_us: u64) -> Option<Turn> {
        let turn = self.next_of(now_us)?;
        let alone = self.pressing.under_way == 0;
        if let Some((_, stage)) = self.stages.get_mut(&turn) {
            *stage = Stage::Given {
                at_us: now_us,
                pressed: alone.then_some(self.pressed),
            };
        }
        Some(turn)
    }

    fn next_of(&mut self, now_us: u64) -> Option<Turn> {
        if self.pausing.under_way < self.bounds.pausing_max
            && let Some(turn) = self.pausing.lines.next()
        {
            self.pausing.under_way += 1;
            return Some(turn);
        }
        if self.pressing.lines.len() == 0 || !self.admits(now_us) {
            return None;
        }
        let turn = self.pressing.lines.next()?;
        self.pressing.under_way += 1;
        self.pressed += 1;
        Some(turn)
    }

    /// Whether one of those who press is let through.
    fn admits(&mut self, now_us: u64) -> bool {
        let under_way = self.pressing.under_way;
        under_way < self.bounds.pressing_max
            && (!self.bounds.courteous || self.courtesy.admit(under_way, now_us))
    }

    /// When to ask for the [`next`](Self::next) turn again though none has ended, if any wait.
    pub fn resumes_at(&self) -> Option<u64> {
        let full = self.bounds.pressing_max <= self.pressing.under_way;
        let waits = self.bounds.courteous && !full && 0 < self.pressing.lines.len();
        waits.then(|| self.courtesy.resumes_at())
    }

    /// A call was answered. How long that took tells whether those who press are a burden to the others. Its turn goes on.
    pub fn answered(&mut self, turn: Turn, now_us: u64) {
        let Some(&(wish, Stage::Given { at_us, pressed })) = self.stages.get(&turn) else {
            return;
        };
        let took_us = now_us.saturating_sub(at_us);
        if wish.is_owed_courtesy() {
            let alone = pressed == Some(self.pressed);
            self.courtesy.note(took_us, (alone, now_us));
        } else if wish.manner == Manner::Pressing {
            self.courtesy.note_pressing(took_us);
        }
    }

    /// A turn is over, whether it was given or not.
    pub fn end(&mut self, turn: Turn) {
        let Some((wish, stage)) = self.stages.remove(&turn) else {
            return;
        };
        let lane = self.lane(wish.manner);
        match stage {
            Stage::Waiting => lane.lines.leave(wish.caller, turn),
            Stage::Given { .. } => lane.under_way -= 1,
        }
    }

    /// How many calls wait for a turn.
    pub fn waiting(&self) -> usize {
        self.pausing.lines.len() + self.pressing.lines.len()
    }

    fn lane(&mut self, manner: Manner) -> &mut Lane {
        match manner {
            Manner::Pausing => &mut self.pausing,
            Manner::Pressing => &mut self.pressing,
        }
    }
}

#[cfg(test)]
mod tests;
