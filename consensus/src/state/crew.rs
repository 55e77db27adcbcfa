//! Who can do what, and how busy each is: an index over the roster's agents and the ledger's open runs.
//!
//! Agents of equal abilities form a *class*; within a class each node's agents stand in order of load. That is what makes
//! placing one task cost a few look-ups, whether there are ten agents or ten thousand. Everything here follows from the
//! roster and the ledger, so it has no part in the state's digest and is built anew when a checkpoint is read.
//!
//! It does not know whether a node is present: callers ask the roster.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hms_protocol::agent::{Agent, AgentStanding};
use hms_protocol::id::{AgentId, NodeId, SkillName};
use hms_protocol::peer::Run;

use super::waiting::Demand;

/// Load of an agent whose slots are all taken, in thousandths. An agent with more runs than slots has a higher one.
pub const LOAD_FULL: u32 = 1_000;

/// The index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Crew {
    /// Ready agents only.
    hands: BTreeMap<AgentId, Hand>,
    /// By content, so that iteration does not depend on the order in which agents came.
    classes: BTreeMap<Arc<Ability>, Class>,
    /// Classes of each skill.
    by_skill: BTreeMap<SkillName, BTreeSet<Arc<Ability>>>,
    /// Open runs of every agent, ready or not.
    runs: BTreeMap<NodeId, BTreeMap<AgentId, BTreeSet<Run>>>,
}

/// What the agents of one class can do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ability {
    /// Their skills.
    pub skills: BTreeSet<SkillName>,
    /// Their offers.
    pub offers: BTreeSet<String>,
}

/// The agents of one class on each node, least loaded first.
pub type Class = BTreeMap<NodeId, BTreeSet<(u32, AgentId)>>;

#[derive(Clone, Debug, PartialEq, Eq)]
struct Hand {
    node: NodeId,
    slots: u32,
    load: u32,
    ability: Arc<Ability>,
}

impl Crew {
    /// Takes note of an agent as the roster has it now.
    pub fn enlist(&mut self, agent: &Agent) {
        let certificate = &agent.certificate;
        self.strike(certificate.agent);
        if agent.standing != AgentStanding::Ready {
            return;
        }
        let hand = Hand {
            node: certificate.node,
            slots: certificate.slots,
            load: load(
                self.running(certificate.node, certificate.agent),
                certificate.slots,
            ),
            ability: self.share(Ability {
                skills: certificate.skills.clone(),
                offers: certificate.offers.clone(),
            }),
        };
        let class = self.classes.entry(Arc::clone(&hand.ability)).or_default();
        let agents = class.entry(hand.node).or_default();
        agents.insert((hand.load, certificate.agent));
        self.hands.insert(certificate.agent, hand);
    }

    /// The one copy of an ability that all agents of its class share.
    fn share(&mut self, ability: Ability) -> Arc<Ability> {
        if let Some((known, _)) = self.classes.get_key_value(&ability) {
            return Arc::clone(known);
        }
        let ability = Arc::new(ability);
        for skill in &ability.skills {
            let classes = self.by_skill.entry(skill.clone()).or_default();
            classes.insert(Arc::clone(&ability));
        }
        ability
    }

    /// Forgets what an agent can do, not what it runs.
    fn strike(&mut self, agent: AgentId) {
        let Some(hand) = self.hands.remove(&agent) else {
            return;
        };
        let Some(class) = self.classes.get_mut(&hand.ability) else {
            return;
        };
        if let Some(agents) = class.get_mut(&hand.node) {
            agents.remove(&(hand.load, agent));
            if agents.is_empty() {
                class.remove(&hand.node);
            }
        }
        if class.is_empty() {
            self.classes.remove(&hand.ability);
            for skill in &hand.ability.skills {
                if let Some(classes) = self.by_skill.get_mut(skill) {
                    classes.remove(&hand.ability);
                    if classes.is_empty() {
                        self.by_skill.remove(skill);
                    }
                }
            }
        }
    }

    /// An agent has a run more.
    pub fn take(&mut self, node: NodeId, agent: AgentId, run: Run) {
        let agents = self.runs.entry(node).or_default();
        agents.entry(agent).or_default().insert(run);
        self.weigh(node, agent);
    }

    /// An agent has a run less.
    pub fn release(&mut self, node: NodeId, agent: AgentId, run: Run) {
        if let Some(agents) = self.runs.get_mut(&node) {
            if let Some(runs) = agents.get_mut(&agent) {
                runs.remove(&run);
                if runs.is_empty() {
                    agents.remove(&agent);
                }
            }
            if agents.is_empty() {
                self.runs.remove(&node);
            }
        }
        self.weigh(node, agent);
    }

    /// Moves an agent to where its load belongs.
    fn weigh(&mut self, node: NodeId, agent: AgentId) {
        let running = self.running(node, agent);
        let Some(hand) = self.hands.get_mut(&agent) else {
            return;
        };
        let now = load(running, hand.slots);
        if now == hand.load {
            return;
        }
        let agents = self
            .classes
            .get_mut(&hand.ability)
            .and_then(|class| class.get_mut(&node));
        if let Some(agents) = agents {
            agents.remove(&(hand.load, agent));
            agents.insert((now, agent));
        }
        hand.load = now;
    }

    /// How many runs an agent has.
    pub fn running(&self, node: NodeId, agent: AgentId) -> usize {
        let agents = self.runs.get(&node);
        agents
            .and_then(|agents| agents.get(&agent))
            .map_or(0, BTreeSet::len)
    }

    /// The runs of one agent.
    pub fn runs_of(&self, node: NodeId, agent: AgentId) -> impl Iterator<Item = Run> {
        let agents = self.runs.get(&node);
        let runs = agents.and_then(|agents| agents.get(&agent));
        runs.into_iter().flatten().copied()
    }

    /// Every run on a node, and whose it is.
    pub fn runs_on(&self, node: NodeId) -> impl Iterator<Item = (AgentId, Run)> {
        let agents = self.runs.get(&node).into_iter().flatten();
        agents.flat_map(|(agent, runs)| runs.iter().map(|run| (*agent, *run)))
    }

    /// Every skill that a ready agent has, with the classes that have it.
    pub fn skills(&self) -> impl Iterator<Item = (&SkillName, impl Iterator<Item = &Class>)> {
        self.by_skill.iter().map(|(skill, abilities)| {
            let classes = abilities
                .iter()
                .filter_map(|ability| self.classes.get(ability));
            (skill, classes)
        })
    }

    /// The classes that have a skill.
    pub fn with_skill(&self, skill: &SkillName) -> impl Iterator<Item = (&Ability, &Class)> {
        let abilities = self.by_skill.get(skill).into_iter().flatten();
        abilities
            .filter_map(|ability| self.classes.get_key_value(ability))
            .map(|(ability, class)| (&**ability, class))
    }

    /// The classes that have the skill and all offers that are needed.
    pub fn capable(&self, demand: &Demand) -> impl Iterator<Item = &Class> {
        let classes = self.with_skill(&demand.skill);
        classes
            .filter(|(ability, _)| demand.needs.is_subset(&ability.offers))
            .map(|(_, class)| class)
    }

    /// Whether a ready agent of this node has the skill.
    pub fn node_has(&self, node: NodeId, skill: &SkillName) -> bool {
        self.with_skill(skill)
            .any(|(_, class)| class.contains_key(&node))
    }

    /// Nodes with a ready agent that has the skill, in order.
    pub fn nodes_with(&self, skill: &SkillName) -> BTreeSet<NodeId> {
        let classes = self.with_skill(skill);
        classes
            .flat_map(|(_, class)| class.keys().copied())
            .collect()
    }

    /// Nodes with a ready agent that has the skill and the needs, in order.
    pub fn nodes_capable(&self, demand: &Demand) -> BTreeSet<NodeId> {
        self.capable(demand)
            .flat_map(|class| class.keys().copied())
            .collect()
    }

    /// The least loaded capable agents of one node, at most `wanted`, none of them `except`, each with its load.
    pub fn idlest(
        &self,
        demand: &Demand,
        node: NodeId,
        except: AgentId,
        wanted: usize,
    ) -> Vec<(u32, AgentId)> {
        let mut found: Vec<(u32, AgentId)> = Vec::new();
        for class in self.capable(demand) {
            let agents = class.get(&node).into_iter().flatten().copied();
            found.extend(agents.filter(|(_, agent)| *agent != except).take(wanted));
        }
        found.sort_unstable();
        found.truncate(wanted);
        found
    }
}

/// Share of the slots in use, in thousandths. No slots are full slots.
pub fn load(running: usize, slots: u32) -> u32 {
    if slots == 0 {
        return LOAD_FULL;
    }
    let running = u64::try_from(running).unwrap_or(u64::MAX);
    let share = running.saturating_mul(u64::from(LOAD_FULL)) / u64::from(slots);
    u32::try_from(share).unwrap_or(u32::MAX)
}
