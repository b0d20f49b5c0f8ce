"""Faults in waves: those of one part follow each other, those of different parts overlap, under load.

After each wave the load ends, everything comes to rest, and all that can be seen is compared with all that
was acknowledged since the beginning of the run.
"""

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count, islice
from typing import Final

import asyncpg

from tests.faults.harness.catalogue import deal
from tests.faults.harness.checker import Violation, check
from tests.faults.harness.faults import Fault, Ground
from tests.faults.harness.installation import Installation
from tests.faults.harness.load import Load
from tests.faults.harness.model import Model
from tests.faults.harness.observation import at_rest, observe
from tests.support.patience import PATIENCE
from tests.worlds.management import path_of

WAVE: Final = 15
"""Faults per wave."""
MOST_OF_A_PART: Final = 3
RECOVERY_SECONDS: Final = 30 * PATIENCE
REST_SECONDS: Final = 30 * PATIENCE
POLL_SECONDS: Final = 0.1
GRACE_SECONDS: Final = 1.0
"""What happened so shortly before a fault may have met it."""

SHOWN: Final = 10

Say = Callable[[str], None]


@dataclass
class Outcome:
    """A fault that was injected, and what came of it. `recovered` is the number of seconds after its end when
    a new login was seen everywhere; None if that did not happen in time."""

    fault: Fault
    begun: float
    healed: float = 0.0
    recovered: float | None = None
    violations: list[Violation] = field(default_factory=list)

    def meets(self, violation: Violation) -> bool:
        """Whether what a violation is about was sent while the fault lasted."""
        ends = self.healed + (self.recovered or RECOVERY_SECONDS)
        return violation.moment is not None and self.begun - GRACE_SECONDS <= violation.moment <= ends


@dataclass
class Result:
    """The outcomes of a run, and the violations of all of them."""

    outcomes: list[Outcome] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    """What could not be done or did not recover."""

    @property
    def is_clean(self) -> bool:
        """Whether nothing was lost, doubled or disordered, and everything recovered."""
        return not self.violations and not self.problems


class Runner:
    """Injects faults into an installation. `seconds` is the time after which no further wave begins."""

    def __init__(self, site: Installation, seed: int, seconds: float, say: Say) -> None:
        self._site, self._seed, self._seconds, self._say = site, seed, seconds, say
        self.model = Model()
        self.load = Load(site, self.model, seed)
        self.result = Result()
        self._probes = count()
        self._known: set[str] = set()

    async def run(self, faults: int) -> Result:
        """Inject so many faults, check after each wave, and return what came of them."""
        dealt, ends = list(islice(deal(self._seed), faults)), time.monotonic() + self._seconds
        await self.load.open()
        try:
            while wave := next_wave(dealt):
                if time.monotonic() > ends:
                    self.result.problems.append(
                        f"the time is over, {faults - len(self.result.outcomes)} left"
                    )
                    break
                await self._wave(wave)
        finally:
            await self.load.close()
        return self.result

    async def _wave(self, wave: Sequence[Fault]) -> None:
        began, lanes = time.monotonic(), defaultdict[str, list[Fault]](list)
        for fault in wave:
            lanes[fault.part].append(fault)
        self.load.start()
        injected = [
            outcome
            for outcomes in await asyncio.gather(*(self._lane(lane) for lane in lanes.values()))
            for outcome in outcomes
        ]
        self.result.outcomes += injected
        await self.load.stop()
        found = await self.check()
        for violation in found:
            for outcome in [one for one in injected if one.meets(violation)] or injected:
                outcome.violations.append(violation)
        for violation in found[:SHOWN]:
            self._say(f"{violation.kind}: {violation.text}")
        self._say(
            f"{len(self.result.outcomes)} faults, {len(self.model.logins)} logins,"
            f" {len(self.model.changes)} changes, {len(found)} broken promises,"
            f" {time.monotonic() - began:.0f} s"
        )

    async def _lane(self, faults: Sequence[Fault]) -> list[Outcome]:
        draw = random.Random(f"{self._seed} {len(self.result.outcomes)} {faults[0].part}")
        ground = Ground(self._site, self.load, draw)
        outcomes, recoveries = [], []
        for fault in faults:
            await asyncio.sleep(draw.uniform(0.1, 1.5))
            outcome = await self._inject(fault, ground)
            outcomes.append(outcome)
            recoveries.append(asyncio.create_task(self._recovery(outcome)))
        await asyncio.gather(*recoveries)
        return outcomes

    async def _inject(self, fault: Fault, ground: Ground) -> Outcome:
        outcome = Outcome(fault, time.monotonic())
        try:
            await fault.inject(ground)
            await asyncio.sleep(fault.seconds)
        except Exception as error:
            self.result.problems.append(f"{fault.part} {fault.name}: {type(error).__name__}: {error}")
        try:
            await fault.heal(ground)
        except Exception as error:
            self.result.problems.append(f"{fault.part} {fault.name} healed: {type(error).__name__}: {error}")
        outcome.healed = time.monotonic()
        return outcome

    async def _recovery(self, outcome: Outcome) -> None:
        """Note when somebody new who signs in is seen in the API and in the trail."""
        account = f"google-oauth2|3{next(self._probes):020}"
        try:
            async with asyncio.timeout(RECOVERY_SECONDS):
                await self.load.sign_in(account)
                while not await self._is_seen(account):
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError:
            self.result.problems.append(f"no recovery from: {outcome.fault.part} {outcome.fault.name}")
        else:
            outcome.recovered = time.monotonic() - outcome.healed

    async def _is_seen(self, account: str) -> bool:
        answer = await self._site.ask("GET", path_of(account))
        if answer is None or answer.status_code != 200:
            return False
        try:
            return bool(
                await self._site.pipeline.rows(
                    "SELECT FROM views.profile JOIN trail.leaf USING (tenant, subject) WHERE user_id = $1",
                    account,
                )
            )
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False

    async def check(self) -> list[Violation]:
        """Return the promises that are broken now and were not at the last check, with everything at
        rest."""
        rested = await self._until_rest()
        seen = await observe(self._site, self.model)
        found = [one for one in check(self.model, seen) if one.text not in self._known]
        if not rested:
            self.result.problems.append("records are left that nobody handles")
        self._known |= {one.text for one in found}
        self.result.violations += found
        return found

    async def _until_rest(self) -> bool:
        ends = time.monotonic() + REST_SECONDS
        while time.monotonic() < ends:
            if await at_rest(self._site) and await self._site.answers():
                return True
            await asyncio.sleep(POLL_SECONDS)
        return False


def next_wave(dealt: list[Fault]) -> list[Fault]:
    """Take the next faults from those that were dealt, few of each part: the part with the most faults
    decides how long a wave takes."""
    chosen: list[Fault] = []
    for fault in dealt:
        if len(chosen) < WAVE and sum(one.part == fault.part for one in chosen) < MOST_OF_A_PART:
            chosen.append(fault)
    dealt[:] = [fault for fault in dealt if fault not in chosen]
    return chosen


def by_kind(outcomes: Sequence[Outcome]) -> Iterator[tuple[str, str, list[Outcome]]]:
    """Part, fault and outcomes of each kind of fault."""
    found: defaultdict[tuple[str, str], list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        found[outcome.fault.part, outcome.fault.name].append(outcome)
    for (part, name), some in sorted(found.items()):
        yield part, name, some
