"""Ids of objects that commands create."""

import secrets
import string
from typing import Final

_ALPHABET: Final = string.ascii_letters + string.digits


def new_id(prefix: str, characters: int = 16, alphabet: str = _ALPHABET) -> str:
    """Return a random id: the prefix, and this many characters of the alphabet."""
    return prefix + "".join(secrets.choice(alphabet) for _ in range(characters))
