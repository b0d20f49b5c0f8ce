"""profile.events -> profile.events: logins of a linked identity come to its own subject and are handed on.

Appended before the position moves, so after a crash once more; every copy says which event it was made from,
and the subject that takes it keeps the highest offset taken per partition. What an earlier generation of the
views had passed is on the log already.
"""

from collections.abc import Sequence
from typing import Final

import asyncpg

from projections.logged import Logged
from schemas.envelope import RELAYED
from schemas.events import Event
from schemas.formats.identifiers import derived
from schemas.sealing.keys import Keyring
from schemas.sealing.mapper import KeyDestroyed, Record, seal_event
from services.ledger.keys.subject_keys import read_keys

SOURCE: Final = "/vita/projector"


def relayed(logged: Logged, subject: str, epoch: int) -> Event:
    """The event as the other subject's, the same one however often it is made."""
    event, position = logged.event, logged.position
    return event.model_copy(
        update={
            "id": derived(event.id, "relayed", subject),
            "source": SOURCE,
            "subject": subject,
            "causationid": event.id,
            "sourceposition": f"{RELAYED}{epoch}/{position.partition}/{position.offset}",
        }
    )


async def sealed_relays(
    connection: asyncpg.Connection, keyring: Keyring, relays: Sequence[tuple[Logged, str]], epoch: int
) -> tuple[list[Record], list[Logged]]:
    """What is to be appended, in the order of the log, and the events whose taker has no keys."""
    takers = sorted({(logged.event.tenant, subject) for logged, subject in relays})
    keys = await read_keys(connection, keyring, takers)
    records: list[Record] = []
    stranded: list[Logged] = []
    for logged, subject in relays:
        found = keys.get((logged.event.tenant, subject))
        try:
            if found is None:
                raise KeyDestroyed(subject)
            records.append(seal_event(relayed(logged, subject, epoch), found))
        except KeyDestroyed:
            stranded.append(logged)
    return records, stranded
