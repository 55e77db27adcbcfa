//! The mesh as the model sees it: three honest voters, and everything that they have ever signed.
//!
//! The liar has no state. It has every key it needs, every message that was ever sent, and shows each to whom it likes,
//! when it likes, or never; what honest voters can be made to do depends on nothing else.

use std::array;

use crate::log::{Log, VALUES};
use crate::rule::Rule;
use crate::voter::{Certificate, Chains, Node, TERMS_MAX, Voter, slot};

/// Honest voters, of four.
pub const HONEST: usize = 3;

/// A state of the model.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mesh {
    /// The honest voters.
    pub voters: [Voter; HONEST],
    /// By term: whom a quorum's votes made its leader, as bits.
    pub elected: [u8; TERMS_MAX],
    /// By term: what remains of it once every honest voter has left it.
    pub past: [Past; TERMS_MAX],
}

/// All that still matters of a term in which nobody will sign anything any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Past {
    /// The logs with a certificate.
    certificates: Chains,
    /// The logs with a final certificate.
    finals: Chains,
}

impl Mesh {
    /// Whether a quorum's votes made a node the leader of a term.
    pub fn is_elected(&self, term: u8, node: Node) -> bool {
        self.elected[slot(term)] & node.bit() != 0
    }

    /// The logs of which a certificate exists or can be made, in any term.
    pub fn certificates(&self, rule: Rule) -> Vec<Certificate> {
        self.covered(rule, |voter| &voter.held, |past| &past.certificates)
    }

    /// The logs of which a final certificate exists or can be made.
    pub fn finals(&self, rule: Rule) -> Vec<Certificate> {
        self.covered(rule, |voter| &voter.locked, |past| &past.finals)
    }

    fn covered(
        &self,
        rule: Rule,
        signed: impl Fn(&Voter) -> &[Chains; TERMS_MAX],
        kept: impl Fn(&Past) -> &Chains,
    ) -> Vec<Certificate> {
        let mut found = Vec::new();
        for (term, slot) in (1..).zip(0..TERMS_MAX) {
            let signers = |log: Log| {
                let signed = self
                    .voters
                    .iter()
                    .filter(|voter| signed(voter)[slot].covers(log));
                signed.count()
            };
            let logs = self
                .voters
                .iter()
                .flat_map(|voter| signed(voter)[slot].iter());
            let enough = logs.filter(|log| rule.honest_signers() <= signers(*log));
            let enough = enough.chain(kept(&self.past[slot]).iter());
            found.extend(enough.map(|log| Certificate { term, log }));
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Forgets of every term that all honest voters have left what can do nothing any more: who attested what is not
    /// certified, and who was followed.
    pub fn forget(&mut self, rule: Rule) {
        let oldest = self
            .voters
            .iter()
            .map(|voter| voter.term)
            .min()
            .unwrap_or_default();
        for term in 1..oldest {
            let slot = slot(term);
            if self.elected[slot] == 0 && self.voters.iter().all(|voter| voter.followed[slot] == 0)
            {
                continue;
            }
            let of_term = |all: Vec<Certificate>| {
                let mut chains = Chains::default();
                for certificate in all.iter().filter(|certificate| certificate.term == term) {
                    chains.add(certificate.log);
                }
                chains
            };
            let certificates = of_term(self.certificates(rule));
            let finals = of_term(self.finals(rule));
            self.past[slot] = Past {
                certificates,
                finals,
            };
            self.elected[slot] = 0;
            for voter in &mut self.voters {
                voter.followed[slot] = 0;
                voter.held[slot] = Chains::default();
                voter.locked[slot] = Chains::default();
            }
        }
    }

    /// Every log, and every start of one, that anybody has or had.
    pub fn known_logs(&self) -> Vec<Log> {
        let logs = self.voters.iter().flat_map(|voter| {
            let held = voter.held.iter().flat_map(Chains::longest);
            held.chain([voter.log])
        });
        let certified = self
            .past
            .iter()
            .flat_map(|past| past.certificates.longest());
        let logs = logs.chain(certified);
        let mut logs: Vec<Log> = logs.flat_map(Log::prefixes).collect();
        logs.push(Log::EMPTY);
        logs.sort_unstable();
        logs.dedup();
        logs
    }

    /// A state that differs only in the names of honest voters and of values, the same one for most that do.
    #[must_use]
    pub fn representative(self) -> Self {
        const ORDERS: [[usize; HONEST]; 6] = [
            [0, 1, 2],
            [0, 2, 1],
            [1, 0, 2],
            [1, 2, 0],
            [2, 0, 1],
            [2, 1, 0],
        ];
        let named = |leaders: &u8| leaders & !Node::Liar.bit() != 0;
        let names = |voter: &Voter| voter.followed.iter().any(named);
        if self.elected.iter().any(named) || self.voters.iter().any(names) {
            let renamed = ORDERS.iter().map(|order| self.renamed(order).relabelled());
            return renamed.min().expect("there are six orders");
        }
        // Nobody is named: putting the voters in order is renaming them.
        let mut sorted = self;
        sorted.voters.sort_unstable();
        let mut sorted = sorted.relabelled();
        sorted.voters.sort_unstable();
        sorted
    }

    /// The state in which `order[i]` is called `i`.
    fn renamed(&self, order: &[usize; HONEST]) -> Self {
        let rename = |bits: u8| {
            let kept = bits & Node::Liar.bit();
            (0..HONEST).fold(kept, |renamed, place| {
                renamed | (bits >> order[place] & 1) << place
            })
        };
        let voters = array::from_fn(|place| {
            let voter = self.voters[order[place]];
            Voter {
                followed: voter.followed.map(rename),
                ..voter
            }
        });
        Self {
            voters,
            elected: self.elected.map(rename),
            past: self.past,
        }
    }

    /// The state in which the first value that is met at each index of each term is called zero.
    fn relabelled(mut self) -> Self {
        let mut flips = [[None; 4]; TERMS_MAX + 1];
        let mut relabel = |log: Log| {
            log.relabel(|index, term, value| {
                let flip = flips[usize::from(term)][index].get_or_insert(value);
                (value + VALUES - *flip) % VALUES
            })
        };
        for voter in &mut self.voters {
            voter.log = relabel(voter.log);
            voter.lock.log = relabel(voter.lock.log);
            voter.held = voter.held.map(|chains| chains.map(&mut relabel));
            voter.locked = voter.locked.map(|chains| chains.map(&mut relabel));
        }
        for past in &mut self.past {
            past.certificates = past.certificates.map(&mut relabel);
            past.finals = past.finals.map(&mut relabel);
        }
        self
    }
}
