"""API clients' ids and secrets. Secrets are long and random, so one round of SHA-256 keeps them."""

import hashlib
import hmac
import secrets
import string
from typing import Final

_ALPHABET: Final = string.ascii_letters + string.digits
_PREFIX: Final = "sha256$"


def new_client_id() -> str:
    """32 random letters and digits."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(32))


def new_client_secret() -> str:
    """64 characters with 384 random bits, fit for URLs and forms."""
    return secrets.token_urlsafe(48)


def hash_secret(secret: str) -> str:
    """What is kept of a secret: `sha256$<hex>`."""
    return _PREFIX + hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def secret_matches(secret: str, stored: str | None) -> bool:
    """Whether this is the secret; takes as long for a wrong one, or for a client without one."""
    expected = stored if stored is not None else _PREFIX + "0" * 64
    return hmac.compare_digest(hash_secret(secret).encode(), expected.encode()) and stored is not None
