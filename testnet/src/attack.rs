//! The catalogue of attacks: what a node that has valid keys may do to its mesh. One page; a drill names these, in TOML.
//!
//! An attack is data, and what carries it out is pure: an [`Adversary`] takes what an honest mind says and hears, and
//! gives what is said and heard instead. The same adversary stands between mind and network in the simulation and in
//! `hms-adversary`. It has its own key and what others have shown it; it guesses no keys.
//!
//! What is done to a machine (its disk, its clock, its links) and what is done without a mind is named here too, and
//! carried out by the world that the drill runs in.

pub mod adversary;
pub mod coup;
pub mod dice;
pub mod letter;
pub mod liar;
pub mod trigger;
mod words;

use hms_protocol::peer::PeerMessage;
use serde::{Deserialize, Serialize};

pub use adversary::{Adversary, Arms, Injection, Parcel, Scene};
pub use dice::Dice;
pub use trigger::Trigger;

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Attack {
    /// A voter lies in every way that it can think of, by chance: [`liar`].
    Lie,
    /// A voter signs two contents for every index, and shows both.
    Equivocate,
    /// A leader shows different logs to different followers.
    TwoLogs,
    /// A voter votes for every candidate, whatever it has signed before.
    VoteForAll,
    /// A leader puts changes of voters and orders into the log that nobody has ordered.
    Usurp,
    /// A voter names terms this much ahead of its own in what it answers, and asks for votes in them.
    InflateTerms {
        /// How much ahead.
        by: u64,
    },
    /// A voter signs nothing: no words of its log, no votes.
    Withhold,
    /// What was said before is said again.
    Replay,
    /// Numbers are off by one: terms, indexes, how far the log is committed.
    Mutate,
    /// Words are said in the name of others, under signatures that are none.
    Forge,
    /// Somebody honest is accused with words that it has not signed.
    Accuse,
    /// Pieces of checkpoints have a byte flipped.
    PoisonSnapshots,
    /// Orders to run something carry a warrant that was changed.
    ForgeWarrants,
    /// Everything is said later.
    Delay {
        /// Least delay, in milliseconds.
        least_ms: u64,
        /// Most delay, in milliseconds.
        most_ms: u64,
    },
    /// Nothing is said.
    Mute,
    /// Nothing is heard.
    Deafen,
    /// The heartbeat is an old one: it says that nothing has changed.
    FreezeBeats,
    /// What is watched is reported as down.
    SlanderServices,
    /// A leader does not take up what clients submit, and says nothing of it.
    Censor,
    /// A leader does not take up what agents report, and says nothing of it.
    Shelve,
    /// A node tells clients that their tasks are in the ledger, and does nothing.
    AcknowledgeFalsely,
    /// Agents report results that are wrong.
    FalseResults,
    /// Verifying agents accept everything unseen.
    LazyVerdicts,
    /// The clock is wrong from the next start on.
    SkewClock {
        /// By how much it is ahead, in milliseconds.
        ahead_ms: i64,
    },
    /// The node's ledger is changed on its disk while it is down.
    Disk {
        /// How.
        damage: Damage,
    },
    /// The power of the machine fails, for so long.
    Crash {
        /// How long, in milliseconds.
        lasting_ms: u64,
    },
    /// The process does not run, for so long, and does not notice.
    Pause {
        /// How long, in milliseconds.
        lasting_ms: u64,
    },
    /// The key runs a second time, from a copy of the disk.
    Twin,
    /// Bytes that are no envelope, or one whose signature is none.
    Garbage {
        /// How many frames a second.
        per_second: u32,
    },
    /// What others gossip is passed on with a byte changed.
    TamperRelayed,
    /// What others gossip is not passed on.
    SilenceRelay,
    /// Nodes without a token ask to be let in, and to hear.
    Sybils {
        /// How many.
        count: u32,
    },
    /// Clients ask without pause.
    Flood {
        /// How many of them.
        clients: u32,
    },
    /// An order is given with the operator's key by somebody who is not the operator.
    StealOperatorKey,
}

/// What happens to a ledger on a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Damage {
    /// A byte is flipped.
    Flip,
    /// The end is cut off.
    Truncate,
    /// An older state of the whole disk is put back.
    RollBack,
}

/// Who carries an attack out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seam {
    /// The adversary, between a mind and its network.
    Traffic,
    /// Whoever stands between clients and the mind of a node.
    Desk,
    /// The node's agents.
    Agents,
    /// Whoever can reach the machine: its disk, its clock, its power.
    Machine,
    /// Somebody who has no mind, perhaps no membership.
    Outside,
}

impl Attack {
    /// Who carries it out.
    pub const fn seam(self) -> Seam {
        match self {
            Self::Lie
            | Self::Equivocate
            | Self::TwoLogs
            | Self::VoteForAll
            | Self::Usurp
            | Self::InflateTerms { .. }
            | Self::Withhold
            | Self::Replay
            | Self::Mutate
            | Self::Forge
            | Self::Accuse
            | Self::PoisonSnapshots
            | Self::ForgeWarrants
            | Self::Delay { .. }
            | Self::Mute
            | Self::Deafen
            | Self::FreezeBeats
            | Self::SlanderServices
            | Self::Shelve => Seam::Traffic,
            Self::Censor | Self::AcknowledgeFalsely => Seam::Desk,
            Self::FalseResults | Self::LazyVerdicts => Seam::Agents,
            Self::SkewClock { .. }
            | Self::Disk { .. }
            | Self::Crash { .. }
            | Self::Pause { .. }
            | Self::Twin => Seam::Machine,
            Self::Garbage { .. }
            | Self::TamperRelayed
            | Self::SilenceRelay
            | Self::Sybils { .. }
            | Self::Flood { .. }
            | Self::StealOperatorKey => Seam::Outside,
        }
    }

    /// Whether it keeps a message from the mind that it is for.
    pub fn ignores(self, message: &PeerMessage) -> bool {
        let petition = matches!(message, PeerMessage::Petition { .. });
        let report = matches!(message, PeerMessage::Report(_) | PeerMessage::Verdict(_));
        if self == Self::Censor {
            petition
        } else if self == Self::Shelve {
            petition || report
        } else {
            self == Self::Deafen
        }
    }

    /// How long it lasts by itself, in milliseconds, if it does not last as long as the drill.
    pub const fn lasting_ms(self) -> Option<u64> {
        if let Self::Crash { lasting_ms } | Self::Pause { lasting_ms } = self {
            Some(lasting_ms)
        } else {
            None
        }
    }

    /// Whether whoever does it breaks the protocol with its own key, so that it may be convicted. One whose disk is put back
    /// does: it does not remember what it has signed.
    pub const fn is_guilt(self) -> bool {
        match self {
            Self::Lie
            | Self::Equivocate
            | Self::TwoLogs
            | Self::VoteForAll
            | Self::Usurp
            | Self::Mutate
            | Self::Disk {
                damage: Damage::RollBack,
            }
            | Self::Twin
            | Self::FalseResults
            | Self::LazyVerdicts => true,
            Self::InflateTerms { .. }
            | Self::Withhold
            | Self::Replay
            | Self::Forge
            | Self::Accuse
            | Self::PoisonSnapshots
            | Self::ForgeWarrants
            | Self::Delay { .. }
            | Self::Mute
            | Self::Deafen
            | Self::FreezeBeats
            | Self::SlanderServices
            | Self::Censor
            | Self::Shelve
            | Self::AcknowledgeFalsely
            | Self::SkewClock { .. }
            | Self::Disk {
                damage: Damage::Flip | Damage::Truncate,
            }
            | Self::Crash { .. }
            | Self::Pause { .. }
            | Self::Garbage { .. }
            | Self::TamperRelayed
            | Self::SilenceRelay
            | Self::Sybils { .. }
            | Self::Flood { .. }
            | Self::StealOperatorKey => false,
        }
    }
}
