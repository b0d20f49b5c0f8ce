"""Verifies one partition: the log and the rows of its tree, side by side from the first record on."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn

import asyncpg

from projections.trail.leaf import Leaf, leaf_of
from projections.trail.merkle import TILE_HEIGHT, Node, Tree
from schemas.errors import Transient
from services.auditor.report import MISSING, PRESENT, ROW, Difference, PartitionReport, Value
from services.auditor.trail import query, verify_query
from services.runtime.kafka.log_reader import CorruptLog, LogReader, LogRecord, open_log
from services.runtime.postgres.pool import DatabaseConnection

_TILE_LEVELS: Final = range(TILE_HEIGHT, 64, TILE_HEIGHT)
_LEAF_COLUMNS: Final = ("tenant", "subject", "type", "time")

Advance = Callable[[int], None]


class Differs(Exception):
    """Ends the verification of a partition at its first difference."""

    def __init__(self, difference: Difference) -> None:
        super().__init__(str(difference))
        self.difference = difference


@dataclass(slots=True, kw_only=True)
class _Walk:
    """The state at leaf `index`: `tree` covers the completed appends, `waiting` holds the leaves after
    them."""

    partition: int
    topic: str
    connection: DatabaseConnection
    report: PartitionReport
    index: int = 0
    tree: Tree = field(default_factory=Tree)
    waiting: list[tuple[int, bytes]] = field(default_factory=list)
    unfinished: list[Any] = field(default_factory=list)

    def differs(self, table: str, column: str, expected: Value, found: Value, **place: int) -> NoReturn:
        raise Differs(Difference(table, {"partition": self.partition, **place}, column, expected, found))


async def verify_partition(
    connection: DatabaseConnection, log: LogReader, partition: int, advance: Advance
) -> PartitionReport:
    """Verify one tree up to its first difference. `advance` is called after every chunk of leaves."""
    report = PartitionReport(partition=partition)
    walk = _Walk(partition=partition, topic=log.topic, connection=connection, report=report)
    extent = await connection.fetchrow(verify_query("extent"), partition)
    assert extent is not None  # the statement returns a row even if nothing is stored
    end = await log.end(partition)
    try:
        await _walk_leaves(walk, extent, log, end, advance)
        _check_extent(walk, extent)
        await _check_stray_nodes(walk)
    except Differs as stop:
        report.difference = stop.difference
    report.root = walk.tree.root
    report.lag = max(0, end - (extent["next_offset"] or 0))
    return report


async def _walk_leaves(
    walk: _Walk, extent: asyncpg.Record, log: LogReader, end: int, advance: Advance
) -> None:
    if extent["last_leaf"] is None:
        return
    if extent["first_leaf"] < 0:
        walk.differs("trail.leaf", ROW, MISSING, PRESENT, leaf_index=extent["first_leaf"])
    size = extent["last_leaf"] + 1
    await log.go_to(walk.partition)
    try:
        while walk.index < size and (records := await log.read(end, size - walk.index)):
            await _check_chunk(walk, records)
            walk.report.leaves = walk.index
            advance(len(records))
    except CorruptLog as damage:
        await _name_damage(walk, log, damage.offset, size, end)
    if walk.index < size:
        await _log_ended(walk)


async def _name_damage(walk: _Walk, log: LogReader, offset: int, size: int, end: int) -> NoReturn:
    """Find the damaged record by its hash. If no value is damaged, name where the damage begins."""
    with suppress(Transient, ValueError):
        async with open_log(log.kafka, log.topic, check_crcs=False) as damaged:
            await damaged.go_to(walk.partition, offset)
            await _check_chunk(walk, await damaged.read(end, size - walk.index))
    walk.differs(walk.topic, "batch", "the bytes of its checksum", "other bytes", offset=offset)


async def _log_ended(walk: _Walk) -> NoReturn:
    row = await walk.connection.fetchrow(verify_query("leaves"), walk.partition, walk.index, walk.index + 1)
    if row is None:
        walk.differs("trail.leaf", ROW, PRESENT, MISSING, leaf_index=walk.index)
    walk.differs(walk.topic, ROW, PRESENT, MISSING, offset=row["log_offset"])


async def _check_chunk(walk: _Walk, records: list[LogRecord]) -> None:
    start, past = walk.index, walk.index + len(records)
    rows = await walk.connection.fetch(verify_query("leaves"), walk.partition, start, past)
    leaves = [leaf_of(record.value) for record in records]
    expected = [(start + at, record.offset, *leaves[at]) for at, record in enumerate(records)]
    if [tuple(row) for row in rows] != expected:
        await _name_leaf(walk, records, leaves, {row["leaf_index"]: row for row in rows})
    walk.index = past
    walk.waiting += [(record.offset, leaf.hash) for record, leaf in zip(records, leaves, strict=True)]
    walk.unfinished += await walk.connection.fetch(verify_query("appends"), walk.partition, start, past)
    await _check_nodes(walk, _check_appends(walk))


async def _name_leaf(
    walk: _Walk, records: list[LogRecord], leaves: list[Leaf], rows: dict[int, asyncpg.Record]
) -> None:
    """Find the first difference between the log's leaves and the stored ones."""
    for index, (record, leaf) in enumerate(zip(records, leaves, strict=True), walk.index):
        row = rows.get(index)
        if row is None:
            walk.differs("trail.leaf", ROW, PRESENT, MISSING, leaf_index=index, log_offset=record.offset)
        place = {"leaf_index": index, "log_offset": record.offset}
        if row["hash"] != leaf.hash:
            await _name_hash(walk, record, leaf, row)
        if row["log_offset"] != record.offset:
            walk.differs("trail.leaf", "log_offset", record.offset, row["log_offset"], **place)
        for column in _LEAF_COLUMNS:
            if row[column] != getattr(leaf, column):
                walk.differs("trail.leaf", column, getattr(leaf, column), row[column], **place)


async def _name_hash(walk: _Walk, record: LogRecord, leaf: Leaf, row: asyncpg.Record) -> NoReturn:
    """Report a leaf with a different hash: the log or the trail lacks one, or its append shows which one is
    altered."""
    if row["log_offset"] < record.offset:
        walk.differs(walk.topic, ROW, PRESENT, MISSING, offset=row["log_offset"])
    place = {"leaf_index": row["leaf_index"], "log_offset": record.offset}
    if row["log_offset"] > record.offset:
        walk.differs("trail.leaf", ROW, PRESENT, MISSING, **place)
    if await _append_vouches(walk, row["leaf_index"]):
        walk.differs(walk.topic, "hash", row["hash"], leaf.hash, offset=record.offset)
    walk.differs("trail.leaf", "hash", leaf.hash, row["hash"], **place)


async def _append_vouches(walk: _Walk, index: int) -> bool:
    """Return whether the append that covers a leaf agrees with the stored leaves."""
    append = await walk.connection.fetchrow(verify_query("covering_append"), walk.partition, index)
    if append is None or append["size_after"] <= index:
        return False
    before, after = append["size_before"], append["size_after"]
    rows = await walk.connection.fetch(verify_query("leaves"), walk.partition, before, after)
    try:
        tree, _ = Tree.unpack(before, append["frontier_before"] or b"").extend([row["hash"] for row in rows])
    except ValueError:
        return False
    return bool(tree.size == after and append["frontier"] == tree.pack())


def _check_appends(walk: _Walk) -> list[Node]:
    """Check the appends that end within the leaves read so far, and return the tiles they completed."""
    done, tiles = 0, []
    for count, append in enumerate(walk.unfinished):
        before, after = append["size_before"], append["size_after"]
        if before != walk.tree.size:
            walk.differs("trail.append", "size_before", walk.tree.size, before, size_before=before)
        if after > walk.index:
            _check_order(walk, append, walk.unfinished[count + 1 :])
            break
        added = walk.waiting[done : done + after - before]
        walk.tree, completed = _check_append(walk, append, added)
        walk.report.appends += 1
        done += len(added)
        tiles += completed
    del walk.waiting[:done]
    walk.unfinished = [append for append in walk.unfinished if append["size_after"] > walk.tree.size]
    return tiles


def _check_order(walk: _Walk, append: Any, following: list[Any]) -> None:
    """Check that an append does not end after another one begins."""
    if following:
        expected, found = following[0]["size_before"], append["size_after"]
        walk.differs("trail.append", "size_after", expected, found, size_before=append["size_before"])


def _check_append(walk: _Walk, append: Any, added: list[tuple[int, bytes]]) -> tuple[Tree, list[Node]]:
    """Return the tree after an append of these leaves. If a row is inconsistent, the majority of its values
    determines which one is reported."""
    grown, completed = walk.tree.extend([hash_ for _, hash_ in added])
    next_offset = added[-1][0] + 1 if added else None
    offset_holds, frontier_holds = append["next_offset"] == next_offset, append["frontier"] == grown.pack()
    place = {"size_before": append["size_before"]}
    if not offset_holds and not frontier_holds:
        claimed = walk.index - sum(offset >= append["next_offset"] for offset, _ in walk.waiting)
        walk.differs("trail.append", "size_after", claimed, append["size_after"], **place)
    if not frontier_holds:
        walk.differs("trail.append", "frontier", grown.pack(), append["frontier"], **place)
    if not offset_holds:
        walk.differs("trail.append", "next_offset", next_offset, append["next_offset"], **place)
    return grown, completed


async def _check_nodes(walk: _Walk, tiles: list[Node]) -> None:
    if not tiles:
        return
    levels = sorted({tile.level for tile in tiles})
    first = [min(tile.position for tile in tiles if tile.level == level) for level in levels]
    last = [max(tile.position for tile in tiles if tile.level == level) + 1 for level in levels]
    rows = await walk.connection.fetch(query("node_hashes"), walk.partition, levels, first, last)
    stored = {(row["level"], row["index"]): row["hash"] for row in rows}
    for tile in tiles:
        found = stored.get((tile.level, tile.position))
        if found is None:
            walk.differs("trail.node", ROW, PRESENT, MISSING, level=tile.level, index=tile.position)
        if found != tile.hash:
            walk.differs("trail.node", "hash", tile.hash, found, level=tile.level, index=tile.position)
    walk.report.nodes += len(tiles)


def _check_extent(walk: _Walk, extent: asyncpg.Record) -> None:
    """Check that all appends end with the last leaf, and the newest append exactly there."""
    before, size = walk.tree.size, walk.index
    if walk.unfinished:
        after = walk.unfinished[0]["size_after"]
        if after > size and extent["next_offset"] != extent["last_offset"] + 1:
            walk.differs("trail.leaf", ROW, PRESENT, MISSING, leaf_index=size)
        walk.differs("trail.append", "size_after", size, after, size_before=before)
    if before < size:
        walk.differs("trail.append", ROW, PRESENT, MISSING, size_before=before)
    if extent["size_after"] not in (None, size):
        walk.differs("trail.leaf", ROW, PRESENT, MISSING, leaf_index=size)


async def _check_stray_nodes(walk: _Walk) -> None:
    row = await walk.connection.fetchrow(verify_query("stray_node"), walk.partition)
    if row is not None:
        walk.differs("trail.node", ROW, MISSING, PRESENT, level=row["level"], index=row["index"])
