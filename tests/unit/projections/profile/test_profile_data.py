"""Profile data of an identity: values from claims and edits, of the latest login that has them."""

from typing import Any

from projections.profile.profile_data import refreshed, supplied, supplied_marks
from projections.profile.state import Memory
from tests.samples.profile_events import login

EARLY, LATE = "2026-11-23T10:00:00.000Z e1", "2026-11-23T11:00:00.000Z e2"


def after(before: Any, marks: Any, mark: str, **changes: Any) -> Any:
    return refreshed(before, marks, login(**changes).data, mark)


def test_defaults_are_not_given_values() -> None:
    """Defaults and attributes of the profile alone are left out; leftovers are included."""
    document = {"user_id": "x|1", "name": "J", "nickname": "j", "locale": "de", "logins_count": 1}
    claims = {"name": "n", "nickname": "default:email", "locale": "l"}
    provenance = {"e1": {"at": "2026", "by": "connection:c", "claims": claims}}
    assert supplied(document, provenance) == {"name": "J", "locale": "de"}
    assert supplied(document, {}) == {"name": "J", "nickname": "j", "locale": "de"}
    memory = Memory(provenance=provenance, marks={"primary": LATE})
    assert supplied_marks(document, memory) == {"name": "2026 e1", "locale": "2026 e1", "": LATE}
    assert "" not in supplied_marks(document, Memory(provenance=provenance))


def test_the_later_login_decides() -> None:
    """Whichever arrives first; what it leaves out stays, leftovers are those of the latest."""
    before, marks = {"name": "Old", "family_name": "F", "x": 1}, {"name": EARLY, "": EARLY}
    data, marked, newest = after(before, marks, LATE, attributes={"name": "New"}, extras={"y": 2})
    assert (data, newest) == ({"name": "New", "family_name": "F", "y": 2}, True)
    assert marked == {"name": LATE, "": LATE}
    late = {"name": LATE, "": LATE}
    data, marked, newest = after(
        before, late, EARLY, attributes={"name": "New", "nickname": "n"}, extras={"y": 2}
    )
    assert (data, newest) == ({"name": "Old", "family_name": "F", "x": 1, "nickname": "n"}, False)
    assert marked == {**late, "nickname": EARLY}


def test_a_repeated_login_is_not_later_than_itself() -> None:
    """It is as late as itself, but not later."""
    data, _, newest = after({"name": "Old"}, {"name": LATE, "": LATE}, LATE, attributes={"name": "New"})
    assert (data, newest) == ({"name": "New"}, False)


def test_a_default_decides_nothing() -> None:
    """Neither a default name nor a default flag replaces an earlier value."""
    sources = {"name": "default:email", "email_verified": "default:unverified"}
    given = {"name": "a", "email": "a@b.co", "email_verified": False}
    data, marked, _ = after({"name": "J"}, {}, LATE, attributes=given, sources=sources)
    assert data == {"name": "J", "email": "a@b.co"}
    assert marked == {"email": LATE, "": LATE}


def test_a_verified_state_goes_with_its_address() -> None:
    """An address without one takes the old one away."""
    before, marks = {"email": "a@b.co", "email_verified": True}, {"email": EARLY, "email_verified": EARLY}
    data, marked, _ = after(before, marks, LATE, attributes={"email": "c@d.co"})
    assert (data, marked) == ({"email": "c@d.co"}, {"email": LATE, "": LATE})
    both = {"email": "c@d.co", "email_verified": False}
    data, marked, _ = after(before, marks, LATE, attributes=both)
    assert (data, marked["email_verified"]) == (both, LATE)
    data, _, _ = after(before, marks, LATE, attributes={"email_verified": False})
    assert data == before
