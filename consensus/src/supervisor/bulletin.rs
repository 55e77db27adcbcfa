//! The roster as this voter tells it: made once, however many ask.
//!
//! It promises to be what the roster is when it is asked for, and remembers the newest one only.

use hms_protocol::digest::Hash;
use hms_protocol::member::RosterView;

use crate::state::roster::Roster;

/// What was told last, and of which members.
#[derive(Debug, Default)]
pub(super) struct Bulletin {
    told: Option<(Hash, RosterView)>,
}

impl Bulletin {
    /// The roster as others need it. It is made anew when its revision or any member is another than last time.
    pub(super) fn of(&mut self, roster: &Roster) -> RosterView {
        let [members, _agents] = roster.digests();
        let told = self.told.as_ref();
        let told = told.filter(|(of, view)| *of == members && view.revision == roster.revision());
        if let Some((_, view)) = told {
            return view.clone();
        }
        let view = roster.view();
        self.told = Some((members, view.clone()));
        view
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use hms_protocol::id::{Incarnation, Index};
    use hms_protocol::time::Moment;

    use super::*;
    use crate::state::State;
    use crate::state::command::{Batch, Command};
    use crate::state::trial::{genesis, key};

    #[test]
    fn whoever_asks_gets_the_roster_as_it_is_and_it_is_made_once() {
        let (mut bulletin, mut state) = (Bulletin::default(), State::genesis(&genesis(1, 7)));
        let node = key(1).public().into();
        for life in 1..4 {
            let before = bulletin.of(state.roster());
            let command = Command::Greet {
                node,
                incarnation: Incarnation(life),
            };
            let batch = Batch {
                stamped_at: Moment(50_000),
                commands: vec![command],
            };
            let applied = state.apply(Index(life + 1), &batch);
            assert!(applied.outcomes[0].is_ok());
            let (first, second) = (bulletin.of(state.roster()), bulletin.of(state.roster()));
            assert_eq!(first, state.roster().view());
            assert_ne!(first.members, before.members);
            assert!(Arc::ptr_eq(&first.members, &second.members));
        }
    }
}
