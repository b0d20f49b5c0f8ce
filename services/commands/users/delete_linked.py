"""Deleting somebody whose profile shows other people's identities: all of them, or nobody."""

from collections.abc import Mapping

from starlette.responses import Response

from services.commands.conflict_retry import Conflict, retry_on_conflict
from services.commands.links.decide import (
    IDENTITIES_BUSY,
    Party,
    Steps,
    delete,
    linked_subjects,
)
from services.commands.saga import Busy, read_parties
from services.commands.users import people
from services.commands.writer import Written
from services.management.http import responses
from services.management.http.command_context import command_of
from services.management.http.requests import Call
from services.runtime.rejection import Rejected


async def delete_together(call: Call, subject: str) -> Response:
    """204 when they are gone; also when somebody else was faster. Raises Rejected."""
    service = call.service

    async def attempt() -> Response:
        async with service.database.connection(call.tenant) as connection:
            parties, _keys = await read_parties(connection, service.keyring, call.tenant, [subject])
        if subject not in parties or parties[subject].profile.document is None:
            return responses.nothing()
        secondaries = linked_subjects(parties[subject].profile)

        def decide(now: Mapping[str, Party]) -> Steps:
            if subject not in now or linked_subjects(now[subject].profile) != secondaries:
                raise Conflict
            return delete(now[subject], now)

        try:
            progress = await service.links.carry_out(
                command_of(call), "delete", [subject, *secondaries], subject, decide, call.pending
            )
        except Busy:
            raise Rejected(IDENTITIES_BUSY) from None
        if progress.took_effect is None and progress.position is not None:
            return people.accepted(Written(progress.position, visible=False))
        return responses.nothing(headers={responses.POSITION: str(progress.position)})

    return await retry_on_conflict(attempt, IDENTITIES_BUSY)
