"""Fields and values of a query, typed."""

from datetime import UTC, datetime
from typing import Any

import pytest

from projections.search.value import value_text
from services.queries.search.analysis import analyze
from services.queries.search.explaining import kind_of
from services.queries.search.fields import BARE, COLUMNS, Path
from services.queries.search.ordering import Order, natural
from services.queries.search.predicates import (
    MATCH_ALL,
    MATCH_NONE,
    AnyOf,
    Between,
    Equals,
    Like,
    Not,
    Predicate,
    Present,
    is_selective,
)
from services.queries.search.syntax.parser import parse
from services.queries.search.syntax.tree import Malformed
from services.queries.search.syntax.values import period

LOGINS, CREATED, BLOCKED = (COLUMNS[name] for name in ("logins_count", "created_at", "blocked"))
PLAN = Path("user_metadata.plan")


def meant(text: str) -> Predicate:
    return analyze(parse(text))


def at(*parts: int) -> datetime:
    year, month, day, *clock = [*parts, *(1, 1)[len(parts) - 1 :]]
    hour, minute, second = [*clock, 0, 0, 0][:3]
    return datetime(year, month, day, hour, minute, second, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "predicate"),
    [
        ("name:JANE", Equals(COLUMNS["name"], ("jane",))),
        ("username:JANE", Equals(COLUMNS["username"], ("JANE",))),
        ("email.domain:Example.COM", Equals(COLUMNS["email.domain"], ("example.com",))),
        ("name:Jo*", Between(COLUMNS["name"], "jo", True, "jp", False, prefix=True)),
        ("name:*OHN*", Like(COLUMNS["name"], ("", "ohn", ""))),
        ("blocked:true", Equals(BLOCKED, (True,))),
        ('blocked:"false"', Equals(BLOCKED, (False,))),
        ("logins_count:3", Equals(LOGINS, (3,))),
        ("logins_count:3.0", Equals(LOGINS, (3,))),
        ("logins_count:3.5", MATCH_NONE),
        ("logins_count:{100 TO 200}", Between(LOGINS, 101, True, 199, True)),
        ("logins_count:[100 TO 200}", Between(LOGINS, 100, True, 199, True)),
        ("logins_count:[* TO 9.5]", Between(LOGINS, None, True, 9, True)),
        ("logins_count:{3 TO 4}", MATCH_NONE),
        ("created_at:2017-12", Between(CREATED, at(2017, 12), True, at(2018), False)),
        ("created_at:[2017-12 TO 2017-12]", Between(CREATED, at(2017, 12), True, at(2018), False)),
        ("created_at:{2017-11 TO 2017-12]", Between(CREATED, at(2017, 12), True, at(2018), False)),
        ("created_at:[* TO 2017-12-31}", Between(CREATED, None, True, at(2017, 12, 31), False)),
        ("created_at:{2018-01-15 TO *]", Between(CREATED, at(2018, 1, 16), True, None, False)),
        ("created_at:{9999 TO *]", MATCH_NONE),
        ("created_at:[* TO 9999]", MATCH_ALL),
        ("user_metadata.plan:gold", Equals(PLAN, ("sgold",))),
        ("user_metadata.plan:13", Equals(PLAN, ("s13", value_text(13)))),
        (f"user_metadata.plan:1{'0' * 300}", Equals(PLAN, (value_text(10**300),))),
        (f"user_metadata.plan:{'9' * 300}", MATCH_NONE),
        (f"user_metadata.plan:[1 TO {'9' * 300}]", Between(PLAN, "s1", True, f"s{'9' * 300}", True)),
        ("user_metadata.plan:true", Equals(PLAN, ("strue", value_text(True)))),
        ("user_metadata.plan:g*", Between(PLAN, "sg", True, "sh", False, prefix=True)),
        ("user_metadata.plan:[1 TO *]", Between(PLAN, value_text(1), True, "o", False)),
        ("user_metadata.plan:[* TO 5}", Between(PLAN, "n", True, value_text(5), False)),
        ('user_metadata.plan:["1" TO *]', Between(PLAN, "s1", True, "t", False)),
        ("user_metadata.plan:[* TO 2000-12]", Between(PLAN, "s", True, "s2000-13", False)),
        ("user_metadata.plan:{2000-12 TO *]", Between(PLAN, "s2000-13", True, "t", False)),
        ("_exists_:user_metadata", Present(Path("user_metadata"))),
        ("_exists_:user_id", MATCH_ALL),
        ("user_id:*", MATCH_ALL),
        ("locale:de", Equals(Path("locale"), ("sde",))),
        ("organization_id:org_1", Equals(Path("organization_id"), ("sorg_1",))),
        ("NOT blocked:true", Not(Equals(BLOCKED, (True,)))),
        ("NOT NOT blocked:true", Equals(BLOCKED, (True,))),
        ("name:(a OR B OR b)", Equals(COLUMNS["name"], ("a", "b"))),
        ("name:" + "x" * 257, MATCH_NONE),
        ("user_metadata." + "x" * 250 + ":1", MATCH_NONE),
    ],
)  # fmt: skip
def test_words_become_values(text: str, predicate: Predicate) -> None:
    """By the field's type, its case rule and the forms of numbers and dates."""
    assert meant(text) == predicate


def test_a_bare_term_is_looked_for_in_the_root_texts() -> None:
    """A bare term is searched in each root text with its case rule, never in metadata."""
    predicate = meant("Jane")
    assert isinstance(predicate, AnyOf)
    assert [part.target for part in predicate.parts if isinstance(part, Equals)] == list(BARE)
    assert {part.values for part in predicate.parts if isinstance(part, Equals)} == {("Jane",), ("jane",)}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("blocked:yes", "Unexpected 'yes' at position 9, expected true or false for blocked"),
        ("blocked:t*", "Unexpected 't*' at position 9, expected true or false for blocked"),
        ("blocked:[a TO b]", "Unexpected 'a' at position 10, expected true or false for blocked"),
        ("logins_count:many", "Unexpected 'many' at position 14, expected a number for logins_count"),
        ("logins_count:[1 TO x]", "Unexpected 'x' at position 20, expected a number for logins_count"),
        ("picture:*", "Unexpected field 'picture' at position 1, expected a field that can be searched"),
        ("name.raw:x", "Unexpected field 'name.raw' at position 1, expected a field that can be searched"),
        (
            "created_at:2017-13",
            "Unexpected '2017-13' at position 12, expected a date such as 2017, 2017-12, 2017-12-31"
            " or 2017-12-31T23:59:59.999Z for created_at",
        ),
    ],
)
def test_values_of_another_type_are_refused(text: str, reason: str) -> None:
    """The error names the field and the values that it accepts."""
    with pytest.raises(Malformed) as caught:
        meant(text)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2016", at(2016), at(2017)),
        ("2016-02", at(2016, 2), at(2016, 3)),
        ("2016-12", at(2016, 12), at(2017)),
        ("2016-02-29", at(2016, 2, 29), at(2016, 3, 1)),
        ("2016-02-29T23", at(2016, 2, 29, 23), at(2016, 3, 1)),
        ("2016-02-29T23:59", at(2016, 2, 29, 23, 59), at(2016, 3, 1)),
        ("2016-02-29T23:59:59Z", at(2016, 2, 29, 23, 59, 59), at(2016, 3, 1)),
        ("2016-01-01T02:00:00+02:00", at(2016), at(2016, 1, 1, 0, 0, 1)),
        ("2015-12-31T22:00:00-0200", at(2016), at(2016, 1, 1, 0, 0, 1)),
        ("2016-12-31t23:59:60z", at(2017), at(2017, 1, 1, 0, 0, 1)),
        ("2017-01-01T01:59:60+02:00", at(2017), at(2017, 1, 1, 0, 0, 1)),
        ("9999", at(9999), None),
    ],
)
def test_a_date_is_a_period(text: str, start: datetime, end: datetime | None) -> None:
    """A date means the whole period that its precision leaves open."""
    assert period(text) == (start, end)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "17",
        "2017-2",
        "2017-02-30",
        "2017-01-01T25",
        "2017-01-01T10:00:60",
        "9999-12-31T23:59:60Z",
        "0000",
        "2017-01-01T10+99:00",
        "٢٠١٧",
        "0001-01-01T00+01:00",
    ],
)
def test_invalid_dates(text: str) -> None:
    """Is none, whatever is wrong with it."""
    assert period(text) is None


@pytest.mark.parametrize(
    ("text", "kind", "selective", "order"),
    [
        ("", "all", False, Order()),
        ("name:a AND _exists_:user_id", "exact", True, Order()),
        ("email:a", "exact", True, Order()),
        ("name:a*", "prefix", True, Order(COLUMNS["name"])),
        ("name:*abc*", "infix", True, Order()),
        ("name:*---*", "infix", False, Order()),
        ("created_at:2017", "range", True, Order(CREATED)),
        ("user_metadata.a:b", "metadata exact", True, Order()),
        ("user_metadata.a:[1 TO 2]", "metadata range", True, Path("user_metadata.a")),
        ("_exists_:user_metadata.a", "metadata exists", True, Order()),
        ("NOT _exists_:username", "exists", True, Order()),
        ("NOT name:a", "exact", False, Order()),
        ("blocked:true AND logins_count:[1 TO *]", "combined", True, Order(LOGINS)),
        ("blocked:true OR NOT name:a", "combined", False, Order()),
        ("name:(a OR b)", "exact", True, Order()),
    ],
)  # fmt: skip
def test_the_class_of_a_query(text: str, kind: str, selective: bool, order: Any) -> None:
    """`explain` returns the class of the query, whether it uses indexes, and the order of results."""
    predicate = meant(text)
    found = natural(predicate)
    assert (kind_of(predicate), is_selective(predicate)) == (kind, selective)
    if isinstance(order, Path):
        assert (found.target, found.within) == (order, predicate)
    else:
        assert found == order
