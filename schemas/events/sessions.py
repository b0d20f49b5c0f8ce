"""Events that revoke or annotate access: sessions, refresh tokens, grants, device credentials."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from schemas.envelope import Envelope
from schemas.events.fields import ACTIVITY, OPEN, PROFILE, ClientId, CommandData, ConnectionName

DeviceCredentialId = Annotated[str, Field(pattern=r"^dcr_[A-Za-z0-9]{16}$")]
Assessor = Literal["new-device"]


class SessionRevokedData(CommandData):
    """One session, or `every` session; with `refresh_tokens` also their refresh tokens."""

    every: Annotated[bool, OPEN] = False
    refresh_tokens: Annotated[bool, OPEN] = False
    session_id: Annotated[str | None, ACTIVITY] = None


class SessionRevoked(Envelope):
    """Sessions were revoked. Gateways are notified and must end them."""

    type: Literal["profile.session.revoked"] = "profile.session.revoked"
    dataversion: Literal[1] = 1
    data: SessionRevokedData


class SessionChangedData(CommandData):
    """The complete `session_metadata` after the change, or None if there is none left."""

    session_id: Annotated[str | None, ACTIVITY] = None
    session_metadata: Annotated[dict[str, Any] | None, ACTIVITY] = None


class SessionChanged(Envelope):
    """A session's metadata was replaced."""

    type: Literal["profile.session.changed"] = "profile.session.changed"
    dataversion: Literal[1] = 1
    data: SessionChangedData


class RefreshTokenRevokedData(CommandData):
    """The named tokens, or `every` token: of one client, of one audience, or of the user."""

    every: Annotated[bool, OPEN] = False
    client_id: Annotated[ClientId | None, PROFILE] = None
    audience: Annotated[str | None, ACTIVITY] = None
    refresh_token_ids: Annotated[tuple[str, ...], ACTIVITY] = ()


class RefreshTokenRevoked(Envelope):
    """Refresh tokens were revoked. Gateways are notified and must refuse them."""

    type: Literal["profile.refresh_token.revoked"] = "profile.refresh_token.revoked"
    dataversion: Literal[1] = 1
    data: RefreshTokenRevokedData


class RefreshTokenChangedData(CommandData):
    """The complete `refresh_token_metadata` after the change, or None if there is none left."""

    refresh_token_id: Annotated[str | None, ACTIVITY] = None
    refresh_token_metadata: Annotated[dict[str, Any] | None, ACTIVITY] = None


class RefreshTokenChanged(Envelope):
    """A refresh token's metadata was replaced."""

    type: Literal["profile.refresh_token.changed"] = "profile.refresh_token.changed"
    dataversion: Literal[1] = 1
    data: RefreshTokenChangedData


class GrantRevokedData(CommandData):
    """One grant, or `every` grant of the user."""

    every: Annotated[bool, OPEN] = False
    grant_id: Annotated[str | None, PROFILE] = None

    @model_validator(mode="after")
    def _says_which(self) -> "GrantRevokedData":
        if self.every is (self.grant_id is not None):
            raise ValueError("either one grant or every one")
        return self


class GrantRevoked(Envelope):
    """Applications may no longer use what the user granted them."""

    type: Literal["profile.grant.revoked"] = "profile.grant.revoked"
    dataversion: Literal[1] = 1
    data: GrantRevokedData


class DeviceCredentialCreatedData(CommandData):
    """A public key of a device; `value` is the key."""

    credential_id: Annotated[DeviceCredentialId, OPEN]
    client_id: Annotated[ClientId | None, PROFILE] = None
    device_id: Annotated[str, PROFILE]
    device_name: Annotated[str, PROFILE]
    value: Annotated[str, PROFILE]


class DeviceCredentialCreated(Envelope):
    """The user registered a public key of a device."""

    type: Literal["profile.device_credential.created"] = "profile.device_credential.created"
    dataversion: Literal[1] = 1
    data: DeviceCredentialCreatedData


class DeviceCredentialRemovedData(CommandData):
    """The id of the device credential."""

    credential_id: Annotated[DeviceCredentialId, OPEN]


class DeviceCredentialRemoved(Envelope):
    """A device's public key is no longer valid."""

    type: Literal["profile.device_credential.removed"] = "profile.device_credential.removed"
    dataversion: Literal[1] = 1
    data: DeviceCredentialRemovedData


class RememberedBrowsersInvalidatedData(CommandData):
    """The event holds nothing besides the fact."""


class RememberedBrowsersInvalidated(Envelope):
    """Every browser that remembered a second factor of the user requires one again at the next login."""

    type: Literal["profile.remembered_browsers.invalidated"] = "profile.remembered_browsers.invalidated"
    dataversion: Literal[1] = 1
    data: RememberedBrowsersInvalidatedData = RememberedBrowsersInvalidatedData()


class RiskAssessmentClearedData(CommandData):
    """The assessors whose data is cleared, and the connection of the logins."""

    connection: Annotated[ConnectionName, OPEN]
    assessors: Annotated[tuple[Assessor, ...], OPEN]


class RiskAssessmentCleared(Envelope):
    """Risk assessments of the user start again without history."""

    type: Literal["profile.risk_assessment.cleared"] = "profile.risk_assessment.cleared"
    dataversion: Literal[1] = 1
    data: RiskAssessmentClearedData
