"""Whether an address is verified: only when somebody trusted says so, never because nobody denies it."""

from collections.abc import Mapping
from typing import Any, Final

from projections.normalization.claims.paths import Found, descend
from projections.normalization.claims.values import boolean, email, verification
from projections.normalization.draft import Draft
from projections.normalization.overrides import Mapped, Scope
from projections.normalization.strategy import Plan, find

TRUST_OPTION: Final = "should_trust_email_verified_connection"
_TRUST: Final = {"always_set_emails_as_verified": True, "never_set_emails_as_verified": False}
_UNVERIFIED: Final = (False, "default:unverified")


def verify_email(draft: Draft, plan: Plan, scope: Scope, own: Mapped) -> None:
    """Gives an address its flag: the connection's decision, else the provider's own word, else false."""
    address = draft.attributes.get("email")
    if address is not None and "email_verified" not in draft.denied:
        flag, source = _decided(plan, scope) or _claimed(draft, plan, scope, own, address) or _UNVERIFIED
        draft.attributes["email_verified"] = flag
        draft.sources["email_verified"] = source


def verify_phone(draft: Draft, plan: Plan, scope: Scope, own: Mapped) -> None:
    """Gives a number its flag where there is a word on it; the code of an SMS login is one."""
    if "phone_number" not in draft.attributes or "phone_verified" in draft.denied:
        return
    if plan.row.kind == "passwordless" and scope.connection.strategy == "sms":
        draft.attributes["phone_verified"] = True
        draft.sources["phone_verified"] = "strategy:sms"
        return
    mapped = own.values.get("phone_verified")
    if "phone_verified" not in own.values:
        draft.take("phone_verified", find(scope.reading.claims, plan.phone_verified, boolean))
    elif mapped is not None and (read := boolean(mapped.value)) is not None:
        draft.take("phone_verified", Found(read[0], mapped.path, mapped.used))


def _decided(plan: Plan, scope: Scope) -> tuple[bool, str] | None:
    """What is settled without asking the provider."""
    if plan.row.kind == "passwordless":
        return (True, "strategy:email") if scope.connection.strategy == "email" else None
    if plan.row.kind != "enterprise":
        return None
    option = scope.connection.options.get(TRUST_OPTION)
    if isinstance(option, str) and option in _TRUST:
        return _TRUST[option], f"option:{TRUST_OPTION}"
    return None if plan.row.trusts_email else _UNVERIFIED


def _claimed(draft: Draft, plan: Plan, scope: Scope, own: Mapped, address: str) -> tuple[bool, str] | None:
    """The provider's word on this very address."""
    claims = scope.reading.claims
    if "email_verified" in own.values:
        mapped = own.values["email_verified"]
        read = None if mapped is None else boolean(mapped.value)
        found = Found(read[0], mapped.path, mapped.used) if mapped is not None and read is not None else None
    elif own.values.get("email") is not None and not _is_usual(plan, claims, address):
        return None
    else:
        found = _listed(draft, claims, address) or find(claims, plan.verified, boolean)
    if found is None:
        return None
    draft.used.add(found.used)
    return found.value, scope.spelled(found)


def _listed(draft: Draft, claims: Mapping[str, Any], address: str) -> Found | None:
    """The flag beside the address in the list it was taken from, or in `emails`."""
    path = draft.email_path
    holder = next((path[:at] for at, key in enumerate(path) if isinstance(key, int)), ("emails",))
    flagged = verification(descend(claims, holder), address)
    if flagged is None:
        return None
    where = (*holder, *flagged[1])
    return Found(flagged[0], where, where)


def _is_usual(plan: Plan, claims: Mapping[str, Any], address: str) -> bool:
    """Whether a mapped address is the one the provider's flag speaks of."""
    candidates = next(candidates for name, _, candidates in plan.attributes if name == "email")
    found = find(claims, candidates, email)
    return found is not None and bool(found.value == address)
