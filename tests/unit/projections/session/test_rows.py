"""What a login says of its session, refresh token and grant, and what two logins make of one row."""

from typing import Any

import pytest

from projections.session.rows import grant_of, refresh_token_of, session_of
from tests.samples.profile_events import login

SOON, LATER = "2026-12-01T00:00:00.000Z", "2027-01-01T00:00:00.000Z"


def test_a_login_without_a_session_has_no_row() -> None:
    """Nor has one without a token, with a token that has no id, or with nothing granted."""
    assert session_of(login()) is None
    assert refresh_token_of(login()) is None
    assert refresh_token_of(login(refresh_token={"rotating": True})) is None
    assert grant_of(login(client_id="app")) is None
    assert grant_of(login(scope="openid")) is None


def test_a_session() -> None:
    """The methods are JSON, the application is the first of its clients."""
    sent = {"expires_at": LATER, "idle_expires_at": SOON, "methods": [{"name": "pwd"}]}
    row: Any = session_of(login(session_id="s1", session=sent, client_id="app", ip="192.0.2.1"))
    assert (row.expires_at, row.idle_expires_at, row.methods) == (LATER, SOON, '[{"name":"pwd"}]')
    assert (row.clients, row.initial_ip, row.last_ip) == (("app",), "192.0.2.1", "192.0.2.1")
    bare: Any = session_of(login(session_id="s1"))
    assert (bare.methods, bare.clients, bare.expires_at) == (None, (), None)


def test_a_refresh_token() -> None:
    """It rotates only where it says so, and is for the APIs it names."""
    sent = {"id": "t1", "rotating": True, "resource_servers": [{"audience": "api"}]}
    row: Any = refresh_token_of(login(refresh_token=sent, device={"name": "Phone", "identifier": "d"}))
    assert (row.id, row.rotating, row.resource_servers) == ("t1", True, '[{"audience":"api"}]')
    assert (row.device_name, row.device_id, row.exchanged_at) == ("Phone", "d", None)
    bare: Any = refresh_token_of(login(refresh_token={"id": "t1"}))
    assert (bare.rotating, bare.resource_servers, bare.device_name) == (False, None, None)


@pytest.mark.parametrize(
    ("granted", "audience", "scope"),
    [
        ({"audience": "api"}, "api", ()),
        ({"scope": "openid email openid"}, "", ("openid", "email")),
        ({"audience": "api", "scope": "read"}, "api", ("read",)),
    ],
)
def test_a_grant(granted: dict[str, str], audience: str, scope: tuple[str, ...]) -> None:
    """A grant has an audience or scopes, each scope once."""
    row: Any = grant_of(login(client_id="app", **granted))
    assert (row.audience, row.scope) == (audience, scope)


def test_a_later_login_of_a_session() -> None:
    """First values are kept, later values replace earlier ones, and absent values keep the earlier ones."""
    first: Any = session_of(
        login(
            1, session_id="s", client_id="a", ip="192.0.2.1", user_agent="old", session={"expires_at": SOON}
        )
    )
    second: Any = session_of(login(2, session_id="s", client_id="b", ip="192.0.2.2"))
    row = first.after(second)
    assert (row.created_at, row.seen_at) == (first.created_at, second.seen_at)
    assert (row.initial_ip, row.last_ip) == ("192.0.2.1", "192.0.2.2")
    assert (row.initial_user_agent, row.last_user_agent) == ("old", "old")
    assert (row.expires_at, row.clients) == (SOON, ("a", "b"))
    assert second.after(first).seen_at == second.seen_at
    assert second.after(first).initial_user_agent == "old"


def test_a_later_login_of_a_refresh_token() -> None:
    """It was exchanged when it was last seen."""
    first: Any = refresh_token_of(
        login(1, refresh_token={"id": "t", "expires_at": SOON}, session_id="s", ip="192.0.2.1")
    )
    second: Any = refresh_token_of(login(2, refresh_token={"id": "t"}, ip="192.0.2.2"))
    row = first.after(second)
    assert (row.created_at, row.exchanged_at) == (first.created_at, second.created_at)
    assert (row.initial_ip, row.last_ip, row.session_id, row.expires_at) == (
        "192.0.2.1", "192.0.2.2", "s", SOON,
    )  # fmt: skip
    third: Any = refresh_token_of(login(0, refresh_token={"id": "t"}))
    assert row.after(third).exchanged_at == second.created_at


def test_more_is_granted() -> None:
    """Scopes add up; the grant is as old as it was, and of the organization named last."""
    first: Any = grant_of(login(1, client_id="app", scope="a b", organization_id="org_1"))
    second: Any = grant_of(login(2, client_id="app", scope="b c"))
    row = first.after(second)
    assert (row.scope, row.created_at, row.organization_id) == (("a", "b", "c"), first.created_at, "org_1")
