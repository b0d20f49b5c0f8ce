"""The query grammar: what is understood, and what is refused where and with which words."""

import re
from itertools import pairwise
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from luqum.tree import Word

from services.queries.search.syntax import grammar
from services.queries.search.syntax import tokens as lexing
from services.queries.search.syntax.parser import parse, parse_whole
from services.queries.search.syntax.tokens import DEEPEST, MOST_CLAUSES, tokens
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


def term(text: str, at: int, field: Field | None = None) -> Term:
    return Term(field, (text,), at)


NAME = Field("name", 1)
STRAIGHT = "'\"': phrases stand in straight double quotes"


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("", MATCH_ALL),
        ("  ", MATCH_ALL),
        ("*", MATCH_ALL),
        ("*:*", MATCH_ALL),
        ("jane", term("jane", 1)),
        ('name:"Jane Doe"', term("Jane Doe", 6, NAME)),
        ("name:Jane\\ Doe", term("Jane Doe", 6, NAME)),
        ('name:"a \\"b\\" \\\\"', term('a "b" \\', 6, NAME)),
        ("email:x+y@y.z", term("x+y@y.z", 7, Field("email", 1))),
        ("name: jane", term("jane", 7, NAME)),
        ("name:john*", Term(NAME, ("john", ""), 6)),
        ("name:*john*", Term(NAME, ("", "john", ""), 6)),
        ("name:**john**", Term(NAME, ("", "john", ""), 6)),
        ("name:jane*smith", Term(NAME, ("jane", "smith"), 6)),
        ("name:\\*x", term("*x", 6, NAME)),
        ('name:"j*"', term("j*", 6, NAME)),
        ("name:*", Exists(NAME)),
        ("_exists_:name", Exists(Field("name", 10))),
        ("NOT _exists_:name", Negation(Exists(Field("name", 14)))),
        ("name:(a OR b)", Or((term("a", 7, NAME), term("b", 12, NAME)))),
        ("name:(a AND NOT b)", And((term("a", 7, NAME), Negation(term("b", 17, NAME))))),
        ("a AND b OR c", Or((And((term("a", 1), term("b", 7))), term("c", 12)))),
        ("a AND (b OR c)", And((term("a", 1), Or((term("b", 8), term("c", 13)))))),
        ("a b", Or((term("a", 1), term("b", 3)))),
        ("a -b", And((term("a", 1), Negation(term("b", 4))))),
        ("a NOT b", And((term("a", 1), Negation(term("b", 7))))),
        ("a +b -c", And((term("b", 4), Negation(term("c", 7))))),
        ("and", term("and", 1)),
        ('"a"OR"b"', Or((term("a", 1), term("b", 6)))),
        ('NOT"x"', Negation(term("x", 4))),
        ('("a"AND"b")', And((term("a", 2), term("b", 8)))),
        ('name:"a"OR name:b', Or((term("a", 6, NAME), term("b", 17, Field("name", 12))))),
        ('a"b"', Or((term("a", 1), term("b", 2)))),
        ('a\\"b', term('a"b', 1)),
        ('n:["1"TO"2"]', Range(Field("n", 1), Bound("1", True, True, 4), Bound("2", True, True, 9))),
        ("name:O’Brien", term("O’Brien", 6, NAME)),
        ('name:"“jane”"', term("“jane”", 6, NAME)),
        ("n:-5", term("-5", 3, Field("n", 1))),
        ("p:+1555", term("+1555", 3, Field("p", 1))),
        ("t:2026-01-01T10:20:30.5Z", term("2026-01-01T10:20:30.5Z", 3, Field("t", 1))),
        ("t:2026-01-01T10:20+02:00", term("2026-01-01T10:20+02:00", 3, Field("t", 1))),
        (
            "n:[1 TO 2}",
            Range(Field("n", 1), Bound("1", False, True, 4), Bound("2", False, False, 9)),
        ),
        ("n:{-5 TO *]", Range(Field("n", 1), Bound("-5", False, False, 4), None)),
        ('n:["a b" TO *]', Range(Field("n", 1), Bound("a b", True, True, 4), None)),
        ("n:[* TO *]", Exists(Field("n", 1))),
        (
            "t:[2026-01-01T10:00:00+02:00 TO *]",
            Range(Field("t", 1), Bound("2026-01-01T10:00:00+02:00", False, True, 4), None),
        ),
    ],
)
def test_queries_are_understood(text: str, tree: Node) -> None:
    """Every form of the grammar gives its tree, with positions."""
    assert parse(text) == tree


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("name:john AND AND x", "Unexpected 'AND' at position 15, expected a term or '('"),
        ("a AND", "Unexpected end at the end of the query, expected a term or '('"),
        ("(a", "Unexpected end at the end of the query, expected a term, AND, OR, '(' or ')'"),
        ("a)", "Unexpected ')' at position 2, expected a term, AND, OR, '(' or the end"),
        ("name:", "Unexpected end at the end of the query, expected a term or '('"),
        (":a", "Unexpected ':' at position 1, expected a term or '('"),
        ('"a', "Unexpected '\"' at position 1, expected a closing quote"),
        ("a\\", "Unexpected '\\\\' at position 2, expected a character after the backslash"),
        ("n:[1 2]", "Unexpected '2' at position 6, expected TO"),
        ("n:[1 TO 2 3]", "Unexpected '3' at position 11, expected ']' or '}'"),
        ("[1 TO 2]", "Unexpected range at position 1, expected a field and ':' before it"),
        ("a:b:c", "Unexpected ':' at position 4, expected quotes around the value, or '\\:'"),
        ("a:(b:c)", "Unexpected ':' at position 5, expected quotes around the value, or '\\:'"),
        (
            "name:x~2",
            "Unexpected '~' at position 7, expected no fuzzy search: only exact values and wildcards",
        ),
        (
            '"a b"~3',
            "Unexpected '~' at position 6, expected no proximity search: only exact values and wildcards",
        ),
        ("a^2", "Unexpected '^' at position 2, expected no boost: results are not scored"),
        (
            "/re/",
            "Unexpected '/' at position 1, expected no regular expression:"
            " wildcards are supported, and '\\/' is the character",
        ),
        ("n:>5", "Unexpected '>' at position 3, expected a range such as [10 TO *] instead of a comparison"),
        ("n:<=5", "Unexpected '<' at position 3, expected a range such as [* TO 10} instead of a comparison"),
        ("a && b", "Unexpected '&&' at position 3, expected AND, in capitals"),
        ("a || b", "Unexpected '||' at position 3, expected OR, in capitals"),
        ("!a", "Unexpected '!' at position 1, expected NOT, in capitals; '\\!' is the character"),
        ("jan?", "Unexpected '?' at position 4, expected '*'; '\\?' is the character"),
        ("name:“jane doe”", f"Unexpected '“' at position 6, expected {STRAIGHT}"),
        ("«a»", f"Unexpected '«' at position 1, expected {STRAIGHT}"),
        ('a"b', "Unexpected '\"' at position 2, expected a closing quote"),
        ("_missing_:a", "Unexpected '_missing_' at position 1, expected NOT _exists_"),
        ("_exists_:a*", "Unexpected '*' at position 11, expected the name of a field"),
        (
            "name:*sa",
            "Unexpected '*' at position 6, expected at least 3 characters in each part"
            " beside a wildcard that does not end the term",
        ),
        ("n:[a* TO b]", "Unexpected '*' at position 5, expected a value without wildcards, or '*' alone"),
    ],
)
def test_syntax_errors_name_their_place(text: str, reason: str) -> None:
    """The reason says what, at which character, and what would do instead."""
    with pytest.raises(Malformed) as caught:
        parse(text)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    "text",
    [
        "(" * 1000 + "a" + ")" * 1000, "NOT " * 1000 + "a", "-" * 1000 + "a", "(NOT " * 30 + "a" + ")" * 30,
        "a " * 16_000, " OR ".join(["a"] * (MOST_CLAUSES + 1)), "(" * 30_000, "a:[" * 9_000,
        "a:" * 1000 + "b",
    ],
)  # fmt: skip
def test_hostile_queries_are_refused(text: str) -> None:
    """Nothing is nested deeper or longer than the limits, and nothing overflows a stack."""
    with pytest.raises(Malformed):
        parse(text)


def refusal_of(text: str) -> str:
    with pytest.raises(Malformed) as caught:
        tokens(text)
    return caught.value.reason


def test_a_query_far_beyond_the_limit_is_not_read_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its refusal costs the first token and those from the end of the limit on."""
    read = []
    monkeypatch.setattr(lexing, "_whole_time", lambda token, *_: read.append(token))
    assert refusal_of(" OR ".join(f"name:n{number}" for number in range(2000))) == (
        f"Unexpected 'name' at position 13241, expected no more than {MOST_CLAUSES} terms"
    )
    assert len(read) <= 3


PLAIN = ["a", "name:a", '"a b"', 'name:"a b"', "(a)", "(name:a)", "AND b", "OR b", "NOT b", "a-b", "aT12:30"]
ODD = [
    "AND", "OR", "TO", "NOT", ":", ": a", "a:b:c", "2020-01-01t10:30", "x:2020-01-01T10:30:00+02:00", "AND:a",
    'OR"a"', 'a"OR"', "^", "\\(", "(", ")", "-a", "a~", "a\u2003b", "a*", "<1", "/a/", "'", '"',
]  # fmt: skip


@settings(deadline=None, database=None, max_examples=300)
@given(
    st.lists(st.sampled_from(PLAIN), min_size=1, max_size=5),
    st.lists(st.sampled_from(PLAIN + ODD), max_size=2),
    st.lists(st.sampled_from(PLAIN + ODD), max_size=5),
    st.integers(MOST_CLAUSES - 2, MOST_CLAUSES + 4),
)
def test_an_early_refusal_has_the_full_message(
    plain: list[str], among: list[str], end: list[str], times: int
) -> None:
    """The message is complete for any kind of clause and for any text at the position of the limit."""
    text = " ".join([*(plain * times)[:times], *among, *plain, *end])

    def read() -> str:
        try:
            return str([(token.type, token.lexpos, str(token.value)) for token in tokens(text)])
        except Malformed as malformed:
            return malformed.reason

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lexing, "_TOO_MANY", re.compile(r"(?!)"))
        expected = read()
    assert read() == expected


def test_terms_and_quotes_without_blanks_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A term ends at a quote in the lexer: it is not read to the end of the query, to be cut off."""
    made: list[str] = []

    def word(text: str) -> Word:
        made.append(text)
        return Word(text)

    monkeypatch.setattr(grammar.luqum_parser, "Word", word)
    assert "expected no more than" in refusal_of('a"b"' * 8000)
    assert set(made) == {"a"}


def test_limits_leave_room() -> None:
    """A query with the maximum number of terms and levels is accepted."""
    assert isinstance(parse(" OR ".join(["a"] * MOST_CLAUSES)), Or)
    deep = parse("(" * (DEEPEST - 1) + "a" + ")" * (DEEPEST - 1))
    assert deep == term("a", DEEPEST)


def test_queries_do_not_disturb_each_other() -> None:
    """A query that fails leaves nothing behind in the parser for the next one."""
    for _ in range(3):
        with pytest.raises(Malformed):
            parse("(a AND (b OR")
        assert parse("a") == term("a", 1)


def test_the_reason_is_not_in_the_message() -> None:
    """What a caller wrote may be personal: an error that is logged does not say it."""
    with pytest.raises(Malformed) as caught:
        parse('"jane@example.com')
    assert "jane" not in str(caught.value)


@settings(deadline=None, database=None)
@given(
    st.sampled_from(["email", "user_metadata.a", "AND", "TO", "_exists_", "a b", "1", ""]),
    st.one_of(
        st.sampled_from(
            [
                "a@b.co",
                '"a b"',
                '""',
                "auth0|1",
                "AND",
                "TO",
                "TOO",
                "-1",
                "a*",
                '"a*"',
                "a:b",
                "2026-01-01T10:00",
            ]
        ),
        st.text("aO1@.|+-*:\\\"' ", max_size=5),
    ),
)
def test_the_commonest_query_takes_no_other_meaning(field: str, value: str) -> None:
    """What is read without the grammar is what the grammar would have made of it."""
    text = f"{field}:{value}"
    try:
        whole: Node | str = parse_whole(text)
    except Malformed as malformed:
        whole = malformed.reason
    try:
        found: Node | str = parse(text)
    except Malformed as malformed:
        found = malformed.reason
    assert found == whole


LUCENE: Final = re.compile(
    r"""\s+ | (?P<PHRASE>"(?:[^"\\]|\\.)*") | (?P<SIGN>[-+():])
    | (?P<TERM>(?:[^\s+\-!():^\[\]"{}~\\/]|\\.)(?:[^\s!():^\[\]"{}~\\/]|\\.)*)""",
    re.VERBOSE,
)
"""The tokens of Lucene's classic grammar (QueryParser.jj): a quote ends a term, an operator is one."""
PIECES: Final = ['"a b"', '""', '"\\""', "AND", "OR", "NOT", "(", ")", "x", "y*", "-", "+", "name:", 'a\\"b']


@given(st.lists(st.tuples(st.sampled_from(PIECES), st.sampled_from(["", " ", "  "])), max_size=12))
def test_tokens_are_those_of_lucene(parts: list[tuple[str, str]]) -> None:
    """Adjacent texts, with or without blanks, have the tokens of Lucene's own grammar."""
    text = "".join(piece + blank for piece, blank in parts)
    wanted = [(found[0], found.start()) for found in LUCENE.finditer(text) if found.lastgroup]
    assert [(str(token.value), token.lexpos) for token in tokens(text)] == wanted


@st.composite
def clauses(draw: st.DrawFn) -> list[str]:
    """The tokens of a query that is well-formed."""
    found: list[str] = []
    for number in range(draw(st.integers(1, 4))):
        found += [draw(st.sampled_from(["AND", "OR"]))] * bool(number)
        found += ["NOT"] * draw(st.booleans())
        clause = draw(st.sampled_from([['"a b"'], ["x"], ["name:", '"c"'], ["(", '"d"', "OR", "e", ")"]]))
        found += clause
    return found


@given(clauses(), st.data())
def test_optional_blanks_mean_nothing(found: list[str], data: st.DataObject) -> None:
    """A blank beside a quote or a parenthesis may be missing."""
    tight = found[0]
    for before, after in pairwise(found):
        optional = before[-1] in '"()' or after[0] in '"()' or before[-1] == ":"
        tight += ("" if optional and data.draw(st.booleans()) else " ") + after
    assert without_places(parse(tight)) == without_places(parse(" ".join(found)))


def without_places(node: Node) -> str:
    """A tree as text without the positions of its parts."""
    return re.sub(r"at=\d+", "", repr(node))
