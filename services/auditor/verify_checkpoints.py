"""Verifies every checkpoint: its signature, its number, and that its trees are those that were verified."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

import asyncpg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from projections.trail.checkpoint import Checkpoint, InvalidCheckpoint, TreeHead, is_signed
from projections.trail.merkle import Tree
from services.auditor.report import MISSING, PRESENT, ROW, Difference, Report, Value
from services.auditor.trail import verify_query
from services.auditor.verify_partition import Differs
from services.runtime.postgres.pool import DatabaseConnection

TrustedKeys = Mapping[str, Ed25519PublicKey]
_Roots = Mapping[tuple[int, int], bytes | None]

_TABLE = "trail.checkpoint"


@dataclass(slots=True)
class _Walk:
    """The trees of earlier checkpoints, and how far each partition was verified."""

    topic: str
    trusted: TrustedKeys
    sizes: dict[int, int]
    faulty: set[int]
    heads: dict[int, TreeHead] = field(default_factory=dict)
    number: int = 0


async def verify_checkpoints(
    connection: DatabaseConnection, report: Report, trusted: TrustedKeys, newest: int
) -> None:
    """Verify the checkpoints up to number `newest` against the verified trees.

    Stops at the first difference, which it adds to the report.
    """
    walk = _Walk(
        report.topic,
        trusted,
        {part.partition: part.leaves for part in report.partitions},
        {part.partition for part in report.partitions if part.difference},
    )
    try:
        while walk.number < newest:
            rows = await connection.fetch(verify_query("checkpoints"), walk.number, newest)
            roots = await _roots(connection, rows)
            for row in rows:
                _check(walk, row, roots)
                report.checkpoints += 1
            if not rows:
                _differs(ROW, PRESENT, MISSING, id=walk.number + 1)
    except Differs as stop:
        report.checkpoint_difference = stop.difference


async def _roots(connection: DatabaseConnection, rows: Sequence[asyncpg.Record]) -> _Roots:
    """Return the stored trees at the sizes in these checkpoints; None for a size at which no append ended."""
    wanted = sorted({(p, head.size) for row in rows for p, head in _heads(row["body"]).items()})
    partitions, sizes = [p for p, _ in wanted], [size for _, size in wanted]
    found = await connection.fetch(verify_query("frontiers"), partitions, sizes)
    return {(row["partition"], row["size"]): _root(row["size"], row["frontier"]) for row in found}


def _root(size: int, frontier: bytes | None) -> bytes | None:
    try:
        return Tree.unpack(size, frontier).root if frontier is not None else None
    except ValueError:
        return None


def _heads(body: str) -> Mapping[int, TreeHead]:
    try:
        return Checkpoint.parse(body).heads
    except InvalidCheckpoint:
        return {}


def _check(walk: _Walk, row: asyncpg.Record, roots: _Roots) -> None:
    expected, id_ = walk.number + 1, row["id"]
    try:
        checkpoint = Checkpoint.parse(row["body"])
    except InvalidCheckpoint:
        _differs("body", "a checkpoint's text", "another text", id=id_)
    _check_signature(walk, row, checkpoint, roots)
    if checkpoint.number != id_:
        _differs("id", checkpoint.number, id_, id=id_)
    if id_ != expected:
        _differs(ROW, PRESENT, MISSING, id=expected)
    if checkpoint.time != row["time"]:
        _differs("time", checkpoint.time, row["time"], id=id_)
    if checkpoint.topic != walk.topic:
        _differs("body", f"a checkpoint of {walk.topic}", f"one of {checkpoint.topic}", id=id_)
    fault = _fault(walk, checkpoint, roots)
    if fault:
        raise Differs(fault)
    walk.number, walk.heads = id_, dict(checkpoint.heads)


def _check_signature(walk: _Walk, row: asyncpg.Record, checkpoint: Checkpoint, roots: _Roots) -> None:
    body, signature, id_ = row["body"], row["signature"], row["id"]
    key = walk.trusted.get(row["key_id"])
    if key is not None and is_signed(body, signature, key):
        return
    for name, other in walk.trusted.items():
        if is_signed(body, signature, other):
            _differs("key_id", name, row["key_id"], id=id_)
    if key is None:
        _differs("key_id", "a trusted key", row["key_id"], id=id_)
    if _fault(walk, checkpoint, roots) or (checkpoint.number, checkpoint.time) != (id_, row["time"]):
        _differs("body", "the text that was signed", "another text", id=id_)
    _differs("signature", "a signature of the text by its key", signature, id=id_)


def _fault(walk: _Walk, checkpoint: Checkpoint, roots: _Roots) -> Difference | None:
    """Return the first tree of a checkpoint that differs from the trail or does not continue the previous
    checkpoint; None if there is none."""
    for partition in sorted(walk.heads.keys() - checkpoint.heads.keys()):
        return _of_checkpoint(checkpoint, partition, "size", walk.heads[partition].size, None)
    for partition, head in sorted(checkpoint.heads.items()):
        verified = walk.sizes.get(partition, 0)
        before = walk.heads.get(partition)
        if before and head.size < before.size:
            return _of_checkpoint(checkpoint, partition, "size", before.size, head.size)
        if partition in walk.faulty:
            continue
        if head.size > verified:
            place = {"partition": partition, "leaf_index": verified, "checkpoint": checkpoint.number}
            return Difference("trail.leaf", place, ROW, PRESENT, MISSING)
        found = roots.get((partition, head.size))
        if found != head.root:
            place = {"partition": partition, "size": head.size, "checkpoint": checkpoint.number}
            return Difference("trail.append", place, "root", head.root, found)
    return None


def _of_checkpoint(
    checkpoint: Checkpoint, partition: int, column: str, expected: Value, found: Value
) -> Difference:
    return Difference(_TABLE, {"id": checkpoint.number, "partition": partition}, column, expected, found)


def _differs(column: str, expected: Value, found: Value, **place: int) -> NoReturn:
    raise Differs(Difference(_TABLE, place, column, expected, found))
