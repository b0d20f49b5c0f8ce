"""The tokens of a query, with our limits applied before anything is built from them. Constructs of the
grammar that this engine does not support are rejected here by name, where their position is known."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from luqum.tree import Word

from services.queries.search.syntax.grammar import QueryLexer, UnreadableCharacter
from services.queries.search.syntax.tree import Malformed

MOST_CLAUSES: Final = 1024
DEEPEST: Final = 50
_OFFSET_BEFORE_COLON: Final = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+[+-]\d\d")
_LOWER_TIME: Final = re.compile(
    r"\d{4}-\d\d-\d\dt\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:[Zz]|[+-]\d\d(?::?\d\d)?)?(?![\w:])"
)
_MINUTES: Final = re.compile(r"\d\d(?!\d)")
_REFUSED: Final = {
    "BOOST": ("^", "no boost: results are not scored"),
    "REGEX": ("/", "no regular expression: wildcards are supported, and '\\/' is the character"),
    "LESSTHAN": ("<", "a range such as [* TO 10} instead of a comparison"),
    "GREATERTHAN": (">", "a range such as [10 TO *] instead of a comparison"),
}
_OPERATORS: Final = {"&&": "AND", "||": "OR"}
_WORD: Final = r"""(?!(?:AND|OR|NOT|TO)\b)[^\s:^~(){}\[\]/"'+\-\\<>][^\s:^~(){}\[\]"\\]*+"""
_CLAUSE: Final = rf"""(?:(?:AND|OR)\s++)?(?:NOT\s++)?\(?(?:{_WORD}:)?(?:{_WORD}|"[^"\\]*+")\)?\s++(?!:)"""
_TOO_MANY: Final = re.compile(
    rf"(?:{_CLAUSE}){{{MOST_CLAUSES + 1}}}+(?=(?:(?:AND|OR)\s++)?(?:NOT\s++)?{_WORD})"
)
"""Clauses in which luqum's lexer can find nothing else, and the beginning of one more."""
_TYPOGRAPHIC: Final = re.compile(r"\A[“”„‟«»＂″‘‚‛]|(?<!\\)[“”„‟«»＂″]\Z")
_MISSING: Final = {
    '"': "a closing quote",
    "/": "a term; '\\/' is the character",
    "\\": "a character after the backslash",
    "'": "a term; '\\'' is the character, and phrases stand in double quotes",
}


def tokens(text: str) -> list[Any]:
    """Return the tokens of a query. Raises Malformed for what a query must not contain."""
    found = list(_joined(_lexed(text), text))
    _limit(found)
    for previous, token in zip([None, *found], found, strict=False):
        _refuse(previous, token)
    return found


def _lexed(text: str) -> list[Any]:
    lexer = QueryLexer(text)
    found: list[Any] = []
    clauses = 0
    if (too_many := _TOO_MANY.match(text)) is not None:
        # only the term at fault is to be found, at a fiftieth of the cost of all those before it
        lexer.skip_to(too_many.end())
        clauses = MOST_CLAUSES + 1
    try:
        for token in lexer:
            _whole_time(token, lexer, text)
            found.append(token)
            clauses += (token.type in ("TERM", "PHRASE")) - (token.type == "COLUMN")
            if clauses > MOST_CLAUSES + 1 or len(found) > 8 * MOST_CLAUSES:
                break
    except UnreadableCharacter as error:
        at = error.position
        expected = _MISSING.get(text[at], "a term")
        raise Malformed.unexpected(repr(text[at]), at + 1, expected) from None
    if clauses > MOST_CLAUSES or len(found) > 8 * MOST_CLAUSES:
        last = found[-1]
        raise Malformed.unexpected(repr(_shown(last)), last.lexpos + 1, f"no more than {MOST_CLAUSES} terms")
    return found


def _whole_time(token: Any, lexer: QueryLexer, text: str) -> None:
    """Extend a time with a lower-case `t`, which luqum ends at its first colon, to its end."""
    whole = _LOWER_TIME.match(text, token.lexpos) if token.type == "TERM" else None
    if whole is None or whole.end() <= token.lexpos + len(str(token.value)):
        return
    lexer.extend(token, whole[0])


def _joined(lexed: Sequence[Any], text: str) -> Iterator[Any]:
    """Join the offset of a time, `+02:00`, which is not a field and a value."""
    place = 0
    while place < len(lexed):
        token = lexed[place]
        end = token.lexpos + len(str(token.value))
        if (
            token.type == "TERM"
            and text[end : end + 1] == ":"
            and _OFFSET_BEFORE_COLON.fullmatch(str(token.value))
            and _MINUTES.fullmatch(text, end + 1, end + 3)
            and len(str(lexed[place + 2].value)) == 2
        ):
            token.value.value += text[end : end + 3]
            place += 2
        place += 1
        yield token


def _limit(found: Sequence[Any]) -> None:
    open_levels: list[int] = []
    total = run = 0
    for token in found:
        match token.type:
            case "LPAREN":
                open_levels.append(run + 1)
                total, run = total + run + 1, 0
            case "RPAREN":
                total, run = total - (open_levels.pop() if open_levels else 0), 0
            case "NOT" | "PLUS" | "MINUS" | "COLUMN":
                run += 1
            case "TERM":
                pass
            case _:
                run = 0
        if total + run > DEEPEST:
            raise Malformed.unexpected(
                repr(_shown(token)), token.lexpos + 1, f"no more than {DEEPEST} levels of nesting"
            )
        if token.type == "TERM":
            run = 0


def _refuse(previous: Any, token: Any) -> None:
    at, text = token.lexpos + 1, _shown(token)
    if token.type == "APPROX":
        kind = "proximity" if previous is not None and previous.type == "PHRASE" else "fuzzy"
        raise Malformed.unexpected("'~'", at, f"no {kind} search: only exact values and wildcards")
    if token.type in _REFUSED:
        sign, expected = _REFUSED[token.type]
        raise Malformed.unexpected(repr(sign), at, expected)
    if not isinstance(token.value, Word):
        return
    if quote := _TYPOGRAPHIC.search(text):
        raise Malformed.unexpected(
            repr(quote[0]), at + quote.start(), "'\"': phrases stand in straight double quotes"
        )
    if text in _OPERATORS:
        raise Malformed.unexpected(repr(text), at, f"{_OPERATORS[text]}, in capitals")
    if text.startswith("!"):
        raise Malformed.unexpected("'!'", at, "NOT, in capitals; '\\!' is the character")


def _shown(token: Any) -> str:
    return str(token.value)[:100]
