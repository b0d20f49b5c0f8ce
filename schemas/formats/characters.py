"""Characters that identifiers must not hold: they command a terminal or change the direction of writing.

Names of people keep what writing needs, such as zero-width joiners. Where a name is printed, unsafe
characters are shown as escapes.
"""

import re
from typing import Final

_UNSAFE: Final = re.compile(
    "[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
"""Controls (C0, C1), line and paragraph separators, marks, embeddings, overrides and isolates of direction,
byte order marks, lone surrogates."""


def is_safe(text: str) -> bool:
    """Return whether a text holds no control character and none that changes the direction of writing."""
    return text.isprintable() or _UNSAFE.search(text) is None


def replaced(text: str) -> str:
    """Return the text with U+FFFD in place of each unsafe character, and so of the same length."""
    return text if is_safe(text) else _UNSAFE.sub("\ufffd", text)


def escaped(text: str) -> str:
    """Return the text with its unsafe characters as escapes such as `\\u202e`."""
    if is_safe(text):
        return text
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
