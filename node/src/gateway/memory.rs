//! How large an agent's memory is: its own node knows, and the leader, who tells of the agent, asks there.
//!
//! The size is of the moment and nothing depends on it, so a node that does not answer in time costs only the figure.

use std::time::Duration;

use hms_proto::v1::{self as wire, call, reply};
use hms_protocol::id::{AgentId, NodeId};
use hms_protocol::refusal::Refusal;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::Hall;
use super::asker::encode_call;
use super::failure::Failure;
use super::redirect::Errand;
use super::rpc::pick;
use crate::limits::MEMORY_WEIGHED_WITHIN;
use crate::store::StoreError;

impl Hall {
    /// Adds the size of the memory to what is told of an agent, if its node says it.
    pub(super) async fn add_memory(&self, reply: &mut wire::GetAgentReply, errand: &Errand) {
        let Some(view) = reply.agent.as_mut().filter(|view| view.present) else {
            return;
        };
        let certificate = view
            .agent
            .as_ref()
            .and_then(|agent| agent.certificate.as_ref());
        let Some((host, agent)) = certificate.and_then(|certificate| {
            let host = NodeId::from_slice(&certificate.node)?;
            Some((host, AgentId::from_slice(&certificate.agent)?))
        }) else {
            return;
        };
        let left = errand
            .deadline
            .saturating_duration_since(crate::clock::instant());
        // Half of what is left: the rest of the answer must not be late for this.
        let within = MEMORY_WEIGHED_WITHIN.min(left / 2);
        let weighing = self.weigh(host, agent, errand, within);
        match timeout(within, weighing).await {
            Ok(Ok(weighed)) => view.memory_bytes = Some(weighed.bytes),
            Ok(Err(failure)) => {
                tracing::debug!(%agent, %host, code = failure.code(), "memory not weighed");
            }
            Err(_) => tracing::debug!(%agent, %host, "memory not weighed in time"),
        }
    }

    async fn weigh(
        &self,
        host: NodeId,
        agent: AgentId,
        errand: &Errand,
        within: Duration,
    ) -> Result<wire::WeighMemoryReply, Failure> {
        if host == self.me() {
            return pick(self.weigh_here(agent).await?);
        }
        let ask = call::Ask::WeighMemory(wire::WeighMemoryRequest {
            agent: agent.as_bytes().to_vec(),
        });
        let call = encode_call(errand.asker.clone(), within, ask);
        pick(self.call(host, call, within).await?.next().await?)
    }

    /// Says how large the memory of an agent of this node is.
    pub(super) async fn weigh_here(&self, agent: AgentId) -> Result<reply::Reply, Failure> {
        let shelf = self.agents.clone();
        let reading = spawn_blocking(move || {
            let hosted = shelf.has(agent)?;
            let bytes = shelf.read_memory(agent)?.len();
            Ok::<_, StoreError>(hosted.then_some(bytes))
        });
        let weighed = reading.await.map_err(|_| Failure::stopping())?;
        let bytes = weighed
            .map_err(|error| Failure::unreadable(&error))?
            .ok_or(Refusal::UnknownAgent { agent })?;
        let bytes = bytes as u64;
        Ok(reply::Reply::WeighMemory(wire::WeighMemoryReply { bytes }))
    }
}
