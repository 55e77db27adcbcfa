#!/usr/bin/env python3
"""Writes the golden receipt and the genesis that it is checked with: a small ledger, chained, certified and shown by
another implementation than the one that is tested.

The founder takes in two more voters; then agent 1 of node 1 does one task. As with `make.py`, existing files must not
change, and it needs `pip install grpcio-tools blake3 cryptography`.
"""

import importlib
import tempfile

from make import GOLDEN, attest, compile_schema, digest, node, number, sign

TERM = 3
STAMP_MS = 1_700_000_000_000
TASK = bytes([1] * 16)
AGENT = bytes([2] * 16)
BATCH, MEMBERSHIP = 1, 2


def encode(message):
    return message.SerializeToString(deterministic=True)


def top(leaves):
    """The hash at the top of a subtree: the left one holds the largest power of two that leaves something."""
    if len(leaves) < 2:
        return leaves[0] if leaves else bytes(32)
    left = 1 << ((len(leaves) - 1).bit_length() - 1)
    return digest("hms/tree-node/v1", [top(leaves[:left]), top(leaves[left:])])


def siblings(leaves, at):
    """The hashes beside the way from a leaf to the top, from the leaf upwards."""
    if len(leaves) < 2:
        return []
    left = 1 << ((len(leaves) - 1).bit_length() - 1)
    if at < left:
        return [*siblings(leaves[:left], at), top(leaves[left:])]
    return [*siblings(leaves[left:], at - left), top(leaves[:left])]


def leaves_of(fields):
    return [digest("hms/tree-leaf/v1", [field]) for field in fields]


class Ledger:
    """A chain of entries, of which the first has index 2 and follows the mesh's id."""

    def __init__(self, pb, mesh):
        self.pb, self.mesh = pb, mesh
        self.hashes = {1: mesh}
        self.entries = {}

    def append(self, kind, content):
        """`content` is the data, or the list of the fields of a batch."""
        index = len(self.hashes) + 1
        if kind == BATCH:
            leaves = leaves_of(content)
            size = len(leaves).to_bytes(4, "little")
            data_digest = digest("hms/tree-root/v1", [size, top(leaves)])
        else:
            data_digest = digest("hms/entry-data/v1", [content])
        link = [self.hashes[index - 1], number(TERM), number(index), bytes([kind]), data_digest]
        self.hashes[index] = digest("hms/chain/v1", link)
        self.entries[index] = (kind, content, data_digest)
        return index

    def batch(self, commands):
        pb = self.pb.ledger
        fields = [encode(pb.Batch(version=1)), encode(pb.Batch(stamped_at_ms=STAMP_MS))]
        return self.append(BATCH, fields + [encode(pb.Batch(commands=[it])) for it in commands])

    def member(self, kind, voter):
        raft_id = int.from_bytes(digest("hms/raft-id/v1", [voter])[:8], "little")
        change = self.pb.receipt.MemberChange(change_type=kind, node_id=raft_id, context=voter)
        return self.append(MEMBERSHIP, encode(change))

    def certify(self, epoch, keys):
        pb, index = self.pb.certificate, len(self.hashes)
        statement = pb.Statement(
            group=self.mesh,
            epoch=epoch,
            phase=pb.PHASE_HELD,
            term=TERM,
            index=index,
            hash=self.hashes[index],
        )
        signers = [
            pb.Signer(voter=voter, signature=attest(key, statement))
            for key, voter in sorted(keys, key=lambda pair: pair[1])
        ]
        return pb.Certificate(statement=statement, signers=signers)

    def stretch(self, index, certificate):
        pb = self.pb.receipt
        links = [
            pb.Link(term=TERM, kind=self.entries[at][0], digest=self.entries[at][2])
            for at in range(index + 1, certificate.statement.index + 1)
        ]
        before = self.hashes[index - 1]
        return pb.Stretch(
            before=before, term=TERM, index=index, links=links, certificate=certificate
        )

    def handover(self, index, certificate):
        change = self.entries[index][1]
        return self.pb.receipt.Handover(stretch=self.stretch(index, certificate), change=change)

    def show(self, index, offsets, certificate):
        pb, fields = self.pb.receipt, self.entries[index][1]

        def shown(at):
            path = self.pb.tree.TreePath(
                index=at, size=len(fields), siblings=siblings(leaves_of(fields), at)
            )
            return pb.ShownField(field=fields[at], path=path)

        return pb.ShownEntry(
            stretch=self.stretch(index, certificate),
            version=shown(0),
            stamp=shown(1),
            commands=[shown(offset + 2) for offset in offsets],
        )


class Schema:
    """The generated modules, by name."""

    def __getattr__(self, name):
        return importlib.import_module(f"hms.v1.{name}_pb2")


def found(pb, founder):
    """The genesis of a mesh, signed by its operator."""
    key, operator = node(200)
    wanted, salt = 3, bytes([7] * 32)
    terms = [operator, founder, b"n1", wanted.to_bytes(4, "little"), number(0)]
    terms += [bytes([pb.ledger.TRUST_BYZANTINE]), number(STAMP_MS), salt]
    return pb.ledger.Genesis(
        founder=pb.ledger.Admission(id=founder, name="n1"),
        voters_wanted=wanted,
        founded_at_ms=STAMP_MS,
        salt=salt,
        trust=pb.ledger.TRUST_BYZANTINE,
        operator=operator,
        signature=sign(key, "hms/genesis-terms/v1", terms),
    )


def submission(pb, via):
    spec = pb.task.TaskSpec(
        kind=pb.task.TASK_KIND_WORK,
        skill="echo",
        input=b"hello",
        deadline_ms=STAMP_MS + 60_000,
        attempt_ms=10_000,
        attempts_max=3,
        priority=100,
        labels={"run": "nightly"},
        verification=pb.verdict.VERIFICATION_REPORTED,
    )
    return pb.ledger.Command(submit=pb.ledger.Submit(task=TASK, spec=spec, via=via))


def sealed_report(pb, mesh, key):
    result = pb.task.TaskResult(outcome=pb.task.OUTCOME_SUCCESS, output=b"hello", duration_ms=12)
    body = encode(pb.task.Report(task=TASK, attempt=1, agent=AGENT, result=result))
    header = pb.envelope.EnvelopeHeader(
        mesh=mesh,
        incarnation=1,
        sequence=9,
        issued_at_ms=STAMP_MS,
        expires_at_ms=STAMP_MS,
        kind=pb.envelope.BODY_KIND_REPORT,
        body_hash=digest("hms/envelope-body/v1", [body]),
    )
    header.sender.agent = AGENT
    header.audience.ledger.SetInParent()
    header = encode(header)
    signature = sign(key, "hms/envelope/v1", [header])
    sealed = pb.envelope.Envelope(version=1, header=header, body=body, signature=signature)
    return pb.ledger.Command(report=encode(sealed))


def agent_certificate(pb, mesh, host, public_key):
    key, voter = host
    slots = (4).to_bytes(4, "little")
    counts = [number(1), number(0)]
    fields = [mesh, AGENT, public_key, voter, slots, number(STAMP_MS), *counts, b"echo"]
    return pb.roster.AgentCertificate(
        agent=AGENT,
        key=public_key,
        node=voter,
        skills=["echo"],
        slots=4,
        issued_at_ms=STAMP_MS,
        signature=sign(key, "hms/agent-certificate/v1", fields),
    )


def main():
    with tempfile.TemporaryDirectory() as folder:
        compile_schema(folder)
        pb = Schema()
        one, two, three = (node(seed) for seed in [1, 2, 3])
        genesis = found(pb, one[1])
        mesh = digest("hms/genesis/v1", [encode(genesis)])
        ledger, change = Ledger(pb, mesh), pb.receipt.MemberChange

        handovers, voters, epoch = [], [one], 1
        for new in [two, three]:
            ledger.member(change.KIND_LEARNER, new[1])
            index = ledger.member(change.KIND_VOTER, new[1])
            handovers.append(ledger.handover(index, ledger.certify(epoch, voters)))
            voters, epoch = [*voters, new], index

        agent_key, public_key = node(102)
        greet = pb.ledger.Command(greet=pb.ledger.Greet(node=two[1], incarnation=4))
        given = pb.ledger.Command(assign=pb.ledger.Assign(task=TASK, attempt=1, agent=AGENT))
        started = pb.ledger.Command(start=pb.ledger.Start(task=TASK, attempt=1, agent=AGENT))
        shown = [
            (ledger.batch([greet, submission(pb, one[1])]), [1]),
            (ledger.batch([given, greet, started]), [0, 2]),
            (ledger.batch([sealed_report(pb, mesh, agent_key)]), [0]),
        ]
        certificate = ledger.certify(epoch, [one, three])
        receipt = pb.receipt.Receipt(
            version=1,
            mesh=mesh,
            task=TASK,
            entries=[ledger.show(index, offsets, certificate) for index, offsets in shown],
            handovers=handovers,
            agents=[agent_certificate(pb, mesh, one, public_key)],
        )
        (GOLDEN / "genesis.bin").write_bytes(encode(genesis))
        (GOLDEN / "receipt.bin").write_bytes(encode(receipt))


if __name__ == "__main__":
    main()
