//! A coup: as the leader, the liar tells everybody of a change of voters that nobody has ordered, or of an order that is not
//! the operator's.
//!
//! It puts that in the place of a batch that nobody has seen yet, and shows everybody the log that follows from it; its
//! own mind knows nothing of it.

use std::collections::BTreeSet;

use hms_protocol::codec;
use hms_protocol::id::{MeshId, NodeId};
use hms_protocol::keyring::SecretKey;
use hms_protocol::membership::{Becomes, MemberChange};
use hms_protocol::order::{Order, OrderDraft, SignedOrder};
use hms_protocol::time::Moment;

use super::Dice;
use super::letter::{Item, Letter, kind};

/// Coups in a run: each costs the liar its office, and the mesh an election.
const COUPS_MAX: u64 = 3;

/// What the raft crate's schema calls a batch, and a change of members.
const BATCH: i32 = 0;
const CHANGE: i32 = 1;

/// Stands in every forged order, so that it is known where it is found.
pub const FORGED: [u8; 16] = *b"nobody said this";

/// What stands in the place of an entry: its kind, and its content.
type Stand = (i32, Vec<u8>);

/// A coup that is under way, and how many there were.
#[derive(Debug, Default)]
pub struct Coups {
    /// How many there were.
    pub count: u64,
    /// In which term, in the place of which entry, and what stands there.
    under_way: Option<(u64, u64, Stand)>,
    /// The newest entry that was sent to anybody.
    shown: u64,
}

impl Coups {
    /// Looks at what is to be sent, and begins a coup if it may. Says whether one is under way in its term.
    pub fn watch(&mut self, letter: &Letter, plot: &mut Plot<'_>) -> bool {
        if letter.kind != kind::APPEND {
            return self.is_under_way(letter.term);
        }
        let news = |item: &&Item| item.is_batch() && self.shown < item.index;
        let target = letter.entries.iter().find(news).map(|item| item.index);
        let newest = letter.entries.last().map(|item| item.index);
        self.shown = self.shown.max(newest.unwrap_or_default());
        if self.is_under_way(letter.term) {
            return true;
        }
        let begins = self.count < COUPS_MAX && plot.dice.chance(plot.begins);
        let Some(index) = target.filter(|_| begins) else {
            return false;
        };
        self.count += 1;
        self.under_way = Some((letter.term, index, plot.stand()));
        true
    }

    /// Whether there is one in this term.
    pub fn is_under_way(&self, term: u64) -> bool {
        let term_of = self.under_way.as_ref().map(|(term, _, _)| *term);
        term_of == Some(term)
    }

    /// What stands in the place of an entry, if it is the one. Says whether it is.
    pub fn strike(&self, term: u64, item: &mut Item) -> bool {
        let struck = self.under_way.as_ref();
        let Some((_, _, (kind, data))) =
            struck.filter(|(of, at, _)| (*of, *at) == (term, item.index))
        else {
            return false;
        };
        item.kind = *kind;
        item.data.clone_from(data);
        true
    }
}

/// What a coup is drawn from.
pub struct Plot<'a> {
    /// The liar.
    pub me: NodeId,
    /// Its mesh.
    pub mesh: MeshId,
    /// Who votes.
    pub voters: &'a BTreeSet<NodeId>,
    /// Chance.
    pub dice: &'a mut Dice,
    /// How often it begins, in thousandths of the batches that are news.
    pub begins: u32,
    /// Orders that nobody has given, as encoded batches.
    pub forgeries: &'a [Vec<u8>],
}

/// An order that somebody honest is thrown out, by nobody's key. Each number gives another one.
pub fn forged_order(mesh: MeshId, number: u8) -> SignedOrder {
    let draft = OrderDraft {
        mesh,
        issued_at: Moment(0),
        nonce: FORGED,
        order: Order::RevokeNode(NodeId::from_bytes([number; 32])),
    };
    draft.sign(&SecretKey::from_seed(&[number; 32]))
}

impl Plot<'_> {
    fn stand(&mut self) -> Stand {
        let forges = !self.forgeries.is_empty() && self.dice.chance(400);
        if forges {
            let place = self.dice.below(self.forgeries.len());
            (BATCH, self.forgeries[place].clone())
        } else {
            (CHANGE, codec::encode(&self.change()))
        }
    }

    /// Somebody honest is thrown out, or a stranger brought in.
    fn change(&mut self) -> MemberChange {
        let honest: Vec<NodeId> = self.voters.iter().copied().collect();
        let mut honest: Vec<NodeId> = honest.into_iter().filter(|it| *it != self.me).collect();
        if honest.is_empty() || self.dice.chance(300) {
            return MemberChange {
                node: NodeId::from_bytes(self.dice.bytes()),
                becomes: Becomes::Learner,
            };
        }
        let victim = self.dice.below(honest.len());
        MemberChange {
            node: honest.swap_remove(victim),
            becomes: Becomes::Removed,
        }
    }
}
