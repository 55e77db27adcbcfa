//! The calls that only read: what they ask the mind, filters and pages included.

use hms_consensus::input::{Question, TaskFilter};
use hms_proto::v1::{self as wire, call};
use hms_protocol::codec::field;
use hms_protocol::limits;
use hms_protocol::refusal::Refusal;
use hms_protocol::time::Moment;

use super::given;
use crate::limits::PAGE;

/// Reads the calls that only read.
pub(super) fn question(ask: call::Ask) -> Result<Question, Refusal> {
    Ok(match ask {
        call::Ask::GetTask(request) => {
            Question::Task(field::task_id("get_task.task", &request.task)?)
        }
        call::Ask::ListTasks(request) => tasks(request)?,
        call::Ask::Explain(request) => {
            Question::Why(field::task_id("explain.task", &request.task)?)
        }
        call::Ask::ListAgents(request) => Question::Agents {
            node: given(&request.node, |node| {
                field::node_id("list_agents.node", node)
            })?,
            after: given(&request.page_token, |token| {
                field::agent_id("list_agents.page_token", token)
            })?,
            limit: page(request.page_size),
        },
        call::Ask::GetAgent(request) => {
            Question::Agent(field::agent_id("get_agent.agent", &request.agent)?)
        }
        call::Ask::ListNodes(_) => Question::Nodes,
        call::Ask::ListServices(request) => Question::Services {
            after: match request.page_token.as_str() {
                "" => None,
                token => Some(field::name("list_services.page_token", token)?),
            },
            limit: page(request.page_size),
        },
        call::Ask::GetService(request) => {
            Question::Service(field::name("get_service.service", &request.service)?)
        }
        call::Ask::ListSkills(_) => Question::Skills,
        call::Ask::Status(_) => Question::Status,
        call::Ask::GetReceipt(request) => {
            Question::Outline(field::task_id("get_receipt.task", &request.task)?)
        }
        call::Ask::GetGenesis(_) => Question::Genesis,
        call::Ask::ListEvidence(request) => Question::EvidenceList {
            before: request.before,
            limit: page(request.page_size),
        },
        call::Ask::GetEvidence(request) => Question::Evidence(request.number),
        call::Ask::Join(_)
        | call::Ask::Submit(_)
        | call::Ask::Cancel(_)
        | call::Ask::Spawn(_)
        | call::Ask::Stop(_)
        | call::Ask::Declare(_)
        | call::Ask::Operate(_)
        | call::Ask::Withdraw(_)
        | call::Ask::WatchTask(_)
        | call::Ask::WatchEvents(_)
        | call::Ask::ReadLedger(_)
        | call::Ask::SaveSnapshot(_)
        | call::Ask::WeighMemory(_) => unreachable!("`read` keeps these for itself"),
    })
}

fn tasks(request: wire::ListTasksRequest) -> Result<Question, Refusal> {
    let filter = request.filter.unwrap_or_default();
    let state = filter
        .state
        .map(|state| field::text("filter.state", state, limits::NAME_BYTES_MAX));
    let agent = filter
        .agent
        .map(|agent| field::agent_id("filter.agent", &agent));
    let skill = filter
        .skill
        .map(|skill| field::name("filter.skill", &skill));
    Ok(Question::Tasks {
        filter: TaskFilter {
            state: state.transpose()?,
            agent: agent.transpose()?,
            skill: skill.transpose()?,
            since: filter.since_ms.map(Moment),
            until: filter.until_ms.map(Moment),
        },
        after: given(&request.page_token, |token| {
            field::task_id("list_tasks.page_token", token)
        })?,
        limit: page(request.page_size),
    })
}

/// A page's size: the default if it is left out, and never more than the most.
fn page(size: u32) -> u32 {
    if size == 0 {
        PAGE
    } else {
        size.min(limits::PAGE_MAX)
    }
}

#[cfg(test)]
mod tests {
    use hms_consensus::input::Request;
    use hms_protocol::id::{AgentId, TaskId};

    use super::super::{Ask, read};
    use super::*;

    const TASK: [u8; 16] = [1; 16];

    #[test]
    fn a_page_is_bounded_and_its_token_is_the_last_of_the_page_before() {
        let request = wire::ListTasksRequest {
            filter: Some(wire::TaskFilter {
                agent: Some(vec![2; 16]),
                since_ms: Some(5),
                ..wire::TaskFilter::default()
            }),
            page_size: 5_000,
            page_token: TASK.to_vec(),
        };
        let filter = TaskFilter {
            agent: Some(AgentId::from_bytes([2; 16])),
            since: Some(Moment(5)),
            ..TaskFilter::default()
        };
        let question = Question::Tasks {
            filter,
            after: Some(TaskId::from_bytes(TASK)),
            limit: limits::PAGE_MAX,
        };
        assert_eq!(
            read(call::Ask::ListTasks(request)),
            Ok(Ask::Once(Box::new(Request::Read(question))))
        );
    }
}
