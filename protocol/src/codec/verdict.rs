//! Verdicts on the wire, and the rounds that collect them.

use hms_proto::v1;

use super::{CodecError, Wire, field};
use crate::limits;
use crate::time::Moment;
use crate::verdict::{Finding, Round, Verdict, Verification};
use crate::wire_enum;

wire_enum!(Verification, v1::Verification, { Reported, Kernel });

impl Wire for Verdict {
    type Message = v1::Verdict;
    const NAME: &'static str = "verdict";

    fn to_wire(&self) -> v1::Verdict {
        v1::Verdict {
            task: self.task.as_bytes().to_vec(),
            attempt: self.attempt,
            round: self.round,
            verifier: self.verifier.as_bytes().to_vec(),
            report_digest: self.report_digest.as_bytes().to_vec(),
            finding: Some(self.finding.to_wire()),
        }
    }

    fn from_wire(message: v1::Verdict) -> Result<Self, CodecError> {
        Ok(Self {
            task: field::task_id("verdict.task", &message.task)?,
            attempt: message.attempt,
            round: message.round,
            verifier: field::agent_id("verdict.verifier", &message.verifier)?,
            report_digest: field::hash("verdict.report_digest", &message.report_digest)?,
            finding: field::part("verdict.finding", message.finding)?,
        })
    }
}

impl Wire for Finding {
    type Message = v1::Finding;
    const NAME: &'static str = "finding";

    fn to_wire(&self) -> v1::Finding {
        use v1::finding::Kind;
        let (kind, reason) = match self {
            Self::Accepted => (Kind::Accepted, String::new()),
            Self::Rejected(reason) => (Kind::Rejected, reason.clone()),
            Self::Unavailable(reason) => (Kind::Unavailable, reason.clone()),
        };
        v1::Finding {
            kind: kind.into(),
            reason,
        }
    }

    fn from_wire(message: v1::Finding) -> Result<Self, CodecError> {
        use v1::finding::Kind;
        let reason = field::text("finding.reason", message.reason, limits::TEXT_BYTES_MAX)?;
        match Kind::try_from(message.kind) {
            Ok(Kind::Accepted) if reason.is_empty() => Ok(Self::Accepted),
            Ok(Kind::Accepted) => Err(CodecError::Contradiction {
                field: "finding.reason",
                reason: "what is accepted needs no reason",
            }),
            Ok(Kind::Rejected) => Ok(Self::Rejected(reason)),
            Ok(Kind::Unavailable) => Ok(Self::Unavailable(reason)),
            Ok(Kind::Unspecified) | Err(_) => Err(CodecError::UnknownValue {
                field: "finding.kind",
                value: message.kind,
            }),
        }
    }
}

impl Wire for Round {
    type Message = v1::Round;
    const NAME: &'static str = "round of verification";

    fn to_wire(&self) -> v1::Round {
        let drawn = self.drawn.iter().map(|(agent, node)| v1::Verifier {
            agent: agent.as_bytes().to_vec(),
            node: node.as_bytes().to_vec(),
        });
        v1::Round {
            number: self.number,
            drawn_at_ms: self.drawn_at.0,
            drawn: drawn.collect(),
            verdicts: self.verdicts.iter().map(Wire::to_wire).collect(),
        }
    }

    fn from_wire(message: v1::Round) -> Result<Self, CodecError> {
        let drawn = field::list("round.drawn", message.drawn, field::UNBOUNDED, |drawn| {
            Ok((
                field::agent_id("round.drawn.agent", &drawn.agent)?,
                field::node_id("round.drawn.node", &drawn.node)?,
            ))
        })?;
        Ok(Self {
            number: message.number,
            drawn_at: Moment(message.drawn_at_ms),
            drawn,
            verdicts: field::parts("round.verdicts", message.verdicts, field::UNBOUNDED)?,
        })
    }
}
