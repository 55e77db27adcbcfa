//! Hosts the agents of this node: raises and dismisses them, hands them their runs, probes for them.
//!
//! It obeys orders and decides nothing. An agent without room answers that it is busy; what else cannot be done is dropped
//! with a log line, and whoever gave the order repeats it or gives the work to another.

use std::collections::BTreeMap;
use std::sync::Arc;

use hms_consensus::input::Input;
use hms_protocol::id::AgentId;
use hms_protocol::peer::{Dispatch, Run};
use hms_protocol::service::ServiceSpec;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use super::actor::{Actor, Assignment, Desk, furnish};
use super::execution::{Voice, refuse};
use super::probing::probe;
use super::registry::{Registry, Resident, Wish};
use super::skill::SkillSet;
use super::{AgentError, Order};
use crate::limits::{ERRANDS_MAX, ORDERS_CAPACITY, RUNS_OVER_CAPACITY};
use crate::mailbox::Mailbox;
use crate::metrics::Metrics;

/// The host of a node's agents.
pub struct Runtime {
    registry: Registry,
    skills: SkillSet,
    voice: Voice,
    mailbox: Mailbox,
    metrics: Metrics,
    agents: BTreeMap<AgentId, Hosted>,
    // Who runs what, and how to stop it.
    runs: BTreeMap<Run, Underway>,
    over: mpsc::Sender<Run>,
    ended: mpsc::Receiver<Run>,
    actors: JoinSet<()>,
    // Probes, and refusals on their way to the mind.
    errands: JoinSet<()>,
}

struct Hosted {
    resident: Arc<Resident>,
    desk: Desk,
    task: AbortHandle,
}

struct Underway {
    agent: AgentId,
    cancelled: CancellationToken,
}

impl Runtime {
    /// A host with the agents of the node's earlier lives, and the way to give it orders.
    pub fn new(
        registry: Registry,
        skills: SkillSet,
        voice: Voice,
        mailbox: Mailbox,
        metrics: Metrics,
    ) -> (Self, mpsc::Sender<Order>, mpsc::Receiver<Order>) {
        let (over, ended) = mpsc::channel(RUNS_OVER_CAPACITY);
        let (orders, inbox) = mpsc::channel(ORDERS_CAPACITY);
        let runtime = Self {
            registry,
            skills,
            voice,
            mailbox,
            metrics,
            agents: BTreeMap::new(),
            runs: BTreeMap::new(),
            over,
            ended,
            actors: JoinSet::new(),
            errands: JoinSet::new(),
        };
        (runtime, orders, inbox)
    }

    /// Brings up the agents that the node had, and makes as many new ones as it had none.
    pub async fn wake(&mut self, fresh: Vec<Wish>) -> Result<(), AgentError> {
        let mut residents = self.registry.recall(&self.skills)?;
        if residents.is_empty() {
            residents = self.registry.admit(&fresh, &self.skills)?;
        }
        for resident in residents {
            self.host(resident).await;
        }
        Ok(())
    }

    /// Obeys until told to stop, or until nobody can give orders any more.
    pub async fn live(mut self, mut orders: mpsc::Receiver<Order>, stop: CancellationToken) {
        loop {
            tokio::select! {
                // What has ended is forgotten before the next order, which may be the same again.
                biased;
                () = stop.cancelled() => return,
                Some(run) = self.ended.recv() => self.forget(run),
                Some(_) = self.errands.join_next(), if !self.errands.is_empty() => {}
                Some(_) = self.actors.join_next(), if !self.actors.is_empty() => {}
                order = orders.recv() => match order {
                    Some(order) => self.obey(order).await,
                    None => return,
                },
            }
        }
    }

    async fn obey(&mut self, order: Order) {
        match order {
            Order::Start(dispatch) => self.start(dispatch),
            Order::Stop(run) => self.stop(run),
            Order::Raise(wish) => self.raise(wish).await,
            Order::Dismiss(agent) => self.dismiss(agent).await,
            Order::Probe { spec, revision } => self.look(spec, revision),
        }
    }

    fn start(&mut self, dispatch: Dispatch) {
        let (run, agent) = (dispatch.run, dispatch.agent);
        if self.runs.contains_key(&run) {
            tracing::debug!(%agent, ?run, "order repeated");
            return;
        }
        let Some(hosted) = self.agents.get(&agent) else {
            tracing::warn!(%agent, ?run, "order for an agent that is not here");
            return;
        };
        let cancelled = CancellationToken::new();
        let assignment = Assignment {
            dispatch: Box::new(dispatch),
            cancelled: cancelled.clone(),
        };
        match hosted.desk.hand(assignment) {
            Ok(()) => {
                self.runs.insert(run, Underway { agent, cancelled });
                self.count();
            }
            Err(refused) => {
                let resident = Arc::clone(&hosted.resident);
                self.turn_away(*refused.dispatch, &resident);
            }
        }
    }

    /// Tells the mind at once that an agent has no room, so that another can be asked.
    fn turn_away(&mut self, dispatch: Dispatch, resident: &Resident) {
        self.metrics.agent_orders_dropped_total.inc();
        if ERRANDS_MAX <= self.errands.len() {
            tracing::warn!(run = ?dispatch.run, "too many errands: an order is dropped");
            return;
        }
        let sealed = refuse(&dispatch, resident, &self.voice);
        let mailbox = self.mailbox.clone();
        self.errands.spawn(async move {
            let run = dispatch.run;
            let _ = mailbox.send(Input::Ended { run, sealed }).await;
        });
    }

    fn stop(&mut self, run: Run) {
        if let Some(underway) = self.runs.remove(&run) {
            underway.cancelled.cancel();
            self.count();
        }
    }

    fn forget(&mut self, run: Run) {
        self.runs.remove(&run);
        self.count();
    }

    async fn raise(&mut self, wish: Wish) {
        if let Some(hosted) = self.agents.get(&wish.agent) {
            let certificate = hosted.resident.certificate.clone();
            let _ = self.mailbox.send(Input::Raised(certificate)).await;
            return;
        }
        let agent = wish.agent;
        match self.registry.admit(&[wish], &self.skills) {
            Ok(residents) => {
                for resident in residents {
                    self.host(resident).await;
                }
            }
            Err(error) => tracing::error!(%agent, %error, "the agent cannot be raised"),
        }
    }

    async fn dismiss(&mut self, agent: AgentId) {
        if let Some(hosted) = self.agents.remove(&agent) {
            // The agent's task owns what it runs.
            hosted.task.abort();
            hosted.resident.memory.close();
        }
        self.runs.retain(|_, underway| underway.agent != agent);
        self.count();
        match self.registry.forget(agent) {
            Ok(()) => {
                let _ = self.mailbox.send(Input::Dismissed(agent)).await;
            }
            Err(error) => tracing::error!(%agent, %error, "the agent cannot be forgotten"),
        }
    }

    fn look(&mut self, spec: ServiceSpec, revision: u64) {
        if ERRANDS_MAX <= self.errands.len() {
            tracing::warn!(service = %spec.name, "too many probes at once: this one is left out");
            return;
        }
        let skill = self.skills.get(&spec.probe).cloned();
        let mailbox = self.mailbox.clone();
        self.errands.spawn(async move {
            let _ = mailbox.send(probe(skill, spec, revision).await).await;
        });
    }

    async fn host(&mut self, resident: Resident) {
        let resident = Arc::new(resident);
        let agent = resident.certificate.agent;
        let certificate = resident.certificate.clone();
        let (desk, pile) = furnish();
        let actor = Actor {
            resident: Arc::clone(&resident),
            skills: self.skills.clone(),
            voice: self.voice.clone(),
            mailbox: self.mailbox.clone(),
            over: self.over.clone(),
        };
        let task = self.actors.spawn(actor.live(pile));
        self.agents.insert(
            agent,
            Hosted {
                resident,
                desk,
                task,
            },
        );
        self.count();
        let _ = self.mailbox.send(Input::Raised(certificate)).await;
    }

    fn count(&self) {
        let signed = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.metrics
            .agent_hosted_count
            .set(signed(self.agents.len()));
        self.metrics.agent_runs_count.set(signed(self.runs.len()));
    }
}
