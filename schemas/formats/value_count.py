"""How many values a JSON text holds: what costs a reader time is not the bytes but the values."""

from typing import Any, Final

MOST_VALUES: Final = 10_000
"""Values of one document, objects and arrays included: as many as of one person can be searched."""
_QUOTES_OF_A_VALUE: Final = 4
"""At most: two of its key, two of itself."""
_SLICE_BYTES: Final = 64 * 1024


def surely_exceeds(raw: bytes, most: int = MOST_VALUES) -> bool:
    """Whether the text, which may not be JSON, holds so many separators that its values are more than `most`.
    Cheap: it is asked before anything is parsed, and looks no further than it has to. A text of which it is
    not sure has at most twice as many."""
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
    """Where to end a slice so that it does not end between a backslash and what it escapes."""
    end = min(start + _SLICE_BYTES, len(raw))
    before = raw[start:end]
    escaping = (len(before) - len(before.rstrip(b"\\"))) % 2
    return min(end + escaping, len(raw))


def exceeds(value: Any, raw: bytes, most: int = MOST_VALUES) -> bool:
    """Whether a value parsed from `raw` holds more than `most` values, itself included."""
    return _may_exceed(raw, most) and _counted(value, most) > most


def _may_exceed(raw: bytes, most: int) -> bool:
    """Whether the text has so many separators, be it in strings: there are at least as many as values, less
    one."""
    if len(raw) < most:
        return False
    found = start = 0
    while found < most and start < len(raw):
        end = start + _SLICE_BYTES
        found += raw.count(b",", start, end) + raw.count(b"{", start, end) + raw.count(b"[", start, end)
        start = end
    return found >= most


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
