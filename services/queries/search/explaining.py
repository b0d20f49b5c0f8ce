"""Explanations: of which kind a search is, and whether an index serves it."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from services.queries.search.fields import Column
from services.queries.search.ordering import Order
from services.queries.search.predicates import (
    Atom,
    Between,
    Constant,
    Equals,
    Like,
    Predicate,
    Present,
    atoms,
    is_selective,
)

EXPLAIN: Final = "EXPLAIN (FORMAT JSON) "


def kind_of(predicate: Predicate) -> str:
    """Return `all`, `none`, `exact`, `prefix`, `infix`, `range`, `exists` or, for more than one condition,
    `combined`; with `metadata ` before it where the values are leaves."""
    if isinstance(predicate, Constant):
        return "all" if predicate.value else "none"
    found = list(atoms(predicate))
    return _kind(found[0]) if len(found) == 1 else "combined"


def _kind(atom: Atom) -> str:
    where = "" if isinstance(atom.target, Column) else "metadata "
    match atom:
        case Equals():
            return where + "exact"
        case Like():
            return where + "infix"
        case Between(prefix=True):
            return where + "prefix"
        case Between():
            return where + "range"
        case Present():
            return where + "exists"


def explanation(predicate: Predicate, order: Order, plan: Mapping[str, Any]) -> dict[str, Any]:
    """Return the response to `explain=true`. `index` says that indexes find the people, so that the search
    does not test one after another until the page is full. `indexes` are those that PostgreSQL would use now,
    which depends on the number of people."""
    target = order.target
    return {
        "class": kind_of(predicate),
        "clauses": sum(1 for _ in atoms(predicate)),
        "index": predicate == Constant(True) or is_selective(predicate),
        "order": "subject" if target is None else f"{target.name}:{-1 if order.descending else 1}",
        "indexes": sorted({node["Index Name"] for node in nodes(plan) if "Index Name" in node}),
    }


def nodes(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Iterate over all nodes of a plan in the form of EXPLAIN (FORMAT JSON)."""
    yield plan
    for inner in plan.get("Plans", ()):
        yield from nodes(inner)
