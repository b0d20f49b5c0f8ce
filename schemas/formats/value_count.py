"""Limits the number of values in a JSON text, because the time to read it depends on values rather than
bytes."""

from typing import Any, Final

MOST_VALUES: Final = 10_000
"""Maximum number of values in a document, objects and arrays included. It equals the number of a user's
values that can be searched."""
_QUOTES_OF_A_VALUE: Final = 4
"""Maximum number of quotes per value: two of its key and two of its own."""
_SLICE_BYTES: Final = 64 * 1024


def surely_exceeds(raw: bytes, most: int = MOST_VALUES) -> bool:
    """Return whether the text certainly has more than `most` values, judging by its separators.

    It runs before parsing, reads no further than necessary, and accepts text that is not JSON. A text for
    which it returns False has at most twice as many values.
    """
    if not _may_exceed(raw, most):
        return False
    commas = brackets = quotes = start = 0
    while start < len(raw):
        end = _slice_end(raw, start)
        plain = raw[start:end].replace(b"\\\\", b"").replace(b'\\"', b"")
        inside, found = quotes % 2, plain.count(b'"')
        quotes += found
        if quotes > _QUOTES_OF_A_VALUE * most:
            return True
        outside = b"".join(plain.split(b'"')[inside::2]) if found else plain[: 0 if inside else None]
        commas += outside.count(b",")
        brackets += outside.count(b"{") + outside.count(b"[")
        if max(commas + 1, brackets) > most:
            return True
        start = end
    return False


def _slice_end(raw: bytes, start: int) -> int:
    """Return an end for a slice that does not split a backslash from the character it escapes."""
    end = min(start + _SLICE_BYTES, len(raw))
    before = raw[start:end]
    escaping = (len(before) - len(before.rstrip(b"\\"))) % 2
    return min(end + escaping, len(raw))


def exceeds(value: Any, raw: bytes, most: int = MOST_VALUES) -> bool:
    """Return whether a value parsed from `raw` has more than `most` values, itself included."""
    return _may_exceed(raw, most) and _counted(value, most) > most


def _may_exceed(raw: bytes, most: int) -> bool:
    """Return whether the text has enough separators, in strings or not, for more than `most` values."""
    if len(raw) < most:
        return False
    found = start = 0
    while found < most and start < len(raw):
        end = start + _SLICE_BYTES
        found += raw.count(b",", start, end) + raw.count(b"{", start, end) + raw.count(b"[", start, end)
        start = end
    return found >= most


def _counted(value: Any, most: int) -> int:
    """Return the number of values, or any number above `most`."""
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
