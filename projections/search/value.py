"""One text for every scalar, so that the order of the texts (by code point) is the order of the values.

Flags come before numbers, numbers before strings; numbers compare by value whatever their length, so 1, 1.0
and 10e-1 are one. One column with one index then serves equality, prefixes, ranges and sorting over any
JSON value.
"""

from decimal import Decimal
from typing import Final

from schemas.formats.spelling import composed

INDEXED_CHARACTERS: Final = 256
"""Longer values and longer paths cannot be searched; the documents keep them (spec §1.5, §15)."""

UNSEARCHABLE: Final = "x"
"""Stands for a value that is there but too long to be searched; comes last."""
STRINGS: Final = "s"
STRINGS_END: Final = "t"
NUMBERS: Final = "n"
NUMBERS_END: Final = "o"
_TRUE: Final = "b1"
_FALSE: Final = "b0"
_BIAS: Final = 50_000
_COMPLEMENT: Final = str.maketrans("0123456789", "9876543210")


def value_text(value: str | int | float | bool | Decimal) -> str:
    """The text of a scalar; `UNSEARCHABLE` for one that is too long."""
    match value:
        case bool():
            return _TRUE if value else _FALSE
        case str():
            text = composed(value)
            return STRINGS + text if len(text) <= INDEXED_CHARACTERS else UNSEARCHABLE
    return _number_text(value if isinstance(value, Decimal) else Decimal(str(value)))


def _number_text(number: Decimal) -> str:
    """Sign, exponent, digits; everything complemented below zero, with an end that sorts behind digits."""
    sign, digits, exponent = number.as_tuple()
    significant = "".join(map(str, digits)).lstrip("0")
    if not significant:
        return NUMBERS + "1"
    assert isinstance(exponent, int)
    power = _BIAS + len(significant) + exponent
    significant = significant.rstrip("0")
    if len(significant) > INDEXED_CHARACTERS or not 0 <= power <= 2 * _BIAS - 1:
        return UNSEARCHABLE
    body = f"{power:05d}{significant}"
    return f"{NUMBERS}0{body.translate(_COMPLEMENT)}~" if sign else f"{NUMBERS}2{body}"


def prefix_end(text: str) -> str | None:
    """The least text after all that begin with this one; None when there is none."""
    kept = text.rstrip("\U0010ffff")
    if not kept:
        return None
    following = ord(kept[-1]) + 1
    return kept[:-1] + chr(0xE000 if following == 0xD800 else following)


def folded(text: str) -> str:
    """For comparing without regard to case: composed (NFC), then in lower case letter by letter, so that the
    fold of a part that begins with a whole character is a part of the fold (a final sigma would differ)."""
    return composed(text).lower().replace("ς", "σ")
