"""Commands to a user's authentication methods, decided on what the user holds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from projections.profile.changes.factors import Factor, collides, factors_of, provider_of
from schemas.events import (
    MfaChanged,
    MfaChangedData,
    MfaEnrolled,
    MfaEnrolledData,
    MfaRemoved,
    MfaRemovedData,
)
from schemas.formats.exact_json import same
from services.commands.decision import Acceptance, Decision, Draft
from services.runtime.rejection import Rejection, invalid

EXISTS: Final = Rejection("conflict", "Authentication method already exists.")
TOO_MANY: Final = Rejection("forbidden", "You reached the limit of entities of this type for this user.")
HAS_PASSKEY: Final = Rejection(
    "forbidden", "Operation not permitted when the user has registered at least 1 passkey"
)
NO_SUCH_FACTOR: Final = Rejection("not_found", "The authentication method could not be found.")
NO_PHONE: Final = invalid("preferred_authentication_method is for phone authentication methods only.")
MOST: Final = 10
"""Authentication methods of one type that one user can have."""
_SECRETS: Final = frozenset(("totp_secret",))


@dataclass(frozen=True, slots=True)
class NewFactor:
    """An authentication method to enrol: its type, the details in the request, and the device id that it
    gets."""

    type: str
    given: Mapping[str, Any] = field(repr=False)
    device: str

    @property
    def id(self) -> str:
        """The id of the method."""
        return f"{self.type}|{self.device}"


@dataclass(frozen=True, slots=True)
class FactorChange:
    """Changes of an authentication method; None leaves a value unchanged."""

    name: str | None = None
    preferred_authentication_method: str | None = None


def enrol(associations: Mapping[str, Any], factor: NewFactor) -> Decision:
    """Enrol one more method."""
    draft = _enrolment(associations, factor)
    return draft if isinstance(draft, Rejection) else Acceptance((draft,))


def replace(associations: Mapping[str, Any], new: Sequence[NewFactor]) -> Decision:
    """Remove all methods and enrol these instead."""
    removal = remove(associations, factors_of(associations))
    if isinstance(removal, Rejection):
        return removal
    drafts, enrolled = list(removal.drafts), dict[str, Any](factors=[])
    for factor in new:
        draft = _enrolment(enrolled, factor)
        if isinstance(draft, Rejection):
            return draft
        drafts.append(draft)
        details = draft.data.model_dump()["details"]
        enrolled["factors"].append({**details, "id": factor.device, "type": factor.type})
    return Acceptance(tuple(drafts))


def remove(associations: Mapping[str, Any], factors: Sequence[Factor]) -> Decision:
    """Remove these methods; rejected while there is a passkey."""
    if any(factor["type"] == "passkey" for factor in factors_of(associations)):
        return HAS_PASSKEY
    return removal_of(factors)


def removal_of(factors: Sequence[Factor]) -> Acceptance:
    """Remove these methods, without checking the others."""
    ids = tuple(factor["id"] for factor in factors)
    return Acceptance((Draft(MfaRemoved, MfaRemovedData(factor_ids=ids)),) if ids else ())


def remove_one(associations: Mapping[str, Any], identity: str) -> Decision:
    """Remove the method with this id."""
    found = find_factor(associations, identity)
    return NO_SUCH_FACTOR if found is None else removal_of((found,))


def change(associations: Mapping[str, Any], identity: str, changes: FactorChange) -> Decision:
    """Rename the method with this id, or prefer another way to reach the user."""
    factor = find_factor(associations, identity)
    if factor is None:
        return NO_SUCH_FACTOR
    preferred = changes.preferred_authentication_method
    if preferred is not None and factor["type"] != "phone":
        return NO_PHONE
    given = {"name": changes.name, "preferred_authentication_method": preferred}
    new = {
        name: value
        for name, value in given.items()
        if value is not None and not same(factor.get(name), value)
    }
    data: dict[str, Any] = {"factor_id": identity, **new}
    return Acceptance((Draft(MfaChanged, MfaChangedData(**data)),) if new else ())


def find_factor(associations: Mapping[str, Any], identity: str) -> Factor | None:
    """Return the method with this id, None if there is none."""
    return next((one for one in factors_of(associations) if one["id"] == identity), None)


def second_factors(associations: Mapping[str, Any]) -> list[Factor]:
    """Return the methods that are second factors, and the recovery code."""
    factors = factors_of(associations)
    return [one for one in factors if provider_of(one) is not None or one["type"] == "recovery-code"]


def of_provider(associations: Mapping[str, Any], provider: str) -> list[Factor]:
    """Return the second factors that `multifactor` shows under this name."""
    return [factor for factor in factors_of(associations) if provider_of(factor) == provider]


def _enrolment(associations: Mapping[str, Any], factor: NewFactor) -> Draft | Rejection:
    factors = factors_of(associations)
    details = {name: value for name, value in factor.given.items() if name not in _SECRETS}
    if factor.type == "phone":
        details.setdefault("preferred_authentication_method", "sms")
    elif "preferred_authentication_method" in details:
        return NO_PHONE
    if collides(factors, factor.type, details):
        return EXISTS
    if sum(one["type"] == factor.type for one in factors) >= MOST:
        return TOO_MANY
    transports = {"transports": list(details["transports"])} if "transports" in details else {}
    data = MfaEnrolledData(
        factor_id=factor.id,
        factor_type=factor.type,
        details={**details, **transports},
        secrets={name: value for name, value in factor.given.items() if name in _SECRETS},
    )
    return Draft(MfaEnrolled, data)
