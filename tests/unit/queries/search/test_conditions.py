"""Predicates as SQL: which tables are read, which alternatives are gathered, when a person comes once."""

import pytest

from services.queries.search.analysis import analyze
from services.queries.search.conditions import Parameters, can_be_collected, collected, condition, source_of
from services.queries.search.syntax.parser import parse

ORDER = " ORDER BY {base}.subject"


def sql(query: str) -> tuple[str, list[object]]:
    given = Parameters(["t"])
    return condition(analyze(parse(query)), "s", given), given.values[1:]


@pytest.mark.parametrize(
    ("query", "condition_", "values"),
    [
        ("username:joe", "s.username = $2", ["joe"]),
        ("username:(joe OR ann)", "s.username = ANY ($2::text[])", [["joe", "ann"]]),
        ("logins_count:(1 OR 2)", "a.logins_count = ANY ($2::bigint[])", [[1, 2]]),
        ("username:*a_%b*", "s.username LIKE $2", ["%a\\_\\%b%"]),
        ("logins_count:[3 TO 5]", "a.logins_count >= $2 AND a.logins_count <= $3", [3, 5]),
        ("logins_count:[3 TO *]", "a.logins_count >= $2", [3]),
        ("username:{a TO b}", "s.username > $2 AND s.username < $3", ["a", "b"]),
        ("username:joe AND blocked:true", "(s.username = $2 AND s.blocked = $3)", ["joe", True]),
        ("username:joe OR blocked:true", "(s.username = $2 OR s.blocked = $3)", ["joe", True]),
        ("NOT username:joe", "(s.username = $2) IS NOT TRUE", ["joe"]),
        ("_exists_:last_ip", "a.last_ip IS NOT NULL", []),
        ("NOT _exists_:last_ip", "(a.last_ip IS NULL)", []),
        ("*", "true", []),
    ],
)
def test_a_condition(query: str, condition_: str, values: list[object]) -> None:
    """Every value is a parameter, and the signs of LIKE in it stand for themselves."""
    assert sql(query) == (condition_, values)


def test_a_value_that_the_column_cannot_hold_is_there() -> None:
    """Who has an address that is too long to be indexed has one."""
    held = "(s.unsearchable <> '{}' AND s.unsearchable @> ARRAY['email'])"
    assert sql("_exists_:email")[0] == f"(s.email_folded IS NOT NULL OR {held})"
    assert sql("NOT _exists_:email")[0] == f"(s.email_folded IS NULL AND NOT {held})"


def test_metadata_is_asked_of_leaves() -> None:
    """A person has a leaf with the value; without one they match the negation."""
    leaf = "EXISTS (SELECT FROM views.tenant_leaf AS l WHERE l.tenant = $1 AND l.subject = s.subject AND "
    assert sql("user_metadata.plan:gold")[0] == f"{leaf}l.path = $3 AND l.value = $2)"
    assert sql("NOT user_metadata.plan:gold")[0] == f"NOT {leaf}l.path = $3 AND l.value = $2)"
    found, values = sql("_exists_:user_metadata.plan")
    assert found == f"{leaf}(l.path = $2 OR (l.path >= $3 AND l.path < $4)))"
    assert values == ["user_metadata.plan", "user_metadata.plan.", "user_metadata.plan/"]


@pytest.mark.parametrize(
    ("query", "gathered"),
    [
        ("username:joe OR username:ann*", False),
        ("logins_count:1 OR logins_count:[5 TO 6]", False),
        ("username:joe OR logins_count:1", True),
        ("user_metadata.a:x OR user_metadata.b:y", True),
        ("user_metadata.a:x OR username:joe", True),
        ("user_metadata.a:x OR NOT username:joe", False),
        ("user_metadata.a:x OR (NOT username:joe AND blocked:true)", True),
    ],
)
def test_alternatives_of_several_tables_are_gathered(query: str, gathered: bool) -> None:
    """One index serves alternatives of one table; those of leaves or of several tables are gathered one after
    another, if each can be."""
    assert ("UNION ALL" in sql(query)[0]) is gathered


@pytest.mark.parametrize(
    ("query", "possible"),
    [
        ("username:joe", True),
        ("*", False),
        ("NOT username:joe", False),
        ("username:joe AND NOT blocked:true", True),
        ("NOT username:joe AND NOT blocked:true", False),
        ("username:joe OR NOT blocked:true", False),
        ("username:joe OR blocked:true", True),
    ],
)
def test_what_indexes_can_gather(query: str, possible: bool) -> None:
    """Everything but a negation: one part suffices where all must hold, every part where one must."""
    assert can_be_collected(analyze(parse(query))) is possible


@pytest.mark.parametrize(
    ("query", "distinct"),
    [
        ("user_metadata.plan:gold", False),
        ("user_metadata.plan:1", True),
        ("user_metadata.plan:g*", True),
        ("_exists_:user_metadata.plan", True),
        ("username:joe", False),
    ],
)
def test_each_user_appears_once_in_an_order(query: str, distinct: bool) -> None:
    """A person may have several leaves in a range or with one of several values, and one with one value."""
    assert ("DISTINCT" in collected(analyze(parse(query)), Parameters(["t"]), ORDER)) is distinct
    assert "DISTINCT" not in collected(analyze(parse(query)), Parameters(["t"]))


@pytest.mark.parametrize(
    ("query", "base", "joined"),
    [
        ("logins_count:1", "a", False),
        ("username:joe", "s", False),
        ("username:joe AND logins_count:1", "s", True),
        ("user_metadata.a:x", "s", False),
        ("user_metadata.a:x AND logins_count:1", "s", True),
        ("*", "s", False),
    ],
)
def test_as_few_tables_are_read_as_possible(query: str, base: str, joined: bool) -> None:
    """The activity table alone is read if the query needs no other, and only if the query needs it."""
    row, source = source_of(analyze(parse(query)))
    assert row == base
    assert ("JOIN" in source) is joined


def test_sort_columns_are_selected() -> None:
    """The caller names what it needs beyond the predicate."""
    assert source_of(analyze(parse("logins_count:1")), "s")[0] == "s"
    assert "JOIN" in source_of(analyze(parse("username:joe")), "a")[1]
