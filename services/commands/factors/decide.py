"""What becomes of a person's authentication methods, and how they are shown."""

from collections.abc import Mapping, Sequence
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
from services.commands.outcome import Draft
from services.management.factors.models import CreateFactor, SetFactor, UpdateFactor
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
_KEYS: Final = (
    "key_id", "public_key", "relying_party_identifier", "aaguid", "credential_device_type",
    "credential_backed_up", "identity_user_id", "user_agent", "user_handle", "transports",
)  # fmt: skip
_ADDRESSES: Final = ("email", "phone_number")
_METHODS: Final = ("preferred_authentication_method", "authentication_methods")
_READ: Final = ("id", "type", "confirmed", "name", *_ADDRESSES, *_KEYS, "created_at", *_METHODS)
_CHANGED: Final = ("type", "name", "created_at", *_ADDRESSES, *_KEYS, *_METHODS, "id")
_ENROLLED_BY: Final[Mapping[str, str]] = {
    "totp": "authenticator",
    "push": "guardian",
    "guardian": "guardian",
    "phone": "sms",
    "webauthn-roaming": "webauthn-roaming",
    "webauthn-platform": "webauthn-platform",
}


def enrol(holdings: Mapping[str, Any], body: CreateFactor | SetFactor, device: str) -> Draft | Rejection:
    """One more method, under the id that this device makes."""
    factors = factors_of(holdings)
    given = body.model_dump(mode="json", exclude_none=True, exclude={"type"})
    details = {name: value for name, value in given.items() if name not in _SECRETS}
    if body.type == "phone":
        details.setdefault("preferred_authentication_method", "sms")
    elif "preferred_authentication_method" in details:
        return NO_PHONE
    if collides(factors, body.type, details):
        return EXISTS
    if sum(factor["type"] == body.type for factor in factors) >= MOST:
        return TOO_MANY
    return Draft(
        MfaEnrolled,
        MfaEnrolledData(
            factor_id=f"{body.type}|{device}",
            factor_type=body.type,
            details={
                **details,
                **({"transports": list(details["transports"])} if "transports" in details else {}),
            },
            secrets={name: value for name, value in given.items() if name in _SECRETS},
        ),
    )


def replace(
    holdings: Mapping[str, Any], bodies: Sequence[SetFactor], devices: Sequence[str]
) -> Sequence[Draft] | Rejection:
    """All methods gone and these instead."""
    gone = remove(holdings, factors_of(holdings))
    if isinstance(gone, Rejection):
        return gone
    drafts, there = list(gone), dict[str, Any](factors=[])
    for body, device in zip(bodies, devices, strict=True):
        draft = enrol(there, body, device)
        if isinstance(draft, Rejection):
            return draft
        drafts.append(draft)
        there["factors"].append({**draft.data.model_dump()["details"], "id": device, "type": body.type})
    return drafts


def remove(holdings: Mapping[str, Any], factors: Sequence[Factor]) -> Sequence[Draft] | Rejection:
    """All of these gone; refused while there is a passkey."""
    if any(factor["type"] == "passkey" for factor in factors_of(holdings)):
        return HAS_PASSKEY
    return gone(factors)


def gone(factors: Sequence[Factor]) -> Sequence[Draft]:
    """The event that says so; none for none."""
    ids = tuple(factor["id"] for factor in factors)
    return (Draft(MfaRemoved, MfaRemovedData(factor_ids=ids)),) if ids else ()


def change(factor: Factor, body: UpdateFactor) -> Sequence[Draft] | Rejection:
    """A method renamed or preferred another way; no event when it is so already."""
    preferred = body.preferred_authentication_method
    if preferred is not None and factor["type"] != "phone":
        return NO_PHONE
    told = {"name": body.name, "preferred_authentication_method": preferred}
    new = {
        name: value for name, value in told.items() if value is not None and not same(factor.get(name), value)
    }
    return (Draft(MfaChanged, MfaChangedData(factor_id=factor["id"], **new)),) if new else ()


def second_factors(holdings: Mapping[str, Any]) -> list[Factor]:
    """The methods that are second factors, and the recovery code."""
    factors = factors_of(holdings)
    return [one for one in factors if provider_of(one) is not None or one["type"] == "recovery-code"]


def of_provider(holdings: Mapping[str, Any], provider: str) -> list[Factor]:
    """The second factors that `multifactor` shows under this name."""
    return [factor for factor in factors_of(holdings) if provider_of(factor) == provider]


def shown(factor: Factor, *, masked: bool = True) -> dict[str, Any]:
    """A method as it is read."""
    return _in_order(_READ, _presented(factor, masked))


def shown_changed(factor: Factor) -> dict[str, Any]:
    """A method as it is answered when it was made or changed."""
    return _in_order(_CHANGED, _presented(factor, masked=True))


def shown_set(factor: Factor) -> dict[str, Any]:
    """A method as it is answered when all were replaced: as it was sent."""
    found = shown(factor, masked=False)
    return {name: value for name, value in found.items() if name != "confirmed"}


def in_list(holdings: Mapping[str, Any]) -> list[Factor]:
    """As lists show them: in the order of enrolment, phones last."""
    return sorted(factors_of(holdings), key=lambda factor: factor["type"] == "phone")


def enrollments(holdings: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The first confirmed enrolment in multi-factor authentication."""
    for factor in factors_of(holdings):
        method = _ENROLLED_BY.get(factor["type"])
        if method is not None and factor["confirmed"]:
            number = mask_phone(factor["phone_number"]) if "phone_number" in factor else None
            shown_ = {
                "id": factor["id"].partition("|")[2],
                "status": "confirmed",
                "type": factor["type"],
                "name": factor.get("name", number),
                "identifier": number,
                "phone_number": number,
                "auth_method": method,
                "enrolled_at": factor["created_at"],
            }
            return [{name: value for name, value in shown_.items() if value is not None}]
    return []


def mask_email(address: str) -> str:
    """The first 4 characters of local part and domain; a short local part is hidden whole."""
    local, _, domain = address.rpartition("@")
    hidden = "****" if len(local) <= 4 else _tail(local)
    return f"{hidden}@{_tail(domain)}"


def mask_phone(number: str) -> str:
    """The last 4 characters."""
    return "X" * (len(number) - 4) + number[-4:] if len(number) > 4 else "X" * len(number)


def _tail(text: str) -> str:
    return text[:4] + "*" * (len(text) - 4)


def _presented(factor: Factor, masked: bool) -> dict[str, Any]:
    found = dict(factor)
    if masked:
        for name, mask in (("email", mask_email), ("phone_number", mask_phone)):
            if name in found:
                found[name] = mask(found[name])
    if factor["type"] == "phone":
        preferred = factor.get("preferred_authentication_method", "sms")
        device = factor["id"].partition("|")[2]
        found["authentication_methods"] = [{"id": f"{preferred}|{device}", "type": preferred}]
    return found


def _in_order(names: Sequence[str], values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: values[name] for name in names if name in values}
