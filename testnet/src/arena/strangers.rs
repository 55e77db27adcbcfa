//! Processes that are no nodes of the mesh: a key that runs a second time, and nodes that nobody has invited.

use std::path::{Path, PathBuf};
use std::time::Duration;

use hms_keystore::{draw_seed, now};
use hms_protocol::keyring::SecretKey;
use hms_protocol::member::Role;
use hms_protocol::token::{Invitation, TOKEN_TTL_MS};
use tokio::time::Instant;

use super::damage::{copy, io};
use super::ground::Ground;
use crate::launch::Launch;
use crate::manifest::NodeEntry;
use crate::process::ProcessId;
use crate::{Cluster, TestnetFault, chaos};

/// How long strangers may take to be refused, together.
const REFUSED_WITHIN: Duration = Duration::from_secs(5);

/// Those that were started.
#[derive(Debug, Default)]
pub(super) struct Strangers {
    processes: Vec<ProcessId>,
}

/// How nodes that nobody has invited fared.
#[derive(Debug)]
pub(super) struct Invasion {
    /// When the first one asked.
    pub(super) began: Instant,
    /// How many asked to be let in.
    pub(super) asked: u64,
    /// How many were refused.
    pub(super) refused: u64,
    /// What is wrong when one was not.
    pub(super) harm: Option<String>,
}

impl Strangers {
    /// Starts a second process with a copy of a node's data.
    pub(super) fn copy(
        &mut self,
        ground: &mut Ground,
        node: &NodeEntry,
    ) -> Result<(), TestnetFault> {
        chaos::kill(node)?;
        let data_dir = ground.folder().join("twin");
        copy(&node.data_dir, &data_dir)?;
        ground.cluster().restart(&node.name)?;
        let mut launch = stranger(ground.cluster(), node, data_dir, "twin");
        launch.binary.clone_from(&node.binary);
        // A twin may be refused at once, which is as good.
        self.processes.push(launch.start()?.process());
        Ok(())
    }

    /// Lets nodes that nobody has invited ask to be let in.
    pub(super) fn invade(
        &mut self,
        ground: &mut Ground,
        node: &NodeEntry,
        count: u32,
    ) -> Result<Invasion, TestnetFault> {
        let mesh = node.ready.mesh.parse().map_err(|_| TestnetFault::NoMesh {
            folder: node.data_dir.clone(),
        })?;
        let seed = draw_seed()?;
        let nobody = SecretKey::from_seed(&seed);
        let mut invasion = Invasion {
            began: Instant::now(),
            asked: 0,
            refused: 0,
            harm: None,
        };
        for number in 0..count {
            let token_seed = draw_seed()?;
            let ends = now().plus_ms(TOKEN_TTL_MS);
            let token = Invitation::new(&nobody, mesh, Role::Worker, ends, &token_seed);
            let name = format!("stranger{number}");
            let data_dir = ground.folder().join(&name);
            let mut launch = stranger(ground.cluster(), node, data_dir, &name);
            launch.token = Some(token.to_text());
            invasion.asked += 1;
            match launch.start()?.wait() {
                Ok((process, _, _)) => {
                    self.processes.push(process);
                    let harm = "a node that nobody has invited is a member";
                    invasion.harm = Some(harm.to_owned());
                }
                Err(TestnetFault::Stopped { .. }) => invasion.refused += 1,
                Err(fault) => return Err(fault),
            }
            if REFUSED_WITHIN < invasion.began.elapsed() {
                break;
            }
        }
        Ok(invasion)
    }

    /// Ends them all.
    pub(super) fn end(&mut self) -> Result<(), TestnetFault> {
        for process in std::mem::take(&mut self.processes) {
            process
                .signal(rustix::process::Signal::KILL)
                .map_err(io("killed", Path::new("a stranger")))?;
        }
        Ok(())
    }
}

/// A node that is none of the mesh.
fn stranger(cluster: &Cluster, like: &NodeEntry, data_dir: PathBuf, name: &str) -> Launch {
    let founder = cluster.nodes().first().unwrap_or(like);
    let mut arguments = vec![
        "--name".to_owned(),
        name.to_owned(),
        "--data-dir".to_owned(),
        data_dir.display().to_string(),
        "--gateway".to_owned(),
        "127.0.0.1:0".to_owned(),
    ];
    for address in &founder.ready.addresses {
        arguments.extend(["--join".to_owned(), address.clone()]);
    }
    Launch {
        binary: founder.binary.clone(),
        name: name.to_owned(),
        log_file: data_dir.with_extension("log"),
        data_dir,
        arguments,
        token: None,
        log: "info".to_owned(),
    }
}
