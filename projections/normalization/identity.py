"""Who logged in: the provider and its id of the person."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final, NamedTuple

from projections.normalization.claims.paths import Found, Path, spell
from projections.normalization.claims.values import email, identifier, phone
from projections.normalization.model import ConnectionSettings, UnmappableLogin
from projections.normalization.overrides import Scope, first_claim, mapped_identity
from projections.normalization.strategy import Candidate, Plan, find
from schemas.formats.characters import is_safe

IDENTITY_SPACE: Final = "identity_space"
"""The option of connections that names an identity space. An identity belongs to the connection that first
brought it; another connection of the same strategy may use it only where both name the same space."""
MAX_ID_BYTES: Final = 1024
"""An identity must fit an index entry of the directory together with its provider."""


class Identity(NamedTuple):
    """`idp_id` as a key, `native_id` as the provider has it, `used` the claims it was read from."""

    provider: str
    idp_id: str
    native_id: str | int
    used: tuple[Path, ...]


def identity_of(plan: Plan, scope: Scope, typed: str | None) -> Identity:
    """The identity a login is for, as `key_of` finds it."""
    provider, idp_id, native, found = key_of(plan, scope, typed)
    return Identity(provider, idp_id, native, (found.used, *_same_id_elsewhere(plan, scope, found)))


def key_of(plan: Plan, scope: Scope, typed: str | None) -> tuple[str, str, str | int, Found]:
    """(provider, idp_id, native_id, where it was found) of a login. `typed` is the address a passwordless
    code went to, if no claim has it. Raises UnmappableLogin."""
    connection = scope.connection
    found = _found(plan, scope)
    if found is None:
        found = _proven_address(plan, scope, typed)
    native: str | int = found.value
    if plan.row.per_connection:
        native = f"{connection.name}|{native}"
    elif plan.row.kind in ("database", "passwordless"):
        native = _without_prefix(native, f"{connection.strategy}|")
    idp_id = str(native)
    if len(idp_id) > MAX_ID_BYTES or len(idp_id.encode(errors="surrogatepass")) > MAX_ID_BYTES:
        raise UnmappableLogin("identity_too_long", f"the identity has more than {MAX_ID_BYTES} bytes")
    if not is_safe(idp_id):
        raise UnmappableLogin("unsafe_identity", "the identity holds a control or bidirectional character")
    return plan.row.provider or connection.strategy, idp_id, native, found


def derived_id(connection: str, address: str) -> str:
    """The id of a passwordless user whom no claim gives one: 24 hexadecimal digits made from the address."""
    return sha256(f"{connection}|{address.strip().lower()}".encode(errors="surrogatepass")).hexdigest()[:24]


def _without_prefix(native: str | int, prefix: str) -> str | int:
    """Our own user stores may name a person by the whole `user_id`."""
    return native.removeprefix(prefix) if isinstance(native, str) and len(native) > len(prefix) else native


def _found(plan: Plan, scope: Scope) -> Found | None:
    options = scope.connection.options
    if options:
        by_option = () if plan.row.id_by_option is None else plan.row.id_by_option(options)
        for own in (*(first_claim(scope, name) for name in by_option), mapped_identity(scope)):
            read = None if own is None else identifier(own.value)
            if own is not None and read is not None:
                return Found(read[0], own.path, own.used)
    return find(scope.reading.claims, plan.id, identifier)


def _proven_address(plan: Plan, scope: Scope, typed: str | None) -> Found:
    if plan.row.kind == "passwordless":
        kind, reader = ("email", email) if scope.connection.strategy == "email" else ("phone_number", phone)
        candidates = next(candidates for name, _, candidates in plan.attributes if name == kind)
        found = find(scope.reading.claims, candidates, reader)
        address = found.value if found else (reader(typed) or (None,))[0]
        if address is not None:
            return Found(derived_id(scope.connection.name, address), (), ())
    raise _nobody(plan, scope)


def _nobody(plan: Plan, scope: Scope) -> UnmappableLogin:
    names = [_name(candidate) for candidate in plan.id]
    listed = ", ".join(dict.fromkeys(name for name in names if name))
    if any(isinstance(scope.reading.claims.get(head), float) for head, *_ in plan.id):
        return UnmappableLogin(
            "inexact_identity", f"the id is a number that lost its exact value; one of {listed}"
        )
    return UnmappableLogin("no_identity", f"no claim holds the identity; expected one of {listed}")


def _name(candidate: Candidate) -> str:
    return spell(candidate[2])


def _same_id_elsewhere(plan: Plan, scope: Scope, found: Found) -> tuple[Path, ...]:
    """Other id claims that only repeat the id (`id` beside `id_str`)."""
    claims, value = scope.reading.claims, str(found.value)
    return tuple(
        path
        for head, tail, path, _ in plan.id
        if not tail and head in claims and _is_same(claims[head], value)
    )


def _is_same(value: Any, text: str) -> bool:
    read = identifier(value) if isinstance(value, str | int) else None
    return read is not None and str(read[0]) == text


def space_of(options: Mapping[str, Any]) -> str | None:
    """The identity space that a connection's options name, or None if they name none."""
    named = options.get(IDENTITY_SPACE)
    return named if isinstance(named, str) and named else None


def may_use(connection: ConnectionSettings, owner: ConnectionSettings | None) -> bool:
    """Whether logins through the connection may use an identity of the other one, which may be unknown."""
    if owner is None or owner.strategy != connection.strategy:
        return False
    space = space_of(connection.options)
    return space is not None and space == space_of(owner.options)
