//! The service `hms.v1.Mesh`: one method per call, each a line that says what it asks.
//!
//! How a call finds the one who can answer is `redirect.rs`; what a client may leave open is settled in `submit.rs`.

use std::pin::Pin;
use std::sync::Arc;

use futures::stream::{Stream, StreamExt as _, TryStreamExt as _};
use hms_proto::agent;
use hms_proto::v1::mesh_server::Mesh;
use hms_proto::v1::{self as wire, call, reply};
use hms_protocol::codec::WireEnum as _;
use tonic::{Request, Response, Status};

use super::call::{Ask, Watch, method, read, task_of};
use super::failure::Failure;
use super::redirect::Errand;
use super::submit::{complete, new_agent_id};
use super::visit::Visit;
use super::{Hall, staleness};

/// What every method gives back.
type Answered<T> = Result<Response<T>, Status>;

/// A stream of replies to one client.
type Streamed<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// The tonic face of the gateway.
#[derive(Clone)]
pub(super) struct MeshFace {
    hall: Arc<Hall>,
}

/// A reply of one kind, taken out of all that a reply may be.
pub(super) trait Picked: Sized {
    /// The reply if it is of this kind.
    fn pick(reply: reply::Reply) -> Option<Self>;
}

macro_rules! picked {
    ($($variant:ident: $reply:ident),+ $(,)?) => {
        $(
            impl Picked for wire::$reply {
                fn pick(reply: reply::Reply) -> Option<Self> {
                    if let reply::Reply::$variant(reply) = reply { Some(reply) } else { None }
                }
            }
        )+
    };
}

picked!(
    Submit: SubmitTaskReply,
    Cancel: CancelTaskReply,
    Spawn: SpawnAgentReply,
    Stop: StopAgentReply,
    Declare: DeclareReply,
    Withdraw: WithdrawServiceReply,
    GetTask: GetTaskReply,
    ListTasks: ListTasksReply,
    Explain: ExplainTaskReply,
    ListAgents: ListAgentsReply,
    GetAgent: GetAgentReply,
    ListNodes: ListNodesReply,
    ListServices: ListServicesReply,
    GetService: GetServiceReply,
    ListSkills: ListSkillsReply,
    Status: StatusReply,
    WatchTask: WatchTaskReply,
    WatchEvents: WatchEventsReply,
    ReadLedger: ReadLedgerReply,
    SaveSnapshot: SaveSnapshotReply,
    WeighMemory: WeighMemoryReply,
    GetReceipt: GetReceiptReply,
    GetGenesis: GetGenesisReply,
    ListEvidence: ListEvidenceReply,
    GetEvidence: GetEvidenceReply,
    Operate: OperateReply,
);

/// The reply if it is of the kind that was asked for.
pub(super) fn pick<T: Picked>(reply: reply::Reply) -> Result<T, Failure> {
    T::pick(reply).ok_or_else(|| Failure::malformed("the leader answered another question"))
}

impl MeshFace {
    pub(super) fn new(hall: Arc<Hall>) -> Self {
        Self { hall }
    }

    /// A call with one answer.
    async fn once<Q, T: Picked>(
        &self,
        request: Request<Q>,
        ask: impl FnOnce(Q) -> call::Ask,
    ) -> Answered<T> {
        let (metadata, extensions, request) = request.into_parts();
        let ask = ask(request);
        let visit = Visit::begin(&self.hall, method(&ask), (&metadata, &extensions));
        visit.about(task_of(&ask));
        let errand = Errand::new(visit.asker.clone(), ask, visit.deadline());
        let mut stale = None;
        let work = async {
            let settled = self.hall.conclude(&errand?).await?;
            stale = settled.stale;
            pick(settled.reply)
        };
        let mut response = visit.attend(&self.hall, work).await?;
        if let Some(staleness) = stale {
            staleness::mark(&mut response, &staleness);
        }
        Ok(response)
    }

    /// A call with many.
    async fn watch<Q, T: Picked + Send + 'static>(
        &self,
        request: Request<Q>,
        ask: impl FnOnce(Q) -> call::Ask,
    ) -> Answered<Streamed<T>> {
        let (metadata, extensions, request) = request.into_parts();
        let ask = ask(request);
        let visit = Visit::begin(&self.hall, method(&ask), (&metadata, &extensions));
        visit.about(task_of(&ask));
        let (asker, deadline) = (visit.asker.clone(), visit.watch_deadline());
        let work = async {
            let watch = watched(ask)?;
            let replies = self.hall.follow(watch, asker, deadline);
            let replies = replies.map(|reply| reply.and_then(pick).map_err(Status::from));
            Ok(replies.boxed())
        };
        visit.attend(&self.hall, work).await
    }
}

/// Reads a call that is a watch.
pub(super) fn watched(ask: call::Ask) -> Result<Watch, Failure> {
    match read(ask)? {
        Ask::Watch(watch) => Ok(watch),
        Ask::Once(_) | Ask::Weigh(_) => Err(Failure::malformed("not something to watch")),
    }
}

#[tonic::async_trait]
impl Mesh for MeshFace {
    type WatchTaskStream = Streamed<wire::WatchTaskReply>;
    type WatchEventsStream = Streamed<wire::WatchEventsReply>;
    type ReadLedgerStream = Streamed<wire::ReadLedgerReply>;
    type SaveSnapshotStream = Streamed<wire::SaveSnapshotReply>;
    type StreamTaskEventsStream = Streamed<agent::AgentEvent>;

    async fn ping(&self, _request: Request<wire::PingRequest>) -> Answered<wire::PingReply> {
        Ok(Response::new(self.hall.ping()))
    }

    async fn submit_task(
        &self,
        request: Request<wire::SubmitTaskRequest>,
    ) -> Answered<wire::SubmitTaskReply> {
        let now = self.hall.clock.now();
        let submit = |request| call::Ask::Submit(complete(request, self.hall.me(), now));
        self.once(request, submit).await
    }

    async fn spawn_agent(
        &self,
        request: Request<wire::SpawnAgentRequest>,
    ) -> Answered<wire::SpawnAgentReply> {
        let spawn = |mut request: wire::SpawnAgentRequest| {
            if request.agent.is_empty() {
                request.agent = new_agent_id().as_bytes().to_vec();
            }
            call::Ask::Spawn(request)
        };
        self.once(request, spawn).await
    }

    async fn declare_services(
        &self,
        request: Request<wire::DeclareServicesRequest>,
    ) -> Answered<wire::DeclareServicesReply> {
        let (metadata, extensions, request) = request.into_parts();
        let visit = Visit::begin(&self.hall, "declare_services", (&metadata, &extensions));
        let (asker, deadline) = (visit.asker.clone(), visit.deadline());
        let work = self.hall.declare(request, &asker, deadline);
        visit.attend(&self.hall, work).await
    }

    async fn list_topics(
        &self,
        request: Request<wire::ListTopicsRequest>,
    ) -> Answered<wire::ListTopicsReply> {
        let headers = (request.metadata(), request.extensions());
        let visit = Visit::begin(&self.hall, "list_topics", headers);
        visit
            .attend(&self.hall, async { Ok(self.hall.topics()) })
            .await
    }

    async fn watch_task(
        &self,
        request: Request<wire::WatchTaskRequest>,
    ) -> Answered<Self::WatchTaskStream> {
        self.watch(request, call::Ask::WatchTask).await
    }

    async fn watch_events(
        &self,
        request: Request<wire::WatchEventsRequest>,
    ) -> Answered<Self::WatchEventsStream> {
        self.watch(request, call::Ask::WatchEvents).await
    }

    async fn read_ledger(
        &self,
        request: Request<wire::ReadLedgerRequest>,
    ) -> Answered<Self::ReadLedgerStream> {
        self.watch(request, call::Ask::ReadLedger).await
    }

    async fn save_snapshot(
        &self,
        request: Request<wire::SaveSnapshotRequest>,
    ) -> Answered<Self::SaveSnapshotStream> {
        self.watch(request, call::Ask::SaveSnapshot).await
    }

    async fn stream_task_events(
        &self,
        request: Request<wire::WatchTaskRequest>,
    ) -> Answered<Self::StreamTaskEventsStream> {
        let (metadata, extensions, request) = request.into_parts();
        let visit = Visit::begin(&self.hall, "stream_task_events", (&metadata, &extensions));
        let (asker, deadline) = (visit.asker.clone(), visit.watch_deadline());
        let ask = call::Ask::WatchTask(request);
        visit.about(task_of(&ask));
        let work = async {
            let events = Arc::clone(&self.hall).life_of(watched(ask)?, asker, deadline);
            Ok(events.map_err(Status::from).boxed())
        };
        visit.attend(&self.hall, work).await
    }

    async fn status(&self, request: Request<wire::StatusRequest>) -> Answered<wire::StatusReply> {
        self.once(request, call::Ask::Status).await
    }

    async fn get_task(
        &self,
        request: Request<wire::GetTaskRequest>,
    ) -> Answered<wire::GetTaskReply> {
        self.once(request, call::Ask::GetTask).await
    }

    async fn list_tasks(
        &self,
        request: Request<wire::ListTasksRequest>,
    ) -> Answered<wire::ListTasksReply> {
        self.once(request, call::Ask::ListTasks).await
    }

    async fn cancel_task(
        &self,
        request: Request<wire::CancelTaskRequest>,
    ) -> Answered<wire::CancelTaskReply> {
        self.once(request, call::Ask::Cancel).await
    }

    async fn explain_task(
        &self,
        request: Request<wire::ExplainTaskRequest>,
    ) -> Answered<wire::ExplainTaskReply> {
        self.once(request, call::Ask::Explain).await
    }

    async fn list_agents(
        &self,
        request: Request<wire::ListAgentsRequest>,
    ) -> Answered<wire::ListAgentsReply> {
        self.once(request, call::Ask::ListAgents).await
    }

    async fn get_agent(
        &self,
        request: Request<wire::GetAgentRequest>,
    ) -> Answered<wire::GetAgentReply> {
        self.once(request, call::Ask::GetAgent).await
    }

    async fn stop_agent(
        &self,
        request: Request<wire::StopAgentRequest>,
    ) -> Answered<wire::StopAgentReply> {
        self.once(request, call::Ask::Stop).await
    }

    async fn list_nodes(
        &self,
        request: Request<wire::ListNodesRequest>,
    ) -> Answered<wire::ListNodesReply> {
        self.once(request, call::Ask::ListNodes).await
    }

    async fn list_skills(
        &self,
        request: Request<wire::ListSkillsRequest>,
    ) -> Answered<wire::ListSkillsReply> {
        self.once(request, call::Ask::ListSkills).await
    }

    async fn list_services(
        &self,
        request: Request<wire::ListServicesRequest>,
    ) -> Answered<wire::ListServicesReply> {
        self.once(request, call::Ask::ListServices).await
    }

    async fn get_service(
        &self,
        request: Request<wire::GetServiceRequest>,
    ) -> Answered<wire::GetServiceReply> {
        self.once(request, call::Ask::GetService).await
    }

    async fn withdraw_service(
        &self,
        request: Request<wire::WithdrawServiceRequest>,
    ) -> Answered<wire::WithdrawServiceReply> {
        self.once(request, call::Ask::Withdraw).await
    }

    async fn get_receipt(
        &self,
        request: Request<wire::GetReceiptRequest>,
    ) -> Answered<wire::GetReceiptReply> {
        self.once(request, call::Ask::GetReceipt).await
    }

    async fn operate(
        &self,
        request: Request<wire::OperateRequest>,
    ) -> Answered<wire::OperateReply> {
        self.once(request, call::Ask::Operate).await
    }

    async fn get_genesis(
        &self,
        request: Request<wire::GetGenesisRequest>,
    ) -> Answered<wire::GetGenesisReply> {
        self.once(request, call::Ask::GetGenesis).await
    }

    async fn list_evidence(
        &self,
        request: Request<wire::ListEvidenceRequest>,
    ) -> Answered<wire::ListEvidenceReply> {
        self.once(request, call::Ask::ListEvidence).await
    }

    async fn get_evidence(
        &self,
        request: Request<wire::GetEvidenceRequest>,
    ) -> Answered<wire::GetEvidenceReply> {
        self.once(request, call::Ask::GetEvidence).await
    }
}

impl Hall {
    /// Says who this is and who leads as far as it knows.
    pub(super) fn ping(&self) -> wire::PingReply {
        let heading = self.compass.heading();
        wire::PingReply {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            node: self.profile.node.as_bytes().to_vec(),
            name: self.profile.name.to_string(),
            role: self.profile.role.to_number(),
            mesh: self.profile.mesh.as_bytes().to_vec(),
            leader: heading
                .leader
                .map(|leader| leader.as_bytes().to_vec())
                .unwrap_or_default(),
            term: heading.term.0,
        }
    }

    fn topics(&self) -> wire::ListTopicsReply {
        let topics = self.net.topics().into_iter().map(|report| wire::TopicView {
            topic: report.name,
            subscribers: report.subscribers,
            peers: report.mesh_peers,
            received: report.received,
            published: report.published,
        });
        wire::ListTopicsReply {
            topics: topics.collect(),
        }
    }
}
