"""Members of roles and organizations: lists, and changes of one user after another."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import asyncpg
from starlette.responses import Response

from schemas.formats import exact_json
from schemas.formats.instants import render
from services.commands.execute import Decide
from services.commands.user_rejections import NO_SUCH_USER
from services.commands.writer import Written
from services.management.http import paging, responses
from services.management.http.command_context import context_of
from services.management.http.requests import Call
from services.queries.members import BEGINNING, MemberKind, MemberPosition, count_members, list_members
from services.queries.users import UserRecord
from services.runtime.rejection import Rejection

SHOWN: Final = ("user_id", "email", "picture", "name")
_AT_ONCE: Final = 16


async def listed(
    call: Call, kind: MemberKind, target: str, key: str, names: Sequence[str] = SHOWN
) -> Response:
    """Return a page of the members of a role or organization, in the order in which they became members.
    `names` are the fields to return."""
    query = call.query
    async with call.connection() as connection:
        if paging.by_checkpoint(query):
            take = query.take or paging.DEFAULT_TAKE
            after = _position_of(call, query.after)
            rows = await list_members(connection, call.tenant, kind, target, limit=take + 1, after=after)
            last = rows[take - 1] if len(rows) > take else None
            position = None if last is None else f"{render(last['since'])} {last['subject']}"
            return paging.after_cursor(call, [_shown(row, names) for row in rows[:take]], key, position)
        start = query.page * query.per_page
        rows = await list_members(connection, call.tenant, kind, target, limit=query.per_page, offset=start)
        total = await count_members(connection, call.tenant, kind, target)
    return paging.at_offset([_shown(row, names) for row in rows], query, key, total)


async def found(call: Call, user_ids: Sequence[str]) -> dict[str, UserRecord]:
    """Return those of these users that exist, by id. Raises Transient."""
    requested, store = tuple(dict.fromkeys(user_ids)), call.commands.users.store
    people = await asyncio.gather(*(store.find(call.tenant, user_id) for user_id in requested))
    return {user_id: person for user_id, person in zip(requested, people, strict=True) if person is not None}


async def change(
    call: Call,
    people: Mapping[str, UserRecord],
    decide: Decide[UserRecord],
    answer: Response,
    ineffective: Rejection = NO_SUCH_USER,
) -> Response:
    """Execute one command for each of these users and return `answer`.

    Every command is executed even if another fails; each takes effect completely or not at all. Raises the
    first rejection. The request can be repeated safely, because a command for a user who is already changed
    has no effect.
    """
    turn = asyncio.Semaphore(_AT_ONCE)

    async def one(user_id: str, person: UserRecord) -> Written | None:
        context = context_of(_about(call, user_id), guarded=False)
        async with turn:
            executed = await call.commands.users.change(
                context, user_id, decide, ineffective=ineffective, known=person
            )
        return executed.written

    results = await asyncio.gather(
        *(one(user_id, person) for user_id, person in people.items()), return_exceptions=True
    )
    for result in results:
        if isinstance(result, BaseException):
            raise result
    written = [result for result in results if isinstance(result, Written)]
    late = next((result for result in written if not result.visible), None)
    return responses.after_write(late or (written[-1] if written else None), answer)


def _about(call: Call, user_id: str) -> Call:
    """Return the call with a description for this person's event.

    It names no other person, because the event is sealed with this person's keys. No single event decides
    such a request under its idempotency key; repeating it is harmless.
    """
    return replace(call, sent={name: [user_id] for name in call.sent}, pending=None)


def _position_of(call: Call, cursor: str | None) -> MemberPosition:
    position = paging.cursor_position(call, cursor)
    since, _, subject = position.partition(" ")
    return MemberPosition(since, subject) if since else BEGINNING


def _shown(row: asyncpg.Record, names: Sequence[str]) -> dict[str, Any]:
    document = exact_json.loads(row["document"])
    return {name: document[name] for name in names if name in document}
