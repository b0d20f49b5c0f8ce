"""Whether an e-mail address or phone number is verified: only if a trusted party says so."""

from collections.abc import Mapping
from typing import Any, Final

from projections.normalization.claims.paths import Found, descend
from projections.normalization.claims.values import boolean, email, verification
from projections.normalization.draft import ProfileDraft
from projections.normalization.overrides import Mapped, MappingContext
from projections.normalization.strategy import CompiledStrategy, find

TRUST_OPTION: Final = "should_trust_email_verified_connection"
_TRUST: Final = {"always_set_emails_as_verified": True, "never_set_emails_as_verified": False}
_UNVERIFIED: Final = (False, "default:unverified")


def verify_email(draft: ProfileDraft, plan: CompiledStrategy, scope: MappingContext, own: Mapped) -> None:
    """Set `email_verified`: the connection's decision, otherwise the provider's flag, otherwise false."""
    address = draft.attributes.get("email")
    if address is not None and "email_verified" not in draft.denied:
        flag, source = _decided(plan, scope) or _claimed(draft, plan, scope, own, address) or _UNVERIFIED
        draft.attributes["email_verified"] = flag
        draft.sources["email_verified"] = source


def verify_phone(draft: ProfileDraft, plan: CompiledStrategy, scope: MappingContext, own: Mapped) -> None:
    """Set `phone_verified` if there is a flag; a login with an SMS code verifies the number itself."""
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


def _decided(plan: CompiledStrategy, scope: MappingContext) -> tuple[bool, str] | None:
    """Return the decision that does not depend on the provider's claims, or None."""
    if plan.row.kind == "passwordless":
        return (True, "strategy:email") if scope.connection.strategy == "email" else None
    if plan.row.kind != "enterprise":
        return None
    option = scope.connection.options.get(TRUST_OPTION)
    if isinstance(option, str) and option in _TRUST:
        return _TRUST[option], f"option:{TRUST_OPTION}"
    return None if plan.row.trusts_email else _UNVERIFIED


def _claimed(
    draft: ProfileDraft, plan: CompiledStrategy, scope: MappingContext, own: Mapped, address: str
) -> tuple[bool, str] | None:
    """Return the provider's flag for this very address, or None."""
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


def _listed(draft: ProfileDraft, claims: Mapping[str, Any], address: str) -> Found | None:
    """Return the flag beside the address in the list from which it was read, or in `emails`."""
    path = draft.email_path
    holder = next((path[:at] for at, key in enumerate(path) if isinstance(key, int)), ("emails",))
    flagged = verification(descend(claims, holder), address)
    if flagged is None:
        return None
    where = (*holder, *flagged[1])
    return Found(flagged[0], where, where)


def _is_usual(plan: CompiledStrategy, claims: Mapping[str, Any], address: str) -> bool:
    """Return whether a mapped address is the one to which the provider's flag refers."""
    candidates = next(candidates for name, _, candidates in plan.attributes if name == "email")
    found = find(claims, candidates, email)
    return found is not None and bool(found.value == address)
