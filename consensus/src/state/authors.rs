//! Whose word a command is. Its author's signature is checked before it comes into a log: by the leader that proposes it, and
//! by every voter that takes it.
//!
//! Only signatures are looked at. Whether the author may say so, and whether it still counts, is decided by `apply`. A voter may be
//! further on than its leader was, so what was signed with a key that the operator has replaced since then is the operator's too.

use hms_protocol::codec::envelope::{Content, read};
use hms_protocol::codec::{self, origin};
use hms_protocol::envelope::{Audience, BodyKind, EnvelopeRefusal, Sealed, Sender};
use hms_protocol::id::{AgentId, NodeId};
use hms_protocol::keyring::PublicKey;
use hms_protocol::recovery::operators;
use hms_protocol::refusal::Refusal;

use super::State;
use super::command::{Batch, Command};
use crate::raft::{Jury, MembershipChange, Reading};

impl Jury for State {
    fn read(&self, batch: &[u8]) -> Option<Reading> {
        let batch = codec::decode_exact::<Batch>(batch).ok()?;
        let mut commands = batch.commands.iter();
        let refusal = commands.find_map(|command| self.check_author(command).err());
        Some(Reading {
            stamped_at: batch.stamped_at,
            doubt: refusal.map(|refusal| refusal.code()),
        })
    }

    fn objection(&self, node: NodeId, change: MembershipChange) -> Option<&'static str> {
        self.objection_to(node, change)
    }
}

impl State {
    /// Refuses a command that somebody other than its author has signed, by the keys that this state knows. What needs no
    /// author is the leader's own word.
    pub fn check_author(&self, command: &Command) -> Result<(), Refusal> {
        let mesh = self.mesh();
        match command {
            // A member needs no token: the transport has proved its key.
            Command::Admit(admission) => match &admission.proof {
                Some(proof) if self.roster.member(admission.id).is_none() => {
                    self.check_operator(|key| {
                        let good = proof.authenticate(key, mesh, admission.id);
                        good.map_err(Refusal::Token)
                    })
                }
                Some(_) | None => Ok(()),
            },
            Command::Enrol(certificates) => {
                let forged = certificates.iter().find(|it| !it.verify(mesh));
                forged.map_or(Ok(()), |certificate| {
                    Err(Refusal::BadSignature {
                        what: "certificate",
                        signer: certificate.node.to_string(),
                    })
                })
            }
            Command::Report(sealed) => self.unseal(sealed, BodyKind::Report).map(drop),
            Command::Judge(sealed) => self.unseal(sealed, BodyKind::Verdict).map(drop),
            Command::Convict(evidence) => match evidence.verify(mesh) {
                Ok(_) => Ok(()),
                Err(refusal) => Err(Refusal::Invalid {
                    field: "evidence",
                    reason: refusal.to_string(),
                }),
            },
            Command::Operate(signed) => self.check_operator(|key| {
                let good = signed.read(key, mesh);
                good.map(drop).map_err(Refusal::Order)
            }),
            Command::Greet { .. }
            | Command::Lose { .. }
            | Command::Retire { .. }
            | Command::Submit { .. }
            | Command::Assign { .. }
            | Command::Block { .. }
            | Command::Unblock { .. }
            | Command::Start { .. }
            | Command::Redraw { .. }
            | Command::Expire { .. }
            | Command::Cancel { .. }
            | Command::Lapse { .. }
            | Command::Declare(_)
            | Command::Withdraw { .. }
            | Command::Observe(_)
            | Command::ReplaceLost { .. } => Ok(()),
        }
    }

    /// Whether something is good by the operator's key, or by one that it had before.
    fn check_operator(
        &self,
        check: impl Fn(&PublicKey) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let refused = match check(self.authority.operator()) {
            Ok(()) => return Ok(()),
            Err(refusal) => refusal,
        };
        let rotations = self.authority.rotations();
        let origin = origin::read(&self.charter.genesis).ok();
        let origin = origin.filter(|_| !rotations.is_empty());
        let former = origin.and_then(|it| operators(&it.operator, it.mesh, rotations).ok());
        if former.is_some_and(|keys| keys.iter().any(|key| check(key).is_ok())) {
            return Ok(());
        }
        Err(refused)
    }

    /// Opens what an agent has sealed for the ledger, with the key that the roster has.
    pub(super) fn unseal(
        &self,
        sealed: &Sealed,
        kind: BodyKind,
    ) -> Result<(AgentId, Content), Refusal> {
        let what = match kind {
            BodyKind::Verdict => "verdict",
            BodyKind::Report | BodyKind::Peer | BodyKind::Heartbeat | BodyKind::Announcement => {
                "report"
            }
        };
        let invalid = |reason: &str| Refusal::Invalid {
            field: what,
            reason: reason.to_owned(),
        };
        let header = sealed.claimed();
        let Sender::Agent(agent) = header.sender else {
            return Err(invalid("it is not sealed by an agent"));
        };
        if header.kind != kind {
            return Err(invalid("its envelope says that it is something else"));
        }
        if header.mesh != self.mesh() {
            return Err(invalid("it is for another mesh"));
        }
        if header.audience != Audience::Ledger {
            return Err(invalid("it is not for the ledger"));
        }
        let key = self.roster.enrolled(agent)?.certificate.key;
        let opened = sealed.clone().open(key).map_err(|refusal| {
            if matches!(refusal, EnvelopeRefusal::BadSignature { .. }) {
                let signer = agent.to_string();
                Refusal::BadSignature { what, signer }
            } else {
                invalid(refusal.code())
            }
        })?;
        let content = read(&opened).map_err(|error| invalid(&error.to_string()))?;
        Ok((agent, content))
    }
}
