//! Commands about one task on the wire, as receipts show them: fields of a batch, without the fields beside them.

use hms_proto::v1;
use hms_proto::v1::command::Decide;
use prost::Message as _;

use super::{CodecError, WireEnum, field};
use crate::id::TaskId;
use crate::receipt::{Decision, ShownCommand};
use crate::task::AttemptEnd;
use crate::time::Moment;

/// The layout of batches that can be read.
const BATCH_VERSION: u32 = 1;

/// Reads one command of a batch from three of the batch's fields as they stand there: its version, its time stamp, and the
/// command. They must have the one form in which batches are written, so that they have one reading.
pub fn read(version: &[u8], stamp: &[u8], command: &[u8]) -> Result<ShownCommand, CodecError> {
    let bytes = [version, stamp, command].concat();
    let malformed = |reason: String| CodecError::Malformed {
        message: "command",
        reason,
    };
    let batch =
        v1::Batch::decode(bytes.as_slice()).map_err(|error| malformed(error.to_string()))?;
    check_version(batch.version)?;
    if batch.encode_to_vec() != bytes {
        return Err(malformed(
            "it is not in the one form that it has".to_owned(),
        ));
    }
    let stamped_at = Moment(batch.stamped_at_ms);
    let command = field::required("batch.commands", batch.commands.into_iter().next())?;
    let decide = field::required("command.decide", command.decide)?;
    let (task, decision) = read_decision(decide)?;
    Ok(ShownCommand {
        stamped_at,
        task,
        decision,
    })
}

/// Whether the commands of a batch of this version can be read.
pub(super) fn check_version(version: u32) -> Result<(), CodecError> {
    if version == BATCH_VERSION {
        return Ok(());
    }
    Err(CodecError::UnknownValue {
        field: "batch.version",
        value: i32::try_from(version).unwrap_or(i32::MAX),
    })
}

pub(super) fn read_decision(decide: Decide) -> Result<(Option<TaskId>, Decision), CodecError> {
    let task = |bytes: &[u8]| field::task_id("command.task", bytes).map(Some);
    Ok(match decide {
        Decide::Submit(it) => {
            let spec = Box::new(field::part("submit.spec", it.spec)?);
            let via = field::node_id("submit.via", &it.via)?;
            (task(&it.task)?, Decision::Submit { spec, via })
        }
        Decide::Assign(it) => {
            let (attempt, agent) = (it.attempt, field::agent_id("assign.agent", &it.agent)?);
            (task(&it.task)?, Decision::Assign { attempt, agent })
        }
        Decide::Block(it) => {
            let blockage = field::part("block.blockage", it.blockage)?;
            (task(&it.task)?, Decision::Block(blockage))
        }
        Decide::Unblock(it) => (task(&it.task)?, Decision::Unblock),
        Decide::Start(it) => {
            let (attempt, agent) = (it.attempt, field::agent_id("start.agent", &it.agent)?);
            (task(&it.task)?, Decision::Start { attempt, agent })
        }
        Decide::Report(bytes) => {
            let sealed = field::sealed("command.report", &bytes)?;
            (None, Decision::Report(Box::new(sealed)))
        }
        Decide::Judge(bytes) => {
            let sealed = field::sealed("command.judge", &bytes)?;
            (None, Decision::Judge(Box::new(sealed)))
        }
        Decide::Redraw(it) => (task(&it.task)?, Decision::Redraw { round: it.round }),
        Decide::Expire(it) => {
            let end = AttemptEnd::from_number("expire.end", it.end)?;
            let attempt = it.attempt;
            (task(&it.task)?, Decision::Expire { attempt, end })
        }
        Decide::Cancel(it) => (task(&it.task)?, Decision::Cancel),
        Decide::Lapse(it) => (task(&it.task)?, Decision::Lapse),
        Decide::Admit(_)
        | Decide::Greet(_)
        | Decide::Lose(_)
        | Decide::Enrol(_)
        | Decide::Retire(_)
        | Decide::Declare(_)
        | Decide::Withdraw(_)
        | Decide::Observe(_)
        | Decide::Convict(_)
        | Decide::Operate(_)
        | Decide::ReplaceLost(_) => {
            return Err(CodecError::Contradiction {
                field: "command.decide",
                reason: "it is about no task",
            });
        }
    })
}
