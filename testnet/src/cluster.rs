//! A local mesh: brought up, asked, hurt, restarted, taken down.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hms_keystore::{OPERATOR_KEY_FILE, invite, load_operator};
use hms_protocol::member::Role;
use hms_protocol::token::TOKEN_TTL_MS;
use hms_protocol::trust::Trust;

use crate::launch::Launch;
use crate::manifest::{Manifest, NodeEntry, Ready};
use crate::plan::Plan;
use crate::process::{ProcessId, Pulse};
use crate::{TestnetFault, chaos};

/// A local mesh. Dropping it leaves the nodes running; [`Cluster::down`] takes them down.
#[derive(Clone, Debug)]
pub struct Cluster {
    folder: PathBuf,
    manifest: Manifest,
}

impl Cluster {
    /// Brings a mesh up: the first node founds it, the others join, each with a token that is made for it. `started` hears of each
    /// node as soon as it serves, with the time that it took.
    pub fn up(
        plan: &Plan,
        mut started: impl FnMut(&NodeEntry, Duration),
    ) -> Result<Self, TestnetFault> {
        let alive = |node: &NodeEntry| node.process.pulse() != Pulse::Gone;
        if Self::open(&plan.folder).is_ok_and(|earlier| earlier.nodes().iter().any(alive)) {
            return Err(TestnetFault::Running {
                folder: plan.folder.clone(),
            });
        }
        clear(plan)?;
        if let Some(after_ms) = plan.replace_voter_after_ms {
            found(plan, after_ms)?;
        }
        let manifest = Manifest {
            nodes: Vec::new(),
            log: plan.log.clone(),
            operator_key: plan.data_dir_of(1).join(OPERATOR_KEY_FILE),
        };
        let mut cluster = Self {
            folder: plan.folder.clone(),
            manifest,
        };
        for number in 1..=plan.nodes {
            let arguments = arguments(plan, number, cluster.nodes().first());
            let outcome = cluster.add(plan, number, arguments);
            match outcome {
                Ok(took) => started(&cluster.nodes()[cluster.nodes().len() - 1], took),
                Err(fault) => {
                    cluster.down()?;
                    return Err(fault);
                }
            }
        }
        Ok(cluster)
    }

    /// The mesh that was brought up in a folder.
    pub fn open(folder: &Path) -> Result<Self, TestnetFault> {
        Ok(Self {
            folder: folder.to_owned(),
            manifest: Manifest::read(folder)?,
        })
    }

    /// Its nodes, in order of start.
    pub fn nodes(&self) -> &[NodeEntry] {
        &self.manifest.nodes
    }

    /// Gateways of all nodes, in order of start.
    pub fn gateways(&self) -> Vec<String> {
        self.manifest.gateways()
    }

    /// A node by name.
    pub fn node(&self, name: &str) -> Result<&NodeEntry, TestnetFault> {
        self.manifest.node(name)
    }

    /// Starts a node again, with the data that it had and the arguments that it was first started with.
    pub fn restart(&mut self, name: &str) -> Result<Duration, TestnetFault> {
        let node = self.node(name)?.clone();
        chaos::stop(&node)?;
        let launch = Launch {
            binary: node.binary.clone(),
            name: node.name.clone(),
            data_dir: node.data_dir.clone(),
            log_file: node.log_file.clone(),
            arguments: node.arguments.clone(),
            token: None,
            log: self.manifest.log.clone(),
        };
        let (process, ready, took) = launch.start()?.wait()?;
        self.record(NodeEntry {
            process,
            ready,
            ..node
        })?;
        Ok(took)
    }

    /// Takes all nodes down and forgets the mesh; data and logs stay until the next one is brought up.
    pub fn down(self) -> Result<(), TestnetFault> {
        for node in self.nodes() {
            // All are asked before any is waited for; what fails here is tried again below.
            let _ = node.process.signal(rustix::process::Signal::CONT);
            let _ = node.process.signal(rustix::process::Signal::TERM);
        }
        for node in self.nodes() {
            chaos::stop(node)?;
        }
        Manifest {
            nodes: Vec::new(),
            ..self.manifest.clone()
        }
        .write(&self.folder)
    }

    /// Where the operator's key lies.
    pub fn operator_key(&self) -> &Path {
        &self.manifest.operator_key
    }

    /// A join token for one node, made with the operator's key.
    pub fn invite(&self, role: Role) -> Result<String, TestnetFault> {
        let founder = self.nodes().first();
        let mesh = founder.and_then(|founder| founder.ready.mesh.parse().ok());
        let Some(mesh) = mesh else {
            return Err(TestnetFault::NoMesh {
                folder: self.folder.clone(),
            });
        };
        let operator = load_operator(self.operator_key())?;
        Ok(invite(&operator, mesh, role, TOKEN_TTL_MS)?.to_text())
    }

    fn add(
        &mut self,
        plan: &Plan,
        number: u32,
        arguments: Vec<String>,
    ) -> Result<Duration, TestnetFault> {
        let name = Plan::name_of(number);
        let token = match number {
            1 => None,
            _ => Some(self.invite(plan.role_of(number))?),
        };
        let launch = Launch {
            binary: plan.binary_of(number).to_owned(),
            name: name.clone(),
            data_dir: plan.data_dir_of(number),
            log_file: plan.folder.join(format!("{name}.log")),
            arguments: arguments.clone(),
            token,
            log: plan.log.clone(),
        };
        let (data_dir, log_file) = (launch.data_dir.clone(), launch.log_file.clone());
        let binary = launch.binary.clone();
        let starting = launch.start()?;
        // Written down before it is waited for: whatever happens now, `down` finds the process.
        let process = starting.process();
        let ready = nothing_yet(&name, process);
        let entry = NodeEntry {
            name,
            data_dir,
            log_file,
            binary,
            arguments,
            process,
            ready,
        };
        self.record(entry.clone())?;
        let (process, ready, took) = starting.wait()?;
        self.record(NodeEntry {
            process,
            ready,
            ..entry
        })?;
        Ok(took)
    }

    fn record(&mut self, entry: NodeEntry) -> Result<(), TestnetFault> {
        match self
            .manifest
            .nodes
            .iter_mut()
            .find(|node| node.name == entry.name)
        {
            Some(node) => *node = entry,
            None => self.manifest.nodes.push(entry),
        }
        self.manifest.write(&self.folder)
    }
}

/// Founds the mesh on paper, for the first node to start from.
fn found(plan: &Plan, replace_voter_after_ms: u64) -> Result<(), TestnetFault> {
    let terms = hms_keystore::Plan {
        name: Plan::name_of(1).parse().expect("it is a letter and digits"),
        voters_wanted: plan.voters,
        replace_voter_after_ms,
        trust: Trust::Byzantine,
        founded_at: hms_keystore::now(),
        operator_key: None,
    };
    hms_keystore::found(&plan.data_dir_of(1), terms)?;
    Ok(())
}

/// A node of which nothing is known but its process.
fn nothing_yet(name: &str, process: ProcessId) -> Ready {
    Ready {
        node: String::new(),
        name: name.to_owned(),
        role: String::new(),
        mesh: String::new(),
        pid: process.pid,
        addresses: Vec::new(),
        gateway: String::new(),
        metrics: String::new(),
    }
}

/// Removes what an earlier mesh left in the folder, and nothing else that may lie there.
fn clear(plan: &Plan) -> Result<(), TestnetFault> {
    let fail = |verb, path: &Path| {
        let path = path.to_owned();
        move |source| TestnetFault::Io { verb, path, source }
    };
    fs::create_dir_all(&plan.folder).map_err(fail("made", &plan.folder))?;
    for number in 1..=crate::plan::NODES_MAX {
        let data_dir = plan.data_dir_of(number);
        if data_dir.join("node.key").is_file() {
            fs::remove_dir_all(&data_dir).map_err(fail("removed", &data_dir))?;
        }
        let log_file = plan.folder.join(format!("{}.log", Plan::name_of(number)));
        if log_file.is_file() {
            fs::remove_file(&log_file).map_err(fail("removed", &log_file))?;
        }
    }
    Ok(())
}

fn arguments(plan: &Plan, number: u32, founder: Option<&NodeEntry>) -> Vec<String> {
    let mut arguments = vec![
        "--name".to_owned(),
        Plan::name_of(number),
        "--data-dir".to_owned(),
        plan.data_dir_of(number).display().to_string(),
        // Not the usual port: that is for the node of whoever uses this machine.
        "--gateway".to_owned(),
        "127.0.0.1:0".to_owned(),
        "--agents".to_owned(),
        plan.agents.to_string(),
        "--slots".to_owned(),
        plan.slots.to_string(),
    ];
    for base in &plan.bases {
        arguments.extend(["--base".to_owned(), base.display().to_string()]);
    }
    if plan.mdns {
        arguments.push("--mdns".to_owned());
    }
    match founder {
        None => arguments.extend(["--voters".to_owned(), plan.voters.to_string()]),
        Some(founder) => {
            // With mDNS a node finds the founder by itself.
            let told = founder.ready.addresses.iter().filter(|_| !plan.mdns);
            for address in told {
                arguments.extend(["--join".to_owned(), address.clone()]);
            }
            let role = match plan.role_of(number) {
                Role::Voter => "voter",
                Role::Worker => "worker",
            };
            arguments.extend(["--role".to_owned(), role.to_owned()]);
        }
    }
    arguments
}
