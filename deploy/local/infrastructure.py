"""Finds or starts Kafka and PostgreSQL: from the environment, in a Docker engine, or as local processes."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Literal, Protocol

from pydantic import ValidationError

from deploy.local import ports
from deploy.local.failure import StackFailure, check_all, together
from deploy.local.servers import kafka, postgres
from deploy.local.stack import LocalStack
from services.runtime.addresses import MalformedAddress, check_database_url
from services.runtime.kafka.access import KafkaAccess
from services.runtime.settings import kafka_from, sentences

Route = Literal["environment", "docker", "local"]
Part = Literal["kafka", "postgres"]

PARTS: tuple[Part, ...] = ("kafka", "postgres")
VARIABLES: dict[Part, str] = {"kafka": "VITA_KAFKA_BOOTSTRAP", "postgres": "VITA_POSTGRES_ADMIN_URL"}
ROUTE_VARIABLE = "VITA_STACK_ROUTE"
ANSWER_BUDGET_S = 5.0
"""Seconds that a server named in the environment has to answer, because someone may be starting it."""


class Containers(Protocol):
    """Kafka and PostgreSQL in containers that belong to one stack."""

    def answers(self) -> bool:
        """Return whether a Docker engine can be used."""

    async def ensure_kafka(self) -> KafkaAccess:
        """Start the broker unless it runs, and return how its administrator connects."""

    async def ensure_postgres(self) -> str:
        """Start the server unless it runs, and return the administrator's URL."""


class Observer(Protocol):
    """Is notified of progress, for display."""

    def found(self, part: Part, route: Route, address: str, seconds: float) -> None:
        """A part answers."""

    def downloading(self, done: int, total: int) -> None:
        """A download of Kafka progresses: bytes so far, total bytes."""


class Silent:
    """An observer that ignores everything."""

    def found(self, part: Part, route: Route, address: str, seconds: float) -> None:
        """Ignore the notification."""

    def downloading(self, done: int, total: int) -> None:
        """Ignore the notification."""


@dataclass(frozen=True)
class Infrastructure:
    """How the administrators connect to the parts, and the route by which each part was found."""

    kafka: KafkaAccess
    postgres_admin_url: str = field(repr=False)
    routes: dict[Part, Route]


async def ensure_infrastructure(
    stack: LocalStack, containers: Containers, observer: Observer | None = None
) -> Infrastructure:
    """Return both parts once they answer; what has to be started is started concurrently.

    Raises StackFailure or SeveralFailures when a part does not answer.
    """
    routes = choose_routes(stack, containers)
    _check_environment(routes)
    stack.state.update(routes=routes)
    finder = _Finder(stack, containers, observer or Silent())
    broker, server = await together(
        finder.find_kafka(routes["kafka"]), finder.find_postgres(routes["postgres"])
    )
    return Infrastructure(broker, server, routes)


def choose_routes(stack: LocalStack, containers: Containers) -> dict[Part, Route]:
    """Return the route to each part. A route is kept once chosen, because the data is at its end.

    Raises StackFailure when the environment contradicts itself.
    """
    remembered: dict[Part, Route] = stack.state.read().get("routes", {})
    forced = _forced_route()
    routes: dict[Part, Route] = {}
    for part in PARTS:
        if os.environ.get(VARIABLES[part]):
            routes[part] = "environment"
        elif forced is not None:
            routes[part] = forced
        elif remembered.get(part) in ("docker", "local"):
            routes[part] = remembered[part]
        else:
            routes[part] = "docker" if containers.answers() else "local"
    return routes


def _forced_route() -> Route | None:
    value = os.environ.get(ROUTE_VARIABLE)
    match value:
        case None | "":
            return None
        case "docker" | "local":
            return value
        case _:
            raise StackFailure(f"{ROUTE_VARIABLE} is {value!r}", "set it to `docker` or `local`, or unset it")


class _Finder:
    def __init__(self, stack: LocalStack, containers: Containers, observer: Observer) -> None:
        self._stack = stack
        self._containers = containers
        self._observer = observer

    async def find_kafka(self, route: Route) -> KafkaAccess:
        started = time.monotonic()
        match route:
            case "environment":
                access = given_kafka()
                await _until_answers("kafka", lambda: kafka.problem(access))
            case "docker":
                access = await self._containers.ensure_kafka()
            case "local":
                access = await self._stack.ensure_kafka(self._observer.downloading)
        self._observer.found("kafka", route, access.bootstrap, time.monotonic() - started)
        return access

    async def find_postgres(self, route: Route) -> str:
        started = time.monotonic()
        match route:
            case "environment":
                address = os.environ[VARIABLES["postgres"]]
                await _until_answers("postgres", lambda: postgres.problem(address))
            case "docker":
                address = await self._containers.ensure_postgres()
            case "local":
                address = await self._stack.ensure_postgres()
        host = address.rpartition("@")[2].partition("/")[0]
        self._observer.found("postgres", route, host, time.monotonic() - started)
        return address


def _check_environment(routes: Mapping[Part, Route]) -> None:
    part_of = {variable: part for part, variable in ports.PINS.items()}
    checks: list[Callable[[], object]] = [partial(ports.pinned, part) for part in part_of.values()]
    checks.append(ports.check_pins_differ)
    if routes["kafka"] == "environment":
        checks.append(given_kafka)
    if routes["postgres"] == "environment":
        checks.append(_check_given_postgres)
    check_all(*checks)


def given_kafka() -> KafkaAccess:
    """Return the administrator's access in the environment. Raises StackFailure when it is malformed."""
    try:
        return kafka_from(os.environ)
    except ValidationError as error:
        raise StackFailure(sentences(error), "correct the variables VITA_KAFKA_…") from None


def _check_given_postgres() -> None:
    variable = VARIABLES["postgres"]
    try:
        check_database_url(os.environ[variable])
    except MalformedAddress as error:
        raise StackFailure(f"{variable}: {error}", f"correct or unset {variable}") from None


async def _until_answers(part: Part, problem: Callable[[], Awaitable[str | None]]) -> None:
    deadline = time.monotonic() + ANSWER_BUDGET_S
    while (found := await problem()) is not None:
        if time.monotonic() > deadline:
            raise StackFailure(
                f"nothing answers at the address in {VARIABLES[part]} ({found})",
                f"correct or unset {VARIABLES[part]}, or start the server at that address",
            )
        await asyncio.sleep(0.5)
