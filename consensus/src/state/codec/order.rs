//! Commands on the wire, one by one.
//!
//! A command that is not known is an error: the version of the batch says which are.

use hms_proto::v1;
use hms_proto::v1::command::Decide;
use hms_protocol::codec::{CodecError, Wire, WireEnum, envelope, field};
use hms_protocol::id::Incarnation;
use hms_protocol::limits;
use hms_protocol::task::AttemptEnd;

use crate::state::command::Command;

impl Wire for Command {
    type Message = v1::Command;
    const NAME: &'static str = "command";

    fn to_wire(&self) -> v1::Command {
        v1::Command {
            decide: mesh_to_wire(self).or_else(|| task_to_wire(self)),
        }
    }

    fn from_wire(message: v1::Command) -> Result<Self, CodecError> {
        match field::required("command", message.decide)? {
            Decide::Admit(admission) => Ok(Self::Admit(Wire::from_wire(admission)?)),
            Decide::Greet(greet) => read_greet(greet),
            Decide::Lose(lose) => read_lose(lose),
            Decide::Enrol(enrol) => read_enrol(enrol),
            Decide::Retire(retire) => read_retire(retire),
            Decide::Submit(submit) => read_submit(submit),
            Decide::Assign(assign) => read_assign(assign),
            Decide::Block(block) => read_block(block),
            Decide::Unblock(unblock) => Ok(Self::Unblock {
                task: field::task_id("unblock.task", &unblock.task)?,
            }),
            Decide::Start(start) => read_start(start),
            Decide::Report(sealed) => Ok(Self::Report(field::sealed("command.report", &sealed)?)),
            Decide::Judge(sealed) => Ok(Self::Judge(field::sealed("command.judge", &sealed)?)),
            Decide::Redraw(redraw) => Ok(Self::Redraw {
                task: field::task_id("redraw.task", &redraw.task)?,
                round: redraw.round,
            }),
            Decide::Expire(expire) => read_expire(expire),
            Decide::Cancel(cancel) => Ok(Self::Cancel {
                task: field::task_id("cancel.task", &cancel.task)?,
            }),
            Decide::Lapse(lapse) => Ok(Self::Lapse {
                task: field::task_id("lapse.task", &lapse.task)?,
            }),
            Decide::Declare(spec) => Ok(Self::Declare(Wire::from_wire(spec)?)),
            Decide::Withdraw(withdraw) => Ok(Self::Withdraw {
                service: field::name("withdraw.service", &withdraw.service)?,
            }),
            Decide::Observe(observation) => Ok(Self::Observe(Wire::from_wire(observation)?)),
            Decide::Convict(evidence) => Ok(Self::Convict(Box::new(Wire::from_wire(evidence)?))),
            Decide::Operate(signed) => Ok(Self::Operate(Wire::from_wire(signed)?)),
            Decide::ReplaceLost(replace) => read_replace_lost(&replace),
        }
    }
}

/// Commands about members, agents, services, and what agents sealed; `None` for the others.
fn mesh_to_wire(command: &Command) -> Option<Decide> {
    Some(match command {
        Command::Admit(admission) => Decide::Admit(admission.to_wire()),
        Command::Greet { node, incarnation } => Decide::Greet(v1::Greet {
            node: node.as_bytes().to_vec(),
            incarnation: incarnation.0,
        }),
        Command::Lose { node, incarnation } => Decide::Lose(v1::Lose {
            node: node.as_bytes().to_vec(),
            incarnation: incarnation.0,
        }),
        Command::Enrol(certificates) => Decide::Enrol(v1::EnrolAgents {
            certificates: certificates.iter().map(Wire::to_wire).collect(),
        }),
        Command::Retire { node, agents } => Decide::Retire(v1::RetireAgents {
            node: node.as_bytes().to_vec(),
            agents: agents
                .iter()
                .map(|agent| agent.as_bytes().to_vec())
                .collect(),
        }),
        Command::Report(sealed) => Decide::Report(envelope::encode(sealed)),
        Command::Judge(sealed) => Decide::Judge(envelope::encode(sealed)),
        Command::Declare(spec) => Decide::Declare(spec.to_wire()),
        Command::Withdraw { service } => Decide::Withdraw(v1::WithdrawService {
            service: service.to_string(),
        }),
        Command::Observe(observation) => Decide::Observe(observation.to_wire()),
        Command::Convict(evidence) => Decide::Convict(evidence.to_wire()),
        Command::Operate(signed) => Decide::Operate(signed.to_wire()),
        Command::ReplaceLost {
            lost,
            incarnation,
            spare,
        } => Decide::ReplaceLost(v1::ReplaceLost {
            lost: lost.as_bytes().to_vec(),
            incarnation: incarnation.0,
            spare: spare.as_bytes().to_vec(),
        }),
        Command::Submit { .. }
        | Command::Assign { .. }
        | Command::Block { .. }
        | Command::Unblock { .. }
        | Command::Start { .. }
        | Command::Redraw { .. }
        | Command::Expire { .. }
        | Command::Cancel { .. }
        | Command::Lapse { .. } => return None,
    })
}

/// Commands about tasks; `None` for the others.
fn task_to_wire(command: &Command) -> Option<Decide> {
    Some(match command {
        Command::Submit { task, spec, via } => Decide::Submit(v1::Submit {
            task: task.as_bytes().to_vec(),
            spec: Some(spec.to_wire()),
            via: via.as_bytes().to_vec(),
        }),
        Command::Assign {
            task,
            attempt,
            agent,
        } => Decide::Assign(v1::Assign {
            task: task.as_bytes().to_vec(),
            attempt: *attempt,
            agent: agent.as_bytes().to_vec(),
        }),
        Command::Block { task, blockage } => Decide::Block(v1::Block {
            task: task.as_bytes().to_vec(),
            blockage: Some(blockage.to_wire()),
        }),
        Command::Unblock { task } => Decide::Unblock(v1::Unblock {
            task: task.as_bytes().to_vec(),
        }),
        Command::Start {
            task,
            attempt,
            agent,
        } => Decide::Start(v1::Start {
            task: task.as_bytes().to_vec(),
            attempt: *attempt,
            agent: agent.as_bytes().to_vec(),
        }),
        Command::Redraw { task, round } => Decide::Redraw(v1::Redraw {
            task: task.as_bytes().to_vec(),
            round: *round,
        }),
        Command::Expire { task, attempt, end } => Decide::Expire(v1::Expire {
            task: task.as_bytes().to_vec(),
            attempt: *attempt,
            end: end.to_number(),
        }),
        Command::Cancel { task } => Decide::Cancel(v1::Cancel {
            task: task.as_bytes().to_vec(),
        }),
        Command::Lapse { task } => Decide::Lapse(v1::Lapse {
            task: task.as_bytes().to_vec(),
        }),
        Command::Admit(_)
        | Command::Greet { .. }
        | Command::Lose { .. }
        | Command::Enrol(_)
        | Command::Retire { .. }
        | Command::Report(_)
        | Command::Judge(_)
        | Command::Declare(_)
        | Command::Withdraw { .. }
        | Command::Observe(_)
        | Command::Convict(_)
        | Command::Operate(_)
        | Command::ReplaceLost { .. } => return None,
    })
}

fn read_greet(greet: v1::Greet) -> Result<Command, CodecError> {
    Ok(Command::Greet {
        node: field::node_id("greet.node", &greet.node)?,
        incarnation: Incarnation(greet.incarnation),
    })
}

fn read_lose(lose: v1::Lose) -> Result<Command, CodecError> {
    Ok(Command::Lose {
        node: field::node_id("lose.node", &lose.node)?,
        incarnation: Incarnation(lose.incarnation),
    })
}

fn read_enrol(enrol: v1::EnrolAgents) -> Result<Command, CodecError> {
    let most = limits::AGENTS_PER_ENROLMENT_MAX;
    let certificates = field::parts("enrol.certificates", enrol.certificates, most)?;
    Ok(Command::Enrol(certificates))
}

fn read_retire(retire: v1::RetireAgents) -> Result<Command, CodecError> {
    let most = limits::AGENTS_PER_NODE_MAX;
    Ok(Command::Retire {
        node: field::node_id("retire.node", &retire.node)?,
        agents: field::list("retire.agents", retire.agents, most, |agent| {
            field::agent_id("retire.agents", &agent)
        })?,
    })
}

fn read_submit(submit: v1::Submit) -> Result<Command, CodecError> {
    Ok(Command::Submit {
        task: field::task_id("submit.task", &submit.task)?,
        spec: field::part("submit.spec", submit.spec)?,
        via: field::node_id("submit.via", &submit.via)?,
    })
}

fn read_assign(assign: v1::Assign) -> Result<Command, CodecError> {
    Ok(Command::Assign {
        task: field::task_id("assign.task", &assign.task)?,
        attempt: assign.attempt,
        agent: field::agent_id("assign.agent", &assign.agent)?,
    })
}

fn read_block(block: v1::Block) -> Result<Command, CodecError> {
    Ok(Command::Block {
        task: field::task_id("block.task", &block.task)?,
        blockage: field::part("block.blockage", block.blockage)?,
    })
}

fn read_start(start: v1::Start) -> Result<Command, CodecError> {
    Ok(Command::Start {
        task: field::task_id("start.task", &start.task)?,
        attempt: start.attempt,
        agent: field::agent_id("start.agent", &start.agent)?,
    })
}

fn read_expire(expire: v1::Expire) -> Result<Command, CodecError> {
    Ok(Command::Expire {
        task: field::task_id("expire.task", &expire.task)?,
        attempt: expire.attempt,
        end: AttemptEnd::from_number("expire.end", expire.end)?,
    })
}

fn read_replace_lost(replace: &v1::ReplaceLost) -> Result<Command, CodecError> {
    Ok(Command::ReplaceLost {
        lost: field::node_id("replace_lost.lost", &replace.lost)?,
        incarnation: Incarnation(replace.incarnation),
        spare: field::node_id("replace_lost.spare", &replace.spare)?,
    })
}
