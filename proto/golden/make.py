#!/usr/bin/env python3
"""Writes the golden bytes: messages of the plan's protocol and one envelope, as Python's protobuf encodes them.

The tests of `proto` and `protocol` decode them, compare every field and encode them back to the same bytes. Run it
only when a golden message has to be added; existing files must not change. It needs `pip install grpcio-tools`.
"""

import importlib
import pathlib
import sys
import tempfile

from grpc_tools import protoc

GOLDEN = pathlib.Path(__file__).resolve().parent
PROTO = GOLDEN.parent


def compile_schema(folder):
    """Generates Python modules for the schema and puts them on the path."""
    files = [str(path) for path in sorted((PROTO / "hms/v1").glob("*.proto"))]
    includes = [f"-I{PROTO}", f"-I{pathlib.Path(protoc.__file__).parent / '_proto'}"]
    code = protoc.main(["protoc", *includes, f"--python_out={folder}", *files])
    if code != 0:
        sys.exit(f"protoc failed with {code}")
    sys.path.insert(0, folder)


def messages(agent, envelope):
    """The golden messages by file name."""
    task = agent.AgentTask(
        task_id="0192f0c1-2345-7890-abcd-ef0123456789",
        theorem_id="pm2.43i",
        lean_expr=b"pm2.43i $p |- ( ph -> ps ) $= ? $.",
        axiom_deps=["ax-mp", "ax-1", "ax-2"],
        assigned_agent_id="c0ffee00-0000-4000-8000-000000000001",
        metadata={"zeta": "last", "alpha": "first", "größe": "ü"},
    )
    result = agent.ProofResult(
        task_id=task.task_id,
        theorem_id=task.theorem_id,
        status=agent.ProofResult.SUCCESS,
        lean_proof_term=bytes(range(256)),
        stdout="proved\n",
        stderr="warning: none\n",
        chain_of_thought="apply ax-mp, then ax-2",
        duration_sec=0.125,
    )
    yield "agent_task", task
    yield "agent_task_empty", agent.AgentTask()
    yield "agent_task_empty_value", agent.AgentTask(metadata={"": "", "key": ""})
    yield "proof_result", result
    for number, name in enumerate(["unknown", "success", "failure", "timeout", "cancelled"]):
        yield f"proof_result_{name}", agent.ProofResult(task_id="t", status=number)

    update = agent.TaskStatusUpdate(
        task_id=task.task_id,
        status=agent.TASK_STATUS_VERIFYING,
        agent_id=task.assigned_agent_id,
        attempt=2,
        reason="a result is in",
    )
    update.timestamp.FromMilliseconds(1_700_000_000_123)
    submitted = agent.AgentEvent(event_id="17.3")
    submitted.timestamp.FromMilliseconds(1_700_000_000_000)
    submitted.task_submitted.task.CopyFrom(task)
    yield "agent_event_submitted", submitted
    moved = agent.AgentEvent(event_id="18.0", task_status_update=update)
    moved.timestamp.FromMilliseconds(1_700_000_000_123)
    yield "agent_event_moved", moved
    proved = agent.AgentEvent(event_id="19.0", proof_result=result)
    proved.timestamp.FromMilliseconds(-1)
    yield "agent_event_proved", proved

    yield "ping_request", agent.PingRequest(client="hms 0.1.0")
    yield "ping_response", agent.PingResponse(
        version="0.1.0",
        node="11" * 32,
        leader="22" * 32,
        term=2**64 - 1,
        role="voter",
        mesh="33" * 32,
        node_name="n1",
    )
    yield "spawn_agent_request", agent.SpawnAgentRequest(
        skills=["prove.metamath", "echo"], node="n2", slots=300, agent_id=task.assigned_agent_id
    )
    yield "spawn_agent_response", agent.SpawnAgentResponse(
        agent_id=task.assigned_agent_id,
        node="22" * 32,
        skills=["echo", "prove.metamath"],
        slots=4,
        public_key=bytes([7] * 32),
    )
    yield "task_status_request", agent.TaskStatusRequest(task_id=task.task_id)
    yield "task_status_response", agent.TaskStatusResponse(
        task_id=task.task_id,
        status=agent.TASK_STATUS_SUCCEEDED,
        history=[update, update],
        result=result,
        task=task,
    )

    header = envelope.EnvelopeHeader(
        mesh=bytes([9] * 32),
        incarnation=3,
        sequence=300,
        issued_at_ms=1_700_000_000_000,
        expires_at_ms=1_700_000_030_000,
        kind=envelope.BODY_KIND_ANNOUNCEMENT,
        body_hash=bytes([5] * 32),
    )
    header.sender.node = bytes([1] * 32)
    header.audience.mesh.SetInParent()
    yield "envelope", envelope.Envelope(
        version=1,
        header=header.SerializeToString(deterministic=True),
        body=b"body",
        signature=bytes([6] * 64),
    )


def main():
    with tempfile.TemporaryDirectory() as folder:
        compile_schema(folder)
        agent = importlib.import_module("hms.v1.agent_pb2")
        envelope = importlib.import_module("hms.v1.envelope_pb2")
        for name, message in messages(agent, envelope):
            path = GOLDEN / f"{name}.bin"
            path.write_bytes(message.SerializeToString(deterministic=True))


if __name__ == "__main__":
    main()
