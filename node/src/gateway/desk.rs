//! The desk: where a call becomes a question to the mind of this node, and waits for the answer.
//!
//! It never waits to be heard: a full mailbox is `Busy` at once. It does not pass anything on; that is `redirect.rs`.

use hms_consensus::effect::Answer;
use hms_consensus::input::{Input, Request, Ticket};
use hms_protocol::refusal::Refusal;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::{Instant, timeout_at};

use super::answers::Answers;
use super::failure::Failure;
use crate::mailbox::Mailbox;

/// The way to the mind of this node. Cloning shares it.
#[derive(Clone, Debug)]
pub(super) struct Desk {
    mailbox: Mailbox,
    answers: Answers,
}

impl Desk {
    pub(super) fn new(mailbox: Mailbox) -> Self {
        Self {
            mailbox,
            answers: Answers::default(),
        }
    }

    /// Asks and waits for the answer, until `deadline` at the latest.
    pub(super) async fn ask(&self, request: Request, deadline: Instant) -> Result<Answer, Failure> {
        let asked_at = crate::clock::instant();
        let mut waiting = self.answers.open()?;
        let input = Input::Asked {
            ticket: waiting.ticket(),
            request,
        };
        self.mailbox.try_send(input).map_err(|error| match error {
            TrySendError::Full(_) => {
                let max = self.mailbox.max_capacity() as u64;
                Failure::from(Refusal::Busy {
                    what: "the mind's mailbox",
                    max,
                })
            }
            TrySendError::Closed(_) => Failure::stopping(),
        })?;
        match timeout_at(deadline, waiting.answer()).await {
            Ok(Some(answer)) => Ok(answer?),
            Ok(None) => Err(Failure::stopping()),
            Err(_) => Err(Failure::too_slow("the answer", millis_since(asked_at))),
        }
    }

    /// Tells the mind something that has no answer. A full mailbox does without: whoever asked is still waiting, or asks
    /// again.
    pub(super) fn tell(&self, input: Input) {
        if self.mailbox.try_send(input).is_err() {
            tracing::debug!("the mind is not told what the leader left unanswered: it is busy");
        }
    }

    /// Hands an answer of the mind to whoever waits for it.
    pub(super) fn deliver(&self, ticket: Ticket, answer: Result<Answer, Refusal>) {
        self.answers.deliver(ticket, answer);
    }
}

/// Whole milliseconds from `start` to now.
pub(super) fn millis_since(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hms_consensus::input::Question;
    use tokio::sync::mpsc;

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_millis(50)
    }

    fn question() -> Request {
        Request::Read(Question::Status)
    }

    #[tokio::test]
    async fn the_answer_of_the_mind_comes_back_to_the_caller() {
        let (mailbox, mut inbox) = mpsc::channel(1);
        let desk = Desk::new(mailbox);
        let mind = {
            let desk = desk.clone();
            tokio::spawn(async move {
                let Some(Input::Asked { ticket, request }) = inbox.recv().await else {
                    panic!("nothing was asked")
                };
                assert_eq!(request, question());
                desk.deliver(ticket, Err(Refusal::OutcomeUnknown));
            })
        };
        let failure = desk.ask(question(), soon()).await.unwrap_err();
        assert_eq!(failure.code(), "HMS-OUTCOME-UNKNOWN");
        mind.await.unwrap();
    }

    #[tokio::test]
    async fn a_full_mailbox_is_busy_at_once() {
        let (mailbox, _inbox) = mpsc::channel(1);
        mailbox.try_send(Input::Persisted { number: 1 }).unwrap();
        let far = Instant::now() + Duration::from_hours(1);
        let failure = Desk::new(mailbox).ask(question(), far).await.unwrap_err();
        assert_eq!(failure.code(), "HMS-BUSY");
    }

    #[tokio::test]
    async fn a_silent_mind_costs_the_caller_its_deadline_and_no_more() {
        let (mailbox, _inbox) = mpsc::channel(1);
        let failure = Desk::new(mailbox)
            .ask(question(), soon())
            .await
            .unwrap_err();
        assert_eq!(failure.code(), "HMS-TOO-SLOW");
        assert!(failure.detail("within_ms").is_some());
    }

    #[tokio::test]
    async fn a_stopped_mind_is_said_to_be_stopping() {
        let (mailbox, inbox) = mpsc::channel(1);
        drop(inbox);
        let failure = Desk::new(mailbox)
            .ask(question(), soon())
            .await
            .unwrap_err();
        assert_eq!(failure.code(), "HMS-STOPPING");
    }
}
