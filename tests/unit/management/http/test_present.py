"""Documents as callers want to see them."""

from services.management.http.present import array, field_names, present, wrapped

TEXT = '{"user_id":"a|1","email":"e","identities":[{"provider":"a","user_id":1}],"n":1e2}'


def test_untouched_documents_are_answered_as_they_are() -> None:
    """The stored bytes are returned; not even numbers are formatted again."""
    assert present(TEXT) is TEXT


def test_fields_are_a_whitelist_or_a_blacklist() -> None:
    """Fields are in the document's order; a user with none of them is an empty object."""
    assert present(TEXT, field_names("email, user_id,,")) == b'{"user_id":"a|1","email":"e"}'
    assert present(TEXT, field_names("identities,n"), include=False) == b'{"user_id":"a|1","email":"e"}'
    assert present(TEXT, field_names("zz")) == b"{}"


def test_tokens_are_shown_with_their_identity() -> None:
    """Only the three an identity may show, and only where they are known."""
    tokens = {"a|1": {"access_token": "x", "id_token": "y"}, "b|2": {"access_token": "z"}}
    shown = present(TEXT, field_names("identities"), tokens=tokens)
    assert shown == b'{"identities":[{"provider":"a","user_id":1,"access_token":"x"}]}'


def test_lists_are_put_together_from_ready_documents() -> None:
    """Members keep the order they are given in."""
    users = array(['{"a":1}', b'{"b":2}'])
    assert users == b'[{"a":1},{"b":2}]'
    assert wrapped({"start": 0, "users": None, "total": 2}, {"users": users}) == (
        b'{"start":0,"users":[{"a":1},{"b":2}],"total":2}'
    )
