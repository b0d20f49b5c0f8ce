"""Analysis of a syntax tree into a predicate: names become fields, texts become typed values."""

from decimal import Decimal
from typing import Final

from projections.search.value import (
    INDEXED_CHARACTERS,
    NUMBERS,
    NUMBERS_END,
    STRINGS,
    STRINGS_END,
    folded,
    prefix_end,
    value_text,
)
from schemas.formats.spelling import composed, ip_address
from services.queries.search.fields import BARE, Column, Path, Target, target_of
from services.queries.search.predicates import (
    MATCH_ALL,
    MATCH_NONE,
    Between,
    Equals,
    Like,
    Predicate,
    Present,
    all_of,
    any_of,
    negated,
)
from services.queries.search.syntax import values
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

_EXPECTED: Final = {
    "flag": "true or false",
    "number": "a number",
    "instant": "a date such as 2017, 2017-12, 2017-12-31 or 2017-12-31T23:59:59.999Z",
}


def analyze(node: Node) -> Predicate:
    """Return the predicate of a syntax tree. Raises Malformed when a field cannot have a value that the query
    compares it with."""
    match node:
        case MatchAll():
            return MATCH_ALL
        case Term(field=None):
            return any_of(_term(column, node) for column in BARE)
        case Term(field=field):
            assert field is not None
            target = target_of(field)
            return MATCH_NONE if target is None else _term(target, node)
        case Range():
            target = target_of(node.field)
            return MATCH_NONE if target is None else _range(target, node)
        case Exists(field):
            target = target_of(field)
            return MATCH_NONE if target is None else _present(target)
        case Negation(inner):
            return negated(analyze(inner))
        case And(parts):
            return all_of(map(analyze, parts))
        case Or(parts):
            return any_of(map(analyze, parts))


def _present(target: Target) -> Predicate:
    return MATCH_ALL if isinstance(target, Column) and target.always else Present(target)


def _term(target: Target, term: Term) -> Predicate:
    if isinstance(target, Column) and target.kind not in ("text", "folded"):
        return _typed(target, term)
    if len(term.parts) > 1:
        return _wild(target, term.parts)
    if isinstance(target, Path):
        meant = _leaf_values(term.text)
        return Equals(target, tuple(meant)) if meant else MATCH_NONE
    return Equals(target, (_whole(target, term.text),)) if _fits(term.text) else MATCH_NONE


def _fits(text: str) -> bool:
    return len(text) <= INDEXED_CHARACTERS


def _whole(target: Target, text: str) -> str:
    """Return a whole value; an IP address in its canonical notation."""
    if isinstance(target, Column) and target.name == "last_ip":
        return ip_address(text) or text
    return _folded(target, text)


def _folded(target: Target, text: str) -> str:
    if isinstance(target, Column) and target.kind == "folded":
        return folded(text)
    return composed(text)


def _leaf_values(text: str) -> list[str]:
    """Return every scalar that an untyped value can mean: the string, and the number or flag that it reads
    as."""
    number, flag = values.number(text), values.flag(text)
    meant = [value_text(text)] if _fits(text) else []
    return [*meant, *(value_text(value) for value in (number, flag) if value is not None)]


def _wild(target: Target, parts: tuple[str, ...]) -> Predicate:
    texts = tuple(_folded(target, part) for part in parts)
    if not any(texts):
        return _present(target)
    if len(texts) > 2 or texts[1]:
        return Like(target, texts)
    lead = STRINGS if isinstance(target, Path) else ""
    return Between(target, lead + texts[0], True, prefix_end(lead + texts[0]), False, prefix=True)


def _typed(column: Column, term: Term) -> Predicate:
    if len(term.parts) > 1:
        raise _not_a(column, term.text, term.at)
    match column.kind:
        case "flag":
            flag = values.flag(term.text)
            if flag is None:
                raise _not_a(column, term.text, term.at)
            return Equals(column, (flag,))
        case "number":
            number = _number(column, term.text, term.at)
            whole = values.at_least(number, True)
            return Equals(column, (whole,)) if whole == number else MATCH_NONE
    period = _period(column, term.text, term.at)
    return Between(column, period[0], True, period[1], False)


def _range(target: Target, asked: Range) -> Predicate:
    low, high = asked.low, asked.high
    if isinstance(target, Path):
        return _leaf_range(target, low, high)
    match target.kind:
        case "flag":
            bound = low or high
            assert bound is not None
            raise _not_a(target, bound.text, bound.at)
        case "number":
            return _number_range(target, low, high)
        case "instant":
            return _instant_range(target, low, high)
    return Between(
        target,
        None if low is None else _folded(target, low.text), low is None or low.inclusive,
        None if high is None else _folded(target, high.text), high is None or high.inclusive,
    )  # fmt: skip


def _number_range(column: Column, low: Bound | None, high: Bound | None) -> Predicate:
    least = most = None
    if low is not None:
        least = values.at_least(_number(column, low.text, low.at), low.inclusive)
    if high is not None:
        most = values.at_most(_number(column, high.text, high.at), high.inclusive)
    if least is not None and most is not None and least > most:
        return MATCH_NONE
    return Between(column, least, True, most, True)


def _instant_range(column: Column, low: Bound | None, high: Bound | None) -> Predicate:
    """Return a range of times. An inclusive bound includes the whole period that it names, an exclusive one
    excludes it."""
    after = before = None
    if low is not None:
        start, end = _period(column, low.text, low.at)
        after = start if low.inclusive else end
        if after is None:
            return MATCH_NONE
    if high is not None:
        start, end = _period(column, high.text, high.at)
        before = end if high.inclusive else start
    if after is None and before is None:
        return _present(column)
    return Between(column, after, True, before, False)


def _leaf_range(path: Path, low: Bound | None, high: Bound | None) -> Predicate:
    """Return a range of leaves: of numbers if every bound reads as one and none is quoted, otherwise of
    strings."""
    bounds = [bound for bound in (low, high) if bound is not None]
    if all(not bound.quoted and values.number(bound.text) is not None for bound in bounds):
        return Between(
            path,
            NUMBERS if low is None else value_text(Decimal(low.text)), low is None or low.inclusive,
            NUMBERS_END if high is None else value_text(Decimal(high.text)),
            high is not None and high.inclusive,
        )  # fmt: skip
    least, from_least = (STRINGS, True) if low is None else _text_start(low)
    most, to_most = (STRINGS_END, False) if high is None else _text_end(high)
    return Between(path, least, from_least, most, to_most)


def _text_start(low: Bound) -> tuple[str, bool]:
    if not low.inclusive and values.is_partly_dated(low.text):
        return prefix_end(STRINGS + low.text) or STRINGS_END, True
    return STRINGS + low.text, low.inclusive


def _text_end(high: Bound) -> tuple[str, bool]:
    if high.inclusive and values.is_partly_dated(high.text):
        return prefix_end(STRINGS + high.text) or STRINGS_END, False
    return STRINGS + high.text, high.inclusive


def _number(column: Column, text: str, at: int) -> Decimal:
    found = values.number(text)
    if found is None:
        raise _not_a(column, text, at)
    return found


def _period(column: Column, text: str, at: int) -> values.Period:
    found = values.period(text)
    if found is None:
        raise _not_a(column, text, at)
    return found


def _not_a(column: Column, text: str, at: int) -> Malformed:
    return Malformed.unexpected(repr(text[:100]), at, f"{_EXPECTED[column.kind]} for {column.name}")
