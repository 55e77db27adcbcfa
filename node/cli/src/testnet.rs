//! `hms testnet`: a local mesh of real processes, brought up, hurt and taken down.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use hms_testnet::manifest::NodeEntry;
use hms_testnet::plan::{VOTERS_DEFAULT, default_folder};
use hms_testnet::process::Pulse;
use hms_testnet::{Cluster, Plan, chaos, follow, launch};
use serde_json::{Value, json};

use crate::fault::Fault;
use crate::screen::{Screen, Tone, plain, remark};

/// Lines of each log that are shown unless told otherwise.
const LOG_LINES: usize = 20;

/// A local mesh.
#[derive(Debug, Args)]
pub(crate) struct TestnetCommand {
    /// Folder of the mesh [default: `$HMS_TESTNET_DIR`, else ~/.local/state/hms/testnet]
    #[arg(long, global = true, value_name = "DIR")]
    dir: Option<PathBuf>,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Bring a mesh up: the first nodes vote, the others only work.
    #[command(after_help = "Example:\n  hms testnet up --nodes 5 --base theorems/base.mm")]
    Up(Up),
    /// Show the mesh's nodes and processes.
    #[command(after_help = "Example:\n  hms testnet status")]
    Status,
    /// Kill nodes: kill -9, no goodbye.
    #[command(after_help = "Example:\n  hms testnet kill n1")]
    Kill(Names),
    /// Take nodes' processor time away; they keep their connections.
    #[command(after_help = "Example:\n  hms testnet pause n2")]
    Pause(Names),
    /// Let paused nodes go on.
    #[command(after_help = "Example:\n  hms testnet resume n2")]
    Resume(Names),
    /// Start nodes again with the data that they had.
    #[command(after_help = "Example:\n  hms testnet restart n1")]
    Restart(Names),
    /// Show what nodes log; all of them if none is named.
    #[command(after_help = "Example:\n  hms testnet logs n1 --follow")]
    Logs(Logs),
    /// Take the mesh down: no process and no port stays.
    #[command(after_help = "Example:\n  hms testnet down")]
    Down,
}

#[derive(Debug, Args)]
pub(crate) struct Up {
    /// How many nodes.
    #[arg(long, short, default_value_t = 5)]
    pub(crate) nodes: u32,
    /// How many of them vote.
    #[arg(long, default_value_t = VOTERS_DEFAULT)]
    pub(crate) voters: u32,
    /// How many of the others hold the ledger without a vote, to take the place of a voter that is lost.
    #[arg(long, default_value_t = 0)]
    pub(crate) spares: u32,
    /// Metamath database that every node holds; may be repeated.
    #[arg(long, value_name = "FILE")]
    pub(crate) base: Vec<PathBuf>,
    /// Agents that each node raises.
    #[arg(long, default_value_t = 1)]
    pub(crate) agents: u32,
    /// Runs that each agent may hold at once.
    #[arg(long, default_value_t = 16)]
    pub(crate) slots: u32,
    /// Log filter of the nodes.
    #[arg(long, default_value = "info", value_name = "FILTER")]
    pub(crate) log: String,
}

#[derive(Debug, Args)]
struct Names {
    /// Names of nodes.
    #[arg(required = true, value_name = "NODE")]
    nodes: Vec<String>,
}

#[derive(Debug, Args)]
struct Logs {
    /// Names of nodes.
    #[arg(value_name = "NODE")]
    nodes: Vec<String>,
    /// How many of the last lines.
    #[arg(long, short, default_value_t = LOG_LINES)]
    lines: usize,
    /// Go on until interrupted.
    #[arg(long, short)]
    follow: bool,
}

impl Up {
    /// The plan that the options describe.
    pub(crate) fn plan(&self, folder: PathBuf) -> Result<Plan, Fault> {
        let mut plan = Plan::new(folder, self.nodes)?;
        plan.voters = self.voters.min(self.nodes);
        plan.spares = self.spares;
        plan.bases = self
            .base
            .iter()
            .map(std::path::absolute)
            .collect::<Result<_, _>>()?;
        plan.agents = self.agents;
        plan.slots = self.slots;
        plan.log.clone_from(&self.log);
        Ok(plan)
    }
}

impl TestnetCommand {
    /// Does it.
    pub(crate) fn run(self, screen: Screen) -> Result<(), Fault> {
        let folder = self.dir.unwrap_or_else(default_folder);
        if let Verb::Up(up) = &self.verb {
            let cluster = Cluster::up(&up.plan(folder)?, |node, took| {
                remark(&format!(
                    "{} {} is ready in {} ms",
                    node.ready.role,
                    node.name,
                    took.as_millis()
                ));
            })?;
            return show(screen, cluster.nodes());
        }
        let mut cluster = Cluster::open(&folder)?;
        match self.verb {
            Verb::Up(_) => unreachable!("brought up above"),
            Verb::Status => {}
            Verb::Kill(names) => each(&cluster, &names, chaos::kill)?,
            Verb::Pause(names) => each(&cluster, &names, chaos::pause)?,
            Verb::Resume(names) => each(&cluster, &names, chaos::resume)?,
            Verb::Restart(names) => {
                for name in &names.nodes {
                    let took = cluster.restart(name)?;
                    remark(&format!("{name} is ready in {} ms", took.as_millis()));
                }
            }
            Verb::Logs(logs) => return show_logs(screen, &cluster, &logs),
            Verb::Down => {
                let count = cluster.nodes().len();
                cluster.down()?;
                remark(&format!("{count} nodes are down"));
                return Ok(());
            }
        }
        show(screen, cluster.nodes())
    }
}

fn each(
    cluster: &Cluster,
    names: &Names,
    act: impl Fn(&NodeEntry) -> Result<(), hms_testnet::TestnetFault>,
) -> Result<(), Fault> {
    // Every name is looked up before anything is hurt.
    let nodes = names.nodes.iter().map(|name| cluster.node(name));
    for node in nodes.collect::<Result<Vec<_>, _>>()? {
        act(node)?;
    }
    Ok(())
}

fn show(screen: Screen, nodes: &[NodeEntry]) -> Result<(), Fault> {
    screen.show(
        |screen| table(screen, nodes),
        || Value::Array(nodes.iter().map(describe).collect()),
    )
}

fn table(screen: Screen, nodes: &[NodeEntry]) -> String {
    let mut sheet = screen.table(&["NODE", "ROLE", "PROCESS", "PID", "GATEWAY", "METRICS"]);
    for node in nodes {
        let (word, tone) = pulse(node);
        sheet.row([
            plain(&node.name),
            plain(&node.ready.role),
            (word.to_owned(), tone),
            plain(node.process.pid),
            plain(&node.ready.gateway),
            plain(format!("http://{}/metrics", node.ready.metrics)),
        ]);
    }
    let gateways: Vec<&str> = nodes
        .iter()
        .map(|node| node.ready.gateway.as_str())
        .collect();
    format!(
        "{}\n\nexport HMS_ADDRESS={}",
        sheet.render(),
        gateways.join(",")
    )
}

fn describe(node: &NodeEntry) -> Value {
    json!({
        "name": node.name,
        "node": node.ready.node,
        "role": node.ready.role,
        "process": pulse(node).0,
        "pid": node.process.pid,
        "gateway": node.ready.gateway,
        "metrics": node.ready.metrics,
        "data_dir": node.data_dir,
        "log_file": node.log_file,
    })
}

fn pulse(node: &NodeEntry) -> (&'static str, Tone) {
    match node.process.pulse() {
        Pulse::Running => ("running", Tone::Good),
        Pulse::Paused => ("paused", Tone::Warn),
        Pulse::Gone => ("gone", Tone::Bad),
    }
}

fn show_logs(screen: Screen, cluster: &Cluster, logs: &Logs) -> Result<(), Fault> {
    let nodes: Vec<NodeEntry> = if logs.nodes.is_empty() {
        cluster.nodes().to_vec()
    } else {
        let named = logs.nodes.iter().map(|name| cluster.node(name).cloned());
        named.collect::<Result<_, _>>()?
    };
    if logs.follow {
        follow::follow(&nodes, logs.lines, &mut std::io::stdout().lock(), || true)?;
        return Ok(());
    }
    for node in &nodes {
        let tail = launch::tail(&node.log_file, logs.lines);
        let lines = tail
            .lines()
            .map(|line| format!("{:>4} | {line}", node.name));
        screen.print(&lines.collect::<Vec<_>>().join("\n"))?;
    }
    Ok(())
}
