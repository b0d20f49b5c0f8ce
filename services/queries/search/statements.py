"""SQL statements for a page of people and for their number. Everything that a caller said is a parameter.

A page is first found as subjects, then joined to the documents, so that skipped rows cost no document. People
without a value to sort by follow in a second branch, so that each branch is an index scan; the branches run
one after the other, the second only while the page has room.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from services.ledger.keys.users import join_keys
from services.queries.search.conditions import (
    VIEWS,
    Parameters,
    between,
    collected,
    condition,
    source_of,
    unions,
)
from services.queries.search.fields import Column, Path
from services.queries.search.ordering import CursorPosition, Order, natural
from services.queries.search.predicates import MATCH_ALL, AnyOf, Between, Equals, Predicate, without

_ARRAYS: Final = {str: "text", bool: "boolean", int: "bigint", datetime: "timestamptz"}


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL and the values of its parameters."""

    text: str
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Window:
    """A number of people, from an offset or after a position."""

    limit: int
    offset: int = 0
    after: CursorPosition | None = None


@dataclass(frozen=True, slots=True)
class Lookup:
    """A first page in the order of one index. Any number of them run as one statement: `text` takes the
    tenant, an array for each value of the `key`, and the limit."""

    text: str
    key: tuple[Any, ...]
    limit: int


def lookup(predicate: Predicate, order: Order, window: Window) -> Lookup | None:
    """Return a page as a lookup, None if it is not one. It costs the same for common and for rare values."""
    if window.offset or window.after is not None or order != natural(predicate):
        return None
    match predicate:
        case Equals(values=(_,)) | Between():
            given = Parameters([None], "g.v")
            keys = _with_value(predicate, order, window, given)
            _, *key = given.values
            places = range(2, len(key) + 2)
            arrays = (f"${place}::{_ARRAYS[type(value)]}[]" for place, value in zip(places, key, strict=True))
            names = ", ".join(f"v{place}" for place in places)
            text = (
                f"SELECT g.asked, r.users\nFROM unnest({', '.join(arrays)})"
                f" WITH ORDINALITY AS g ({names}, asked)\nCROSS JOIN LATERAL"
                f" (SELECT {_users(order)} FROM {_profiles(f'{keys} LIMIT ${len(key) + 2}')}) AS r"
            )
            return Lookup(text, tuple(key), window.limit)
    return None


def page(tenant: str, predicate: Predicate, order: Order, window: Window, secrets: bool = False) -> Statement:
    """Return the statement for the people of a window, in order; with `secrets` also their sealed secrets and
    the keys that open them."""
    given = Parameters([tenant])
    found = _profiles(_keys(predicate, order, window, given))
    columns = "p.document, k.subject, k.key"
    if secrets:
        columns += ", p.secrets, o.version, o.profile, o.activity"
        found = f"{found}\n{join_keys('o', 'k.subject')}"
    return Statement(f"SELECT {columns}\nFROM {found}\n{_ordered(order)}", tuple(given.values))


def ready_page(
    tenant: str, predicate: Predicate, order: Order, window: Window, total: bool = False
) -> Statement:
    """Return the statement for a window as one row: `users`, an array of JSON, its `length`, and with `total`
    the number of all people."""
    given = Parameters([tenant])
    found = _profiles(_keys(predicate, order, window, given))
    text = f"SELECT {_users(order)}, count(*) AS length FROM {found}"
    if total:
        counted = _count(predicate, given)
        text = f"SELECT u.users, u.length, t.count AS total FROM ({text}) AS u, ({counted}) AS t"
    return Statement(text, tuple(given.values))


def count(tenant: str, predicate: Predicate) -> Statement:
    """Return the statement for the exact number of people."""
    given = Parameters([tenant])
    return Statement(_count(predicate, given), tuple(given.values))


def _keys(predicate: Predicate, order: Order, window: Window, given: Parameters) -> str:
    branches = [] if _is_past_values(order, window) else [_with_value(predicate, order, window, given)]
    if not order.complete:
        branches.append(_without_value(predicate, order, window, given))
    if len(branches) == 1:
        return f"{branches[0]} LIMIT {given.add(window.limit)} OFFSET {given.add(window.offset)}"
    most = given.add(window.limit + window.offset)
    union = " UNION ALL ".join(f"({branch} LIMIT {most})" for branch in branches)
    return f"SELECT * FROM ({union}) AS b LIMIT {given.add(window.limit)} OFFSET {given.add(window.offset)}"


def _count(predicate: Predicate, given: Parameters) -> str:
    """Return the SQL that counts. The number of all people is kept in a view."""
    if predicate == MATCH_ALL:
        return "SELECT coalesce(sum(users), 0)::bigint AS count FROM views.population WHERE tenant = $1"
    if _is_leaf(predicate):
        return f"SELECT count(*) FROM ({collected(predicate, given)}) AS k"
    base, source = source_of(predicate)
    test = condition(predicate, base, given)
    return f"SELECT count(*) FROM {source} WHERE {base}.tenant = $1 AND {test}"


def _is_leaf(predicate: Predicate) -> bool:
    """Return whether a predicate is true of exactly the people who have a certain leaf."""
    return isinstance(predicate, Equals) and isinstance(predicate.target, Path) and len(predicate.values) == 1


def _is_past_values(order: Order, window: Window) -> bool:
    return order.target is not None and window.after is not None and window.after.key is None


def _with_value(predicate: Predicate, order: Order, window: Window, given: Parameters) -> str:
    if order.target is None:
        return _by_subject(predicate, window, given)
    way, comparison = _way(order), "<" if order.descending else ">"
    if isinstance(order.target, Column):
        column = order.target
        base, source = source_of(predicate, column.table)
        key, owner = f"{column.table}.{column.column}", f"{base}.subject"
        tests = [f"{base}.tenant = $1", condition(predicate, base, given)]
        if not order.complete:
            tests.append(f"{key} IS NOT NULL")
    else:
        source, tests = _along_leaves(predicate, order, given)
        key, owner = "o.value", "o.subject"
    if window.after is not None:
        value, subject = given.add(window.after.key), given.add(window.after.subject)
        tests.append(f"({key}, {owner}) {comparison} ({value}, {subject})")
    return (
        f"SELECT {owner} AS subject, 0 AS phase, {key} AS key FROM {source}"
        f" WHERE {' AND '.join(tests)} ORDER BY {key}{way}, {owner}{way}"
    )


def _along_leaves(predicate: Predicate, order: Order, given: Parameters) -> tuple[str, list[str]]:
    """Return tables and conditions for people in the order of a path, each at one of their leaves, the first
    in the direction of the order."""
    assert isinstance(order.target, Path)
    tests = ["o.tenant = $1", f"o.path = {given.add(order.target.name)}"]
    if order.within is None:
        tests.append("o.highest" if order.descending else "o.lowest")
    else:
        predicate = without(predicate, order.within)
        tests += [between("o.value", order.within, given), f"(o.lowest OR NOT {_lower(order.within, given)})"]
    if predicate == MATCH_ALL:
        return f"{VIEWS['l']} AS o", tests
    _, people = source_of(predicate, "s")
    tests += ["s.tenant = $1", "s.subject = o.subject", condition(predicate, "s", given)]
    return f"{VIEWS['l']} AS o, {people}", tests


def _lower(within: Between, given: Parameters) -> str:
    """Return the SQL that is true if the person of the leaf `o` has a lower one in the range."""
    return (
        f"EXISTS (SELECT FROM {VIEWS['l']} AS m WHERE m.tenant = $1 AND m.subject = o.subject"
        f" AND m.path = o.path AND m.value < o.value AND {between('m.value', within, given)})"
    )


def _by_subject(predicate: Predicate, window: Window, given: Parameters) -> str:
    after = "" if window.after is None else f" AND {{base}}.subject > {given.add(window.after.subject)}"
    if isinstance(predicate, AnyOf) and unions(predicate.parts):
        most = given.add(window.limit + window.offset)
        order = f"{after} ORDER BY {{base}}.subject LIMIT {most}"
        parts = " UNION ".join(f"({collected(part, given, order)})" for part in predicate.parts)
        return f"SELECT u.subject, 0 AS phase, NULL::text AS key FROM ({parts}) AS u ORDER BY u.subject"
    if _is_leaf(predicate):
        found = collected(predicate, given, f"{after} ORDER BY {{base}}.subject")
        return f"SELECT u.subject, 0 AS phase, NULL::text AS key FROM ({found}) AS u"
    base, source = source_of(predicate)
    test = condition(predicate, base, given)
    return (
        f"SELECT {base}.subject, 0 AS phase, NULL::text AS key FROM {source}"
        f" WHERE {base}.tenant = $1 AND {test}{after.format(base=base)} ORDER BY {base}.subject"
    )


def _without_value(predicate: Predicate, order: Order, window: Window, given: Parameters) -> str:
    target, way = order.target, _way(order)
    assert target is not None
    base, source = source_of(predicate, target.table if isinstance(target, Column) else "s")
    tests = [f"{base}.tenant = $1", condition(predicate, base, given)]
    if isinstance(target, Column):
        tests.append(f"{target.table}.{target.column} IS NULL")
    else:
        tests.append(
            f"NOT EXISTS (SELECT FROM {VIEWS['l']} AS o WHERE o.tenant = $1 AND o.subject = {base}.subject"
            f" AND o.path = {given.add(target.name)})"
        )
    if window.after is not None and window.after.key is None:
        comparison = "<" if order.descending else ">"
        tests.append(f"{base}.subject {comparison} {given.add(window.after.subject)}")
    return (
        f"SELECT {base}.subject, 1 AS phase, NULL AS key FROM {source}"
        f" WHERE {' AND '.join(tests)} ORDER BY {base}.subject{way}"
    )


def _profiles(keys: str) -> str:
    return f"({keys}) AS k\nJOIN views.profile AS p ON p.tenant = $1 AND p.subject = k.subject"


def _users(order: Order) -> str:
    """Return the SQL of the documents as one array of JSON, `users`."""
    return f"convert_to(concat('[', string_agg(p.document, ',' {_ordered(order)}), ']'), 'UTF8') AS users"


def _ordered(order: Order) -> str:
    way = _way(order)
    return f"ORDER BY k.phase, k.key{way}, k.subject{way}"


def _way(order: Order) -> str:
    return " DESC" if order.descending else ""
