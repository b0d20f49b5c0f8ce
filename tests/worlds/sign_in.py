"""Logins of the users of a site, appended to its event log as the normalizer would.

Starts no process: it drives a site of `tests.worlds.management`.
"""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

from schemas.events import LoginSucceeded, LoginSucceededData
from schemas.formats.identifiers import new_event_id
from schemas.formats.instants import render, truncate
from tests.worlds.management import DATABASE_CONNECTION, Site

_offsets = itertools.count()


def now() -> datetime:
    """The current time in the format of the log."""
    return truncate(datetime.now(UTC))


def later(hours: float) -> str:
    """A time from now."""
    return render(now() + timedelta(hours=hours))


async def sign_in(site: Site, user_id: str, time: datetime | None = None, **data: Any) -> datetime:
    """A login of this user, seen by the views when this returns; its time."""
    moment = time or now()
    person = await site.service.commands.users.store.get("demo", user_id)
    provider, _, idp_id = user_id.partition("|")
    given: dict[str, Any] = {
        "connection": DATABASE_CONNECTION,
        "strategy": "auth0",
        "is_social": False,
        "root_policy": "unless_edited",
        "provider": provider,
        "idp_id": idp_id,
        "attributes": {},
    }
    event = LoginSucceeded(
        id=new_event_id(moment),
        source="/vita/test",
        subject=person.subject,
        time=moment,
        tenant="demo",
        actor=f"connection:{DATABASE_CONNECTION}",
        sourceposition=f"1/0/{next(_offsets)}",
        data=LoginSucceededData(**{**given, **data}),
    )
    written = await site.storage.log.writer.write((event,), person.keys)
    await site.until_applied(str(written.position))
    return moment
