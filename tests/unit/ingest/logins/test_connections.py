"""What ingest refuses because of the connection that a login names."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from projections.connection.identity import IDENTITY_OPTIONS
from projections.normalization import KNOWN_STRATEGIES, ConnectionSettings, UnmappableLogin, identify
from projections.normalization.admission import KnownConnection
from schemas.errors import Transient
from services.ingest.logins.connections import KEPT_SECONDS, ConnectionCache, Known, settle
from services.ingest.logins.decide import AcceptedLogin, RejectedLogin, decide
from services.ingest.logins.keying import record_key
from tests.samples.raw_logins import make_data, make_event

NOW = "2026-11-23T10:00:01.000Z"


def known(strategy: str | None = None, name: str = "corp", **changes: Any) -> Known:
    settings = None if strategy is None else ConnectionSettings(name, strategy, {})
    maps_identity = changes.pop("maps_identity", False)
    facts = {"tenant_known": True, "strict": False, "deleted": False, "settings": settings} | changes
    return Known(KnownConnection(**facts), maps_identity)


def verdict_on(about: Known | None, **data: Any) -> AcceptedLogin | RejectedLogin:
    event = make_event(data=make_data(connection="corp", **data))
    accepted = decide(event, "demo", NOW, record_key)
    assert isinstance(accepted, AcceptedLogin)
    return settle(accepted, about)


@pytest.mark.parametrize(
    ("about", "data", "reason", "detail"),
    [
        (known(tenant_known=False), {}, "unknown_tenant", "The tenant does not exist."),
        (known("samlp", deleted=True), {}, "connection_deleted", "The connection was deleted."),
        (known(), {"strategy": ...}, "unknown_connection", "name its strategy in data.strategy"),
        (known(strict=True), {}, "unknown_connection", "logins of this tenant cannot register one"),
        (
            known("google-oauth2"),
            {"claims": {"login": "octocat"}},
            "unmappable",
            "'No claim holds the identity; expected one of sub, id",
        ),
        (known("samlp"), {"claims": {"odd": 1}}, "unmappable", "No claim holds the identity"),
    ],
)
def test_what_the_normalizer_could_not_process_is_refused(
    about: Known, data: dict[str, Any], reason: str, detail: str
) -> None:
    """The gateway learns at once, in a sentence, why its login can never be processed."""
    verdict = verdict_on(about, **data)
    assert isinstance(verdict, RejectedLogin)
    assert verdict.reason == reason
    assert detail in verdict.detail


@pytest.mark.parametrize(
    ("about", "data"),
    [
        (None, {"strategy": ...}),
        (known(), {}),
        (known("google-oauth2"), {"strategy": ...}),
        (known("google-oauth2", maps_identity=True), {"claims": {"login": "octocat"}}),
        (known("google-oauth2"), {"outcome": "failure", "reason": "denied", "claims": {"login": "octocat"}}),
    ],
)
def test_what_may_be_processed_is_accepted(about: Known | None, data: dict[str, Any]) -> None:
    """A login passes when its connection is not known to ingest, registers itself, or may map the identity by
    itself, and when it failed."""
    assert isinstance(verdict_on(about, **data), AcceptedLogin)


class Recording(dict[str, Any]):
    """Options that record which keys are read."""

    def __init__(self) -> None:
        super().__init__(unrelated=True)
        self.read: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        self.read.add(name)
        return default


@pytest.mark.parametrize("strategy", sorted(KNOWN_STRATEGIES))
def test_the_options_that_map_an_identity_are_listed(strategy: str) -> None:
    """No option beyond the listed ones is read to find the identity of a login."""
    options = Recording()
    with suppress(UnmappableLogin):
        identify(ConnectionSettings("corp", strategy, options), {"odd": True})
    assert options.read <= IDENTITY_OPTIONS


class Rows:
    """A database of one connection, `corp`, that counts its queries."""

    def __init__(self) -> None:
        self.queries: list[list[str]] = []
        self.exists = True
        self.failure: Exception | None = None

    @asynccontextmanager
    async def connection(self, tenant: str) -> AsyncIterator[Any]:
        if self.failure is not None:
            raise self.failure
        yield self

    async def fetch(self, _query: str, _tenant: str, names: list[str]) -> list[Mapping[str, Any]]:
        self.queries.append(names)
        facts = {"tenant_known": True, "strict": False, "maps_identity": False, "deleted": False}
        return [
            {**facts, "name": name, "strategy": "samlp" if name == "corp" and self.exists else None}
            for name in names
        ]


async def test_a_connection_is_read_once_while_it_is_remembered() -> None:
    """One that exists is remembered for some seconds; one that does not is read again each time, because it
    may be created at any moment."""
    rows, now = Rows(), 0.0
    connections = ConnectionCache(rows, 1, lambda: now)
    for _ in range(2):
        assert set(await connections.known("demo", ["corp", "other"])) == {"corp", "other"}
    assert rows.queries == [["corp", "other"], ["other"]]
    assert set(await connections.known("acme", ["corp"])) == {"corp"}
    now = KEPT_SECONDS
    await connections.known("demo", ["corp"])
    assert rows.queries[2:] == [["corp"], ["corp"]]


@pytest.mark.parametrize("failure", [Transient("database: away"), TimeoutError()])
async def test_without_a_database_nothing_is_known(failure: Exception) -> None:
    """The login is left to the normalizer."""
    rows = Rows()
    rows.failure = failure
    assert await ConnectionCache(rows, 1).known("demo", ["corp"]) == {}


async def test_a_database_that_hangs_is_not_waited_for() -> None:
    """The patience bounds the wait."""

    class Hanging(Rows):
        async def fetch(self, *_: Any) -> list[Mapping[str, Any]]:
            await asyncio.Event().wait()
            return []

    assert await ConnectionCache(Hanging(), 0.01).known("demo", ["corp"]) == {}
