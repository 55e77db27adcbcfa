//! An agent's identity: a UUID and a key that its node vouches for.

use std::collections::BTreeSet;

use crate::digest::{Domain, Hash, hash_fields};
use crate::id::{AgentId, MeshId, NodeId, SkillName};
use crate::keyring::{PublicKey, SecretKey, Signature};
use crate::time::Moment;

/// A node's signed word that an agent is its own. The signature covers every other field and the mesh id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentCertificate {
    /// The agent.
    pub agent: AgentId,
    /// Its key.
    pub key: PublicKey,
    /// The node that hosts it, which is also the signer.
    pub node: NodeId,
    /// What it can do.
    pub skills: BTreeSet<SkillName>,
    /// What it offers beside its skills, for example `base=<digest>`.
    pub offers: BTreeSet<String>,
    /// How many tasks it may run at once.
    pub slots: u32,
    /// When the certificate was made. A newer one replaces an older one.
    pub issued_at: Moment,
    /// The node's signature.
    pub signature: Signature,
}

/// What a node certifies: a certificate before it is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentDraft {
    /// The agent.
    pub agent: AgentId,
    /// Its key.
    pub key: PublicKey,
    /// What it can do.
    pub skills: BTreeSet<SkillName>,
    /// What it offers beside its skills.
    pub offers: BTreeSet<String>,
    /// How many tasks it may run at once.
    pub slots: u32,
    /// When the certificate is made.
    pub issued_at: Moment,
}

impl AgentDraft {
    /// Signs the draft with the hosting node's key, for one mesh.
    ///
    /// ```
    /// use std::collections::BTreeSet;
    ///
    /// use hms_protocol::agent::AgentDraft;
    /// use hms_protocol::id::{AgentId, MeshId};
    /// use hms_protocol::keyring::SecretKey;
    /// use hms_protocol::time::Moment;
    ///
    /// let (node, agent) = (SecretKey::from_seed(&[1; 32]), SecretKey::from_seed(&[2; 32]));
    /// let mesh = MeshId::from_bytes([9; 32]);
    /// let certificate = AgentDraft {
    ///     agent: AgentId::from_bytes([3; 16]),
    ///     key: agent.public(),
    ///     skills: BTreeSet::from(["echo".parse()?]),
    ///     offers: BTreeSet::new(),
    ///     slots: 4,
    ///     issued_at: Moment(1_700_000_000_000),
    /// }
    /// .sign(mesh, &node);
    ///
    /// assert!(certificate.verify(mesh));
    /// assert!(!certificate.verify(MeshId::from_bytes([8; 32])));
    /// # Ok::<(), hms_protocol::id::IdError>(())
    /// ```
    pub fn sign(self, mesh: MeshId, node_key: &SecretKey) -> AgentCertificate {
        let mut certificate = AgentCertificate {
            agent: self.agent,
            key: self.key,
            node: node_key.public().into(),
            skills: self.skills,
            offers: self.offers,
            slots: self.slots,
            issued_at: self.issued_at,
            signature: Signature::from_bytes([0; 64]),
        };
        let digest = certificate.digest(mesh);
        certificate.signature = node_key.sign(Domain::AgentCertificate, digest);
        certificate
    }
}

impl AgentCertificate {
    /// Whether the node that the certificate names has signed it for this mesh. Whether that node is a member, and the
    /// agent in good standing, is for the roster to say.
    pub fn verify(&self, mesh: MeshId) -> bool {
        let key = PublicKey::from(self.node);
        key.verifies(Domain::AgentCertificate, self.digest(mesh), &self.signature)
    }

    /// What the node signs: the mesh and every field but the signature. Sets are preceded by their sizes, so that a
    /// skill never reads as an offer.
    fn digest(&self, mesh: MeshId) -> Hash {
        let slots = self.slots.to_le_bytes();
        let issued_at = self.issued_at.0.to_le_bytes();
        let sizes = [self.skills.len(), self.offers.len()].map(|size| (size as u64).to_le_bytes());
        let mut fields: Vec<&[u8]> = vec![
            mesh.as_bytes(),
            self.agent.as_bytes(),
            self.key.as_bytes(),
            self.node.as_bytes(),
            &slots,
            &issued_at,
            &sizes[0],
            &sizes[1],
        ];
        fields.extend(self.skills.iter().map(|skill| skill.as_str().as_bytes()));
        fields.extend(self.offers.iter().map(String::as_bytes));
        hash_fields(Domain::AgentCertificate, &fields)
    }
}

/// Whether an agent gets work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AgentStanding {
    /// It does.
    Ready,
    /// It was caught reporting a false result.
    Quarantined,
    /// It was stopped; its id is never reused.
    Stopped,
    /// The operator has revoked it: nothing that it says counts.
    Revoked,
}

impl AgentStanding {
    /// Whether it will never work again.
    pub const fn is_over(self) -> bool {
        match self {
            Self::Ready | Self::Quarantined => false,
            Self::Stopped | Self::Revoked => true,
        }
    }
}

/// An agent as the roster knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    /// Its newest certificate.
    pub certificate: AgentCertificate,
    /// Whether it gets work.
    pub standing: AgentStanding,
}
