"""Parses query text into a tree: luqum's grammar, with errors that say where and what was expected.

`AND`, `OR`, `NOT` bind as usual. Adjacent clauses are alternatives, except for those marked `+` (required)
and `-` or `NOT` (excluded): `jane -blocked:true` means jane and not blocked. `&&`, `||` and `!` are rejected
by name.
"""

import re
from collections.abc import Sequence
from typing import Any, Final

from luqum import tree as luqum

from services.queries.search.syntax.grammar import UnexpectedToken, parse_tokens
from services.queries.search.syntax.tokens import tokens
from services.queries.search.syntax.tree import (
    MATCH_ALL,
    And,
    Bound,
    Exists,
    Field,
    Malformed,
    Negation,
    Node,
    Or,
    Range,
    Term,
)

_PLAIN: Final = re.compile(
    r"""(?!(?:AND|OR|NOT|TO):)([A-Za-z][A-Za-z0-9_.]*):"""
    r"""(?:"([^"\\]*)"|(?!(?:AND|OR|NOT|TO)\Z)([A-Za-z0-9][A-Za-z0-9@._|+-]*))"""
)
"""One field and one value with nothing in it that the grammar has a meaning for."""
QUICK_CHARACTERS: Final = 200
"""A query of this length is parsed within about two milliseconds, one of 32 KB takes thirty."""
LITERAL: Final = 3
"""Least characters of each literal beside a wildcard, unless the wildcard only ends the term."""
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_PIECE: Final = re.compile(r"\\(.)|([*?])|([^\\*?]+)", re.DOTALL)
_SYMBOLS: Final = (
    ({"TERM", "PHRASE"}, "a term"),
    ({"AND_OP"}, "AND"),
    ({"OR_OP"}, "OR"),
    ({"COLUMN"}, "':'"),
    ({"LPAREN"}, "'('"),
)


def parse(text: str) -> Node:
    """Return the tree of a query; an empty query matches all. Raises Malformed."""
    plain = _PLAIN.fullmatch(text)
    if plain is not None:
        return _only_term(plain)
    return parse_whole(text)


def _only_term(plain: re.Match[str]) -> Term:
    """Return what the grammar makes of a query of one term, at a fortieth of the cost: most queries look one
    person up."""
    name, phrase, word = plain.groups()
    return Term(Field(name, 1), (word if phrase is None else phrase,), len(name) + 2)


def parse_whole(text: str) -> Node:
    """Parse a query by the grammar alone, without the short cut of `parse`. Raises Malformed."""
    found = tokens(text)
    if not found:
        return MATCH_ALL
    try:
        tree = parse_tokens(found)
    except UnexpectedToken as error:
        raise _unexpected(error) from None
    return _convert(tree, None)


def _unexpected(error: UnexpectedToken) -> Malformed:
    wanted, given = error.wanted, error.given
    depth = sum((token.type == "LPAREN") - (token.type == "RPAREN") for token in given[:-1])
    expected = [name for names, name in _SYMBOLS if names & wanted]
    if "TERM" not in wanted and "TO" in wanted:
        kinds = [token.type for token in given[:-1] if token.type in ("LBRACKET", "TO")]
        expected = ["TO"] if kinds[-1:] == ["LBRACKET"] else ["']' or '}'"]
    if depth > 0 and "RPAREN" in wanted:
        expected.append("')'")
    if "$end" in wanted and depth <= 0:
        expected.append("the end")
    *rest, last = expected or ["a term"]
    phrase = f"{', '.join(rest)} or {last}" if rest else last
    token = given[-1]
    if token is None:
        return Malformed.unexpected("end", None, phrase)
    return Malformed.unexpected(repr(str(token.value)[:100]), token.lexpos + 1, phrase)


def _convert(node: Any, field: Field | None) -> Node:
    match node:
        case luqum.Word():
            return _word(node.value, field, node.pos + 1)
        case luqum.Phrase():
            return _term(field, (_unescaped(node.value[1:-1]),), node.pos + 1)
        case luqum.SearchField():
            return _field(node, field)
        case luqum.Range():
            return _range(node, field)
        case luqum.BaseGroup():
            return _convert(node.expr, field)
        case luqum.Not() | luqum.Prohibit():
            return Negation(_convert(node.a, field))
        case luqum.Plus():
            return _convert(node.a, field)
        case luqum.AndOperation():
            return And(tuple(_convert(part, field) for part in node.operands))
        case luqum.OrOperation():
            return Or(tuple(_convert(part, field) for part in node.operands))
        case luqum.UnknownOperation():
            return _side_by_side(node.operands, field)
    raise Malformed.unexpected(repr(str(node)[:100]), (node.pos or 0) + 1, "a term")


def _side_by_side(operands: Sequence[Any], field: Field | None) -> Node:
    must = [part for part in operands if isinstance(part, luqum.Plus)]
    without = [part for part in operands if isinstance(part, luqum.Prohibit | luqum.Not)]
    plain = [part for part in operands if not isinstance(part, luqum.Plus | luqum.Prohibit | luqum.Not)]
    wanted = [_convert(part, field) for part in (*must, *without)]
    if plain and not must:
        alternatives = tuple(_convert(part, field) for part in plain)
        wanted.insert(0, alternatives[0] if len(alternatives) == 1 else Or(alternatives))
    return wanted[0] if len(wanted) == 1 else And(tuple(wanted))


def _field(node: Any, outer: Field | None) -> Node:
    at = node.pos + 1
    if outer is not None:
        raise Malformed.unexpected("':'", at + len(node.name), "quotes around the value, or '\\:'")
    name, value = Field(_unescaped(node.name), at), node.expr
    if node.name == "*" and isinstance(value, luqum.Word) and value.value == "*":
        return MATCH_ALL
    if name.name == "_missing_":
        raise Malformed.unexpected("'_missing_'", at, "NOT _exists_")
    if isinstance(value, luqum.Prohibit | luqum.Plus) and isinstance(value.a, luqum.Word):
        sign = "-" if isinstance(value, luqum.Prohibit) else "+"
        return _word(sign + value.a.value, name, value.pos + 1)
    return _convert(value, name)


def _word(raw: str, field: Field | None, at: int) -> Node:
    if raw == "*" and (field is None or field.name != "_exists_"):
        return MATCH_ALL if field is None else Exists(field)
    parts = _parts(raw, at)
    ends_only = len(parts) == 2 and not parts[1] and parts[0]
    if len(parts) > 1 and not ends_only and any(part and len(part) < LITERAL for part in parts):
        raise Malformed.unexpected(
            "'*'", at + raw.index("*"),
            f"at least {LITERAL} characters in each part beside a wildcard that does not end the term",
        )  # fmt: skip
    return _term(field, parts, at)


def _term(field: Field | None, parts: tuple[str, ...], at: int) -> Node:
    if field is None or field.name != "_exists_":
        return Term(field, parts, at)
    if len(parts) > 1:
        raise Malformed.unexpected("'*'", at + len(parts[0]), "the name of a field")
    return Exists(Field(parts[0], at))


def _parts(raw: str, at: int) -> tuple[str, ...]:
    """Return the literal parts around unescaped wildcards; adjacent wildcards are one."""
    parts = [""]
    for found in _PIECE.finditer(raw):
        escaped, wild, plain = found.groups()
        if wild == "?":
            raise Malformed.unexpected("'?'", at + found.start(), "'*'; '\\?' is the character")
        if wild is None:
            parts[-1] += escaped or plain
        elif parts[-1] or len(parts) == 1:
            parts.append("")
    return tuple(parts)


def _range(node: Any, field: Field | None) -> Node:
    if field is None or field.name == "_exists_":
        raise Malformed.unexpected("range", node.pos + 1, "a field and ':' before it")
    low, high = _bound(node.low, node.include_low), _bound(node.high, node.include_high)
    return Exists(field) if low is None and high is None else Range(field, low, high)


def _bound(node: Any, inclusive: bool) -> Bound | None:
    at = node.pos + 1
    match node:
        case luqum.Word(value="*"):
            return None
        case luqum.Phrase():
            return Bound(_unescaped(node.value[1:-1]), True, inclusive, at)
        case luqum.Prohibit():
            return Bound("-" + _unescaped(_plain(node.a.value, at)), False, inclusive, at)
    return Bound(_unescaped(_plain(node.value, at)), False, inclusive, at)


def _plain(raw: str, at: int) -> str:
    if len(_parts(raw, at)) > 1:
        raise Malformed.unexpected("'*'", at + raw.index("*"), "a value without wildcards, or '*' alone")
    return raw


def _unescaped(raw: str) -> str:
    return _ESCAPED.sub(r"\1", raw)
