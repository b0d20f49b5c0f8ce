"""A user as it was: the events up to a moment, folded."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from projections.profile.fold import fold
from projections.profile.state import NO_PROFILE, Profile
from schemas.errors import InvalidEvent
from schemas.events import EVENT_TYPES, PersonEvent
from schemas.formats.instants import from_milliseconds
from schemas.sealing.mapper import KeyDestroyed, open_event, read_sealed
from services.cli import addresses
from services.cli.authorization import require_scope
from services.cli.failure import CommandFailed
from services.cli.ledger import keyring, operator
from services.ledger.keys.subject_keys import read_keys
from services.queries.history import find_subject
from services.queries.subject_records import (
    FETCH_BYTES,
    TrailBehind,
    partition_of_subject,
    subject_records,
)
from services.runtime.kafka.access import KafkaAccess
from services.runtime.kafka.log_reader import open_log


@dataclass(frozen=True, slots=True)
class HistoryAccess:
    """What reading a user's history needs: the keys, the log, and a token with the scope read:events."""

    ledger: addresses.Ledger
    kafka: KafkaAccess
    topic: str
    management_url: str
    token: str = field(repr=False)


async def document_at(access: HistoryAccess, user_id: str, moment: datetime) -> Mapping[str, Any] | None:
    """Return a present user as it was at a moment, by the broker's clock; None if it did not exist then.

    Raises CommandFailed when the token lacks the scope, when there is no such user, when its keys are
    destroyed, or when the audit trail lags too far behind.
    """
    principal = await require_scope(access.ledger, access.management_url, access.token)
    async with (
        operator(access.ledger.url) as connection,
        open_log(access.kafka, access.topic, fetch_bytes=FETCH_BYTES) as log,
    ):
        subject = await find_subject(connection, principal.tenant, user_id)
        if subject is None:
            raise CommandFailed("there is no such user", "a deleted one comes back with `vita users restore`")
        ring = await keyring(connection, access.ledger.key_provider)
        owner = principal.tenant, subject
        keys = (await read_keys(connection, ring, [owner])).get(owner)
        if keys is None:
            raise CommandFailed("the user has no keys", "`vita status` shows whether the ledger is complete")
        end = await log.end(partition_of_subject(log, *owner))
        profile: Profile = NO_PROFILE
        try:
            async for record in subject_records(connection, log, *owner, end):
                if from_milliseconds(record.timestamp) > moment:
                    break
                try:
                    event = open_event(read_sealed(record.key, record.value), keys)
                except InvalidEvent:
                    continue
                profile = fold(profile, _of_a_person(event))
        except KeyDestroyed as error:
            raise CommandFailed(
                "the keys of the user are destroyed", "nothing of the past can be read"
            ) from error
        except TrailBehind as error:
            raise CommandFailed(str(error), "`vita status` shows the auditor; try again later") from error
    return profile.document


def _of_a_person(event: Any) -> PersonEvent:
    assert type(event) in EVENT_TYPES.values()  # a person's subject has no other events
    person_event: PersonEvent = event
    return person_event
