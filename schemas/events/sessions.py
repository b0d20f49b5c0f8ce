"""Access that was given is taken back, or named: sessions, refresh tokens, grants, device credentials."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from schemas.envelope import Envelope
from schemas.events.fields import ACTIVITY, OPEN, PROFILE, ClientId, CommandData, ConnectionName

DeviceCredentialId = Annotated[str, Field(pattern=r"^dcr_[A-Za-z0-9]{16}$")]
Assessor = Literal["new-device"]


class SessionRevokedData(CommandData):
    """One session, or `every` one there is; with `refresh_tokens` also those of the session, or all."""

    every: Annotated[bool, OPEN] = False
    refresh_tokens: Annotated[bool, OPEN] = False
    session_id: Annotated[str | None, ACTIVITY] = None


class SessionRevoked(Envelope):
    """The gateways that opened it are told, and are to end it."""

    type: Literal["profile.session.revoked"] = "profile.session.revoked"
    dataversion: Literal[1] = 1
    data: SessionRevokedData


class SessionChangedData(CommandData):
    """The whole `session_metadata` after the change; None when there is none left."""

    session_id: Annotated[str | None, ACTIVITY] = None
    session_metadata: Annotated[dict[str, Any] | None, ACTIVITY] = None


class SessionChanged(Envelope):
    """A session's metadata replaced."""

    type: Literal["profile.session.changed"] = "profile.session.changed"
    dataversion: Literal[1] = 1
    data: SessionChangedData


class RefreshTokenRevokedData(CommandData):
    """Those named, or `every` one: of one client, of one audience, or at all."""

    every: Annotated[bool, OPEN] = False
    client_id: Annotated[ClientId | None, PROFILE] = None
    audience: Annotated[str | None, ACTIVITY] = None
    refresh_token_ids: Annotated[tuple[str, ...], ACTIVITY] = ()


class RefreshTokenRevoked(Envelope):
    """The gateways that issued them are told, and are to refuse them."""

    type: Literal["profile.refresh_token.revoked"] = "profile.refresh_token.revoked"
    dataversion: Literal[1] = 1
    data: RefreshTokenRevokedData


class RefreshTokenChangedData(CommandData):
    """The whole `refresh_token_metadata` after the change; None when there is none left."""

    refresh_token_id: Annotated[str | None, ACTIVITY] = None
    refresh_token_metadata: Annotated[dict[str, Any] | None, ACTIVITY] = None


class RefreshTokenChanged(Envelope):
    """A refresh token's metadata replaced."""

    type: Literal["profile.refresh_token.changed"] = "profile.refresh_token.changed"
    dataversion: Literal[1] = 1
    data: RefreshTokenChangedData


class GrantRevokedData(CommandData):
    """One grant, or `every` one of the person."""

    every: Annotated[bool, OPEN] = False
    grant_id: Annotated[str | None, PROFILE] = None

    @model_validator(mode="after")
    def _says_which(self) -> "GrantRevokedData":
        if self.every is (self.grant_id is not None):
            raise ValueError("either one grant or every one")
        return self


class GrantRevoked(Envelope):
    """What an application was allowed to do for the person, allowed no more."""

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
    """By the person whose device it is."""

    type: Literal["profile.device_credential.created"] = "profile.device_credential.created"
    dataversion: Literal[1] = 1
    data: DeviceCredentialCreatedData


class DeviceCredentialRemovedData(CommandData):
    """Which."""

    credential_id: Annotated[DeviceCredentialId, OPEN]


class DeviceCredentialRemoved(Envelope):
    """A device's public key is good for nothing any more."""

    type: Literal["profile.device_credential.removed"] = "profile.device_credential.removed"
    dataversion: Literal[1] = 1
    data: DeviceCredentialRemovedData


class RememberedBrowsersInvalidatedData(CommandData):
    """Nothing but the fact."""


class RememberedBrowsersInvalidated(Envelope):
    """Whatever browser the person signs in with next is asked for another factor again."""

    type: Literal["profile.remembered_browsers.invalidated"] = "profile.remembered_browsers.invalidated"
    dataversion: Literal[1] = 1
    data: RememberedBrowsersInvalidatedData = RememberedBrowsersInvalidatedData()


class RiskAssessmentClearedData(CommandData):
    """Which assessors are to forget what they know, of logins through which connection."""

    connection: Annotated[ConnectionName, OPEN]
    assessors: Annotated[tuple[Assessor, ...], OPEN]


class RiskAssessmentCleared(Envelope):
    """Assessments of the person begin anew."""

    type: Literal["profile.risk_assessment.cleared"] = "profile.risk_assessment.cleared"
    dataversion: Literal[1] = 1
    data: RiskAssessmentClearedData
