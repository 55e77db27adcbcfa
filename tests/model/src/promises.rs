//! What the rule promises, each as a question to one state.

use std::array;

use crate::mesh::{HONEST, Mesh};
use crate::rule::{Clause, Rule};
use crate::voter::{Certificate, TERMS_MAX, Voter};

/// No two logs that anybody may act on conflict, in whatever terms they were made.
pub const AGREEMENT: &str = "what may be acted on never conflicts";
/// Every log that anybody may act on is held by so many honest voters that a liar and one absent voter cannot hide it.
pub const KEPT: &str = "what may be acted on is kept by two of the honest";
/// Certificates of one term are of one chain.
pub const ONE_CERTIFICATE: &str = "certificates of one term never conflict";
/// In a term, honest voters take entries from one node.
pub const ONE_LEADER: &str = "a term has one leader";
/// No honest voter signs what would be evidence.
pub const NO_CONVICTION: &str = "no honest voter can be convicted";
/// A candidate that gets the vote of every honest voter has its log accepted by all of them.
pub const OBEYED: &str = "whom all honest voters elect, they obey";
/// With the liar silent and messages delivered, the honest voters elect one of them and follow it.
pub const NO_WEDGE: &str = "the honest voters alone can always go on";
/// Something does get done: without this, a model in which nothing happens would keep every promise.
pub const DONE: &str = "a log of full length is acted on in the last term";

/// See [`AGREEMENT`].
pub fn agreement(mesh: &Mesh, rule: Rule) -> bool {
    let acted_on = if rule.has(Clause::LockBeforeAnswer) {
        mesh.finals(rule)
    } else {
        mesh.certificates(rule)
    };
    is_consistent(&acted_on, |_, _| true)
}

/// See [`KEPT`].
pub fn kept(mesh: &Mesh, rule: Rule) -> bool {
    mesh.finals(rule).iter().all(|acted_on| {
        let holders = mesh
            .voters
            .iter()
            .filter(|voter| voter.log.extends(acted_on.log));
        rule.honest_signers() <= holders.count()
    })
}

/// See [`DONE`].
pub fn done(mesh: &Mesh, rule: Rule, lengths: &[u16]) -> bool {
    let full = lengths.iter().max().copied().unwrap_or_default();
    let is_last = |done: &Certificate| usize::from(done.term) == lengths.len();
    let finals = mesh.finals(rule);
    finals
        .iter()
        .any(|done| is_last(done) && done.log.length() == full)
}

/// See [`ONE_CERTIFICATE`].
pub fn one_certificate(mesh: &Mesh, rule: Rule) -> bool {
    is_consistent(&mesh.certificates(rule), |one, other| {
        one.term == other.term
    })
}

fn is_consistent(all: &[Certificate], counts: impl Fn(&Certificate, &Certificate) -> bool) -> bool {
    let conflicts = |one: &Certificate| {
        all.iter()
            .any(|other| counts(one, other) && one.log.conflicts(other.log))
    };
    !all.iter().any(conflicts)
}

/// See [`ONE_LEADER`].
pub fn one_leader(mesh: &Mesh) -> bool {
    (0..TERMS_MAX).all(|slot| {
        let leaders = mesh
            .voters
            .iter()
            .fold(0, |leaders, voter| leaders | voter.followed[slot]);
        leaders.count_ones() <= 1
    })
}

/// See [`NO_CONVICTION`]: nobody has signed two chains, or one of the votes that two leaders of one term have in common.
pub fn no_conviction(mesh: &Mesh) -> bool {
    let is_clean = |voter: &Voter| {
        let mut chains = voter.held.iter().chain(&voter.locked);
        chains.all(|chains| chains.longest().count() <= 1)
    };
    let votes = mesh.elected.iter().all(|leaders| leaders.count_ones() <= 1);
    votes && mesh.voters.iter().all(is_clean)
}

/// See [`OBEYED`].
pub fn obeyed(mesh: &Mesh, rule: Rule) -> bool {
    (0..HONEST)
        .all(|candidate| !is_elected(mesh, candidate, rule) || is_followed(mesh, candidate, rule))
}

/// See [`NO_WEDGE`]. In a new term nobody is bound by an attestation, so to be followed is all that new certificates need.
pub fn no_wedge(mesh: &Mesh, rule: Rule) -> bool {
    let mut mesh = mesh.clone();
    let locks: [Certificate; HONEST] = array::from_fn(|place| mesh.voters[place].lock);
    let highest = locks.into_iter().max_by_key(|lock| lock.rank());
    for voter in &mut mesh.voters {
        if let Some(highest) = highest.filter(|lock| 0 < lock.term) {
            voter.learn(highest, rule);
        }
    }
    (0..HONEST)
        .any(|candidate| is_elected(&mesh, candidate, rule) && is_followed(&mesh, candidate, rule))
}

fn is_elected(mesh: &Mesh, candidate: usize, rule: Rule) -> bool {
    mesh.voters
        .iter()
        .all(|voter| voter.would_elect(&mesh.voters[candidate], rule))
}

/// Whether nobody's lock stands against the candidate's log. A lock is released by the candidate's own, if that is of a
/// higher term.
fn is_followed(mesh: &Mesh, candidate: usize, rule: Rule) -> bool {
    let candidate = mesh.voters[candidate];
    mesh.voters.iter().all(|voter| {
        let mut voter = *voter;
        if 0 < candidate.lock.term {
            voter.learn(candidate.lock, rule);
        }
        candidate.log.extends(voter.lock.log)
    })
}
