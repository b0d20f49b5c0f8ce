"""The statements that write events to the tables of this view, as few as the order of the log allows."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, Literal, NamedTuple

from projections.applied import Applied
from projections.session.rows import (
    DeviceCredential,
    Edit,
    RefreshToken,
    Session,
    UserGrant,
    grant_of,
    refresh_token_of,
    session_of,
)
from schemas.events import Event, LoginSucceeded, RefreshTokenRevoked, SessionRevoked
from schemas.formats import exact_json
from schemas.formats.instants import render

Table = Literal["session", "refresh_token", "user_grant", "device_credential"]
_EVERY: Final[Mapping[Table, str]] = {
    "session": "delete_all_sessions",
    "refresh_token": "delete_all_refresh_tokens",
    "user_grant": "delete_all_grants",
    "device_credential": "delete_all_device_credentials",
}


class RowWrite(NamedTuple):
    """A row for a statement. Its first two columns identify the tenant and the subject of the user."""

    table: Table
    statement: str
    row: tuple[Any, ...]


Batch = tuple[str, list[tuple[Any, ...]]]
"""A statement and its rows, which concern different objects."""


def session_writes(applied: Iterable[Applied]) -> list[list[Batch]]:
    """Return the statements of a batch in stages. The statements of one stage are independent of each other.

    Operations on one person's objects keep the order of the log where it matters. A batch with only logins
    has one stage with one statement per table.
    """
    stages: list[dict[str, dict[tuple[Any, ...], tuple[Any, ...]]]] = []
    places: dict[tuple[str, ...], tuple[int, str]] = {}
    for write in (write for one in applied if not one.refused for write in _row_writes(one)):
        about = (write.table, *write.row[:2])
        stage, last = places.get(about, (0, write.statement))
        stage += write.statement != last
        places[about] = stage, write.statement
        if stage == len(stages):
            stages.append({})
        _add(stages[stage].setdefault(write.statement, {}), write.row)
    return [
        [(name, [tuple(map(_column, row)) for row in rows.values()]) for name, rows in found.items()]
        for found in stages
    ]


def _add(rows: dict[tuple[Any, ...], tuple[Any, ...]], row: tuple[Any, ...]) -> None:
    if isinstance(row, Session | RefreshToken | UserGrant | Edit):
        known: Any = rows.get(row[:3])
        rows[row[:3]] = row if known is None else known.after(row)
    else:
        rows[row] = row


def _column(value: Any) -> Any:
    """Return an array of texts as a PostgreSQL literal, any other value unchanged."""
    if not isinstance(value, tuple):
        return value
    quoted = ('"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"' for text in value)
    return "{" + ",".join(quoted) + "}"


def _row_writes(applied: Applied) -> Iterator[RowWrite]:
    event, after = applied.event, applied.after
    if after is None or applied.before is None:
        return
    if after.document is None:
        if applied.before.document is not None:
            for table, statement in _EVERY.items():
                yield RowWrite(table, statement, (event.tenant, event.subject))
    elif isinstance(event, LoginSucceeded):
        yield from _seen(event)
    else:
        yield from _said(event)


def _seen(event: LoginSucceeded) -> Iterator[RowWrite]:
    if (session := session_of(event)) is not None:
        yield RowWrite("session", "write_sessions", session)
    if (token := refresh_token_of(event)) is not None:
        yield RowWrite("refresh_token", "write_refresh_tokens", token)
    if (grant := grant_of(event)) is not None:
        yield RowWrite("user_grant", "write_grants", grant)


def _said(event: Event) -> Iterator[RowWrite]:
    person = event.tenant, event.subject
    match event.type:
        case "profile.session.revoked":
            yield from _sessions_revoked(event, person)
        case "profile.refresh_token.revoked":
            yield from _tokens_revoked(event, person)
        case "profile.session.changed" if event.data.session_id is not None:
            metadata = _text(event.data.session_metadata)
            edit = Edit(*person, event.data.session_id, metadata, render(event.time))
            yield RowWrite("session", "describe_sessions", edit)
        case "profile.refresh_token.changed" if event.data.refresh_token_id is not None:
            metadata = _text(event.data.refresh_token_metadata)
            edit = Edit(*person, event.data.refresh_token_id, metadata, render(event.time))
            yield RowWrite("refresh_token", "describe_refresh_tokens", edit)
        case "profile.grant.revoked":
            one = RowWrite("user_grant", "delete_grants", (*person, event.data.grant_id))
            yield _every("user_grant", person) if event.data.every else one
        case "profile.device_credential.created":
            data = event.data
            row = DeviceCredential(
                tenant=event.tenant,
                subject=event.subject,
                id=data.credential_id,
                client_id=data.client_id,
                device_id=data.device_id,
                device_name=data.device_name,
                value=data.value,
                created_at=render(event.time),
            )
            yield RowWrite("device_credential", "write_device_credentials", row)
        case "profile.device_credential.removed":
            gone = (*person, event.data.credential_id)
            yield RowWrite("device_credential", "delete_device_credentials", gone)


def _sessions_revoked(event: SessionRevoked, person: tuple[str, str]) -> Iterator[RowWrite]:
    data = event.data
    if data.every:
        yield _every("session", person)
        if data.refresh_tokens:
            yield _every("refresh_token", person)
    elif data.session_id is not None:
        yield RowWrite("session", "delete_sessions", (*person, data.session_id))
        if data.refresh_tokens:
            yield RowWrite("refresh_token", "delete_refresh_tokens_of_sessions", (*person, data.session_id))


def _tokens_revoked(event: RefreshTokenRevoked, person: tuple[str, str]) -> Iterator[RowWrite]:
    data = event.data
    for token_id in data.refresh_token_ids:
        yield RowWrite("refresh_token", "delete_refresh_tokens", (*person, token_id))
    if data.every and data.client_id is None:
        yield _every("refresh_token", person)
    elif data.every:
        row = (*person, data.client_id, data.audience)
        yield RowWrite("refresh_token", "delete_refresh_tokens_of_clients", row)


def _every(table: Table, person: tuple[str, str]) -> RowWrite:
    return RowWrite(table, _EVERY[table], person)


def _text(metadata: Mapping[str, Any] | None) -> str | None:
    return None if not metadata else exact_json.dumps(metadata).decode()
