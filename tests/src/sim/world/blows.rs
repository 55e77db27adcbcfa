//! How blows fall on a simulated world, and how it is made well again.

use hms_consensus::input::Input;

use hms_protocol::id::Incarnation;

use super::{Event, Occurrence, World};
use crate::sim::fate::Blow;
use crate::sim::host::HostId;

impl World {
    /// Lets a blow fall.
    pub(crate) fn strike(&mut self, blow: Blow) {
        if blow.hosts().any(|host| self.hosts.len() <= host.0) {
            // Whom it would befall was left out of the plan.
            return;
        }
        match blow {
            Blow::Crash(host) => self.crash(host),
            Blow::Restart(host) => self.restart(host),
            Blow::Sleep(host, lasting) => self.sleep(host, lasting),
            Blow::Cut(from, to, one_way) => self.cut(from, to, one_way),
            Blow::Mend(one, other) => self.links.mend(one, other),
            Blow::Isolate(host) => self.isolate(host),
            Blow::Rejoin(host) => self.rejoin(host),
            Blow::Toggle => self.toggle(),
            Blow::Corrupt(host) => self.corrupt(host),
            Blow::Reset(host, ahead) => self.hosts[host.0].dial.set(ahead),
            Blow::Drift(host, rate) => self.drift(host, rate),
            Blow::Burden(host, long) => self.burden(host, long),
            Blow::Muffle(host, longer) => self.links.muffle(host, longer),
            Blow::Relieve(host) => self.relieve(host),
            Blow::Rot(host, part) => self.rot(host, part),
            Blow::Fill(host) => self.hosts[host.0].disk.full = true,
            Blow::Clear(host) => self.hosts[host.0].disk.full = false,
            Blow::Copy(host) => self.copy(host),
            Blow::Rewind(host) => self.rewind(host),
            Blow::Twin(host) => self.twin(host),
        }
    }

    /// The power of a host fails. Some of those that it was connected to notice at once.
    pub(crate) fn crash(&mut self, host: HostId) {
        let machine = &mut self.hosts[host.0];
        if machine.mind.take().is_none() {
            return;
        }
        machine.disk.crash(&mut self.dice);
        machine.asleep_until = None;
        machine.leader = None;
        self.story.forget(machine.node);
        self.oracle.crashes(host);
        let words = format!("{} is killed", machine.name);
        self.trace.say(self.agenda.now(), words);
        self.tell_link(host, false);
    }

    /// A host that was admitted and is down starts again.
    pub(crate) fn restart(&mut self, host: HostId) {
        let machine = &self.hosts[host.0];
        if machine.mind.is_none() && machine.disk.role.is_some() && !machine.lost {
            let words = format!("{} is started", machine.name);
            self.trace.say(self.agenda.now(), words);
            self.start(host);
            self.tell_link(host, true);
        }
    }

    fn tell_link(&mut self, host: HostId, up: bool) {
        let node = self.hosts[host.0].node;
        for other in (0..self.hosts.len())
            .map(HostId)
            .filter(|other| *other != host)
        {
            let lost = self.links.carry(other, host).is_empty();
            if !lost && self.hosts[other.0].knows(node) {
                let input = Input::Linked { node, up };
                self.plan(2, other, Event::Input(Box::new(input)));
            }
        }
    }

    /// A host stops running for a while, and does not notice.
    pub(crate) fn sleep(&mut self, host: HostId, lasting: u64) {
        let now = self.agenda.now();
        let machine = &mut self.hosts[host.0];
        if machine.mind.is_some() {
            machine.asleep_until = Some(now + lasting);
            let words = format!("{} sleeps", machine.name);
            self.trace.say(now, words);
            // The first thing that happens to it is that it wakes; what came meanwhile follows.
            let life = machine.life();
            self.agenda.plan(lasting, Occurrence::Wake(host, life));
        }
    }

    pub(super) fn wake(&mut self, host: HostId, life: Incarnation) {
        let now = self.agenda.now();
        let machine = &mut self.hosts[host.0];
        if machine.life() == life && machine.asleep_until.is_some_and(|until| until <= now) {
            machine.asleep_until = None;
            let words = format!("{} wakes", machine.name);
            self.trace.say(now, words);
        }
    }

    /// Nothing passes any more.
    pub(crate) fn cut(&mut self, from: HostId, to: HostId, one_way: bool) {
        self.links.cut(from, to);
        if !one_way {
            self.links.cut(to, from);
        }
        let (from, to) = (&self.hosts[from.0].name, &self.hosts[to.0].name);
        let words = format!(
            "{from} and {to} are cut{}",
            if one_way { " one way" } else { "" }
        );
        self.trace.say(self.agenda.now(), words);
    }

    /// Nothing passes between a host and the others any more.
    pub(crate) fn isolate(&mut self, host: HostId) {
        for other in (0..self.hosts.len())
            .map(HostId)
            .filter(|other| *other != host)
        {
            self.links.cut(host, other);
            self.links.cut(other, host);
        }
        let words = format!("{} is cut off", self.hosts[host.0].name);
        self.trace.say(self.agenda.now(), words);
    }

    /// Everything passes again between a host and the others.
    pub(crate) fn rejoin(&mut self, host: HostId) {
        for other in (0..self.hosts.len()).map(HostId) {
            self.links.mend(host, other);
        }
        let words = format!("{} is connected", self.hosts[host.0].name);
        self.trace.say(self.agenda.now(), words);
    }

    fn toggle(&mut self) {
        if self.blind.is_empty() {
            self.blind = (0..self.hosts.len()).map(HostId).collect();
        } else {
            self.blind.clear();
        }
    }

    fn corrupt(&mut self, host: HostId) {
        let crew = &mut self.hosts[host.0].crew;
        let first = crew.agents().next().map(|agent| agent.id);
        if let Some(agent) = first {
            crew.corrupt(agent);
            let words = format!("{} begins to lie", self.story.agent(agent));
            self.trace.say(self.agenda.now(), words);
        }
    }

    /// Everything is made well: what is cut is mended, what is down starts, what sleeps wakes.
    pub(crate) fn heal(&mut self) {
        self.links.mend_all();
        self.links.weather = crate::sim::links::Weather::CALM;
        self.blind.clear();
        self.end_twins();
        for adversary in self.adversaries.values_mut() {
            adversary.end();
        }
        for host in (0..self.hosts.len()).map(HostId) {
            self.relieve(host);
            self.hosts[host.0].disk.full = false;
            self.restart(host);
        }
        self.bring_spare();
        self.trace
            .say(self.agenda.now(), "everything is well".to_owned());
    }
}
