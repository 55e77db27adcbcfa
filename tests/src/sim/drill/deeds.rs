//! How the method of a drill is carried out in the simulated world.

use std::collections::{BTreeMap, BTreeSet};

use hms_consensus::input::Request;
use hms_protocol::member::MemberStanding;
use hms_protocol::order::Order;
use hms_protocol::service::Health;
use hms_testnet::attack::adversary::Misdeed;
use hms_testnet::attack::{Adversary, Attack};
use hms_testnet::drill::manifest::Step;

use super::Drilled;
use crate::sim::crowd::Caller;
use crate::sim::fate::Blow;
use crate::sim::host::HostId;
use crate::sim::world::Occurrence;

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
            self.befall(host, step);
        }
        let now = self.world.agenda.now();
        for (host, misdeeds) in misdeeds {
            let arms = self.world.arms(&self.world.hosts[host.0]);
            let mut adversary = Adversary::new(arms, seed, misdeeds);
            adversary.begin(now);
            self.world.adversaries.insert(host, adversary);
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
    fn befall(&mut self, host: HostId, step: &Step) {
        let after_ms = step.when.after_ms;
        let mut fall = |delay, blow| self.world.agenda.plan(delay, Occurrence::Fate(blow));
        if let Attack::Crash { lasting_ms } = step.attack {
            fall(after_ms, Blow::Crash(host));
            fall(after_ms + lasting_ms, Blow::Restart(host));
        } else if let Attack::Pause { lasting_ms } = step.attack {
            fall(after_ms, Blow::Sleep(host, lasting_ms));
        } else if let Attack::SkewClock { ahead_ms } = step.attack {
            fall(
                after_ms,
                Blow::Reset(host, u64::try_from(ahead_ms).unwrap_or(0)),
            );
            fall(after_ms, Blow::Crash(host));
            fall(after_ms + 1, Blow::Restart(host));
        }
    }

    /// What has no occasion of its own is done now, if it is due; and what came of it is looked at.
    pub(super) fn carry_on(&mut self) {
        let hosts: Vec<HostId> = self.world.adversaries.keys().copied().collect();
        for host in hosts {
            for step in &self.drill.method {
                self.act(host, step);
            }
        }
        self.look_for_harm();
    }

    fn act(&mut self, host: HostId, step: &Step) {
        let attack = step.attack;
        let once = matches!(
            attack,
            Attack::StealOperatorKey
                | Attack::SkewClock { .. }
                | Attack::Pause { .. }
                | Attack::Crash { .. }
        );
        let many = matches!(attack, Attack::Sybils { .. });
        if !(once || many) || !self.is_first(host, attack, once) {
            return;
        }
        let Some((adversary, scene)) = self.world.adversary(host) else {
            return;
        };
        if !adversary.does(&scene, attack) {
            return;
        }
        if attack == Attack::StealOperatorKey {
            let victim = self.world.hosts[host.0].node;
            let order = self.world.order(Order::RevokeNode(victim));
            self.ask_leader(order);
        } else if many {
            let stranger = self.world.stranger();
            self.ask_leader(Request::Admit(stranger));
        }
    }

    /// Whether something that is done once was not done yet.
    fn is_first(&self, host: HostId, attack: Attack, once: bool) -> bool {
        let adversary = self.world.adversaries.get(&host);
        adversary
            .is_some_and(|adversary| adversary.is_to(attack) && !(once && 0 < adversary.told()))
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
        let strangers = state.roster().len() > self.world.hosts.len();
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
