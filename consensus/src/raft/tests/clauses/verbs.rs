//! The verbs of the clauses' scripts: what can be done to a mesh, and what can be said to one of its voters in another's name.
//!
//! Nodes are `n1`, `n2` and so on; `n1/n3` is a list of them. An entry is named by its data: `a` is a batch, of the term of
//! what brings it; `a@2` is one of term 2; `start` is a new leader's empty entry; `learner-n9` lets n9 listen.

use std::str::FromStr;

use hms_protocol::id::NodeId;
use prost_raft::Message as _;
use raft::eraftpb::{Entry, EntryType};

use super::super::mesh::node;
use crate::raft::MembershipChange;
use crate::raft::members::conf_change;

/// What can be done to a mesh.
#[derive(Debug, goldenscript::Command)]
pub(super) enum Verb {
    /// Begins anew with a mesh of so many voters (four, if it is not said), of whom n1 is elected by all.
    Mesh {
        #[arg(key)]
        voters: Option<u8>,
    },

    /// Nothing reaches these nodes any more, and nothing that they send arrives.
    Cut(Vec<Actor>),
    /// Every frame that carries the word of a lock is lost from now on.
    #[command(name = "lose-locks")]
    LoseLocks,
    /// Everything arrives again.
    Heal,
    /// Writes wait for `persist` from now on.
    #[command(name = "slow-disks")]
    SlowDisks,
    /// What a node has ordered to write is on its disk.
    Persist(Actor),
    /// A power cut: the node starts again from its disk.
    Restart(Actor),
    /// A node that has no disk yet starts.
    Start(Actor),
    /// Lets so many ticks pass.
    Run(usize),
    /// From now on the ledger calls for no change of members.
    #[command(name = "ledger-calls-for-nothing")]
    LedgerCallsForNothing,
    /// From now on, by the keys that the ledger knows, a command of the batch `forged` is not its author's.
    Doubt,
    /// From now on it is: the key was not known before.
    Trust,

    /// Batches are proposed on a node, and take their course.
    Propose(Actor, Vec<String>),
    /// A node proposes that another listens, and that takes its course.
    Learner(Actor, Actor),
    /// A node proposes that one who listens gets a vote, and that takes its course.
    Promote(Actor, Actor),

    /// Something is said, or signed.
    #[command(other)]
    Words(goldenscript::Command),
}

/// What can be said to a node in another's name. It answers, and the answer reaches nobody.
#[derive(Debug, goldenscript::Command)]
pub(super) enum Words {
    /// Says to a node, as the leader of a term: append these entries after yours of that index. Everybody's mandate goes with
    /// it, if nothing else is said.
    Append {
        #[arg(key)]
        from: Actor,
        #[arg(key)]
        to: Actor,
        #[arg(key)]
        term: u64,
        #[arg(key)]
        after: u64,
        entries: Vec<Item>,
        #[arg(key)]
        mandate: Option<String>,
        #[arg(key)]
        with: Option<String>,
    },
    /// Says to a node that one leads a term.
    Heartbeat {
        #[arg(key)]
        from: Actor,
        #[arg(key)]
        to: Actor,
        #[arg(key)]
        term: u64,
        #[arg(key)]
        mandate: Option<String>,
    },
    /// Asks a node for its vote, with a log that is long enough, when it has not heard its leader for an election timeout.
    Ask {
        #[arg(key)]
        from: Actor,
        #[arg(key)]
        to: Actor,
        #[arg(key)]
        term: u64,
        #[arg(key)]
        with: Option<String>,
        #[arg(key)]
        changes: Option<String>,
    },
    /// Shows a certificate to a node.
    Show {
        #[arg(key)]
        from: Actor,
        #[arg(key)]
        to: Actor,
        certificate: String,
    },

    /// Something is signed that can be said.
    #[command(other)]
    Paper(goldenscript::Command),
}

/// What can be signed, under a name by which it is said.
#[derive(Debug, goldenscript::Command)]
pub(super) enum Paper {
    /// Makes a certificate of holdings (or a final one) of a node's log up to an index, or to its end, continued by some
    /// entries. Everybody signs it in the node's term, if nothing else is said.
    Certify {
        name: String,
        #[arg(key)]
        of: Actor,
        #[arg(key = "up-to")]
        up_to: Option<u64>,
        #[arg(optional)]
        entries: Vec<Item>,
        #[arg(key)]
        term: Option<u64>,
        #[arg(key = "final", optional)]
        is_final: bool,
        #[arg(key)]
        by: Option<Actors>,
    },
    /// Makes a mandate of everybody's votes, or of some.
    Mandate {
        name: String,
        #[arg(key = "for")]
        leader: Actor,
        #[arg(key)]
        term: u64,
        #[arg(key)]
        by: Option<Actors>,
        #[arg(key)]
        epoch: Option<u64>,
    },
    /// Copies what a node has to show for changes of voters, with all signatures or with so many.
    Changes {
        name: String,
        #[arg(key)]
        of: Actor,
        #[arg(key)]
        signatures: Option<usize>,
    },
}

/// A node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Actor(pub(super) NodeId);

impl FromStr for Actor {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let number = name.strip_prefix('n').and_then(|rest| rest.parse().ok());
        number.map(node).map(Self).ok_or("nodes are n1, n2, ...")
    }
}

/// Some nodes, of whom one may be named twice.
#[derive(Clone, Debug)]
pub(super) struct Actors(pub(super) Vec<NodeId>);

impl FromStr for Actors {
    type Err = &'static str;

    fn from_str(names: &str) -> Result<Self, Self::Err> {
        if names == "nobody" {
            return Ok(Self(Vec::new()));
        }
        let nodes = names
            .split('/')
            .map(|name| name.parse().map(|it: Actor| it.0));
        nodes.collect::<Result<_, _>>().map(Self)
    }
}

/// An entry, before it has its place.
#[derive(Clone, Debug)]
pub(super) struct Item {
    term: Option<u64>,
    entry_type: EntryType,
    data: Vec<u8>,
}

impl Item {
    /// The entries that these make after an index, in a term.
    pub(super) fn place(items: &[Self], after: u64, term: u64) -> Vec<Entry> {
        let placed = (after + 1..).zip(items).map(|(index, item)| Entry {
            index,
            term: item.term.unwrap_or(term),
            entry_type: item.entry_type.into(),
            data: item.data.clone(),
            ..Entry::default()
        });
        placed.collect()
    }
}

impl FromStr for Item {
    type Err = &'static str;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let (name, term) = match word.split_once('@') {
            Some((name, term)) => (name, Some(term.parse().map_err(|_| "a term is a number")?)),
            None => (word, None),
        };
        let (entry_type, data) = if let Some(listener) = name.strip_prefix("learner-") {
            let Actor(listener) = listener.parse()?;
            let change = conf_change(listener, MembershipChange::Learner);
            (EntryType::EntryConfChange, change.encode_to_vec())
        } else if name == "start" {
            (EntryType::EntryNormal, Vec::new())
        } else {
            (EntryType::EntryNormal, name.as_bytes().to_vec())
        };
        Ok(Self {
            term,
            entry_type,
            data,
        })
    }
}
