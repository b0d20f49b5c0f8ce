"""The order of people in a list, and positions in it.

Without `sort` the order is that of the index that finds the people: by the value of the first field that a
range or prefix compares, otherwise by subject, which is the order in which people were first seen. It is the
same for every request of a query, and a page costs the same however many people match.
"""

from dataclasses import dataclass
from typing import Final

from services.queries.search.fields import Column, Target, sort_target
from services.queries.search.predicates import AllOf, Between, Predicate, Value

_WAYS: Final = {"1": False, "-1": True}


@dataclass(frozen=True, slots=True)
class Order:
    """By a field, people without a value last in either direction; then by subject. Without a target by
    subject alone."""

    target: Target | None = None
    descending: bool = False
    complete: bool = True
    """Whether all users in the result have a value."""
    within: Between | None = None
    """Of several values of a person only those in this range count."""


@dataclass(frozen=True, slots=True)
class CursorPosition:
    """The position of the last user returned: among those with a value of the sort field (`key`), or among
    those without one if `key` is None."""

    key: Value | None
    subject: str


def sorted_by(sort: str) -> Order | None:
    """Return the order of `field:1` or `field:-1`, None for any other text."""
    name, _, way = sort.rpartition(":")
    target = sort_target(name)
    if target is None or way not in _WAYS:
        return None
    return Order(target, _WAYS[way], isinstance(target, Column) and target.always)


def natural(predicate: Predicate) -> Order:
    """Return the order of the index that serves the predicate."""
    parts = predicate.parts if isinstance(predicate, AllOf) else (predicate,)
    for part in parts:
        if isinstance(part, Between):
            return Order(part.target, within=None if isinstance(part.target, Column) else part)
    return Order()
