"""The row of a strategy, and its compiled form.

A row names, for each attribute, the claims from which it may be read, best first. A claim is a name or a
path (`picture.data`, `emails[0].value`), or a function for a shape that no path describes. The OpenID
Connect name of an attribute is the last candidate of every row, so a row lists only the provider's other
names.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from projections.normalization.claims.paths import Found, Path, descend, parse
from projections.normalization.claims.shapes import Shape
from projections.normalization.claims.values import Reader, boolean, email, phone, picture, text
from projections.normalization.claims.views import AS_SENT, View
from projections.normalization.model import ATTRIBUTES

Source = str | Shape
Sources = Source | tuple[Source, ...]
Kind = Literal["social", "enterprise", "database", "passwordless"]

EVERYTHING: Final = "everything"


@dataclass(frozen=True, slots=True, kw_only=True)
class Strategy:
    """How logins of a strategy are read."""

    kind: Kind = "social"
    provider: str | None = None
    """`identities[].provider` if it is not the strategy itself."""
    per_connection: bool = False
    """The provider's ids are unique only within a connection: the identity is `<connection>|<id>`."""
    view: View = AS_SENT
    id: Sources = ()
    id_by_option: Callable[[Mapping[str, Any]], Iterable[str]] | None = None
    """Returns the claims that the connection's options put in front of `id`."""
    name: Sources = ()
    nickname: Sources = ()
    given_name: Sources = ()
    family_name: Sources = ()
    picture: Sources = ()
    email: Sources = ()
    email_verified: Sources = ()
    phone_number: Sources = ()
    phone_verified: Sources = ()
    username: Sources = ()
    trusts_email: bool = True
    """If False, the provider's flag of the e-mail address counts only if the connection's options say so."""
    lower_case: bool = False
    """The store keeps e-mail addresses and usernames in lower case."""
    extras: Mapping[str, Sources] | None = None
    """Leftovers under names chosen by Vita."""
    keep: Iterable[str] | Literal["everything"] = ()
    """Claims that stay leftovers although an attribute was read from them."""
    ignore: Iterable[str] = ()
    """Claims that never become leftovers: envelopes, metadata of pictures, binary data."""
    flags: Iterable[str] = ()
    """Leftovers that are booleans even if they are sent as words."""
    tokens: bool = True
    """The claims may come from a token, whose protocol claims are not part of the profile."""


Candidate = tuple[str, Path, Path, Shape | None]
"""(name of the root claim, path below it, the complete path, shape); a shape has no path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledStrategy:
    """A row compiled for application."""

    row: Strategy
    id: tuple[Candidate, ...]
    attributes: tuple[tuple[str, Reader, tuple[Candidate, ...]], ...]
    verified: tuple[Candidate, ...]
    phone_verified: tuple[Candidate, ...]
    extras: tuple[tuple[str, tuple[Candidate, ...]], ...]
    keep: frozenset[str]
    ignore: frozenset[str]
    flags: frozenset[str]


READERS: Final[Mapping[str, Reader]] = {
    **dict.fromkeys(("name", "nickname", "given_name", "family_name", "username"), text),
    "picture": picture,
    "email": email,
    "phone_number": phone,
    "email_verified": boolean,
    "phone_verified": boolean,
}
_LAST_RESORT: Final[Mapping[str, tuple[str, ...]]] = {
    "id": ("sub", "id", "user_id"),
    "email": ("email", "emails"),
    "phone_verified": ("phone_number_verified", "phone_verified"),
}


def compile_strategy(row: Strategy) -> CompiledStrategy:
    """Compile a row: parse the candidates once."""
    fold = row.view.fold
    keep = () if isinstance(row.keep, str) else row.keep
    attributes = (name for name in ATTRIBUTES if not name.endswith("_verified"))
    return CompiledStrategy(
        row=row,
        id=_candidates(row, "id"),
        attributes=tuple((name, READERS[name], _candidates(row, name)) for name in attributes),
        verified=_candidates(row, "email_verified"),
        phone_verified=_candidates(row, "phone_verified"),
        extras=tuple((name, _compiled(sources, fold)) for name, sources in (row.extras or {}).items()),
        keep=frozenset(fold(name) for name in keep),
        ignore=frozenset(fold(name) for name in row.ignore),
        flags=frozenset(fold(name) for name in row.flags),
    )


def find(claims: Mapping[str, Any], candidates: Iterable[Candidate], reader: Reader) -> Found | None:
    """Return the first candidate that the reader accepts, or None."""
    for head, tail, path, shape in candidates:
        if shape is not None:
            found = shape(claims)
            if found is not None and (read := reader(found.value)) is not None:
                return Found(read[0], found.path, found.used)
            continue
        value = claims.get(head)
        if value is None:
            continue
        read = reader(descend(value, tail) if tail else value)
        if read is not None:
            below = read[1]
            if not below:
                return Found(read[0], path, path)
            return Found(read[0], path + below, path + below)
    return None


def _candidates(row: Strategy, attribute: str) -> tuple[Candidate, ...]:
    own = _compiled(getattr(row, attribute), row.view.fold)
    resort = _compiled(_LAST_RESORT.get(attribute, (attribute,)), row.view.fold)
    return tuple(dict.fromkeys((*own, *resort)))


def _compiled(sources: Sources, fold: Callable[[str], str]) -> tuple[Candidate, ...]:
    listed = sources if isinstance(sources, tuple) else (sources,)
    return tuple(dict.fromkeys(_candidate(source, fold) for source in listed))


def _candidate(source: Source, fold: Callable[[str], str]) -> Candidate:
    if not isinstance(source, str):
        return "", (), (), source
    head, *tail = parse(source)
    return fold(str(head)), tuple(tail), (fold(str(head)), *tail), None
