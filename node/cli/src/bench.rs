//! `hms bench`: what a mesh does per second and per call, measured from outside.

use std::time::{Duration, Instant};

use clap::Subcommand;
use hms_client::domain::codec::encode;
use hms_testnet::load::{Figures, Work, run};
use hms_testnet::{Cluster, Plan};
use serde_json::{Value, json};

use crate::fault::Fault;
use crate::phrase::parse_span;
use crate::screen::{Screen, plain, remark};

/// Bytes of a benchmark's command: what etcd's benchmark puts, too.
const COMMAND_BYTES: usize = 256;

/// Measure a mesh.
#[derive(Debug, Subcommand)]
pub(crate) enum BenchCommand {
    /// Commits per second: 256-byte commands, replicated, durable and applied.
    #[command(after_help = "Example:\n  hms bench commit --clients 1,64,256 --span 5s")]
    Commit(Load),
    /// No-op tasks from submit to result.
    #[command(after_help = "Example:\n  hms bench task --clients 1,64,256 --span 5s")]
    Task(Load),
    /// Memory of one node with many agents.
    #[command(after_help = "Example:\n  hms bench agents --agents 100,1000,10000")]
    Agents {
        /// Agents on the node, one run each.
        #[arg(long, value_delimiter = ',', default_value = "100,1000,10000")]
        agents: Vec<u32>,
    },
}

/// A load.
#[derive(Debug, clap::Args)]
pub(crate) struct Load {
    /// Calls under way at a time, one run each.
    #[arg(long, value_delimiter = ',', default_value = "1,64,256")]
    clients: Vec<usize>,
    /// How long each run goes on.
    #[arg(long, value_parser = parse_span, default_value = "5s")]
    span: Duration,
    /// Nodes of the mesh that is brought up for it, all voters.
    #[arg(long, default_value_t = 3)]
    nodes: u32,
}

impl BenchCommand {
    /// Measures. The mesh is brought up for it, and taken down.
    pub(crate) async fn run(self, screen: Screen) -> Result<(), Fault> {
        match self {
            Self::Commit(load) => {
                measure(
                    screen,
                    &load,
                    &Work::Commit {
                        bytes: COMMAND_BYTES,
                    },
                )
                .await
            }
            Self::Task(load) => measure(screen, &load, &Work::Task).await,
            Self::Agents { agents } => measure_agents(screen, &agents).await,
        }
    }
}

async fn measure(screen: Screen, load: &Load, work: &Work) -> Result<(), Fault> {
    let folder = tempfile::tempdir()?;
    let mut plan = Plan::new(folder.path().to_owned(), load.nodes)?;
    plan.slots = 256;
    "warn".clone_into(&mut plan.log);
    let cluster = Cluster::up(&plan, |_, _| {})?;
    let mut runs = Vec::new();
    for clients in &load.clients {
        remark(&format!("{clients} clients for {:?}", load.span));
        match run(&cluster.gateways(), work, *clients, load.span).await {
            Ok(figures) => runs.push(figures),
            Err(error) => {
                cluster.down()?;
                return Err(error.into());
            }
        }
    }
    cluster.down()?;
    screen.show(
        |screen| table(screen, &runs),
        || runs.iter().map(describe).collect(),
    )
}

fn table(screen: Screen, runs: &[Figures]) -> String {
    let mut sheet = screen.table(&[
        "CLIENTS",
        "PER SECOND",
        "P50 MS",
        "P95 MS",
        "P99 MS",
        "FAILED",
    ]);
    for run in runs {
        sheet.row([
            plain(run.clients),
            plain(format!("{:.0}", run.per_second())),
            plain(format!("{:.2}", run.latency_ms(50.0))),
            plain(format!("{:.2}", run.latency_ms(95.0))),
            plain(format!("{:.2}", run.latency_ms(99.0))),
            plain(run.failed),
        ]);
    }
    sheet.render()
}

fn describe(run: &Figures) -> Value {
    json!({
        "clients": run.clients,
        "per_second": run.per_second(),
        "p50_ms": run.latency_ms(50.0),
        "p95_ms": run.latency_ms(95.0),
        "p99_ms": run.latency_ms(99.0),
        "failed": run.failed,
    })
}

/// How long the mesh may take to know all agents.
const ENROLLED_WITHIN: Duration = Duration::from_mins(2);

/// How often is looked whether it does.
const LOOK_EVERY: Duration = Duration::from_millis(50);

async fn measure_agents(screen: Screen, counts: &[u32]) -> Result<(), Fault> {
    let mut rows = Vec::new();
    for count in counts {
        rows.push(measure_node(*count).await?);
    }
    screen.show(
        |screen| {
            let mut sheet = screen.table(&[
                "AGENTS",
                "READY MS",
                "ENROLLED MS",
                "MEMORY MB",
                "KB PER AGENT",
                "HEARTBEAT BYTES",
                "LAG MS",
            ]);
            for row in &rows {
                sheet.row(row.iter().map(plain));
            }
            sheet.render()
        },
        || json!(rows),
    )
}

async fn measure_node(count: u32) -> Result<[u64; 7], Fault> {
    let folder = tempfile::tempdir()?;
    let mut plan = Plan::new(folder.path().to_owned(), 1)?;
    plan.agents = count;
    "warn".clone_into(&mut plan.log);
    let mut ready = Duration::ZERO;
    let cluster = Cluster::up(&plan, |_, took| ready = took)?;
    let client = hms_client::Client::new(&cluster.gateways())?;
    let began = Instant::now();
    let enrolled = async {
        while client.status().await?.agents < u64::from(count) {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok::<_, Fault>(began.elapsed())
    };
    let measured = async {
        let enrolled = enrolled.await?;
        // A beat that knows of all of them.
        loop {
            let nodes = client.nodes().await?;
            let beat = nodes.first().and_then(|node| node.heartbeat.clone());
            if let Some(beat) = beat.filter(|beat| count <= beat.agents) {
                return Ok::<_, Fault>((enrolled, beat));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    let measured = tokio::time::timeout(ENROLLED_WITHIN, measured).await;
    cluster.down()?;
    let (enrolled, beat) = measured.map_err(std::io::Error::from)??;
    let whole = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    Ok([
        u64::from(count),
        whole(ready),
        whole(enrolled),
        beat.memory_bytes / 1_000_000,
        beat.memory_bytes / 1_000 / u64::from(count.max(1)),
        encode(&beat).len() as u64,
        u64::from(beat.lag_ms),
    ])
}
