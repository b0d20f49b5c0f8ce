"""The rows of sessions, refresh tokens, grants and device credentials, and how two logins merge into one row.

The statements in `queries.sql` merge with the stored row as `after` does here, so that the result does not
depend on where batches end.
"""

from typing import NamedTuple, Self

from schemas.events import LoginSucceeded
from schemas.formats import exact_json
from schemas.formats.identifiers import derived
from schemas.formats.instants import render


class Session(NamedTuple):
    """A session. `created_at`, `strategy` and the initial address keep their first value, the other columns
    take the latest value that a login reported. `methods` is JSON."""

    tenant: str
    subject: str
    id: str
    created_at: str
    seen_at: str
    expires_at: str | None
    idle_expires_at: str | None
    strategy: str
    methods: str | None
    initial_ip: str | None
    initial_user_agent: str | None
    last_ip: str | None
    last_user_agent: str | None
    clients: tuple[str, ...]

    def after(self, new: Self) -> Self:
        """Return the row after a later login in this session."""
        return new._replace(
            created_at=self.created_at,
            seen_at=max(self.seen_at, new.seen_at),
            expires_at=_last(self.expires_at, new.expires_at),
            idle_expires_at=_last(self.idle_expires_at, new.idle_expires_at),
            strategy=self.strategy,
            methods=_last(self.methods, new.methods),
            initial_ip=_last(new.initial_ip, self.initial_ip),
            initial_user_agent=_last(new.initial_user_agent, self.initial_user_agent),
            last_ip=_last(self.last_ip, new.last_ip),
            last_user_agent=_last(self.last_user_agent, new.last_user_agent),
            clients=_union(self.clients, new.clients),
        )


class RefreshToken(NamedTuple):
    """A refresh token. `resource_servers` is JSON; `exchanged_at` is the time of the latest login that used
    the token, None before the first."""

    tenant: str
    subject: str
    id: str
    client_id: str | None
    session_id: str | None
    created_at: str
    exchanged_at: str | None
    rotating: bool
    expires_at: str | None
    idle_expires_at: str | None
    resource_servers: str | None
    device_name: str | None
    device_id: str | None
    initial_ip: str | None
    initial_user_agent: str | None
    last_ip: str | None
    last_user_agent: str | None

    def after(self, new: Self) -> Self:
        """Return the row after a later login with this token."""
        seen = [time for time in (self.exchanged_at, new.created_at, new.exchanged_at) if time is not None]
        return new._replace(
            client_id=_last(self.client_id, new.client_id),
            session_id=_last(self.session_id, new.session_id),
            created_at=self.created_at,
            exchanged_at=max(seen),
            expires_at=_last(self.expires_at, new.expires_at),
            idle_expires_at=_last(self.idle_expires_at, new.idle_expires_at),
            resource_servers=_last(self.resource_servers, new.resource_servers),
            device_name=_last(self.device_name, new.device_name),
            device_id=_last(self.device_id, new.device_id),
            initial_ip=_last(new.initial_ip, self.initial_ip),
            initial_user_agent=_last(new.initial_user_agent, self.initial_user_agent),
            last_ip=_last(self.last_ip, new.last_ip),
            last_user_agent=_last(self.last_user_agent, new.last_user_agent),
        )


class UserGrant(NamedTuple):
    """The scopes that a user granted to one application at one API."""

    tenant: str
    subject: str
    id: str
    client_id: str
    audience: str
    scope: tuple[str, ...]
    organization_id: str | None
    created_at: str

    def after(self, new: Self) -> Self:
        """Return the row after another grant; scopes add up."""
        return new._replace(
            scope=_union(self.scope, new.scope),
            organization_id=_last(self.organization_id, new.organization_id),
            created_at=self.created_at,
        )


class Edit(NamedTuple):
    """An edit of a session or a refresh token. `metadata` is JSON; None if it was removed."""

    tenant: str
    subject: str
    id: str
    metadata: str | None
    changed_at: str

    def after(self, new: Self) -> Self:
        """Return the row after a later edit, whose metadata replaces the earlier."""
        return new._replace(changed_at=max(self.changed_at, new.changed_at))


class DeviceCredential(NamedTuple):
    """A public key of a device of the user."""

    tenant: str
    subject: str
    id: str
    client_id: str | None
    device_id: str
    device_name: str
    value: str
    created_at: str


def session_of(event: LoginSucceeded) -> Session | None:
    """Return the session of a login, None if the login names none."""
    data, now = event.data, render(event.time)
    if data.session_id is None:
        return None
    reported = data.session or {}
    methods = reported.get("methods")
    return Session(
        tenant=event.tenant,
        subject=event.subject,
        id=data.session_id,
        created_at=now,
        seen_at=now,
        expires_at=reported.get("expires_at"),
        idle_expires_at=reported.get("idle_expires_at"),
        strategy=data.strategy,
        methods=None if methods is None else _json(methods),
        initial_ip=data.ip,
        initial_user_agent=data.user_agent,
        last_ip=data.ip,
        last_user_agent=data.user_agent,
        clients=() if data.client_id is None else (data.client_id,),
    )


def refresh_token_of(event: LoginSucceeded) -> RefreshToken | None:
    """Return the refresh token that a login issued or used, None if it names none."""
    data, reported = event.data, event.data.refresh_token
    if reported is None or "id" not in reported:
        return None
    device, servers = data.device or {}, reported.get("resource_servers")
    return RefreshToken(
        tenant=event.tenant,
        subject=event.subject,
        id=reported["id"],
        client_id=data.client_id,
        session_id=data.session_id,
        created_at=render(event.time),
        exchanged_at=None,
        rotating=reported.get("rotating", False),
        expires_at=reported.get("expires_at"),
        idle_expires_at=reported.get("idle_expires_at"),
        resource_servers=_json(servers) if servers else None,
        device_name=device.get("name"),
        device_id=device.get("identifier"),
        initial_ip=data.ip,
        initial_user_agent=data.user_agent,
        last_ip=data.ip,
        last_user_agent=data.user_agent,
    )


def grant_of(event: LoginSucceeded) -> UserGrant | None:
    """Return the user's grant to the application in a login; None if the login has neither audience nor
    scope."""
    data = event.data
    if data.client_id is None or (data.audience is None and data.scope is None):
        return None
    audience = data.audience or ""
    identity = derived(event.tenant, event.subject, data.client_id, audience).replace("-", "")[:24]
    scope = tuple(dict.fromkeys((data.scope or "").split()))
    return UserGrant(
        tenant=event.tenant,
        subject=event.subject,
        id=identity,
        client_id=data.client_id,
        audience=audience,
        scope=scope,
        organization_id=data.organization_id,
        created_at=render(event.time),
    )


def _last(old: str | None, new: str | None) -> str | None:
    return old if new is None else new


def _json(value: object) -> str:
    return exact_json.dumps(value).decode()


def _union(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    """Return both without duplicates, those of `one` first."""
    return tuple(dict.fromkeys((*one, *other)))
