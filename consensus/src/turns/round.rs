//! One round of parties that wait: whoever will have been given least is next.
//!
//! This is self-clocked fair queueing. A party stands as far behind whoever was served last as what it asks for costs; of two
//! at one place the earlier comer is first. So staying away earns nothing, having asked for much costs nothing once it was
//! waited for, and no number of newcomers keeps anybody waiting for ever. What the parties wait for, and when one is served,
//! is not known here.

use std::collections::{BTreeMap, BTreeSet};

/// Parties that wait.
#[derive(Debug)]
pub(super) struct Round<K> {
    /// Where whoever was served last stood. Invariant: nobody who waits stands before it.
    now: u64,
    waiting: BTreeSet<(Place, K)>,
    /// The same, by party.
    places: BTreeMap<K, Place>,
    arrivals: u64,
}

/// Where a party stands, and when it came there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    at: u64,
    arrival: u64,
}

impl<K> Default for Round<K> {
    fn default() -> Self {
        Self {
            now: 0,
            waiting: BTreeSet::new(),
            places: BTreeMap::new(),
            arrivals: 0,
        }
    }
}

impl<K: Copy + Ord> Round<K> {
    /// A party waits from now on for what costs so much, if it does not wait already.
    pub(super) fn join(&mut self, party: K, cost: u64) {
        if self.places.contains_key(&party) {
            return;
        }
        let place = Place {
            at: self.now.saturating_add(cost.max(1)),
            arrival: self.arrivals,
        };
        self.arrivals += 1;
        self.waiting.insert((place, party));
        self.places.insert(party, place);
    }

    /// Who is next.
    pub(super) fn first(&self) -> Option<K> {
        self.waiting.first().map(|(_, party)| *party)
    }

    /// Serves whoever is next. It waits no more until it joins again.
    pub(super) fn serve(&mut self) {
        let Some((place, party)) = self.waiting.pop_first() else {
            return;
        };
        assert!(self.now <= place.at, "somebody stood before the round");
        self.places.remove(&party);
        self.now = place.at;
    }

    /// A party does not wait any more.
    pub(super) fn leave(&mut self, party: K) {
        if let Some(place) = self.places.remove(&party) {
            self.waiting.remove(&(place, party));
        }
    }

    /// Whether nobody waits.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Serves so many in a row, each of whom joins again for what costs as much as before, and says who they were.
    fn serve(round: &mut Round<char>, times: usize, cost_of: impl Fn(char) -> u64) -> String {
        let mut served = String::new();
        for _ in 0..times {
            let Some(party) = round.first() else { break };
            round.serve();
            round.join(party, cost_of(party));
            served.push(party);
        }
        served
    }

    #[test]
    fn parties_take_turns_and_who_asks_for_much_gets_fewer() {
        let mut round = Round::default();
        "abc".chars().for_each(|party| round.join(party, 1));
        assert_eq!(serve(&mut round, 7, |_| 1), "abcabca");
        round.leave('b');
        assert_eq!(serve(&mut round, 4, |_| 1), "caca");

        let mut round = Round::default();
        let cost_of = |party| if party == 'a' { 3 } else { 1 };
        "ab".chars()
            .for_each(|party| round.join(party, cost_of(party)));
        assert_eq!(serve(&mut round, 12, cost_of), "bbabbbabbbab");
    }

    #[test]
    fn staying_away_earns_nothing() {
        let mut round = Round::default();
        round.join('a', 1);
        assert_eq!(serve(&mut round, 100, |_| 1), "a".repeat(100));
        round.join('b', 1);
        assert_eq!(serve(&mut round, 4, |_| 1), "abab");
    }

    #[test]
    fn no_number_of_newcomers_keeps_anybody_waiting() {
        let mut round = Round::default();
        round.join(u32::MAX, 10);
        for party in 0..9_u32 {
            round.join(party, 1);
            assert_eq!(round.first(), Some(party));
            round.serve();
        }
        round.join(9, 1);
        assert_eq!(round.first(), Some(u32::MAX));
    }
}
