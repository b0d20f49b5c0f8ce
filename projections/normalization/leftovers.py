"""Leftovers: the claims beyond the attributes, kept in the profile under their own names.

Every claim that has a value is kept, except

- a claim from which an attribute was read, unless its row keeps it (SAML keeps every claim); a container
  of several values stays whole if one of them was not used (a second address, an unread name part);
- claims that the strategy's row ignores, and the protocol claims of tokens;
- secrets, at any depth.

Empty members are dropped at every depth. A name that the root of a profile uses itself gets the prefix
`<strategy>_`.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from projections.normalization.claims.paths import Path
from projections.normalization.claims.values import boolean, is_empty
from projections.normalization.claims.views import Reading
from projections.normalization.model import ATTRIBUTES, UnmappableLogin
from projections.normalization.strategy import EVERYTHING, CompiledStrategy
from schemas.sealing.secret_names import hides, is_secret

MAX_DEPTH: Final = 200
"""Claims nested deeper cannot be written as JSON again."""

RESERVED: Final = frozenset(ATTRIBUTES) | {
    "user_id",
    "identities",
    "created_at",
    "updated_at",
    "user_metadata",
    "app_metadata",
    "blocked",
    "blocked_for",
    "logins_count",
    "last_login",
    "last_ip",
    "last_password_reset",
    "multifactor",
    "multifactor_last_modified",
    "guardian_authenticators",
    "roles",
    "permissions",
    "effective_roles",
    "effective_permissions",
    "organizations",
    "organization_id",
    "password",
    "password_hash",
    "sessions",
    "refresh_tokens",
    "authentication_methods",
    "connected_accounts",
    "tenant",
    "_id",
    "__tenant",
}
"""Names with a meaning of their own in or beside a profile. A claim with such a name grants, blocks and
joins nothing."""

PROTOCOL: Final = frozenset(("iss", "aud", "azp", "exp", "iat", "nbf", "jti", "typ", "nonce")) | frozenset(
    ("at_hash", "c_hash", "s_hash", "auth_time", "acr", "amr", "sid", "session_state")
)
"""Claims about a token or an authentication rather than about the user."""


def extras(
    plan: CompiledStrategy,
    strategy: str,
    reading: Reading,
    used: Collection[Path],
    named: Mapping[str, Any],
    *,
    only_named: bool,
) -> dict[str, Any]:
    """Return the leftovers of a login.

    `used` are the paths from which attributes were read. `named` are leftovers under given names, None
    for one that must be absent; with `only_named` there are no others. Raises UnmappableLogin when claims
    are nested too deeply.
    """
    kept: dict[str, Any] = {}
    if not only_named:
        own, flags = reading.own, plan.flags
        for name, value in _unused(plan, reading, used):
            kept[own.get(name, name)] = value if not flags or name not in flags else _flag(value)
    for name, value in named.items():
        if value is None or is_secret(name):
            kept.pop(name, None)
        else:
            kept[name] = value
    return (
        {_free_name(name, strategy, kept): value for name, value in kept.items()}
        if RESERVED & kept.keys()
        else kept
    )


def prune(value: Any, depth: int = 0) -> Any:
    """Return a copy without secrets and empty members, or None if nothing is left.

    Raises UnmappableLogin when the value is nested too deeply.
    """
    if depth > MAX_DEPTH:
        raise UnmappableLogin("too_deep", f"claims are nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, dict):
        members = {
            name: prune(member, depth + 1) for name, member in value.items() if not hides(name, member)
        }
        return {name: member for name, member in members.items() if member is not None} or None
    if isinstance(value, list):
        return [item for item in (prune(item, depth + 1) for item in value) if item is not None] or None
    return None if is_empty(value) else value


def _unused(plan: CompiledStrategy, reading: Reading, used: Collection[Path]) -> Iterator[tuple[str, Any]]:
    heads = {path[0] for path in used if path}
    keeps_all = plan.row.keep == EVERYTHING
    own = reading.own
    protocol = PROTOCOL if plan.row.tokens else frozenset[str]()
    for name, value in reading.claims.items():
        if name in plan.ignore or own.get(name, name) in protocol:
            continue
        if name in heads and not _has_more(value, (name,), used):
            is_kept = (keeps_all or name in plan.keep) and own.get(name, name) not in RESERVED
            if not is_kept:
                continue
        if hides(name, value):
            continue
        left = prune(value)
        if left is not None:
            yield name, left


def _has_more(value: Any, path: Path, used: Collection[Path]) -> bool:
    """Return whether a value at or below `path` has not been used. A secret counts as used."""
    if path in used:
        return False
    if len(path) > MAX_DEPTH:
        raise UnmappableLogin("too_deep", f"claims are nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, dict):
        return any(
            _has_more(member, (*path, name), used)
            for name, member in value.items()
            if not hides(name, member)
        )
    if isinstance(value, list):
        return any(_has_more(item, (*path, index), used) for index, item in enumerate(value))
    return not is_empty(value)


def _flag(value: Any) -> Any:
    read = boolean(value)
    return value if read is None else read[0]


def _free_name(name: str, strategy: str, taken: Collection[str]) -> str:
    if name not in RESERVED:
        return name
    name = f"{strategy}_{name}"
    while name in taken:
        name = f"{strategy}_{name}"
    return name
