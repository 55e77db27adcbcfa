//! Why a drill cannot be run.

use super::World;

/// Why a drill cannot be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DrillFault {
    /// Nobody knows it.
    #[error("there is no drill {name:?}{}", alike.as_ref().map(|it| format!(": did you mean {it:?}?")).unwrap_or_default())]
    Unknown {
        /// What was asked for.
        name: String,
        /// One that is spelt alike, if there is one.
        alike: Option<String>,
    },
    /// The manifest cannot be read.
    #[error("the drill cannot be read: {reason}")]
    Unreadable {
        /// Why.
        reason: String,
    },
    /// The manifest contradicts itself.
    #[error("the drill contradicts itself: {reason}")]
    Contradiction {
        /// How.
        reason: String,
    },
    /// It cannot be run there.
    #[error("drill {name} cannot be run in the world {world}, only in {}", worlds.iter().map(|it| it.name()).collect::<Vec<_>>().join(" and "))]
    OtherWorld {
        /// Which.
        name: String,
        /// Where.
        world: World,
        /// Where it can.
        worlds: Vec<World>,
    },
    /// It may not be run against a mesh that was there before.
    #[error("drill {name} may not be run against a live mesh: {reason}")]
    NotLive {
        /// Which.
        name: String,
        /// Why.
        reason: String,
    },
}

impl DrillFault {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unknown { .. } => "HMS-DRILL-UNKNOWN",
            Self::Unreadable { .. } => "HMS-DRILL-UNREADABLE",
            Self::Contradiction { .. } => "HMS-DRILL-CONTRADICTION",
            Self::OtherWorld { .. } => "HMS-DRILL-OTHER-WORLD",
            Self::NotLive { .. } => "HMS-DRILL-NOT-LIVE",
        }
    }

    /// What the user can do.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Unknown { .. } => "`hms drill list` shows all of them",
            Self::Unreadable { .. } | Self::Contradiction { .. } => {
                "`hms drill show equivocate` is an example that works"
            }
            Self::OtherWorld { .. } => "choose one of its worlds with --world",
            Self::NotLive { .. } => "leave out --live: the drill makes a mesh of its own",
        }
    }
}
