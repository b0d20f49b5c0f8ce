"""A row per session, refresh token, grant and device credential, and what two logins make of one row.

The statements in `queries.sql` merge with the stored row as `after` does here, so that it makes no difference
which logins of a batch came together before.
"""

from typing import NamedTuple, Self

from schemas.events import LoginSucceeded
from schemas.formats import exact_json
from schemas.formats.identifiers import derived
from schemas.formats.instants import render


class Session(NamedTuple):
    """What is first seen stays; of the rest what was told last. `methods` is JSON."""

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
        """The row when a later login is of the same session."""
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
    """`resource_servers` is JSON. `exchanged_at` is when it was seen again."""

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
        """The row when a later login is of the same token."""
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


class Grant(NamedTuple):
    """What one application may do for a person at one API."""

    tenant: str
    subject: str
    id: str
    client_id: str
    audience: str
    scope: tuple[str, ...]
    organization_id: str | None
    created_at: str

    def after(self, new: Self) -> Self:
        """The row when more was granted."""
        return new._replace(
            scope=_union(self.scope, new.scope),
            organization_id=_last(self.organization_id, new.organization_id),
            created_at=self.created_at,
        )


class Edit(NamedTuple):
    """The metadata of a session or a refresh token; JSON, None for none."""

    tenant: str
    subject: str
    id: str
    metadata: str | None
    changed_at: str

    def after(self, new: Self) -> Self:
        """The metadata of the later one counts."""
        return new._replace(changed_at=max(self.changed_at, new.changed_at))


class DeviceCredential(NamedTuple):
    """A public key of a device."""

    tenant: str
    subject: str
    id: str
    client_id: str | None
    device_id: str
    device_name: str
    value: str
    created_at: str


def session_of(event: LoginSucceeded) -> Session | None:
    """The session a login was in."""
    data, now = event.data, render(event.time)
    if data.session_id is None:
        return None
    told = data.session or {}
    methods = told.get("methods")
    return Session(
        event.tenant, event.subject, data.session_id, now, now,
        told.get("expires_at"), told.get("idle_expires_at"), data.strategy,
        None if methods is None else _json(methods),
        data.ip, data.user_agent, data.ip, data.user_agent,
        () if data.client_id is None else (data.client_id,),
    )  # fmt: skip


def refresh_token_of(event: LoginSucceeded) -> RefreshToken | None:
    """The refresh token a login issued or used."""
    data, told = event.data, event.data.refresh_token
    if told is None or "id" not in told:
        return None
    device, servers = data.device or {}, told.get("resource_servers")
    return RefreshToken(
        event.tenant, event.subject, told["id"], data.client_id, data.session_id, render(event.time), None,
        told.get("rotating", False), told.get("expires_at"), told.get("idle_expires_at"),
        _json(servers) if servers else None, device.get("name"), device.get("identifier"),
        data.ip, data.user_agent, data.ip, data.user_agent,
    )  # fmt: skip


def grant_of(event: LoginSucceeded) -> Grant | None:
    """What a login granted to the application, when it says so."""
    data = event.data
    if data.client_id is None or (data.audience is None and data.scope is None):
        return None
    audience = data.audience or ""
    identity = derived(event.tenant, event.subject, data.client_id, audience).replace("-", "")[:24]
    scope = tuple(dict.fromkeys((data.scope or "").split()))
    return Grant(
        event.tenant, event.subject, identity, data.client_id, audience, scope, data.organization_id,
        render(event.time),
    )  # fmt: skip


def _last(old: str | None, new: str | None) -> str | None:
    return old if new is None else new


def _json(value: object) -> str:
    return exact_json.dumps(value).decode()


def _union(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    """What the other adds comes after."""
    return tuple(dict.fromkeys((*one, *other)))
