"""Commands to one person: found, written, waited for; what became of it."""

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.responses import Response

from schemas.events import Event
from schemas.sealing.keys import SubjectKeys
from schemas.sealing.mapper import KeyDestroyed
from services.commands.context import STALE_REVISION, Command, to_events
from services.commands.outcome import Draft
from services.commands.users.rejections import NO_SUCH_USER
from services.commands.writer import EVENT_TOO_LARGE, NotSent, Written
from services.ledger import reservations
from services.management.http import authorization, responses
from services.management.http import present as presenting
from services.management.http.command_context import command_of
from services.management.http.requests import Call
from services.queries import users
from services.runtime.rejection import Rejected, Rejection


def tokens_for(call: Call) -> presenting.TokensOf | None:
    """What opens the identity providers' tokens of people, None for a caller who may not see them."""
    if not authorization.sees_tokens(call.principal):
        return None
    return lambda row: users.tokens_of(row, call.service.keyring, call.tenant)


async def find(call: Call, user_id: str) -> users.Person | None:
    """The living user of this id, ready to be changed."""
    if "\x00" in user_id:
        return None
    row = await call.service.people_to_edit.row(call.tenant, user_id)
    return None if row is None else users.person_of(row, call.service.keyring, call.tenant)


async def living(call: Call, user_id: str, absent: Rejection = NO_SUCH_USER) -> users.Person:
    """The same. Raises Rejected (404) for somebody who is not there."""
    person = await find(call, user_id)
    if person is None:
        raise Rejected(absent)
    return person


async def tell(
    call: Call,
    person: users.Person,
    drafts: Sequence[Draft],
    expected: int | None = None,
    full: Rejection = NO_SUCH_USER,
) -> tuple[Written, users.Outcome | None]:
    """Appends what a command comes to and waits for the view; None while the view does not show it.

    Raises Rejected: 404 when the person is gone meanwhile, 412 when `expected` is not the revision any more,
    `full` when there is no room for what was to be given.
    """
    command = command_of(call)
    events = to_events(command, person.subject, drafts)
    written = await write(call, events, person.keys, NO_SUCH_USER)
    if not written.visible:
        return written, None
    found = await outcome(call, person.subject, command)
    if found.refused and found.text is None:
        raise Rejected(NO_SUCH_USER)
    if found.refused:
        raise Rejected(full if expected is None else STALE_REVISION)
    return written, found


async def write(call: Call, events: Sequence[Event], keys: SubjectKeys, gone: Rejection) -> Written:
    """Appends events with the claims they hold already. Raises Rejected; then the claims are given back."""
    service = call.service
    try:
        return await service.writer.write(events, keys, call.pending)
    except (NotSent, KeyDestroyed) as error:
        async with service.database.connection(call.tenant) as connection:
            await reservations.release(connection, call.tenant, [event.id for event in events])
        raise Rejected(gone if isinstance(error, KeyDestroyed) else EVENT_TOO_LARGE) from error


async def outcome(call: Call, subject: str, command: Command) -> users.Outcome:
    """What the view shows of a command's person."""
    return users.outcome_of(await call.service.people_now.row(call.tenant, subject), command.id)


def accepted(written: Written, more: Mapping[str, Any] | None = None) -> Response:
    """202: the event is safe, the view is late."""
    position = str(written.position)
    body = {"status": "accepted", "position": position, **(more or {})}
    return responses.value(body, 202, {responses.POSITION: position})
