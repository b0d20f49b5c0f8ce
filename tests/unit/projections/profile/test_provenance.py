"""Provenance of attributes: each is listed under the last event that set it."""

from projections.profile.provenance import credit, forget, of

FIRST = {"e1": {"at": "1", "by": "connection:c", "claims": {"name": "n", "email": "mail"}}}


def test_an_attribute_stands_with_the_event_that_gave_it_last() -> None:
    """An event that has none left is gone; one that gives again is credited with what it said last."""
    after = credit(FIRST, "e2", "2", "client:a", {"name": "edit"})
    assert after == {
        "e1": {"at": "1", "by": "connection:c", "claims": {"email": "mail"}},
        "e2": {"at": "2", "by": "client:a", "claims": {"name": "edit"}},
    }
    assert list(credit(after, "e2", "2", "client:a", {"email": "edit"})) == ["e2"]
    again = credit(FIRST, "e1", "1", "connection:c", {"name": "other"})
    assert again["e1"]["claims"] == {"email": "mail", "name": "other"}


def test_an_event_that_gives_nothing_is_not_there() -> None:
    """The very same provenance."""
    assert credit(FIRST, "e2", "2", "client:a", {}) is FIRST


def test_removed_attributes_have_no_provenance() -> None:
    """Attributes that others gave keep their origin."""
    after = forget(FIRST, ["name"])
    assert of(after, "name") is None
    assert of(after, "email") == ("connection:c", "mail")
    assert forget(FIRST, ["name", "email"]) == {}
