"""The result of a verification as data, shown alike by the command line, the dashboard and exports."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

Value = bytes | str | int | datetime | None

ROW: Final = "row"
"""Used in place of a column name if the whole row is missing, or should not exist."""
PRESENT: Final = "present"
MISSING: Final = "missing"


@dataclass(frozen=True, slots=True)
class Difference:
    """A place where the trail differs from the log or from the signatures."""

    table: str
    """A table of the trail, or the topic if the record itself was changed."""
    place: dict[str, int]
    """The row's key in the columns of its table; a leaf also names its log offset."""
    column: str
    expected: Value
    found: Value

    def __str__(self) -> str:
        place = ", ".join(f"{name} {value}" for name, value in self.place.items())
        expected, found = _shown(self.expected), _shown(self.found)
        return f"{self.table} at {place}: {self.column} should be {expected} but is {found}"

    def as_json(self) -> dict[str, object]:
        return {
            "table": self.table,
            "place": self.place,
            "column": self.column,
            "expected": _shown(self.expected),
            "found": _shown(self.found),
        }


@dataclass(slots=True, kw_only=True)
class PartitionReport:
    """How far a tree was verified, and how many records of the log are not audited yet."""

    partition: int
    leaves: int = 0
    appends: int = 0
    nodes: int = 0
    root: bytes = b""
    lag: int = 0
    difference: Difference | None = None

    def as_json(self) -> dict[str, object]:
        return {
            "partition": self.partition,
            "leaves": self.leaves,
            "appends": self.appends,
            "nodes": self.nodes,
            "root": self.root.hex(),
            "lag": self.lag,
        }


@dataclass(slots=True)
class Report:
    """The result for a topic. It is `ok` if nothing differs; records not audited yet are lag, not a fault."""

    topic: str
    partitions: list[PartitionReport] = field(default_factory=list)
    checkpoints: int = 0
    checkpoint_difference: Difference | None = None
    stray: Difference | None = None
    seconds: float = 0.0

    @property
    def differences(self) -> list[Difference]:
        """The first difference of each partition, then of rows of no partition, then of the checkpoints."""
        found = [*(part.difference for part in self.partitions), self.stray, self.checkpoint_difference]
        return [difference for difference in found if difference is not None]

    @property
    def first(self) -> Difference | None:
        return next(iter(self.differences), None)

    @property
    def ok(self) -> bool:
        return not self.differences

    @property
    def leaves(self) -> int:
        return sum(part.leaves for part in self.partitions)

    @property
    def lag(self) -> int:
        return sum(part.lag for part in self.partitions)

    def as_json(self) -> dict[str, object]:
        return {
            "ok": self.ok,
            "topic": self.topic,
            "leaves": self.leaves,
            "checkpoints": self.checkpoints,
            "lag": self.lag,
            "seconds": round(self.seconds, 3),
            "differences": [difference.as_json() for difference in self.differences],
            "partitions": [part.as_json() for part in self.partitions],
        }


def _shown(value: Value) -> str | int | None:
    match value:
        case bytes():
            return value.hex()
        case datetime():
            return value.isoformat()
        case _:
            return value
