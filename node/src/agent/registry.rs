//! Who the agents of this node are: their keys, certificates and memories, kept on the store's shelf across restarts.
//!
//! An agent's certificate is made anew only when what it says has changed: the mesh would have to be told.

use std::collections::BTreeSet;
use std::sync::Arc;

use hms_protocol::agent::{AgentCertificate, AgentDraft};
use hms_protocol::codec;
use hms_protocol::id::{AgentId, MeshId, SkillName};
use hms_protocol::keyring::{PublicKey, SecretKey};
use hms_protocol::skill::SkillSpec;

use super::AgentError;
use super::memory::Memory;
use super::skill::SkillSet;
use crate::clock::Clock;
use crate::identity::draw_seed;
use crate::store::Shelf;

/// Bytes of an Ed25519 seed, which begins every record.
const SEED_BYTES: usize = 32;

/// An agent of this node.
#[derive(Clone, Debug)]
pub struct Resident {
    /// Its key.
    pub key: Arc<SecretKey>,
    /// What its node says of it.
    pub certificate: AgentCertificate,
    /// What it remembers.
    pub memory: Memory,
}

/// What an agent is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// Its id.
    pub agent: AgentId,
    /// What it must be able to do; empty for all that the node can, personal skills excepted.
    pub skills: BTreeSet<SkillName>,
    /// How many tasks it may run at once.
    pub slots: u32,
}

/// The agents of this node on disk.
pub struct Registry {
    // The only one who keeps it: memories end with the registry.
    shelf: Arc<Shelf>,
    node_key: Arc<SecretKey>,
    mesh: MeshId,
    clock: Clock,
}

impl Registry {
    /// The registry of a node in a mesh.
    pub fn new(shelf: Shelf, node_key: Arc<SecretKey>, mesh: MeshId, clock: Clock) -> Self {
        Self {
            shelf: Arc::new(shelf),
            node_key,
            mesh,
            clock,
        }
    }

    /// Every agent that was raised in an earlier life, with a certificate of what the node can do now.
    pub fn recall(&self, skills: &SkillSet) -> Result<Vec<Resident>, AgentError> {
        let mut residents = Vec::new();
        let mut renewed = Vec::new();
        for (agent, record) in self.shelf.list()? {
            let (wish, resident) = self.read(agent, &record)?;
            let draft = self.draft(&wish, resident.key.public(), skills)?;
            // Signing is the dear part, and most restarts change nothing.
            let resident = if says_the_same(&draft, &resident.certificate) {
                resident
            } else {
                let certificate = draft.sign(self.mesh, &self.node_key);
                renewed.push((agent, write(&wish, &resident.key, &certificate)));
                Resident {
                    certificate,
                    ..resident
                }
            };
            residents.push(resident);
        }
        if !renewed.is_empty() {
            self.shelf.put(&renewed)?;
        }
        Ok(residents)
    }

    /// Makes agents, durably: when this returns, the next life will recall them.
    pub fn admit(&self, wishes: &[Wish], skills: &SkillSet) -> Result<Vec<Resident>, AgentError> {
        let mut residents = Vec::with_capacity(wishes.len());
        let mut records = Vec::with_capacity(wishes.len());
        for wish in wishes {
            let seed = draw_seed()?;
            let key = Arc::new(SecretKey::from_seed(&seed));
            let draft = self.draft(wish, key.public(), skills)?;
            let certificate = draft.sign(self.mesh, &self.node_key);
            records.push((wish.agent, write(wish, &key, &certificate)));
            residents.push(Resident {
                key,
                certificate,
                memory: self.memory_of(wish.agent),
            });
        }
        self.shelf.put(&records)?;
        Ok(residents)
    }

    fn memory_of(&self, agent: AgentId) -> Memory {
        Memory::new(agent, &self.shelf)
    }

    /// Forgets an agent, its key and its memory.
    pub fn forget(&self, agent: AgentId) -> Result<(), AgentError> {
        Ok(self.shelf.remove(agent)?)
    }

    fn draft(
        &self,
        wish: &Wish,
        key: PublicKey,
        skills: &SkillSet,
    ) -> Result<AgentDraft, AgentError> {
        let mut granted: Vec<SkillSpec> = skills.specs();
        granted.retain(|spec| {
            if wish.skills.is_empty() {
                !skills.is_personal(&spec.name)
            } else {
                wish.skills.contains(&spec.name)
            }
        });
        if let Some(missing) = wish
            .skills
            .iter()
            .find(|skill| !granted.iter().any(|spec| spec.name == **skill))
        {
            return Err(AgentError::UnknownSkill {
                skill: missing.clone(),
            });
        }
        Ok(AgentDraft {
            agent: wish.agent,
            key,
            skills: granted.iter().map(|spec| spec.name.clone()).collect(),
            offers: granted
                .iter()
                .flat_map(|spec| spec.offers.iter().cloned())
                .collect(),
            slots: wish.slots,
            issued_at: self.clock.now(),
        })
    }

    fn read(&self, agent: AgentId, record: &[u8]) -> Result<(Wish, Resident), AgentError> {
        let damaged = |reason: &str| AgentError::Damaged {
            agent,
            reason: reason.to_owned(),
        };
        let (seed, rest) = record
            .split_first_chunk::<SEED_BYTES>()
            .ok_or_else(|| damaged("no key"))?;
        let (whole, rest) = rest.split_first().ok_or_else(|| damaged("no wish"))?;
        let certificate: AgentCertificate =
            codec::decode(rest).map_err(|error| damaged(&error.to_string()))?;
        let key = Arc::new(SecretKey::from_seed(seed));
        if certificate.agent != agent
            || certificate.key != key.public()
            || !certificate.verify(self.mesh)
        {
            return Err(damaged("the certificate is not this agent's"));
        }
        let skills = if *whole == 1 {
            BTreeSet::new()
        } else {
            certificate.skills.clone()
        };
        let wish = Wish {
            agent,
            skills,
            slots: certificate.slots,
        };
        let resident = Resident {
            key,
            certificate,
            memory: self.memory_of(agent),
        };
        Ok((wish, resident))
    }
}

/// A record: the seed, whether the agent can do all that its node can, the certificate.
fn write(wish: &Wish, key: &SecretKey, certificate: &AgentCertificate) -> Vec<u8> {
    let whole = u8::from(wish.skills.is_empty());
    [&key.seed()[..], &[whole], &codec::encode(certificate)].concat()
}

fn says_the_same(draft: &AgentDraft, certificate: &AgentCertificate) -> bool {
    draft.skills == certificate.skills
        && draft.offers == certificate.offers
        && draft.slots == certificate.slots
}
