"""What a query says, before anybody looks at what its fields are. Positions count characters from 1."""

from dataclasses import dataclass


class Malformed(Exception):
    """The query cannot be understood. `reason` quotes the caller's words, so it is never logged."""

    def __init__(self, reason: str) -> None:
        super().__init__("malformed query")
        self.reason = reason

    @classmethod
    def unexpected(cls, what: str, at: int | None, expected: str) -> "Malformed":
        """`Unexpected 'x' at position 17, expected …`; without a position at the end of the query."""
        where = "at the end of the query" if at is None else f"at position {at}"
        return cls(f"Unexpected {what} {where}, expected {expected}")


@dataclass(frozen=True, slots=True)
class Field:
    """A field as it was named."""

    name: str
    at: int


@dataclass(frozen=True, slots=True)
class Term:
    """The whole value, or its literal parts around wildcards: `jane*` is ("jane", "")."""

    field: Field | None
    parts: tuple[str, ...]
    at: int

    @property
    def text(self) -> str:
        """The value as it was meant."""
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
    """Between two values; None is an open end."""

    field: Field
    low: Bound | None
    high: Bound | None


@dataclass(frozen=True, slots=True)
class Exists:
    """There is a value."""

    field: Field


@dataclass(frozen=True, slots=True)
class MatchAll:
    """`*`, or no query at all."""


@dataclass(frozen=True, slots=True)
class Negation:
    """The opposite."""

    inner: "Node"


@dataclass(frozen=True, slots=True)
class And:
    """All of them."""

    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Any of them."""

    parts: tuple["Node", ...]


Node = Term | Range | Exists | MatchAll | Negation | And | Or
MATCH_ALL = MatchAll()
