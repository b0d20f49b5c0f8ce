"""Converts every scalar to one text, so that the order of the texts by code point is the order of the values.

Flags precede numbers, and numbers precede strings. Numbers compare by value, so 1, 1.0 and 10e-1 are equal.
One column with one index therefore supports equality, prefixes, ranges and sorting over all JSON values.
"""

from decimal import Decimal
from typing import Final

from schemas.formats.spelling import composed

INDEXED_CHARACTERS: Final = 256
"""The maximum length of searchable values and paths; longer ones are only stored (spec §1.5, §15)."""

UNSEARCHABLE: Final = "x"
"""The text of a value that is too long to be searched; it sorts last."""
STRINGS: Final = "s"
STRINGS_END: Final = "t"
NUMBERS: Final = "n"
NUMBERS_END: Final = "o"
_TRUE: Final = "b1"
_FALSE: Final = "b0"
_BIAS: Final = 50_000
_COMPLEMENT: Final = str.maketrans("0123456789", "9876543210")


def value_text(value: str | int | float | bool | Decimal) -> str:
    """Return the text of a scalar; `UNSEARCHABLE` if it is too long."""
    match value:
        case bool():
            return _TRUE if value else _FALSE
        case str():
            text = composed(value)
            return STRINGS + text if len(text) <= INDEXED_CHARACTERS else UNSEARCHABLE
    return _number_text(value if isinstance(value, Decimal) else Decimal(str(value)))


def _number_text(number: Decimal) -> str:
    """Return sign, exponent and digits. For negative numbers, exponent and digits are complemented and
    followed by a terminator that sorts after digits."""
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
    """Return the least text that is greater than all texts with this prefix; None if there is none."""
    kept = text.rstrip("\U0010ffff")
    if not kept:
        return None
    following = ord(kept[-1]) + 1
    return kept[:-1] + chr(0xE000 if following == 0xD800 else following)


def folded(text: str) -> str:
    """Return the text for case-insensitive comparison: composed (NFC), then lower-cased character by
    character.

    The fold of a substring that begins with a whole character is thus a substring of the fold; lower-casing
    whole words would convert a final sigma differently.
    """
    return composed(text).lower().replace("ς", "σ")
