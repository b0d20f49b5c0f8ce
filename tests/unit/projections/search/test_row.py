"""A user document as rows and leaves that searches read."""

from typing import Any

from projections.search.leaf import MOST, SearchLeaf, difference, leaves
from projections.search.row import activity_row, same_row, same_search, search_row
from projections.search.value import INDEXED_CHARACTERS

IDENTITY = {"connection": 'a"b\\c', "user_id": "1", "provider": "auth0", "isSocial": False}
DOCUMENT: dict[str, Any] = {
    "user_id": "auth0|1",
    "created_at": "2026-01-01T00:00:00.000Z",
    "updated_at": "2026-01-02T00:00:00.000Z",
    "identities": [IDENTITY],
}
LONG = "x" * (INDEXED_CHARACTERS + 1)


def row(**changes: Any) -> Any:
    return search_row({**DOCUMENT, **changes})


def test_a_row() -> None:
    """Texts without regard to case where they are searched so; the domain of the address by itself."""
    found = row(email="Jane@x@Example.com", name="JANE", username="JaNe", blocked=False)
    assert (found.email, found.email_folded, found.email_domain) == (
        "Jane@x@Example.com", "jane@x@example.com", "example.com",
    )  # fmt: skip
    assert (found.name_folded, found.username, found.blocked) == ("jane", "JaNe", False)
    assert found.connections == '{"a\\"b\\\\c"}'
    assert found.unsearchable == "{}"
    assert row().email_domain is None


def test_a_value_that_cannot_be_compared_exists() -> None:
    """One that is too long or of another type; null and empty ones do not."""
    assert row(email=LONG, blocked="yes", name=5).unsearchable == '{"email","name","blocked"}'
    assert row(email="x" * INDEXED_CHARACTERS).unsearchable == "{}"
    assert row(email=None, blocked=[], name={}).unsearchable == "{}"
    assert row(email=LONG).email is None


def test_what_logins_move_is_in_a_row_of_its_own() -> None:
    """The other rows stay when nothing else changes."""
    moved = {
        **DOCUMENT,
        "last_login": "2026",
        "last_ip": "192.0.2.1",
        "logins_count": 2,
        "updated_at": "2027",
    }
    assert activity_row(moved) == ("2027", "2026", "192.0.2.1", 2)
    assert activity_row(DOCUMENT) == ("2026-01-02T00:00:00.000Z", None, None, None)
    assert same_search(DOCUMENT, moved)
    assert same_row(DOCUMENT, moved)
    for changes in ({"x": 1}, {"name": "J"}, {"identities": []}):
        assert not same_search(DOCUMENT, {**DOCUMENT, **changes})
        assert not same_search({**DOCUMENT, **changes}, DOCUMENT)
    assert same_row(DOCUMENT, {**DOCUMENT, "x": 1})
    assert not same_row(DOCUMENT, {**DOCUMENT, "email": "a@b.co"})
    assert not same_row({**DOCUMENT, "blocked": True}, {**DOCUMENT, "blocked": 1})


def pairs(document: dict[str, Any], *organizations: str) -> list[tuple[str, str]]:
    return [leaf[:2] for leaf in leaves(document, organizations)]


def test_leaves() -> None:
    """Scalars of metadata, identities and leftovers under their paths; what has a column has none."""
    document = {
        "email": "a@b.co",
        "email.x": 1,
        "user_metadata": {"a": {"b": [1, "x", None, [True]]}},
        "app_metadata": {},
        "locale": "de",
        "organization_id": "org_9",
        "_exists_": "x",
    }
    assert pairs(document, "org_1") == [
        ("locale", "sde"),
        ("organization_id", "sorg_1"),
        ("user_metadata.a.b", "b1"),
        ("user_metadata.a.b", "n2500011"),
        ("user_metadata.a.b", "sx"),
    ]


def test_the_ends_of_a_path_are_marked() -> None:
    """The lowest and the highest of what a person has there."""
    found = leaves({"a": [3, 1, 2], "b": 1})
    assert [leaf[2:] for leaf in found] == [(True, False), (False, False), (False, True), (True, True)]


def test_leaves_are_bounded() -> None:
    """The length of paths and the number of leaves are limited; equal leaves are merged."""
    assert pairs({"x" * INDEXED_CHARACTERS: 1}) != []
    assert pairs({"x" * (INDEXED_CHARACTERS + 1): 1}) == []
    assert pairs({"a": ["x", "x"]}) == [("a", "sx")]
    assert len(pairs({"a": list(range(MOST + 5))})) == MOST == 10_000


def test_only_leaves_that_differ_are_written() -> None:
    """One whose mark changes is written again, not removed."""
    one, two = SearchLeaf("a", "s1", True, True), SearchLeaf("a", "s2", True, True)
    first, last = SearchLeaf("a", "s1", True, False), SearchLeaf("a", "s2", False, True)
    assert difference([one], [first, last]) == ((), (first, last))
    assert difference([first, last], [two]) == ((first,), (two,))
    assert difference([one], [one]) == ((), ())
