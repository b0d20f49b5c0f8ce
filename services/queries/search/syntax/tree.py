"""The syntax tree of a query, before its fields are resolved. Positions count characters from 1."""

from dataclasses import dataclass


class Malformed(Exception):
    """The query cannot be understood. `reason` quotes the caller's text, so it is never logged."""

    def __init__(self, reason: str) -> None:
        super().__init__("malformed query")
        self.reason = reason

    @classmethod
    def unexpected(cls, what: str, at: int | None, expected: str) -> "Malformed":
        """Return the error `Unexpected 'x' at position 17, expected …`; without a position at the end of the
        query."""
        where = "at the end of the query" if at is None else f"at position {at}"
        return cls(f"Unexpected {what} {where}, expected {expected}")


@dataclass(frozen=True, slots=True)
class Field:
    """A field by the name that the query gives it."""

    name: str
    at: int


@dataclass(frozen=True, slots=True)
class Term:
    """A whole value, or its literal parts around wildcards: `jane*` is ("jane", "")."""

    field: Field | None
    parts: tuple[str, ...]
    at: int

    @property
    def text(self) -> str:
        """The value without escapes."""
        return "*".join(self.parts)


@dataclass(frozen=True, slots=True)
class Bound:
    """One end of a range."""

    text: str
    quoted: bool
    inclusive: bool
    at: int


@dataclass(frozen=True, slots=True)
class Range:
    """A range between two bounds; None is an open end."""

    field: Field
    low: Bound | None
    high: Bound | None


@dataclass(frozen=True, slots=True)
class Exists:
    """The field has a value."""

    field: Field


@dataclass(frozen=True, slots=True)
class MatchAll:
    """`*`, or an empty query."""


@dataclass(frozen=True, slots=True)
class Negation:
    """The opposite of a node."""

    inner: "Node"


@dataclass(frozen=True, slots=True)
class And:
    """All of these."""

    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Any of these."""

    parts: tuple["Node", ...]


Node = Term | Range | Exists | MatchAll | Negation | And | Or
MATCH_ALL = MatchAll()
