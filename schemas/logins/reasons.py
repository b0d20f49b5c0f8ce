"""Reasons of refused logins as gateways report them, and the types of their log entries (spec §10.2)."""

from collections.abc import Mapping
from typing import Final

OTHER: Final = "f"
_REASONS: Final[Mapping[str, tuple[str, ...]]] = {
    "fp": ("wrong_password", "invalid_password", "password_incorrect", "bad_password"),
    "fu": ("unknown_user", "user_not_found", "invalid_user", "no_such_user"),
    "fc": ("connector_failed", "connector_offline"),
    "fcoa": ("cross_origin", "cross_origin_failed"),
    "fsa": ("login_required", "consent_required", "interaction_required"),
    "limit_wc": ("too_many_attempts", "brute_force", "account_locked"),
    "limit_mu": ("suspicious_ip", "ip_blocked"),
    "limit_sul": ("same_user_flood",),
    "mfar": ("mfa_required",),
    "pwd_leak": ("password_leaked", "breached_password"),
    "gd_auth_failed": ("mfa_failed", "wrong_otp"),
    "gd_auth_rejected": ("mfa_rejected",),
}
CODES: Final[Mapping[str, str]] = {
    reason: code for code, reasons in _REASONS.items() for reason in (code, *reasons)
}
"""Log entry type by reason. A type may be used as a reason too; any other reason has the type `f`."""


def code_of(reason: str) -> str:
    """Return the type of the log entry for a login refused for this reason."""
    return CODES.get(reason, OTHER)


def table() -> str:
    """Return the reasons by type as one line of text for documents."""
    known = "; ".join(f"{code}: {', '.join(reasons)}" for code, reasons in _REASONS.items())
    return f"The log entry's type follows from it ({known}); {OTHER} for any other."
