"""What a search requires of a person, as typed predicates: no text of the caller is left to interpret."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from services.queries.search.fields import Column, Target

Value = str | bool | int | datetime
Table = Literal["s", "a", "l"]


@dataclass(frozen=True, slots=True)
class Constant:
    """True of all people, or of none."""

    value: bool


@dataclass(frozen=True, slots=True)
class Equals:
    """Equal to one of these values."""

    target: Target
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Between:
    """From `low` up to `high`, exclusive or inclusive. None is an open end; both are never open."""

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
    """Any value; for an object, any value below it."""

    target: Target


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite of a predicate. It is true of people who lack the field."""

    inner: "Predicate"


@dataclass(frozen=True, slots=True)
class AllOf:
    """All of these, at least two."""

    parts: tuple["Predicate", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one of these, at least two."""

    parts: tuple["Predicate", ...]


Atom = Equals | Between | Like | Present
Predicate = Constant | Atom | Not | AllOf | AnyOf
MATCH_ALL: Final = Constant(True)
MATCH_NONE: Final = Constant(False)


def all_of(parts: Iterable[Predicate]) -> Predicate:
    """Return the conjunction of the parts, simplified."""
    kept: list[Predicate] = []
    for part in parts:
        if part == MATCH_NONE:
            return MATCH_NONE
        kept.extend(part.parts if isinstance(part, AllOf) else [] if part == MATCH_ALL else [part])
    return MATCH_ALL if not kept else kept[0] if len(kept) == 1 else AllOf(tuple(kept))


def without(whole: Predicate, part: Predicate) -> Predicate:
    """Return what remains of a predicate when one of its parts is known to be true."""
    parts = whole.parts if isinstance(whole, AllOf) else (whole,)
    return all_of(one for one in parts if one is not part)


def any_of(parts: Iterable[Predicate]) -> Predicate:
    """Return the disjunction of the parts, simplified: equalities of one field become one."""
    values: dict[Target, dict[Value, None]] = {}
    kept: list[Predicate] = []
    for part in _flat(parts):
        if part == MATCH_ALL:
            return MATCH_ALL
        if isinstance(part, Equals):
            values.setdefault(part.target, {}).update(dict.fromkeys(part.values))
        elif part != MATCH_NONE:
            kept.append(part)
    kept = [*(Equals(target, tuple(known)) for target, known in values.items()), *kept]
    return MATCH_NONE if not kept else kept[0] if len(kept) == 1 else AnyOf(tuple(kept))


def negated(part: Predicate) -> Predicate:
    """Return the opposite of a predicate, simplified."""
    match part:
        case Constant(value):
            return Constant(not value)
        case Not(inner):
            return inner
    return Not(part)


def _flat(parts: Iterable[Predicate]) -> Iterator[Predicate]:
    for part in parts:
        if isinstance(part, AnyOf):
            yield from part.parts
        else:
            yield part


def atoms(predicate: Predicate) -> Iterator[Atom]:
    """Iterate over the atoms of a predicate."""
    match predicate:
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                yield from atoms(part)
        case Not(inner):
            yield from atoms(inner)
        case Constant():
            return
        case _:
            yield predicate


def tables(predicate: Predicate) -> frozenset[Table]:
    """Return the tables that hold the values of a predicate: search, activity, leaves."""
    return frozenset(
        atom.target.table if isinstance(atom.target, Column) else "l" for atom in atoms(predicate)
    )


def is_selective(predicate: Predicate) -> bool:
    """Return whether indexes can find the people that a predicate is true of, without testing each one."""
    match predicate:
        case AllOf(parts):
            return any(map(is_selective, parts))
        case AnyOf(parts):
            return all(map(is_selective, parts))
        case Not(inner):
            return isinstance(inner, Present) and isinstance(inner.target, Column)
        case Constant(value):
            return not value
        case Like(parts=texts):
            return any(_has_trigram(text) for text in texts)
    return True


def _has_trigram(text: str) -> bool:
    """Return whether a text has three letters or digits in a row, which the trigram index needs."""
    run = 0
    for character in text:
        run = run + 1 if character.isalnum() else 0
        if run == 3:
            return True
    return False
