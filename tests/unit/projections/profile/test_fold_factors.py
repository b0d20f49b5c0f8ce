"""Factors in the fold: the document shows the providers, secrets stay with their factor."""

from typing import Any

import pytest

from projections.profile.changes.factors import factors_of
from projections.profile.state import Profile
from schemas.events import (
    MfaChanged,
    MfaChangedData,
    MfaEnrolled,
    MfaEnrolledData,
    MfaRemoved,
    MfaRemovedData,
    RecoveryCodeRegenerated,
    RecoveryCodeRegeneratedData,
)
from tests.samples.profile_events import creation, document, event, person

A, B = "dev_aaaaaaaaaaaaaaaa", "dev_bbbbbbbbbbbbbbbb"


def enrolled(
    kind: Any = "totp", device: str = A, minute: int = 1, confirmed: bool = True, **parts: Any
) -> Any:
    data = MfaEnrolledData(factor_id=f"{kind}|{device}", factor_type=kind, confirmed=confirmed, **parts)
    return event(MfaEnrolled, data, minute)


def removed(*ids: str) -> Any:
    return event(MfaRemoved, MfaRemovedData(factor_ids=ids), 5)


def changed(factor_id: str, **values: Any) -> Any:
    return event(MfaChanged, MfaChangedData(factor_id=factor_id, **values), 5)


def code(device: str = A, code_hash: str = "h") -> Any:
    data = RecoveryCodeRegeneratedData(factor_id=f"recovery-code|{device}", code_hash=code_hash)
    return event(RecoveryCodeRegenerated, data, 5)


def numbered(number: str, device: str = A) -> Any:
    return enrolled("phone", device, details={"phone_number": number})


def made(*events: Any) -> Profile:
    return person([creation(), *events])


def kinds(profile: Profile) -> list[str]:
    return [factor["type"] for factor in factors_of(profile.associations)]


def test_an_enrolled_factor() -> None:
    """The details are shown, the secret is kept under its id, and the document names the provider."""
    one = made(enrolled(details={"name": "App"}, secrets={"totp_secret": "s"}))
    (factor,) = factors_of(one.associations)
    assert factor == {
        "id": f"totp|{A}", "type": "totp", "confirmed": True, "created_at": "2026-11-23T10:01:00.000Z",
        "name": "App",
    }  # fmt: skip
    assert one.secrets["factors"] == {f"totp|{A}": {"totp_secret": "s"}}
    assert one.document is not None
    assert one.document["multifactor"] == ["google-authenticator"]
    assert one.document["multifactor_last_modified"] == "2026-11-23T10:01:00.000Z"


def test_a_provider_is_shown_once() -> None:
    """For confirmed second factors only."""
    shown = document(creation(), enrolled("push"), enrolled("phone"), enrolled())
    assert shown["multifactor"] == ["guardian", "google-authenticator"]
    assert "multifactor" not in document(creation(), enrolled(confirmed=False))
    assert "multifactor" not in document(creation(), enrolled("passkey"))


@pytest.mark.parametrize(
    ("first", "second", "taken"),
    [
        (enrolled(), enrolled(device=B), False),
        (enrolled("push"), enrolled("push", B), True),
        (enrolled("push"), enrolled("push"), False),
        (
            numbered("1"),
            numbered("1", B),
            False,
        ),
        (
            numbered("1"),
            numbered("2", B),
            True,
        ),
        (
            enrolled("email", details={"email": "1"}),
            numbered("1", B),
            True,
        ),
        (
            enrolled("passkey", details={"key_id": "1"}),
            enrolled("passkey", B, details={"key_id": "1"}),
            False,
        ),
    ],
)
def test_no_two_factors_are_alike(first: Any, second: Any, taken: bool) -> None:
    """A duplicate id, address or key, or a second TOTP factor, is refused."""
    after = made(first, second)
    assert len(kinds(after)) == (2 if taken else 1)
    assert (second.id in after.memory.refused) is not taken


def test_a_removed_factor_takes_its_secret_along() -> None:
    """Others keep theirs; with none left there is nothing, and the document says when."""
    both = [enrolled(secrets={"totp_secret": "s"}), enrolled("push", B, secrets={"key": "k"})]
    left = made(*both, removed(f"totp|{A}"))
    assert kinds(left) == ["push"]
    assert left.secrets["factors"] == {f"push|{B}": {"key": "k"}}
    gone = made(*both, removed(f"totp|{A}", f"push|{B}"))
    assert "factors" not in gone.associations
    assert "factors" not in gone.secrets
    assert gone.document is not None
    assert "multifactor" not in gone.document
    assert gone.document["multifactor_last_modified"] == "2026-11-23T10:05:00.000Z"


def test_a_changed_factor() -> None:
    """The values in the event replace those of this factor only; an unknown factor is refused."""
    both = [enrolled(details={"name": "old", "email": "e"}), enrolled("push", B, details={"name": "b"})]
    one, other = factors_of(made(*both, changed(f"totp|{A}", name="new")).associations)
    assert (one["name"], one["email"], other["name"]) == ("new", "e", "b")
    voice = changed(f"push|{B}", preferred_authentication_method="voice")
    assert factors_of(made(*both, voice).associations)[1]["preferred_authentication_method"] == "voice"
    unknown = changed(f"push|{A}", name="new")
    assert made(*both, unknown).memory.refused == (unknown.id,)


def test_there_is_one_recovery_code() -> None:
    """A new one replaces it, with its hash; other factors stay."""
    after = made(enrolled(secrets={"totp_secret": "s"}), code(A, "old"), code(B, "new"))
    assert kinds(after) == ["totp", "recovery-code"]
    assert after.secrets["factors"] == {
        f"totp|{A}": {"totp_secret": "s"}, f"recovery-code|{B}": {"code_hash": "new"},
    }  # fmt: skip


def test_a_new_secret_replaces_the_old_one() -> None:
    """A recovery code made again under its id."""
    assert made(code(A, "old"), code(A, "new")).secrets["factors"] == {
        f"recovery-code|{A}": {"code_hash": "new"}
    }


def test_a_factor_of_a_missing_user_is_refused() -> None:
    """An enrolment for a person without a profile is refused."""
    late = enrolled()
    after = person([late])
    assert after.document is None
    assert after.memory.refused == (late.id,)
