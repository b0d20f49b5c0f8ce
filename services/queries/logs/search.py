"""Search of log entries: the query language of user searches over the fields of log entries, all of them
case-sensitive (fact sheet §10.3)."""

from collections.abc import Mapping, Sequence
from typing import Final, assert_never

from schemas.formats.spelling import composed, ip_address
from services.queries.logs.pages import PageQuery, escape_like
from services.queries.search.cost import affordable
from services.queries.search.syntax import values
from services.queries.search.syntax.parser import parse
from services.queries.search.syntax.tree import (
    And,
    Bound,
    Exists,
    Malformed,
    MatchAll,
    Negation,
    Node,
    Or,
    Range,
    Term,
)

_DATE: Final = "date"
_OWN: Final = (
    "client_id", "connection", "description", "hostname", "ip", "log_id", "organization_id", "user_id",
    "user_name", "user_agent", "strategy", "strategy_type", "type",
)  # fmt: skip
_FIELDS: Final[Mapping[str, tuple[str, str]]] = {
    **{name: (f"e.{name}", "{test}") for name in _OWN},
    "_id": ("e.log_id", "{test}"),
    "client_name": (
        "c.name",
        "e.client_id IN (SELECT c.client_id FROM views.client AS c WHERE c.tenant = $1 AND {test})",
    ),
    "connection_id": (
        "k.id",
        "e.connection IN (SELECT k.name FROM views.connection AS k WHERE k.tenant = $1 AND {test})",
    ),
}
"""The column of each field, and the function that builds a condition on it."""
_BARE: Final = ("client_name", "connection", "description", "ip", "log_id", "type", "user_name")
_NEVER: Final = "false"


def condition(text: str, query: PageQuery) -> str:
    """Return the entries that a search text finds, as a condition whose values are parameters of the query.
    Raises Malformed for a text that is not a search, or is one that costs too much."""
    return _condition(affordable(parse(text)), query)


def _condition(node: Node, query: PageQuery) -> str:
    match node:
        case MatchAll():
            return "true"
        case And(parts):
            return "(" + " AND ".join(_condition(part, query) for part in parts) + ")"
        case Or(parts):
            return "(" + " OR ".join(_condition(part, query) for part in parts) + ")"
        case Negation(inner):
            return f"({_condition(inner, query)}) IS NOT TRUE"
        case Term(field=None):
            return _term(node, _BARE, query)
        case Term(field=field) | Exists(field) | Range(field=field):
            assert field is not None
            return _dated(node, query) if field.name == _DATE else _of_field(node, field.name, query)
        case _:
            assert_never(node)


def _of_field(node: Term | Exists | Range, name: str, query: PageQuery) -> str:
    """Return the condition of one field. No entry has a value in an unknown field."""
    if name not in _FIELDS:
        return _NEVER
    match node:
        case Term():
            return _term(node, (name,), query)
        case Exists():
            return _tested(name, "IS NOT NULL")
        case Range():
            return _range(node, name, query)
        case _:
            assert_never(node)


def _dated(node: Term | Exists | Range, query: PageQuery) -> str:
    match node:
        case Term():
            whole = Bound(node.text, False, True, node.at)
            return _dates(whole, whole, query)
        case Exists():
            return "true"
        case Range():
            return _dates(node.low, node.high, query)
        case _:
            assert_never(node)


def _tested(name: str, test: str, form: str = "{column}") -> str:
    column, condition = _FIELDS[name]
    return condition.format(test=f"{form.format(column=column)} {test}")


def _form(text: str) -> str:
    """Return how columns are compared with a composed text: they hold what was typed, in any Unicode form, so
    they are composed unless the text is ASCII, which indexes can find."""
    return "{column}" if text.isascii() else "normalize({column}, NFC)"


def _term(term: Term, names: Sequence[str], query: PageQuery) -> str:
    text = composed(term.text)
    form = _form(text)
    if len(term.parts) == 1:
        if "ip" in names and (address := ip_address(text)) is not None:
            text = address
        test = f"= {query.add(text)}"
    else:
        test = f"LIKE {query.add('%'.join(escape_like(composed(part)) for part in term.parts))}"
    return "(" + " OR ".join(_tested(name, test, form) for name in names) + ")"


def _range(node: Range, name: str, query: PageQuery) -> str:
    low, high = node.low, node.high
    tests = []
    for bound, sign in ((low, ">"), (high, "<")):
        if bound is not None:
            text = composed(bound.text)
            test = f"{sign}{'=' if bound.inclusive else ''} {query.add(text)}"
            tests.append(_tested(name, test, _form(text)))
    return "(" + " AND ".join(tests) + ")"


def _dates(low: Bound | None, high: Bound | None, query: PageQuery) -> str:
    """Return the condition of a range of dates. An inclusive bound includes the whole period that it names,
    an exclusive one excludes it."""
    tests = ["true"]
    if low is not None:
        start, end = _period(low.text, low.at)
        after = start if low.inclusive else end
        tests.append(_NEVER if after is None else f"e.date >= {query.add(after)}")
    if high is not None:
        start, end = _period(high.text, high.at)
        before = end if high.inclusive else start
        if before is not None:
            tests.append(f"e.date < {query.add(before)}")
    return "(" + " AND ".join(tests) + ")"


def _period(text: str, at: int) -> values.Period:
    found = values.period(text)
    if found is None:
        raise Malformed.unexpected(
            repr(text[:100]), at, "a date such as 2017, 2017-12, 2017-12-31 or 2017-12-31T23:59:59.999Z"
        )
    return found
