//! What the lines of a golden script do to a mesh.
//!
//! | line | what it does |
//! |---|---|
//! | `mesh voters=3 workers=1 [wanted=3] [spare=1] [replace=5s]` | founds a mesh and lets everybody but the spare hosts join |
//! | `join n4` | lets one more host join, as a worker or as what the mesh wants |
//! | `agent a1 at n2 [skills=echo/nap] [slots=2]` | raises an agent, without asking the mesh |
//! | `spawn a1 [at n2] [skills=echo]`, `stop a1` | asks the mesh to do so |
//! | `submit t1 skill=echo [input=…] [attempts=3] [attempt=5s] [deadline=60s] [priority=1] [key=…] [via=n2]` | |
//! | `cancel t1`, `read t1`, `why t1` | |
//! | `service web probers=3 quorum=2 [retries=1]`, `blind n1`, `see n1` | a watched service, and who cannot reach it |
//! | `lie a1` | the agent claims wrong results from now on |
//! | `kill n1`, `start n1`, `sleep n1 for 5s`, `cut n1`, `cut n1 n2 one-way`, `mend n1`, `mend n1 n2` | |
//! | `drift n1 to 900`, `burden n1 with 900ms`, `fill n1`, … | every other [blow] of fate |
//! | `slow n1` | its clock runs at a quarter of the speed from now on |
//! | `forge n1` | what n1 shows with its orders is changed on the way, from now on |
//! | `accuse n2 to n3` | n2's key has signed two logs, and n3 is shown both |
//! | `replace n2 by n4` | the operator orders it |
//! | `run 3s`, `until t1 succeeded` | lets time pass |
//!
//! Runs of a seed have [lines of their own](super::seeded). A deadline counts from when the mesh is founded, so that two submits in a row can be the same. Whoever asks waits for
//! the answer.

use std::collections::BTreeMap;
use std::error::Error;

use goldenscript::{Command, Context, Runner};
use hms_consensus::input::{Question, Request};
use hms_protocol::id::{NodeId, SkillName};
use hms_protocol::order::Order;
use hms_protocol::service::ServiceSpec;
use hms_protocol::task::TaskSpec;

use crate::golden::words::{Words, agent_id, host, span, task_id};
use crate::golden::{blow, seeded};
use crate::sim::agents::{Agent, SKILLS};
use crate::sim::clock::Millis;
use crate::sim::crowd::{Caller, service, spec};
use crate::sim::host::{EPOCH, HostId};
use crate::sim::plan::Plan;
use crate::sim::scenario::Scenario;
use crate::sim::trace::Trace;
use crate::sim::world::World;

/// Longest time that an `until` waits, in milliseconds.
const UNTIL_MS_MAX: Millis = 120_000;

/// At how many thousandths of the right speed a slow clock runs.
const SLOW_PERMILLE: u64 = 250;

/// A mesh on a stage.
#[derive(Debug, Default)]
pub struct Stage {
    world: Option<World>,
    /// A run of a seed, as far as it is written down.
    scenario: Option<Scenario>,
    /// What has happened in it.
    told: Option<Trace>,
    agents: BTreeMap<String, HostId>,
    /// Whether the story begins before the mesh is complete.
    from_the_start: bool,
}

/// Why a line cannot be done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StageError {
    /// The first word is none of the words above.
    #[error("nobody knows how to do this")]
    UnknownLine,
    /// There is no mesh yet.
    #[error("a script begins with a mesh")]
    NoMesh,
    /// A word is missing or cannot be read.
    #[error("{what} is missing or cannot be read")]
    BadWord {
        /// Which.
        what: &'static str,
    },
    /// What was waited for did not happen.
    #[error("it did not happen: the task is {state}")]
    NeverHappened {
        /// Where the task stands instead.
        state: String,
    },
    /// Nobody answered a request.
    #[error("nobody answers")]
    NoAnswer,
    /// A promise was broken on the way.
    #[error("a promise was broken: {what}")]
    Broken {
        /// Which.
        what: String,
    },
}

impl Stage {
    /// A stage whose story begins with the founding. Otherwise what `mesh` and `agent` bring about is not told: it is the
    /// same in every script.
    pub fn from_the_start() -> Self {
        Self {
            from_the_start: true,
            ..Self::default()
        }
    }

    /// Does what a line says.
    fn act(&mut self, line: &Command) -> Result<(), StageError> {
        let words = Words::of(line);
        match words.plain(0, "a word")? {
            "mesh" => self.found(&words).map(|()| self.skip()),
            "join" => self.join(&words),
            "agent" => self.agent(&words).map(|()| self.skip()),
            "lie" => self.lie(&words),
            "slow" | "blind" | "see" => self.mislead(&words),
            "finish" => self.finish(),
            "at" => {
                let scenario = self.scenario.as_mut().ok_or(StageError::NoMesh)?;
                seeded::add(scenario, &words)
            }
            "accuse" => self.accuse(&words),
            "forge" => self.forge(&words),
            "run" => self.run(&words),
            "until" => self.until(&words),
            "spawn" | "stop" | "submit" | "cancel" | "read" | "why" | "service" | "replace" => {
                self.ask(&words)
            }
            _ => self.hurt(&words),
        }?;
        let broken = self
            .world
            .as_ref()
            .and_then(|world| world.oracle.broken.as_ref());
        broken.map_or(Ok(()), |broken| {
            Err(StageError::Broken {
                what: format!("{broken:?}"),
            })
        })
    }

    /// What was told since the last time, line by line.
    fn take_transcript(&mut self) -> String {
        let lines = self.world.as_mut().map(|world| world.trace.take_lines());
        let lines = lines.into_iter().flatten();
        lines.map(|line| line + "\n").collect()
    }

    fn skip(&mut self) {
        if !self.from_the_start {
            self.take_transcript();
        }
    }

    /// Everything that was told and not taken, with times.
    pub fn story(&self) -> String {
        let staged = self.world.as_ref().map(|world| &world.trace);
        let told = staged.or(self.told.as_ref());
        told.map(ToString::to_string).unwrap_or_default()
    }

    fn world(&mut self) -> Result<&mut World, StageError> {
        self.world.as_mut().ok_or(StageError::NoMesh)
    }

    fn found(&mut self, words: &Words<'_>) -> Result<(), StageError> {
        self.scenario = seeded::begin(words)?;
        if self.scenario.is_some() {
            return Ok(());
        }
        let plan = Plan {
            wanted: words.named("wanted", words.named("voters", 1)?)?,
            spare: words.named("spare", 0)?,
            replace_after_ms: words.span("replace", 0)?,
            ..Plan::plain(words.named("voters", 1)?, words.named("workers", 0)?)
        };
        let mut world = World::found(0, &plan);
        world.run_until(FOUNDED_BY_MS);
        self.world = Some(world);
        Ok(())
    }

    fn join(&mut self, words: &Words<'_>) -> Result<(), StageError> {
        let host = words.host(1)?;
        self.world()?.join(host, 1);
        Ok(())
    }

    fn agent(&mut self, words: &Words<'_>) -> Result<(), StageError> {
        let name = words.plain(1, "an agent")?;
        let host = words.host(3)?;
        let default = SKILLS.join("/");
        let skills = words.named.get("skills").copied().unwrap_or(&default);
        let skills = skills
            .split('/')
            .map(str::parse::<SkillName>)
            .collect::<Result<_, _>>();
        let skills = skills.map_err(|_| StageError::BadWord { what: "skills" })?;
        let slots = words.named("slots", 2)?;
        self.agents.insert(name.to_owned(), host);
        let world = self.world()?;
        world.story.name_agent(agent_id(name), name.to_owned());
        world.raise(host, Agent::new(agent_id(name), skills, slots));
        world.run_for(ENROLLED_WITHIN_MS);
        Ok(())
    }

    fn lie(&mut self, words: &Words<'_>) -> Result<(), StageError> {
        let name = words.plain(1, "an agent")?;
        let host = *self
            .agents
            .get(name)
            .ok_or(StageError::BadWord { what: "the agent" })?;
        self.world()?.hosts[host.0].crew.corrupt(agent_id(name));
        Ok(())
    }

    fn hurt(&mut self, words: &Words<'_>) -> Result<(), StageError> {
        let blow = blow::read(&words.plain).ok_or(StageError::UnknownLine)??;
        self.world()?.strike(blow);
        Ok(())
    }

    /// What a host sees of the services, and of the time.
    fn mislead(&mut self, words: &Words<'_>) -> Result<(), StageError> {
        let host = words.host(1)?;
        let world = self.world()?;
        match words.plain(0, "a word")? {
            "slow" => world.drift(host, SLOW_PERMILLE),
            "blind" => drop(world.blind.insert(host)),
            _ => drop(world.blind.remove(&host)),
        }
        Ok(())
    }

    /// Lets a run of a seed happen that was written down.
    fn finish(&mut self) -> Result<(), StageError> {
        let scenario = self.scenario.take().ok_or(StageError::NoMesh)?;
        let outcome = scenario.run();
        self.told = Some(outcome.trace);
        outcome.broken.map_or(Ok(()), |broken| {
            Err(StageError::Broken {
                what: format!("{broken:?}"),
            })
        })
    }

    fn accuse(&mut self, words: &Words<'_>) -> Result<(), StageError> {
        let (liar, to) = (words.host(1)?, words.host(3)?);
        self.world()?.accuse(liar, to);
        Ok(())
    }

    fn forge(&mut self, words: &Words<'_>) -> Result<(), StageError> {
        let host = words.host(1)?;
        self.world()?.forgers.insert(host);
        Ok(())
    }

    fn run(&mut self, words: &Words<'_>) -> Result<(), StageError> {
        let span = span(words.plain(1, "how long")?);
        let span = span.ok_or(StageError::BadWord { what: "how long" })?;
        self.world()?.run_for(span);
        Ok(())
    }

    fn until(&mut self, words: &Words<'_>) -> Result<(), StageError> {
        let task = task_id(words.plain(1, "a task")?);
        let wanted = words.plain(2, "a state")?;
        let world = self.world()?;
        for _ in 0..UNTIL_MS_MAX {
            if world.task_state(task).as_deref() == Some(wanted) {
                return Ok(());
            }
            world.run_for(1);
        }
        Err(StageError::NeverHappened {
            state: world
                .task_state(task)
                .unwrap_or_else(|| "unknown".to_owned()),
        })
    }

    /// Lines that become a request of a client.
    fn ask(&mut self, words: &Words<'_>) -> Result<(), StageError> {
        let name = words.plain(1, "a name")?;
        let via = host(words.named.get("via").copied().unwrap_or("n1"))?;
        let world = self.world()?;
        let node = world.hosts[via.0].node;
        let request = match words.plain(0, "a word")? {
            "submit" => {
                world.story.name_task(task_id(name), name.to_owned());
                let deadline = EPOCH.plus_ms(FOUNDED_BY_MS + words.span("deadline", 60_000)?);
                Request::Submit {
                    task: task_id(name),
                    spec: TaskSpec {
                        deadline,
                        ..asked_for(words)?
                    },
                    via: node,
                }
            }
            "cancel" => Request::Cancel {
                task: task_id(name),
            },
            "read" => Request::Read(Question::Task(task_id(name))),
            "why" => Request::Read(Question::Why(task_id(name))),
            "service" => Request::Declare(watched(name, words)?),
            "stop" => Request::Stop {
                agent: agent_id(name),
            },
            "replace" => world.order(Order::Replace {
                old: world.hosts[host(name)?.0].node,
                new: world.hosts[words.host(3)?.0].node,
            }),
            _ => spawn(name, words, world)?,
        };
        let call = world.call(Caller::Script, request, via);
        for _ in 0..ANSWERED_WITHIN_MS {
            if world.crowd.call(call).is_none() {
                return Ok(());
            }
            world.run_for(1);
        }
        Err(StageError::NoAnswer)
    }
}

impl Runner for Stage {
    type Command = Command;

    fn run(&mut self, line: &Command, _context: &Context) -> Result<String, Box<dyn Error>> {
        self.act(line)?;
        if self.from_the_start {
            // Such a story is told as a whole.
            return Ok(String::new());
        }
        Ok(self.take_transcript())
    }
}

/// By when a plain mesh of a few hosts is complete.
const FOUNDED_BY_MS: Millis = 5_000;

/// How long an agent of a plain mesh takes to be enrolled.
const ENROLLED_WITHIN_MS: Millis = 200;

/// How long a script waits for an answer.
const ANSWERED_WITHIN_MS: Millis = 20_000;

fn spawn(name: &str, words: &Words<'_>, world: &mut World) -> Result<Request, StageError> {
    world.story.name_agent(agent_id(name), name.to_owned());
    let node: Option<NodeId> = match words.host(3) {
        Ok(host) => Some(world.hosts[host.0].node),
        Err(_) => None,
    };
    let skills = words.named.get("skills").copied().unwrap_or("echo");
    let skills = skills
        .split('/')
        .map(str::parse::<SkillName>)
        .collect::<Result<_, _>>();
    Ok(Request::Spawn {
        agent: agent_id(name),
        node,
        skills: skills.map_err(|_| StageError::BadWord { what: "skills" })?,
        slots: words.named("slots", 2)?,
    })
}

fn asked_for(words: &Words<'_>) -> Result<TaskSpec, StageError> {
    let plain = spec(words.named.get("skill").copied().unwrap_or("echo"));
    let input: String = words.named("input", "input".to_owned())?;
    let key: String = words.named("key", String::new())?;
    Ok(TaskSpec {
        input: input.into_bytes(),
        attempt_ms: words.span("attempt", plain.attempt_ms)?,
        attempts_max: words.named("attempts", plain.attempts_max)?,
        priority: words.named("priority", plain.priority)?,
        idempotency_key: Some(key).filter(|key| !key.is_empty()),
        ..plain
    })
}

fn watched(name: &str, words: &Words<'_>) -> Result<ServiceSpec, StageError> {
    let plain = service(name, words.named("probers", 3)?);
    Ok(ServiceSpec {
        retries: words.named("retries", plain.retries)?,
        quorum: words.named("quorum", plain.quorum)?,
        ..plain
    })
}
