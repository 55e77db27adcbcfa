//! The mesh of one drill: who is honest in it, where everybody is, and that nothing of it stays behind.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use hms_protocol::id::NodeId;
use tempfile::TempDir;

use super::damage::io;
use super::switch::Switch;
use crate::drill::Drill;
use crate::drill::manifest::Mesh;
use crate::manifest::NodeEntry;
use crate::plan::find_program;
use crate::{Cluster, Plan, TestnetFault};

/// The proof database over which theorems are claimed, so that there is something to lie about.
pub(super) const BASE: &str = include_str!("../../../theorems/base.mm");

/// The mesh of one drill.
pub(super) struct Ground {
    cluster: Option<Cluster>,
    /// Whether it was there before: then it is left as it was.
    adopted: bool,
    /// Nodes that are paused for the drill, by name.
    paused: BTreeMap<String, Switch>,
    /// Who may do something wrong, by name.
    pub(super) actors: BTreeSet<String>,
    // Removed last, when no process writes there any more.
    folder: TempDir,
}

impl Ground {
    /// Brings the mesh up. Whoever is to do something wrong runs the adversary; everybody else is an honest node.
    pub(super) fn prepare(drill: &Drill) -> Result<Self, TestnetFault> {
        let folder = tempfile::Builder::new().prefix("hms-drill-").tempdir();
        let folder = folder.map_err(|source| TestnetFault::Io {
            verb: "made",
            path: std::env::temp_dir(),
            source,
        })?;
        let base = folder.path().join("base.mm");
        fs::write(&base, BASE).map_err(|source| TestnetFault::Io {
            verb: "written",
            path: base.clone(),
            source,
        })?;
        let Mesh { voters, spares, .. } = drill.mesh;
        let mut plan = Plan::new(folder.path().join("mesh"), drill.mesh.nodes())?;
        plan.voters = voters;
        plan.spares = spares;
        plan.bases = vec![base];
        plan.impostors = impostors(drill)?;
        let actors = plan
            .impostors
            .keys()
            .map(|number| Plan::name_of(*number))
            .collect();
        let cluster = Cluster::up(&plan, |_, _| ())?;
        Ok(Self {
            cluster: Some(cluster),
            adopted: false,
            paused: BTreeMap::new(),
            actors,
            folder,
        })
    }

    /// Takes a mesh that was there before.
    pub(super) fn adopt(cluster: Cluster, drill: &Drill) -> Result<Self, TestnetFault> {
        let folder = tempfile::Builder::new().prefix("hms-drill-").tempdir();
        let folder = folder.map_err(|source| TestnetFault::Io {
            verb: "made",
            path: std::env::temp_dir(),
            source,
        })?;
        Ok(Self {
            cluster: Some(cluster),
            adopted: true,
            paused: BTreeMap::new(),
            actors: drill.actors().into_iter().map(str::to_owned).collect(),
            folder,
        })
    }

    /// Whether it was there before.
    pub(super) fn is_adopted(&self) -> bool {
        self.adopted
    }

    /// Pauses a node. It goes on when [`Ground::resume`] says so, and when this process ends before that.
    pub(super) fn pause(&mut self, node: &NodeEntry) -> Result<(), TestnetFault> {
        let switch = Switch::over(node.process.pid).map_err(io("watched over", &node.data_dir))?;
        self.paused.insert(node.name.clone(), switch);
        crate::chaos::pause(node)
    }

    /// Lets a node go on, if it was paused.
    pub(super) fn resume(&mut self, node: &NodeEntry) -> Result<(), TestnetFault> {
        self.paused.remove(&node.name);
        crate::chaos::resume(node)
    }

    /// Lets whoever is paused for the drill go on. It asks nobody: it works without a leader, too.
    fn resume_all(&mut self) {
        for node in self.nodes().to_vec() {
            if self.paused.contains_key(&node.name)
                && let Err(error) = self.resume(&node)
            {
                tracing::error!(%error, node = node.name, "a node of the mesh is still paused");
            }
        }
    }

    /// The processes.
    pub(super) fn cluster(&mut self) -> &mut Cluster {
        self.cluster
            .as_mut()
            .expect("it is taken when the ground is dropped")
    }

    /// Its nodes, in order.
    pub(super) fn nodes(&self) -> &[NodeEntry] {
        self.cluster.as_ref().map_or(&[], Cluster::nodes)
    }

    /// A folder of the drill.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Nodes that do nothing wrong.
    pub(super) fn honest(&self) -> impl Iterator<Item = &NodeEntry> {
        self.nodes()
            .iter()
            .filter(|node| !self.actors.contains(&node.name))
    }

    /// Gateways of the honest nodes; of everybody, if nobody is known to be honest.
    pub(super) fn gateways(&self) -> Vec<String> {
        let honest: Vec<String> = self
            .honest()
            .map(|node| node.ready.gateway.clone())
            .collect();
        if honest.is_empty() {
            return self
                .nodes()
                .iter()
                .map(|node| node.ready.gateway.clone())
                .collect();
        }
        honest
    }

    /// A node's name, by its id.
    pub(super) fn name_of(&self, id: NodeId) -> String {
        let text = id.to_string();
        let found = self.nodes().iter().find(|node| node.ready.node == text);
        found.map_or_else(|| id.short(), |node| node.name.clone())
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        self.resume_all();
        if let Some(cluster) = self.cluster.take().filter(|_| !self.adopted)
            && let Err(error) = cluster.down()
        {
            tracing::error!(%error, "a node of the drill may still run");
        }
    }
}

/// Who runs the adversary, by number. Whoever leads when the attack begins is not known before.
fn impostors(drill: &Drill) -> Result<BTreeMap<u32, std::path::PathBuf>, TestnetFault> {
    let adversary = find_program("hms-adversary")?;
    let mut numbers: BTreeSet<u32> = BTreeSet::new();
    for name in drill.actors() {
        match name
            .strip_prefix('n')
            .and_then(|number| number.parse().ok())
        {
            Some(number) => {
                numbers.insert(number);
            }
            None => numbers.extend(1..=drill.mesh.voters),
        }
    }
    Ok(numbers
        .into_iter()
        .map(|number| (number, adversary.clone()))
        .collect())
}
