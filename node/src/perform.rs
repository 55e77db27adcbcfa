//! Carries out what the mind orders. One arm per effect; nothing here decides.
//!
//! Only a log write may wait (its queue is bounded and must not lose anything); everything else is handed over at once,
//! and what finds a full queue is dropped and counted, because whoever ordered it repeats the order.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use hms_consensus::effect::{Effect, Notice};
use hms_consensus::input::Input;
use hms_consensus::state::event::Event;
use hms_protocol::codec;
use hms_protocol::envelope::{Audience, BodyKind};
use hms_protocol::id::{NodeId, Term};
use hms_protocol::member::RosterView;
use hms_protocol::peer::{Announcement, Dispatch, Run};
use hms_protocol::vetting::Need;
use tokio::sync::{mpsc, watch};

use crate::agent::{Order, Wish};
use crate::clock::Clock;
use crate::gateway::Gateway;
use crate::metrics::Metrics;
use crate::net::{Net, Topic};
use crate::post::{Outbound, Seal};
use crate::store::{Reports, Store, StoreError, Stored};
use crate::vitals::Thermometer;

/// Why a node stops without being told to.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// Durability failed.
    #[error("the ledger cannot be kept on disk")]
    Store(#[from] StoreError),
    /// The mind refuses to go on.
    #[error("the node stops to keep a promise: {0}")]
    Halted(String),
    /// A room of the node is gone.
    #[error("{0} has stopped unexpectedly")]
    RoomGone(&'static str),
}

impl Fault {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Store(error) => error.code(),
            Self::Halted(_) | Self::RoomGone(_) => "HMS-NODE-FAULT",
        }
    }

    /// What the operator can do.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Store(error) => error.hint(),
            Self::Halted(_) | Self::RoomGone(_) => {
                "read the log before the last line; start the node again once the cause is gone"
            }
        }
    }
}

/// Everything that a node can do to the world.
pub struct Hands {
    /// The node's clock.
    pub clock: Clock,
    /// The ledger's disk.
    pub store: Store,
    /// What the disk has finished.
    pub stored: Reports,
    /// Direct messages.
    pub outbound: Outbound,
    /// The node's seal, for gossip.
    pub seal: Arc<Seal>,
    /// The network.
    pub net: Net,
    /// The gateway, for answers and news.
    pub gateway: Gateway,
    /// Orders to the agents of this node.
    pub orders: mpsc::Sender<Order>,
    /// Who may speak, for the post room.
    pub members: watch::Sender<Arc<BTreeSet<NodeId>>>,
    /// Who is a member, for the next life.
    pub roster: watch::Sender<Arc<RosterView>>,
    /// What is counted.
    pub metrics: Metrics,
    /// How the node does.
    pub thermometer: Thermometer,
    /// The worst lag since the last measurement, in milliseconds.
    pub lag_ms: u32,
    /// Which words of voters this node has use for, for the post room.
    pub need: watch::Sender<Need>,
    /// When the loop last ticked.
    pub ticked_at: hms_protocol::time::Moment,
}

impl Hands {
    /// Reads the clock for the mind, and notes how late the loop is.
    pub fn tick(&mut self) -> Input {
        let now = self.clock.now();
        let lag_ms = now
            .since_ms(self.ticked_at)
            .saturating_sub(hms_consensus::input::TICK_MS);
        self.ticked_at = now;
        self.lag_ms = self.lag_ms.max(u32::try_from(lag_ms).unwrap_or(u32::MAX));
        #[expect(clippy::cast_precision_loss, reason = "a histogram needs no more")]
        self.metrics
            .drive_lag_seconds
            .observe(lag_ms as f64 / 1_000.0);
        Input::Tick { now }
    }

    /// Measures the node for its heartbeat.
    pub fn measure(&mut self) -> Input {
        let vitals = self.thermometer.measure(std::mem::take(&mut self.lag_ms));
        self.metrics
            .node_load_permille
            .set(i64::from(vitals.load_permille));
        self.metrics
            .node_memory_bytes
            .set(i64::try_from(vitals.memory_bytes).unwrap_or(i64::MAX));
        Input::Measured(vitals)
    }

    /// Waits for the disk to finish something.
    pub async fn stored(&mut self) -> Result<Input, Fault> {
        match self.stored.recv().await {
            Some(Stored::Written { number }) => {
                self.metrics.store_writes_total.inc();
                Ok(Input::Persisted { number })
            }
            Some(Stored::Checkpointed { index, bytes }) => Ok(Input::Checkpointed { index, bytes }),
            Some(Stored::Failed(error)) => Err(Fault::Store(error)),
            None => Err(Fault::RoomGone("the store")),
        }
    }

    /// Counts what the loop took in one turn.
    pub fn count_inputs(&self, taken: usize) {
        self.metrics.drive_inputs_total.inc_by(taken as u64);
    }

    /// Carries out one effect.
    pub async fn perform(&mut self, effect: Effect) -> Result<(), Fault> {
        self.metrics.drive_effects_total.inc();
        match effect {
            Effect::Persist(write) => self.store.write(write).await?,
            Effect::Checkpoint(checkpoint) => self.store.checkpoint(checkpoint).await?,
            Effect::Send { to, message } => self.outbound.send(to, message),
            Effect::Beat(heartbeat) => {
                let body = codec::encode(&heartbeat);
                self.gossip(Topic::Heartbeats, BodyKind::Heartbeat, body);
            }
            Effect::Announce(announcement) => {
                let topic = topic_of(&announcement);
                let body = codec::encode(&announcement);
                self.gossip(topic, BodyKind::Announcement, body);
            }
            Effect::Answer { ticket, answer } => self.gateway.deliver(ticket, answer),
            Effect::Start(dispatch) => self.begin(dispatch),
            Effect::Stop(run) => self.order(Order::Stop(run)),
            Effect::Raise {
                agent,
                skills,
                slots,
            } => {
                self.order(Order::Raise(Wish {
                    agent,
                    skills,
                    slots,
                }));
            }
            Effect::Dismiss(agent) => self.order(Order::Dismiss(agent)),
            Effect::Probe { spec, revision } => self.order(Order::Probe { spec, revision }),
            Effect::Publish(notice) => self.publish(notice),
            Effect::Enrol(roster) => self.enrol(roster),
            Effect::Follow { leader, term } => self.follow(leader, term),
            Effect::Halt { reason } => return Err(Fault::Halted(reason)),
        }
        Ok(())
    }

    fn gossip(&self, topic: Topic, kind: BodyKind, body: Vec<u8>) {
        let sealed = self.seal.seal(Audience::Mesh, kind, body);
        let frame = Bytes::from(codec::envelope::encode(&sealed));
        if let Err(refusal) = self.net.publish(topic, frame) {
            self.metrics.post_dropped_total.inc();
            tracing::debug!(?topic, %refusal, "gossip dropped");
        }
    }

    fn begin(&self, dispatch: Dispatch) {
        let (Run::Attempt { task, attempt } | Run::Check { task, attempt, .. }) = dispatch.run;
        let (agent, skill) = (dispatch.agent, &dispatch.skill);
        tracing::info!(%task, attempt, %agent, %skill, "run begins");
        self.order(Order::Start(dispatch));
    }

    fn order(&self, order: Order) {
        if self.orders.try_send(order).is_err() {
            self.metrics.agent_orders_dropped_total.inc();
            tracing::warn!("the agents' queue is full: an order is dropped and will be repeated");
        }
    }

    fn publish(&self, notice: Notice) {
        let index = i64::try_from(notice.position.index.0).unwrap_or(i64::MAX);
        self.metrics.ledger_applied_index.set(index);
        match &notice.event {
            Event::TaskMoved { task, state } => {
                tracing::info!(%task, state = state.name(), at = %notice.position, "task moved");
                self.metrics
                    .ledger_task_steps_total
                    .with_label_values(&[state.name()])
                    .inc();
            }
            Event::HealthChanged { service, health } => {
                tracing::info!(%service, ?health, at = %notice.position, "service health changed");
                let label = health.name();
                self.metrics
                    .ledger_health_changes_total
                    .with_label_values(&[label])
                    .inc();
            }
            Event::Convicted { agent, task } => {
                tracing::error!(%agent, %task, at = %notice.position, "agent convicted");
                self.metrics.ledger_convictions_total.inc();
            }
            Event::NodeConvicted { node, number } => {
                tracing::error!(%node, evidence = number, at = %notice.position, "node convicted");
                self.metrics.ledger_convictions_total.inc();
            }
            Event::RosterChanged
            | Event::PresenceChanged { .. }
            | Event::AgentsChanged { .. }
            | Event::Assigned { .. }
            | Event::Drawn { .. }
            | Event::Revoked { .. }
            | Event::ProbersChanged { .. } => {
                tracing::debug!(event = ?notice.event, at = %notice.position, "ledger event");
            }
        }
        self.gateway.publish(notice);
    }

    fn enrol(&mut self, roster: RosterView) {
        self.net.enrol(
            roster
                .participants()
                .map(|member| (member.id, member.addresses.clone()))
                .collect(),
        );
        let ids: BTreeSet<NodeId> = roster.participants().map(|member| member.id).collect();
        self.outbound.keep_only(|node| ids.contains(&node));
        let count = i64::try_from(ids.len()).unwrap_or(i64::MAX);
        self.metrics.net_members_count.set(count);
        self.gateway.enrol(&roster);
        self.members.send_replace(Arc::new(ids));
        self.roster.send_replace(Arc::new(roster));
    }

    fn follow(&self, node: Option<NodeId>, term: Term) {
        tracing::info!(leader = node.map(|node| node.short()), %term, "following");
        self.metrics
            .raft_term_number
            .set(i64::try_from(term.0).unwrap_or(i64::MAX));
        self.metrics
            .raft_leader_flag
            .set(i64::from(node == Some(self.seal.node())));
        self.gateway.follow(node, term);
    }
}

fn topic_of(announcement: &Announcement) -> Topic {
    match announcement {
        Announcement::Membership { .. } | Announcement::Head(_) => Topic::Membership,
        Announcement::Capabilities(_) => Topic::Capabilities,
        Announcement::Happened(_) => Topic::Events,
    }
}
