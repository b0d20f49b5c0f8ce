"""(raw claims, connection settings) -> a normalized login. Pure; the input is never changed."""

from collections.abc import Mapping
from typing import Any

from projections.normalization.catalogue import plan_of
from projections.normalization.claims.paths import Found
from projections.normalization.claims.values import Reader, anything, email, phone, text
from projections.normalization.claims.views import Reading
from projections.normalization.defaults import (
    GRAVATAR,
    Pictures,
    default_name,
    default_nickname,
    default_picture,
)
from projections.normalization.draft import Draft
from projections.normalization.identity import identity_of, key_of
from projections.normalization.leftovers import extras, pruned
from projections.normalization.model import ATTRIBUTES, ConnectionSettings, Normalized
from projections.normalization.overrides import Mapped, Scope, mapped
from projections.normalization.strategy import Plan, find
from projections.normalization.verification import verify_email, verify_phone


def identify(
    connection: ConnectionSettings, claims: Mapping[str, Any], identifier: str | None = None
) -> tuple[str, str]:
    """(provider, idp_id) of a login, the same as `normalize` says. Raises UnmappableLogin."""
    plan = plan_of(connection.strategy)
    provider, idp_id, _, _ = key_of(plan, _scope(plan, connection, claims), identifier)
    return provider, idp_id


def normalize(
    connection: ConnectionSettings,
    claims: Mapping[str, Any],
    identifier: str | None = None,
    pictures: Pictures = GRAVATAR,
) -> Normalized:
    """The login in Vita's words; `pictures` says which one a person without a picture gets. Raises
    UnmappableLogin."""
    plan = plan_of(connection.strategy)
    scope = _scope(plan, connection, claims)
    identity = identity_of(plan, scope, identifier)
    denied = _denied(connection.options)
    if denied:
        scope = _without(denied, scope)
    own = mapped(scope)
    draft = Draft(scope, denied, set(identity.used))
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
    is_social = plan.row.kind == "social"
    return Normalized(
        identity.provider,
        identity.idp_id,
        is_social,
        draft.attributes,
        leftovers,
        draft.sources,
        identity.native_id,
    )


def _scope(plan: Plan, connection: ConnectionSettings, claims: Mapping[str, Any]) -> Scope:
    view = plan.row.view
    return Scope(connection, claims, view.read(claims), view)


def _denied(options: Mapping[str, Any]) -> frozenset[str]:
    """`non_persistent_attrs`: names of claims that are never stored."""
    names = options.get("non_persistent_attrs")
    return (
        frozenset(name for name in names if isinstance(name, str)) if isinstance(names, list) else frozenset()
    )


def _without(denied: frozenset[str], scope: Scope) -> Scope:
    """The login as if its provider had not sent the denied claims."""
    claims = {name: value for name, value in scope.claims.items() if name not in denied}
    reading = scope.view.read(claims)
    if reading.own or reading.raw:
        kept = {
            name: value for name, value in reading.claims.items() if reading.own.get(name, name) not in denied
        }
        reading = Reading(kept, reading.own, reading.raw)
    return Scope(scope.connection, claims, reading, scope.view)


def _read_attributes(draft: Draft, plan: Plan, own: Mapped) -> None:
    claims, values = draft.scope.reading.claims, own.values
    for name, reader, candidates in plan.attributes:
        if values and name in values:
            draft.take(name, _reread(values[name], reader))
        else:
            draft.take(name, find(claims, candidates, reader))


def _reread(found: Found | None, reader: Reader) -> Found | None:
    """What the connection's mapping found, if it can be that attribute."""
    read = None if found is None else reader(found.value)
    return (
        None
        if found is None or read is None
        else Found(read[0], (*found.path, *read[1]), (*found.used, *read[1]))
    )


def _take_identifier(draft: Draft, strategy: str, identifier: str | None) -> None:
    """The address a code was sent to is proven by the login itself."""
    name, reader = ("email", email) if strategy == "email" else ("phone_number", phone)
    if identifier is None or name in draft.attributes or name in draft.denied:
        return
    read = reader(identifier)
    if read is not None:
        draft.attributes[name] = read[0]
        draft.sources[name] = "identifier"


def _fill_in(draft: Draft, provider: str, idp_id: str, pictures: Pictures) -> None:
    """What every profile shows, unless it must not be stored; `idp_id` is without the connection's prefix."""
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


def _preferred(scope: Scope) -> str | None:
    read = text(scope.reading.claims.get(scope.view.fold("preferred_username")))
    return None if read is None else read[0]


def _named_extras(draft: Draft, plan: Plan, own: Mapped) -> dict[str, Any]:
    """Leftovers under names the strategy or the connection chose; None for one that must not be there."""
    named: dict[str, Any] = {}
    for name, candidates in () if own.is_complete else plan.extras:
        found = find(draft.scope.reading.claims, candidates, anything)
        if found is not None:
            named[name] = pruned(found.value)
            draft.used.add(found.used)
    for name, found in own.values.items():
        if name not in ATTRIBUTES and name != "user_id":
            named[name] = None if found is None else pruned(found.value)
            if found is not None:
                draft.used.add(found.used)
    return named
