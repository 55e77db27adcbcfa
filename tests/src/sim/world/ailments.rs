//! How hosts of a simulated world fall ill: clocks that go wrong, thoughts that take long, disks that are full, damaged or
//! put back, keys that run twice.

use hms_consensus::mind::Mind;
use hms_protocol::member::Role;

use super::{Occurrence, World};
use crate::sim::agents::Crew;
use crate::sim::clock::Millis;
use crate::sim::dial::RIGHT_PERMILLE;
use crate::sim::disk::{Disk, Part};
use crate::sim::host::{Host, HostId};
use hms_testnet::attack::Dice;

impl World {
    /// Tells something about a host.
    fn say_of(&mut self, host: HostId, words: &str) {
        let words = format!("{} {words}", self.hosts[host.0].name);
        self.trace.say(self.agenda.now(), words);
    }

    /// The clock of a host runs at another speed from now on.
    pub(crate) fn drift(&mut self, host: HostId, rate_permille: u64) {
        let now = self.agenda.now();
        self.hosts[host.0].dial.run_at(rate_permille, now);
        self.say_of(
            host,
            &format!("has a clock that runs at {rate_permille} thousandths"),
        );
    }

    /// A host thinks so long about whatever happens to it from now on.
    pub(super) fn burden(&mut self, host: HostId, long: Millis) {
        self.hosts[host.0].burden_ms = long;
        self.say_of(host, &format!("needs {long} ms for every thought"));
    }

    /// A host has had a thought; a slow one hears nothing for a while.
    pub(super) fn ponder(&mut self, host: HostId) {
        let now = self.agenda.now();
        let machine = &mut self.hosts[host.0];
        if 0 < machine.burden_ms && machine.mind.is_some() {
            machine.asleep_until = Some(now + machine.burden_ms);
            let (delay, life) = (machine.burden_ms, machine.life());
            self.agenda.plan(delay, Occurrence::Wake(host, life));
        }
    }

    /// A host is as fast again as it should be. What its clock is ahead or behind remains.
    pub(super) fn relieve(&mut self, host: HostId) {
        let now = self.agenda.now();
        let machine = &mut self.hosts[host.0];
        machine.dial.run_at(RIGHT_PERMILLE, now);
        machine.burden_ms = 0;
        self.links.muffle(host, 0);
    }

    /// A write failed: a node without space stops.
    pub(super) fn run_out_of_space(&mut self, host: HostId) {
        self.say_of(host, "has no space left");
        self.crash(host);
    }

    /// The disk of a host that is down is damaged, if the others can go on without it.
    pub(super) fn rot(&mut self, host: HostId, part: Part) {
        let dispensable = 2 <= self.voters_of(3).count();
        let machine = &mut self.hosts[host.0];
        if dispensable && machine.mind.is_none() && machine.disk.rot(part, &mut self.dice) {
            self.say_of(host, &format!("has a damaged {part:?}"));
        }
    }

    /// The hosts that are up and count so many voters at least.
    fn voters_of(&self, voters: usize) -> impl Iterator<Item = &Host> {
        self.hosts.iter().filter(move |host| {
            let voter = host.mind.as_ref().and_then(Mind::supervisor);
            voter.is_some_and(|voter| voters <= voter.status().voters.len())
        })
    }

    /// A host was started from a damaged disk. It must have refused, unless nothing was missing that it had promised. Says
    /// whether it runs.
    pub(super) fn take_stock(&mut self, host: HostId, part: Part, refused: Option<String>) -> bool {
        let Some(refusal) = refused else {
            if part.must_be_seen() {
                self.oracle.ran_on(host);
            }
            return !part.must_be_seen();
        };
        let (now, machine) = (self.agenda.now(), &mut self.hosts[host.0]);
        machine.lost = true;
        self.chronicle.refused_to_start.push((now, machine.node));
        self.say_of(host, &format!("does not start: {refusal}"));
        false
    }

    /// Where a voter is lost for good, another host joins, whom the mesh gives its seat.
    pub(super) fn bring_spare(&mut self) {
        let stays_out = |host: &&Host| !host.invited && host.wish.is_none();
        let spare = self.hosts.iter().find(stays_out).map(|host| host.id);
        if let Some(spare) = spare.filter(|_| self.hosts.iter().any(|host| host.lost)) {
            self.join(spare, 1);
        }
    }

    /// Somebody copies a disk.
    pub(super) fn copy(&mut self, host: HostId) {
        let copy = self.hosts[host.0].disk.copy();
        if copy.role.is_some() && self.all_vote() {
            self.copies.insert(host, copy);
        }
    }

    /// Whether every voter that is up knows that everybody votes who is to.
    fn all_vote(&self) -> bool {
        let wanted = |host: &&Host| host.wish == Some(Role::Voter);
        let wanted = self.hosts.iter().filter(wanted).count();
        let minds = self.hosts.iter().filter_map(|host| host.mind.as_ref());
        let voters = minds.filter_map(Mind::supervisor).count();
        0 < voters && voters == self.voters_of(wanted).count()
    }

    fn copied(&self, host: HostId) -> Option<Disk> {
        self.copies.get(&host).cloned()
    }

    /// The disk of a host that is down is put back to its copy. What it has signed since then, it may contradict: it may be
    /// convicted.
    pub(super) fn rewind(&mut self, host: HostId) {
        let machine = &mut self.hosts[host.0];
        let (node, life) = (machine.node, machine.disk.incarnation);
        let full = machine.disk.full;
        if machine.mind.is_some() {
            return;
        }
        if let Some(mut copy) = self.copied(host) {
            // Lives are told apart: otherwise what was planned for the old one would happen to the new.
            copy.incarnation = life;
            // What was on the disk comes back, not how much room there was beside it.
            copy.full = full;
            self.hosts[host.0].disk = copy;
            self.oracle.liars.insert(node);
            self.say_of(host, "has the disk of the past");
        }
    }

    /// A machine that is to be the twin of a host, and has not started yet.
    pub(crate) fn add_twin(&mut self, original: HostId, dice: Dice) {
        let first = &self.hosts[original.0];
        let id = HostId(self.hosts.len());
        let crew = Crew::new(dice, first.crew.temper);
        let mut twin = Host::new(id, None, first.dial, crew);
        twin.impersonate(first);
        self.by_node.entry(twin.node).or_default().push(id);
        self.hosts.push(twin);
    }

    /// The twin of a host starts, with its key and a copy of its disk. From now on their node may be convicted, and nobody
    /// believes in its leases.
    pub(super) fn twin(&mut self, original: HostId) {
        let node = self.hosts[original.0].node;
        let blank = |host: &HostId| self.hosts[host.0].disk.role.is_none();
        let twins = self.hosts_of(node).into_iter();
        let Some(twin) = twins.filter(|it| *it != original).find(blank) else {
            return;
        };
        if let Some(copy) = self.copied(original) {
            self.hosts[twin.0].disk = copy;
            self.oracle.liars.insert(node);
            self.oracle.doubled.insert(node);
            self.say_of(twin, "starts with the same key");
            self.start(twin);
        }
    }

    /// Twins are found out: the second one is stopped, for good.
    pub(super) fn end_twins(&mut self) {
        let twins = self.hosts.iter().filter(|host| {
            let first = self.host_of(host.node);
            first != Some(host.id)
        });
        let twins: Vec<HostId> = twins.map(|host| host.id).collect();
        for twin in twins {
            self.crash(twin);
            self.hosts[twin.0].disk = Disk::default();
        }
    }
}
