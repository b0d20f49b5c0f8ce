"""What tokens are for, and what a client may ask for there."""

import pytest

from services.management.oauth.audiences import OURS, Granted, is_ours, scopes_for

OWN = "https://vita.example/api/v2/"


@pytest.mark.parametrize(
    ("audience", "host", "expected"),
    [
        (OWN, "", True),
        (OWN.rstrip("/"), "", True),
        ("http://127.0.0.1:8080/api/v2/", "127.0.0.1:8080", True),
        ("https://127.0.0.1:8080/api/v2", "127.0.0.1:8080", True),
        ("http://127.0.0.1:8080/api/v2/", "elsewhere", False),
        ("http://127.0.0.1:8080/api/v2/x", "127.0.0.1:8080", False),
        ("https://api.example/", "api.example", False),
        (OURS, "", False),
        ("", "", False),
    ],
)
def test_this_api_has_several_names(audience: str, host: str, expected: bool) -> None:
    """Its own, and the address it was reached by; nothing else."""
    assert is_ours(audience, OWN, host) is expected


def test_scopes_come_from_the_grant_for_the_api() -> None:
    """At this API also what the command line gave; at none without a grant anything."""
    grants = [Granted(OURS, ("read:users", "read:logs")), Granted("https://orders/", ("read:orders",))]
    assert scopes_for(OURS, ("publish:logins", "read:users"), grants) == (
        "publish:logins", "read:users", "read:logs",
    )  # fmt: skip
    assert scopes_for("https://orders/", ("publish:logins",), grants) == ("read:orders",)
    assert scopes_for("https://else/", ("publish:logins",), grants) is None
    assert scopes_for(OURS, (), []) is None
    assert scopes_for(OURS, (), [Granted(OURS, ())]) == ()
