"""The trail in PostgreSQL: reads the trees' states, appends to them, and stores checkpoints."""

from collections.abc import Iterable
from datetime import datetime

import asyncpg

from projections.trail.checkpoint import Checkpoint, TreeHead
from projections.trail.merkle import Tree
from services.auditor.decide import Growth, Tip
from services.auditor.signing import CheckpointSigner
from services.runtime.postgres.named_queries import load
from services.runtime.postgres.pool import DatabaseConnection
from services.runtime.worker.consumer import Fenced


def query(name: str) -> str:
    """Return the named statement on the trail."""
    return load("projections.trail")[name]


def verify_query(name: str) -> str:
    """Return the named statement that only verification uses."""
    return load("projections.trail", "verify.sql")[name]


async def read_tips(
    connection: DatabaseConnection | asyncpg.Pool, partitions: Iterable[int]
) -> dict[int, Tip]:
    """Return the states of the trees of these partitions; a partition without leaves is left out."""
    return _tips(await connection.fetch(query("newest_appends"), sorted(partitions)))


async def write_growth(connection: DatabaseConnection, growth: Growth) -> None:
    """Write the growth in the caller's transaction.

    Raises Fenced when another auditor has extended one of its trees.
    """
    try:
        await connection.execute(query("insert_appends"), *growth.appends)
    except asyncpg.UniqueViolationError as error:
        raise Fenced("another auditor has extended the same tree") from error
    await connection.execute(query("insert_leaves"), *growth.leaves)
    if growth.nodes[0]:
        await connection.execute(query("insert_nodes"), *growth.nodes)


async def sign_checkpoint(
    connection: DatabaseConnection, topic: str, signer: CheckpointSigner, now: datetime
) -> Checkpoint | None:
    """Sign the present trees and store the checkpoint.

    Returns None if nothing was appended since, or another auditor was faster. The newest checkpoint is
    read before the trees, so that a checkpoint covers at least the trees of the one before it.
    """
    newest = await connection.fetchrow(query("newest_checkpoint"))
    tips = _tips(await connection.fetch(query("newest_appends_everywhere")))
    heads = {partition: TreeHead(tip.tree.size, tip.tree.root) for partition, tip in tips.items()}
    if heads == (Checkpoint.parse(newest["body"]).heads if newest else {}):
        return None
    checkpoint = Checkpoint(topic, newest["id"] + 1 if newest else 1, now, heads)
    body = checkpoint.body()
    signature = await signer.sign(body)
    row = (checkpoint.number, now, body, signature, signer.key_id)
    done = await connection.execute(query("insert_checkpoint"), *row)
    return checkpoint if done == "INSERT 0 1" else None


def _tips(rows: Iterable[asyncpg.Record]) -> dict[int, Tip]:
    return {
        row["partition"]: Tip(Tree.unpack(row["size_after"], row["frontier"]), row["next_offset"])
        for row in rows
    }
