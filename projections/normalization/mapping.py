"""Maps (raw claims, connection settings) to a normalized login. Pure; the input is not changed."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from projections.normalization.catalogue import compiled_strategy
from projections.normalization.claims.kept import without_denied, without_secrets
from projections.normalization.claims.paths import Found
from projections.normalization.claims.values import Reader, anything, email, phone, text
from projections.normalization.defaults import (
    GRAVATAR,
    Pictures,
    default_name,
    default_nickname,
    default_picture,
)
from projections.normalization.draft import ProfileDraft
from projections.normalization.identity import (
    LoginIdentity,
    identity_of,
    key_of,
    leads_elsewhere,
    recorded_identity,
)
from projections.normalization.leftovers import extras, prune
from projections.normalization.model import ATTRIBUTES, ConnectionSettings, Normalized
from projections.normalization.overrides import Mapped, MappingContext, apply_mapping
from projections.normalization.strategy import CompiledStrategy, find
from projections.normalization.verification import verify_email, verify_phone


def identify(
    connection: ConnectionSettings, claims: Mapping[str, Any], identifier: str | None = None
) -> tuple[str, str]:
    """Return (provider, idp_id) of a login, as `normalize` does. Raises UnmappableLogin."""
    plan = compiled_strategy(connection.strategy)
    provider, idp_id, _, _ = key_of(plan, _scope(plan, connection, claims), identifier)
    return provider, idp_id


def normalize(
    connection: ConnectionSettings,
    claims: Mapping[str, Any],
    identifier: str | None = None,
    pictures: Pictures = GRAVATAR,
) -> Normalized:
    """Return the normalized login. `pictures` says which default picture a user gets.

    Raises UnmappableLogin when the claims do not identify a user or cannot be stored.
    """
    plan = compiled_strategy(connection.strategy)
    scope = _scope(plan, connection, claims)
    identity = identity_of(plan, scope, identifier)
    denied = _denied(connection.options)
    if denied:
        scope = _without(denied, scope)
        identity = recorded_identity(plan, scope, identity, identifier)
    return _mapped(plan, ProfileDraft(scope, denied, set(identity.used)), identity, identifier, pictures)


def claims_to_keep(connection: ConnectionSettings, claims: Mapping[str, Any]) -> dict[str, Any]:
    """Return the claims of a login that `remap` needs: all but secrets, and without those that the
    connection's `non_persistent_attrs` names."""
    denied = _denied(connection.options)
    if denied:
        claims = without_denied(claims, denied, compiled_strategy(connection.strategy).row.view)
    return without_secrets(claims)


def identifier_to_keep(connection: ConnectionSettings, identifier: str | None) -> str | None:
    """Return the address to which a passwordless code was sent, unless `non_persistent_attrs` names it; None
    for other strategies, whose mapping does not read it."""
    if compiled_strategy(connection.strategy).row.kind != "passwordless":
        return None
    name = "email" if connection.strategy == "email" else "phone_number"
    return None if name in _denied(connection.options) else identifier


class Remapped(NamedTuple):
    """A login that was mapped again for the identity that it has. `leads_elsewhere` says that this mapping
    would give the login another identity, or refuse it."""

    person: Normalized
    leads_elsewhere: bool


def remap(
    connection: ConnectionSettings,
    claims: Mapping[str, Any],
    identity: tuple[str, str | int],
    identifier: str | None = None,
    pictures: Pictures = GRAVATAR,
) -> Remapped:
    """Map the kept claims of a login again.

    `identity` is (provider, native id) of the login, which it keeps. With the settings that the connection
    had then, and this code, the result is what `normalize` returned. Raises UnmappableLogin when the claims
    cannot be stored.
    """
    plan = compiled_strategy(connection.strategy)
    denied = _denied(connection.options)
    scope = _scope(plan, connection, claims)
    if denied:
        scope = _without(denied, scope)
    provider, native_id = identity
    known = LoginIdentity(provider, str(native_id), native_id, ())
    recorded = recorded_identity(plan, scope, known, identifier)
    draft = ProfileDraft(scope, denied, set(recorded.used))
    person = _mapped(plan, draft, recorded, identifier, pictures)
    return Remapped(person, leads_elsewhere(plan, scope, known, identifier))


def _mapped(
    plan: CompiledStrategy,
    draft: ProfileDraft,
    identity: LoginIdentity,
    identifier: str | None,
    pictures: Pictures,
) -> Normalized:
    scope, connection = draft.scope, draft.scope.connection
    own = apply_mapping(scope)
    _read_attributes(draft, plan, own)
    if plan.row.kind == "passwordless":
        _take_identifier(draft, connection.strategy, identifier)
    if plan.row.lower_case:
        for name in draft.attributes.keys() & {"email", "username"}:
            draft.attributes[name] = draft.attributes[name].lower()
    verify_email(draft, plan, scope, own)
    verify_phone(draft, plan, scope, own)
    _fill_in(draft, identity.provider, identity.idp_id.removeprefix(f"{connection.name}|"), pictures)
    named = _named_extras(draft, plan, own)
    leftovers = extras(
        plan, connection.strategy, scope.reading, draft.used, named, only_named=own.is_complete
    )
    return Normalized(
        provider=identity.provider,
        idp_id=identity.idp_id,
        is_social=plan.row.kind == "social",
        attributes=draft.attributes,
        extras=leftovers,
        sources=draft.sources,
        native_id=identity.native_id,
    )


def _scope(
    plan: CompiledStrategy, connection: ConnectionSettings, claims: Mapping[str, Any]
) -> MappingContext:
    view = plan.row.view
    return MappingContext(connection, claims, view.read(claims), view)


def _denied(options: Mapping[str, Any]) -> frozenset[str]:
    """Return `non_persistent_attrs`, the names of claims that are never stored."""
    names = options.get("non_persistent_attrs")
    return (
        frozenset(name for name in names if isinstance(name, str)) if isinstance(names, list) else frozenset()
    )


def _without(denied: frozenset[str], scope: MappingContext) -> MappingContext:
    """Return the scope of the login without the denied claims."""
    claims = without_denied(scope.claims, denied, scope.view)
    return MappingContext(scope.connection, claims, scope.view.read(claims), scope.view)


def _read_attributes(draft: ProfileDraft, plan: CompiledStrategy, own: Mapped) -> None:
    claims, values = draft.scope.reading.claims, own.values
    for name, reader, candidates in plan.attributes:
        if values and name in values:
            draft.take(name, _reread(values[name], reader))
        else:
            draft.take(name, find(claims, candidates, reader))


def _reread(found: Found | None, reader: Reader) -> Found | None:
    """Return what the connection's mapping found, if the reader of the attribute accepts it."""
    read = None if found is None else reader(found.value)
    return (
        None
        if found is None or read is None
        else Found(read[0], (*found.path, *read[1]), (*found.used, *read[1]))
    )


def _take_identifier(draft: ProfileDraft, strategy: str, identifier: str | None) -> None:
    """Take over the address to which a code was sent; the login itself proves it."""
    name, reader = ("email", email) if strategy == "email" else ("phone_number", phone)
    if identifier is None or name in draft.attributes or name in draft.denied:
        return
    read = reader(identifier)
    if read is not None:
        draft.attributes[name] = read[0]
        draft.sources[name] = "identifier"


def _fill_in(draft: ProfileDraft, provider: str, idp_id: str, pictures: Pictures) -> None:
    """Set the defaults of a profile unless they must not be stored; `idp_id` has no connection prefix."""
    attributes, denied = draft.attributes, draft.denied
    preferred = None if "email" in attributes else _preferred(draft.scope)
    if "name" not in attributes and "name" not in denied:
        draft.make_up("name", *default_name(attributes, preferred, idp_id))
    if "nickname" not in attributes and "nickname" not in denied:
        draft.make_up("nickname", *default_nickname(attributes, preferred, idp_id))
    if "picture" not in attributes and "picture" not in denied:
        picture = default_picture(attributes, provider, pictures)
        if picture is not None:
            draft.make_up("picture", *picture)


def _preferred(scope: MappingContext) -> str | None:
    read = text(scope.reading.claims.get(scope.view.fold("preferred_username")))
    return None if read is None else read[0]


def _named_extras(draft: ProfileDraft, plan: CompiledStrategy, own: Mapped) -> dict[str, Any]:
    """Return leftovers whose names the strategy or the connection chose; None for one that must be absent."""
    named: dict[str, Any] = {}
    for name, candidates in () if own.is_complete else plan.extras:
        found = find(draft.scope.reading.claims, candidates, anything)
        if found is not None:
            named[name] = prune(found.value)
            draft.used.add(found.used)
    for name, found in own.values.items():
        if name not in ATTRIBUTES and name != "user_id":
            named[name] = None if found is None else prune(found.value)
            if found is not None:
                draft.used.add(found.used)
    return named
