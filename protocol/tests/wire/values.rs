//! Arbitrary values of every type that travels, within the bounds that the codecs enforce.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use hms_protocol::agent::{Agent, AgentCertificate, AgentStanding};
use hms_protocol::digest::Hash;
use hms_protocol::id::{
    AgentId, Incarnation, Index, MeshId, NodeId, NodeName, Position, Sequence, ServiceName,
    SkillName, TaskId, Term,
};
use hms_protocol::keyring::{PublicKey, Signature};
use hms_protocol::member::{Member, MemberStanding, Presence, Role, RosterView, Seat};
use hms_protocol::proof::Claim;
use hms_protocol::skill::SkillSpec;
use hms_protocol::time::Moment;
use hms_protocol::tree::TreePath;
use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;

pub(crate) mod frames;
pub(crate) mod messages;
pub(crate) mod records;

/// Sizes of lists: enough to show an order, few enough to run many cases.
pub(crate) const FEW: RangeInclusive<usize> = 0..=4;

pub(crate) fn node_id() -> impl Strategy<Value = NodeId> {
    any::<[u8; 32]>().prop_map(NodeId::from_bytes)
}

pub(crate) fn mesh_id() -> impl Strategy<Value = MeshId> {
    any::<[u8; 32]>().prop_map(MeshId::from_bytes)
}

pub(crate) fn agent_id() -> impl Strategy<Value = AgentId> {
    any::<[u8; 16]>().prop_map(AgentId::from_bytes)
}

pub(crate) fn task_id() -> impl Strategy<Value = TaskId> {
    any::<[u8; 16]>().prop_map(TaskId::from_bytes)
}

pub(crate) fn hash() -> impl Strategy<Value = Hash> {
    any::<[u8; 32]>().prop_map(Hash::from_bytes)
}

pub(crate) fn moment() -> impl Strategy<Value = Moment> {
    any::<u64>().prop_map(Moment)
}

pub(crate) fn incarnation() -> impl Strategy<Value = Incarnation> {
    any::<u64>().prop_map(Incarnation)
}

pub(crate) fn sequence() -> impl Strategy<Value = Sequence> {
    any::<u64>().prop_map(Sequence)
}

pub(crate) fn term() -> impl Strategy<Value = Term> {
    any::<u64>().prop_map(Term)
}

pub(crate) fn index() -> impl Strategy<Value = Index> {
    any::<u64>().prop_map(Index)
}

const NAME: &str = "[a-z][a-z0-9._-]{0,20}";

pub(crate) fn skill_name() -> impl Strategy<Value = SkillName> {
    NAME.prop_map(|name| name.parse().expect("the pattern makes names"))
}

pub(crate) fn service_name() -> impl Strategy<Value = ServiceName> {
    NAME.prop_map(|name| name.parse().expect("the pattern makes names"))
}

pub(crate) fn node_name() -> impl Strategy<Value = NodeName> {
    NAME.prop_map(|name| name.parse().expect("the pattern makes names"))
}

/// Any text, not only ASCII.
pub(crate) fn text() -> impl Strategy<Value = String> {
    "[a-z ß中🦀\"]{0,12}"
}

pub(crate) fn bytes() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..64)
}

pub(crate) fn skills() -> impl Strategy<Value = BTreeSet<SkillName>> {
    btree_set(skill_name(), FEW)
}

pub(crate) fn texts() -> impl Strategy<Value = BTreeSet<String>> {
    btree_set(text(), FEW)
}

pub(crate) fn labels() -> impl Strategy<Value = BTreeMap<String, String>> {
    btree_map(text(), text(), FEW)
}

prop_compose! {
    pub(crate) fn position()(index in index(), offset: u32) -> Position {
        Position { index, offset }
    }
}

prop_compose! {
    pub(crate) fn claim()(base in hash(), label in text(), submission in text()) -> Claim {
        Claim { base, label, submission }
    }
}

prop_compose! {
    pub(crate) fn tree_path()(index: u32, size: u32, siblings in vec(hash(), FEW)) -> TreePath {
        TreePath { index, size, siblings }
    }
}

prop_compose! {
    pub(crate) fn skill_spec()(
        name in skill_name(), version in text(), summary in text(), input in text(),
        offers in texts(),
    ) -> SkillSpec {
        SkillSpec { name, version, summary, input, offers }
    }
}

prop_compose! {
    pub(crate) fn certificate()(
        agent in agent_id(), key: [u8; 32], node in node_id(), skills in skills(),
        offers in texts(), slots in 0..=1_024_u32, issued_at in moment(), signature: [u8; 64],
    ) -> AgentCertificate {
        AgentCertificate {
            agent,
            key: PublicKey::from_bytes(key),
            node,
            skills,
            offers,
            slots,
            issued_at,
            signature: Signature::from_bytes(signature),
        }
    }
}

prop_compose! {
    pub(crate) fn agent()(
        certificate in certificate(),
        standing in prop::sample::select(vec![
            AgentStanding::Ready, AgentStanding::Quarantined, AgentStanding::Stopped,
            AgentStanding::Revoked,
        ]),
    ) -> Agent {
        Agent { certificate, standing }
    }
}

pub(crate) fn role() -> impl Strategy<Value = Role> {
    prop::sample::select(vec![Role::Voter, Role::Worker])
}

fn seat() -> impl Strategy<Value = Seat> {
    prop::sample::select(vec![Seat::None, Seat::Spare, Seat::Voter])
}

prop_compose! {
    pub(crate) fn member()(
        id in node_id(), name in node_name(), role in role(), addresses in vec(text(), FEW),
        gateway in text(), incarnation in incarnation(),
        presence in prop::sample::select(vec![Presence::Present, Presence::Lost]),
        votes: bool, admitted_at in moment(),
        standing in prop::sample::select(vec![
            MemberStanding::Good, MemberStanding::Quarantined, MemberStanding::Revoked,
        ]),
        (seat, listens, presence_since, cordoned) in (seat(), any::<bool>(), moment(), any::<bool>()),
    ) -> Member {
        Member {
            id, name, role, addresses, gateway, incarnation, presence, votes, admitted_at, standing,
            seat, listens, presence_since, cordoned,
        }
    }
}

prop_compose! {
    pub(crate) fn roster()(revision: u64, members in vec(member(), FEW)) -> RosterView {
        RosterView { revision, members: members.into() }
    }
}

/// Either nothing or something, as often.
pub(crate) fn maybe<T: std::fmt::Debug>(
    strategy: impl Strategy<Value = T>,
) -> impl Strategy<Value = Option<T>> {
    option::of(strategy)
}
