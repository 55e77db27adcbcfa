//! Everything that can happen next, in any state.

use stateright::{Model, Property};

use crate::log::Log;
use crate::mesh::{HONEST, Mesh};
use crate::promises;
use crate::rule::{Clause, Rule};
use crate::voter::{Certificate, Node, TERMS_MAX, slot};

/// A model of the rule, of one size.
#[derive(Clone, Copy, Debug)]
pub struct Scope {
    /// The rule that honest voters follow.
    pub rule: Rule,
    /// By term: how long its leader can make a log. So many terms there are.
    pub lengths: &'static [u16],
    /// Values that a liar can propose for one index of one term.
    pub values: u8,
    /// Who can be elected.
    pub leaders: Leaders,
}

/// Who can be elected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaders {
    /// Every node.
    Anyone,
    /// The liar alone: it can do all that an honest leader does, and more.
    Liar,
}

/// One step of honest voters. The liar's steps are in what it puts before them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Voters (as bits) elect a node in a term.
    Elect(u8, Node, u8),
    /// The elected voter begins to lead with an entry of its own, or proposes the next one.
    Propose(usize),
    /// The voter takes a log from the leader of a term.
    Accept(usize, Node, u8, Log),
    /// The voter is shown a certificate, with the entries.
    Learn(usize, Certificate),
}

impl Model for Scope {
    type State = Mesh;
    type Action = Step;

    fn init_states(&self) -> Vec<Mesh> {
        vec![Mesh::default()]
    }

    fn actions(&self, mesh: &Mesh, steps: &mut Vec<Step>) {
        let certificates = mesh.certificates(self.rule);
        let logs = mesh.known_logs();
        self.elections(mesh, steps);
        for place in 0..HONEST {
            if self.may_propose(mesh, place) {
                steps.push(Step::Propose(place));
            }
            for leader in 0..HONEST {
                appends(mesh, (leader, place), steps);
            }
            self.lies(mesh, place, &logs, steps);
            steps.extend(certificates.iter().map(|known| Step::Learn(place, *known)));
        }
    }

    fn next_state(&self, mesh: &Mesh, step: Step) -> Option<Mesh> {
        let mut next = mesh.clone();
        let happened = match step {
            Step::Elect(term, node, voters) => {
                for (place, voter) in next.voters.iter_mut().enumerate() {
                    if voters & honest(place).bit() != 0 {
                        voter.term = term;
                    }
                }
                next.elected[slot(term)] |= node.bit();
                true
            }
            Step::Propose(place) => {
                let voter = &mut next.voters[place];
                let log = voter.log.with(voter.term, 0);
                voter.accept(voter.term, honest(place), log, self.rule)
            }
            Step::Accept(place, leader, term, log) => {
                next.voters[place].accept(term, leader, log, self.rule)
            }
            Step::Learn(place, certificate) => next.voters[place].learn(certificate, self.rule),
        };
        (happened && next != *mesh).then(|| {
            next.forget(self.rule);
            next.representative()
        })
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(promises::AGREEMENT, |scope: &Self, mesh| {
                promises::agreement(mesh, scope.rule)
            }),
            Property::always(promises::KEPT, |scope: &Self, mesh| {
                promises::kept(mesh, scope.rule)
            }),
            Property::always(promises::ONE_CERTIFICATE, |scope: &Self, mesh| {
                promises::one_certificate(mesh, scope.rule)
            }),
            Property::always(promises::ONE_LEADER, |_, mesh| promises::one_leader(mesh)),
            Property::always(promises::NO_CONVICTION, |_, mesh| {
                promises::no_conviction(mesh)
            }),
            Property::always(promises::OBEYED, |scope: &Self, mesh| {
                promises::obeyed(mesh, scope.rule)
            }),
            Property::always(promises::NO_WEDGE, |scope: &Self, mesh| {
                promises::no_wedge(mesh, scope.rule)
            }),
            Property::sometimes(promises::DONE, |scope: &Self, mesh| {
                promises::done(mesh, scope.rule, scope.lengths)
            }),
        ]
    }
}

/// The honest voter at a place.
fn honest(place: usize) -> Node {
    Node::Honest(u8::try_from(place).expect("there are three"))
}

impl Scope {
    fn terms(&self) -> u8 {
        u8::try_from(self.lengths.len()).expect("there are few terms")
    }

    /// Elections that just enough honest voters and the liar's vote decide. The liar has every certificate and says what
    /// it likes of its log, so nothing but an earlier vote stands in its way.
    fn elections(&self, mesh: &Mesh, steps: &mut Vec<Step>) {
        for (term, bits) in
            (1..=self.terms()).flat_map(|term| (1..1 << HONEST).map(move |bits: u8| (term, bits)))
        {
            let elects = |place: &usize| bits & honest(*place).bit() != 0;
            let enough = bits.count_ones() as usize == self.rule.honest_signers();
            let mut voters = (0..HONEST).filter(elects);
            if !enough || !voters.all(|place| mesh.voters[place].may_vote(term, self.rule)) {
                continue;
            }
            steps.push(Step::Elect(term, Node::Liar, bits));
            if self.leaders == Leaders::Liar {
                continue;
            }
            for candidate in (0..HONEST).filter(elects) {
                let chosen = &mesh.voters[candidate];
                let mut others = (0..HONEST).filter(elects);
                let agreed = others.all(|place| mesh.voters[place].would_elect(chosen, self.rule));
                if chosen.term < term && agreed {
                    steps.push(Step::Elect(term, honest(candidate), bits));
                }
            }
        }
    }

    /// What the liar can put before a voter as the leader of a term: any log that exists, or one with an entry more.
    fn lies(&self, mesh: &Mesh, place: usize, logs: &[Log], steps: &mut Vec<Step>) {
        let leads = |term: &u8| {
            mesh.is_elected(*term, Node::Liar) || !self.rule.has(Clause::LeaderCertificate)
        };
        let voter = &mesh.voters[place];
        for term in (voter.term.max(1)..=self.terms()).filter(leads) {
            for log in logs.iter().filter(|log| log.last_term() <= term) {
                let longer = (0..self.values).filter(|_| log.length() < self.lengths[slot(term)]);
                let longer = longer.map(|value| log.with(term, value));
                let sent = longer.chain([*log]).filter(|log| *log != Log::EMPTY);
                steps.extend(sent.map(|log| Step::Accept(place, Node::Liar, term, log)));
            }
        }
    }

    /// A leader extends its own log only, and only as long as it holds what it proposed before.
    fn may_propose(&self, mesh: &Mesh, place: usize) -> bool {
        let voter = &mesh.voters[place];
        if voter.term == 0 || self.lengths[slot(voter.term)] <= voter.log.length() {
            return false;
        }
        let slot = slot(voter.term);
        let me = honest(place);
        let begins = voter.followed[slot] == 0;
        let goes_on = voter.followed[slot] == me.bit() && voter.held[slot].covers(voter.log);
        (begins || goes_on) && mesh.is_elected(voter.term, me)
    }
}

/// What an honest leader proposed in a term, however late it arrives.
fn appends(mesh: &Mesh, (leader, place): (usize, usize), steps: &mut Vec<Step>) {
    let node = honest(leader);
    for (term, slot) in (1..).zip(0..TERMS_MAX) {
        let leads = mesh.voters[leader].followed[slot] & node.bit() != 0;
        if leads && leader != place {
            let sent = mesh.voters[leader].held[slot]
                .longest()
                .flat_map(Log::prefixes);
            steps.extend(sent.map(|log| Step::Accept(place, node, term, log)));
        }
    }
}
