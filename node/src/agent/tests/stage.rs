//! A node's agents without the node: a runtime over a real store, and the mind's end of the wires.

use std::collections::BTreeSet;
use std::sync::Arc;

use hms_consensus::input::Input;
use hms_protocol::agent::AgentCertificate;
use hms_protocol::codec;
use hms_protocol::codec::envelope::{Content, read};
use hms_protocol::id::{AgentId, Incarnation, MeshId, Sequence, TaskId};
use hms_protocol::keyring::SecretKey;
use hms_protocol::peer::{Dispatch, Run};
use hms_protocol::task::{Report, TaskResult};
use hms_protocol::time::Moment;
use hms_protocol::verdict::Verdict;
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::agent::{Order, Registry, Runtime, SkillSet, Voice, Wish};
use crate::clock::Clock;
use crate::mailbox::{self, Inbox};
use crate::metrics::Metrics;
use crate::store::{Retention, Store};

/// The mesh that the agents live in.
pub(super) const MESH: MeshId = MeshId::from_bytes([9; 32]);

/// A node's agents, at work.
pub(super) struct Stage {
    pub(super) orders: mpsc::Sender<Order>,
    inbox: Inbox,
    stop: CancellationToken,
    host: JoinHandle<()>,
    store: Store,
}

impl Stage {
    /// Brings up the agents that the folder remembers, or these.
    pub(super) fn open(folder: &TempDir, skills: SkillSet, wishes: Vec<Wish>) -> Self {
        let (store, _reports) = Store::open(folder.path(), Retention::default()).unwrap();
        let clock = Clock::start();
        let key = Arc::new(SecretKey::from_seed(&[1; 32]));
        let registry = Registry::new(store.agents(), key, MESH, clock);
        let voice = Voice {
            mesh: MESH,
            incarnation: Incarnation(1),
            clock,
        };
        let (mailbox, inbox) = mailbox::open();
        let (mut runtime, orders, queue) =
            Runtime::new(registry, skills, voice, mailbox, Metrics::new());
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let host = tokio::spawn(async move {
            runtime.wake(wishes).await.unwrap();
            runtime.live(queue, stopped).await;
        });
        Self {
            orders,
            inbox,
            stop,
            host,
            store,
        }
    }

    /// Stops as a node does.
    pub(super) async fn close(self) {
        self.stop.cancel();
        self.host.await.unwrap();
        self.store.close().await;
    }

    /// What the mind hears next.
    pub(super) async fn hear(&mut self) -> Input {
        self.inbox
            .recv()
            .await
            .expect("the runtime lives as long as the stage")
    }

    /// The next certificate.
    pub(super) async fn hear_raised(&mut self) -> AgentCertificate {
        let heard = self.hear().await;
        let Input::Raised(certificate) = heard else {
            panic!("expected an agent, heard {heard:?}");
        };
        certificate
    }

    /// The next report, opened with the agent's key.
    pub(super) async fn hear_report(&mut self, of: &AgentCertificate) -> Report {
        let heard = self.hear_content(of).await;
        let Content::Report(report) = heard else {
            panic!("expected a report, heard {heard:?}");
        };
        report
    }

    /// The next verdict, opened with the agent's key.
    pub(super) async fn hear_verdict(&mut self, of: &AgentCertificate) -> Verdict {
        let heard = self.hear_content(of).await;
        let Content::Verdict(verdict) = heard else {
            panic!("expected a verdict, heard {heard:?}");
        };
        verdict
    }

    async fn hear_content(&mut self, of: &AgentCertificate) -> Content {
        let heard = self.hear().await;
        let Input::Ended { sealed, .. } = heard else {
            panic!("expected the end of a run, heard {heard:?}");
        };
        read(&sealed.open(of.key).unwrap()).unwrap()
    }

    /// Gives an order.
    pub(super) async fn order(&self, order: Order) {
        self.orders.send(order).await.unwrap();
    }

    /// Runs one task on one agent and gives its result.
    pub(super) async fn run(
        &mut self,
        agent: &AgentCertificate,
        skill: &str,
        input: &[u8],
    ) -> TaskResult {
        self.order(Order::Start(dispatch(agent.agent, skill, input)))
            .await;
        self.hear_report(agent).await.result
    }
}

/// An agent that can do everything.
pub(super) fn wish(number: u64, slots: u32) -> Wish {
    Wish {
        agent: agent_id(number),
        skills: BTreeSet::new(),
        slots,
    }
}

/// The id of an agent by number.
pub(super) fn agent_id(number: u64) -> AgentId {
    AgentId::from_slice(&[[0xa; 8], number.to_be_bytes()].concat()).unwrap()
}

/// The attempt at a task whose id the input gives.
pub(super) fn attempt(input: &[u8]) -> Run {
    let digest = hms_protocol::proof::hash_database(input);
    let task = TaskId::from_slice(&digest.as_bytes()[..16]).unwrap();
    Run::Attempt { task, attempt: 1 }
}

/// An order with plenty of time.
pub(super) fn dispatch(agent: AgentId, skill: &str, input: &[u8]) -> Dispatch {
    Dispatch {
        run: attempt(input),
        agent,
        incarnation: Incarnation(1),
        as_of: Sequence(1),
        skill: skill.parse().unwrap(),
        input: input.to_vec(),
        report: None,
        limit_ms: 60_000,
        lease_until: Moment(u64::MAX),
        warrant: Vec::new(),
    }
}

/// A claim as a task's input.
pub(super) fn encode_claim(claim: &hms_protocol::proof::Claim) -> Vec<u8> {
    codec::encode(claim)
}
