//! The clauses of the commit rule, one by one, as scripts: what is said to a voter, and what it signs, shows, asks for and
//! refuses. `consensus/decisions/0001-commit-rule.md` says why each is needed.
//!
//! Every script in the folder is played by the test of its name, and must tell what is written in it. With
//! `UPDATE_GOLDENFILES=1` they are written anew; whoever does that reads them again.

mod papers;
mod scene;
mod telling;
mod verbs;

use std::error::Error;
use std::path::{Path, PathBuf};

use goldenscript::{Context, Runner};
use hms_protocol::certificate::Phase;
use hms_protocol::codec;
use hms_protocol::frame::Frame;
use hms_protocol::id::{Epoch, NodeId};
use raft::eraftpb::MessageType;

use papers::vote;
use scene::{Address, Scene};
use verbs::{Actor, Actors, Paper, Verb, Words};

/// Voters of a mesh of which nothing else is said: one of them may lie.
const VOTERS: u8 = 4;

/// One test for each script: `clause_a_quorum` plays `a-quorum.script`.
macro_rules! play_each {
    ($($test:ident)*) => {
        $(
            #[test]
            fn $test() {
                play(stringify!($test));
            }
        )*

        const PLAYED: &[&str] = &[$(stringify!($test)),*];
    };
}

play_each! {
    clause_a_quorum
    clause_b_one_chain_in_a_term
    clause_c_attest_the_lock
    clause_d_lock_before_answer
    clause_e_lock_in_its_term
    clause_f_hold_the_lock
    clause_g_release
    clause_h_drop_the_suffix
    clause_i_vote_by_lock
    clause_j_one_vote_in_a_term
    clause_k_mandate
    clause_l_epochs
    clause_v_called_for
    clause_v_judged_in_its_turn
    clause_v_certified_needs_no_verdict
    clause_w_whose_word
}

#[test]
fn every_script_is_played_and_says_first_what_it_is_about() {
    let files = std::fs::read_dir(folder()).expect("the folder of scripts is there");
    let mut found: Vec<PathBuf> = files
        .map(|file| file.expect("the folder can be read").path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "script"))
        .collect();
    found.sort();
    for path in &found {
        let text = std::fs::read_to_string(path).expect("scripts are text");
        assert!(text.starts_with("# "), "{} has no preface", path.display());
    }
    let mut played: Vec<PathBuf> = PLAYED.iter().map(|test| script(test)).collect();
    played.sort();
    assert_eq!(found, played);
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/raft/tests/clauses")
}

fn script(test: &str) -> PathBuf {
    let name = test.trim_start_matches("clause_").replace('_', "-");
    folder().join(name + ".script")
}

fn play(test: &str) {
    let path = script(test);
    let played = goldenscript::run(&mut Play { scene: None }, &path);
    assert!(played.is_ok(), "{}: {played:?}", path.display());
}

/// A script while it is played.
struct Play {
    scene: Option<Scene>,
}

impl Runner for Play {
    type Command = Verb;

    fn run(&mut self, verb: &Verb, _context: &Context) -> Result<String, Box<dyn Error>> {
        if let Verb::Mesh { voters } = verb {
            self.scene = Some(Scene::new(voters.unwrap_or(VOTERS)));
        }
        let scene = self.scene.as_mut().ok_or("a script begins with mesh")?;
        scene.enact(verb)?;
        Ok(scene.tell())
    }
}

impl Scene {
    fn enact(&mut self, verb: &Verb) -> Result<(), Box<dyn Error>> {
        match verb {
            Verb::Mesh { .. } => {}
            Verb::Cut(nodes) => self.mesh.cut.extend(nodes.iter().map(|it| it.0)),
            Verb::LoseLocks => self.loses_locks = true,
            Verb::Heal => {
                self.loses_locks = false;
                self.mesh.cut.clear();
            }
            Verb::SlowDisks => self.mesh.prompt = false,
            Verb::Persist(node) => self.persist(node.0),
            Verb::Restart(node) => self.restart(node.0),
            Verb::Start(node) => self.mesh.start(node.0),
            Verb::Run(ticks) => self.run(*ticks),
            Verb::LedgerCallsForNothing => self.mesh.jury.objection = |_, _| Some("it has no seat"),
            Verb::Doubt => self.mesh.jury.doubt = Some("HMS-BAD-SIGNATURE"),
            Verb::Trust => self.mesh.jury.doubt = None,
            Verb::Propose(node, batches) => self.propose(node.0, |driver| {
                let mut batches = batches.iter().map(|batch| batch.clone().into_bytes());
                batches.try_for_each(|batch| driver.propose(batch).map(drop))
            }),
            Verb::Learner(node, other) => {
                self.propose(node.0, |driver| driver.add_learner(other.0));
            }
            Verb::Promote(node, other) => self.propose(node.0, |driver| driver.promote(other.0)),
            Verb::Words(command) => self.hear(&Words::try_from(command)?)?,
        }
        Ok(())
    }

    fn hear(&mut self, words: &Words) -> Result<(), Box<dyn Error>> {
        match words {
            Words::Append {
                from,
                to,
                term,
                after,
                entries,
                mandate,
                with,
            } => {
                let address = address(*from, *to, *term);
                let proofs = Frame {
                    certificates: self.papers.certificates(with.as_deref())?,
                    ..self.led(address, mandate.as_deref())?
                };
                self.append(address, (*after, entries), proofs)?;
            }
            Words::Heartbeat {
                from,
                to,
                term,
                mandate,
            } => {
                let address = address(*from, *to, *term);
                let proofs = self.led(address, mandate.as_deref())?;
                self.say(address, MessageType::MsgHeartbeat, |_, frame| {
                    *frame = proofs;
                });
            }
            Words::Ask {
                from,
                to,
                term,
                with,
                changes,
            } => {
                let proofs = Frame {
                    certificates: self.papers.certificates(with.as_deref())?,
                    handovers: self.papers.changes(changes.as_deref())?,
                    ..Frame::default()
                };
                self.ask(address(*from, *to, *term), proofs);
            }
            Words::Show {
                from,
                to,
                certificate,
            } => {
                let frame = Frame {
                    certificates: self.papers.certificates(Some(certificate))?,
                    ..Frame::default()
                };
                self.deliver(from.0, to.0, &codec::encode(&frame));
            }
            Words::Paper(command) => self.sign(&Paper::try_from(command)?)?,
        }
        Ok(())
    }

    fn sign(&mut self, paper: &Paper) -> Result<(), Box<dyn Error>> {
        match paper {
            Paper::Certify {
                name,
                of,
                up_to,
                entries,
                term,
                is_final,
                by,
            } => {
                let mut statement = self.statement(of.0, *up_to, (entries, *term))?;
                if *is_final {
                    statement.phase = Phase::Locked;
                }
                let by = self.signers(by.as_ref());
                self.papers.certify(name, statement, by);
            }
            Paper::Mandate {
                name,
                leader,
                term,
                by,
                epoch,
            } => {
                let mut ballot = self.ballot(leader.0, *term);
                ballot.epoch = epoch.map_or(ballot.epoch, Epoch);
                let mandate = vote(ballot, self.signers(by.as_ref()));
                self.papers.keep_mandate(name, mandate);
            }
            Paper::Changes {
                name,
                of,
                signatures,
            } => {
                let mut changes = self.driver(of.0).handovers();
                let first = changes.first_mut().ok_or("the voters have not changed")?;
                let signers = &mut first.stretch.certificate.signers;
                signers.truncate(signatures.unwrap_or(signers.len()));
                self.papers.keep_changes(name, changes);
            }
        }
        Ok(())
    }

    /// What goes with the words of a leader.
    fn led(&mut self, address: Address, mandate: Option<&str>) -> Result<Frame, String> {
        let ballot = self.ballot(address.from, address.term);
        let ordinary = vote(ballot, self.signers(None));
        Ok(Frame {
            mandate: self.papers.mandate(mandate, ordinary)?,
            ..Frame::default()
        })
    }

    fn signers(&self, named: Option<&Actors>) -> Vec<NodeId> {
        let everybody = || self.mesh.disks.keys().copied().collect();
        named.map_or_else(everybody, |named| named.0.clone())
    }
}

fn address(from: Actor, to: Actor, term: u64) -> Address {
    Address {
        from: from.0,
        to: to.0,
        term,
    }
}
