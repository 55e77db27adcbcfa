//! What convicts an agent: its own sealed claim of success, and the sealed verdicts of a round in which more verifiers
//! refused the result than accepted it.
//!
//! It proves that these agents, whose keys nodes of the mesh certified, said these things. It does *not* prove who was
//! drawn to judge, nor that those nodes were members: that is in the ledger, and a receipt of the task shows it.

use std::collections::{BTreeMap, BTreeSet};

use super::{EvidenceRefusal, Guilty};
use crate::agent::AgentCertificate;
use crate::codec::envelope::{self, Content};
use crate::envelope::{Audience, BodyKind, EnvelopeRefusal, Sealed, Sender};
use crate::id::{AgentId, MeshId};
use crate::task::{Outcome, Report};
use crate::verdict::{Finding, Verdict};

/// An agent's claim, and what refutes it. Not yet checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentEvidence {
    /// The certificates of the agent and of the verifiers, in ascending order of agent.
    pub agents: Vec<AgentCertificate>,
    /// What the agent sealed.
    pub report: Sealed,
    /// What the verifiers sealed, all rounds, oldest first.
    pub verdicts: Vec<Sealed>,
}

impl AgentEvidence {
    /// Checks it and names the guilty agent. Takes one verification of a signature for each certificate and each envelope.
    pub fn verify(&self, mesh: MeshId) -> Result<Guilty, EvidenceRefusal> {
        let bench = Bench::seat(mesh, &self.agents)?;
        let (certificate, content) = bench.open("the report", &self.report, BodyKind::Report)?;
        let Content::Report(report) = content else {
            return Err(EvidenceRefusal::Misplaced { what: "the report" });
        };
        if report.result.outcome != Outcome::Success {
            let why = "the agent claims no success";
            return Err(EvidenceRefusal::Innocent { why });
        }
        let verdicts = self.verdicts.iter();
        let verdicts = verdicts.map(|sealed| bench.verdict(sealed, &report));
        let verdicts: Vec<Verdict> = verdicts.collect::<Result<_, _>>()?;
        if !is_refuted(&verdicts) {
            let why = "no more verifiers refused the result than accepted it";
            return Err(EvidenceRefusal::Innocent { why });
        }
        Ok(Guilty::Agent {
            agent: certificate.agent,
            node: certificate.node,
            task: report.task,
            attempt: report.attempt,
        })
    }
}

/// Whether in the last round more verifiers refused the result than accepted it. The first word of each counts.
fn is_refuted(verdicts: &[Verdict]) -> bool {
    let last = verdicts.iter().map(|verdict| verdict.round).max();
    let of_last = verdicts.iter().filter(|it| Some(it.round) == last);
    let (mut heard, mut accepted, mut refused) = (BTreeSet::new(), 0, 0);
    for verdict in of_last {
        if !heard.insert(verdict.verifier) {
            continue;
        }
        match verdict.finding {
            Finding::Accepted => accepted += 1,
            Finding::Rejected(_) => refused += 1,
            Finding::Unavailable(_) => {}
        }
    }
    accepted < refused
}

/// The agents whose keys are certified.
struct Bench<'a> {
    mesh: MeshId,
    agents: BTreeMap<AgentId, &'a AgentCertificate>,
}

impl<'a> Bench<'a> {
    fn seat(mesh: MeshId, certificates: &'a [AgentCertificate]) -> Result<Self, EvidenceRefusal> {
        let mut agents = BTreeMap::new();
        for certificate in certificates {
            let agent = certificate.agent;
            if agents
                .last_key_value()
                .is_some_and(|(last, _)| agent <= *last)
            {
                return Err(EvidenceRefusal::AgentOrder { agent });
            }
            if !certificate.verify(mesh) {
                return Err(EvidenceRefusal::Uncertified { agent });
            }
            agents.insert(agent, certificate);
        }
        Ok(Self { mesh, agents })
    }

    /// Opens what a certified agent sealed for the ledger.
    fn open(
        &self,
        what: &'static str,
        sealed: &Sealed,
        kind: BodyKind,
    ) -> Result<(&'a AgentCertificate, Content), EvidenceRefusal> {
        let header = sealed.claimed();
        let (Sender::Agent(agent), true, Audience::Ledger) =
            (header.sender, header.kind == kind, header.audience)
        else {
            return Err(EvidenceRefusal::Misplaced { what });
        };
        if header.mesh != self.mesh {
            let source = EnvelopeRefusal::OtherMesh { mesh: header.mesh };
            return Err(EvidenceRefusal::Sealed { agent, source });
        }
        let known = self.agents.get(&agent).copied();
        let certificate = known.ok_or(EvidenceRefusal::Uncertified { agent })?;
        let opened = sealed.clone().open(certificate.key);
        let opened = opened.map_err(|source| EvidenceRefusal::Sealed { agent, source })?;
        let content = envelope::read(&opened)
            .map_err(|source| EvidenceRefusal::Unreadable { what, source })?;
        Ok((certificate, content))
    }

    /// Opens a verdict of somebody else on this report.
    fn verdict(&self, sealed: &Sealed, report: &Report) -> Result<Verdict, EvidenceRefusal> {
        let what = "a verdict";
        let (_, content) = self.open(what, sealed, BodyKind::Verdict)?;
        let Content::Verdict(verdict) = content else {
            return Err(EvidenceRefusal::Misplaced { what });
        };
        let on_it = verdict.report_digest == report.digest() && verdict.verifier != report.agent;
        if on_it {
            return Ok(verdict);
        }
        Err(EvidenceRefusal::Misplaced { what })
    }
}
