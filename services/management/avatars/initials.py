"""The image of a user's initials: an SVG without styles, scripts or references."""

from colorsys import hls_to_rgb
from hashlib import sha256
from html import escape
from typing import Final

MAX_CHARACTERS: Final = 2
_LIGHTNESS: Final = 0.35
_SATURATION: Final = 0.45


def are_initials(text: str) -> bool:
    """Return whether the text is one or two letters or digits, of any script."""
    return 0 < len(text) <= MAX_CHARACTERS and text.isalnum()


def avatar(initials: str) -> str:
    """Return the SVG image. Its colour depends only on the initials."""
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" width="480" height="480" viewBox="0 0 48 48">'
        f'<rect width="48" height="48" fill="{_colour(initials)}"/>'
        '<text x="24" y="24" fill="#fff" font-family="sans-serif" font-size="20" text-anchor="middle"'
        f' dominant-baseline="central">{escape(_capitals(initials))}</text></svg>'
    )


def _colour(initials: str) -> str:
    hue = int.from_bytes(sha256(initials.encode()).digest()[:2]) / 65536
    parts = hls_to_rgb(hue, _LIGHTNESS, _SATURATION)
    return "#" + "".join(f"{round(part * 255):02x}" for part in parts)


def _capitals(initials: str) -> str:
    """Return upper case, except for characters whose upper case has several characters (`ß`)."""
    return "".join(char.upper() if len(char.upper()) == 1 else char for char in initials)
