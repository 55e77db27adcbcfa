//! What the operator may say, and has said: its key as it is now, and the permits that were used.
//!
//! A permit counts once. It is remembered until it would end, and not longer: after that its own end refuses it.

use hms_protocol::codec::encode;
use hms_protocol::digest::{Domain, Hash, hash_fields};
use hms_protocol::keyring::PublicKey;
use hms_protocol::order::SignedOrder;
use hms_protocol::recovery::ROTATIONS_MAX;
use hms_protocol::refusal::Refusal;
use hms_protocol::time::Moment;

use super::table::Table;

/// Most permits that are remembered at once: as many as members may join within the life of a token, several times over.
/// When it is met, no permit is taken until one ends.
pub const PERMITS_MAX: usize = 8 * 1024;

/// A permit that was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpentPermit {
    /// What stands for it: the digest that the operator signed.
    pub permit: Hash,
    /// When it would have ended.
    pub expires_at: Moment,
}

/// The operator, as the ledger knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authority {
    operator: PublicKey,
    /// How that key came about, from that of the genesis on: whoever shows a recovery shows them.
    rotations: Vec<SignedOrder>,
    permits: Table<SpentPermit>,
}

impl Authority {
    /// An operator who has not said anything yet.
    pub fn new(operator: PublicKey) -> Self {
        Self {
            operator,
            rotations: Vec::new(),
            permits: Table::default(),
        }
    }

    /// The operator's key.
    pub fn operator(&self) -> &PublicKey {
        &self.operator
    }

    /// The orders by which the operator's key came about, from that of the genesis on.
    pub fn rotations(&self) -> &[SignedOrder] {
        &self.rotations
    }

    /// The permits that are remembered, by digest.
    pub fn permits(&self) -> impl Iterator<Item = &SpentPermit> {
        self.permits.iter()
    }

    /// Whether a permit was used.
    pub fn is_spent(&self, permit: Hash) -> bool {
        self.permits.get(&permit).is_some()
    }

    /// Whether another permit can be remembered at a moment.
    pub(super) fn check_room(&self, now: Moment) -> Result<(), Refusal> {
        let ended = |permit: &&SpentPermit| permit.expires_at <= now;
        let full = PERMITS_MAX <= self.permits.len();
        if full && !self.permits.iter().any(|permit| ended(&permit)) {
            return Err(Refusal::Busy {
                what: "the memory of permits",
                max: PERMITS_MAX as u64,
            });
        }
        Ok(())
    }

    /// Remembers that a permit was used, and forgets those that have ended.
    pub(super) fn spend(&mut self, spent: SpentPermit, now: Moment) {
        let ended = self.permits.iter().filter(|it| it.expires_at <= now);
        let ended: Vec<Hash> = ended.map(|it| it.permit).collect();
        for permit in ended {
            self.permits.remove(&permit);
        }
        self.permits.put(spent);
    }

    /// Takes a permit from a checkpoint; false if it is there already.
    pub(super) fn restore(&mut self, spent: SpentPermit) -> bool {
        let fresh = !self.is_spent(spent.permit) && self.permits.len() < PERMITS_MAX;
        if fresh {
            self.permits.put(spent);
        }
        fresh
    }

    /// Whether the key can be rotated once more.
    pub(super) fn may_rotate(&self) -> bool {
        self.rotations.len() < ROTATIONS_MAX
    }

    /// Another key is the operator's, by an order that was checked.
    pub(super) fn rotate(&mut self, to: PublicKey, by: SignedOrder) {
        self.operator = to;
        self.rotations.push(by);
    }

    /// Sets the key that a checkpoint names, and how it came about.
    pub(super) fn resume(&mut self, operator: PublicKey, rotations: Vec<SignedOrder>) {
        self.operator = operator;
        self.rotations = rotations;
    }

    /// Digest of the rotations and permits, for the digest of the whole state.
    pub fn digest(&self) -> Hash {
        let permits = self.permits.digest();
        let rotations: Vec<Vec<u8>> = self.rotations.iter().map(encode).collect();
        let mut fields: Vec<&[u8]> = vec![b"authority", permits.as_bytes()];
        fields.extend(rotations.iter().map(Vec::as_slice));
        hash_fields(Domain::StateRecord, &fields)
    }
}
