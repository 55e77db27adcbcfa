//! The turnstile: where calls wait for their turn before the mind of the leader, and before they leave for it.
//!
//! Whose turn it is, is decided by [`Turns`]; here callers wait for it. A caller that goes away gives its turn back. One
//! that may not even wait is refused at once, with a code and the time after which to come again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hms_consensus::turns::{Crowd, Turn, Turns, Wish};
use hms_protocol::refusal::Refusal;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Duration, Instant, sleep_until, timeout_at};

use super::desk::millis_since;
use super::failure::Failure;
use crate::limits::TURN_RETRY_AFTER;

/// A turnstile. Cloning shares it.
#[derive(Clone, Debug)]
pub(super) struct Turnstile {
    began: Instant,
    // Private to this type, and held for one decision at a time, never across an await.
    queue: Arc<Mutex<Queue>>,
    // Told when callers wait for time to pass.
    resumes: Arc<Notify>,
}

/// Turns, and those who wait for one.
#[derive(Debug)]
struct Queue {
    turns: Turns,
    waiting: BTreeMap<Turn, oneshot::Sender<()>>,
}

/// A turn of one caller. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Taken {
    turnstile: Turnstile,
    turn: Turn,
}

impl Turnstile {
    /// A turnstile that nobody has passed yet.
    pub(super) fn new(turns: Turns) -> Self {
        let waiting = BTreeMap::new();
        Self {
            began: crate::clock::instant(),
            queue: Arc::new(Mutex::new(Queue { turns, waiting })),
            resumes: Arc::default(),
        }
    }

    /// Waits for a turn, until `deadline` at the latest.
    pub(super) async fn take(&self, wish: Wish, deadline: Instant) -> Result<Taken, Failure> {
        let asked_at = crate::clock::instant();
        let (given, mut waiting) = oneshot::channel();
        let turn = {
            let mut queue = self.lock();
            let turn = queue.turns.ask(wish, self.now_us()).map_err(refuse)?;
            queue.waiting.insert(turn, given);
            self.give(&mut queue);
            turn
        };
        let taken = Taken {
            turnstile: self.clone(),
            turn,
        };
        if waiting.try_recv().is_ok() {
            return Ok(taken);
        }
        match timeout_at(deadline, waiting).await {
            Ok(Ok(())) => Ok(taken),
            // The sender is kept until the turn is given or ended, and only this caller ends it.
            Ok(Err(_)) => Err(Failure::stopping()),
            Err(_) => Err(Failure::too_slow("a turn", millis_since(asked_at))),
        }
    }

    /// Gives the turns that are given as time passes. Goes on for ever.
    pub(super) async fn tend(&self) {
        loop {
            let resumes_at_us = self.lock().turns.resumes_at();
            match resumes_at_us {
                Some(at_us) => sleep_until(self.began + Duration::from_micros(at_us)).await,
                None => self.resumes.notified().await,
            }
            self.give(&mut self.lock());
        }
    }

    /// Gives every turn that can be given.
    fn give(&self, queue: &mut Queue) {
        let now_us = self.now_us();
        while let Some(turn) = queue.turns.next(now_us) {
            // Whoever has gone away at this very moment ends its turn at once.
            if let Some(waiting) = queue.waiting.remove(&turn) {
                let _ = waiting.send(());
            }
        }
        if queue.turns.resumes_at().is_some() {
            self.resumes.notify_one();
        }
    }

    fn now_us(&self) -> u64 {
        let since = crate::clock::instant().duration_since(self.began);
        u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Turns are whole after every operation, so a panic elsewhere cannot have broken them.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    /// The call was answered; its turn goes on while the answer is made up.
    pub(super) fn answered(&self) {
        let now_us = self.turnstile.now_us();
        self.turnstile.lock().turns.answered(self.turn, now_us);
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let mut queue = self.turnstile.lock();
        queue.waiting.remove(&self.turn);
        queue.turns.end(self.turn);
        self.turnstile.give(&mut queue);
    }
}

/// Why a caller may not even wait.
fn refuse(crowd: Crowd) -> Failure {
    match crowd {
        Crowd::OfItsClient { max } => Failure::too_many_waiting(max, TURN_RETRY_AFTER),
        Crowd::OfAll { max } => Failure::from(Refusal::Busy {
            what: "the queue for turns",
            max: max as u64,
        }),
    }
}

#[cfg(test)]
mod tests {
    use hms_consensus::limits::{CALLS_PRESSING_MAX, CALLS_WAITING_PER_CLIENT_MAX};
    use hms_consensus::turns::{Caller, Manner, Purpose};
    use hms_protocol::id::NodeId;
    use tokio::task::JoinSet;

    use super::*;

    fn wish(client: u64) -> Wish {
        let node = NodeId::from_bytes([1; 32]);
        Wish {
            caller: Caller { node, client },
            manner: Manner::Pressing,
            purpose: Purpose::Decide,
            bytes: 1,
        }
    }

    fn far() -> Instant {
        crate::clock::instant() + Duration::from_hours(1)
    }

    fn waiting_at(turnstile: &Turnstile) -> usize {
        turnstile.lock().turns.waiting()
    }

    /// A turnstile through which nobody gets before one of these turns is over.
    async fn full() -> (Turnstile, Vec<Taken>) {
        let turnstile = Turnstile::new(Turns::default());
        let mut taken = Vec::new();
        for client in 0..CALLS_PRESSING_MAX as u64 {
            taken.push(turnstile.take(wish(client), far()).await.unwrap());
        }
        (turnstile, taken)
    }

    #[tokio::test]
    async fn whoever_waits_gets_through_when_a_turn_is_over() {
        let (turnstile, mut taken) = full().await;
        let mut waiting = JoinSet::new();
        for client in 0..3 {
            let turnstile = turnstile.clone();
            waiting.spawn(async move { turnstile.take(wish(client), far()).await.map(drop) });
        }
        while waiting_at(&turnstile) < 3 {
            tokio::task::yield_now().await;
        }
        // Each of the three gives its turn to the next.
        taken.pop();
        while let Some(ended) = waiting.join_next().await {
            ended.unwrap().unwrap();
        }
        assert_eq!(waiting_at(&turnstile), 0);
    }

    /// Where somebody pauses, those who press come in rounds, though nothing else happens.
    #[tokio::test]
    async fn whoever_waits_for_time_to_pass_gets_through_when_it_has() {
        let turnstile = Turnstile::new(Turns::default());
        let pausing = Wish {
            manner: Manner::Pausing,
            ..wish(99)
        };
        let _other = turnstile.take(pausing, far()).await.unwrap();
        let mut callers = JoinSet::new();
        for client in 0..20 {
            let turnstile = turnstile.clone();
            callers.spawn(async move { turnstile.take(wish(client), far()).await.map(drop) });
        }
        let all = async {
            while let Some(ended) = callers.join_next().await {
                ended.unwrap().unwrap();
            }
        };
        tokio::select! {
            () = all => {}
            () = turnstile.tend() => unreachable!("it goes on for ever"),
        }
        assert_eq!(waiting_at(&turnstile), 0);
    }

    #[tokio::test]
    async fn whoever_does_not_get_through_in_time_is_told_and_leaves_nothing_behind() {
        let (turnstile, _taken) = full().await;
        let soon = crate::clock::instant() + Duration::from_millis(20);
        let failure = turnstile.take(wish(1), soon).await.unwrap_err();
        assert_eq!(failure.code(), "HMS-TOO-SLOW");
        // The same if it goes away by itself.
        let gone = tokio::time::timeout(Duration::ZERO, turnstile.take(wish(1), far())).await;
        assert!(gone.is_err());
        assert_eq!(waiting_at(&turnstile), 0);
        assert!(turnstile.lock().waiting.is_empty());
    }

    /// MAC-3: a client with too many calls that wait is refused at once and told when to come again.
    #[tokio::test]
    async fn a_client_with_too_many_calls_that_wait_is_refused_at_once() {
        let (turnstile, _taken) = full().await;
        let mut waiting = JoinSet::new();
        for _ in 0..CALLS_WAITING_PER_CLIENT_MAX {
            let turnstile = turnstile.clone();
            waiting.spawn(async move { turnstile.take(wish(7), far()).await.map(drop) });
        }
        while waiting_at(&turnstile) < CALLS_WAITING_PER_CLIENT_MAX {
            tokio::task::yield_now().await;
        }
        let failure = turnstile.take(wish(7), far()).await.unwrap_err();
        assert_eq!(failure.code(), "HMS-TOO-MANY-CALLS");
        let retry = TURN_RETRY_AFTER.as_millis().to_string();
        assert_eq!(failure.detail("retry_after_ms"), Some(retry.as_str()));
    }
}
