"""profile.events -> profile.events: relays the logins of linked identities to the subject of the primary one.

Relayed events are appended before the position moves, so a crash may append one twice. Each names the
position of its original, and the profile that takes it ignores positions up to the highest it has seen per
partition. Replayed events are not relayed: their copies are on the log already.
"""

from collections.abc import Sequence
from typing import Final

from projections.logged import Logged
from schemas.envelope import RELAYED
from schemas.events import Event
from schemas.formats.identifiers import derived
from schemas.sealing.keys import Keyring, SubjectKeys
from schemas.sealing.mapper import KeyDestroyed, Record, seal_event
from services.ledger.keys.subject_keys import read_keys
from services.runtime.postgres.pool import DatabaseConnection

SOURCE: Final = "/vita/projector"


def relayed(logged: Logged, subject: str, epoch: int) -> Event:
    """Return the copy of the event for another subject. Its id is derived from the original, so repeated
    copies are equal."""
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
    connection: DatabaseConnection, keyring: Keyring, relays: Sequence[tuple[Logged, str]], epoch: int
) -> tuple[list[Record], list[Logged]]:
    """Return the sealed copies in the order of the log, and the events whose new subject has no keys. Raises
    CannotUnseal if the keys of a subject do not open with the keyring."""
    takers = sorted({(logged.event.tenant, subject) for logged, subject in relays})
    keys = await read_keys(connection, keyring, takers)
    records: list[Record] = []
    stranded: list[Logged] = []
    for logged, subject in relays:
        found = keys.get((logged.event.tenant, subject))
        record = None if found is None else _sealed(relayed(logged, subject, epoch), found)
        if record is None:
            stranded.append(logged)
        else:
            records.append(record)
    return records, stranded


def _sealed(event: Event, keys: SubjectKeys) -> Record | None:
    """The event as a record of the log, None if its keys have been destroyed."""
    try:
        return seal_event(event, keys)
    except KeyDestroyed:
        return None
