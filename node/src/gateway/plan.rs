//! The service `agent.SupervisorService`: the four calls of the plan's protocol (its Appendix A), told in the mesh's own.
//!
//! A proof task becomes a task of the skill `prove.metamath` unless `metadata["skill"]` names another. The keys of
//! `metadata` that are read: `skill`, `base` (the database's digest; `axiom_deps[0]` likewise), `deadline_ms` (since the
//! Unix epoch), `within_ms`, `attempt_ms`, `attempts`, `priority`, `idempotency_key`. All others are labels.

use std::str::FromStr;
use std::sync::Arc;

use hms_proto::agent::supervisor_service_server::SupervisorService;
use hms_proto::agent::{self, TaskStatusRequest, TaskStatusResponse};
use hms_proto::v1::{self as wire, call};
use hms_protocol::codec::{self, CodecError, Wire as _, field};
use hms_protocol::digest::Hash;
use hms_protocol::id::{IdError, NodeId, NodeName, TaskId};
use hms_protocol::member::Role;
use hms_protocol::proof::{Claim, database_offer};
use hms_protocol::refusal::Refusal;
use hms_protocol::task::Task;
use tokio::time::Instant;
use tonic::{Request, Response, Status};

use super::Hall;
use super::asker::Asker;
use super::failure::Failure;
use super::life::task_status;
use super::redirect::Errand;
use super::rpc::{Picked, pick};
use super::submit::{complete, new_agent_id};
use super::visit::Visit;

/// The prover of proof tasks that name no other.
const DEFAULT_PROVER: &str = "prove.metamath";

/// The label that keeps the theorem's name for people.
pub(super) const THEOREM_LABEL: &str = "theorem";

/// The plan's face of the gateway.
#[derive(Clone)]
pub(super) struct PlanFace {
    hall: Arc<Hall>,
}

impl PlanFace {
    pub(super) fn new(hall: Arc<Hall>) -> Self {
        Self { hall }
    }

    fn visit<Q>(&self, method: &'static str, request: &Request<Q>) -> Visit {
        let headers = (request.metadata(), request.extensions());
        Visit::begin(&self.hall, method, headers)
    }
}

#[tonic::async_trait]
impl SupervisorService for PlanFace {
    async fn ping(
        &self,
        request: Request<agent::PingRequest>,
    ) -> Result<Response<agent::PingResponse>, Status> {
        let visit = self.visit("plan_ping", &request);
        visit
            .attend(&self.hall, async { Ok(self.hall.plan_ping()) })
            .await
    }

    async fn spawn_agent(
        &self,
        request: Request<agent::SpawnAgentRequest>,
    ) -> Result<Response<agent::SpawnAgentResponse>, Status> {
        let visit = self.visit("plan_spawn_agent", &request);
        let (asker, deadline) = (visit.asker.clone(), visit.deadline());
        let work = self.hall.plan_spawn(request.into_inner(), asker, deadline);
        visit.attend(&self.hall, work).await
    }

    async fn submit_proof_task(
        &self,
        request: Request<agent::AgentTask>,
    ) -> Result<Response<TaskStatusResponse>, Status> {
        let visit = self.visit("plan_submit_proof_task", &request);
        let (asker, deadline) = (visit.asker.clone(), visit.deadline());
        let work = self.hall.plan_submit(request.into_inner(), asker, deadline);
        visit.attend(&self.hall, work).await
    }

    async fn query_task_status(
        &self,
        request: Request<TaskStatusRequest>,
    ) -> Result<Response<TaskStatusResponse>, Status> {
        let visit = self.visit("plan_query_task_status", &request);
        let (asker, deadline) = (visit.asker.clone(), visit.deadline());
        let work = async {
            let task = named::<TaskId>("task_id", &request.get_ref().task_id)?;
            visit.about(Some(task));
            Ok(task_status(
                &self.hall.find_task(task, asker, deadline).await?,
            ))
        };
        let outcome = work.await;
        visit.attend(&self.hall, async { outcome }).await
    }
}

impl Hall {
    async fn plan_errand<T: Picked>(
        self: &Arc<Self>,
        ask: call::Ask,
        asker: Asker,
        deadline: Instant,
    ) -> Result<T, Failure> {
        pick(self.settle(&Errand::new(asker, ask, deadline)?).await?)
    }

    /// Reads one task of the ledger.
    pub(super) async fn find_task(
        self: &Arc<Self>,
        task: TaskId,
        asker: Asker,
        deadline: Instant,
    ) -> Result<Task, Failure> {
        let ask = call::Ask::GetTask(wire::GetTaskRequest {
            task: task.as_bytes().to_vec(),
        });
        let reply: wire::GetTaskReply = self.plan_errand(ask, asker, deadline).await?;
        Ok(field::part("task", reply.task).map_err(Refusal::from)?)
    }

    fn plan_ping(&self) -> agent::PingResponse {
        let ping = self.ping();
        let role = match self.profile.role {
            Role::Voter => "voter",
            Role::Worker => "worker",
        };
        agent::PingResponse {
            version: ping.version,
            node: self.me().to_string(),
            leader: self
                .compass
                .heading()
                .leader
                .map_or_else(String::new, |leader| leader.to_string()),
            term: ping.term,
            role: role.to_owned(),
            mesh: self.profile.mesh.to_string(),
            node_name: ping.name,
        }
    }

    async fn plan_spawn(
        self: &Arc<Self>,
        request: agent::SpawnAgentRequest,
        asker: Asker,
        deadline: Instant,
    ) -> Result<agent::SpawnAgentResponse, Failure> {
        let agent = match request.agent_id.as_str() {
            "" => new_agent_id(),
            given => named("agent_id", given)?,
        };
        let node = self.node_called(&request.node)?;
        let ask = call::Ask::Spawn(wire::SpawnAgentRequest {
            agent: agent.as_bytes().to_vec(),
            node: node
                .map(|node| node.as_bytes().to_vec())
                .unwrap_or_default(),
            skills: request.skills,
            slots: request.slots,
        });
        let reply: wire::SpawnAgentReply = self.plan_errand(ask, asker, deadline).await?;
        let certificate = reply.certificate.unwrap_or_default();
        Ok(agent::SpawnAgentResponse {
            agent_id: agent.to_string(),
            node: hex::encode(certificate.node),
            skills: certificate.skills,
            slots: certificate.slots,
            public_key: certificate.key,
        })
    }

    /// The member that an id or a name means; `None` for no text at all.
    fn node_called(&self, text: &str) -> Result<Option<NodeId>, Refusal> {
        if text.is_empty() {
            return Ok(None);
        }
        if let Ok(id) = text.parse() {
            return Ok(Some(id));
        }
        let name: NodeName = named("node", text)?;
        let found = self.roster.named(&name);
        let reason = || Refusal::Invalid {
            field: "node",
            reason: format!("no member is called {name}"),
        };
        found.ok_or_else(reason).map(Some)
    }

    async fn plan_submit(
        self: &Arc<Self>,
        task: agent::AgentTask,
        asker: Asker,
        deadline: Instant,
    ) -> Result<TaskStatusResponse, Failure> {
        let submission = submission(task)?;
        let submit = complete(submission, self.me(), self.clock.now());
        let ask = call::Ask::Submit(submit);
        let reply: wire::SubmitTaskReply = self.plan_errand(ask, asker.clone(), deadline).await?;
        let task = field::task_id("submit.task", &reply.task).map_err(Refusal::from)?;
        Ok(task_status(&self.find_task(task, asker, deadline).await?))
    }
}

/// A proof task of the plan as a submission to the mesh.
fn submission(task: agent::AgentTask) -> Result<wire::SubmitTaskRequest, Refusal> {
    let mut metadata = task.metadata;
    let skill = metadata
        .remove("skill")
        .unwrap_or_else(|| DEFAULT_PROVER.to_owned());
    let base = metadata
        .remove("base")
        .or_else(|| task.axiom_deps.into_iter().next());
    let number = |text: Option<String>, field| -> Result<u64, Refusal> {
        let Some(text) = text else { return Ok(0) };
        let reason = || Refusal::Invalid {
            field,
            reason: format!("{text:?} is not a number"),
        };
        text.parse().map_err(|_| reason())
    };
    let mut spec = wire::TaskSpec {
        kind: wire::TaskKind::Proof.into(),
        deadline_ms: number(metadata.remove("deadline_ms"), "metadata.deadline_ms")?,
        attempt_ms: number(metadata.remove("attempt_ms"), "metadata.attempt_ms")?,
        idempotency_key: metadata.remove("idempotency_key"),
        ..wire::TaskSpec::default()
    };
    let attempts = number(metadata.remove("attempts"), "metadata.attempts")?;
    spec.attempts_max = u32::try_from(attempts).unwrap_or(u32::MAX);
    let priority = number(metadata.remove("priority"), "metadata.priority")?;
    spec.priority = u32::try_from(priority).unwrap_or(u32::MAX);
    let within_ms = number(metadata.remove("within_ms"), "metadata.within_ms")?;
    spec.input = if skill == DEFAULT_PROVER {
        let base = database_digest(base)?;
        spec.needs.push(database_offer(base));
        claim(base, &task.theorem_id, task.lean_expr)?
    } else {
        task.lean_expr
    };
    if !task.theorem_id.is_empty() {
        metadata.insert(THEOREM_LABEL.to_owned(), task.theorem_id);
    }
    spec.skill = skill;
    spec.labels = metadata;
    let task = match task.task_id.as_str() {
        "" => Vec::new(),
        given => named::<TaskId>("task_id", given)?.as_bytes().to_vec(),
    };
    Ok(wire::SubmitTaskRequest {
        task,
        spec: Some(spec),
        within_ms,
    })
}

fn database_digest(base: Option<String>) -> Result<Hash, Refusal> {
    let invalid = |reason: String| Refusal::Invalid {
        field: "metadata.base",
        reason,
    };
    let base = base.ok_or_else(|| invalid("name the database by its digest".to_owned()))?;
    Hash::from_hex(&base).ok_or_else(|| invalid("a digest has 64 hexadecimal digits".to_owned()))
}

fn claim(base: Hash, label: &str, submission: Vec<u8>) -> Result<Vec<u8>, Refusal> {
    let submission = String::from_utf8(submission).map_err(|_| Refusal::Invalid {
        field: "lean_expr",
        reason: "a Metamath text is ASCII".to_owned(),
    })?;
    let claim = Claim {
        base,
        label: label.to_owned(),
        submission,
    };
    // Its bounds are checked here: what the ledger sees is only bytes.
    let checked = Claim::from_wire(claim.to_wire())?;
    Ok(codec::encode(&checked))
}

/// Reads an identifier or a name that a client has written.
fn named<T: FromStr<Err = IdError>>(field: &'static str, text: &str) -> Result<T, Refusal> {
    field::name(field, text).map_err(|error: CodecError| error.into())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn proof(metadata: &[(&str, &str)]) -> agent::AgentTask {
        agent::AgentTask {
            theorem_id: "id".to_owned(),
            lean_expr: b"id $p |- ( ph -> ph ) $= ? $.".to_vec(),
            metadata: metadata
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect(),
            ..agent::AgentTask::default()
        }
    }

    #[test]
    fn a_proof_task_is_a_claim_over_a_base_that_its_agent_must_hold() {
        let base = Hash::from_bytes([9; 32]);
        let digest = base.to_string();
        let task = proof(&[
            ("base", &digest),
            ("attempts", "2"),
            ("within_ms", "500"),
            ("who", "me"),
        ]);
        let request = submission(task).unwrap();
        let spec = request.spec.unwrap();
        assert_eq!(
            (spec.skill.as_str(), spec.attempts_max, request.within_ms),
            (DEFAULT_PROVER, 2, 500)
        );
        assert_eq!(spec.needs, [database_offer(base)]);
        let labels = BTreeMap::from([
            (THEOREM_LABEL.to_owned(), "id".to_owned()),
            ("who".to_owned(), "me".to_owned()),
        ]);
        assert_eq!(spec.labels, labels);
        let claim: Claim = codec::decode(&spec.input).unwrap();
        assert_eq!((claim.base, claim.label.as_str()), (base, "id"));
    }

    #[test]
    fn another_skill_gets_the_text_as_it_is() {
        let spec = submission(proof(&[("skill", "prove.lean")]))
            .unwrap()
            .spec
            .unwrap();
        assert_eq!(
            (spec.skill.as_str(), &spec.input[..5]),
            ("prove.lean", b"id $p".as_slice())
        );
    }

    #[test]
    fn a_proof_task_without_a_base_or_with_a_bad_number_is_refused_by_field() {
        for (metadata, field) in [
            (vec![], "metadata.base"),
            (vec![("base", "12")], "metadata.base"),
            (
                vec![("skill", "prove.x"), ("priority", "high")],
                "metadata.priority",
            ),
        ] {
            let Err(Refusal::Invalid { field: named, .. }) = submission(proof(&metadata)) else {
                panic!("{field} was accepted")
            };
            assert_eq!(named, field);
        }
    }
}
