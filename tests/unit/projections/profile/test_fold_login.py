"""What a login does to a profile."""

from typing import Any

import pytest

from projections.profile.provenance import of
from schemas.events import LoginFailed, LoginFailedData, RootPolicy
from tests.samples.profile_events import SUBJECT, document, edit, event, login, person

ROOT = {"name": "N", "nickname": "n", "given_name": "G", "family_name": "F", "picture": "https://p"}


def test_the_first_login_creates_the_profile() -> None:
    """The document has the fields of fact sheet §1 and only values from the login."""
    assert document(login(minute=5, ip="192.0.2.1")) == {
        "user_id": "google-oauth2|117",
        "name": "Jane Doe",
        "email": "jane@example.com",
        "email_verified": True,
        "identities": [
            {"connection": "google-oauth2", "user_id": "117", "provider": "google-oauth2", "isSocial": True}
        ],
        "created_at": "2026-11-23T10:05:00.000Z",
        "updated_at": "2026-11-23T10:05:00.000Z",
        "last_login": "2026-11-23T10:05:00.000Z",
        "last_ip": "192.0.2.1",
        "logins_count": 1,
    }


def test_a_numeric_id_stays_a_number() -> None:
    """`identities[].user_id` keeps the provider's type, `user_id` is text."""
    made = document(login(provider="github", idp_id=2**70))
    assert made["user_id"] == f"github|{2**70}"
    assert made["identities"][0]["user_id"] == 2**70


def test_late_logins_count_and_take_nothing_back() -> None:
    """A login that arrives after a later one counts, but last_login, last_ip and updated_at stay; the profile
    is as old as the earliest login."""
    made = document(login(minute=9, ip="192.0.2.9"), login(minute=3, ip="192.0.2.3"))
    assert made["logins_count"] == 2
    assert (made["last_login"], made["last_ip"]) == ("2026-11-23T10:09:00.000Z", "192.0.2.9")
    assert made["updated_at"] == "2026-11-23T10:09:00.000Z"
    assert made["created_at"] == "2026-11-23T10:03:00.000Z"


def test_an_unknown_address_leaves_the_last_known() -> None:
    """A login without an IP address does not remove the one of before."""
    assert document(login(ip="192.0.2.1"), login(minute=1))["last_ip"] == "192.0.2.1"


POLICIES: list[tuple[RootPolicy, dict[str, Any], dict[str, Any]]] = [
    ("on_each_login", ROOT, {name: f"{value}2" for name, value in ROOT.items()}),
    ("on_first_login", ROOT, ROOT),
    ("never_on_login", {}, {}),
    ("unless_edited", ROOT, {name: f"{value}2" for name, value in ROOT.items()}),
]


@pytest.mark.parametrize(("policy", "first", "second"), POLICIES)
def test_root_policies(policy: RootPolicy, first: dict[str, Any], second: dict[str, Any]) -> None:
    """Each policy lets the first and the second login write what fact sheet §1.4 says."""
    newer = {name: f"{value}2" for name, value in ROOT.items()}
    one, two = login(attributes=ROOT, root_policy=policy), login(attributes=newer, root_policy=policy)
    for events, wanted in (((one,), first), ((one, two), second)):
        made = document(*events)
        assert {name: made[name] for name in ROOT if name in made} == wanted


@pytest.mark.parametrize(
    ("policy", "kept"), [("on_each_login", False), ("on_first_login", True), ("unless_edited", True)]
)
def test_an_edit_between_two_logins(policy: RootPolicy, kept: bool) -> None:
    """An admin's edit survives unless the connection refreshes at each login."""
    logins = [login(root_policy=policy), login(minute=1, root_policy=policy)]
    made = document(logins[0], edit(name="Edited"), logins[1])
    assert made["name"] == ("Edited" if kept else "Jane Doe")


@pytest.mark.parametrize(("policy", "kept"), [("on_each_login", False), ("unless_edited", True)])
def test_a_removal_between_two_logins(policy: RootPolicy, kept: bool) -> None:
    """What an admin removed comes back only where logins rule."""
    logins = [login(root_policy=policy), login(minute=1, root_policy=policy)]
    assert ("name" not in document(logins[0], edit(removed=("name",)), logins[1])) == kept


def test_a_default_never_replaces_a_given_value() -> None:
    """A nickname made of the address gives way to a real one, and never the other way round."""
    given = login(attributes={"nickname": "jd"}, sources={"nickname": "username"})
    made_up = login(attributes={"nickname": "jane"}, sources={"nickname": "default:email"})
    assert document(given, made_up)["nickname"] == "jd"
    assert document(made_up, given)["nickname"] == "jd"


def test_omitted_claims_keep_their_values() -> None:
    """Apple sends the name at the first login only."""
    silent = login(attributes={"email": "jane@example.com", "email_verified": True})
    assert document(login(), silent)["name"] == "Jane Doe"


def test_leftovers_are_those_of_the_last_login() -> None:
    """Claims under their own names come, change and go with the provider; attributes of ours do not."""
    one = login(extras={"locale": "de", "hd": "example.com"})
    two = login(extras={"locale": "fr"})
    made = document(one, two)
    assert made["locale"] == "fr"
    assert "hd" not in made
    assert made["name"] == "Jane Doe"


def test_a_verified_state_goes_with_its_address() -> None:
    """When the provider's address moves, its verified state moves along, whatever it was made of."""
    one = login(attributes={"email": "a@x.com", "email_verified": True})
    two = login(
        attributes={"email": "b@x.com", "email_verified": False}, sources={"email_verified": "default:email"}
    )
    made = document(one, two)
    assert (made["email"], made["email_verified"]) == ("b@x.com", False)


def test_a_second_identity_stands_beside_the_first() -> None:
    """A login of another identity adds it with its profile data and leaves the root alone, but counts."""
    other = login(
        connection="corp", provider="samlp", idp_id="corp|7", is_social=False, attributes={"name": "J"}
    )
    made = document(login(), other)
    assert made["user_id"] == "google-oauth2|117"
    assert made["name"] == "Jane Doe"
    assert made["logins_count"] == 2
    assert made["identities"][1] == {
        "connection": "corp",
        "user_id": "corp|7",
        "provider": "samlp",
        "isSocial": False,
        "profileData": {"name": "J"},
    }


def test_tokens_are_kept_apart() -> None:
    """A provider's tokens never enter the document; the newest of each identity are kept."""
    one, two = login(tokens={"access_token": "old"}), login(tokens={"access_token": "new"})
    made = person([one, two, login()])
    assert made.secrets == {"tokens": {"google-oauth2|117": {"access_token": "new"}}}
    assert made.document is not None
    assert "new" not in str(made.document)


def test_provenance_says_event_time_connection_and_claim() -> None:
    """Each attribute remembers the latest login that gave its value."""
    first = login(minute=1, sources={"name": "displayName"})
    second = login(minute=2, attributes={"name": "Jane Roe", "nickname": "jane"})
    groups = person([first, second]).memory.provenance
    assert groups[second.id] == {
        "at": "2026-11-23T10:02:00.000Z",
        "by": "connection:google-oauth2",
        "claims": {"name": "name", "nickname": "nickname"},
    }
    assert of(groups, "email") == ("connection:google-oauth2", "email")
    assert groups[first.id]["claims"] == {"email": "email", "email_verified": "email_verified"}


@pytest.mark.parametrize("known", [True, False])
def test_a_failed_login_changes_no_profile(known: bool) -> None:
    """The memory records it; no profile is created and no count changes."""
    data = LoginFailedData(connection="google-oauth2", strategy="google-oauth2", reason="wrong_password")
    failure = event(LoginFailed, data, 3, subject=SUBJECT, sourceposition="0/1/7")
    before = person([login()] if known else [])
    after = person([failure], before)
    assert (after.document, after.revision) == (before.document, before.revision)
    assert after.memory.sources["0/1"] == [-1, 7]
