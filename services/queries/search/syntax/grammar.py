"""The lexer and the parser of luqum. Only this module depends on their internals, and on `ply`'s below them.

Both keep their state in themselves, so each query gets a copy of each.
"""

import copy
import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, Final

from luqum import parser as luqum_parser
from luqum.exceptions import IllegalCharacterError, ParseSyntaxError
from ply.yacc import LRParser

_FOLLOWING: Final = r"""[^\s:^\\~(){}[\]]"""
"""In luqum's expression of a term: any character but the first."""


class UnreadableCharacter(Exception):
    """No token begins at `position`, counted from 0."""

    def __init__(self, position: int) -> None:
        super().__init__(position)
        self.position = position


class UnexpectedToken(Exception):
    """The last of the `given` tokens, None for the end, is not of one of the types `wanted` there; `$end` is
    the type of the end."""

    def __init__(self, given: Sequence[Any], wanted: frozenset[str]) -> None:
        super().__init__()
        self.given, self.wanted = given, wanted


class QueryLexer:
    """Reads the tokens of one query: each has a `type`, a `value` and its position `lexpos`."""

    def __init__(self, text: str) -> None:
        self._lexer = _lexer().clone()
        self._lexer.input(text)

    def __iter__(self) -> Iterator[Any]:
        """Yield the tokens from the present position on. Raises UnreadableCharacter."""
        try:
            yield from self._lexer
        except IllegalCharacterError:
            raise UnreadableCharacter(self._lexer.lexpos) from None

    def skip_to(self, position: int) -> None:
        """Continue at a later position."""
        self._lexer.token()  # the lexer keeps what precedes its first token for that token
        self._lexer.lexpos = position

    def extend(self, token: Any, text: str) -> None:
        """Replace the text of the term read last by a longer one, and continue after it."""
        token.value.value, token.value.size = text, len(text)
        self._lexer.lexpos = token.lexpos + len(text)


def parse_tokens(tokens: Sequence[Any]) -> Any:
    """Return luqum's tree of the tokens, of which there is one at least. Raises UnexpectedToken."""
    parser, feed = copy.copy(luqum_parser.parser), iter(tokens)
    given: list[Any] = []

    def following() -> Any:
        given.append(next(feed, None))
        return given[-1]

    try:
        return LRParser.parse(parser, lexer=luqum_parser.lexer.clone(), tokenfunc=following)
    except ParseSyntaxError:
        raise UnexpectedToken(given, frozenset(parser.action[parser.state])) from None


@cache
def _lexer() -> Any:
    """luqum's lexer, but a term ends before a quote as Lucene's does, so that `"a"OR"b"` is read alike. Terms
    that are cut off afterwards would each be read to the end of the query first."""
    lexer = luqum_parser.lexer.clone()
    ((_, functions),), (expression,) = lexer.lexre, lexer.lexstateretext["INITIAL"]
    before, found, after = expression.partition(_FOLLOWING)
    if not found:
        raise RuntimeError("the expression of a term is another one in this version of luqum")
    ending = re.compile(before + _FOLLOWING[:-1] + '"]' + after, lexer.lexreflags)
    lexer.lexre = [(ending, functions)]
    return lexer
