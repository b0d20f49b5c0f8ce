"""Sessions and refresh tokens: reading, metadata and revocation. Gateways are notified of revocations."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import asyncpg
from starlette.responses import Response

from schemas.events import (
    RefreshTokenChanged,
    RefreshTokenChangedData,
    RefreshTokenRevoked,
    RefreshTokenRevokedData,
    SessionChanged,
    SessionChangedData,
    SessionRevoked,
    SessionRevokedData,
)
from services.commands.decision import Draft
from services.commands.user_rejections import NO_SUCH_USER, UNKNOWN_USER
from services.commands.writer import Written
from services.management.http import paging, responses
from services.management.http.command_context import context_of
from services.management.http.models.results import Empty
from services.management.http.operation import Operation
from services.management.http.requests import Call
from services.management.sessions import models
from services.management.sessions import present as showing
from services.queries.sessions.refresh_tokens import (
    count_refresh_tokens_of,
    find_refresh_token,
    owners_of_refresh_tokens,
    refresh_tokens_of,
)
from services.queries.sessions.sessions import count_sessions_of, find_session, sessions_of
from services.queries.users import find_subject
from services.runtime.postgres.pool import DatabaseConnection
from services.runtime.rejection import Rejected, Rejection

NO_SUCH_SESSION: Final = Rejection("not_found", "The session does not exist.", "inexistent_session")
NO_SUCH_TOKEN: Final = Rejection("not_found", "The refresh token does not exist.", "inexistent_refresh_token")
_EVERY_SESSION: Final = Draft(SessionRevoked, SessionRevokedData(every=True))
_EVERY_TOKEN: Final = Draft(RefreshTokenRevoked, RefreshTokenRevokedData(every=True))


async def list_sessions(call: Call) -> Response:
    """Return a page of the user's active sessions."""
    return await _page(call, sessions_of, count_sessions_of, "sessions", showing.session)


async def list_refresh_tokens(call: Call) -> Response:
    """Return a page of the user's active refresh tokens; at most the 200 newest of each client."""
    return await _page(call, refresh_tokens_of, count_refresh_tokens_of, "tokens", showing.refresh_token)


async def find_refresh_tokens(call: Call) -> Response:
    """Return a page of a user's active refresh tokens, optionally of one client."""
    query: models.ListRefreshTokens = call.query
    take = query.take or paging.DEFAULT_TAKE
    position = paging.cursor_position(call, query.after)
    async with call.connection() as connection:
        subject = await _subject(connection, call.tenant, query.user_id)
        rows = await refresh_tokens_of(connection, call.tenant, subject, position, take + 1, query.client_id)
    shown = [
        showing.selected(showing.refresh_token(row, query.user_id), query.fields, query.include_fields)
        for row in rows[:take]
    ]
    last = rows[take - 1]["id"] if len(rows) > take else None
    return paging.after_cursor(call, shown, "refresh_tokens", last)


async def delete_sessions(call: Call) -> Response:
    """End all sessions of the user, including those that only gateways know."""
    return await _revoke(call, call.path("id"), _EVERY_SESSION, NO_SUCH_USER)


async def delete_refresh_tokens(call: Call) -> Response:
    """Revoke all refresh tokens of the user, including those that only gateways know."""
    return await _revoke(call, call.path("id"), _EVERY_TOKEN, NO_SUCH_USER)


async def get_session(call: Call) -> Response:
    """Return a session of any user."""
    row = await _session(call)
    return responses.value(showing.session(row, row["user_id"]))


async def update_session(call: Call) -> Response:
    """Replace the metadata of a session."""
    row = await _session(call)
    body: models.DescribeSession = call.body
    if not body.given("session_metadata"):
        return responses.value(showing.session(row, row["user_id"]))
    data = SessionChangedData(session_id=row["id"], session_metadata=body.session_metadata or None)
    written = await _written(call, row["user_id"], Draft(SessionChanged, data), NO_SUCH_SESSION)
    if not written.visible:
        return responses.accepted(written.position)
    row = await _session(call)
    return responses.value(showing.session(row, row["user_id"]), headers=_headers(written))


async def delete_session(call: Call) -> Response:
    """End a session; 202 also for an unknown one."""
    async with call.connection() as connection:
        row = await find_session(connection, call.tenant, call.path("id"))
    if row is None:
        return responses.value({}, 202)
    data = SessionRevokedData(session_id=row["id"])
    return await _revoke(call, row["user_id"], Draft(SessionRevoked, data), NO_SUCH_SESSION)


async def revoke_session(call: Call) -> Response:
    """End a session and revoke its refresh tokens."""
    row = await _session(call)
    data = SessionRevokedData(session_id=row["id"], refresh_tokens=True)
    return await _revoke(call, row["user_id"], Draft(SessionRevoked, data), NO_SUCH_SESSION)


async def get_refresh_token(call: Call) -> Response:
    """Return a refresh token of any user."""
    row = await _refresh_token(call)
    return responses.value(showing.refresh_token(row, row["user_id"]))


async def update_refresh_token(call: Call) -> Response:
    """Replace the metadata of a refresh token."""
    row = await _refresh_token(call)
    body: models.DescribeRefreshToken = call.body
    if not body.given("refresh_token_metadata"):
        return responses.value(showing.refresh_token(row, row["user_id"]))
    metadata = body.refresh_token_metadata or None
    data = RefreshTokenChangedData(refresh_token_id=row["id"], refresh_token_metadata=metadata)
    written = await _written(call, row["user_id"], Draft(RefreshTokenChanged, data), NO_SUCH_TOKEN)
    if not written.visible:
        return responses.accepted(written.position)
    row = await _refresh_token(call)
    return responses.value(showing.refresh_token(row, row["user_id"]), headers=_headers(written))


async def delete_refresh_token(call: Call) -> Response:
    """End a refresh token; 202 also for an unknown one."""
    async with call.connection() as connection:
        row = await find_refresh_token(connection, call.tenant, call.path("id"))
    if row is None:
        return responses.value({}, 202)
    data = RefreshTokenRevokedData(refresh_token_ids=(row["id"],))
    return await _revoke(call, row["user_id"], Draft(RefreshTokenRevoked, data), NO_SUCH_TOKEN)


async def revoke_refresh_tokens(call: Call) -> Response:
    """Revoke refresh tokens by id, or those of a user, optionally only of one client or audience."""
    body: models.RevokeRefreshTokens = call.body
    if body.user_id is not None:
        data = RefreshTokenRevokedData(every=True, client_id=body.client_id, audience=body.audience)
        return await _revoke(call, body.user_id, Draft(RefreshTokenRevoked, data), UNKNOWN_USER)
    response = responses.value({}, 202)
    async with call.connection() as connection:
        owners = await owners_of_refresh_tokens(connection, call.tenant, body.ids or ())
    for user_id, token_ids in owners.items():
        data = RefreshTokenRevokedData(refresh_token_ids=token_ids)
        response = await _revoke(call, user_id, Draft(RefreshTokenRevoked, data), UNKNOWN_USER)
    return response


async def revoke_access(call: Call) -> Response:
    """End all sessions of a user or one of them, and revoke the refresh tokens unless the body preserves
    them."""
    body: models.RevokeAccess = call.body
    data = SessionRevokedData(
        every=body.session_id is None,
        session_id=body.session_id,
        refresh_tokens=not body.preserve_refresh_tokens,
    )
    return await _revoke(call, call.path("id"), Draft(SessionRevoked, data), UNKNOWN_USER)


async def _page(
    call: Call,
    read: Callable[[DatabaseConnection, str, str, str, int], Awaitable[list[asyncpg.Record]]],
    count: Callable[[DatabaseConnection, str, str], Awaitable[int]],
    key: str,
    show: Callable[[asyncpg.Record, str], Any],
) -> Response:
    """Return a page of a user's objects, sorted by id. `read` takes the connection, the tenant, the subject,
    the id before the page and the limit."""
    query: models.CountedPage = call.query
    user_id, tenant = call.path("id"), call.tenant
    take, position = query.take or paging.DEFAULT_TAKE, paging.cursor_position(call, query.after)
    async with call.service.storage.database.connection(tenant) as connection:
        subject = await _subject(connection, tenant, user_id)
        rows = await read(connection, tenant, subject, position, take + 1)
        total = await count(connection, tenant, subject) if query.include_totals else None
    page: dict[str, Any] = {key: [show(row, user_id) for row in rows[:take]]}
    if len(rows) > take:
        page["next"] = paging.cursor(call, rows[take - 1]["id"])
    if total is not None:
        page["total"] = total
    return responses.value(page)


async def _subject(connection: DatabaseConnection, tenant: str, user_id: str) -> str:
    subject = await find_subject(connection, tenant, user_id)
    if subject is None:
        raise Rejected(NO_SUCH_USER)
    return subject


async def _session(call: Call) -> asyncpg.Record:
    """Return the session in the path. Raises Rejected if it does not exist."""
    async with call.connection() as connection:
        row = await find_session(connection, call.tenant, call.path("id"))
    if row is None:
        raise Rejected(NO_SUCH_SESSION)
    return row


async def _refresh_token(call: Call) -> asyncpg.Record:
    """Return the refresh token in the path. Raises Rejected if it does not exist."""
    async with call.connection() as connection:
        row = await find_refresh_token(connection, call.tenant, call.path("id"))
    if row is None:
        raise Rejected(NO_SUCH_TOKEN)
    return row


async def _written(call: Call, user_id: str, draft: Draft, absent: Rejection) -> Written:
    context = context_of(call, guarded=False)
    return await call.commands.users.record(context, user_id, draft, absent)


async def _revoke(call: Call, user_id: str, draft: Draft, absent: Rejection) -> Response:
    written = await _written(call, user_id, draft, absent)
    return responses.after_write(written, responses.value({}, 202))


def _headers(written: Written) -> dict[str, str]:
    return {responses.POSITION: str(written.position)}


_READ, _DELETE, _UPDATE = ("read:sessions",), ("delete:sessions",), ("update:sessions",)
_READ_TOKENS, _DELETE_TOKENS = ("read:refresh_tokens",), ("delete:refresh_tokens",)
_UPDATE_TOKENS: Final = ("update:refresh_tokens",)
_REVOKED: Final = "Accepted."
_FOUND: Final[Mapping[int, str | Rejection]] = {200: "Found.", 404: NO_SUCH_USER}
OPERATIONS: Final = (
    Operation(
        method="GET",
        path="/api/v2/users/{id}/sessions",
        handler=list_sessions,
        scopes=_READ,
        group="read_users",
        summary="Get sessions for user",
        description="Returns the active sessions of a user.",
        query=models.CountedPage,
        result=models.SessionList,
        responses=_FOUND,
    ),
    Operation(
        method="DELETE",
        path="/api/v2/users/{id}/sessions",
        handler=delete_sessions,
        scopes=_DELETE,
        summary="Delete sessions for user",
        description="Ends all sessions of a user, including sessions that are known only to gateways.",
        result=Empty,
        responses={202: _REVOKED, 404: NO_SUCH_USER},
    ),
    Operation(
        method="GET",
        path="/api/v2/users/{id}/refresh-tokens",
        handler=list_refresh_tokens,
        scopes=_READ_TOKENS,
        group="read_users",
        summary="Get refresh tokens for a user",
        description="Returns the active refresh tokens of a user; at most the 200 newest of each client.",
        query=models.CountedPage,
        result=models.RefreshTokenList,
        responses=_FOUND,
    ),
    Operation(
        method="DELETE",
        path="/api/v2/users/{id}/refresh-tokens",
        handler=delete_refresh_tokens,
        scopes=_DELETE_TOKENS,
        summary="Delete refresh tokens for a user",
        description="Revokes all refresh tokens of a user, including tokens that are known only to gateways.",
        result=Empty,
        responses={202: _REVOKED, 404: NO_SUCH_USER},
    ),
    Operation(
        method="POST",
        path="/api/v2/users/{id}/revoke-access",
        handler=revoke_access,
        scopes=(*_DELETE, *_DELETE_TOKENS),
        summary="Revokes selected resources from a user",
        description=(
            "Ends all sessions of a user, or the one session that the body names. The refresh tokens are"
            " revoked too unless `preserve_refresh_tokens` is true."
        ),
        body=models.RevokeAccess,
        result=Empty,
        responses={202: _REVOKED, 400: UNKNOWN_USER},
    ),
    Operation(
        method="GET",
        path="/api/v2/sessions/{id}",
        handler=get_session,
        scopes=_READ,
        tag="sessions",
        summary="Get session",
        description="Returns one session.",
        result=models.SessionResult,
        responses={200: "Found.", 404: NO_SUCH_SESSION},
    ),
    Operation(
        method="PATCH",
        path="/api/v2/sessions/{id}",
        handler=update_session,
        scopes=_UPDATE,
        tag="sessions",
        summary="Update session",
        description="Replaces the metadata of a session.",
        body=models.DescribeSession,
        result=models.SessionResult,
        responses={200: "Changed.", 202: "Accepted; the view does not show it yet.", 404: NO_SUCH_SESSION},
    ),
    Operation(
        method="DELETE",
        path="/api/v2/sessions/{id}",
        handler=delete_session,
        scopes=_DELETE,
        tag="sessions",
        summary="Delete session",
        description="Ends a session. The request is accepted also for an unknown session.",
        result=Empty,
        responses={202: _REVOKED, 404: NO_SUCH_SESSION},
    ),
    Operation(
        method="POST",
        path="/api/v2/sessions/{id}/revoke",
        handler=revoke_session,
        scopes=(*_DELETE, *_DELETE_TOKENS),
        tag="sessions",
        summary="Revoke session",
        description="Ends a session and revokes its refresh tokens.",
        result=Empty,
        responses={202: _REVOKED, 404: NO_SUCH_SESSION},
    ),
    Operation(
        method="GET",
        path="/api/v2/refresh-tokens",
        handler=find_refresh_tokens,
        scopes=_READ_TOKENS,
        tag="refresh-tokens",
        summary="Get refresh tokens",
        description="Returns the active refresh tokens of a user, optionally only those of one client.",
        query=models.ListRefreshTokens,
        result=models.FoundRefreshTokens,
        responses=_FOUND,
    ),
    Operation(
        method="POST",
        path="/api/v2/refresh-tokens/revoke",
        handler=revoke_refresh_tokens,
        scopes=_DELETE_TOKENS,
        tag="refresh-tokens",
        summary="Revoke refresh tokens",
        description=(
            "Revokes the refresh tokens that the body names, or those of a user, optionally only those of"
            " one client or audience."
        ),
        body=models.RevokeRefreshTokens,
        result=Empty,
        responses={202: _REVOKED, 400: UNKNOWN_USER},
    ),
    Operation(
        method="GET",
        path="/api/v2/refresh-tokens/{id}",
        handler=get_refresh_token,
        scopes=_READ_TOKENS,
        tag="refresh-tokens",
        summary="Get a refresh token",
        description="Returns one refresh token.",
        result=models.RefreshTokenResult,
        responses={200: "Found.", 404: NO_SUCH_TOKEN},
    ),
    Operation(
        method="PATCH",
        path="/api/v2/refresh-tokens/{id}",
        handler=update_refresh_token,
        scopes=_UPDATE_TOKENS,
        tag="refresh-tokens",
        summary="Update a refresh token",
        description="Replaces the metadata of a refresh token.",
        body=models.DescribeRefreshToken,
        result=models.RefreshTokenResult,
        responses={200: "Changed.", 202: "Accepted; the view does not show it yet.", 404: NO_SUCH_TOKEN},
    ),
    Operation(
        method="DELETE",
        path="/api/v2/refresh-tokens/{id}",
        handler=delete_refresh_token,
        scopes=_DELETE_TOKENS,
        tag="refresh-tokens",
        summary="Delete a refresh token",
        description="Revokes a refresh token. The request is accepted also for an unknown token.",
        result=Empty,
        responses={202: _REVOKED, 404: NO_SUCH_TOKEN},
    ),
)
