//! What nodes say to each other on their direct streams, on the wire.

use hms_proto::v1;
use hms_proto::v1::peer_message::Say;

use super::{CodecError, Wire, envelope, field};
use crate::envelope::{BodyKind, Sealed};
use crate::id::{AgentId, Epoch, Incarnation, Index, Sequence, Term};
use crate::limits;
use crate::peer::{Dispatch, Echo, Lead, PeerMessage, Run, SuccessionShown};
use crate::time::Moment;

impl Wire for PeerMessage {
    type Message = v1::PeerMessage;
    const NAME: &'static str = "peer message";

    fn to_wire(&self) -> v1::PeerMessage {
        v1::PeerMessage {
            say: Some(say(self)),
        }
    }

    fn from_wire(message: v1::PeerMessage) -> Result<Self, CodecError> {
        match field::required("peer.say", message.say)? {
            Say::Raft(message) => Ok(Self::Raft(message)),
            Say::Lead(lead) => Wire::from_wire(lead).map(Self::Lead),
            Say::AskRoster(ask) => Ok(Self::AskRoster {
                have_revision: ask.have_revision,
            }),
            Say::Roster(roster) => Wire::from_wire(roster).map(Self::Roster),
            Say::AskSuccession(ask) => Ok(Self::AskSuccession {
                have: Epoch(ask.have),
            }),
            Say::Succession(shown) => Wire::from_wire(shown).map(Self::Succession),
            Say::Dispatch(dispatch) => Wire::from_wire(dispatch).map(Self::Dispatch),
            Say::Withdraw(run) => Wire::from_wire(run).map(|run| Self::Withdraw { run }),
            Say::Started(started) => Ok(Self::Started {
                run: field::part("started.run", started.run)?,
                agent: field::agent_id("started.agent", &started.agent)?,
            }),
            Say::Report(bytes) => {
                sealed_as("peer.report", &bytes, BodyKind::Report).map(Self::Report)
            }
            Say::Verdict(bytes) => {
                sealed_as("peer.verdict", &bytes, BodyKind::Verdict).map(Self::Verdict)
            }
            Say::Taken(run) => Wire::from_wire(run).map(|run| Self::Taken { run }),
            Say::Spawn(spawn) => read_spawn(spawn),
            Say::Stop(stop) => Ok(Self::Stop {
                agent: field::agent_id("stop.agent", &stop.agent)?,
            }),
            Say::Enrol(enrol) => field::parts(
                "enrol.certificates",
                enrol.certificates,
                limits::AGENTS_PER_ENROLMENT_MAX,
            )
            .map(Self::Enrol),
            Say::Retire(retire) => agents("retire.agents", retire.agents).map(Self::Retire),
            Say::Enrolled(enrolled) => read_enrolled(enrolled),
            Say::AskWatch(_) => Ok(Self::AskWatch),
            Say::Watch(watch) => read_watch(watch),
            Say::Observed(observation) => Wire::from_wire(observation).map(Self::Observed),
            Say::Evidence(evidence) => Ok(Self::Evidence(Box::new(Wire::from_wire(evidence)?))),
            Say::Petition(petition) => Ok(Self::Petition {
                command: field::bytes(
                    "petition.command",
                    petition.command,
                    limits::PETITION_BYTES_MAX,
                )?,
            }),
            Say::Digest(digest) => Ok(Self::Digest {
                index: Index(digest.index),
                state: field::hash("digest.state", &digest.state)?,
                chain: field::hash("digest.chain", &digest.chain)?,
            }),
        }
    }
}

fn say(message: &PeerMessage) -> Say {
    match message {
        PeerMessage::Raft(message) => Say::Raft(message.clone()),
        PeerMessage::Lead(lead) => Say::Lead(lead.to_wire()),
        PeerMessage::AskRoster { have_revision } => Say::AskRoster(v1::AskRoster {
            have_revision: *have_revision,
        }),
        PeerMessage::Roster(roster) => Say::Roster(roster.to_wire()),
        PeerMessage::AskSuccession { have } => {
            Say::AskSuccession(v1::AskSuccession { have: have.0 })
        }
        PeerMessage::Succession(shown) => Say::Succession(shown.to_wire()),
        PeerMessage::Dispatch(dispatch) => Say::Dispatch(dispatch.to_wire()),
        PeerMessage::Withdraw { run } => Say::Withdraw(run.to_wire()),
        PeerMessage::Started { run, agent } => Say::Started(v1::Started {
            run: Some(run.to_wire()),
            agent: agent.as_bytes().to_vec(),
        }),
        PeerMessage::Report(sealed) => Say::Report(envelope::encode(sealed)),
        PeerMessage::Verdict(sealed) => Say::Verdict(envelope::encode(sealed)),
        PeerMessage::Taken { run } => Say::Taken(run.to_wire()),
        PeerMessage::Spawn {
            agent,
            skills,
            slots,
        } => Say::Spawn(v1::Spawn {
            agent: agent.as_bytes().to_vec(),
            skills: skills.iter().map(ToString::to_string).collect(),
            slots: *slots,
        }),
        PeerMessage::Stop { agent } => Say::Stop(v1::StopAgent {
            agent: agent.as_bytes().to_vec(),
        }),
        PeerMessage::Enrol(certificates) => Say::Enrol(v1::Enrol {
            certificates: certificates.iter().map(Wire::to_wire).collect(),
        }),
        PeerMessage::Retire(agents) => Say::Retire(v1::Retire {
            agents: agents
                .iter()
                .map(|agent| agent.as_bytes().to_vec())
                .collect(),
        }),
        PeerMessage::Enrolled { agents } => Say::Enrolled(write_enrolled(agents)),
        PeerMessage::AskWatch => Say::AskWatch(v1::AskWatch {}),
        PeerMessage::Watch { services } => Say::Watch(v1::Watch {
            services: services
                .iter()
                .map(|(spec, revision)| v1::watch::Entry {
                    spec: Some(spec.to_wire()),
                    revision: *revision,
                })
                .collect(),
        }),
        PeerMessage::Observed(observation) => Say::Observed(observation.to_wire()),
        PeerMessage::Evidence(evidence) => Say::Evidence(evidence.to_wire()),
        PeerMessage::Petition { command } => Say::Petition(v1::Petition {
            command: command.clone(),
        }),
        PeerMessage::Digest {
            index,
            state,
            chain,
        } => Say::Digest(v1::StateDigest {
            index: index.0,
            state: state.as_bytes().to_vec(),
            chain: chain.as_bytes().to_vec(),
        }),
    }
}

/// An agent's envelope inside a node's message. Its signature is checked where it is used.
fn sealed_as(field: &'static str, bytes: &[u8], kind: BodyKind) -> Result<Sealed, CodecError> {
    let sealed = field::sealed(field, bytes)?;
    if sealed.claimed().kind == kind {
        Ok(sealed)
    } else {
        Err(CodecError::Contradiction {
            field,
            reason: "the envelope is of another kind",
        })
    }
}

fn agents(field: &'static str, entries: Vec<Vec<u8>>) -> Result<Vec<AgentId>, CodecError> {
    field::list(field, entries, limits::AGENTS_PER_NODE_MAX, |agent| {
        field::agent_id(field, &agent)
    })
}

fn read_spawn(spawn: v1::Spawn) -> Result<PeerMessage, CodecError> {
    Ok(PeerMessage::Spawn {
        agent: field::agent_id("spawn.agent", &spawn.agent)?,
        skills: field::set(
            "spawn.skills",
            spawn.skills,
            limits::SKILLS_PER_AGENT_MAX,
            |skill| field::name("spawn.skills", &skill),
        )?,
        slots: spawn.slots,
    })
}

fn write_enrolled(agents: &[(AgentId, bool)]) -> v1::Enrolled {
    let entry = |(agent, ready): &(AgentId, bool)| v1::enrolled::Entry {
        agent: agent.as_bytes().to_vec(),
        ready: *ready,
    };
    v1::Enrolled {
        agents: agents.iter().map(entry).collect(),
    }
}

fn read_enrolled(enrolled: v1::Enrolled) -> Result<PeerMessage, CodecError> {
    let max = limits::AGENTS_PER_NODE_MAX;
    let agents = field::list("enrolled.agents", enrolled.agents, max, |entry| {
        Ok((
            field::agent_id("enrolled.agents.agent", &entry.agent)?,
            entry.ready,
        ))
    })?;
    Ok(PeerMessage::Enrolled { agents })
}

fn read_watch(watch: v1::Watch) -> Result<PeerMessage, CodecError> {
    let max = limits::SERVICES_MAX;
    let services = field::list("watch.services", watch.services, max, |entry| {
        Ok((
            field::part("watch.services.spec", entry.spec)?,
            entry.revision,
        ))
    })?;
    Ok(PeerMessage::Watch { services })
}

impl Wire for SuccessionShown {
    type Message = v1::SuccessionShown;
    const NAME: &'static str = "succession";

    fn to_wire(&self) -> v1::SuccessionShown {
        v1::SuccessionShown {
            genesis: self.genesis.clone(),
            handovers: self.handovers.clone(),
        }
    }

    fn from_wire(message: v1::SuccessionShown) -> Result<Self, CodecError> {
        let (most, longest) = (limits::RECEIPT_HANDOVERS_MAX, limits::WARRANT_BYTES_MAX);
        let handover = |bytes| field::bytes("succession.handovers", bytes, longest);
        let genesis_max = limits::GENESIS_BYTES_MAX;
        Ok(Self {
            genesis: field::bytes("succession.genesis", message.genesis, genesis_max)?,
            handovers: field::list("succession.handovers", message.handovers, most, handover)?,
        })
    }
}

impl Wire for Lead {
    type Message = v1::Lead;
    const NAME: &'static str = "leader's word";

    fn to_wire(&self) -> v1::Lead {
        v1::Lead {
            term: self.term.0,
            roster_revision: self.roster_revision,
            epoch: self.epoch.0,
            watch: self.watch.as_bytes().to_vec(),
            at_ms: self.at.0,
            heard: self.heard.map(|heard| v1::Echo {
                sequence: heard.sequence.0,
                ago_ms: heard.ago_ms,
            }),
        }
    }

    fn from_wire(message: v1::Lead) -> Result<Self, CodecError> {
        Ok(Self {
            term: Term(message.term),
            roster_revision: message.roster_revision,
            epoch: Epoch(message.epoch),
            watch: field::hash("lead.watch", &message.watch)?,
            at: Moment(message.at_ms),
            heard: message.heard.map(|heard| Echo {
                sequence: Sequence(heard.sequence),
                ago_ms: heard.ago_ms,
            }),
        })
    }
}

impl Wire for Run {
    type Message = v1::Run;
    const NAME: &'static str = "run";

    fn to_wire(&self) -> v1::Run {
        use v1::run::Which;
        let which = match self {
            Self::Attempt { task, attempt } => Which::Attempt(v1::run::Attempt {
                task: task.as_bytes().to_vec(),
                attempt: *attempt,
            }),
            Self::Check {
                task,
                attempt,
                round,
                verifier,
            } => Which::Check(v1::run::Check {
                task: task.as_bytes().to_vec(),
                attempt: *attempt,
                round: *round,
                verifier: verifier.as_bytes().to_vec(),
            }),
        };
        v1::Run { which: Some(which) }
    }

    fn from_wire(message: v1::Run) -> Result<Self, CodecError> {
        use v1::run::Which;
        match field::required("run", message.which)? {
            Which::Attempt(run) => Ok(Self::Attempt {
                task: field::task_id("run.task", &run.task)?,
                attempt: run.attempt,
            }),
            Which::Check(run) => Ok(Self::Check {
                task: field::task_id("run.task", &run.task)?,
                attempt: run.attempt,
                round: run.round,
                verifier: field::agent_id("run.verifier", &run.verifier)?,
            }),
        }
    }
}

impl Wire for Dispatch {
    type Message = v1::Dispatch;
    const NAME: &'static str = "dispatch";

    fn to_wire(&self) -> v1::Dispatch {
        v1::Dispatch {
            run: Some(self.run.to_wire()),
            agent: self.agent.as_bytes().to_vec(),
            incarnation: self.incarnation.0,
            skill: self.skill.to_string(),
            input: self.input.clone(),
            report: self.report.as_ref().map(Wire::to_wire),
            limit_ms: self.limit_ms,
            lease_until_ms: self.lease_until.0,
            as_of: self.as_of.0,
            warrant: self.warrant.clone(),
        }
    }

    fn from_wire(message: v1::Dispatch) -> Result<Self, CodecError> {
        Ok(Self {
            run: field::part("dispatch.run", message.run)?,
            agent: field::agent_id("dispatch.agent", &message.agent)?,
            incarnation: Incarnation(message.incarnation),
            as_of: Sequence(message.as_of),
            skill: field::name("dispatch.skill", &message.skill)?,
            input: field::bytes(
                "dispatch.input",
                message.input,
                limits::TASK_INPUT_BYTES_MAX,
            )?,
            report: message.report.map(Wire::from_wire).transpose()?,
            limit_ms: message.limit_ms,
            lease_until: Moment(message.lease_until_ms),
            warrant: field::bytes(
                "dispatch.warrant",
                message.warrant,
                limits::WARRANT_BYTES_MAX,
            )?,
        })
    }
}
