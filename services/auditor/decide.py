"""The auditor's decision: how a batch of records extends the trees. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from typing import Any, Final, NamedTuple, Protocol

from projections.trail.leaf import Leaf, leaf_of
from projections.trail.merkle import Tree


class AuditedRecord(Protocol):
    """The members of a log record that the auditor uses."""

    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def value(self) -> bytes | None: ...


class Tip(NamedTuple):
    """The state of a partition's tree, and the offset of the next record that it expects."""

    tree: Tree
    next_offset: int


class Jump(NamedTuple):
    """A record whose offset is not the one that its partition's tree expected."""

    partition: int
    expected: int
    found: int


GENESIS: Final = Tip(Tree(), 0)

Columns = tuple[list[Any], ...]


@dataclass(frozen=True, slots=True)
class Growth:
    """The rows that a batch adds, as columns, and the jumps that must be explained first."""

    appends: Columns = field(default_factory=lambda: ([], [], [], [], []))
    leaves: Columns = field(default_factory=lambda: ([], [], [], [], [], [], [], []))
    nodes: Columns = field(default_factory=lambda: ([], [], [], []))
    jumps: list[Jump] = field(default_factory=list)

    @property
    def types(self) -> Sequence[str | None]:
        """The event types of the leaves; None for a record that names none in proper form."""
        return self.leaves[3 + Leaf._fields.index("type")]


def grow(tips: Mapping[int, Tip], records: Iterable[AuditedRecord]) -> Growth:
    """Return the growth for these records, partition by partition in the order of offsets."""
    growth = Growth()
    in_order = sorted(records, key=attrgetter("partition", "offset"))
    for partition, group in groupby(in_order, key=attrgetter("partition")):
        _grow_partition(growth, partition, tips.get(partition, GENESIS), group)
    return growth


def _grow_partition(growth: Growth, partition: int, tip: Tip, records: Iterable[AuditedRecord]) -> None:
    offset, hashes = tip.next_offset, list[bytes]()
    partitions, indexes, offsets, *columns = growth.leaves
    for record in records:
        if record.offset != offset:
            growth.jumps.append(Jump(partition, offset, record.offset))
        leaf = leaf_of(record.value)
        partitions.append(partition)
        indexes.append(tip.tree.size + len(hashes))
        offsets.append(record.offset)
        for column, value in zip(columns, leaf, strict=True):
            column.append(value)
        hashes.append(leaf.hash)
        offset = record.offset + 1
    if hashes:
        _close_batch(growth, partition, tip.tree, hashes, offset)


def _close_batch(growth: Growth, partition: int, tree: Tree, hashes: list[bytes], next_offset: int) -> None:
    grown, tiles = tree.extend(hashes)
    row = (partition, tree.size, grown.size, next_offset, grown.pack())
    for column, value in zip(growth.appends, row, strict=True):
        column.append(value)
    for tile in tiles:
        for column, value in zip(growth.nodes, (partition, *tile), strict=True):
            column.append(value)
