"""Events about the authentication factors of a user."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from schemas.envelope import Envelope
from schemas.events.fields import OPEN, PROFILE, CommandData

FactorId = Annotated[str, Field(pattern=r"^[a-z-]{1,32}\|dev_[A-Za-z0-9]{16}$")]
FactorType = Literal[
    "recovery-code",
    "totp",
    "push",
    "phone",
    "email",
    "email-verification",
    "webauthn-roaming",
    "webauthn-platform",
    "guardian",
    "passkey",
    "password",
]
PreferredMethod = Literal["sms", "voice"]


class MfaEnrolledData(CommandData):
    """`details` is what the API may return of the factor, `secrets` what it never returns."""

    factor_id: Annotated[FactorId, OPEN]
    factor_type: Annotated[FactorType, OPEN]
    confirmed: Annotated[bool, OPEN] = True
    details: Annotated[dict[str, Any], PROFILE] = Field(default_factory=dict)
    secrets: Annotated[dict[str, Any], PROFILE] = Field(default_factory=dict)


class MfaEnrolled(Envelope):
    """A factor was enrolled."""

    type: Literal["profile.mfa.enrolled"] = "profile.mfa.enrolled"
    dataversion: Literal[1] = 1
    data: MfaEnrolledData


class MfaRemovedData(CommandData):
    """The ids of the factors."""

    factor_ids: Annotated[tuple[FactorId, ...], OPEN]

    @model_validator(mode="after")
    def _changes_something(self) -> "MfaRemovedData":
        if not self.factor_ids:
            raise ValueError("an event must change something")
        return self


class MfaRemoved(Envelope):
    """Factors were removed with their secrets."""

    type: Literal["profile.mfa.removed"] = "profile.mfa.removed"
    dataversion: Literal[1] = 1
    data: MfaRemovedData


class MfaChangedData(CommandData):
    """A new name or preferred method. None leaves a value unchanged."""

    factor_id: Annotated[FactorId, OPEN]
    preferred_authentication_method: Annotated[PreferredMethod | None, OPEN] = None
    name: Annotated[str | None, PROFILE] = None


class MfaChanged(Envelope):
    """A factor was renamed, or its preferred method changed."""

    type: Literal["profile.mfa.changed"] = "profile.mfa.changed"
    dataversion: Literal[1] = 1
    data: MfaChangedData


class RecoveryCodeRegeneratedData(CommandData):
    """The argon2id hash of the new code. The code itself was returned once and is not stored."""

    factor_id: Annotated[FactorId, OPEN]
    code_hash: Annotated[str, PROFILE]


class RecoveryCodeRegenerated(Envelope):
    """A new recovery code was generated. The previous one is no longer valid."""

    type: Literal["profile.recovery_code.regenerated"] = "profile.recovery_code.regenerated"
    dataversion: Literal[1] = 1
    data: RecoveryCodeRegeneratedData
