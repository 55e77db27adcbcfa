//! A task's story, command by command: each is read, opened, and held against those before it.
//!
//! It takes the commands of checked entries; where they stand is not questioned here.

use std::collections::{BTreeMap, BTreeSet};

use super::ReceiptRefusal;
use super::decision::{Decision, ShownCommand};
use super::entry::{ShownEntry, ShownField};
use super::proven::{Deed, Head, Proven, ProvenCommand};
use crate::agent::AgentCertificate;
use crate::certificate::Certificate;
use crate::codec;
use crate::codec::envelope::Content;
use crate::digest::Hash;
use crate::envelope::{Audience, BodyKind, EnvelopeRefusal, Sealed, Sender};
use crate::id::{AgentId, MeshId, NodeId, Position, TaskId};
use crate::task::{Report, TaskSpec};
use crate::verdict::Verdict;

/// A task's story, as far as it was read.
pub(super) struct Story<'a> {
    mesh: MeshId,
    task: TaskId,
    agents: &'a BTreeMap<AgentId, &'a AgentCertificate>,
    submitted: Option<Submitted>,
    /// Who was given which attempt. More than one, if a suggestion was refused and another made.
    given: BTreeSet<(u32, AgentId)>,
    reports: BTreeSet<(u32, Hash)>,
    commands: Vec<ProvenCommand>,
    head: Option<&'a Certificate>,
}

/// What the submission says.
struct Submitted {
    spec: TaskSpec,
    via: NodeId,
}

impl<'a> Story<'a> {
    /// A story of which nothing was read yet.
    pub(super) fn begin(
        (mesh, task): (MeshId, TaskId),
        agents: &'a BTreeMap<AgentId, &'a AgentCertificate>,
    ) -> Self {
        Self {
            mesh,
            task,
            agents,
            submitted: None,
            given: BTreeSet::new(),
            reports: BTreeSet::new(),
            commands: Vec::new(),
            head: None,
        }
    }

    /// Reads the shown commands of the next entry.
    pub(super) fn read(&mut self, entry: &'a ShownEntry) -> Result<(), ReceiptRefusal> {
        for command in &entry.commands {
            self.read_command(entry, command)?;
        }
        let certificate = &entry.stretch.certificate;
        let index = certificate.statement.index;
        if self.head.is_none_or(|head| head.statement.index <= index) {
            self.head = Some(certificate);
        }
        Ok(())
    }

    /// The whole story.
    pub(super) fn end(self) -> Result<Proven, ReceiptRefusal> {
        let (Some(submitted), Some(head)) = (self.submitted, self.head) else {
            return Err(ReceiptRefusal::Unsubmitted);
        };
        Ok(Proven {
            mesh: self.mesh,
            task: self.task,
            spec: submitted.spec,
            via: submitted.via,
            commands: self.commands,
            head: Head::of(head),
            recoveries: Vec::new(),
        })
    }

    fn read_command(
        &mut self,
        entry: &ShownEntry,
        command: &ShownField,
    ) -> Result<(), ReceiptRefusal> {
        let position = entry.position(command);
        let read = codec::decision::read(&entry.version.field, &entry.stamp.field, &command.field)
            .map_err(|source| ReceiptRefusal::BadCommand { position, source })?;
        self.hear(position, read)
    }

    /// Takes the next command. One that is refused leaves the story as it was.
    pub(super) fn hear(
        &mut self,
        position: Position,
        command: ShownCommand,
    ) -> Result<(), ReceiptRefusal> {
        if let Some(task) = command.task {
            self.check_task(position, task)?;
        }
        let is_submission = matches!(command.decision, Decision::Submit { .. });
        if is_submission == self.submitted.is_some() {
            return Err(if is_submission {
                ReceiptRefusal::Resubmitted { position }
            } else {
                ReceiptRefusal::Unsubmitted
            });
        }
        let deed = self.open(position, command.decision)?;
        self.commands.push(ProvenCommand {
            position,
            stamped_at: command.stamped_at,
            deed,
        });
        Ok(())
    }

    /// Whether the task was submitted.
    pub(super) fn is_submitted(&self) -> bool {
        self.submitted.is_some()
    }

    /// The agents that sealed something.
    pub(super) fn sealers(&self) -> BTreeSet<AgentId> {
        let sealers = self.commands.iter().filter_map(|it| it.deed.sealer());
        sealers.collect()
    }

    fn check_task(&self, position: Position, task: TaskId) -> Result<(), ReceiptRefusal> {
        if task == self.task {
            return Ok(());
        }
        Err(ReceiptRefusal::OtherTask { position, task })
    }

    fn open(&mut self, position: Position, decision: Decision) -> Result<Deed, ReceiptRefusal> {
        Ok(match decision {
            Decision::Submit { spec, via } => {
                let spec = *spec;
                self.submitted = Some(Submitted { spec, via });
                Deed::Submitted
            }
            Decision::Assign { attempt, agent } => {
                self.given.insert((attempt, agent));
                Deed::Assigned { attempt, agent }
            }
            Decision::Block(blockage) => Deed::Blocked(blockage),
            Decision::Unblock => Deed::Unblocked,
            Decision::Start { attempt, agent } => Deed::Started { attempt, agent },
            Decision::Report(sealed) => self.open_report(position, *sealed)?,
            Decision::Judge(sealed) => self.open_verdict(position, *sealed)?,
            Decision::Redraw { round } => Deed::Redrawn { round },
            Decision::Expire { attempt, end } => Deed::Expired { attempt, end },
            Decision::Cancel => Deed::Cancelled,
            Decision::Lapse => Deed::Lapsed,
        })
    }

    fn open_report(&mut self, position: Position, sealed: Sealed) -> Result<Deed, ReceiptRefusal> {
        let (node, content) = self.unseal(position, sealed, BodyKind::Report)?;
        let Content::Report(report) = content else {
            return Err(ReceiptRefusal::Misaddressed { position });
        };
        self.check_task(position, report.task)?;
        let Report { attempt, agent, .. } = report;
        if !self.given.contains(&(attempt, agent)) {
            return Err(ReceiptRefusal::Unassigned {
                position,
                attempt,
                agent,
            });
        }
        let digest = report.digest();
        self.reports.insert((attempt, digest));
        Ok(Deed::Reported {
            report: Box::new(report),
            digest,
            node,
        })
    }

    fn open_verdict(&mut self, position: Position, sealed: Sealed) -> Result<Deed, ReceiptRefusal> {
        let (node, content) = self.unseal(position, sealed, BodyKind::Verdict)?;
        let Content::Verdict(verdict) = content else {
            return Err(ReceiptRefusal::Misaddressed { position });
        };
        self.check_task(position, verdict.task)?;
        let Verdict {
            attempt,
            report_digest,
            ..
        } = verdict;
        if !self.reports.contains(&(attempt, report_digest)) {
            return Err(ReceiptRefusal::NoReport { position });
        }
        let verdict = Box::new(verdict);
        Ok(Deed::Judged { verdict, node })
    }

    /// Opens what an agent sealed for the ledger with the key that its node certified, and gives that node.
    fn unseal(
        &self,
        position: Position,
        sealed: Sealed,
        kind: BodyKind,
    ) -> Result<(NodeId, Content), ReceiptRefusal> {
        let header = sealed.claimed();
        let (Sender::Agent(agent), true, Audience::Ledger) =
            (header.sender, header.kind == kind, header.audience)
        else {
            return Err(ReceiptRefusal::Misaddressed { position });
        };
        if header.mesh != self.mesh {
            let source = EnvelopeRefusal::OtherMesh { mesh: header.mesh };
            return Err(ReceiptRefusal::Sealed { position, source });
        }
        let Some(certificate) = self.agents.get(&agent) else {
            return Err(ReceiptRefusal::UnknownAgent { position, agent });
        };
        let opened = sealed
            .open(certificate.key)
            .map_err(|source| ReceiptRefusal::Sealed { position, source })?;
        let content = codec::envelope::read(&opened)
            .map_err(|source| ReceiptRefusal::BadCommand { position, source })?;
        Ok((certificate.node, content))
    }
}
