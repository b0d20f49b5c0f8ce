"""API clients' ids and secrets."""

import re

import pytest

from services.runtime.auth.client_secrets import hash_secret, new_client_id, new_client_secret, secret_matches


def test_ids_are_32_letters_and_digits() -> None:
    """Ids have the documented form and do not repeat."""
    ids = {new_client_id() for _ in range(100)}
    assert len(ids) == 100
    assert all(re.fullmatch(r"[A-Za-z0-9]{32}", text) for text in ids)


def test_a_secret_matches_its_hash_only() -> None:
    """The right secret opens, any other does not, and the hash does not show it."""
    secret = new_client_secret()
    stored = hash_secret(secret)
    assert secret_matches(secret, stored)
    assert not secret_matches(new_client_secret(), stored)
    assert stored.startswith("sha256$")
    assert secret not in stored


@pytest.mark.parametrize("guess", ["", "sha256$" + "0" * 64, "\ud800", "é", "\x00"])
def test_a_client_without_a_secret_matches_nothing(guess: str) -> None:
    """No guess, however odd, matches an absent or another secret."""
    assert not secret_matches(guess, None)
    assert not secret_matches(guess, hash_secret("right"))
