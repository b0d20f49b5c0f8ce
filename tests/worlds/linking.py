"""People of social connections who log in and are linked through the Management API.

Starts no process: it drives a site of `tests.worlds.management` and appends logins to its event log as the
normalizer would.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any
from urllib.parse import quote

import httpx

from schemas.formats.identifiers import new_subject
from tests.samples.profile_events import login
from tests.worlds.management import Site, path_of
from tests.worlds.pipeline import Pipeline

_offsets = count()


@dataclass
class Linked:
    """An installation with people of social connections in it."""

    site: Site
    pipeline: Pipeline
    subjects: dict[str, str] = field(default_factory=dict)

    @classmethod
    def over(cls, site: Site) -> "Linked":
        """Over a running site."""
        return cls(site, Pipeline(site.stack, site.database, site.prefix, site.storage.keyring))

    async def sign_in(self, user_id: str, **changes: Any) -> None:
        """A login of an identity, as the normalizer writes it for the identity's own subject."""
        provider, _, idp_id = user_id.partition("|")
        if user_id not in self.subjects:
            self.subjects[user_id] = new_subject(datetime.now(UTC))
            await self.pipeline.run(
                "INSERT INTO ledger.directory VALUES ('demo', $1, $2, $3)",
                provider, idp_id, self.subjects[user_id],
            )  # fmt: skip
        given: dict[str, Any] = {
            "provider": provider,
            "connection": provider,
            "strategy": provider,
            "idp_id": idp_id,
        }
        offset = next(_offsets)
        position = changes.pop("sourceposition", f"1/0/{offset}")
        given |= {"minute": offset, "subject": self.subjects[user_id], "sourceposition": position}
        await self.pipeline.send_events(login(**{**given, **changes}))

    async def person(self, user_id: str, logins: int = 1, **changes: Any) -> dict[str, Any]:
        """A person who has logged in."""
        await self.sign_in(user_id, **changes)
        return await self.until_counted(user_id, logins)

    async def get(self, user_id: str) -> dict[str, Any]:
        """A user, empty when there is none."""
        answer = await self.site.client(["read:users"]).get(path_of(user_id))
        return answer.json() if answer.status_code == 200 else {}

    async def until_counted(self, user_id: str, logins: int) -> dict[str, Any]:
        """The user once this many logins are counted."""

        async def counted() -> dict[str, Any] | None:
            user = await self.get(user_id)
            return user if user.get("logins_count") == logins else None

        user: dict[str, Any] = await self.site.stack.until(counted)
        return user

    async def link(self, primary: str, secondary: str, **more: Any) -> httpx.Response:
        """POST identities, by provider and id."""
        provider, _, idp_id = secondary.partition("|")
        body: Mapping[str, Any] = {"provider": provider, "user_id": idp_id, **more}
        return await self.site.client().post(f"{path_of(primary)}/identities", json=body)

    async def unlink(self, primary: str, secondary: str) -> httpx.Response:
        """DELETE the identity."""
        provider, _, idp_id = secondary.partition("|")
        place = f"{path_of(primary)}/identities/{provider}/{quote(idp_id, safe='')}"
        return await self.site.client().delete(place)

    async def nothing_is_left(self) -> None:
        """Check that the ledger has no saga."""
        assert await self.pipeline.rows("SELECT FROM ledger.link") == []
        assert await self.pipeline.rows("SELECT FROM ledger.link_participant") == []
