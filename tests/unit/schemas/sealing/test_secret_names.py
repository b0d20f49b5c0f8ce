"""One list says which names hold secrets."""

import pytest

from schemas.sealing.secret_names import hides, is_secret

SECRET = (
    "password", "client_secret", "totp_secret", "link_with", "recovery_code", "access_token",
    "signing_secret", "storageAccessKey", "privateKey", "sharedAccessKey", "sasKey", "masterkey",
    "servicePassword", "ticket_url", "barcode_uri", "smtp_pass", "twilio_token", "X-Api-Key",
    "customHeaders", "bareConfiguration", "x" * 200 + "_token",
)  # fmt: skip
OPEN = ("client_id", "name", "passage", "private_key_id", "sasKeyName", "public_key", "token_lifetime", "")


@pytest.mark.parametrize("name", SECRET)
def test_what_lets_in_is_secret_however_it_is_written(name: str) -> None:
    """Case and punctuation do not matter; a yes or no, and nothing, are no secret."""
    assert is_secret(name)
    assert is_secret(name.upper())
    assert hides(name, "x")
    assert hides(name, {"below": 1})
    assert not hides(name, None)
    assert not hides(name, True)


@pytest.mark.parametrize("name", OPEN)
def test_other_names_are_open(name: str) -> None:
    """What only names or counts secrets can be read."""
    assert not is_secret(name)
