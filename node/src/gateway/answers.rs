//! Who waits for which answer of the mind.
//!
//! A call takes a ticket, posts its request and waits; the drive loop hands each answer to its ticket. A caller that
//! gives up takes its ticket back, so nothing is kept for nobody. Bounded by [`CALLS_IN_FLIGHT_MAX`].

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use hms_consensus::effect::Answer;
use hms_consensus::input::Ticket;
use hms_protocol::refusal::Refusal;
use tokio::sync::oneshot;

use crate::limits::CALLS_IN_FLIGHT_MAX;

/// What the mind says to one request.
type Verdict = Result<Answer, Refusal>;

/// The open tickets of one node. Cloning shares them.
#[derive(Clone, Debug, Default)]
pub(super) struct Answers {
    // Private to this type and held for one map operation at a time, never across an await.
    open: Arc<Mutex<HashMap<u64, oneshot::Sender<Verdict>>>>,
    next: Arc<AtomicU64>,
}

impl Answers {
    /// Opens a ticket, or says `Busy` when too many are open.
    pub(super) fn open(&self) -> Result<Waiting, Refusal> {
        let (sender, receiver) = oneshot::channel();
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let mut open = self.lock();
        if open.len() >= CALLS_IN_FLIGHT_MAX {
            let max = CALLS_IN_FLIGHT_MAX as u64;
            return Err(Refusal::Busy {
                what: "the list of calls in flight",
                max,
            });
        }
        open.insert(number, sender);
        drop(open);
        Ok(Waiting {
            answers: self.clone(),
            number,
            receiver,
        })
    }

    /// Hands an answer over. One whose caller has given up is dropped.
    pub(super) fn deliver(&self, ticket: Ticket, answer: Verdict) {
        let waiting = self.lock().remove(&ticket.0);
        if let Some(waiting) = waiting {
            // The caller may give up at this very moment; then there is nobody to tell.
            let _ = waiting.send(answer);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<u64, oneshot::Sender<Verdict>>> {
        // A map of tickets is whole after every operation, so a panic elsewhere cannot have broken it.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One open ticket. Dropping it closes the ticket.
#[derive(Debug)]
pub(super) struct Waiting {
    answers: Answers,
    number: u64,
    receiver: oneshot::Receiver<Verdict>,
}

impl Waiting {
    /// The ticket to put on the request.
    pub(super) fn ticket(&self) -> Ticket {
        Ticket(self.number)
    }

    /// Waits for the answer; `None` when none can come any more.
    pub(super) async fn answer(&mut self) -> Option<Verdict> {
        (&mut self.receiver).await.ok()
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.answers.lock().remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_answer_reaches_the_ticket_that_it_is_for() {
        let answers = Answers::default();
        let (mut first, mut second) = (answers.open().unwrap(), answers.open().unwrap());
        answers.deliver(second.ticket(), Err(Refusal::OutcomeUnknown));
        answers.deliver(first.ticket(), Ok(Answer::Withdrawn));
        assert!(matches!(
            second.answer().await,
            Some(Err(Refusal::OutcomeUnknown))
        ));
        assert!(matches!(first.answer().await, Some(Ok(Answer::Withdrawn))));
        assert_eq!(answers.lock().len(), 0);
    }

    #[test]
    fn a_caller_that_gives_up_leaves_nothing_behind() {
        let answers = Answers::default();
        let waiting = answers.open().unwrap();
        let ticket = waiting.ticket();
        drop(waiting);
        assert_eq!(answers.lock().len(), 0);
        answers.deliver(ticket, Ok(Answer::Withdrawn));
    }

    #[test]
    fn a_call_too_many_is_told_so_at_once() {
        let answers = Answers::default();
        let open: Vec<_> = (0..CALLS_IN_FLIGHT_MAX)
            .map(|_| answers.open().unwrap())
            .collect();
        assert!(matches!(answers.open(), Err(Refusal::Busy { .. })));
        drop(open);
        assert!(answers.open().is_ok());
    }
}
