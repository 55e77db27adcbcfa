//! What this node believes of the ledger without having it: how the voters came about, the newest certificate, and where
//! the newest command stands that it was shown of each task.
//!
//! An order is obeyed only if the ledger is shown to hold the command behind it, and nothing newer of the task was shown
//! before. Orders that come before the voters are known wait for a while.
//!
//! Whether leases hold is for the fence to say.

use std::collections::{BTreeMap, VecDeque};

use hms_protocol::certificate::Certificate;
use hms_protocol::codec;
use hms_protocol::id::{Epoch, Index, MeshId, NodeId, Position, TaskId};
use hms_protocol::peer::{Dispatch, Run, SuccessionShown};
use hms_protocol::receipt::{Handover, Succession};
use hms_protocol::time::Moment;
use hms_protocol::trust::VoterSet;
use hms_protocol::warrant::{self, WarrantRefusal};

use crate::limits::{
    HEAD_EVERY_MS, HEADS_SEEN_MAX, ORDERS_EARLY_MAX, REPEAT_EVERY_MS, RUNS_REMEMBERED_MAX,
};

/// What a node was shown of the ledger.
#[derive(Debug)]
pub struct Warrants {
    mesh: MeshId,
    /// Checked from the founder on; `None` until a voter has shown it.
    succession: Option<Succession>,
    /// The newest certificate that was found good: orders under it cost no signature.
    head: Option<Certificate>,
    /// The newest command of each task that was shown, and the run that it was for. The oldest of `order` is forgotten
    /// first; the two hold the same tasks.
    shown: BTreeMap<TaskId, (Position, Run)>,
    order: VecDeque<TaskId>,
    /// Orders under voters that are not known yet, oldest first.
    early: VecDeque<(NodeId, Dispatch)>,
    ask_at: Moment,
    /// When the next announced certificate is looked at.
    see_at: Moment,
}

impl Warrants {
    /// Nothing was shown yet.
    pub fn new(mesh: MeshId) -> Self {
        Self {
            mesh,
            succession: None,
            head: None,
            shown: BTreeMap::new(),
            order: VecDeque::new(),
            early: VecDeque::new(),
            ask_at: Moment::default(),
            see_at: Moment::default(),
        }
    }

    /// The newest voters that are known; 0 if none are.
    pub fn epoch(&self) -> Epoch {
        let succession = self.succession.as_ref();
        succession.map_or(Epoch(0), |known| known.voters().epoch())
    }

    /// The newest certificate that this node has found good.
    pub fn head(&self) -> Option<&Certificate> {
        self.head.as_ref()
    }

    /// Whether it is time to ask how the voters came about: they are not known, or others certify by now.
    pub fn is_due(&mut self, current: Option<Epoch>, now: Moment) -> bool {
        let behind = match current {
            Some(current) => self.epoch() < current,
            None => self.succession.is_none(),
        };
        if !behind || now < self.ask_at {
            return false;
        }
        self.ask_at = now.plus_ms(REPEAT_EVERY_MS);
        true
    }

    /// Takes what shows how the voters came about, as far as it is good. What is known already costs nothing, and the first
    /// change that is not certified ends it. True if there are newer voters now.
    pub fn learn(&mut self, shown: &SuccessionShown) -> bool {
        let before = self.epoch();
        if self.succession.is_none() {
            let origin = codec::origin::read(&shown.genesis);
            let ours = origin.ok().filter(|origin| origin.mesh == self.mesh);
            self.succession = ours.map(|origin| Succession::found(&origin));
        }
        let Some(succession) = &mut self.succession else {
            return false;
        };
        for bytes in &shown.handovers {
            let Ok(handover) = codec::decode_exact::<Handover>(bytes) else {
                break;
            };
            let known = handover.stretch.index.0 <= succession.voters().epoch().0;
            if !known && succession.take(&handover).is_err() {
                break;
            }
        }
        before < self.epoch()
    }

    /// Where the mesh was recovered last, and who votes by now.
    pub fn recovery(&self) -> Option<(Index, &VoterSet)> {
        let succession = self.succession.as_ref()?;
        let last = succession.recoveries().last()?;
        Some((*last, succession.voters()))
    }

    /// Takes a certificate that somebody announces, if it is good and newer than the head. A few are looked at in a second:
    /// each costs a quorum's signatures.
    pub fn see(&mut self, certificate: &Certificate, now: Moment) {
        let index = certificate.statement.index;
        let newer = self
            .head
            .as_ref()
            .is_none_or(|head| head.statement.index < index);
        if !newer || now < self.see_at {
            return;
        }
        self.see_at = now.plus_ms(HEAD_EVERY_MS / HEADS_SEEN_MAX);
        let succession = self.succession.as_ref();
        if succession.is_some_and(|known| known.certified(index, certificate, None).is_ok()) {
            self.head = Some(certificate.clone());
        }
    }

    /// Whether an order is shown to be the certified ledger's. What was shown in this life need not be shown again.
    pub fn check(&mut self, order: &Dispatch) -> Result<(), WarrantRefusal> {
        let (Run::Attempt { task, .. } | Run::Check { task, .. }) = order.run;
        let newest = self.shown.get(&task).copied();
        if order.warrant.is_empty() && newest.is_some_and(|(_, run)| run == order.run) {
            return Ok(());
        }
        let succession = self.succession.as_ref();
        let succession = succession.ok_or(WarrantRefusal::NoSuccession)?;
        let warranted = warrant::check(order, succession, self.head.as_ref())?;
        let position = warranted.position;
        if let Some((newest, _)) = newest
            && position < newest
        {
            return Err(WarrantRefusal::Outdated { position, newest });
        }
        let index = |certificate: &Certificate| certificate.statement.index;
        let newer = index(&warranted.certificate);
        if self.head.as_ref().is_none_or(|head| index(head) < newer) {
            self.head = Some(warranted.certificate);
        }
        self.remember(task, (position, order.run));
        Ok(())
    }

    fn remember(&mut self, task: TaskId, shown: (Position, Run)) {
        if self.shown.insert(task, shown).is_some() {
            return;
        }
        self.order.push_back(task);
        if RUNS_REMEMBERED_MAX < self.order.len()
            && let Some(oldest) = self.order.pop_front()
        {
            self.shown.remove(&oldest);
        }
        assert_eq!(self.shown.len(), self.order.len());
    }

    /// Keeps an order until the voters are known.
    pub fn hold(&mut self, from: NodeId, order: Dispatch) {
        if self.early.len() == ORDERS_EARLY_MAX {
            self.early.pop_front();
        }
        self.early.push_back((from, order));
    }

    /// The orders that were kept.
    pub fn release(&mut self) -> Vec<(NodeId, Dispatch)> {
        self.early.drain(..).collect()
    }
}

#[cfg(test)]
mod tests;
