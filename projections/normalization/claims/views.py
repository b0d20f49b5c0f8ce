"""Views: how a strategy's claims are found when their names vary.

A view does not change the claims. It returns a `Reading`: the claims under the names that the tables use
and, for each, its own name (which a leftover gets) and its raw path (which `sources` shows).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from projections.normalization.claims.values import is_empty

Claims = Mapping[str, Any]


class Reading(NamedTuple):
    """Claims as seen through a view. A claim's name is missing in `own` or `raw` if it is unchanged there."""

    claims: Claims
    own: Mapping[str, str]
    raw: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class View:
    """`read` returns the claims as seen through the view; `fold` converts a name in the same way."""

    read: Callable[[Claims], Reading]
    fold: Callable[[str], str]


_SAME: Mapping[str, str] = {}
_HIDDEN = "\x00"
"""Prefix of a claim that lost its name to a better spelling. No claim's own name begins with it."""
_SEPARATORS = str.maketrans("", "", "_- ")


def squash(name: str) -> str:
    """Return the name without case and separators: `Last Name`, `last_name` and `lastName` become
    `lastname`."""
    return _squash(name) if len(name) <= 128 else name


@lru_cache(maxsize=8192)
def _squash(name: str) -> str:
    return name.translate(_SEPARATORS).lower()


def segment(name: str) -> str:
    """Return the last segment of a claim URI, or any other name unchanged."""
    if ":" not in name:
        return name
    return name.rstrip("/").rpartition("/")[2].rpartition(":")[2] or name


def _read_as_sent(claims: Claims) -> Reading:
    return Reading(claims, _SAME, _SAME)


def _read_loosely(claims: Claims) -> Reading:
    return _renamed(claims, {name: name for name in claims})


def _read_segments(claims: Claims) -> Reading:
    return _renamed(claims, {name: segment(name) for name in claims})


def _renamed(claims: Claims, owns: Mapping[str, str], raws: Mapping[str, str] = _SAME) -> Reading:
    """Return claims under their squashed names; if two have the same one, the better spelling gets it."""
    chosen = {squash(own): name for name, own in owns.items()}
    if len(chosen) < len(owns):
        chosen = _best(claims, owns)
    own_names = {key: owns[name] for key, name in chosen.items()}
    if len(chosen) < len(owns):
        winners = set(chosen.values())
        losers = {_HIDDEN + name: name for name in owns if name not in winners}
        chosen |= losers
        own_names |= losers
    read = {key: claims[name] for key, name in chosen.items()}
    return Reading(read, own_names, {key: raws.get(name, name) for key, name in chosen.items()})


def _best(claims: Claims, owns: Mapping[str, str]) -> dict[str, str]:
    """Return the best of the names with each squashed form."""
    chosen: dict[str, str] = {}
    for name, own in owns.items():
        key = squash(own)
        rival = chosen.get(key)
        if rival is None or _is_better(claims, name, rival):
            chosen[key] = name
    return chosen


def _is_better(claims: Claims, name: str, rival: str) -> bool:
    empty, rival_empty = is_empty(claims[name]), is_empty(claims[rival])
    return (empty, name.lower() != name, name) < (rival_empty, rival.lower() != rival, rival)


def unwrapped(*wrappers: str, loosely: bool = False) -> View:
    """Return a view that moves the members of wrapping objects up to the other claims.

    Of a wrapping list, its first object is opened. An outer claim takes precedence over an inner one of
    the same name, which then stays in its wrapper.
    """

    def read(claims: Claims) -> Reading:
        if claims.keys().isdisjoint(wrappers):
            return _read_loosely(claims) if loosely else _read_as_sent(claims)
        flat, raws = _flatten(claims, wrappers, 4)
        return _renamed(flat, {name: name for name in flat}, raws) if loosely else Reading(flat, _SAME, raws)

    return View(read, squash if loosely else _same)


def _flatten(claims: Claims, wrappers: tuple[str, ...], depth: int) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the claims with their wrappers opened, and the raw path of each member moved up."""
    flat, raws = dict(claims), dict[str, str]()
    if not depth or claims.keys().isdisjoint(wrappers):
        return flat, raws
    for wrapper in wrappers:
        inner, prefix, rest = _open(claims.get(wrapper), wrapper)
        if not inner:
            continue
        members, inner_raws = _flatten(inner, wrappers, depth - 1)
        del flat[wrapper]
        staying = {}
        for name, value in members.items():
            if name == wrapper or not is_empty(flat.get(name)):
                staying[name] = value
            else:
                flat[name] = value
                raws[name] = f"{prefix}.{inner_raws.get(name, name)}"
        if staying or rest:
            flat[wrapper] = [staying, *rest] if rest else staying
            raws.pop(wrapper, None)
    return flat, raws


def _open(value: Any, wrapper: str) -> tuple[Claims, str, list[Any]]:
    """Return (the object inside a wrapper, its raw path, further objects beside it)."""
    if isinstance(value, dict):
        return value, wrapper, []
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return value[0], f"{wrapper}[0]", value[1:]
    return _SAME, wrapper, []


def _same(name: str) -> str:
    return name


AS_SENT = View(_read_as_sent, _same)
LOOSE = View(_read_loosely, squash)
"""Names are compared without case, blanks, underscores and dashes."""
SEGMENTS = View(_read_segments, lambda name: squash(segment(name)))
"""Claim URIs are represented by their last segment, and then compared as in LOOSE."""
