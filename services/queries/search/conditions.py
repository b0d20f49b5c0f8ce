"""SQL conditions of predicates over the search views. Every value is a parameter."""

from dataclasses import dataclass, field
from typing import Any, Final, assert_never

from projections.search.value import STRINGS
from services.queries.search.fields import Column, Path
from services.queries.search.predicates import (
    AllOf,
    AnyOf,
    Atom,
    Between,
    Constant,
    Equals,
    Like,
    Not,
    Predicate,
    Present,
    tables,
)

VIEWS: Final = {"s": "views.tenant_search", "a": "views.tenant_activity", "l": "views.tenant_leaf"}
_LIKE_SIGNS: Final = str.maketrans({"\\": "\\\\", "%": "\\%", "_": "\\_"})
_TYPES: Final = {
    "text": "text",
    "folded": "text",
    "flag": "boolean",
    "number": "bigint",
    "instant": "timestamptz",
}


@dataclass(slots=True)
class Parameters:
    """The parameters of a statement; the first is the tenant, `$1`."""

    values: list[Any] = field(default_factory=list)
    sign: str = "$"

    def add(self, value: Any) -> str:
        """Add a parameter and return its name."""
        self.values.append(value)
        return f"{self.sign}{len(self.values)}"


def condition(predicate: Predicate, base: str, given: Parameters) -> str:
    """Return the SQL that is true, false or null (which counts as false) for the row `base` of a person. `a`
    must be joined where `base` is `s` and the predicate needs activity."""
    match predicate:
        case Constant(value):
            return "true" if value else "false"
        case AllOf(parts):
            return "(" + " AND ".join(condition(part, base, given) for part in parts) + ")"
        case AnyOf(parts):
            return _any(parts, base, given)
        case Not(inner):
            return _negated(inner, base, given)
        case Equals() | Between() | Like() | Present():
            return _atom(predicate, base, given)
        case _:
            assert_never(predicate)


def can_be_collected(predicate: Predicate) -> bool:
    """Return whether indexes alone find the people of a predicate, without a scan of all people."""
    match predicate:
        case AllOf(parts):
            return any(map(can_be_collected, parts))
        case AnyOf(parts):
            return all(map(can_be_collected, parts))
        case Constant() | Not():
            return False
    return True


def collected(predicate: Predicate, given: Parameters, order: str = "") -> str:
    """Return a SELECT of the subjects of a predicate, from as few tables as possible. `order` is appended to
    it; then each subject is returned once."""
    if isinstance(predicate, Equals | Between | Like | Present) and isinstance(predicate.target, Path):
        base, source = "l", f"{VIEWS['l']} AS l"
        test = _leaf_test(predicate, given)
        once = isinstance(predicate, Equals) and len(predicate.values) == 1
    else:
        base, source = source_of(predicate)
        test = condition(predicate, base, given)
        once = True
    distinct = "DISTINCT " if order and not once else ""
    return (
        f"SELECT {distinct}{base}.subject FROM {source}"
        f" WHERE {base}.tenant = $1 AND {test}{order.format(base=base)}"
    )


def source_of(predicate: Predicate, *more: str) -> tuple[str, str]:
    """Return (alias of the row of a person, tables to read) for a predicate and the columns of `s` and `a`
    that are needed besides."""
    needed = tables(predicate) | set(more)
    if needed == {"a"}:
        return "a", f"{VIEWS['a']} AS a"
    joined = f" JOIN {VIEWS['a']} AS a ON a.tenant = $1 AND a.subject = s.subject" if "a" in needed else ""
    return "s", f"{VIEWS['s']} AS s{joined}"


def unions(parts: tuple[Predicate, ...]) -> bool:
    """Return whether alternatives lie in different tables and each can be collected: no single index serves
    them all, so their subjects are collected one after another."""
    places = tables(AnyOf(parts))
    return ("l" in places or len(places) > 1) and all(map(can_be_collected, parts))


def _any(parts: tuple[Predicate, ...], base: str, given: Parameters) -> str:
    if unions(parts):
        union = " UNION ALL ".join(f"({collected(part, given)})" for part in parts)
        return f"{base}.subject IN ({union})"
    return "(" + " OR ".join(condition(part, base, given) for part in parts) + ")"


def _negated(inner: Predicate, base: str, given: Parameters) -> str:
    match inner:
        case Present(Column() as column):
            hidden = f" AND NOT {_hidden(column)}" if column.hidden else ""
            return f"({column.table}.{column.column} IS NULL{hidden})"
        case Equals(Path()) | Between(Path()) | Like(Path()) | Present(Path()):
            return f"NOT {_has_leaf(inner, base, given)}"
    return f"({condition(inner, base, given)}) IS NOT TRUE"


def _atom(atom: Atom, base: str, given: Parameters) -> str:
    if isinstance(atom.target, Path):
        return _has_leaf(atom, base, given)
    return _column_test(atom, atom.target, given)


def _has_leaf(atom: Atom, base: str, given: Parameters) -> str:
    test = _leaf_test(atom, given)
    owned = f"l.tenant = $1 AND l.subject = {base}.subject"
    return f"EXISTS (SELECT FROM {VIEWS['l']} AS l WHERE {owned} AND {test})"


def _leaf_test(atom: Atom, given: Parameters) -> str:
    assert isinstance(atom.target, Path)
    name = atom.target.name
    if isinstance(atom, Present):
        path, start, end = given.add(name), given.add(name + "."), given.add(name + "/")
        return f"(l.path = {path} OR (l.path >= {start} AND l.path < {end}))"
    test = _test("l.value", "text", atom, given, STRINGS)
    return f"l.path = {given.add(name)} AND {test}"


def _column_test(atom: Atom, column: Column, given: Parameters) -> str:
    name = f"{column.table}.{column.column}"
    if isinstance(atom, Present):
        return f"({name} IS NOT NULL OR {_hidden(column)})" if column.hidden else f"{name} IS NOT NULL"
    return _test(name, _TYPES[column.kind], atom, given, "")


def _hidden(column: Column) -> str:
    """Return the SQL that is true if there is a value that the column cannot hold. The names are ours."""
    return f"(s.unsearchable <> '{{}}' AND s.unsearchable @> ARRAY['{column.name}'])"


def _test(name: str, kind: str, atom: Equals | Between | Like, given: Parameters, lead: str) -> str:
    match atom:
        case Equals(values=(value,)):
            return f"{name} = {given.add(value)}"
        case Equals(values=values):
            return f"{name} = ANY ({given.add(list(values))}::{kind}[])"
        case Like(parts=parts):
            pattern = "%".join(part.translate(_LIKE_SIGNS) for part in parts)
            return f"{name} LIKE {given.add(lead + pattern)}"
        case Between():
            return between(name, atom, given)


def between(name: str, atom: Between, given: Parameters) -> str:
    """Return the SQL that is true if a column lies in the range."""
    tests = []
    if atom.low is not None:
        tests.append(f"{name} {'>=' if atom.low_inclusive else '>'} {given.add(atom.low)}")
    if atom.high is not None:
        tests.append(f"{name} {'<=' if atom.high_inclusive else '<'} {given.add(atom.high)}")
    return " AND ".join(tests)
