//! Arbitrary messages: what nodes say, and the envelopes that it travels in.

use hms_protocol::certificate::{Attestation, Certificate, Phase, Statement};
use hms_protocol::codec::bundle::Bundle;
use hms_protocol::codec::envelope::seal;
use hms_protocol::envelope::{Audience, BodyKind, Header, Sealed, Sender};
use hms_protocol::evidence::VoterEvidence;
use hms_protocol::heartbeat::Heartbeat;
use hms_protocol::id::Epoch;
use hms_protocol::keyring::{SecretKey, Signature};
use hms_protocol::peer::{
    Announcement, Dispatch, Echo, Happening, Lead, PeerMessage, Run, SuccessionShown,
};
use hms_protocol::replay::{Remembered, ReplayRecord};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::select;

use super::records::{observation, report, service_spec};
use super::{
    FEW, agent_id, bytes, certificate, hash, incarnation, index, maybe, mesh_id, moment, node_id,
    position, roster, sequence, skill_name, skill_spec, skills, task_id, term, text,
};

pub(crate) fn sender() -> impl Strategy<Value = Sender> {
    prop_oneof![
        node_id().prop_map(Sender::Node),
        agent_id().prop_map(Sender::Agent)
    ]
}

pub(crate) fn audience() -> impl Strategy<Value = Audience> {
    prop_oneof![
        node_id().prop_map(Audience::Node),
        Just(Audience::Mesh),
        Just(Audience::Ledger),
    ]
}

pub(crate) fn body_kind() -> impl Strategy<Value = BodyKind> {
    select(vec![
        BodyKind::Peer,
        BodyKind::Heartbeat,
        BodyKind::Announcement,
        BodyKind::Report,
        BodyKind::Verdict,
    ])
}

prop_compose! {
    pub(crate) fn header()(
        mesh in mesh_id(), sender in sender(), audience in audience(),
        incarnation in incarnation(), sequence in sequence(), issued_at in moment(),
        expires_at in moment(), kind in body_kind(), body_hash in hash(),
    ) -> Header {
        Header {
            mesh, sender, audience, incarnation, sequence, issued_at, expires_at, kind, body_hash,
        }
    }
}

prop_compose! {
    pub(crate) fn sealed()(header in header(), body in bytes(), seed: [u8; 32]) -> Sealed {
        seal(header, body, &SecretKey::from_seed(&seed))
    }
}

fn sealed_as(kind: BodyKind) -> impl Strategy<Value = Sealed> {
    (header(), bytes(), any::<[u8; 32]>()).prop_map(move |(header, body, seed)| {
        seal(
            Header { kind, ..header },
            body,
            &SecretKey::from_seed(&seed),
        )
    })
}

pub(crate) fn run() -> impl Strategy<Value = Run> {
    prop_oneof![
        (task_id(), any::<u32>()).prop_map(|(task, attempt)| Run::Attempt { task, attempt }),
        (task_id(), any::<u32>(), any::<u32>(), agent_id()).prop_map(
            |(task, attempt, round, verifier)| Run::Check {
                task,
                attempt,
                round,
                verifier
            }
        ),
    ]
}

prop_compose! {
    pub(crate) fn dispatch()(
        run in run(), agent in agent_id(), incarnation in incarnation(), as_of in sequence(),
        skill in skill_name(), input in bytes(), report in maybe(report()), limit_ms: u64,
        lease_until in moment(), warrant in bytes(),
    ) -> Dispatch {
        Dispatch {
            run, agent, incarnation, as_of, skill, input, report, limit_ms, lease_until, warrant,
        }
    }
}

prop_compose! {
    pub(crate) fn lead()(
        term in term(), roster_revision: u64, epoch in any::<u64>().prop_map(Epoch),
        watch in hash(), at in moment(), heard in maybe((sequence(), any::<u64>())),
    ) -> Lead {
        let heard = heard.map(|(sequence, ago_ms)| Echo { sequence, ago_ms });
        Lead { term, roster_revision, epoch, watch, at, heard }
    }
}

prop_compose! {
    fn digest()(index in index(), state in hash(), chain in hash()) -> PeerMessage {
        PeerMessage::Digest { index, state, chain }
    }
}

prop_compose! {
    pub(super) fn word()(
        group in mesh_id(), voter in node_id(), (epoch, term) in (any::<u64>(), term()),
        index in index(), hash in hash(), locked: bool, signature: [u8; 64],
    ) -> Attestation {
        let signature = Signature::from_bytes(signature);
        let phase = if locked { Phase::Locked } else { Phase::Held };
        let statement = Statement { group, epoch: Epoch(epoch), phase, term, index, hash };
        Attestation { statement, voter, signature }
    }
}

/// What is said to convict a voter, whether or not it does.
fn evidence() -> impl Strategy<Value = PeerMessage> {
    (word(), word()).prop_map(|(first, second)| {
        PeerMessage::Evidence(Box::new(VoterEvidence::TwoAttestations { first, second }))
    })
}

/// What voters and the leader say about the mesh itself.
fn housekeeping() -> impl Strategy<Value = PeerMessage> {
    let have_revision = any::<u64>();
    prop_oneof![
        bytes().prop_map(PeerMessage::Raft),
        lead().prop_map(PeerMessage::Lead),
        have_revision.prop_map(|have_revision| PeerMessage::AskRoster { have_revision }),
        roster().prop_map(PeerMessage::Roster),
        any::<u64>().prop_map(|have| PeerMessage::AskSuccession { have: Epoch(have) }),
        (bytes(), vec(bytes(), FEW)).prop_map(|(genesis, handovers)| {
            PeerMessage::Succession(SuccessionShown { genesis, handovers })
        }),
        Just(PeerMessage::AskWatch),
        bytes().prop_map(|command| PeerMessage::Petition { command }),
        vec((service_spec(), any::<u64>()), FEW)
            .prop_map(|services| PeerMessage::Watch { services }),
        observation().prop_map(PeerMessage::Observed),
        digest(),
        evidence(),
    ]
}

/// What is said about runs and agents.
fn work() -> impl Strategy<Value = PeerMessage> {
    let spawn = (agent_id(), skills(), any::<u32>());
    prop_oneof![
        dispatch().prop_map(PeerMessage::Dispatch),
        run().prop_map(|run| PeerMessage::Withdraw { run }),
        (run(), agent_id()).prop_map(|(run, agent)| PeerMessage::Started { run, agent }),
        sealed_as(BodyKind::Report).prop_map(PeerMessage::Report),
        sealed_as(BodyKind::Verdict).prop_map(PeerMessage::Verdict),
        run().prop_map(|run| PeerMessage::Taken { run }),
        spawn.prop_map(|(agent, skills, slots)| PeerMessage::Spawn {
            agent,
            skills,
            slots
        }),
        agent_id().prop_map(|agent| PeerMessage::Stop { agent }),
        vec(certificate(), FEW).prop_map(PeerMessage::Enrol),
        vec(agent_id(), FEW).prop_map(PeerMessage::Retire),
        vec((agent_id(), any::<bool>()), FEW).prop_map(|agents| PeerMessage::Enrolled { agents }),
    ]
}

pub(crate) fn peer_message() -> impl Strategy<Value = PeerMessage> {
    prop_oneof![housekeeping(), work()]
}

pub(crate) fn bundle() -> impl Strategy<Value = Bundle> {
    vec(peer_message(), 1..=4).prop_map(Bundle)
}

prop_compose! {
    pub(crate) fn heartbeat()(
        (node, leader) in (node_id(), maybe(node_id())),
        (incarnation, sequence, term, applied) in (incarnation(), sequence(), term(), index()),
        version in text(), (load_permille, lag_ms) in any::<(u32, u32)>(), memory_bytes: u64,
        (agents, running) in any::<(u32, u32)>(), agents_version: u64,
        changed in vec(agent_id(), FEW),
    ) -> Heartbeat {
        Heartbeat {
            node, incarnation, sequence, version, load_permille, lag_ms, memory_bytes, agents,
            running, agents_version, changed, term, leader, applied,
        }
    }
}

prop_compose! {
    pub(crate) fn happening()(
        position in position(), at in moment(), subject in text(), text in text(),
    ) -> Happening {
        Happening { position, at, subject, text }
    }
}

pub(crate) fn announcement() -> impl Strategy<Value = Announcement> {
    prop_oneof![
        (any::<u64>(), node_id(), term()).prop_map(|(roster_revision, leader, term)| {
            Announcement::Membership {
                roster_revision,
                leader,
                term,
            }
        }),
        vec(skill_spec(), FEW).prop_map(Announcement::Capabilities),
        happening().prop_map(Announcement::Happened),
        word().prop_map(|word| {
            let signers = vec![(word.voter, word.signature)];
            let statement = word.statement;
            Announcement::Head(Box::new(Certificate { statement, signers }))
        }),
    ]
}

pub(crate) fn replay_record() -> impl Strategy<Value = ReplayRecord> {
    let remembered = (incarnation(), moment()).prop_map(|(incarnation, ceiling)| Remembered {
        incarnation,
        ceiling,
    });
    (btree_map(sender(), remembered, FEW), moment())
        .prop_map(|(senders, forgotten)| ReplayRecord { senders, forgotten })
}
