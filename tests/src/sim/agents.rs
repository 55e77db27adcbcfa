//! The agents of a simulated host: real keys, real certificates, sealed reports, and work that goes well or badly by
//! chance.
//!
//! `echo` returns its input; `nap` does so after a while, too late for some leases; `prove.sum` claims a result that
//! `verify.sum` can check, and lying provers claim a wrong one.

use std::collections::{BTreeMap, BTreeSet};

use hms_protocol::agent::{AgentCertificate, AgentDraft};
use hms_protocol::codec::{self, envelope};
use hms_protocol::digest::Hash;
use hms_protocol::envelope::{Audience, BodyKind, Header, Sealed, Sender};
use hms_protocol::id::{AgentId, Incarnation, MeshId, Sequence, SkillName};
use hms_protocol::keyring::SecretKey;
use hms_protocol::limits::ENVELOPE_TTL_MS;
use hms_protocol::peer::{Dispatch, Run};
use hms_protocol::task::{Outcome, Report, TaskResult};
use hms_protocol::time::Moment;
use hms_protocol::verdict::{Finding, Verdict};

use crate::sim::clock::Millis;
use hms_testnet::attack::Dice;

/// Skills that every agent has unless it is told otherwise.
pub const SKILLS: [&str; 5] = ["echo", "nap", "probe.web", "prove.sum", "verify.sum"];

/// One agent.
#[derive(Debug)]
pub struct Agent {
    /// Its id.
    pub id: AgentId,
    key: SecretKey,
    /// What it can do.
    pub skills: BTreeSet<SkillName>,
    /// How many tasks it runs at once.
    pub slots: u32,
    /// Whether it claims wrong results.
    pub lies: bool,
    /// Whether it accepts unseen what it is to check.
    pub is_lazy: bool,
}

/// The agents of one host, and what they are at.
#[derive(Debug)]
pub struct Crew {
    agents: BTreeMap<AgentId, Agent>,
    working: BTreeMap<Run, Work>,
    sequence: Sequence,
    dice: Dice,
    /// How agents behave; [`Temper::PLAIN`] leaves nothing to chance.
    pub temper: Temper,
}

/// How often work goes wrong, in thousandths.
#[derive(Clone, Copy, Debug)]
pub struct Temper {
    /// The skill cannot run here.
    pub unavailable_permille: u32,
    /// The skill says no.
    pub failure_permille: u32,
    /// Most time that short work takes, in milliseconds.
    pub work_ms: Millis,
}

impl Temper {
    /// Everything goes well and takes ten milliseconds.
    pub const PLAIN: Self = Self {
        unavailable_permille: 0,
        failure_permille: 0,
        work_ms: 10,
    };
}

/// A run under way.
#[derive(Debug)]
struct Work {
    agent: AgentId,
    comes_to: ComesTo,
}

/// What a run will have come to.
#[derive(Debug)]
enum ComesTo {
    Report(Report),
    Verdict(Verdict),
}

/// Where and when something is sealed.
#[derive(Clone, Copy, Debug)]
pub struct Seal {
    /// The mesh.
    pub mesh: MeshId,
    /// The host's life.
    pub incarnation: Incarnation,
    /// The host's clock.
    pub now: Moment,
}

impl Agent {
    /// An agent with a key made from its id.
    pub fn new(id: AgentId, skills: BTreeSet<SkillName>, slots: u32) -> Self {
        let seed = blake3::derive_key("hms/simulation/agent/v1", id.as_bytes());
        Self {
            id,
            key: SecretKey::from_seed(&seed),
            skills,
            slots,
            lies: false,
            is_lazy: false,
        }
    }
}

impl Crew {
    /// A host without agents.
    pub fn new(dice: Dice, temper: Temper) -> Self {
        Self {
            agents: BTreeMap::new(),
            working: BTreeMap::new(),
            sequence: Sequence::default(),
            dice,
            temper,
        }
    }

    /// Adds an agent, if it is not there yet.
    pub fn add(&mut self, agent: Agent) {
        self.agents.entry(agent.id).or_insert(agent);
    }

    /// Removes an agent for good.
    pub fn dismiss(&mut self, agent: AgentId) {
        self.agents.remove(&agent);
        self.working.retain(|_, work| work.agent != agent);
    }

    /// Every agent, by id.
    pub fn agents(&self) -> impl Iterator<Item = &Agent> {
        self.agents.values()
    }

    /// Makes an agent claim wrong results.
    pub fn corrupt(&mut self, agent: AgentId) {
        if let Some(agent) = self.agents.get_mut(&agent) {
            agent.lies = true;
        }
    }

    /// Makes an agent accept unseen what it is to check.
    pub fn slacken(&mut self, agent: AgentId) {
        if let Some(agent) = self.agents.get_mut(&agent) {
            agent.is_lazy = true;
        }
    }

    /// Agents that do not do their work.
    pub fn liars(&self) -> impl Iterator<Item = AgentId> {
        let liars = self
            .agents
            .values()
            .filter(|agent| agent.lies || agent.is_lazy);
        liars.map(|agent| agent.id)
    }

    /// An agent's certificate, signed by its host.
    pub fn certify(
        &self,
        agent: AgentId,
        mesh: MeshId,
        host: &SecretKey,
    ) -> Option<AgentCertificate> {
        let agent = self.agents.get(&agent)?;
        let draft = AgentDraft {
            agent: agent.id,
            key: agent.key.public(),
            skills: agent.skills.clone(),
            offers: BTreeSet::new(),
            slots: agent.slots,
            // The same for every life: an agent keeps its certificate.
            issued_at: Moment(1),
        };
        Some(draft.sign(mesh, host))
    }

    /// The host has lost its memory: nothing is under way any more.
    pub fn forget_work(&mut self) {
        self.working.clear();
    }

    /// Begins a run. Returns how long it takes, if the agent exists.
    pub fn begin(&mut self, order: Dispatch) -> Option<Millis> {
        let Agent { lies, is_lazy, .. } = *self.agents.get(&order.agent)?;
        let wanted_ms = self.duration_ms(&order);
        let run = order.run;
        let agent = order.agent;
        let late = order.limit_ms < wanted_ms;
        let comes_to = match run {
            Run::Attempt { task, attempt } => {
                let result = if late {
                    result(Outcome::Timeout, Vec::new())
                } else {
                    self.work(&order, lies)
                };
                ComesTo::Report(Report {
                    task,
                    attempt,
                    agent,
                    result,
                })
            }
            Run::Check {
                task,
                attempt,
                round,
                verifier,
            } => ComesTo::Verdict(Verdict {
                task,
                attempt,
                round,
                verifier,
                report_digest: order
                    .report
                    .as_ref()
                    .map_or(Hash::default(), Report::digest),
                finding: if is_lazy {
                    Finding::Accepted
                } else {
                    self.check(&order, late)
                },
            }),
        };
        self.working.insert(run, Work { agent, comes_to });
        Some(wanted_ms.min(order.limit_ms))
    }

    fn duration_ms(&mut self, order: &Dispatch) -> Millis {
        if order.skill.as_str() != "nap" {
            return self.dice.between(1, self.temper.work_ms);
        }
        // The input of a nap is its length; chance adds to it unless the host is plain.
        let length: Millis = String::from_utf8_lossy(&order.input)
            .parse()
            .unwrap_or(1_000);
        length + self.dice.between(0, self.temper.work_ms)
    }

    fn work(&mut self, order: &Dispatch, lies: bool) -> TaskResult {
        if self.dice.chance(self.temper.unavailable_permille) {
            return result(Outcome::Unavailable, Vec::new());
        }
        if self.dice.chance(self.temper.failure_permille) {
            return result(Outcome::Failure, Vec::new());
        }
        let output = if order.skill.as_str() == "prove.sum" {
            if lies {
                b"surely".to_vec()
            } else {
                proof(&order.input)
            }
        } else {
            order.input.clone()
        };
        result(Outcome::Success, output)
    }

    fn check(&mut self, order: &Dispatch, late: bool) -> Finding {
        let Some(report) = order.report.as_ref().filter(|_| !late) else {
            return Finding::Unavailable("out of time".to_owned());
        };
        if self.dice.chance(self.temper.unavailable_permille) {
            return Finding::Unavailable("the kernel is missing".to_owned());
        }
        if report.result.output == proof(&order.input) {
            Finding::Accepted
        } else {
            Finding::Rejected("the sum is wrong".to_owned())
        }
    }

    /// Stops a run.
    pub fn stop(&mut self, run: Run) {
        self.working.remove(&run);
    }

    /// Ends a run: what its agent seals. Nothing if it was stopped.
    pub fn finish(&mut self, run: Run, seal: Seal) -> Option<Sealed> {
        let work = self.working.remove(&run)?;
        let agent = self.agents.get(&work.agent)?;
        let (kind, body) = match &work.comes_to {
            ComesTo::Report(report) => (BodyKind::Report, codec::encode(report)),
            ComesTo::Verdict(verdict) => (BodyKind::Verdict, codec::encode(verdict)),
        };
        self.sequence = self.sequence.next();
        let header = Header {
            mesh: seal.mesh,
            sender: Sender::Agent(agent.id),
            audience: Audience::Ledger,
            incarnation: seal.incarnation,
            sequence: self.sequence,
            issued_at: seal.now,
            expires_at: seal.now.plus_ms(ENVELOPE_TTL_MS),
            kind,
            body_hash: Hash::default(),
        };
        Some(envelope::seal(header, body, &agent.key))
    }

    /// Runs under way, in order.
    pub fn working(&self) -> impl Iterator<Item = Run> {
        self.working.keys().copied()
    }
}

/// What proves a claim: its bytes backwards.
fn proof(claim: &[u8]) -> Vec<u8> {
    claim.iter().rev().copied().collect()
}

fn result(outcome: Outcome, output: Vec<u8>) -> TaskResult {
    TaskResult {
        outcome,
        output,
        stdout: String::new(),
        stderr: String::new(),
        trace: String::new(),
        duration_ms: 1,
    }
}
