"""Accounts at providers, as logins showed them."""

from typing import Any

from projections.profile.changes.accounts import ACCOUNTS, accounts_of, with_account
from tests.samples.profile_events import login

EXPIRY = "2026-12-01T00:00:00.000Z"


def seen(
    minute: int = 0, connection: str = "google-oauth2", organization: str | None = None, **details: Any
) -> Any:
    account = {"connection": connection, **details}
    return login(minute, connected_account=account, organization_id=organization)


def after(*events: Any) -> list[Any]:
    associations: Any = {"roles": {}}
    for event in events:
        associations = with_account(associations, event)
    assert associations["roles"] == {}
    return list(accounts_of(associations))


def test_a_login_without_an_account_changes_nothing() -> None:
    """A login without a connected account, or with one without a connection, changes no accounts."""
    associations: Any = {}
    assert with_account(associations, login()) is associations
    assert with_account(associations, login(connected_account={"scopes": ["a"]})) is associations


def test_an_account() -> None:
    """Its strategy is the login's where it has none, what it does not say is not there."""
    (account,) = after(seen(strategy="okta", scopes=["a"], expires_at=EXPIRY, organization="org_1"))
    assert (account["strategy"], account["scopes"]) == ("okta", ["a"])
    assert (account["expires_at"], account["organization_id"]) == (EXPIRY, "org_1")
    (plain,) = after(seen())
    assert (plain["strategy"], plain["scopes"]) == ("google-oauth2", [])
    assert not {"expires_at", "organization_id"} & plain.keys()


def test_one_account_per_connection_and_organization() -> None:
    """Accounts are sorted by creation time."""
    accounts = after(seen(3, "b"), seen(2, "a"), seen(1, "a", "org_1"), seen(4, "b"))
    assert [(one["connection"], one.get("organization_id")) for one in accounts] == [
        ("a", "org_1"), ("a", None), ("b", None),
    ]  # fmt: skip
    assert len({one["id"] for one in accounts}) == 3


def test_the_latest_login_shows_it() -> None:
    """Whichever arrives first; it is there since the first one."""
    early, late = seen(1, scopes=["old"]), seen(2, scopes=["new"])
    for order in ((early, late), (late, early)):
        (account,) = after(*order)
        assert (account["scopes"], account["created_at"]) == (["new"], "2026-11-23T10:01:00.000Z")


def test_accounts_are_among_the_associations() -> None:
    """A person without connected accounts has no `connected_accounts`."""
    assert accounts_of({}) == ()
    assert ACCOUNTS in with_account({}, seen())
