"""In which order people come, and a place in it.

Without `sort` the order is that of the index which finds them: by the value of the first field that a range
or prefix asks for, otherwise by subject, which is the order in which people first came. It is the same at
every request for the same query, and it makes a page cost a page, however many match.
"""

from dataclasses import dataclass
from typing import Final

from services.queries.search.fields import Column, Target, sort_target
from services.queries.search.predicates import AllOf, Between, Predicate, Value

_WAYS: Final = {"1": False, "-1": True}


@dataclass(frozen=True, slots=True)
class Order:
    """By a field, those without a value last, whatever the way; then by subject. By subject alone without
    one."""

    target: Target | None = None
    descending: bool = False
    complete: bool = True
    """Whether everybody in question has a value."""
    within: Between | None = None
    """Of several values of a person only those in this range count."""


@dataclass(frozen=True, slots=True)
class Place:
    """The last person seen: among those with a value (`key`) or those without."""

    key: Value | None
    subject: str


def sorted_by(sort: str) -> Order | None:
    """`field:1` or `field:-1`; None for anything else."""
    name, _, way = sort.rpartition(":")
    target = sort_target(name)
    if target is None or way not in _WAYS:
        return None
    return Order(target, _WAYS[way], isinstance(target, Column) and target.always)


def natural(predicate: Predicate) -> Order:
    """The order of the index that serves the predicate."""
    parts = predicate.parts if isinstance(predicate, AllOf) else (predicate,)
    for part in parts:
        if isinstance(part, Between):
            return Order(part.target, within=None if isinstance(part.target, Column) else part)
    return Order()
