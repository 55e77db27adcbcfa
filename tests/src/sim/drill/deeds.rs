//! How the method of a drill is carried out in the simulated world.

use std::collections::{BTreeMap, BTreeSet};

use hms_consensus::input::Request;
use hms_protocol::member::MemberStanding;
use hms_protocol::order::Order;
use hms_protocol::service::Health;
use hms_testnet::attack::adversary::Misdeed;
use hms_testnet::attack::{Adversary, Attack, Damage, Dice, Seam};
use hms_testnet::drill::manifest::Step;

use super::Drilled;
use crate::sim::clock::Millis;
use crate::sim::crowd::Caller;
use crate::sim::disk::Part;
use crate::sim::fate::Blow;
use crate::sim::host::HostId;
use crate::sim::world::Occurrence;

/// How old a disk is that is put back, in milliseconds.
const PAST_MS: Millis = 1_000;

impl Drilled<'_> {
    /// The method begins.
    pub(super) fn begin(&mut self, seed: u64) {
        let leader = self.world.leader().map_or(HostId(0), |host| host.id);
        let mut misdeeds: BTreeMap<HostId, Vec<Misdeed>> = BTreeMap::new();
        for step in &self.drill.method {
            let host = self.resolve(&step.by, leader);
            misdeeds
                .entry(host)
                .or_default()
                .push(self.misdeed(step, leader));
            if step.attack.is_guilt() {
                self.world
                    .oracle
                    .liars
                    .insert(self.world.hosts[host.0].node);
            }
            self.actors.push(host);
        }
        let now = self.world.agenda.now();
        self.began = now;
        for (host, misdeeds) in misdeeds {
            let arms = self.world.arms(&self.world.hosts[host.0]);
            let mut adversary = Adversary::new(arms, seed, misdeeds);
            adversary.begin(now);
            self.world.adversaries.insert(host, adversary);
        }
        let mut hosts = self.world.hosts.iter();
        if let Some(newcomer) = hosts.find(|host| !host.invited).map(|host| host.id) {
            self.world.join(newcomer, 1);
        }
    }

    /// The host that a name means.
    fn resolve(&self, name: &str, leader: HostId) -> HostId {
        let leader = self.world.hosts[leader.0].name.to_string();
        let named = self.drill.resolve(name, &leader);
        let hosts = &self.world.hosts;
        let found = hosts.iter().find(|host| host.name.as_str() == named);
        found.expect("the manifest was checked").id
    }

    fn misdeed(&self, step: &Step, leader: HostId) -> Misdeed {
        let toward = step.when.toward.iter();
        let toward: BTreeSet<_> = toward
            .map(|name| self.world.hosts[self.resolve(name, leader).0].node)
            .collect();
        Misdeed {
            attack: step.attack,
            when: step.when.clone(),
            toward,
        }
    }

    /// What is done to a host from outside.
    fn befall(&mut self, host: HostId, attack: Attack) {
        if attack == Attack::Twin {
            let crew = Dice::new(self.dice.between(0, u64::MAX), "twin");
            self.world.add_twin(host, crew);
        }
        for (delay, blow) in blows(host, attack, &mut self.dice) {
            self.world.agenda.plan(delay, Occurrence::Fate(blow));
        }
    }

    /// What has no occasion of its own is done now, if it is due; and what came of it is looked at.
    pub(super) fn carry_on(&mut self) {
        for number in 0..self.actors.len() {
            self.act(number);
        }
        self.look_for_harm();
    }

    /// Does what a step says, if it has no occasion of its own.
    fn act(&mut self, number: usize) {
        let (host, step) = (self.actors[number], &self.drill.method[number]);
        let attack = step.attack;
        let early = self.world.agenda.now() < self.began + step.when.after_ms;
        let once = attack.seam() == Seam::Machine || attack == Attack::StealOperatorKey;
        let many = matches!(attack, Attack::Sybils { .. });
        if early || !(once || many) || self.done.contains(&number) {
            return;
        }
        let Some((adversary, scene)) = self.world.adversary(host) else {
            return;
        };
        if !adversary.does(&scene, attack) {
            return;
        }
        if once {
            self.done.insert(number);
        }
        self.befall(host, attack);
        if attack == Attack::StealOperatorKey {
            let victim = self.world.hosts[host.0].node;
            let order = self.world.order(Order::RevokeNode(victim));
            self.ask_leader(order);
        } else if many {
            let stranger = self.world.stranger();
            self.ask_leader(Request::Admit(stranger));
        }
    }

    fn ask_leader(&mut self, request: Request) {
        let target = self.world.leader().map_or(HostId(0), |host| host.id);
        self.world.call(Caller::Script, request, target);
    }

    /// Whether something is so that only an attacker wants, and that no invariant covers.
    fn look_for_harm(&mut self) {
        let Some(state) = self.world.leader().and_then(|host| host.state()) else {
            return;
        };
        let strangers = state.roster().len() > self.world.by_node.len();
        let revoked = state
            .roster()
            .members()
            .any(|member| member.standing == MemberStanding::Revoked);
        // Nobody takes services down in a drill.
        let slandered = state.services().iter().any(|it| it.health == Health::Down);
        let harm = [
            (strangers, "a node without a token is a member"),
            (
                revoked,
                "a node is thrown out by an order that its operator has not given",
            ),
            (slandered, "a service counts as down that is up"),
        ];
        if let Some((_, harm)) = harm.into_iter().find(|(done, _)| *done) {
            self.world.oracle.harmed(harm.to_owned());
        }
    }

    /// The method ends: everything is made well.
    pub(super) fn end(&mut self) {
        self.world.heal();
    }
}

/// What an attack on a machine comes to, and how long after its beginning.
fn blows(host: HostId, attack: Attack, dice: &mut Dice) -> Vec<(Millis, Blow)> {
    if let Attack::Crash { lasting_ms } = attack {
        vec![(0, Blow::Crash(host)), (lasting_ms, Blow::Restart(host))]
    } else if let Attack::Pause { lasting_ms } = attack {
        vec![(0, Blow::Sleep(host, lasting_ms))]
    } else if let Attack::SkewClock { ahead_ms } = attack {
        let ahead_ms = u64::try_from(ahead_ms).unwrap_or(0);
        let reset = (0, Blow::Reset(host, ahead_ms));
        vec![reset, (0, Blow::Crash(host)), (1, Blow::Restart(host))]
    } else if let Attack::Disk { damage } = attack {
        spoil(host, damage, dice)
    } else if attack == Attack::Twin {
        // Both start from the disk as it is while nobody writes there.
        vec![
            (0, Blow::Crash(host)),
            (1, Blow::Copy(host)),
            (2, Blow::Restart(host)),
            (3, Blow::Twin(host)),
        ]
    } else {
        Vec::new()
    }
}

/// What the damage of a disk comes to: it is done while the host is down.
fn spoil(host: HostId, damage: Damage, dice: &mut Dice) -> Vec<(Millis, Blow)> {
    let parts = Part::ALL.into_iter().filter(|part| part.must_be_seen());
    let parts: Vec<Part> = parts.collect();
    let (at, blow) = match damage {
        Damage::Flip => (0, Blow::Rot(host, parts[dice.below(parts.len())])),
        Damage::Truncate => (0, Blow::Rot(host, Part::Tail)),
        Damage::RollBack => (PAST_MS, Blow::Rewind(host)),
    };
    let (crash, restart) = (Blow::Crash(host), Blow::Restart(host));
    let mut blows = vec![(at, crash), (at + 1, blow), (at + 2, restart)];
    if damage == Damage::RollBack {
        blows.push((0, Blow::Copy(host)));
    }
    blows
}
