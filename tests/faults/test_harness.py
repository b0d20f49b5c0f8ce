"""Faults by the dozen over a fixed seed; and sabotaged builds, which the same checks have to notice."""

import asyncio
import random
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.faults.harness.catalogue import deal, kinds
from tests.faults.harness.checker import Violation
from tests.faults.harness.faults import Ground
from tests.faults.harness.installation import Installation, running_installation
from tests.faults.harness.process import BETWEEN
from tests.faults.harness.runner import Runner, next_wave
from tests.faults.harness.servers import Servers, running_servers
from tests.faults.harness.traffic_faults import Repeated

FAULTS = 30
SEED = 7
SABOTAGED_SECONDS = 3
"""How long a sabotaged build is under load."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def servers() -> AsyncIterator[Servers]:
    async with running_servers() as running:
        yield running


def quiet(_: str) -> None:
    """Progress that nobody reads."""


async def test_nothing_is_lost_or_doubled_under_faults(servers: Servers) -> None:
    """Thirty faults of all parts, overlapping, under load: what was acknowledged is there, once, in order."""
    async with running_installation(servers) as site:
        runner = Runner(site, SEED, 600, quiet)
        result = await runner.run(FAULTS)
    assert (result.violations, result.problems) == ([], [])
    assert len(result.outcomes) == FAULTS
    assert all(outcome.recovered is not None for outcome in result.outcomes)
    assert len({outcome.fault.part for outcome in result.outcomes}) >= 8


async def violations_under_load(site: Installation, dies_between: bool) -> list[Violation]:
    """What the checker finds after some seconds of load with repetitions, and a death between a position and
    its rows if there is such a moment."""
    runner = Runner(site, SEED, 600, quiet)
    await runner.load.open()
    try:
        runner.load.start()
        await asyncio.sleep(SABOTAGED_SECONDS)
        if dies_between:
            site.fleet.arm(BETWEEN)
            await site.servers.stack.until(lambda: not site.fleet.is_armed(BETWEEN))
        await Repeated().inject(Ground(site, runner.load, random.Random(SEED)))
        await runner.load.stop()
        return await runner.check()
    finally:
        await runner.load.close()


@pytest.mark.parametrize(
    ("sabotage", "kinds"),
    [
        ("position_first", {"lost", "doubled"}),
        ("no_duplicate_check", {"doubled"}),
        ("skipped_record", {"lost"}),
    ],
)
async def test_a_sabotaged_build_is_noticed(servers: Servers, sabotage: str, kinds: set[str]) -> None:
    """A position that moves before its effect, which loses an event or lets its retry count twice, a fold
    without its duplicate check and a record that is skipped."""
    async with running_installation(servers, sabotage) as site:
        found = await violations_under_load(site, sabotage == "position_first")
    assert kinds & {one.kind for one in found}


def test_a_seed_deals_every_kind_of_fault() -> None:
    """In an order of its own, each kind once before any comes again; waves take few of one part."""
    dealt = deal(SEED)
    first = [next(dealt) for _ in kinds()]
    assert len({(fault.part, fault.name) for fault in first}) == len(first)
    again = deal(SEED)
    assert [(next(again).name) for _ in kinds()] == [fault.name for fault in first]
    waves = []
    while wave := next_wave(first):
        waves.append(wave)
    assert sum(map(len, waves)) == len(kinds())
