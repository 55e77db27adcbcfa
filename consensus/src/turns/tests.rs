//! Clients before one mind: some press and some pause, and the mind takes longer the more is under way.

use std::collections::BTreeMap;

use super::*;
use crate::limits::{CALLS_PER_ROUND_MIN, COURTESY_AFTER_US, ROUND_EVERY_US_MIN};

const MS: u64 = 1_000;

fn caller(client: u64) -> Caller {
    Caller {
        node: NodeId::from_bytes([1; 32]),
        client,
    }
}

fn wish(client: u64, manner: Manner) -> Wish {
    Wish {
        caller: caller(client),
        manner,
        purpose: Purpose::Decide,
        bytes: 64,
    }
}

/// A mind, and clients that ask again when they are answered.
struct World {
    turns: Turns,
    /// How long a call takes alone, and how much longer for each other that is under way, in microseconds.
    takes_us: (u64, u64),
    /// Clients that press have numbers from zero, and those that pause from a thousand.
    pressing: u64,
    pausing: u64,
    /// What happens when: a client asks, or a turn is over.
    due: BTreeMap<(u64, u64), Happening>,
    happened: u64,
    /// Who has which turn, and when it asked.
    asked: BTreeMap<Turn, (u64, u64)>,
    under_way: u64,
    /// How long each call waited for its answer, by client.
    waits_us: BTreeMap<u64, Vec<u64>>,
    most_pressing: usize,
    resumes: Option<u64>,
}

#[derive(Clone, Copy)]
enum Happening {
    Asks(u64),
    Ends(Turn),
    Resumes,
}

/// The first of those that pause.
const PAUSING_FROM: u64 = 1_000;

/// How long they do.
const PAUSE_US: u64 = 40 * MS;

impl World {
    fn new(takes_us: (u64, u64)) -> Self {
        Self {
            turns: Turns::default(),
            takes_us,
            pressing: 0,
            pausing: 0,
            due: BTreeMap::new(),
            happened: 0,
            asked: BTreeMap::new(),
            under_way: 0,
            waits_us: BTreeMap::new(),
            most_pressing: 0,
            resumes: None,
        }
    }

    fn expect(&mut self, at_us: u64, happening: Happening) {
        self.happened += 1;
        self.due.insert((at_us, self.happened), happening);
    }

    /// So many more clients of a manner come, a millisecond after each other.
    fn come(&mut self, at_us: u64, manner: Manner, clients: u64) {
        let (count, from) = match manner {
            Manner::Pressing => (&mut self.pressing, 0),
            Manner::Pausing => (&mut self.pausing, PAUSING_FROM),
        };
        let first = from + *count;
        *count += clients;
        for client in first..first + clients {
            self.expect(at_us + (client - first) * MS, Happening::Asks(client));
        }
    }

    /// Goes on until a time, and gives the waits of those who pause since, sorted.
    fn run(&mut self, until_us: u64) -> Vec<u64> {
        self.waits_us.clear();
        while let Some(((now_us, _), happening)) = self.due.pop_first() {
            if until_us < now_us {
                self.expect(now_us, happening);
                break;
            }
            match happening {
                Happening::Asks(client) => self.ask(client, now_us),
                Happening::Ends(turn) => self.end(turn, now_us),
                Happening::Resumes => self.resumes = None,
            }
            while let Some(turn) = self.turns.next(now_us) {
                self.under_way += 1;
                let (alone_us, more_us) = self.takes_us;
                let took_us = alone_us + more_us * (self.under_way - 1);
                self.expect(now_us + took_us, Happening::Ends(turn));
            }
            let resumes = self.turns.resumes_at();
            if let Some(at_us) = resumes
                && self.resumes.is_none_or(|due| at_us < due)
            {
                self.resumes = resumes;
                self.expect(at_us.max(now_us + 1), Happening::Resumes);
            }
            self.most_pressing = self.most_pressing.max(self.turns.pressing.under_way);
        }
        let pausing = self.waits_us.range(PAUSING_FROM..);
        let mut waits: Vec<u64> = pausing.flat_map(|(_, waits)| waits.clone()).collect();
        waits.sort_unstable();
        waits
    }

    fn ask(&mut self, client: u64, now_us: u64) {
        let manner = if client < PAUSING_FROM {
            Manner::Pressing
        } else {
            Manner::Pausing
        };
        let turn = self.turns.ask(wish(client, manner), now_us).unwrap();
        self.asked.insert(turn, (client, now_us));
    }

    fn end(&mut self, turn: Turn, now_us: u64) {
        self.turns.answered(turn, now_us);
        self.turns.end(turn);
        self.under_way -= 1;
        let (client, asked_us) = self.asked.remove(&turn).unwrap();
        let waits = self.waits_us.entry(client).or_default();
        waits.push(now_us - asked_us);
        let pause_us = if client < PAUSING_FROM { 0 } else { PAUSE_US };
        self.expect(now_us + pause_us, Happening::Asks(client));
    }

    /// How many calls of those who press were answered, each for itself.
    fn answered_pressing(&self) -> Vec<usize> {
        let of = |client: u64| self.waits_us.get(&client).map_or(0, Vec::len);
        (0..self.pressing).map(of).collect()
    }
}

fn p99(sorted: &[u64]) -> u64 {
    sorted[(sorted.len() * 99).div_ceil(100) - 1]
}

/// MAC-3: those who pause wait less than twice as long under a flood, and those who flood are served too, each as often.
#[test]
fn who_pauses_is_hardly_slowed_by_those_who_press_and_they_get_the_rest() {
    let mut world = World::new((25 * MS, 6 * MS));
    world.come(0, Manner::Pausing, 2);
    let before = p99(&world.run(3_000 * MS));
    world.come(3_000 * MS, Manner::Pressing, 64);
    let during = p99(&world.run(9_000 * MS));
    assert!(during < 2 * before, "{before} µs before, {during} during");
    let served = world.answered_pressing();
    let (least, most) = (served.iter().min().unwrap(), served.iter().max().unwrap());
    assert!(0 < *least && most - least <= 2, "{served:?}");
}

/// The same flood before a mind that serves whoever comes: what the turns are for.
#[test]
fn without_turns_the_same_flood_makes_everybody_wait() {
    let mut world = World::new((25 * MS, 6 * MS));
    world.come(0, Manner::Pausing, 2);
    let before = p99(&world.run(3_000 * MS));
    // Sixty-four more who pause: nobody makes way for anybody.
    world.come(3_000 * MS, Manner::Pausing, 64);
    let during = p99(&world.run(9_000 * MS));
    assert!(
        4 * before < during,
        "{before} µs before, only {during} during"
    );
}

#[test]
fn nobody_who_presses_waits_while_nobody_else_asks() {
    let mut turns = Turns::default();
    for client in 0..CALLS_PRESSING_MAX as u64 {
        turns.ask(wish(client, Manner::Pressing), 0).unwrap();
        assert!(turns.next(0).is_some(), "client {client}");
    }
    turns.ask(wish(0, Manner::Pressing), 0).unwrap();
    assert_eq!(turns.next(0), None);
    // Whoever pauses does not wait for them.
    let turn = turns.ask(wish(1, Manner::Pausing), 0).unwrap();
    assert_eq!(turns.next(0), Some(turn));
    assert_eq!((turns.next(0), turns.waiting()), (None, 1));
}

#[test]
fn who_only_reads_now_and_then_holds_nobody_back() {
    let mut turns = Turns::default();
    for step in 0..200 {
        let now_us = step * 10 * MS;
        let read = Wish {
            purpose: Purpose::Read,
            ..wish(99, Manner::Pausing)
        };
        for wish in [read, wish(0, Manner::Pressing)] {
            let turn = turns.ask(wish, now_us).unwrap();
            assert_eq!(turns.next(now_us), Some(turn), "step {step}");
            turns.answered(turn, now_us + 8 * MS);
            turns.end(turn);
        }
    }
}

#[test]
fn where_nobody_suffers_nobody_is_held_back() {
    // What is under way beside it costs a call nothing.
    let mut world = World::new((10 * MS, 0));
    world.come(0, Manner::Pausing, 2);
    world.come(500 * MS, Manner::Pressing, 64);
    world.run(4_000 * MS);
    assert!(
        60 < world.most_pressing,
        "{} under way",
        world.most_pressing
    );
}

#[test]
fn who_presses_comes_in_rounds_while_others_pause_and_freely_when_they_have_gone() {
    let mut turns = Turns::default();
    let other = turns.ask(wish(99, Manner::Pausing), 0).unwrap();
    assert_eq!(turns.next(0), Some(other));
    assert_eq!(turns.resumes_at(), None);
    for client in 0..20 {
        turns.ask(wish(client, Manner::Pressing), 0).unwrap();
    }
    let mut given = |at_us| {
        let given = std::iter::from_fn(|| turns.next(at_us)).count() as u64;
        (given, turns.resumes_at())
    };
    let round = ROUND_EVERY_US_MIN;
    assert_eq!(given(0), (CALLS_PER_ROUND_MIN, Some(round)));
    assert_eq!(given(round - 1), (0, Some(round)));
    assert_eq!(given(round), (CALLS_PER_ROUND_MIN, Some(2 * round)));
    let left = 20 - 2 * CALLS_PER_ROUND_MIN;
    assert_eq!(given(COURTESY_AFTER_US), (left, None));
}

#[test]
fn a_client_too_many_of_whose_calls_wait_is_refused_and_another_is_not() {
    let mut turns = Turns::default();
    let max = CALLS_WAITING_PER_CLIENT_MAX;
    let first = turns.ask(wish(0, Manner::Pressing), 0).unwrap();
    for _ in 1..max {
        turns.ask(wish(0, Manner::Pressing), 0).unwrap();
    }
    let refused = turns.ask(wish(0, Manner::Pressing), 0);
    assert_eq!(refused, Err(Crowd::OfItsClient { max }));
    assert!(turns.ask(wish(1, Manner::Pressing), 0).is_ok());
    // Whoever gives up makes room.
    turns.end(first);
    assert!(turns.ask(wish(0, Manner::Pressing), 0).is_ok());
}

#[test]
fn clients_too_many_of_whose_calls_wait_are_refused_and_those_who_pause_are_not() {
    let mut turns = Turns::default();
    let max = CALLS_WAITING_MAX;
    for number in 0..max as u64 {
        turns.ask(wish(number, Manner::Pressing), 0).unwrap();
    }
    let refused = turns.ask(wish(0, Manner::Pressing), 0);
    assert!(matches!(
        refused,
        Err(Crowd::OfAll { .. } | Crowd::OfItsClient { .. })
    ));
    let one_more = turns.ask(wish(u64::MAX, Manner::Pressing), 0);
    assert_eq!(one_more, Err(Crowd::OfAll { max }));
    assert!(turns.ask(wish(0, Manner::Pausing), 0).is_ok());
}

#[test]
fn a_turn_that_is_over_leaves_nothing_behind() {
    let mut turns = Turns::default();
    let asked: Vec<Turn> = (0..4)
        .map(|client| turns.ask(wish(client, Manner::Pausing), 0).unwrap())
        .collect();
    assert_eq!(turns.next(0), Some(asked[0]));
    for turn in &asked {
        turns.end(*turn);
    }
    for turn in &asked {
        turns.end(*turn);
    }
    assert!(turns.stages.is_empty());
    assert_eq!((turns.waiting(), turns.pausing.under_way), (0, 0));
}
