//! When an attack is made: always, for a while, now and then, toward some.

use hms_protocol::id::{Index, Term};
use serde::{Deserialize, Serialize};

/// When. What is left out does not restrict.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Trigger {
    /// Not before so long after the drill's attacks begin, in milliseconds.
    pub after_ms: u64,
    /// For so long, in milliseconds; until the attacks end if it is not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub for_ms: Option<u64>,
    /// How often, in thousandths of the occasions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permille: Option<u32>,
    /// On for so long, off for as long, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flip_every_ms: Option<u64>,
    /// Not before this entry of the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_index: Option<u64>,
    /// In this term only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_term: Option<u64>,
    /// Only while it leads (`true`), or only while it does not (`false`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leading: Option<bool>,
    /// Toward these nodes only, by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub toward: Vec<String>,
}

/// What a trigger looks at.
#[derive(Clone, Copy, Debug)]
pub struct Occasion {
    /// How long the drill's attacks have been going on, in milliseconds.
    pub since_ms: u64,
    /// How far the node's log goes, as it has applied it.
    pub applied: Index,
    /// The node's term.
    pub term: Term,
    /// Whether it leads.
    pub leads: bool,
}

impl Trigger {
    /// What is wrong with it, if anything is.
    pub fn contradiction(&self) -> Option<&'static str> {
        if self.for_ms == Some(0) {
            Some("for_ms is 0: it never fires; leave it out, or give it a time")
        } else if self.permille == Some(0) {
            Some("permille is 0: it never fires; leave it out, or give it a share from 1 to 1000")
        } else if self.permille.is_some_and(|share| 1_000 < share) {
            Some("permille is above 1000: a share of the occasions has at most 1000 thousandths")
        } else if self.flip_every_ms == Some(0) {
            Some("flip_every_ms is 0: it would be on and off at once")
        } else if self.in_term == Some(0) {
            Some("in_term is 0: terms are counted from 1")
        } else {
            None
        }
    }

    /// Whether it fires, but for chance and direction.
    pub fn fires(&self, occasion: &Occasion) -> bool {
        let Some(since_ms) = occasion.since_ms.checked_sub(self.after_ms) else {
            return false;
        };
        let on = self
            .flip_every_ms
            .is_none_or(|span_ms| (since_ms / span_ms.max(1)).is_multiple_of(2));
        on && self.for_ms.is_none_or(|for_ms| since_ms < for_ms)
            && self
                .from_index
                .is_none_or(|index| index <= occasion.applied.0)
            && self.in_term.is_none_or(|term| term == occasion.term.0)
            && self.leading.is_none_or(|leading| leading == occasion.leads)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(since_ms: u64) -> Occasion {
        Occasion {
            since_ms,
            applied: Index(10),
            term: Term(2),
            leads: false,
        }
    }

    #[test]
    fn a_trigger_fires_within_its_time() {
        let trigger = Trigger {
            after_ms: 100,
            for_ms: Some(50),
            ..Trigger::default()
        };
        let fired = [0, 99, 100, 149, 150].map(|since| trigger.fires(&at(since)));
        assert_eq!(fired, [false, false, true, true, false]);
    }

    #[test]
    fn a_trigger_that_flips_is_on_and_off_in_turn() {
        let trigger = Trigger {
            flip_every_ms: Some(10),
            ..Trigger::default()
        };
        let fired = [0, 9, 10, 19, 20].map(|since| trigger.fires(&at(since)));
        assert_eq!(fired, [true, true, false, false, true]);
    }

    #[test]
    fn a_trigger_looks_at_log_term_and_office() {
        let with = |trigger: Trigger| trigger.fires(&at(0));
        assert!(with(Trigger {
            from_index: Some(10),
            in_term: Some(2),
            leading: Some(false),
            ..Trigger::default()
        }));
        assert!(!with(Trigger {
            from_index: Some(11),
            ..Trigger::default()
        }));
        assert!(!with(Trigger {
            in_term: Some(1),
            ..Trigger::default()
        }));
        assert!(!with(Trigger {
            leading: Some(true),
            ..Trigger::default()
        }));
    }

    #[test]
    fn what_can_never_fire_is_a_contradiction() {
        let never = [
            Trigger {
                for_ms: Some(0),
                ..Trigger::default()
            },
            Trigger {
                permille: Some(0),
                ..Trigger::default()
            },
            Trigger {
                permille: Some(1_001),
                ..Trigger::default()
            },
            Trigger {
                flip_every_ms: Some(0),
                ..Trigger::default()
            },
            Trigger {
                in_term: Some(0),
                ..Trigger::default()
            },
        ];
        assert!(
            never
                .iter()
                .all(|trigger| trigger.contradiction().is_some())
        );
        assert_eq!(Trigger::default().contradiction(), None);
    }
}
