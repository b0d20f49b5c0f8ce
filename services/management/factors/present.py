"""Authentication methods and enrolments as JSON."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from projections.profile.changes.factors import Factor, factors_of

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


def shown(factor: Factor, *, masked: bool = True) -> dict[str, Any]:
    """Return a method as read operations show it."""
    return _in_order(_READ, _presented(factor, masked))


def shown_changed(factor: Factor) -> dict[str, Any]:
    """Return a method as the operations show it that create or change one."""
    return _in_order(_CHANGED, _presented(factor, masked=True))


def shown_set(factor: Factor) -> dict[str, Any]:
    """Return a method as the operation shows it that replaces all methods: unmasked."""
    found = shown(factor, masked=False)
    return {name: value for name, value in found.items() if name != "confirmed"}


def in_list(associations: Mapping[str, Any]) -> list[Factor]:
    """Return the methods in the order of lists: by enrolment, with phones last."""
    return sorted(factors_of(associations), key=lambda factor: factor["type"] == "phone")


def enrollments(associations: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a list with the first confirmed enrolment in multi-factor authentication; empty if there is
    none."""
    for factor in factors_of(associations):
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
    """Mask all but the first 4 characters of local part and domain. A local part of at most 4 characters is
    hidden completely."""
    local, _, domain = address.rpartition("@")
    hidden = "****" if len(local) <= 4 else _tail(local)
    return f"{hidden}@{_tail(domain)}"


def mask_phone(number: str) -> str:
    """Mask all but the last 4 characters."""
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
