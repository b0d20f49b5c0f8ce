"""What kind of search a query is, and whether an index serves it."""

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
    """`all`, `none`, `exact`, `prefix`, `infix`, `range`, `exists` or, of more than one condition,
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
    """What `explain=true` answers: `index` says that indexes find the people, rather than a look at each in
    turn until the page is full; `indexes` are those PostgreSQL would use now, which depends on how many
    people there are."""
    target = order.target
    return {
        "class": kind_of(predicate),
        "clauses": sum(1 for _ in atoms(predicate)),
        "index": predicate == Constant(True) or is_selective(predicate),
        "order": "subject" if target is None else f"{target.name}:{-1 if order.descending else 1}",
        "indexes": sorted({node["Index Name"] for node in nodes(plan) if "Index Name" in node}),
    }


def nodes(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Every node of a plan as EXPLAIN (FORMAT JSON) tells it."""
    yield plan
    for inner in plan.get("Plans", ()):
        yield from nodes(inner)
