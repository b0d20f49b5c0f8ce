"""The names of properties that hold secrets: one list for claims, options, settings, requests and
responses.

Names are compared without case and punctuation. Booleans and null are never secrets, whatever their name.
"""

from functools import lru_cache
from typing import Any, Final

_WORDS: Final = frozenset(
    (
        "authorization", "bareconfiguration", "barcodeuri", "configuration", "cookie", "cookies",
        "credentials", "enrollmenturl", "httpauthorization", "linkwith", "pass", "pwd", "secrets", "skey",
        "smtppass", "tokens", "unicodepwd", "webhookauthorization",
    )
)  # fmt: skip
_ENDINGS: Final = (
    "accesskey", "accountkey", "apikey", "authkey", "connectionstring", "customheaders", "decryptionkey",
    "encryptionkey", "hmackey", "masterkey", "passphrase", "passwd", "password", "passwordhash",
    "privatekey", "recoverycode", "saskey", "secret", "secretkey", "serverkey", "sharedkey", "signingkey",
    "ticket", "ticketid", "ticketurl", "token", "writekey",
)  # fmt: skip
_KEPT_CHARACTERS: Final = 128


def is_secret(name: str) -> bool:
    """Return whether a property of this name holds a secret."""
    return _is_secret(name) if len(name) <= _KEPT_CHARACTERS else _looks_secret(name)


def hides(name: str, value: Any) -> bool:
    """Return whether this property, with everything below it, must be hidden."""
    return value is not None and not isinstance(value, bool) and is_secret(name)


def _looks_secret(name: str) -> bool:
    squashed = "".join(letter for letter in name.lower() if letter.isalnum())
    return squashed in _WORDS or squashed.endswith(_ENDINGS)


@lru_cache(maxsize=8192)
def _is_secret(name: str) -> bool:
    return _looks_secret(name)
