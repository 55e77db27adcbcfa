//! Claims on the wire: the input of the proving and the verifying skills.

use hms_proto::v1;

use super::{CodecError, Wire, field};
use crate::limits;
use crate::proof::Claim;

impl Wire for Claim {
    type Message = v1::Claim;
    const NAME: &'static str = "claim";

    fn to_wire(&self) -> v1::Claim {
        v1::Claim {
            base: self.base.as_bytes().to_vec(),
            label: self.label.clone(),
            submission: self.submission.clone(),
        }
    }

    fn from_wire(message: v1::Claim) -> Result<Self, CodecError> {
        let submission_max = limits::TASK_INPUT_BYTES_MAX;
        Ok(Self {
            base: field::hash("claim.base", &message.base)?,
            label: field::text("claim.label", message.label, limits::LABEL_BYTES_MAX)?,
            submission: field::text("claim.submission", message.submission, submission_max)?,
        })
    }
}
