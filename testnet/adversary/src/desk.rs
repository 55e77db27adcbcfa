//! What a node that cheats its clients answers them.

use hms_consensus::effect::Answer;
use hms_consensus::input::Request;
use hms_protocol::id::{Index, Position};
use hms_protocol::refusal::Refusal;
use hms_testnet::attack::Attack;

use crate::corruption::Corruption;

/// Where a task is said to stand that stands nowhere.
const NOWHERE: Index = Index(1);

/// What a client gets instead of what the mind would answer.
pub(crate) enum Cheated {
    /// Nothing: it waits for ever.
    Nothing,
    /// This answer.
    With(Box<Result<Answer, Refusal>>),
}

/// How a client is cheated, if it is.
pub(crate) fn cheat(corruption: &Corruption, request: &Request) -> Option<Cheated> {
    let Request::Submit { task, .. } = request else {
        return None;
    };
    if corruption.does(Attack::Censor) {
        return Some(Cheated::Nothing);
    }
    if corruption.does(Attack::AcknowledgeFalsely) {
        let position = Position {
            index: NOWHERE,
            ..Position::default()
        };
        return Some(Cheated::With(Box::new(Ok(Answer::Submitted {
            task: *task,
            position,
            fresh: true,
        }))));
    }
    None
}
