"""The factors that a user has enrolled: public details in the associations, proofs in the secrets."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, assert_never

from projections.profile.memory import is_turned_down, refuse
from projections.profile.revisions import advance, revise
from projections.profile.state import Profile
from schemas.events import FactorEvent, MfaChanged, MfaEnrolled
from schemas.formats.instants import render

FACTORS: Final = "factors"
RECOVERY_CODE: Final = "recovery-code"
Factor = Mapping[str, Any]
"""`id, type, confirmed, created_at`, the details, and the values that edits set."""
_PROVIDERS: Final[Mapping[str, str]] = {
    "totp": "google-authenticator",
    "push": "guardian",
    "phone": "guardian",
    "email": "guardian",
    "webauthn-roaming": "guardian",
    "webauthn-platform": "guardian",
    "guardian": "guardian",
}
_ADDRESSES: Final = ("email", "phone_number", "key_id")
"""Details that no two factors of a type may share."""


def factors_of(associations: Mapping[str, Any]) -> Sequence[Factor]:
    """Return the factors, in the order of enrolment."""
    found: Sequence[Factor] = associations.get(FACTORS, ())
    return found


def provider_of(factor: Factor) -> str | None:
    """Return the name of the factor in `multifactor`; None if it is not a second factor."""
    return _PROVIDERS.get(factor["type"])


def collides(factors: Sequence[Factor], kind: str, details: Mapping[str, Any]) -> bool:
    """Return whether one of the factors has this type and an equal address or key; a second `totp` always
    collides."""
    alike = [factor for factor in factors if factor["type"] == kind]
    if kind == "totp":
        return bool(alike)
    return any(
        factor.get(name) == details[name] for factor in alike for name in _ADDRESSES if name in details
    )


def with_factors(profile: Profile, event: FactorEvent) -> Profile:
    """Return the profile after the event. The event is refused if its command was rejected, if there is no
    document, or if the factor it names does not exist."""
    document = profile.document
    if document is None or is_turned_down(profile, event):
        return refuse(profile, event)
    factors = factors_of(profile.associations)
    match event.type:
        case "profile.mfa.enrolled":
            made = _enrolled(event)
            known = any(factor["id"] == made["id"] for factor in factors)
            if known or collides(factors, made["type"], event.data.details):
                return refuse(profile, event)
            return _moved(profile, document, event, (*factors, made), {made["id"]: event.data.secrets})
        case "profile.mfa.removed":
            kept = tuple(factor for factor in factors if factor["id"] not in event.data.factor_ids)
            return _moved(profile, document, event, kept)
        case "profile.mfa.changed":
            if all(factor["id"] != event.data.factor_id for factor in factors):
                return refuse(profile, event)
            return revise(profile, **{FACTORS: [_changed(factor, event) for factor in factors]})
        case "profile.recovery_code.regenerated":
            made = _made(event.data.factor_id, RECOVERY_CODE, event)
            others = tuple(factor for factor in factors if factor["type"] != RECOVERY_CODE)
            secrets = {made["id"]: {"code_hash": event.data.code_hash}}
            return _moved(profile, document, event, (*others, made), secrets)
        case _:
            assert_never(event)


def _made(factor_id: str, kind: str, event: FactorEvent, confirmed: bool = True) -> dict[str, Any]:
    return {"id": factor_id, "type": kind, "confirmed": confirmed, "created_at": render(event.time)}


def _enrolled(event: MfaEnrolled) -> dict[str, Any]:
    made = _made(event.data.factor_id, event.data.factor_type, event, event.data.confirmed)
    return {**event.data.details, **made}


def _changed(factor: Factor, event: MfaChanged) -> Factor:
    if factor["id"] != event.data.factor_id:
        return factor
    given = {
        "name": event.data.name,
        "preferred_authentication_method": event.data.preferred_authentication_method,
    }
    return {**factor, **{name: value for name, value in given.items() if value is not None}}


def _moved(
    profile: Profile,
    document: Mapping[str, Any],
    event: FactorEvent,
    factors: Sequence[Factor],
    new: Mapping[str, Mapping[str, Any]] | None = None,
) -> Profile:
    """Return the profile with these factors, without the secrets of removed factors, and with `multifactor`
    updated."""
    now, there = render(event.time), {factor["id"] for factor in factors}
    known = {**profile.secrets.get(FACTORS, {}), **(new or {})}
    secrets = {name: value for name, value in profile.secrets.items() if name != FACTORS}
    if kept := {name: value for name, value in known.items() if name in there and value}:
        secrets[FACTORS] = kept
    associations = {name: value for name, value in profile.associations.items() if name != FACTORS}
    if factors:
        associations[FACTORS] = list(factors)
    changed = {name: value for name, value in document.items() if name != "multifactor"}
    providers = dict.fromkeys(provider for factor in factors if (provider := _second(factor)) is not None)
    if providers:
        changed["multifactor"] = list(providers)
    changed["multifactor_last_modified"] = now
    return advance(profile._replace(secrets=secrets, associations=associations), changed, now)


def _second(factor: Factor) -> str | None:
    return provider_of(factor) if factor["confirmed"] else None
