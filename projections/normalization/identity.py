"""Determines the identity of a login: the provider, and its id of the user."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final, NamedTuple

from projections.normalization.claims.paths import Found, Path, spell
from projections.normalization.claims.values import email, identifier, phone
from projections.normalization.model import ConnectionSettings, UnmappableLogin
from projections.normalization.overrides import MappingContext, first_claim, mapped_identity
from projections.normalization.strategy import Candidate, CompiledStrategy, find
from schemas.formats.characters import is_safe

IDENTITY_SPACE: Final = "identity_space"
"""The connection option that names an identity space. An identity belongs to the connection that first
used it; another connection of the same strategy may use it only if both name the same space."""
MAX_ID_BYTES: Final = 1024
"""Maximum length, so that an identity and its provider fit into an index entry of the directory."""


class LoginIdentity(NamedTuple):
    """`idp_id` is the key, `native_id` the provider's own form, `used` the claims from which it was read."""

    provider: str
    idp_id: str
    native_id: str | int
    used: tuple[Path, ...]


def identity_of(plan: CompiledStrategy, scope: MappingContext, typed: str | None) -> LoginIdentity:
    """Return the identity of a login. Raises UnmappableLogin as `key_of` does."""
    provider, idp_id, native, found = key_of(plan, scope, typed)
    return LoginIdentity(provider, idp_id, native, (found.used, *_same_id_elsewhere(plan, scope, found)))


def recorded_identity(
    plan: CompiledStrategy, scope: MappingContext, identity: LoginIdentity, typed: str | None
) -> LoginIdentity:
    """Return an identity that was determined before, with the claims of this scope that hold it.

    The claim from which it was read may be missing here, because it is not stored.
    """
    try:
        found = identity_of(plan, scope, typed)
    except UnmappableLogin:
        found = identity
    if found.idp_id == identity.idp_id and found is not identity:
        return identity._replace(used=found.used)
    return identity._replace(used=_repeated(plan, scope, identity))


def leads_elsewhere(
    plan: CompiledStrategy, scope: MappingContext, identity: LoginIdentity, typed: str | None
) -> bool:
    """Return whether the claims identify another user than this one, or an unacceptable one. Claims without
    an identity do not."""
    try:
        provider, idp_id, _, _ = key_of(plan, scope, typed)
    except UnmappableLogin as error:
        return error.reason != "no_identity"
    return (provider, idp_id) != (identity.provider, identity.idp_id)


def _repeated(plan: CompiledStrategy, scope: MappingContext, identity: LoginIdentity) -> tuple[Path, ...]:
    """Return the paths of the id claims that hold a known identity."""
    connection = scope.connection
    prefix = f"{connection.name}|" if plan.row.per_connection else ""
    value = identity.idp_id.removeprefix(prefix)
    return (
        *_same_id_elsewhere(plan, scope, Found(value, (), ())),
        *_same_id_elsewhere(plan, scope, Found(f"{connection.strategy}|{value}", (), ())),
    )


def key_of(
    plan: CompiledStrategy, scope: MappingContext, typed: str | None
) -> tuple[str, str, str | int, Found]:
    """Return (provider, idp_id, native_id, the claim) of a login.

    `typed` is the address to which a passwordless code was sent; it counts if no claim holds an id. Raises
    UnmappableLogin when there is no identity, or when it is too long or unsafe.
    """
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
    """Return the id of a passwordless user without an id claim: 24 hexadecimal digits of a hash of the
    address."""
    return sha256(f"{connection}|{address.strip().lower()}".encode(errors="surrogatepass")).hexdigest()[:24]


def _without_prefix(native: str | int, prefix: str) -> str | int:
    """Return the id without the provider prefix that Vita's own user stores may put in front of it."""
    return native.removeprefix(prefix) if isinstance(native, str) and len(native) > len(prefix) else native


def _found(plan: CompiledStrategy, scope: MappingContext) -> Found | None:
    options = scope.connection.options
    if options:
        by_option = () if plan.row.id_by_option is None else plan.row.id_by_option(options)
        for own in (*(first_claim(scope, name) for name in by_option), mapped_identity(scope)):
            read = None if own is None else identifier(own.value)
            if own is not None and read is not None:
                return Found(read[0], own.path, own.used)
    return find(scope.reading.claims, plan.id, identifier)


def _proven_address(plan: CompiledStrategy, scope: MappingContext, typed: str | None) -> Found:
    if plan.row.kind == "passwordless":
        kind, reader = ("email", email) if scope.connection.strategy == "email" else ("phone_number", phone)
        candidates = next(candidates for name, _, candidates in plan.attributes if name == kind)
        found = find(scope.reading.claims, candidates, reader)
        address = found.value if found else (reader(typed) or (None,))[0]
        if address is not None:
            return Found(derived_id(scope.connection.name, address), (), ())
    raise _no_identity(plan, scope)


def _no_identity(plan: CompiledStrategy, scope: MappingContext) -> UnmappableLogin:
    names = [_name(candidate) for candidate in plan.id]
    listed = ", ".join(dict.fromkeys(name for name in names if name))
    if any(isinstance(scope.reading.claims.get(head), float) for head, *_ in plan.id):
        return UnmappableLogin(
            "inexact_identity", f"the id is a number that lost its exact value; one of {listed}"
        )
    return UnmappableLogin("no_identity", f"no claim holds the identity; expected one of {listed}")


def _name(candidate: Candidate) -> str:
    return spell(candidate[2])


def _same_id_elsewhere(plan: CompiledStrategy, scope: MappingContext, found: Found) -> tuple[Path, ...]:
    """Return the paths of other id claims that repeat the id (`id` beside `id_str`)."""
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
    """Return the identity space that a connection's options name, or None."""
    named = options.get(IDENTITY_SPACE)
    return named if isinstance(named, str) and named else None


def may_use(connection: ConnectionSettings, owner: ConnectionSettings | None) -> bool:
    """Return whether logins through `connection` may use an identity of `owner`, which may be unknown."""
    if owner is None or owner.strategy != connection.strategy:
        return False
    space = space_of(connection.options)
    return space is not None and space == space_of(owner.options)
