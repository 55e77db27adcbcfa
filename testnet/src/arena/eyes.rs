//! What is seen of the mesh of a drill: by the gateways and the metrics of its honest nodes, as anybody could.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use hms_client::{Client, EvidenceView, StatusView};
use hms_protocol::codec;
use hms_protocol::evidence::Guilty;
use hms_protocol::id::{NodeId, Term};
use hms_protocol::member::Presence;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use super::LOOK_EVERY;
use super::clients::Book;
use super::ground::Ground;
use crate::TestnetFault;

/// How long one look may take. Who does not answer is looked at again.
const LOOK_WITHIN: Duration = Duration::from_millis(500);

/// How long the mesh may take to get to work.
const WORKS_WITHIN: Duration = Duration::from_secs(30);

/// Most bytes that are read of a page of metrics.
const PAGE_BYTES_MAX: u64 = 1024 * 1024;

/// Pieces of evidence that are asked for.
const EVIDENCE_MAX: u32 = 100;

/// Tasks whose receipts are checked in the end.
const RECEIPTS_MAX: usize = 20;

/// What is seen.
pub(super) struct Eyes {
    watchers: Vec<Client>,
    next: usize,
    /// The newest status.
    status: Option<StatusView>,
    /// When which term was first seen to be led, and by whom.
    pub(super) led: BTreeMap<Term, (Instant, NodeId)>,
    /// Evidence, with the time at which it was first seen.
    pub(super) evidence: BTreeMap<u64, (Instant, EvidenceView)>,
    /// When somebody was first seen to be excluded.
    pub(super) excluded: Option<Instant>,
    /// Members that are lost, with the time at which that was first seen.
    pub(super) lost: BTreeMap<NodeId, Instant>,
    /// Frames that honest nodes have refused.
    pub(super) refused: u64,
    /// Members that there were in the beginning.
    pub(super) members: u32,
}

/// What an honest mesh must show in the end.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Audit {
    /// Acknowledged tasks that nobody knows.
    pub(super) lost: u64,
    /// Things that are proved and are not so.
    pub(super) accepted_lies: u64,
    /// Whether everything that was acknowledged came to an end.
    pub(super) all_decided: bool,
}

impl Eyes {
    /// Looks through every honest node in turn.
    pub(super) fn open(ground: &Ground) -> Result<Self, TestnetFault> {
        let gateways = ground.gateways();
        let watchers = gateways.iter().map(|gateway| {
            Client::new(std::slice::from_ref(gateway)).map(|client| client.within(LOOK_WITHIN))
        });
        Ok(Self {
            watchers: watchers.collect::<Result<_, _>>()?,
            next: 0,
            status: None,
            led: BTreeMap::new(),
            evidence: BTreeMap::new(),
            excluded: None,
            lost: BTreeMap::new(),
            refused: 0,
            members: 0,
        })
    }

    /// Waits until every voter votes, every member is there and somebody leads.
    pub(super) async fn wait_for_work(&mut self, ground: &Ground) -> Result<(), TestnetFault> {
        let end = Instant::now() + WORKS_WITHIN;
        let nodes = u32::try_from(ground.nodes().len()).unwrap_or(u32::MAX);
        loop {
            self.look(ground).await;
            let status = self.status.as_ref();
            let ready = status.is_some_and(|status| {
                status.leader.is_some()
                    && nodes <= status.members
                    && status.voters_reached == status.voters
            });
            if ready {
                self.members = self.status.as_ref().map_or(nodes, |status| status.members);
                return Ok(());
            }
            if end < Instant::now() {
                let reason =
                    status.map_or_else(|| "nobody answers".to_owned(), |it| format!("{it:?}"));
                return Err(TestnetFault::NotAtWork {
                    reason,
                    within_ms: u64::try_from(WORKS_WITHIN.as_millis()).unwrap_or(u64::MAX),
                });
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// Who leads, as far as was seen last.
    pub(super) fn leader(&self) -> Option<NodeId> {
        self.status.as_ref().and_then(|status| status.leader)
    }

    /// The newest status.
    pub(super) fn status(&self) -> Option<&StatusView> {
        self.status.as_ref()
    }

    /// Looks once, through the next honest node that answers.
    pub(super) async fn look(&mut self, ground: &Ground) {
        self.next = (self.next + 1) % self.watchers.len();
        let watcher = self.watchers[self.next].clone();
        if let Ok(Ok(status)) = timeout(LOOK_WITHIN, watcher.status()).await
            && watcher.staleness().is_none()
        {
            self.take_status(status);
        }
        let news = self
            .status
            .as_ref()
            .is_some_and(|it| self.evidence.len() as u64 != it.evidence);
        if news && let Ok((pieces, _)) = watcher.evidence(None, EVIDENCE_MAX).await {
            let now = Instant::now();
            for piece in pieces {
                self.evidence.entry(piece.number).or_insert((now, piece));
            }
        }
        if let Ok(Ok(nodes)) = timeout(LOOK_WITHIN, watcher.nodes()).await {
            let lost = nodes
                .iter()
                .filter(|node| node.member.presence == Presence::Lost);
            for node in lost {
                self.lost.entry(node.member.id).or_insert_with(Instant::now);
            }
        }
        if self.next == 0 {
            self.count_refusals(ground).await;
        }
    }

    fn take_status(&mut self, status: StatusView) {
        if let Some(leader) = status.leader {
            self.led
                .entry(status.term)
                .or_insert((Instant::now(), leader));
        }
        if !status.excluded.is_empty() {
            self.excluded.get_or_insert_with(Instant::now);
        }
        self.status = Some(status);
    }

    async fn count_refusals(&mut self, ground: &Ground) {
        let mut refused = 0;
        for node in ground.honest() {
            if let Ok(Some(page)) = timeout(LOOK_WITHIN, page(&node.ready.metrics)).await {
                let lines = page
                    .lines()
                    .filter(|line| line.starts_with("hms_post_refused_total{"));
                let counts = lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok());
                refused += counts.sum::<u64>();
            }
        }
        self.refused = self.refused.max(refused);
    }

    /// How many changes of leader were seen between two times.
    pub(super) fn changes(&self, from: Instant, to: Instant) -> u32 {
        let led = self.led.values().filter(|(at, _)| from < *at && *at <= to);
        u32::try_from(led.count()).unwrap_or(u32::MAX)
    }

    /// Who was convicted, by name.
    pub(super) fn convicted(&self, ground: &Ground) -> BTreeSet<String> {
        let guilty = self.evidence.values().map(|(_, piece)| match piece.guilty {
            Guilty::Node(node) => ground.name_of(node),
            Guilty::Agent { node, .. } => format!("an agent of {}", ground.name_of(node)),
        });
        guilty.collect()
    }

    /// Asks for everything that was acknowledged, and for the receipts of some of it, and of what was only claimed.
    pub(super) async fn audit(&self, ground: &Ground, book: &Book) -> Audit {
        let mut audit = Audit {
            all_decided: true,
            ..Audit::default()
        };
        let Ok(client) = Client::new(&ground.gateways()) else {
            return audit;
        };
        for served in &book.served {
            match client.wait(served.task, Some(super::RECOVERS_WITHIN)).await {
                Ok(task) => audit.all_decided &= task.state.is_final(),
                Err(error) if error.code() == "HMS-UNKNOWN-TASK" => audit.lost += 1,
                Err(_) => audit.all_decided = false,
            }
        }
        let origin = client.genesis().await.ok();
        let origin = origin.and_then(|genesis| codec::origin::read(&genesis).ok());
        let Some(origin) = origin else {
            return audit;
        };
        let checked = book.served.iter().rev().take(RECEIPTS_MAX);
        for served in checked {
            if let Ok(receipt) = client.receipt(served.task).await {
                audit.accepted_lies += u64::from(receipt.verify(&origin).is_err());
            }
        }
        for task in &book.claimed {
            let known = client.task(*task).await.is_ok();
            let proved = match client.receipt(*task).await {
                Ok(receipt) => receipt.verify(&origin).is_ok(),
                Err(_) => false,
            };
            audit.accepted_lies += u64::from(proved && !known);
        }
        audit
    }
}

/// The page of metrics of a node.
async fn page(address: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    let asked = format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(asked.as_bytes()).await.ok()?;
    let mut text = String::new();
    stream
        .take(PAGE_BYTES_MAX)
        .read_to_string(&mut text)
        .await
        .ok()?;
    Some(text)
}
