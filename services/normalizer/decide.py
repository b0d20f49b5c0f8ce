"""The pure decisions of the normalizer: how a raw login is interpreted, and which events it causes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, cast, get_args

from projections.normalization import (
    ConnectionSettings,
    Normalized,
    UnmappableLogin,
    claims_to_keep,
    identifier_to_keep,
    identify,
    is_social,
    normalize,
)
from projections.normalization.claims.kept import keeps_claims
from projections.normalization.defaults import GRAVATAR, Pictures
from schemas.errors import InvalidEvent
from schemas.events import (
    ConnectionConfigured,
    ConnectionConfiguredData,
    LoginFailed,
    LoginFailedData,
    LoginSucceeded,
    LoginSucceededData,
    RootPolicy,
)
from schemas.formats.identifiers import derived, tenant_subject
from schemas.formats.instants import truncate
from schemas.logins import reasons
from schemas.logins.raw_login import Login, RawLogin

SOURCE: Final = "/vita/normalizer"
FOREIGN_IDENTITY: Final = "identity_of_another_connection"
CLOCK_SKEW: Final = timedelta(minutes=5)
"""The maximum time by which a gateway's clock may be ahead of the broker's. Beyond it, the broker's time is
used."""

_EDITED_HERE: Final = frozenset(("auth0", "email", "sms"))
_ACCESS: Final = {
    "session", "refresh_token", "device", "audience", "scope", "organization_id", "connected_account",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Arrival:
    """A raw login with its position and its time on the log."""

    login: RawLogin
    position: str
    stored_at: datetime

    @property
    def time(self) -> datetime:
        """When the user logged in."""
        reported = self.login.time
        if reported is None or reported > self.stored_at + CLOCK_SKEW:
            return truncate(self.stored_at)
        return truncate(reported)


def normalize_login(
    connection: ConnectionSettings, login: Login, pictures: Pictures = GRAVATAR
) -> Normalized:
    """Normalize a successful login.

    `pictures` is the tenant's default picture. Raises InvalidEvent (`unmappable`) when the claims do not
    identify a user or cannot be stored.
    """
    try:
        return normalize(connection, login.claims, login.identifier, pictures)
    except UnmappableLogin as error:
        raise InvalidEvent("unmappable", str(error)) from error


def identify_login(connection: ConnectionSettings, login: Login) -> tuple[str, str] | None:
    """Return the (provider, id) that a failed login names by its claims, or None."""
    try:
        return identify(connection, login.claims, None)
    except UnmappableLogin:
        return None


def login_succeeded(
    arrival: Arrival, connection: ConnectionSettings, person: Normalized, subject: str
) -> LoginSucceeded:
    """Return the event of a successful login, with its claims if the connection keeps them."""
    login = arrival.login.data
    keeps = keeps_claims(connection.options)
    return LoginSucceeded(
        **_envelope(arrival, connection, subject, "profile.login.succeeded"),
        data=LoginSucceededData(
            connection=connection.name,
            strategy=connection.strategy,
            is_social=person.is_social,
            root_policy=root_policy(connection),
            client_id=login.client_id,
            protocol=login.protocol,
            provider=person.provider,
            idp_id=person.native_id,
            attributes=person.attributes,
            extras=person.extras,
            sources=person.sources,
            claims=claims_to_keep(connection, login.claims) if keeps else None,
            identifier=identifier_to_keep(connection, login.identifier) if keeps else None,
            tokens=login.tokens or None,
            ip=login.ip,
            user_agent=login.user_agent,
            session_id=login.session_id,
            **_seen(login),
        ),
    )


def without_claims(event: LoginSucceeded) -> LoginSucceeded:
    """Return the event of a login that is too large with its claims."""
    omitted = {"claims": None, "identifier": None, "claims_omitted": "too_large"}
    return event.model_copy(update={"data": event.data.model_copy(update=omitted)})


def login_failed(arrival: Arrival, connection: ConnectionSettings, subject: str) -> LoginFailed:
    """Return the event of a failed login."""
    login = arrival.login.data
    reason = login.reason or "other"
    short = reason if reason in reasons.CODES else "other"
    return LoginFailed(
        **_envelope(arrival, connection, subject, "profile.login.failed"),
        data=LoginFailedData(
            connection=connection.name,
            strategy=connection.strategy,
            reason=short,
            is_social=is_social(connection.strategy),
            client_id=login.client_id,
            protocol=login.protocol,
            identifier=login.identifier,
            claims=login.claims or None,
            detail=reason if short != reason else None,
            ip=login.ip,
            user_agent=login.user_agent,
            session_id=login.session_id,
        ),
    )


def foreign_login_refused(arrival: Arrival, connection: ConnectionSettings, subject: str) -> LoginFailed:
    """Return the event of a login whose identity belongs to another connection. It changes no profile."""
    event = login_failed(arrival, connection, subject)
    return event.model_copy(
        update={"data": event.data.model_copy(update={"reason": "other", "detail": FOREIGN_IDENTITY})}
    )


def connection_registered(tenant: str, connection: ConnectionSettings, at: datetime) -> ConnectionConfigured:
    """Return the event that registers a connection when it is seen for the first time.

    It has the same id each time.
    """
    event_id = derived("connection", tenant, connection.name)
    return ConnectionConfigured(
        id=event_id,
        source=SOURCE,
        subject=tenant_subject(tenant),
        time=at,
        tenant=tenant,
        actor="system:normalizer",
        data=ConnectionConfiguredData(
            connection_id=f"con_{event_id.replace('-', '')[:16]}",
            connection=connection.name,
            strategy=connection.strategy,
        ),
    )


def login_cause(login: RawLogin) -> str:
    """Return the id of a login's cause, which is the same for a gateway's retry."""
    return derived("login", login.tenant, login.source, login.id)


def root_policy(connection: ConnectionSettings) -> RootPolicy:
    """Return when logins through this connection may write root attributes (spec §1.4)."""
    if connection.strategy in _EDITED_HERE:
        return "unless_edited"
    chosen = connection.options.get("set_user_root_attributes")
    return cast(RootPolicy, chosen) if chosen in get_args(RootPolicy) else "on_each_login"


def _seen(login: Login) -> dict[str, Any]:
    """Return the access that the login granted, as plain JSON."""
    return login.model_dump(include=_ACCESS, exclude_none=True)


def _envelope(
    arrival: Arrival, connection: ConnectionSettings, subject: str, event_type: str
) -> Mapping[str, Any]:
    login = arrival.login
    cause = login_cause(login)
    return {
        "id": derived(cause, event_type),
        "source": SOURCE,
        "subject": subject,
        "time": arrival.time,
        "tenant": login.tenant,
        "actor": f"connection:{connection.name}",
        "causationid": cause,
        "sourceposition": arrival.position,
    }
