//! Who belongs to the mesh: members and their agents.
//!
//! It keeps records and answers questions about them. What a command may do to them is `apply`'s; what agents can do and
//! how busy they are is `crew`'s.

use std::collections::{BTreeMap, BTreeSet};

use hms_protocol::agent::{Agent, AgentStanding};
use hms_protocol::digest::Hash;
use hms_protocol::id::{AgentId, NodeId, NodeName};
use hms_protocol::limits;
use hms_protocol::member::{Member, NEVER_BEATEN, Presence, RosterView, Seat};
use hms_protocol::membership::raft_id;
use hms_protocol::refusal::Refusal;
use hms_protocol::time::Moment;

use super::table::Table;

/// Members and agents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roster {
    revision: u64,
    members: Table<Member>,
    agents: Table<Agent>,
    // The rest follows from the tables.
    names: BTreeMap<NodeName, NodeId>,
    /// Every agent of a node, whatever its standing.
    by_node: BTreeMap<NodeId, BTreeSet<AgentId>>,
    /// Stopped agents of a node, oldest certificate first: those are forgotten when the node's share is full.
    stopped: BTreeMap<NodeId, BTreeSet<(Moment, AgentId)>>,
}

impl Roster {
    /// Grows whenever a member comes, goes, or changes what others must know of it.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// One member.
    pub fn member(&self, node: NodeId) -> Option<&Member> {
        self.members.get(&node)
    }

    /// One member, or the refusal that says that there is none.
    pub fn known(&self, node: NodeId) -> Result<&Member, Refusal> {
        self.member(node).ok_or(Refusal::UnknownNode { node })
    }

    /// Refuses a member that takes no part any more. A stranger is no such.
    pub fn check_standing(&self, node: NodeId) -> Result<(), Refusal> {
        let excluded = self.member(node).filter(|member| !member.takes_part());
        excluded.map_or(Ok(()), |member| {
            let standing = member.standing.name();
            Err(Refusal::Excluded { node, standing })
        })
    }

    /// Refuses a node that is to become a member under a name or a number in Raft that another member has.
    pub fn check_newcomer(&self, node: NodeId, name: &NodeName) -> Result<(), Refusal> {
        let namesake = self.named(name);
        if namesake.is_some_and(|namesake| namesake.id != node) {
            return Err(Refusal::NameTaken { name: name.clone() });
        }
        let is_new = self.member(node).is_none();
        let mut others = self.members();
        if is_new && others.any(|member| raft_id(member.id) == raft_id(node)) {
            return Err(Refusal::Invalid {
                field: "node id",
                reason: "another member has the same number in Raft: make another key".to_owned(),
            });
        }
        Ok(())
    }

    /// Every member, by id.
    pub fn members(&self) -> impl Iterator<Item = &Member> {
        self.members.iter()
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there are none, which is never so in a mesh.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// The member with this name.
    pub fn named(&self, name: &NodeName) -> Option<&Member> {
        self.names.get(name).and_then(|node| self.member(*node))
    }

    /// Whether the ledger sees the node as present, and it takes part. One that has never beaten is not: nobody knows in
    /// which life it is, and it would refuse whatever is meant for another.
    pub fn is_present(&self, node: NodeId) -> bool {
        self.member(node).is_some_and(|member| {
            let beats = member.presence == Presence::Present && member.incarnation != NEVER_BEATEN;
            beats && member.takes_part()
        })
    }

    /// Whether the node may be given work: it is present, and not cordoned.
    pub fn takes_work(&self, node: NodeId) -> bool {
        self.is_present(node) && self.member(node).is_some_and(|member| !member.cordoned)
    }

    /// How many members have a voter's seat, those that are still catching up included.
    pub fn seated(&self) -> usize {
        self.members()
            .filter(|member| member.seat == Seat::Voter)
            .count()
    }

    /// Spares that could take a voter's seat, by id.
    pub fn spares(&self) -> impl Iterator<Item = &Member> {
        self.members().filter(|member| {
            member.seat == Seat::Spare && member.takes_part() && self.is_present(member.id)
        })
    }

    /// What a node is called; its short id if it is not a member.
    pub fn name_of(&self, node: NodeId) -> String {
        self.member(node)
            .map_or_else(|| node.short(), |member| member.name.to_string())
    }

    /// The members as a worker needs them.
    pub fn view(&self) -> RosterView {
        RosterView {
            revision: self.revision,
            members: self.members().cloned().collect(),
        }
    }

    /// One agent.
    pub fn agent(&self, agent: AgentId) -> Option<&Agent> {
        self.agents.get(&agent)
    }

    /// One agent, or the refusal that says that there is none.
    pub fn enrolled(&self, agent: AgentId) -> Result<&Agent, Refusal> {
        self.agent(agent).ok_or(Refusal::UnknownAgent { agent })
    }

    /// Every agent, by id.
    pub fn agents(&self) -> impl Iterator<Item = &Agent> {
        self.agents.iter()
    }

    /// Every agent, as the table that holds them: records are shared, so a copy is cheap.
    pub fn agents_table(&self) -> &Table<Agent> {
        &self.agents
    }

    /// Every agent with a greater id, by id.
    pub fn agents_after(&self, agent: AgentId) -> impl Iterator<Item = &Agent> {
        self.agents.iter_after(&agent)
    }

    /// Every agent of a node, by id.
    pub fn agents_of(&self, node: NodeId) -> impl Iterator<Item = &Agent> {
        let agents = self.by_node.get(&node).into_iter().flatten();
        agents.filter_map(|agent| self.agent(*agent))
    }

    /// How many agents of a node are on record, whatever their standing.
    pub fn agents_count(&self, node: NodeId) -> usize {
        self.by_node.get(&node).map_or(0, BTreeSet::len)
    }

    /// How many agents are on record, whatever their standing.
    pub fn agents_total(&self) -> usize {
        self.agents.len()
    }

    /// Digests of the tables, for the digest of the whole state.
    pub fn digests(&self) -> [Hash; 2] {
        [self.members.digest(), self.agents.digest()]
    }

    /// Adds or replaces a member. `news` says whether others must know.
    pub(super) fn put_member(&mut self, member: Member, news: bool) {
        if let Some(former) = self.members.get(&member.id) {
            self.names.remove(&former.name);
        }
        self.names.insert(member.name.clone(), member.id);
        self.members.put(member);
        self.revision += u64::from(news);
    }

    /// Adds or replaces an agent. If its node's share is full, the agent that was stopped with the oldest certificate is
    /// forgotten; `Busy` if there is none.
    pub(super) fn put_agent(&mut self, agent: Agent) -> Result<(), Refusal> {
        let certificate = &agent.certificate;
        let (id, node) = (certificate.agent, certificate.node);
        match self.agents.get(&id) {
            Some(former) => {
                let issued_at = former.certificate.issued_at;
                remove_from(&mut self.stopped, node, &(issued_at, id));
            }
            None => self.make_room(node)?,
        }
        if agent.standing == AgentStanding::Stopped {
            let stopped = self.stopped.entry(node).or_default();
            stopped.insert((certificate.issued_at, id));
        }
        self.by_node.entry(node).or_default().insert(id);
        self.agents.put(agent);
        Ok(())
    }

    fn make_room(&mut self, node: NodeId) -> Result<(), Refusal> {
        if self.agents_count(node) < limits::AGENTS_PER_NODE_MAX {
            return Ok(());
        }
        let stopped = self.stopped.get(&node);
        let Some((_, oldest)) = stopped.and_then(BTreeSet::first).copied() else {
            return Err(Refusal::Busy {
                what: "the node's share of agents",
                max: limits::AGENTS_PER_NODE_MAX as u64,
            });
        };
        self.remove_agent(oldest);
        Ok(())
    }

    /// Removes an agent's record.
    pub(super) fn remove_agent(&mut self, agent: AgentId) {
        let Some(former) = self.agents.remove(&agent) else {
            return;
        };
        let node = former.certificate.node;
        remove_from(&mut self.by_node, node, &agent);
        let issued_at = former.certificate.issued_at;
        remove_from(&mut self.stopped, node, &(issued_at, agent));
    }

    /// Sets the revision that a checkpoint names.
    pub(super) fn resume(&mut self, revision: u64) {
        self.revision = revision;
    }
}

/// Removes an entry from a node's set, and the set with it when it was the last.
fn remove_from<T: Ord>(sets: &mut BTreeMap<NodeId, BTreeSet<T>>, node: NodeId, entry: &T) {
    if let Some(set) = sets.get_mut(&node) {
        set.remove(entry);
        if set.is_empty() {
            sets.remove(&node);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use hms_protocol::agent::AgentCertificate;
    use hms_protocol::keyring::{PublicKey, Signature};

    use super::*;

    const NODE: NodeId = NodeId::from_bytes([1; 32]);

    fn agent(number: usize, standing: AgentStanding) -> Agent {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&number.to_le_bytes());
        Agent {
            certificate: AgentCertificate {
                agent: AgentId::from_bytes(id),
                key: PublicKey::from_bytes([0; 32]),
                node: NODE,
                skills: BTreeSet::new(),
                offers: BTreeSet::new(),
                slots: 1,
                issued_at: Moment(number as u64),
                signature: Signature::from_bytes([0; 64]),
            },
            standing,
        }
    }

    #[test]
    fn a_node_whose_share_is_full_forgets_who_was_stopped_with_the_oldest_certificate() {
        let mut roster = Roster::default();
        for number in 0..limits::AGENTS_PER_NODE_MAX {
            let standing = match number {
                7 | 9 => AgentStanding::Stopped,
                8 => AgentStanding::Quarantined,
                _ => AgentStanding::Ready,
            };
            roster.put_agent(agent(number, standing)).unwrap();
        }
        let mut newcomers =
            (limits::AGENTS_PER_NODE_MAX..).map(|number| agent(number, AgentStanding::Ready));
        let mut put = || roster.put_agent(newcomers.next().expect("there is always another"));
        assert_eq!(put(), Ok(()));
        assert_eq!(put(), Ok(()));
        assert_eq!(put().unwrap_err().code(), "HMS-BUSY");
        let known = |number| roster.agent(agent(number, AgentStanding::Ready).certificate.agent);
        assert!(known(7).is_none() && known(9).is_none());
        assert!(
            known(8).is_some(),
            "evidence against an agent outlives its node's need for room"
        );
        assert_eq!(roster.agents_count(NODE), limits::AGENTS_PER_NODE_MAX);
    }
}
