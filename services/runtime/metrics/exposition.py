"""What `GET /metrics` of a service answers, and the table of the catalogue in deploy/METRICS.md."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Final

import structlog
from prometheus_client import Metric as Family
from prometheus_client import PlatformCollector, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from services.runtime.metrics.catalogue import CATALOGUE
from services.runtime.metrics.meters import meter

READING_SECONDS: Final = 2.0
"""Maximum time that a reading takes; after it the last values are exposed."""
_log = structlog.get_logger()

Reading = Callable[[], Awaitable[None]]
"""Sets gauges whose values are not known without asking for them."""
_readings: Final[set[Reading]] = set()


@contextmanager
def read_by(reading: Reading) -> Iterator[None]:
    """Call `reading` whenever metrics are read, for the duration of the `with` block."""
    _readings.add(reading)
    try:
        yield
    finally:
        _readings.discard(reading)


async def read_gauges() -> None:
    """Have every reading set its gauges. One that fails, or takes too long, leaves them as they were."""
    await asyncio.gather(*(_read(reading) for reading in list(_readings)))


def exposed(service: str, accept: str = "") -> tuple[bytes, str]:
    """Return the metrics of a service and their media type, in the format that an `Accept` header asks for.

    It may run in any thread: thousands of lines take tens of milliseconds.
    """
    encode, media_type = choose_encoder(accept)
    return encode(_Exposition(service)), media_type


async def _read(reading: Reading) -> None:
    try:
        async with asyncio.timeout(READING_SECONDS):
            await reading()
    except Exception as error:  # whatever it is, the other metrics are exposed
        _log.warning("metrics_not_read", error=type(error).__name__)


class _Exposition(Collector):
    """The metrics of the catalogue that a service exposes, and those of its process."""

    def __init__(self, service: str) -> None:
        self._service = service

    def collect(self) -> Iterator[Family]:
        for metric in CATALOGUE:
            if self._service in metric.services:
                for family in meter(metric).collect():
                    family.samples = [one for one in family.samples if not one.name.endswith("_created")]
                    yield family
        yield from ProcessCollector(registry=None).collect()
        yield from PlatformCollector(registry=None).collect()


def as_markdown() -> str:
    """Return the table of deploy/METRICS.md."""
    lines = ["| metric | kind | unit | labels | services | meaning |", "|---|---|---|---|---|---|"]
    for one in CATALOGUE:
        labels = ", ".join(f"`{label}`" for label in one.labels)
        cells = (f"`{one.name}`", one.kind, one.unit, labels, ", ".join(one.services), one.meaning)
        lines.append(f"| {' | '.join(cells)} |".replace("|  |", "| |"))
    return "\n".join(lines)
