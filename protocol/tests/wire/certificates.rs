//! AGT-1: a node's word for its agent covers every field and one mesh, and nobody else can give it.

use std::collections::BTreeSet;

use hms_protocol::agent::{AgentCertificate, AgentDraft};
use hms_protocol::codec;
use hms_protocol::id::{AgentId, MeshId, NodeId, SkillName};
use hms_protocol::keyring::SecretKey;
use hms_protocol::time::Moment;

const MESH: MeshId = MeshId::from_bytes([9; 32]);

fn skill(name: &str) -> SkillName {
    name.parse().expect("a skill's name")
}

fn certificate() -> AgentCertificate {
    AgentDraft {
        agent: AgentId::from_bytes([3; 16]),
        key: SecretKey::from_seed(&[2; 32]).public(),
        skills: BTreeSet::from([skill("echo"), skill("probe.http")]),
        offers: BTreeSet::from(["base=abc".to_owned()]),
        slots: 4,
        issued_at: Moment(1_700_000_000_000),
    }
    .sign(MESH, &SecretKey::from_seed(&[1; 32]))
}

/// Changes a certificate and says whether it still holds.
fn holds_after(change: impl FnOnce(&mut AgentCertificate)) -> bool {
    let mut certificate = certificate();
    change(&mut certificate);
    certificate.verify(MESH)
}

#[test]
fn a_certificate_holds_for_its_mesh_only() {
    assert!(certificate().verify(MESH));
    assert!(!certificate().verify(MeshId::from_bytes([8; 32])));
}

#[test]
fn a_certificate_holds_after_the_wire() {
    let read_back: AgentCertificate = codec::decode(&codec::encode(&certificate())).unwrap();
    assert!(read_back.verify(MESH));
}

#[test]
fn the_signature_covers_every_field() {
    let stranger = SecretKey::from_seed(&[5; 32]).public();
    assert!(holds_after(|_| ()));
    assert!(!holds_after(|it| it.agent = AgentId::from_bytes([4; 16])));
    assert!(!holds_after(|it| it.key = stranger));
    assert!(!holds_after(|it| it.node = NodeId::from(stranger)));
    assert!(!holds_after(|it| it.skills.clear()));
    assert!(!holds_after(|it| it.offers.clear()));
    assert!(!holds_after(|it| it.slots += 1));
    assert!(!holds_after(|it| it.issued_at = it.issued_at.plus_ms(1)));
}

#[test]
fn a_skill_cannot_be_moved_to_the_offers() {
    assert!(!holds_after(|it| {
        // Sets are hashed in order: the last skill would stand where the first offer did.
        it.skills.remove(&skill("probe.http"));
        it.offers = BTreeSet::from(["probe.http".to_owned(), "base=abc".to_owned()]);
    }));
}
