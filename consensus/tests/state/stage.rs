//! A small mesh on paper: a state, the keys of its nodes and agents, and a clock that the test moves.
//!
//! It seals what agents say as agents do. It asserts nothing: that is for the tests.

use std::collections::{BTreeMap, BTreeSet};

use hms_consensus::input::Admission;
use hms_consensus::state::command::{Batch, Command};
use hms_consensus::state::{Applied, Change, State};
use hms_protocol::agent::AgentDraft;
use hms_protocol::codec::{self, envelope};
use hms_protocol::digest::Hash;
use hms_protocol::envelope::{Audience, BodyKind, Header, Sealed, Sender};
use hms_protocol::genesis::{Founding, Genesis};
use hms_protocol::id::{AgentId, Incarnation, NodeId, Sequence, TaskId};
use hms_protocol::keyring::SecretKey;
use hms_protocol::member::Role;
use hms_protocol::refusal::Refusal;
use hms_protocol::task::{Outcome, Report, TaskKind, TaskResult, TaskSpec};
use hms_protocol::time::Moment;
use hms_protocol::token::{Invitation, TOKEN_TTL_MS};
use hms_protocol::trust::Trust;
use hms_protocol::verdict::{Finding, Verdict, Verification};

/// When the mesh was founded.
pub(crate) const FOUNDED: Moment = Moment(1_700_000_000_000);

/// How long a voter may be lost.
pub(crate) const REPLACE_AFTER_MS: u64 = 60_000;

/// The base that proofs need and provers offer.
pub(crate) const BASE: &str = "base=set";

pub(crate) struct Stage {
    pub(crate) state: State,
    pub(crate) now: Moment,
    nodes: Vec<SecretKey>,
    agents: BTreeMap<AgentId, SecretKey>,
}

impl Stage {
    /// A mesh of so many nodes, `n1` the founder.
    pub(crate) fn new(nodes: u8) -> Self {
        let founder = node_key(1);
        let mut stage = Self {
            state: State::genesis(&genesis(7)),
            now: FOUNDED,
            nodes: vec![founder],
            agents: BTreeMap::new(),
        };
        for number in 2..=nodes {
            stage.nodes.push(node_key(number));
            let admission = stage.invited(
                number,
                if number <= 3 {
                    Role::Voter
                } else {
                    Role::Worker
                },
            );
            stage.must(Command::Admit(admission));
        }
        for number in 1..=nodes {
            stage.must(greet(number, 1));
        }
        stage
    }

    /// A node that the operator has invited, as so much, for an hour.
    pub(crate) fn invited(&self, number: u8, role: Role) -> Admission {
        let (mesh, ends) = (self.state.mesh(), self.now.plus_ms(TOKEN_TTL_MS));
        let invitation = Invitation::new(&operator_key(), mesh, role, ends, &[number; 32]);
        Admission {
            proof: Some(invitation.prove(node_id(number))),
            ..admission(number)
        }
    }

    /// Applies commands as one batch.
    pub(crate) fn apply(&mut self, commands: Vec<Command>) -> Applied {
        for command in &commands {
            hms_consensus::state::codec::check(command).expect("commands can be read back");
        }
        let index = self.state.applied().next();
        let batch = Batch {
            stamped_at: self.now,
            commands,
        };
        self.state.apply(index, &batch)
    }

    /// Applies one command.
    pub(crate) fn decide(&mut self, command: Command) -> Result<Change, Refusal> {
        let mut applied = self.apply(vec![command]);
        applied.outcomes.pop().expect("one command has one outcome")
    }

    /// Applies one command that is not refused.
    pub(crate) fn must(&mut self, command: Command) -> Change {
        let shown = format!("{command:?}");
        self.decide(command)
            .unwrap_or_else(|refusal| panic!("{shown}: {refusal}"))
    }

    /// Enrols an agent on a node; its number makes its id and key.
    pub(crate) fn enrol(&mut self, node: u8, number: u8, skills: &[&str], slots: u32) -> AgentId {
        let command = Command::Enrol(vec![self.certificate(node, number, skills, slots)]);
        self.must(command);
        agent_id(number)
    }

    /// The certificate of an agent.
    pub(crate) fn certificate(
        &mut self,
        node: u8,
        number: u8,
        skills: &[&str],
        slots: u32,
    ) -> hms_protocol::agent::AgentCertificate {
        let key = SecretKey::from_seed(&[100 + number; 32]);
        let draft = AgentDraft {
            agent: agent_id(number),
            key: key.public(),
            skills: skills.iter().map(|skill| skill.parse().unwrap()).collect(),
            offers: BTreeSet::from([BASE.to_owned()]),
            slots,
            issued_at: self.now,
        };
        self.agents.insert(agent_id(number), key);
        draft.sign(self.state.mesh(), &self.nodes[usize::from(node) - 1])
    }

    /// Whether the test holds this agent's key.
    pub(crate) fn enrolled_key(&self, agent: AgentId) -> Option<()> {
        self.agents.get(&agent).map(|_| ())
    }

    /// An agent's sealed report.
    pub(crate) fn report(
        &self,
        task: u8,
        attempt: u32,
        agent: AgentId,
        outcome: Outcome,
    ) -> Command {
        let report = report(task, attempt, agent, outcome);
        let body = codec::encode(&report);
        Command::Report(self.seal(agent, BodyKind::Report, body))
    }

    /// A verifier's sealed verdict on the newest report.
    pub(crate) fn verdict(
        &self,
        task: u8,
        round: u32,
        verifier: AgentId,
        finding: Finding,
    ) -> Command {
        let record = self
            .state
            .ledger()
            .task(task_id(task))
            .expect("the task is there");
        let report = record.result.as_ref().expect("a result is in");
        let verdict = Verdict {
            task: record.id,
            attempt: report.attempt,
            round,
            verifier,
            report_digest: report.digest(),
            finding,
        };
        Command::Judge(self.seal(verifier, BodyKind::Verdict, codec::encode(&verdict)))
    }

    /// What an agent seals for the ledger.
    pub(crate) fn seal(&self, agent: AgentId, kind: BodyKind, body: Vec<u8>) -> Sealed {
        let header = Header {
            mesh: self.state.mesh(),
            sender: Sender::Agent(agent),
            audience: Audience::Ledger,
            incarnation: Incarnation(1),
            sequence: Sequence(1),
            issued_at: self.now,
            expires_at: self.now.plus_ms(1_000),
            kind,
            body_hash: Hash::default(),
        };
        envelope::seal(header, body, &self.agents[&agent])
    }

    /// Whoever was drawn to check a task's result.
    pub(crate) fn drawn(&self, task: u8) -> Vec<(AgentId, NodeId)> {
        let record = self
            .state
            .ledger()
            .task(task_id(task))
            .expect("the task is there");
        record
            .round
            .as_ref()
            .expect("verifiers were drawn")
            .drawn
            .clone()
    }

    /// The name of a task's state.
    pub(crate) fn standing(&self, task: u8) -> &'static str {
        self.state
            .ledger()
            .task(task_id(task))
            .expect("the task is there")
            .state
            .name()
    }

    /// The names of the states that a task went through.
    pub(crate) fn history(&self, task: u8) -> Vec<&'static str> {
        let record = self
            .state
            .ledger()
            .task(task_id(task))
            .expect("the task is there");
        record
            .history
            .iter()
            .map(|step| step.state.name())
            .collect()
    }
}

/// The genesis of the mesh that `n1` founds.
pub(crate) fn genesis(salt: u8) -> Genesis {
    let founding = Founding {
        operator: operator_key().public(),
        founder: node_id(1),
        name: "n1".parse().unwrap(),
        voters_wanted: 3,
        replace_voter_after_ms: REPLACE_AFTER_MS,
        trust: Trust::Byzantine,
        founded_at: FOUNDED,
        salt: [salt; 32],
    };
    founding.sign(&operator_key()).unwrap()
}

pub(crate) fn operator_key() -> SecretKey {
    SecretKey::from_seed(&[200; 32])
}

pub(crate) fn node_key(number: u8) -> SecretKey {
    SecretKey::from_seed(&[number; 32])
}

pub(crate) fn node_id(number: u8) -> NodeId {
    node_key(number).public().into()
}

pub(crate) fn agent_id(number: u8) -> AgentId {
    AgentId::from_bytes([number; 16])
}

pub(crate) fn task_id(number: u8) -> TaskId {
    TaskId::from_bytes([number; 16])
}

pub(crate) fn admission(number: u8) -> Admission {
    Admission {
        id: node_id(number),
        name: format!("n{number}").parse().unwrap(),
        role: None,
        addresses: vec![format!("/ip4/127.0.0.1/tcp/{}", 7_000 + u16::from(number))],
        gateway: format!("127.0.0.1:{}", 8_000 + u16::from(number)),
        proof: None,
    }
}

pub(crate) fn greet(node: u8, incarnation: u64) -> Command {
    Command::Greet {
        node: node_id(node),
        incarnation: Incarnation(incarnation),
    }
}

pub(crate) fn lose(node: u8, incarnation: u64) -> Command {
    Command::Lose {
        node: node_id(node),
        incarnation: Incarnation(incarnation),
    }
}

/// A task that any agent with the skill can do.
pub(crate) fn spec(skill: &str) -> TaskSpec {
    TaskSpec {
        kind: TaskKind::Work,
        skill: skill.parse().unwrap(),
        input: b"hello".to_vec(),
        deadline: FOUNDED.plus_ms(600_000),
        attempt_ms: 10_000,
        attempts_max: 2,
        priority: 0,
        idempotency_key: None,
        needs: BTreeSet::new(),
        labels: BTreeMap::new(),
        verification: Verification::Reported,
    }
}

/// A theorem over a base.
pub(crate) fn proof_spec() -> TaskSpec {
    TaskSpec {
        kind: TaskKind::Proof,
        verification: Verification::Kernel,
        needs: BTreeSet::from([BASE.to_owned()]),
        ..spec("prove.metamath")
    }
}

pub(crate) fn submit(task: u8, spec: TaskSpec) -> Command {
    Command::Submit {
        task: task_id(task),
        spec,
        via: node_id(1),
    }
}

pub(crate) fn assign(task: u8, attempt: u32, agent: AgentId) -> Command {
    Command::Assign {
        task: task_id(task),
        attempt,
        agent,
    }
}

pub(crate) fn report(task: u8, attempt: u32, agent: AgentId, outcome: Outcome) -> Report {
    Report {
        task: task_id(task),
        attempt,
        agent,
        result: TaskResult {
            outcome,
            output: b"done".to_vec(),
            stdout: String::new(),
            stderr: String::new(),
            trace: String::new(),
            duration_ms: 3,
        },
    }
}
