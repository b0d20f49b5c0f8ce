"""Combining predicates: redundant ones are removed, and an unsatisfiable one ends the combination."""

import pytest

from services.queries.search.analysis import analyze
from services.queries.search.predicates import (
    MATCH_ALL,
    MATCH_NONE,
    Like,
    Predicate,
    all_of,
    any_of,
    atoms,
    is_selective,
    negated,
    tables,
    without,
)
from services.queries.search.syntax.parser import parse


def meant(query: str) -> Predicate:
    return analyze(parse(query))


NAME, BLOCKED, LOGINS = meant("name:a"), meant("blocked:true"), meant("logins_count:1")


def test_all_of_them() -> None:
    """Nested conjunctions are flattened, a single predicate is returned as it is, and an empty conjunction
    matches all users."""
    assert all_of([]) == MATCH_ALL
    assert all_of([NAME]) == all_of([NAME, MATCH_ALL]) == NAME
    assert all_of([NAME, MATCH_NONE, BLOCKED]) == MATCH_NONE
    both = all_of([NAME, BLOCKED])
    assert list(atoms(both)) == [NAME, BLOCKED]
    assert all_of([both, LOGINS]) == all_of([NAME, BLOCKED, LOGINS])


def test_the_rest_of_a_predicate_with_a_known_part() -> None:
    """The others; of a single one, nothing."""
    assert without(all_of([NAME, BLOCKED]), NAME) == BLOCKED
    assert without(all_of([NAME, BLOCKED, LOGINS]), BLOCKED) == all_of([NAME, LOGINS])
    assert without(NAME, NAME) == MATCH_ALL
    assert without(NAME, BLOCKED) == NAME


def test_any_of_them() -> None:
    """Values of one field become one equality; predicates that match no user are dropped, and one that
    matches all users replaces the rest."""
    assert any_of([]) == MATCH_NONE
    assert any_of([NAME]) == any_of([NAME, MATCH_NONE]) == NAME
    assert any_of([NAME, MATCH_ALL]) == MATCH_ALL
    assert any_of([NAME, meant("name:b")]) == meant("name:(a OR b)")
    either = any_of([NAME, BLOCKED])
    assert any_of([either, LOGINS]) == any_of([NAME, BLOCKED, LOGINS])
    assert list(atoms(either)) == [NAME, BLOCKED]


def test_the_opposite() -> None:
    """Twice is none."""
    assert negated(MATCH_ALL) == MATCH_NONE
    assert negated(MATCH_NONE) == MATCH_ALL
    assert negated(negated(NAME)) == NAME
    assert list(atoms(negated(NAME))) == [NAME]
    assert list(atoms(MATCH_ALL)) == []


def test_where_values_lie() -> None:
    """Search, activity, leaves."""
    assert tables(all_of([NAME, LOGINS, meant("user_metadata.a:b")])) == {"s", "a", "l"}
    assert tables(negated(LOGINS)) == {"a"}
    assert tables(MATCH_ALL) == frozenset()


@pytest.mark.parametrize(
    ("query", "selective"),
    [
        ("name:a AND NOT blocked:true", True),
        ("NOT name:a AND NOT blocked:true", False),
        ("name:a OR blocked:true", True),
        ("name:a OR NOT blocked:true", False),
        ("NOT _exists_:user_metadata.a", False),
        ("*", False),
        ("name:*ab1*", True),
        ("name:*ab-*", False),
        ("name:*-ab-cd*", False),
        ("name:*-ab-cde*", True),
        ("name:*a-b-c*", False),
        ("name:*----abc*", True),
    ],
)
def test_what_an_index_finds(query: str, selective: bool) -> None:
    """One part of all, every part of any; of a text three letters or digits in a row."""
    assert is_selective(meant(query)) is selective


def test_a_predicate_without_matches_is_selective() -> None:
    """There is nothing to look at."""
    assert is_selective(MATCH_NONE)


def test_an_address_is_looked_for_in_its_one_notation() -> None:
    """Only the last IP address; a part of one is a text, and so is what is none."""
    assert meant('last_ip:"2001:DB8:0::1"') == meant('last_ip:"2001:db8::1"')
    assert meant("last_ip:odd") == meant('last_ip:"odd"')
    assert meant('username:"2001:DB8:0::1"') != meant('username:"2001:db8::1"')
    assert isinstance(meant("username:abc*def"), Like)
    assert isinstance(meant("username:*abc"), Like)
    assert meant("username:**") == meant("_exists_:username")


def test_ranges_of_texts() -> None:
    """Open ends have no bound, whatever brackets they stand in."""
    assert meant("name:[A TO *]") == meant("name:[a TO *}")
    assert meant("name:{* TO B]") == meant("name:[* TO b]")
    assert meant("name:{a TO b}") != meant("name:[a TO b}")
    assert meant("logins_count:[5 TO 5]") != MATCH_NONE
    assert meant("logins_count:[6 TO 5]") == MATCH_NONE
