"""Blocks by brute-force protection: GET and DELETE of /user-blocks and /user-blocks/{id}."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import asyncpg
from starlette.responses import Response

from projections.login_guard.attempts import Tally
from projections.login_guard.protection import BruteForce, brute_force
from projections.login_guard.verdict import IdentifierFailures, blocks
from schemas.formats import exact_json
from schemas.formats.instants import milliseconds
from schemas.formats.spelling import identifier_key
from services.commands.protection.commands import Release
from services.commands.user_rejections import NO_SUCH_USER
from services.management.attack_protection.models import (
    Blocks,
    BlocksByIdentifier,
    UnblockIdentifier,
    UserBlocks,
)
from services.management.http import responses
from services.management.http.command_context import context_of
from services.management.http.operation import Operation
from services.management.http.requests import Call
from services.queries import users
from services.queries.login_failures import failures_of_identifier, failures_of_person
from services.queries.settings import find_setting

_SIGN_IN_WITH: Final = ("email", "username", "phone_number")


async def blocks_by_identifier(call: Call) -> Response:
    """Return the blocks for an identifier, which does not need to belong to a user."""
    query: BlocksByIdentifier = call.query
    return await _answer(call, query, await _by_identifier(call, query.identifier))


async def blocks_of_user(call: Call) -> Response:
    """Return the blocks of a user, for all of the user's identifiers."""
    return await _answer(
        call,
        call.query,
        await _of_user(call, await call.commands.users.store.get(call.tenant, call.path("id"))),
    )


async def unblock_identifier(call: Call) -> Response:
    """Remove the blocks for an identifier; 204 also if there are none or the identifier is unknown."""
    query: UnblockIdentifier = call.query
    rows = await _by_identifier(call, query.identifier)
    return await _release(call, [(row["subject"], row["identifier"]) for row in rows])


async def unblock_user(call: Call) -> Response:
    """Remove the blocks of a user. A block by an administrator remains."""
    person = await call.commands.users.store.get(call.tenant, call.path("id"))
    rows = await _of_user(call, person)
    mine = person.subject
    return await _release(
        call, [(row["subject"], None if row["subject"] == mine else row["identifier"]) for row in rows]
    )


async def _by_identifier(call: Call, identifier: str) -> list[asyncpg.Record]:
    async with call.connection() as connection:
        return await failures_of_identifier(connection, call.tenant, identifier_key(identifier))


async def _of_user(call: Call, person: users.UserRecord) -> list[asyncpg.Record]:
    """Return the failed logins of a person, including those under the person's identifiers from before the
    person was known."""
    names = [identifier_key(value) for name in _SIGN_IN_WITH if (value := person.document.get(name))]
    async with call.connection() as connection:
        return await failures_of_person(connection, call.tenant, person.subject, names)


async def _answer(call: Call, query: UserBlocks, rows: Iterable[asyncpg.Record]) -> Response:
    async with call.connection() as connection:
        setting = await find_setting(
            connection, call.keyring, call.tenant, "attack_protection", "brute-force-protection"
        )
    document = None if setting is None else exact_json.dumps(setting.document).decode()
    enforced = query.consider_brute_force_enablement
    now = milliseconds(datetime.now(UTC))
    return responses.value({"blocked_for": shown(map(_row, rows), brute_force(document), enforced, now)})


def shown(
    rows: Iterable[IdentifierFailures], protection: BruteForce, enforced: bool, now: int
) -> list[dict[str, Any]]:
    """Return the blocks at `now`, in milliseconds since 1970; if `enforced`, only those that the settings
    enforce."""
    shield = protection.shield
    return [
        {"identifier": block.key[1]}
        | ({} if block.ip is None else {"ip": block.ip})
        | {"connection": block.key[0]}
        for block in blocks(rows, protection, now)
        if not enforced or (shield.blocks and shield.applies_to(block.ip))
    ]


def _row(row: asyncpg.Record) -> IdentifierFailures:
    ips = {ip: Tally(*tally) for ip, tally in exact_json.loads(row["ips"]).items()}
    return IdentifierFailures(
        (row["connection"], row["identifier"]), Tally(row["failures"], row["last_failed"]), ips
    )


async def _release(call: Call, releases: Sequence[Release]) -> Response:
    context = context_of(call, guarded=False)
    written = await call.commands.protection.release_logins(context, releases)
    return responses.after_write(written, responses.nothing())


_REMOVED: Final[Mapping[int, str]] = {204: "The blocks are removed.", 202: "Accepted."}
OPERATIONS: Final = (
    Operation(
        method="GET",
        path="/api/v2/user-blocks",
        handler=blocks_by_identifier,
        scopes=("read:users",),
        tag="user-blocks",
        summary="Get blocks by identifier",
        description=(
            "Returns the brute-force blocks for an identifier: an email address, username, phone number or"
            " user id. The identifier does not need to belong to a user."
        ),
        query=BlocksByIdentifier,
        result=Blocks,
        responses={200: "What is blocked."},
    ),
    Operation(
        method="DELETE",
        path="/api/v2/user-blocks",
        handler=unblock_identifier,
        scopes=("update:users",),
        tag="user-blocks",
        summary="Unblock by identifier",
        description=(
            "Removes the brute-force blocks for an identifier. Returns 204 also if the identifier is not"
            " blocked or belongs to no user."
        ),
        query=UnblockIdentifier,
        responses=_REMOVED,
    ),
    Operation(
        method="GET",
        path="/api/v2/user-blocks/{id}",
        handler=blocks_of_user,
        scopes=("read:users",),
        tag="user-blocks",
        summary="Get a user's blocks",
        description="Returns the brute-force blocks of a user, for all identifiers of the user.",
        query=UserBlocks,
        result=Blocks,
        responses={200: "What is blocked.", 404: NO_SUCH_USER},
    ),
    Operation(
        method="DELETE",
        path="/api/v2/user-blocks/{id}",
        handler=unblock_user,
        scopes=("update:users",),
        tag="user-blocks",
        summary="Unblock a user",
        description=(
            "Removes the brute-force blocks of a user. A block that an administrator set (`blocked`) remains."
        ),
        responses={**_REMOVED, 404: NO_SUCH_USER},
    ),
)
