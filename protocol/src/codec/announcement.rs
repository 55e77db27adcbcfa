//! What nodes announce by gossip, on the wire.

use hms_proto::v1;
use hms_proto::v1::announcement::What;

use super::{CodecError, Wire, field};
use crate::id::Term;
use crate::limits;
use crate::peer::{Announcement, Happening};
use crate::time::Moment;

impl Wire for Announcement {
    type Message = v1::Announcement;
    const NAME: &'static str = "announcement";

    fn to_wire(&self) -> v1::Announcement {
        let what = match self {
            Self::Membership {
                roster_revision,
                leader,
                term,
            } => What::Membership(v1::Membership {
                roster_revision: *roster_revision,
                leader: leader.as_bytes().to_vec(),
                term: term.0,
            }),
            Self::Capabilities(skills) => What::Capabilities(v1::Capabilities {
                skills: skills.iter().map(Wire::to_wire).collect(),
            }),
            Self::Happened(happening) => What::Happened(happening.to_wire()),
            Self::Head(certificate) => What::Head(certificate.to_wire()),
        };
        v1::Announcement { what: Some(what) }
    }

    fn from_wire(message: v1::Announcement) -> Result<Self, CodecError> {
        match field::required("announcement.what", message.what)? {
            What::Membership(membership) => Ok(Self::Membership {
                roster_revision: membership.roster_revision,
                leader: field::node_id("membership.leader", &membership.leader)?,
                term: Term(membership.term),
            }),
            What::Capabilities(capabilities) => field::parts(
                "capabilities.skills",
                capabilities.skills,
                limits::SKILLS_PER_NODE_MAX,
            )
            .map(Self::Capabilities),
            What::Happened(happening) => Wire::from_wire(happening).map(Self::Happened),
            What::Head(certificate) => Ok(Self::Head(Box::new(Wire::from_wire(certificate)?))),
        }
    }
}

impl Wire for Happening {
    type Message = v1::Happening;
    const NAME: &'static str = "happening";

    fn to_wire(&self) -> v1::Happening {
        v1::Happening {
            position: Some(self.position.to_wire()),
            at_ms: self.at.0,
            subject: self.subject.clone(),
            text: self.text.clone(),
        }
    }

    fn from_wire(message: v1::Happening) -> Result<Self, CodecError> {
        Ok(Self {
            position: field::part("happening.position", message.position)?,
            at: Moment(message.at_ms),
            subject: field::text(
                "happening.subject",
                message.subject,
                limits::LABEL_BYTES_MAX,
            )?,
            text: field::text("happening.text", message.text, limits::TEXT_BYTES_MAX)?,
        })
    }
}
