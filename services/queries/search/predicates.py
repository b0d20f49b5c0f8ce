"""What is asked of a person, typed: no text of the caller is left to interpret."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from services.queries.search.fields import Column, Target

Value = str | bool | int | datetime
Table = Literal["s", "a", "l"]


@dataclass(frozen=True, slots=True)
class Constant:
    """True of everybody, or of nobody."""

    value: bool


@dataclass(frozen=True, slots=True)
class Equals:
    """One of these values."""

    target: Target
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Between:
    """From `low` to before or up to `high`; None is open, never both."""

    target: Target
    low: Value | None
    low_inclusive: bool
    high: Value | None
    high_inclusive: bool
    prefix: bool = False


@dataclass(frozen=True, slots=True)
class Like:
    """These literals in this order, with anything between them."""

    target: Target
    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Present:
    """Any value at all; for an object, any below it."""

    target: Target


@dataclass(frozen=True, slots=True)
class Negated:
    """The opposite; a person without the field has it."""

    inner: "Predicate"


@dataclass(frozen=True, slots=True)
class Every:
    """All of them; at least two."""

    parts: tuple["Predicate", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """One of them; at least two."""

    parts: tuple["Predicate", ...]


Atom = Equals | Between | Like | Present
Predicate = Constant | Atom | Negated | Every | AnyOf
EVERYBODY: Final = Constant(True)
NOBODY: Final = Constant(False)


def every(parts: Iterable[Predicate]) -> Predicate:
    """All of them, without what adds nothing."""
    kept: list[Predicate] = []
    for part in parts:
        if part == NOBODY:
            return NOBODY
        kept.extend(part.parts if isinstance(part, Every) else [] if part == EVERYBODY else [part])
    return EVERYBODY if not kept else kept[0] if len(kept) == 1 else Every(tuple(kept))


def without(whole: Predicate, part: Predicate) -> Predicate:
    """What is left to ask when one of its parts is known to be true."""
    parts = whole.parts if isinstance(whole, Every) else (whole,)
    return every(one for one in parts if one is not part)


def any_of(parts: Iterable[Predicate]) -> Predicate:
    """Any of them; equalities of one field become one."""
    values: dict[Target, dict[Value, None]] = {}
    kept: list[Predicate] = []
    for part in _flat(parts):
        if part == EVERYBODY:
            return EVERYBODY
        if isinstance(part, Equals):
            values.setdefault(part.target, {}).update(dict.fromkeys(part.values))
        elif part != NOBODY:
            kept.append(part)
    kept = [*(Equals(target, tuple(known)) for target, known in values.items()), *kept]
    return NOBODY if not kept else kept[0] if len(kept) == 1 else AnyOf(tuple(kept))


def negated(part: Predicate) -> Predicate:
    """The opposite."""
    match part:
        case Constant(value):
            return Constant(not value)
        case Negated(inner):
            return inner
    return Negated(part)


def _flat(parts: Iterable[Predicate]) -> Iterator[Predicate]:
    for part in parts:
        if isinstance(part, AnyOf):
            yield from part.parts
        else:
            yield part


def atoms(predicate: Predicate) -> Iterator[Atom]:
    """Every atom in it."""
    match predicate:
        case Every(parts) | AnyOf(parts):
            for part in parts:
                yield from atoms(part)
        case Negated(inner):
            yield from atoms(inner)
        case Constant():
            return
        case _:
            yield predicate


def tables(predicate: Predicate) -> frozenset[Table]:
    """Where its values lie: search, activity, leaves."""
    return frozenset(
        atom.target.table if isinstance(atom.target, Column) else "l" for atom in atoms(predicate)
    )


def is_selective(predicate: Predicate) -> bool:
    """Whether an index can find who it is true of, instead of being asked person by person."""
    match predicate:
        case Every(parts):
            return any(map(is_selective, parts))
        case AnyOf(parts):
            return all(map(is_selective, parts))
        case Negated(inner):
            return isinstance(inner, Present) and isinstance(inner.target, Column)
        case Constant(value):
            return not value
        case Like(parts=texts):
            return any(_has_trigram(text) for text in texts)
    return True


def _has_trigram(text: str) -> bool:
    """Whether there are three letters or digits in a row: what the trigram index knows."""
    run = 0
    for character in text:
        run = run + 1 if character.isalnum() else 0
        if run == 3:
            return True
    return False
