//! What this voter signs of its log, and what it believes because others have signed it.
//!
//! The rule is `consensus/decisions/0001-commit-rule.md`. Followers attest what they acknowledge; the leader gathers the
//! words and makes certificates of them; certificates travel with the leader's messages. Raft is kept from knowing more
//! than is certified: acknowledgements and commit indexes reach it only up to the highest index that a final certificate
//! covers, so whatever comes out as committed is certified.
//!
//! Nothing is signed before it is durable. Certificates that cannot be checked yet, because entries or an epoch are not
//! here, wait.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hms_protocol::agent::AgentCertificate;
use hms_protocol::certificate::{Attestation, Certificate, Phase, Statement};
use hms_protocol::chain::EntryKind;
use hms_protocol::codec;
use hms_protocol::evidence::VoterEvidence;
use hms_protocol::frame::Frame;
use hms_protocol::id::{AgentId, Epoch, Index, MeshId, NodeId, TaskId, Term};
use hms_protocol::keyring::SecretKey;
use hms_protocol::limits::WORDS_PER_FRAME_MAX;
use hms_protocol::receipt::{BuildRefusal, Handover, Receipt, Records};
use hms_protocol::trust::VoterSet;
use raft::eraftpb::{Message, MessageType};

use super::bridge::{self, Kind};
use super::driver::{Driver, Pending};
use super::limits;
use super::log::{Anchor, Point};
use super::members::raft_id;
use super::progress::{Progress, RaftRole};
use super::tally::Tally;
use crate::effect::LogWrite;

/// What a voter signs with, and for which group.
#[derive(Clone, Debug)]
pub struct Seat {
    /// The node's key.
    pub key: Arc<SecretKey>,
    /// The mesh.
    pub group: MeshId,
}

/// Words of this voter and of others.
#[derive(Debug)]
pub(super) struct Vouching {
    seat: Seat,
    // Whose words count; nobody's before the node is brought up.
    set: Option<Arc<VoterSet>>,
    // The term of the words that are counted.
    term: u64,
    tally: Tally,
    // What this node attested last: saying it again costs nothing.
    said: Option<Attestation>,
    // The newest acknowledgement of each peer that is beyond what is certified.
    acks: BTreeMap<u64, Message>,
    // The log is certified up to here.
    certified: Index,
    // Final certificates of the log that is kept.
    kept: BTreeMap<Index, Certificate>,
    // What ended each epoch: a certificate by its voters of the change that made others the voters.
    handovers: BTreeMap<Index, Handover>,
    // Those that are not on their way to the disk yet.
    unwritten: BTreeSet<Index>,
    // Certificates of entries, or of an epoch, that are not here yet. Unchecked.
    waiting: BTreeMap<(Index, Phase), Certificate>,
    lock: Option<Lock>,
    fresh: Vec<Certificate>,
    evidence: Vec<VoterEvidence>,
}

/// The highest certificate of holdings that this voter has kept.
#[derive(Clone, Debug)]
struct Lock {
    certificate: Certificate,
    written: Written,
}

/// How far a lock is on its way to stable storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Written {
    Not,
    Ordered(u64),
    Durable,
}

impl Vouching {
    /// Nothing said and nothing heard yet; the log is certified up to `certified`.
    pub(super) fn new(seat: Seat, certified: Index) -> Self {
        Self {
            seat,
            set: None,
            term: 0,
            tally: Tally::default(),
            said: None,
            acks: BTreeMap::new(),
            certified,
            kept: BTreeMap::new(),
            handovers: BTreeMap::new(),
            unwritten: BTreeSet::new(),
            waiting: BTreeMap::new(),
            lock: None,
            fresh: Vec::new(),
            evidence: Vec::new(),
        }
    }

    /// Takes the lock that was on disk.
    pub(super) fn resume(&mut self, lock: Certificate) {
        self.lock = Some(Lock {
            certificate: lock,
            written: Written::Durable,
        });
    }

    fn keep(&mut self, certificate: Certificate) {
        let index = certificate.statement.index;
        self.certified = self.certified.max(index);
        self.kept.insert(index, certificate);
    }

    /// Forgets certificates of entries that are compacted away.
    pub(super) fn compact(&mut self, to: Index) {
        self.kept = self.kept.split_off(&to.next());
    }

    /// Starts anew after a checkpoint that replaces the log.
    pub(super) fn install(&mut self, anchor: &Anchor) {
        self.kept.clear();
        self.unwritten.clear();
        self.certified = anchor.point.index;
        self.inherit(&anchor.handovers);
    }

    /// Takes the handovers of a checkpoint.
    pub(super) fn inherit(&mut self, handovers: &[Handover]) {
        let by_index = handovers.iter().map(|it| (it.stretch.index, it.clone()));
        self.handovers = by_index.collect();
    }

    /// The handovers up to an epoch, its own included.
    pub(super) fn handovers_up_to(&self, epoch: Epoch) -> Vec<Handover> {
        let up_to = self.handovers.range(..=Index(epoch.0));
        up_to.map(|(_, handover)| handover.clone()).collect()
    }

    /// What is to be written of new certificates.
    pub(super) fn take_unwritten(&mut self) -> Vec<(Index, Vec<u8>)> {
        let indexes = std::mem::take(&mut self.unwritten);
        let kept = |index| Some((index, codec::encode(self.kept.get(&index)?)));
        indexes.into_iter().filter_map(kept).collect()
    }

    /// Whether there are certificates that are not on their way to the disk.
    pub(super) fn has_unwritten(&self) -> bool {
        !self.unwritten.is_empty()
    }

    /// How far the log is certified.
    pub(super) fn certified(&self) -> Index {
        self.certified
    }

    fn final_phase(set: &VoterSet) -> Phase {
        if set.needs_locks() {
            Phase::Locked
        } else {
            Phase::Held
        }
    }

    /// The certificates that bring a peer that is certified up to `from` as far as `to`, which is how far its log goes:
    /// one for each epoch that ends on the way, and the newest; at most a frame's.
    fn way(&self, from: Index, to: Index) -> Vec<Certificate> {
        if to <= from {
            return Vec::new();
        }
        let reach = from.next()..=to;
        let newest = self.kept.range(reach.clone()).next_back();
        let ends = self.handovers.values().map(|it| &it.stretch.certificate);
        let steps = ends.chain(newest.map(|(_, it)| it));
        let steps: BTreeMap<_, _> = steps
            .map(|it| (it.statement.index, it))
            .filter(|(index, _)| reach.contains(index))
            .collect();
        // One place is left for a lock.
        let steps = steps.into_values().take(WORDS_PER_FRAME_MAX - 1);
        steps.cloned().collect()
    }
}

impl Driver {
    /// A change of voters at an index comes into force: keeps what shows that the voters before it made it final.
    pub(super) fn hand_over(&mut self, index: Index, before: Epoch) {
        let theirs = |it: &&Certificate| it.statement.epoch == before;
        let above = self.vouch.kept.range(index..).map(|(_, it)| it);
        let end = above.clone().find(theirs).map(|it| it.statement.index);
        let shown = end.map(|end| {
            self.log_between(index, end, |records| {
                Handover::build(index, before, records)
            })
        });
        match shown {
            Some(Ok(handover)) => drop(self.vouch.handovers.insert(index, handover)),
            Some(Err(refusal)) => tracing::error!(%index, %refusal, "a handover cannot be shown"),
            None => tracing::error!(%index, "a change of voters is in force without a certificate"),
        }
    }

    /// What this voter has kept from one entry to another, with the entry before, and its certificates from there on.
    fn log_between<T>(&self, from: Index, to: Index, read: impl FnOnce(&Records<'_>) -> T) -> T {
        let entries = self.node.store().kept_between(from, to);
        let handovers: Vec<Handover> = self.vouch.handovers.values().cloned().collect();
        read(&Records {
            mesh: self.vouch.seat.group,
            entries: &entries,
            certificates: &self.vouch.kept,
            handovers: &handovers,
            agents: &BTreeMap::new(),
        })
    }

    /// Shows what this log holds of a task, from the entry that submits it to the entry of its newest step.
    pub fn receipt(
        &self,
        task: TaskId,
        (first, newest): (Index, Index),
        agents: &BTreeMap<AgentId, AgentCertificate>,
    ) -> Result<Receipt, BuildRefusal> {
        let handovers: Vec<Handover> = self.vouch.handovers.values().cloned().collect();
        let since = handovers.iter().map(|it| it.stretch.index);
        let since = since.filter(|since| *since < newest).max();
        let is_theirs =
            |it: &Certificate| since.is_none_or(|since| since.0 <= it.statement.epoch.0);
        let mut above = self.vouch.kept.range(newest..);
        let end = above.find(|(_, certificate)| is_theirs(certificate));
        let (end, _) = end.ok_or(BuildRefusal::Uncertified { index: newest })?;
        let mut entries = self.node.store().kept_between(first, *end);
        // The entry before the first is there for its hash: what it carries came before the task.
        if let Some(before) = entries.get_mut(&Index(first.0.saturating_sub(1))) {
            (before.kind, before.data) = (EntryKind::Empty, Vec::new());
        }
        let records = Records {
            mesh: self.vouch.seat.group,
            entries: &entries,
            certificates: &self.vouch.kept,
            handovers: &handovers,
            agents,
        };
        Receipt::build(task, &records)
    }

    /// The words that were counted are of another term: they count no more.
    fn enter_term(&mut self) {
        if self.vouch.term != self.node.raft.term {
            self.vouch.term = self.node.raft.term;
            self.vouch.tally.clear();
            self.vouch.said = None;
            self.vouch.acks.clear();
        }
    }

    /// The voters are others: what was said by the earlier ones counts no more.
    pub(super) fn enter_epoch(&mut self) {
        let set = self.members.voter_set(self.vouch.seat.group);
        if set.as_ref() != self.vouch.set.as_deref() {
            self.vouch.set = set.map(Arc::new);
            self.vouch.tally.clear();
            self.vouch.said = None;
            self.review();
            self.gather();
        }
    }

    /// Certificates that were on disk: those that are of this log are kept.
    pub(super) fn recall(&mut self, certificates: Vec<Certificate>) {
        for certificate in certificates {
            let Statement { index, hash, .. } = certificate.statement;
            let point = self.node.store().point(index);
            if point.is_some_and(|point| point.chain == hash) {
                self.vouch.keep(certificate);
            }
        }
        let certified = self.vouch.certified.0;
        self.node.raft.raft_log.commit_to(certified);
    }

    /// Keeps Raft from knowing more than is certified.
    pub(super) fn curb(&mut self, mut message: Message, kind: Kind) -> Message {
        let certified = self.vouch.certified.0;
        match kind {
            Kind::Append | Kind::Heartbeat => message.commit = message.commit.min(certified),
            Kind::Vote | Kind::VoteAnswer | Kind::PreVote | Kind::PreVoteAnswer => {
                if certified < message.commit {
                    (message.commit, message.commit_term) = (0, 0);
                }
            }
            Kind::AppendAnswer if !message.reject && certified < message.index => {
                self.enter_term();
                if self.leads() && message.term == self.node.raft.term {
                    let held = self.vouch.acks.entry(message.from).or_default();
                    if held.index < message.index {
                        *held = message.clone();
                    }
                }
                message.index = certified;
            }
            Kind::AppendAnswer | Kind::Snapshot | Kind::HeartbeatAnswer | Kind::TimeoutNow => {}
        }
        message
    }

    /// Takes the words that came with a message.
    pub(super) fn hear(&mut self, from: NodeId, frame: Frame) {
        self.enter_term();
        if let Some(peer) = self.peers.get_mut(&raft_id(from)) {
            peer.certified = frame.certified;
        }
        for certificate in frame.certificates {
            self.learn(certificate);
        }
        if self.leads() {
            for attestation in frame.attestations {
                self.count(from, attestation);
            }
            self.gather();
        }
    }

    /// Counts a word. Only the voter's own word is: what somebody else says that it said is nothing.
    fn count(&mut self, from: NodeId, attestation: Attestation) {
        let Some(set) = &self.vouch.set else {
            return;
        };
        let statement = attestation.statement;
        let counts = attestation.voter == from
            && set.has(from)
            && statement.group == set.group()
            && statement.epoch == set.epoch()
            && statement.term.0 == self.node.raft.term
            && self.vouch.certified < statement.index;
        if counts && let Some(evidence) = self.vouch.tally.take(attestation) {
            self.vouch.evidence.push(evidence);
        }
    }

    /// Makes what certificates can be made, as the leader.
    pub(super) fn gather(&mut self) {
        if !self.leads() {
            return;
        }
        self.enter_term();
        let Some(set) = self.vouch.set.clone() else {
            return;
        };
        if set.needs_locks()
            && let Some(certificate) = self.seek(&set, Phase::Held)
        {
            self.spread(&certificate);
            self.lock_on(certificate);
        }
        if let Some(certificate) = self.seek(&set, Vouching::final_phase(&set)) {
            self.certify(certificate);
        }
    }

    /// A leader that knows more to be certified than its peers' acknowledgements have told Raft says so.
    pub(super) fn tell_certified(&mut self) {
        let certified = self.vouch.certified.0;
        if self.leads() && self.node.raft.raft_log.committed < certified {
            self.node.raft.raft_log.commit_to(certified);
            self.node.raft.bcast_append();
        }
    }

    /// The certificate of the highest index that enough voters attest as this log has it.
    fn seek(&mut self, set: &VoterSet, phase: Phase) -> Option<Certificate> {
        let mut above = self.vouch.certified;
        if let Some(lock) = &self.vouch.lock
            && phase == Phase::Held
            && lock.certificate.statement.term.0 == self.node.raft.term
        {
            above = above.max(lock.certificate.statement.index);
        }
        let mut indexes = self.vouch.tally.indexes(phase);
        if set.quorum() == 1 {
            // Nobody else's word comes: this voter's reaches as far as it may.
            let persisted = Index(self.node.raft.raft_log.persisted);
            let end = self.epoch_end();
            indexes = vec![end.map_or(persisted, |end| end.min(persisted))];
        }
        for index in indexes.into_iter().take_while(|index| above < *index) {
            let Some(point) = self.node.store().point(index) else {
                continue;
            };
            let statement = self.statement(set, phase, point);
            let may = self.may_sign(set, phase, point);
            let key = &self.vouch.seat.key;
            let own = || may.then(|| statement.attest(key));
            let certificate = self.vouch.tally.certify(set, statement, own);
            if certificate.is_some() {
                return certificate;
            }
        }
        None
    }

    fn statement(&self, set: &VoterSet, phase: Phase, point: Point) -> Statement {
        Statement {
            group: set.group(),
            epoch: set.epoch(),
            phase,
            term: Term(self.node.raft.term),
            index: point.index,
            hash: point.chain,
        }
    }

    /// Whether this voter may attest a point of its log: clauses C, E and L of the rule, and with them Raft's own
    /// condition where nobody lies (its section 5.4.2: an entry of an earlier term is not committed by counting).
    fn may_sign(&self, set: &VoterSet, phase: Phase, point: Point) -> bool {
        if !set.has(self.me) || self.node.raft.raft_log.persisted < point.index.0 {
            return false;
        }
        let term = self.node.raft.term;
        let lock = self.vouch.lock.as_ref();
        match phase {
            _ if self.epoch_end().is_some_and(|end| end < point.index) => false,
            Phase::Held if set.needs_locks() => lock.is_none_or(|lock| {
                let locked = lock.certificate.statement;
                locked.index <= point.index && self.holds(&locked)
            }),
            Phase::Held => point.term.0 == term,
            Phase::Locked => lock.is_some_and(|lock| {
                let locked = lock.certificate.statement;
                let same = (locked.index, locked.hash) == (point.index, point.chain);
                lock.written == Written::Durable
                    && same
                    && locked.term.0 == term
                    && locked.epoch == set.epoch()
            }),
        }
    }

    /// Where the words of the present epoch end: at a change of members that is not certified yet. Where nobody lies, one
    /// of an earlier term is passed over, because it is committed with an entry of this term.
    fn epoch_end(&self) -> Option<Index> {
        let set = self.vouch.set.as_ref()?;
        let change = self.node.store().next_change(self.vouch.certified)?;
        let point = self.node.store().point(change)?;
        let counts = set.needs_locks() || point.term.0 == self.node.raft.term;
        counts.then_some(change)
    }

    /// Whether this log is what a statement says, up to its index.
    fn holds(&self, statement: &Statement) -> bool {
        let point = self.node.store().point(statement.index);
        point.is_some_and(|point| point.chain == statement.hash)
    }

    /// This voter's word on what it acknowledges, if it may give it and it is news.
    fn attest(&mut self, acknowledged: &Message) -> Option<Attestation> {
        self.enter_term();
        let set = self.vouch.set.clone()?;
        let acknowledged_to = Index(acknowledged.index);
        let index = self
            .epoch_end()
            .map_or(acknowledged_to, |end| end.min(acknowledged_to));
        if acknowledged.term != self.node.raft.term || index <= self.vouch.certified {
            return None;
        }
        let point = self.node.store().point(index)?;
        if !self.may_sign(&set, Phase::Held, point) {
            return None;
        }
        let statement = self.statement(&set, Phase::Held, point);
        let said = self.vouch.said.filter(|said| said.statement == statement);
        let attestation = said.unwrap_or_else(|| statement.attest(&self.vouch.seat.key));
        self.vouch.said = Some(attestation);
        Some(attestation)
    }

    /// Takes a certificate that somebody brought.
    fn learn(&mut self, certificate: Certificate) {
        let Some(set) = self.vouch.set.clone() else {
            return;
        };
        let statement = certificate.statement;
        let foreign = statement.group != set.group() || statement.epoch < set.epoch();
        if foreign || statement.index <= self.vouch.certified {
            return;
        }
        if set.epoch() < statement.epoch || self.node.store().last().index < statement.index {
            return self.wait_for(certificate);
        }
        if let Err(refusal) = certificate.verify(&set) {
            tracing::debug!(index = %statement.index, %refusal, "a certificate was refused");
            return;
        }
        if !self.holds(&statement) {
            self.yield_to(certificate);
        } else if statement.phase == Vouching::final_phase(&set) {
            self.certify(certificate);
        } else if set.needs_locks() {
            self.lock_on(certificate);
        }
    }

    /// Puts a certificate aside until its entries or its epoch are here.
    fn wait_for(&mut self, certificate: Certificate) {
        let Statement { index, phase, .. } = certificate.statement;
        let waiting = &mut self.vouch.waiting;
        waiting.insert((index, phase), certificate);
        if limits::CERTIFICATES_WAITING_MAX < waiting.len() {
            waiting.pop_last();
        }
    }

    /// This log is not what a quorum attests (clause H): a leader gives up its office, a follower's suffix is replaced by
    /// the next leader's appends.
    fn yield_to(&mut self, certificate: Certificate) {
        tracing::warn!(index = %certificate.statement.index, "a certificate conflicts with this log");
        if self.leads() {
            let term = self.node.raft.term;
            self.node.raft.become_follower(term, raft::INVALID_ID);
        }
        self.wait_for(certificate);
    }

    /// Looks again at the certificates that wait: the log has grown, or the epoch has changed.
    pub(super) fn review(&mut self) {
        let last = self.node.store().last().index;
        let epoch = self.vouch.set.as_ref().map(|set| set.epoch());
        let due = |certificate: &Certificate| {
            let statement = &certificate.statement;
            statement.index <= last && epoch.is_some_and(|epoch| statement.epoch <= epoch)
        };
        if !self.vouch.waiting.values().any(due) {
            return;
        }
        let waiting = std::mem::take(&mut self.vouch.waiting);
        for certificate in waiting.into_values() {
            self.learn(certificate);
        }
    }

    /// The log is certified up to this certificate, and so committed.
    fn certify(&mut self, certificate: Certificate) {
        let index = certificate.statement.index;
        let change = self.node.store().next_change(self.vouch.certified);
        self.vouch.unwritten.insert(index);
        self.vouch.fresh.push(certificate.clone());
        self.vouch.keep(certificate);
        self.vouch.tally.forget(Phase::Held, index);
        self.vouch.tally.forget(Phase::Locked, index);
        if self.leads() {
            self.pass_acks();
            return;
        }
        self.node.raft.raft_log.commit_to(index.0);
        if change.is_some_and(|change| change <= index) && self.role() == RaftRole::Candidate {
            // It asks for votes under a configuration that is over, perhaps without it.
            let term = self.node.raft.term;
            self.node.raft.become_follower(term, raft::INVALID_ID);
        }
    }

    /// Tells Raft of the acknowledgements that were held back, as far as they are certified now.
    fn pass_acks(&mut self) {
        let certified = self.vouch.certified.0;
        let mut acks = std::mem::take(&mut self.vouch.acks);
        acks.retain(|_, ack| ack.term == self.node.raft.term);
        for ack in acks.values() {
            let mut message = ack.clone();
            message.index = message.index.min(certified);
            if self.node.step(message).is_err() {
                tracing::debug!(from = ack.from, "the acknowledgement of no member");
            }
        }
        acks.retain(|_, ack| certified < ack.index);
        self.vouch.acks = acks;
    }

    /// Locks on a certificate of holdings of this log, if it is higher than the lock (clause D).
    fn lock_on(&mut self, certificate: Certificate) {
        let rank = certificate.statement.mark().rank();
        let held = self.vouch.lock.as_ref();
        let held = held.map(|lock| lock.certificate.statement.mark().rank());
        if held < Some(rank) {
            self.vouch.lock = Some(Lock {
                certificate,
                written: Written::Not,
            });
        } else if held == Some(rank) {
            self.say_lock();
        }
    }

    /// Orders the write of a new lock.
    pub(super) fn write_lock(&mut self, progress: &mut Progress) {
        let Some(lock) = &mut self.vouch.lock else {
            return;
        };
        if lock.written != Written::Not {
            return;
        }
        self.writes += 1;
        lock.written = Written::Ordered(self.writes);
        progress.writes.push(LogWrite {
            number: self.writes,
            lock: Some(codec::encode(&lock.certificate)),
            sync: true,
            ..LogWrite::default()
        });
        self.pending.push_back(Pending {
            number: self.writes,
            covers: self.pending.back().map_or(0, |before| before.covers),
            term: 0,
            extends: false,
            install: None,
            messages: Vec::new(),
        });
    }

    /// A write is durable: if it is the lock's, the voter says so.
    pub(super) fn lock_written(&mut self, number: u64) {
        if let Some(lock) = &mut self.vouch.lock
            && let Written::Ordered(ordered) = lock.written
            && ordered <= number
        {
            lock.written = Written::Durable;
            self.say_lock();
        }
    }

    /// Attests the lock to the leader, while this voter is in its term (clause E).
    fn say_lock(&mut self) {
        let (Some(set), Some(lock)) = (self.vouch.set.clone(), &self.vouch.lock) else {
            return;
        };
        let locked = lock.certificate.statement;
        let Some(point) = self.node.store().point(locked.index) else {
            return;
        };
        let leader = self.leader().filter(|leader| *leader != self.me);
        if !self.may_sign(&set, Phase::Locked, point) {
            return;
        }
        let Some(leader) = leader else {
            return self.gather();
        };
        let statement = self.statement(&set, Phase::Locked, point);
        let frame = Frame {
            certified: self.vouch.certified,
            attestations: vec![statement.attest(&self.vouch.seat.key)],
            ..Frame::default()
        };
        self.released.push((leader, codec::encode(&frame)));
    }

    /// Brings a certificate of holdings to the other voters.
    fn spread(&mut self, certificate: &Certificate) {
        let frame = Frame {
            certified: self.vouch.certified,
            certificates: vec![certificate.clone()],
            ..Frame::default()
        };
        let bytes = codec::encode(&frame);
        let others = self.members.voters().into_iter();
        let others = others.filter(|voter| *voter != self.me);
        self.released
            .extend(others.map(|voter| (voter, bytes.clone())));
    }

    /// A message with the words that go with it, as it leaves.
    pub(super) fn frame(&mut self, message: &Message) -> Vec<u8> {
        let kind = MessageType::from_i32(message.msg_type);
        let known = self.peers.get(&message.to).map(|peer| peer.certified);
        let known = known.unwrap_or_default();
        let mut attestations = Vec::new();
        // A follower gets what its log is as long as; a leader or candidate that is behind gets whatever there is.
        let reach = match kind {
            Some(MessageType::MsgAppend) => Index(message.index + message.entries.len() as u64),
            Some(MessageType::MsgHeartbeat) => Index(message.commit),
            Some(_) | None => self.vouch.certified,
        };
        let mut certificates = self.vouch.way(known, reach);
        if kind == Some(MessageType::MsgHeartbeat) {
            certificates.extend(self.open_lock());
        }
        if kind == Some(MessageType::MsgAppendResponse) && !message.reject {
            attestations.extend(self.attest(message));
        }
        codec::encode(&Frame {
            message: bridge::encode(message),
            certified: self.vouch.certified,
            attestations,
            certificates,
        })
    }

    /// The lock that is not final yet: who missed it gets it with a heartbeat.
    fn open_lock(&self) -> Option<Certificate> {
        let lock = self.vouch.lock.as_ref()?;
        let statement = lock.certificate.statement;
        let open = self.vouch.certified < statement.index && statement.term.0 == self.vouch.term;
        open.then(|| lock.certificate.clone())
    }

    /// Final certificates since the last time.
    pub(super) fn take_fresh(&mut self) -> Vec<Certificate> {
        std::mem::take(&mut self.vouch.fresh)
    }

    /// Evidence since the last time.
    pub(super) fn take_evidence(&mut self) -> Vec<VoterEvidence> {
        std::mem::take(&mut self.vouch.evidence)
    }
}
