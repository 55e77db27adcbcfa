//! Skills on the wire, as a node announces them.

use hms_proto::v1;

use super::{CodecError, Wire, field};
use crate::limits;
use crate::skill::SkillSpec;

impl Wire for SkillSpec {
    type Message = v1::SkillSpec;
    const NAME: &'static str = "skill";

    fn to_wire(&self) -> v1::SkillSpec {
        v1::SkillSpec {
            name: self.name.to_string(),
            version: self.version.clone(),
            summary: self.summary.clone(),
            input: self.input.clone(),
            offers: self.offers.iter().cloned().collect(),
        }
    }

    fn from_wire(message: v1::SkillSpec) -> Result<Self, CodecError> {
        let (count, length) = (limits::LABELS_MAX, limits::LABEL_BYTES_MAX);
        Ok(Self {
            name: field::name("skill.name", &message.name)?,
            version: field::text("skill.version", message.version, limits::VERSION_BYTES_MAX)?,
            summary: field::text("skill.summary", message.summary, limits::TEXT_BYTES_MAX)?,
            input: field::text("skill.input", message.input, limits::TEXT_BYTES_MAX)?,
            offers: field::texts("skill.offers", message.offers, count, length)?,
        })
    }
}
