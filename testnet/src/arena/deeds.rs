//! How the method of a drill is carried out against real nodes.
//!
//! What a node says is left to the adversary that runs in its place; what befalls a machine, and what strangers do, is done
//! here.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::Duration;

use hms_client::{Client, Submission};
use hms_keystore::{draw_seed, load_operator, now};
use hms_protocol::id::NodeId;
use hms_protocol::order::{Order, OrderDraft};
use hms_protocol::time::Moment;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::damage::{copy, io, spoil, wait_for_growth};
use super::ground::Ground;
use super::orders::{self, Ordered, Orders};
use super::strangers::Strangers;
use crate::attack::{Attack, Damage, Seam};
use crate::chaos;
use crate::drill::Drill;
use crate::drill::manifest::Step;
use crate::manifest::NodeEntry;
use crate::{Plan, TestnetFault};

/// Bytes of the input of a client that floods.
const FLOOD_BYTES: usize = 4 * 1024;

/// What is done.
pub(super) struct Deeds {
    /// Who is meant by each step.
    steps: Vec<(Step, String)>,
    began: Instant,
    began_ms: u64,
    /// Steps that were begun, and those that were ended.
    begun: BTreeSet<usize>,
    ended: BTreeSet<usize>,
    /// Nodes that are down or paused because of a step.
    down: BTreeSet<String>,
    /// Processes that are no nodes of the mesh.
    strangers: Strangers,
    /// What was done here, and what of it was refused.
    done: u64,
    pub(super) refused: u64,
    /// When something was first done.
    first: Option<Instant>,
    /// Why a node did not start, if that was seen, and when.
    pub(super) start_refused: Option<(Instant, String)>,
    /// Harm that no invariant covers.
    pub(super) harm: Option<String>,
    floods: JoinSet<()>,
    stop: CancellationToken,
}

impl Deeds {
    /// Tells every adversary what to do.
    pub(super) fn begin(
        ground: &Ground,
        drill: &Drill,
        seed: u64,
        leader: Option<NodeId>,
    ) -> Result<Self, TestnetFault> {
        let leader = leader.map(|leader| ground.name_of(leader));
        let leader = leader.unwrap_or_else(|| Plan::name_of(1));
        let resolve = |name: &str| drill.resolve(name, &leader);
        let steps: Vec<(Step, String)> = drill
            .method
            .iter()
            .map(|step| (step.clone(), resolve(&step.by)))
            .collect();
        let mut orders: BTreeMap<String, Orders> = BTreeMap::new();
        for (step, name) in steps.iter().filter(|(step, _)| is_told(step.attack)) {
            let toward = step.when.toward.iter().map(|name| resolve(name));
            let ids =
                toward.filter_map(|name| ground.nodes().iter().find(|node| node.name == name));
            let ordered = Ordered {
                attack: step.attack,
                when: step.when.clone(),
                toward: ids.map(|node| node.ready.node.clone()).collect(),
            };
            let own = orders.entry(name.clone()).or_insert_with(|| Orders {
                seed,
                steps: Vec::new(),
            });
            own.steps.push(ordered);
        }
        for node in ground.nodes() {
            if let Some(orders) = orders.get(&node.name) {
                orders
                    .write(&node.data_dir)
                    .map_err(io("written", &node.data_dir))?;
            }
        }
        Ok(Self {
            steps,
            began: Instant::now(),
            began_ms: wall_ms(),
            begun: BTreeSet::new(),
            ended: BTreeSet::new(),
            down: BTreeSet::new(),
            strangers: Strangers::default(),
            done: 0,
            refused: 0,
            first: None,
            start_refused: None,
            harm: None,
            floods: JoinSet::new(),
            stop: CancellationToken::new(),
        })
    }

    /// Who is guilty of something, by name.
    pub(super) fn guilty(&self) -> BTreeSet<&str> {
        let guilty = self.steps.iter().filter(|(step, _)| step.attack.is_guilt());
        guilty.map(|(_, name)| name.as_str()).collect()
    }

    /// Who does something, by name.
    pub(super) fn actors(&self) -> BTreeSet<&str> {
        self.steps.iter().map(|(_, name)| name.as_str()).collect()
    }

    /// How often something was done.
    pub(super) fn told(&self, ground: &Ground) -> u64 {
        let told = ground.nodes().iter().map(|node| {
            let deeds = orders::Deeds::read(&node.data_dir);
            deeds.last().map_or(0, |deeds| deeds.told)
        });
        self.done + told.sum::<u64>()
    }

    /// When something was first done.
    pub(super) fn first(&self, ground: &Ground) -> Option<Instant> {
        let told = ground.nodes().iter().filter_map(|node| {
            let first = orders::Deeds::read(&node.data_dir).into_iter().next()?;
            let after = first.at_ms.saturating_sub(self.began_ms);
            Some(self.began + Duration::from_millis(after))
        });
        told.chain(self.first).min()
    }

    /// Begins what is due, and ends it.
    pub(super) async fn go_on(&mut self, ground: &mut Ground) -> Result<(), TestnetFault> {
        let since_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        for number in 0..self.steps.len() {
            let (step, name) = self.steps[number].clone();
            if step.when.after_ms <= since_ms && self.begun.insert(number) {
                self.start(ground, &step, &name).await?;
            }
            let lasting_ms = step.attack.lasting_ms();
            let over = lasting_ms.is_some_and(|it| step.when.after_ms + it <= since_ms);
            if over && self.ended.insert(number) {
                self.restore(ground, &name)?;
            }
        }
        Ok(())
    }

    /// Ends everything.
    pub(super) async fn end(&mut self, ground: &mut Ground) -> Result<(), TestnetFault> {
        self.stop.cancel();
        while self.floods.join_next().await.is_some() {}
        for node in ground.nodes() {
            Orders::revoke(&node.data_dir).map_err(io("removed", &node.data_dir))?;
        }
        self.strangers.end()?;
        for name in self.down.clone() {
            self.restore(ground, &name)?;
        }
        Ok(())
    }

    fn did(&mut self) {
        self.done += 1;
        self.first.get_or_insert_with(Instant::now);
    }

    async fn start(
        &mut self,
        ground: &mut Ground,
        step: &Step,
        name: &str,
    ) -> Result<(), TestnetFault> {
        let node = ground.cluster().node(name)?.clone();
        let attack = step.attack;
        if matches!(attack, Attack::Crash { .. } | Attack::Pause { .. }) {
            if matches!(attack, Attack::Crash { .. }) {
                chaos::kill(&node)?;
            } else {
                ground.pause(&node)?;
            }
            self.down.insert(name.to_owned());
            self.did();
        } else if matches!(attack, Attack::SkewClock { .. }) {
            chaos::kill(&node)?;
            ground.cluster().restart(name)?;
            self.did();
        } else if let Attack::Disk { damage } = attack {
            self.damage(ground, &node, damage)?;
        } else if attack == Attack::Twin {
            self.strangers.copy(ground, &node)?;
            self.did();
        } else if let Attack::Sybils { count } = attack {
            let invasion = self.strangers.invade(ground, &node, count)?;
            self.done += invasion.asked;
            self.refused += invasion.refused;
            self.first.get_or_insert(invasion.began);
            self.harm = invasion.harm.or(self.harm.take());
        } else if let Attack::Flood { clients } = attack {
            self.flood(ground, clients)?;
        } else if attack == Attack::StealOperatorKey {
            self.steal(ground, &node).await?;
        }
        Ok(())
    }

    /// Lets a node run again.
    fn restore(&mut self, ground: &mut Ground, name: &str) -> Result<(), TestnetFault> {
        if self.down.remove(name) {
            let node = ground.cluster().node(name)?.clone();
            ground.resume(&node)?;
            if node.process.pulse() == crate::process::Pulse::Gone {
                ground.cluster().restart(name)?;
            }
        }
        Ok(())
    }

    /// Kills a node, changes its ledger, and starts it again. Whether it starts, and what it says if it does not, is told.
    fn damage(
        &mut self,
        ground: &mut Ground,
        node: &NodeEntry,
        damage: Damage,
    ) -> Result<(), TestnetFault> {
        let ledger = node.data_dir.join("ledger");
        let kept = ground.folder().join("kept");
        if damage == Damage::RollBack {
            chaos::kill(node)?;
            copy(&ledger, &kept)?;
            ground.cluster().restart(&node.name)?;
            wait_for_growth(&ledger, &kept)?;
        }
        let node = ground.cluster().node(&node.name)?.clone();
        chaos::kill(&node)?;
        self.did();
        match damage {
            Damage::RollBack => {
                fs::remove_dir_all(&ledger).map_err(io("removed", &ledger))?;
                copy(&kept, &ledger)?;
            }
            Damage::Flip | Damage::Truncate => spoil(&ledger, damage)?,
        }
        match ground.cluster().restart(&node.name) {
            Ok(_) => {}
            Err(TestnetFault::Stopped { log_tail, .. }) => {
                let said = log_tail.lines().find(|line| line.starts_with("hms-"));
                let why = said.unwrap_or("it says nothing").to_owned();
                self.start_refused = Some((Instant::now(), why));
            }
            Err(fault) => return Err(fault),
        }
        Ok(())
    }

    /// Lets clients ask without pause.
    fn flood(&mut self, ground: &Ground, clients: u32) -> Result<(), TestnetFault> {
        for _ in 0..clients {
            let client = Client::new(&ground.gateways())?;
            let stop = self.stop.clone();
            self.floods.spawn(async move {
                let echo: hms_protocol::id::SkillName = "echo".parse().expect("a skill's name");
                while !stop.is_cancelled() {
                    // Whether it is taken is the mesh's affair.
                    let _ = client
                        .submit(Submission::new(echo.clone(), vec![b'x'; FLOOD_BYTES]))
                        .await;
                }
            });
        }
        self.did();
        Ok(())
    }

    /// Gives an order with the operator's key.
    async fn steal(&mut self, ground: &mut Ground, node: &NodeEntry) -> Result<(), TestnetFault> {
        let operator = load_operator(ground.cluster().operator_key())?;
        let (mesh, victim) = (node.ready.mesh.parse(), node.ready.node.parse());
        let (Ok(mesh), Ok(victim)) = (mesh, victim) else {
            return Err(TestnetFault::NoMesh {
                folder: node.data_dir.clone(),
            });
        };
        let seed = draw_seed()?;
        let draft = OrderDraft {
            mesh,
            issued_at: now(),
            nonce: seed[..16].try_into().expect("half of 32 bytes"),
            order: Order::RevokeNode(victim),
        };
        self.did();
        let client = Client::new(&ground.gateways())?;
        match client.operate(&draft.sign(&operator)).await {
            Ok(_) => {
                let name = &node.name;
                self.harm = Some(format!(
                    "{name} is thrown out by an order that its operator has not given"
                ));
            }
            Err(_) => self.refused += 1,
        }
        Ok(())
    }
}

/// Whether an adversary is told to do it, or it is done from here.
fn is_told(attack: Attack) -> bool {
    let noise = matches!(
        attack,
        Attack::Garbage { .. }
            | Attack::TamperRelayed
            | Attack::SilenceRelay
            | Attack::SkewClock { .. }
    );
    noise || matches!(attack.seam(), Seam::Traffic | Seam::Desk | Seam::Agents)
}

fn wall_ms() -> u64 {
    let Moment(now) = now();
    now
}
