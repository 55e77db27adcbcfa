//! The tally: whether the verdicts of one round decide, and how.
//!
//! A majority of all that were *drawn* decides, not of those that answered: silence never accepts and never rejects.

use hms_protocol::verdict::{Finding, Round};

/// Where a round stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tally {
    /// A majority says that the result is right.
    Accepted,
    /// A majority says that it is wrong.
    Rejected,
    /// More verdicts are needed, and may come.
    Undecided,
    /// No majority is possible any more.
    Undecidable,
}

/// Counts a round. `absent` of those drawn have said nothing and never will.
pub fn tally(round: &Round, absent: usize) -> Tally {
    let drawn = round.drawn.len();
    let majority = drawn / 2 + 1;
    let (mut accepted, mut rejected) = (0, 0);
    for verdict in &round.verdicts {
        match verdict.finding {
            Finding::Accepted => accepted += 1,
            Finding::Rejected(_) => rejected += 1,
            Finding::Unavailable(_) => {}
        }
    }
    let open = drawn.saturating_sub(round.verdicts.len() + absent);
    if majority <= accepted {
        Tally::Accepted
    } else if majority <= rejected {
        Tally::Rejected
    } else if majority <= accepted.max(rejected) + open {
        Tally::Undecided
    } else {
        Tally::Undecidable
    }
}

#[cfg(test)]
mod tests {
    use hms_protocol::digest::Hash;
    use hms_protocol::id::{AgentId, NodeId, TaskId};
    use hms_protocol::time::Moment;
    use hms_protocol::verdict::Verdict;

    use super::*;

    /// One letter per verdict: `a`ccepted, `r`ejected, `u`navailable.
    fn check(drawn: u8, verdicts: &str, absent: usize, expected: Tally) {
        let agent = |number: u8| AgentId::from_bytes([number; 16]);
        let round = Round {
            number: 1,
            drawn_at: Moment(0),
            drawn: (0..drawn)
                .map(|n| (agent(n), NodeId::from_bytes([n; 32])))
                .collect(),
            verdicts: (0..)
                .zip(verdicts.chars())
                .map(|(number, letter)| Verdict {
                    task: TaskId::from_bytes([0; 16]),
                    attempt: 1,
                    round: 1,
                    verifier: agent(number),
                    report_digest: Hash::default(),
                    finding: match letter {
                        'a' => Finding::Accepted,
                        'r' => Finding::Rejected("wrong".to_owned()),
                        _ => Finding::Unavailable("no kernel".to_owned()),
                    },
                })
                .collect(),
        };
        assert_eq!(
            tally(&round, absent),
            expected,
            "{verdicts:?} of {drawn}, {absent} absent"
        );
    }

    #[test]
    fn a_majority_of_the_drawn_decides() {
        check(3, "", 0, Tally::Undecided);
        check(3, "a", 0, Tally::Undecided);
        check(3, "aa", 0, Tally::Accepted);
        check(3, "ar", 0, Tally::Undecided);
        check(3, "arr", 0, Tally::Rejected);
        check(2, "a", 0, Tally::Undecided);
        check(2, "ar", 0, Tally::Undecidable);
        check(1, "r", 0, Tally::Rejected);
    }

    #[test]
    fn silence_and_excuses_decide_nothing() {
        check(3, "uu", 0, Tally::Undecidable);
        check(3, "ua", 0, Tally::Undecided);
        check(3, "ua", 1, Tally::Undecidable);
        check(3, "", 2, Tally::Undecidable);
        check(3, "a", 1, Tally::Undecided);
        check(0, "", 0, Tally::Undecidable);
    }
}
