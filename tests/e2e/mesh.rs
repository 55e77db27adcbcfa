//! A mesh for one test: brought up, asked through any of its nodes, and always taken down.

use std::collections::BTreeSet;
use std::future::Future;
use std::time::{Duration, Instant};

use hms_client::{Client, Condition, NodeView, Submission};
use hms_protocol::id::TaskId;
use hms_protocol::task::{Task, TaskState};
use hms_testnet::manifest::NodeEntry;
use hms_testnet::{Cluster, Plan};
use tempfile::TempDir;

/// How long anything may take on a machine that is busy with other tests. A bound on hanging, not a measurement.
pub(crate) const SOON: Duration = Duration::from_mins(1);

/// How often a condition is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A mesh for one test.
pub(crate) struct Mesh {
    cluster: Option<Cluster>,
    pub(crate) client: Client,
    _folder: TempDir,
}

impl Mesh {
    /// Brings up `nodes` nodes, the first three of which vote, and waits until all are known and alive, their agents too.
    pub(crate) async fn up(nodes: u32) -> Self {
        Self::with(nodes, |_| {}).await
    }

    /// The same, with a plan of one's own.
    pub(crate) async fn with(nodes: u32, change: impl FnOnce(&mut Plan)) -> Self {
        let mut agents = 0;
        let (mesh, _) = Self::start(nodes, |plan| {
            change(plan);
            agents = u64::from(nodes * plan.agents);
        });
        let count = nodes as usize;
        mesh.until(
            "every node is alive, every voter votes and every agent is enrolled",
            async |mesh: &Self| {
                let known = mesh.nodes().await;
                let voting = known.iter().filter(|node| node.member.votes).count();
                known.len() == count
                    && known.iter().all(|node| node.condition == Condition::Alive)
                    && voting == count.min(3)
                    && mesh
                        .client
                        .status()
                        .await
                        .is_ok_and(|it| it.agents == agents)
            },
        )
        .await;
        mesh
    }

    /// Starts nodes and waits only until each serves; gives also how long the last of them took to.
    pub(crate) fn start(nodes: u32, change: impl FnOnce(&mut Plan)) -> (Self, Duration) {
        let folder = tempfile::tempdir().expect("the mesh does as the test asks");
        let mut plan =
            Plan::new(folder.path().to_owned(), nodes).expect("the mesh does as the test asks");
        change(&mut plan);
        let mut last = Duration::ZERO;
        let cluster =
            Cluster::up(&plan, |_, took| last = took).expect("the mesh does as the test asks");
        let client = Client::new(&cluster.gateways())
            .expect("the mesh does as the test asks")
            .within(Duration::from_secs(20));
        let mesh = Self {
            cluster: Some(cluster),
            client,
            _folder: folder,
        };
        (mesh, last)
    }

    pub(crate) fn cluster(&self) -> &Cluster {
        self.cluster
            .as_ref()
            .expect("the mesh does as the test asks")
    }

    pub(crate) fn cluster_mut(&mut self) -> &mut Cluster {
        self.cluster
            .as_mut()
            .expect("the mesh does as the test asks")
    }

    pub(crate) fn node(&self, name: &str) -> &NodeEntry {
        self.cluster()
            .node(name)
            .expect("the mesh does as the test asks")
    }

    /// Everybody, as the leader sees them.
    pub(crate) async fn nodes(&self) -> Vec<NodeView> {
        self.client.nodes().await.unwrap_or_default()
    }

    /// Who leads, by name.
    pub(crate) async fn leader(&self) -> String {
        let deadline = Instant::now() + SOON;
        loop {
            if let Some(leader) = self.nodes().await.iter().find(|node| node.leads) {
                return leader.member.name.to_string();
            }
            assert!(Instant::now() < deadline, "nobody leads");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Waits until a condition holds.
    pub(crate) async fn until<'mesh, F>(
        &'mesh self,
        what: &str,
        mut holds: impl FnMut(&'mesh Self) -> F,
    ) where
        F: Future<Output = bool>,
    {
        let deadline = Instant::now() + SOON;
        while !holds(self).await {
            assert!(Instant::now() < deadline, "it did not happen that {what}");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Waits until every node, asked at its own address, lists exactly these members.
    pub(crate) async fn until_all_list(&self, names: &[&str]) {
        let names: BTreeSet<String> = names.iter().map(|&name| name.to_owned()).collect();
        for gateway in self.cluster().gateways() {
            let client = Client::new(&[gateway]).expect("the mesh does as the test asks");
            self.until("every node lists all members", async |_: &Self| {
                let listed = client.nodes().await.unwrap_or_default();
                let listed = listed.iter().map(|node| node.member.name.to_string());
                listed.collect::<BTreeSet<String>>() == names
            })
            .await;
        }
    }

    /// Submits work for a skill; the mesh has acknowledged it when this returns.
    pub(crate) async fn submit(&self, skill: &str, input: &str) -> TaskId {
        let work = Submission::new(
            skill.parse().expect("the mesh does as the test asks"),
            input.as_bytes().to_vec(),
        );
        self.client
            .submit(work)
            .await
            .expect("the mesh does as the test asks")
            .task
    }

    /// Waits for a task to be final.
    pub(crate) async fn wait(&self, task: TaskId) -> Task {
        self.client
            .wait(task, Some(SOON))
            .await
            .expect("the mesh does as the test asks")
    }

    /// Waits for tasks, and checks that each succeeded with exactly one accepted result.
    pub(crate) async fn expect_done(&self, tasks: &[TaskId]) -> Vec<Task> {
        let mut done = Vec::new();
        for id in tasks {
            let task = self.wait(*id).await;
            assert_eq!(task.state, TaskState::Succeeded, "{id}: {:?}", task.history);
            let accepted = task
                .history
                .iter()
                .filter(|step| step.state == TaskState::Succeeded);
            assert_eq!(accepted.count(), 1, "{id} was done twice");
            done.push(task);
        }
        done
    }
}

impl Drop for Mesh {
    fn drop(&mut self) {
        if let Some(cluster) = self.cluster.take() {
            // What cannot be stopped has been reported by the test, or is nobody's fault.
            let _ = cluster.down();
        }
    }
}
