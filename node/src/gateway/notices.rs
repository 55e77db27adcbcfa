//! What happened in the ledger lately, kept so that a watcher can join late, fall behind or come back without loss.
//!
//! It keeps the newest [`NOTICES_CAPACITY`] notices. A watcher that is further behind is told which stretch it has
//! missed, never left to believe that nothing happened. What a watcher does about it is `watch.rs`.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hms_consensus::effect::Notice;
use hms_consensus::state::event::Event;
use hms_protocol::id::{Cursor, Index, Position, TaskId};
use tokio::sync::{Notify, watch};

use crate::limits::{NOTICES_CAPACITY, NOTICES_READ_MAX};

/// A notice and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) cursor: Cursor,
    pub(super) notice: Arc<Notice>,
}

/// The newest notices. Cloning shares them.
#[derive(Clone, Debug)]
pub(super) struct Notices {
    // Private to this type; held to copy a few pointers, never across an await.
    shelf: Arc<Mutex<Shelf>>,
    newest: Arc<watch::Sender<Cursor>>,
}

#[derive(Debug)]
struct Shelf {
    // Invariant: in strictly ascending order of cursor, all greater than `floor`.
    kept: VecDeque<Kept>,
    // Everything after this is kept; of what is at or before it, nothing is known.
    floor: Cursor,
    // Who waits for a step of which task. Invariant: no list is empty.
    interest: BTreeMap<TaskId, Vec<Arc<Notify>>>,
}

/// What a watcher gets to read.
#[derive(Debug)]
pub(super) struct Read {
    /// The stretch that is not kept any more, if the watcher needed it: after the first, up to the second.
    pub(super) gap: Option<(Cursor, Cursor)>,
    /// What follows, oldest first, at most [`NOTICES_READ_MAX`].
    pub(super) notices: Vec<Kept>,
}

impl Notices {
    /// Starts to keep what comes after the entry `applied`.
    pub(super) fn since(applied: Index) -> Self {
        let floor = end_of(applied);
        let shelf = Shelf {
            kept: VecDeque::new(),
            floor,
            interest: BTreeMap::new(),
        };
        let newest = Arc::new(watch::Sender::new(floor));
        Self {
            shelf: Arc::new(Mutex::new(shelf)),
            newest,
        }
    }

    /// Keeps a notice and wakes those who wait for it. Never blocks for longer than a copy.
    pub(super) fn publish(&self, notice: Notice) {
        let mut shelf = self.lock();
        let Some(cursor) = shelf.place(notice.position) else {
            tracing::debug!(position = %notice.position, "a notice came twice");
            return;
        };
        if let Some(task) = task_of(&notice.event) {
            for waiting in shelf.interest.get(&task).into_iter().flatten() {
                waiting.notify_one();
            }
        }
        if shelf.kept.len() == NOTICES_CAPACITY
            && let Some(oldest) = shelf.kept.pop_front()
        {
            shelf.floor = oldest.cursor;
        }
        shelf.kept.push_back(Kept {
            cursor,
            notice: Arc::new(notice),
        });
        drop(shelf);
        self.newest.send_replace(cursor);
    }

    /// The state was replaced by that of `index`: what happened up to there was not seen here.
    pub(super) fn skip_to(&self, index: Index) {
        let floor = end_of(index);
        let mut shelf = self.lock();
        if floor <= shelf.floor {
            return;
        }
        shelf.kept.retain(|kept| floor < kept.cursor);
        shelf.floor = floor;
        // Any task may have moved meanwhile.
        for waiting in shelf.interest.values().flatten() {
            waiting.notify_one();
        }
        drop(shelf);
        self.newest.send_if_modified(|newest| {
            let behind = *newest < floor;
            *newest = floor.max(*newest);
            behind
        });
    }

    /// The cursor of the newest notice.
    pub(super) fn newest(&self) -> Cursor {
        *self.newest.borrow()
    }

    /// Waits until there is a notice after `cursor`.
    pub(super) async fn after(&self, cursor: Cursor) {
        let mut newest = self.newest.subscribe();
        // The sender lives as long as `self`.
        let _ = newest.wait_for(|newest| cursor < *newest).await;
    }

    /// Reads what comes after `cursor`.
    pub(super) fn read(&self, cursor: Cursor) -> Read {
        let shelf = self.lock();
        let gap = (cursor < shelf.floor).then_some((cursor, shelf.floor));
        let first = shelf.kept.partition_point(|kept| kept.cursor <= cursor);
        let notices = shelf
            .kept
            .range(first..)
            .take(NOTICES_READ_MAX)
            .cloned()
            .collect();
        Read { gap, notices }
    }

    /// Registers interest in one task.
    pub(super) fn interest(&self, task: TaskId) -> Interest {
        let bell = Arc::new(Notify::new());
        self.lock()
            .interest
            .entry(task)
            .or_default()
            .push(Arc::clone(&bell));
        Interest {
            notices: self.clone(),
            task,
            bell,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Shelf> {
        // The shelf is whole after every statement above, so a panic elsewhere cannot have broken it.
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelf {
    /// The cursor of the next notice; `None` if its command is covered already.
    fn place(&self, position: Position) -> Option<Cursor> {
        let newest = self.kept.back().map_or(self.floor, |kept| kept.cursor);
        let part = if newest.position == position {
            newest.part.checked_add(1)?
        } else {
            0
        };
        let cursor = Cursor { position, part };
        (newest < cursor).then_some(cursor)
    }
}

/// Interest in one task; dropping it ends it.
#[derive(Debug)]
pub(super) struct Interest {
    notices: Notices,
    task: TaskId,
    bell: Arc<Notify>,
}

impl Interest {
    /// Waits until the task has moved since the last time, or since the interest began.
    pub(super) async fn moved(&self) {
        self.bell.notified().await;
    }
}

impl Drop for Interest {
    fn drop(&mut self) {
        let mut shelf = self.notices.lock();
        if let Some(waiting) = shelf.interest.get_mut(&self.task) {
            waiting.retain(|bell| !Arc::ptr_eq(bell, &self.bell));
            if waiting.is_empty() {
                shelf.interest.remove(&self.task);
            }
        }
    }
}

/// The cursor after everything that an entry did.
const fn end_of(index: Index) -> Cursor {
    Cursor {
        position: Position {
            index,
            offset: u32::MAX,
        },
        part: u32::MAX,
    }
}

/// The task that a watcher of tasks would look at again.
fn task_of(event: &Event) -> Option<TaskId> {
    match event {
        Event::TaskMoved { task, .. } => Some(*task),
        Event::RosterChanged
        | Event::PresenceChanged { .. }
        | Event::AgentsChanged { .. }
        | Event::Assigned { .. }
        | Event::Drawn { .. }
        | Event::Revoked { .. }
        | Event::HealthChanged { .. }
        | Event::ProbersChanged { .. }
        | Event::Convicted { .. }
        | Event::NodeConvicted { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use hms_protocol::task::TaskState;
    use hms_protocol::time::Moment;

    use super::*;

    const TASK: TaskId = TaskId::from_bytes([1; 16]);

    fn notice(index: u64, offset: u32) -> Notice {
        let position = Position {
            index: Index(index),
            offset,
        };
        let event = Event::TaskMoved {
            task: TASK,
            state: TaskState::Queued,
        };
        Notice {
            position,
            at: Moment(index),
            event,
        }
    }

    fn cursor(text: &str) -> Cursor {
        text.parse().unwrap()
    }

    fn cursors(read: &Read) -> Vec<String> {
        read.notices
            .iter()
            .map(|kept| kept.cursor.to_string())
            .collect()
    }

    #[test]
    fn a_watcher_that_comes_back_misses_nothing_and_sees_nothing_twice() {
        let notices = Notices::since(Index(1));
        for notice in [notice(2, 0), notice(2, 0), notice(2, 1), notice(4, 0)] {
            notices.publish(notice);
        }
        let all = notices.read(end_of(Index(1)));
        assert_eq!(cursors(&all), ["2.0.0", "2.0.1", "2.1.0", "4.0.0"]);
        assert!(all.gap.is_none());
        assert_eq!(
            cursors(&notices.read(cursor("2.0.0"))),
            ["2.0.1", "2.1.0", "4.0.0"]
        );
        assert_eq!(cursors(&notices.read(cursor("4.0.0"))), [""; 0]);
    }

    #[test]
    fn a_watcher_that_is_too_far_behind_is_told_what_it_missed() {
        let notices = Notices::since(Index(1));
        let last = NOTICES_CAPACITY as u64 + 2;
        for index in 2..=last {
            notices.publish(notice(index, 0));
        }
        let read = notices.read(end_of(Index(1)));
        assert_eq!(read.gap, Some((end_of(Index(1)), cursor("2.0.0"))));
        assert_eq!(read.notices[0].cursor, cursor("3.0.0"));
        assert_eq!(read.notices.len(), NOTICES_READ_MAX);
    }

    #[tokio::test]
    async fn a_state_that_is_replaced_leaves_a_gap_and_wakes_everybody() {
        let notices = Notices::since(Index(1));
        notices.publish(notice(2, 0));
        let interest = notices.interest(TaskId::from_bytes([9; 16]));
        notices.skip_to(Index(10));
        interest.moved().await;
        notices.after(cursor("2.0.0")).await;
        notices.publish(notice(5, 0));
        notices.publish(notice(11, 0));
        let read = notices.read(cursor("2.0.0"));
        assert_eq!(read.gap, Some((cursor("2.0.0"), end_of(Index(10)))));
        assert_eq!(cursors(&read), ["11.0.0"]);
    }

    #[tokio::test]
    async fn a_step_wakes_those_who_watch_its_task_and_interest_ends_with_its_owner() {
        let notices = Notices::since(Index(1));
        let (first, second) = (notices.interest(TASK), notices.interest(TASK));
        notices.publish(notice(2, 0));
        first.moved().await;
        second.moved().await;
        drop((first, second));
        assert!(notices.lock().interest.is_empty());
    }
}
