"""The form of e-mail addresses."""

import re
from typing import Final

_EMAIL: Final = re.compile(r"[^\s@\"(),:;<>\[\\\]\x00-\x1f\x7f]+@(?P<domain>[^\s@]+)")
_LABEL: Final = re.compile(r"[^\W_](?:[\w-]{0,61}[^\W_])?")


def is_email(text: str) -> bool:
    """Return whether a text is an e-mail address: a local part of at most 64 characters, a domain of at least
    two labels, and at most 254 characters in all."""
    found = _EMAIL.fullmatch(text)
    if found is None or len(text) > 254 or text.index("@") > 64:
        return False
    local, labels = text[: text.index("@")], found["domain"].split(".")
    dotted = not (local.startswith(".") or local.endswith(".") or ".." in local)
    return dotted and len(labels) > 1 and all(_LABEL.fullmatch(label) for label in labels)
