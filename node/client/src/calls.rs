//! One method per call of the mesh.

use std::collections::BTreeSet;

use hms_proto::v1 as wire;
use hms_protocol::agent::AgentCertificate;
use hms_protocol::codec::{self, Wire, field};
use hms_protocol::evidence::Exhibit;
use hms_protocol::id::{AgentId, NodeId, ServiceName, SkillName, TaskId};
use hms_protocol::receipt::Receipt;
use hms_protocol::service::{Service, ServiceSpec};
use hms_protocol::task::Task;

use crate::client::Client;
use crate::error::ClientError;
use crate::limits::PAGE;
use crate::reading;
use crate::submission::Submission;
use crate::view::{
    AgentView, Declared, EvidenceView, Explanation, NodeView, Page, Ping, SkillView, StatusView,
    Submitted, TaskQuery, TopicView,
};

/// A token of the wire, where none is the empty one.
fn token(token: Vec<u8>) -> Option<Vec<u8>> {
    (!token.is_empty()).then_some(token)
}

impl Client {
    /// Asks who is there: the node that answers, and the leader as it knows it.
    pub async fn ping(&self) -> Result<Ping, ClientError> {
        let asked = crate::clock::instant();
        let request = wire::PingRequest {};
        let reply = self
            .call(request, async |mut mesh, request| mesh.ping(request).await)
            .await?;
        Ok(Ping {
            took: asked.elapsed(),
            ..reading::ping(reply)?
        })
    }

    /// The mesh in one look.
    pub async fn status(&self) -> Result<StatusView, ClientError> {
        let request = wire::StatusRequest {};
        let reply = self
            .call(request, async |mut mesh, request| {
                mesh.status(request).await
            })
            .await?;
        Ok(reading::status(reply)?)
    }

    /// Submits work. Answered when the mesh cannot lose it any more.
    pub async fn submit(&self, submission: Submission) -> Result<Submitted, ClientError> {
        let request = submission.into_wire();
        let reply = self
            .call(request, async |mut mesh, request| {
                mesh.submit_task(request).await
            })
            .await?;
        Ok(reading::submitted(reply)?)
    }

    /// One task, with its history and its result.
    pub async fn task(&self, task: TaskId) -> Result<Task, ClientError> {
        let request = wire::GetTaskRequest {
            task: task.as_bytes().to_vec(),
        };
        let reply = self
            .call(request, async |mut mesh, request| {
                mesh.get_task(request).await
            })
            .await?;
        Ok(field::part("task", reply.task)?)
    }

    /// The receipt of a task. It is not checked here: [`Receipt::verify`] does that, with a genesis that the caller trusts.
    pub async fn receipt(&self, task: TaskId) -> Result<Receipt, ClientError> {
        let request = wire::GetReceiptRequest {
            task: task.as_bytes().to_vec(),
        };
        let reply = self
            .call(request, async |mut mesh, request| {
                mesh.get_receipt(request).await
            })
            .await?;
        Ok(codec::decode_exact(&reply.receipt)?)
    }

    /// The genesis of the mesh that answers, encoded: the content of a genesis file.
    pub async fn genesis(&self) -> Result<Vec<u8>, ClientError> {
        let request = wire::GetGenesisRequest {};
        let reply = self
            .call(request, async |mut mesh, request| {
                mesh.get_genesis(request).await
            })
            .await?;
        codec::origin::read(&reply.genesis)?;
        Ok(reply.genesis)
    }

    /// A page of the evidence that the ledger keeps: at most `page_size` pieces with a number below `before`, newest
    /// first.
    pub async fn evidence(
        &self,
        before: Option<u64>,
        page_size: u32,
    ) -> Result<(Vec<EvidenceView>, u64), ClientError> {
        let request = wire::ListEvidenceRequest {
            page_size,
            before: before.unwrap_or_default(),
        };
        let reply = self
            .call(request, async |mut mesh, request| {
                mesh.list_evidence(request).await
            })
            .await?;
        let pieces = reply.pieces.into_iter().map(reading::evidence);
        Ok((pieces.collect::<Result<_, _>>()?, reply.total))
    }

    /// One piece of evidence. It is not checked here: [`Exhibit::verify`] does that, for a mesh that the caller trusts to be
    /// the right one.
    pub async fn piece_of_evidence(
        &self,
        number: u64,
    ) -> Result<(EvidenceView, Exhibit), ClientError> {
        let request = wire::GetEvidenceRequest { number };
        let reply = self
            .call(request, async |mut mesh, request| {
                mesh.get_evidence(request).await
            })
            .await?;
        let view = reading::evidence(field::required("evidence.view", reply.view)?)?;
        Ok((view, codec::decode_exact(&reply.exhibit)?))
    }

    /// A page of tasks, newest first, without inputs and without the texts of results.
    pub async fn tasks(&self, query: TaskQuery) -> Result<Page<Task>, ClientError> {
        let filter = wire::TaskFilter {
            state: query.state,
            agent: query.agent.map(|agent| agent.as_bytes().to_vec()),
            skill: query.skill.map(|skill| skill.to_string()),
            since_ms: query.since.map(|since| since.0),
            until_ms: query.until.map(|until| until.0),
        };
        let request = wire::ListTasksRequest {
            filter: Some(filter),
            page_size: query.page_size,
            page_token: query.after.unwrap_or_default(),
        };
        let reply = self
            .call(request, async |mut mesh, request| {
                mesh.list_tasks(request).await
            })
            .await?;
        let entries = field::parts("tasks", reply.tasks, usize::MAX)?;
        Ok(Page {
            entries,
            total: reply.total,
            next: token(reply.next_page_token),
        })
    }

    /// Gives a task up. Giving it up twice is not an error.
    pub async fn cancel(&self, task: TaskId) -> Result<(), ClientError> {
        let request = wire::CancelTaskRequest {
            task: task.as_bytes().to_vec(),
        };
        self.call(request, async |mut mesh, request| {
            mesh.cancel_task(request).await
        })
        .await?;
        Ok(())
    }

    /// Why a task is where it is, with every candidate.
    pub async fn explain(&self, task: TaskId) -> Result<Explanation, ClientError> {
        let request = wire::ExplainTaskRequest {
            task: task.as_bytes().to_vec(),
        };
        let reply = self
            .call(request, async |mut mesh, request| {
                mesh.explain_task(request).await
            })
            .await?;
        Ok(reading::explanation(reply)?)
    }

    /// A page of agents, by id.
    pub async fn agents_page(
        &self,
        node: Option<NodeId>,
        after: Option<Vec<u8>>,
        page_size: u32,
    ) -> Result<Page<AgentView>, ClientError> {
        let request = wire::ListAgentsRequest {
            node: node
                .map(|node| node.as_bytes().to_vec())
                .unwrap_or_default(),
            page_size,
            page_token: after.unwrap_or_default(),
        };
        let reply = self
            .call(request, async |mut mesh, request| {
                mesh.list_agents(request).await
            })
            .await?;
        let entries = field::list("agents", reply.agents, usize::MAX, reading::agent)?;
        Ok(Page {
            entries,
            total: reply.total,
            next: token(reply.next_page_token),
        })
    }

    /// Every agent, or every agent of one node.
    pub async fn agents(&self, node: Option<NodeId>) -> Result<Vec<AgentView>, ClientError> {
        let mut agents = Vec::new();
        let mut after = None;
        loop {
            let page = self.agents_page(node, after, PAGE).await?;
            agents.extend(page.entries);
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(agents),
            }
        }
    }

    /// One agent and what it is doing.
    pub async fn agent(&self, agent: AgentId) -> Result<AgentView, ClientError> {
        let request = wire::GetAgentRequest {
            agent: agent.as_bytes().to_vec(),
        };
        let reply = self
            .call(request, async |mut mesh, request| {
                mesh.get_agent(request).await
            })
            .await?;
        Ok(reading::agent(field::required("agent", reply.agent)?)?)
    }

    /// Brings up an agent, on the least loaded node unless one is named, with all that the node can unless skills are
    /// named. Answered when the mesh knows it.
    pub async fn spawn(
        &self,
        node: Option<NodeId>,
        skills: BTreeSet<SkillName>,
        slots: u32,
    ) -> Result<AgentCertificate, ClientError> {
        let request = wire::SpawnAgentRequest {
            // Made here, so that a call that is repeated on its way is one agent.
            agent: uuid::Uuid::new_v4().as_bytes().to_vec(),
            node: node
                .map(|node| node.as_bytes().to_vec())
                .unwrap_or_default(),
            skills: skills.iter().map(ToString::to_string).collect(),
            slots,
        };
        let reply = self
            .call(request, async |mut mesh, request| {
                mesh.spawn_agent(request).await
            })
            .await?;
        Ok(field::part("spawned.certificate", reply.certificate)?)
    }

    /// Stops an agent for good.
    pub async fn stop(&self, agent: AgentId) -> Result<(), ClientError> {
        let request = wire::StopAgentRequest {
            agent: agent.as_bytes().to_vec(),
        };
        self.call(request, async |mut mesh, request| {
            mesh.stop_agent(request).await
        })
        .await?;
        Ok(())
    }

    /// Every member and its condition.
    pub async fn nodes(&self) -> Result<Vec<NodeView>, ClientError> {
        let request = wire::ListNodesRequest {};
        let reply = self
            .call(request, async |mut mesh, request| {
                mesh.list_nodes(request).await
            })
            .await?;
        Ok(field::list(
            "nodes",
            reply.nodes,
            usize::MAX,
            reading::node,
        )?)
    }

    /// Every skill that an enrolled agent has, and where.
    pub async fn skills(&self) -> Result<Vec<SkillView>, ClientError> {
        let request = wire::ListSkillsRequest {};
        let reply = self
            .call(request, async |mut mesh, request| {
                mesh.list_skills(request).await
            })
            .await?;
        Ok(field::list(
            "skills",
            reply.skills,
            usize::MAX,
            reading::skill,
        )?)
    }

    /// The gossip topics of the node that answers.
    pub async fn topics(&self) -> Result<Vec<TopicView>, ClientError> {
        let request = wire::ListTopicsRequest {};
        let reply = self
            .call(request, async |mut mesh, request| {
                mesh.list_topics(request).await
            })
            .await?;
        Ok(reply.topics.into_iter().map(reading::topic).collect())
    }

    /// Every watched service with its health, without histories.
    pub async fn services(&self) -> Result<Vec<Service>, ClientError> {
        let mut services = Vec::new();
        let mut page_token = String::new();
        loop {
            let request = wire::ListServicesRequest {
                page_size: PAGE,
                page_token,
            };
            let reply = self
                .call(request, async |mut mesh, request| {
                    mesh.list_services(request).await
                })
                .await?;
            services.extend(field::parts::<Service>(
                "services",
                reply.services,
                usize::MAX,
            )?);
            if reply.next_page_token.is_empty() {
                return Ok(services);
            }
            page_token = reply.next_page_token;
        }
    }

    /// One service with its history.
    pub async fn service(&self, service: &ServiceName) -> Result<Service, ClientError> {
        let request = wire::GetServiceRequest {
            service: service.to_string(),
        };
        let reply = self
            .call(request, async |mut mesh, request| {
                mesh.get_service(request).await
            })
            .await?;
        Ok(field::part("service", reply.service)?)
    }

    /// Declares services, or only tells what would change.
    pub async fn declare(
        &self,
        services: &[ServiceSpec],
        dry_run: bool,
    ) -> Result<Vec<Declared>, ClientError> {
        let services = services.iter().map(Wire::to_wire).collect();
        let request = wire::DeclareServicesRequest { services, dry_run };
        let reply = self
            .call(request, async |mut mesh, request| {
                mesh.declare_services(request).await
            })
            .await?;
        Ok(field::list(
            "declared",
            reply.services,
            usize::MAX,
            reading::declared,
        )?)
    }

    /// Stops watching a service and forgets it.
    pub async fn withdraw(&self, service: &ServiceName) -> Result<(), ClientError> {
        let request = wire::WithdrawServiceRequest {
            service: service.to_string(),
        };
        self.call(request, async |mut mesh, request| {
            mesh.withdraw_service(request).await
        })
        .await?;
        Ok(())
    }
}
