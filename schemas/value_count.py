"""How many values a JSON text holds: what costs a reader time is not the bytes but the values."""

from typing import Any, Final

MOST_VALUES: Final = 10_000
"""Values of one document, objects and arrays included: as many as of one person can be searched."""
_QUOTES_OF_A_VALUE: Final = 4
"""At most: two of its key, two of itself."""


def surely_exceeds(raw: bytes, most: int = MOST_VALUES) -> bool:
    """Whether the text, which may not be JSON, holds so many separators that its values are more than `most`.
    Cheap: it is asked before anything is parsed. A text of which it is not sure has at most twice as many."""
    if _separators(raw) < most:
        return False
    plain = raw.replace(b"\\\\", b"").replace(b'\\"', b"")
    if plain.count(b'"') > _QUOTES_OF_A_VALUE * most:
        return True
    outside = b"".join(plain.split(b'"')[::2])
    return max(outside.count(b",") + 1, outside.count(b"{") + outside.count(b"[")) > most


def exceeds(value: Any, raw: bytes, most: int = MOST_VALUES) -> bool:
    """Whether a value parsed from `raw` holds more than `most` values, itself included."""
    return _separators(raw) >= most and _counted(value, most) > most


def _separators(raw: bytes) -> int:
    """At least the number of values, less one."""
    return raw.count(b",") + raw.count(b"{") + raw.count(b"[")


def _counted(value: Any, most: int) -> int:
    """The number of values, or any number above `most`."""
    count, pending = 1, [value]
    while pending and count <= most:
        item = pending.pop()
        if isinstance(item, dict | list):
            count += len(item)
            pending.extend(
                inner
                for inner in (item.values() if isinstance(item, dict) else item)
                if isinstance(inner, dict | list)
            )
    return count
