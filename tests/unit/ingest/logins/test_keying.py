"""The Kafka key keeps a person's logins together."""

from typing import Any

import pytest

from schemas.logins.raw_login import RawLogin
from services.ingest.logins.keying import record_key


def key_of(login_id: str = "1", **data: Any) -> bytes:
    login = {
        "specversion": "1.0",
        "id": login_id,
        "source": "gateway",
        "type": "vita.login.v1",
        "tenant": "demo",
        "data": {"connection": "google-oauth2", "outcome": "success", "claims": {"sub": "7"}} | data,
    }
    return record_key(RawLogin.model_validate(login)).value


def test_the_key_names_the_identity() -> None:
    """`tenant/strategy|idp id`, however the connection is called."""
    assert key_of(connection="staff-google", strategy="google-oauth2") == b"demo/google-oauth2|7"


def test_a_connection_named_like_its_strategy_needs_no_strategy() -> None:
    """The connection's name is used as the strategy."""
    assert key_of(strategy=None) == key_of(strategy="google-oauth2")


def test_an_unknown_connection_has_one_key_per_person() -> None:
    """Without a strategy the usual id claims still give one key per person."""
    assert key_of("1", connection="corp") == key_of("2", connection="corp")


def test_who_is_unknown_is_kept_by_what_was_typed() -> None:
    """A failed login without claims is keyed by connection and identifier, and by nothing else."""
    typed = {
        "outcome": "failure",
        "reason": "no",
        "claims": {},
        "identifier": "jane@x.com",
        "strategy": "auth0",
    }
    assert (
        key_of("1", connection="db", **typed)
        == key_of("2", connection="db", **typed)
        == b"demo/db|jane@x.com"
    )


@pytest.mark.parametrize("sub", ["ü" * 10, "\ud83d\ude00", "x" * 5000, "a/b|c"])
def test_any_id_makes_a_key(sub: str) -> None:
    """Odd and long ids are no reason to fail."""
    assert key_of(claims={"sub": sub.encode("utf-16", "surrogatepass").decode("utf-16")}).startswith(b"demo/")
