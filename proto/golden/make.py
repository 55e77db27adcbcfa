#!/usr/bin/env python3
"""Writes the golden bytes: messages of the plan's protocol, one envelope and what voters sign, as Python's protobuf encodes
them and Python's cryptography signs them.

The tests of `proto` and `protocol` decode them, compare every field and encode them back to the same bytes. Run it
only when a golden message has to be added; existing files must not change. It needs
`pip install grpcio-tools blake3 cryptography`.
"""

import importlib
import pathlib
import sys
import tempfile

from blake3 import blake3
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
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


def node(seed):
    """A node's key and its id."""
    key = Ed25519PrivateKey.from_private_bytes(bytes([seed] * 32))
    return key, key.public_key().public_bytes_raw()


def digest(domain, fields):
    """Hashes length-prefixed fields in a domain."""
    hasher = blake3(derive_key_context=domain)
    for field in fields:
        hasher.update(len(field).to_bytes(8, "little") + field)
    return hasher.digest()


def sign(key, domain, fields):
    """Signs length-prefixed fields in a domain."""
    return key.sign(domain.encode() + digest(domain, fields))


def number(value):
    return value.to_bytes(8, "little")


def attest(key, it):
    """A signature of a statement."""
    fields = [it.group, number(it.epoch), bytes([it.phase]), number(it.term), number(it.index), it.hash]
    return sign(key, "hms/attestation/v1", fields)


def mark_bytes(holder, field):
    """A mark that may be missing, in 49 bytes."""
    if not holder.HasField(field):
        return bytes(49)
    mark = getattr(holder, field)
    return bytes([1]) + number(mark.term) + number(mark.index) + mark.hash


def cast(key, it):
    """A signature of a ballot."""
    head = [it.group, number(it.epoch), number(it.term), it.candidate]
    return sign(key, "hms/vote/v1", [*head, mark_bytes(it, "shown"), mark_bytes(it, "lock")])


def signed(certificate):
    """The golden certificate, mandate and evidence, with good signatures of the nodes 1, 2 and 3."""
    nodes = sorted((node(seed) for seed in [1, 2, 3]), key=lambda pair: pair[1])
    statement = certificate.Statement(
        group=bytes([9] * 32),
        epoch=2,
        phase=certificate.PHASE_HELD,
        term=7,
        index=300,
        hash=bytes([5] * 32),
    )
    signers = [
        certificate.Signer(voter=voter, signature=attest(key, statement))
        for key, voter in nodes
    ]
    yield "certificate", certificate.Certificate(statement=statement, signers=signers)

    mark = certificate.Mark(term=7, index=300, hash=statement.hash)
    votes = []
    for (key, voter), lock in zip(nodes, [mark, None, mark]):
        ballot = certificate.Ballot(
            group=statement.group, epoch=2, term=8, candidate=nodes[0][1], shown=mark, lock=lock
        )
        votes.append(certificate.Vote(ballot=ballot, voter=voter, signature=cast(key, ballot)))
    yield "mandate", certificate.Mandate(votes=votes)

    key, voter = nodes[1]
    evidence = certificate.VoterEvidence()
    for side, filler in [("first", 5), ("second", 6)]:
        other = certificate.Statement()
        other.CopyFrom(statement)
        other.hash = bytes([filler] * 32)
        attestation = getattr(evidence.two_attestations, side)
        attestation.statement.CopyFrom(other)
        attestation.voter = voter
        attestation.signature = attest(key, other)
    yield "voter_evidence", evidence


def main():
    with tempfile.TemporaryDirectory() as folder:
        compile_schema(folder)
        agent = importlib.import_module("hms.v1.agent_pb2")
        envelope = importlib.import_module("hms.v1.envelope_pb2")
        certificate = importlib.import_module("hms.v1.certificate_pb2")
        for name, message in [*messages(agent, envelope), *signed(certificate)]:
            path = GOLDEN / f"{name}.bin"
            path.write_bytes(message.SerializeToString(deterministic=True))


if __name__ == "__main__":
    main()
