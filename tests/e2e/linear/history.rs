//! What clients asked and were told, and when: the history that is judged.
//!
//! All clients write one history, whose clock counts what is written: a call is written down before it is sent, and its
//! answer after it has come, so that the order of the history is never stricter than real time. It judges nothing.

use hms_protocol::id::TaskId;

/// What a client asks of one key. Many tasks may be submitted under a key: the mesh takes the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// To take this task, unless the key has one already.
    Submit(TaskId),
    /// To give this task up.
    Cancel(TaskId),
    /// Where this task stands.
    Read(TaskId),
}

/// What a client is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// This is the key's task.
    Taken(TaskId),
    /// The task waits.
    Open,
    /// The task is given up.
    Cancelled,
    /// There is no such task.
    Unknown,
}

/// What the mesh suffers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Nothing yet.
    Nothing,
    /// The leader is killed and started again.
    Killed,
    /// The leader sleeps for longer than an election, and wakes up.
    Paused,
    /// A former leader is alone with what it had.
    Alone,
    /// Nothing any more.
    Over,
}

/// One call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Operation {
    /// Which key it is about.
    pub(super) key: usize,
    /// Who asked. A process asks one thing at a time, and nothing more once it was left without an answer.
    pub(super) process: usize,
    /// During which trouble.
    pub(super) trouble: Trouble,
    /// What was asked.
    pub(super) asked: Asked,
    /// When.
    pub(super) invoked: u64,
    /// What was told and when; `None` if that is not known: it may be done, now or later, or never.
    pub(super) told: Option<(u64, Told)>,
}

impl Operation {
    /// Whether this one was over before another began.
    pub(super) fn precedes(&self, other: &Self) -> bool {
        self.told.is_some_and(|(at, _)| at < other.invoked)
    }

    /// What was told.
    pub(super) fn answer(&self) -> Option<Told> {
        self.told.map(|(_, told)| told)
    }
}

/// Every call of every client, in the order in which they were asked.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    now: u64,
    operations: Vec<Operation>,
}

impl History {
    /// Writes down a call that is about to be sent; gives its place.
    pub(super) fn invoke(
        &mut self,
        (key, asked): (usize, Asked),
        process: usize,
        trouble: Trouble,
    ) -> usize {
        let invoked = self.tick();
        self.operations.push(Operation {
            key,
            process,
            trouble,
            asked,
            invoked,
            told: None,
        });
        self.operations.len() - 1
    }

    /// Writes down the answer to the call at a place.
    pub(super) fn answer(&mut self, place: usize, told: Told) {
        let now = self.tick();
        let answered = self.operations[place].told.replace((now, told));
        assert!(answered.is_none(), "a call is answered once");
    }

    /// All calls.
    pub(super) fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// The calls about each key.
    pub(super) fn by_key(&self) -> Vec<Vec<Operation>> {
        let keys = self.operations.iter().map(|it| it.key + 1).max();
        let mut by_key = vec![Vec::new(); keys.unwrap_or(0)];
        for operation in &self.operations {
            by_key[operation.key].push(*operation);
        }
        by_key
    }

    /// How many calls during a trouble were answered.
    pub(super) fn answered(&self, trouble: Trouble) -> usize {
        let during = self.operations.iter().filter(|it| it.trouble == trouble);
        during.filter(|it| it.told.is_some()).count()
    }

    fn tick(&mut self) -> u64 {
        self.now += 1;
        self.now
    }
}
