"""`make up`, `make down` and `make clean`: starts, stops and removes the whole stack of a checkout."""

import asyncio
import os
import time
from collections.abc import Awaitable
from dataclasses import replace
from pathlib import Path

import asyncpg
from rich.console import Console

from deploy.kafka_principals import kept_passwords
from deploy.local.compose import Compose
from deploy.local.display import Display
from deploy.local.failure import StackFailure, together
from deploy.local.infrastructure import PARTS, Infrastructure, ensure_infrastructure
from deploy.local.servers.kafka import MECHANISM
from deploy.local.services import (
    SERVICES,
    WORKERS,
    ServiceLauncher,
    Stack,
    key_provider,
    passwords_file,
    remember_stack,
)
from deploy.local.stack import SUPERVISOR, LocalStack
from deploy.local.state import StateFolder, default_state_dir
from deploy.local.supervisor import ensure_supervisor
from deploy.local.tls.certificates import ALWAYS, ensure_certificates
from deploy.prepare import DATABASE, Installation, NotPrepared, prepare_ledger, prepare_rights, prepare_topics
from deploy.rebuild import prepare_views
from services.runtime.kafka.access import SCRAM
from services.runtime.settings import KAFKA_VARIABLES

KEPT = (
    "The database and the topics on the servers given in the environment were left alone, and so were the"
    " key-encryption key and the passwords in {keys}, which open what is in them."
)


async def up(console: Console, *, state_dir: Path | None = None, tls: bool | None = None) -> Stack:
    """Start what is not running and return the stack. Raises StackFailure.

    `tls` says whether to serve HTTPS; None keeps what the stack has.
    """
    local = LocalStack(state_dir or default_state_dir())
    display = Display(console)
    with local.state.lock(lambda: console.print("waiting for another command on this stack …")):
        try:
            return await _up(local, display, tls)
        except asyncio.CancelledError:
            display.say(
                "Interrupted: what is ready keeps running. `make up` continues, `make down` stops it."
            )
            raise


async def _up(local: LocalStack, display: Display, tls: bool | None) -> Stack:
    with display.doing("starting Kafka and PostgreSQL"):
        infrastructure = await ensure_infrastructure(local, Compose(local.state), display)
    installation = await _prepare(infrastructure, display, local.state.path)
    stack = await _ensure_services(local, installation, display, served_domain(local.state, tls))
    own = [part for part in PARTS if infrastructure.routes[part] == "local"]
    with display.step(SUPERVISOR) as result:
        await ensure_supervisor(local, [*own, *SERVICES])
        result.append("starts again what dies")
    for move in local.moves:
        display.say(f"[yellow]{move}[/]")
    return stack


async def down(console: Console, *, state_dir: Path | None = None) -> None:
    """Stop the stack. Data is kept."""
    local = LocalStack(state_dir or default_state_dir())
    if not local.state.path.exists():
        console.print("Nothing was running.")
        return
    with local.state.lock():
        await _stop(local, Display(console))


async def clean(console: Console, *, state_dir: Path | None = None) -> None:
    """Stop the stack and remove its data, keys and logs."""
    local = LocalStack(state_dir or default_state_dir())
    if not local.state.path.exists():
        console.print("Nothing to remove.")
        return
    with local.state.lock():
        await _stop(local, Display(console))
        routes = local.state.read().get("routes", {})
        if "docker" in routes.values():
            await Compose(local.state).remove()
        elsewhere = "environment" in routes.values()
        local.state.remove(keep=("keys",) if elsewhere else ())
    kept = KEPT.format(keys=local.state.path / "keys")
    console.print(kept if elsewhere else f"Removed {local.state.path}.", soft_wrap=True)


def served_domain(state: StateFolder, tls: bool | None) -> str:
    """Return the name of the HTTPS certificates: VITA_DOMAIN, otherwise the last one; empty for plain
    HTTP."""
    known = state.read().get("stack", {}).get("domain", "")
    wanted = bool(known) if tls is None else tls
    return (os.environ.get("VITA_DOMAIN") or known or ALWAYS[0]) if wanted else ""


async def _prepare(infrastructure: Infrastructure, display: Display, state_dir: Path) -> Installation:
    database = os.environ.get("VITA_DATABASE_NAME", DATABASE)
    others = {name: value for name, value in os.environ.items() if name not in KAFKA_VARIABLES}
    try:
        installation = Installation.from_environment(
            kafka_passwords(state_dir, infrastructure)
            | others
            | {
                **infrastructure.kafka.environment(),
                "VITA_POSTGRES_ADMIN_URL": infrastructure.postgres_admin_url,
                "VITA_PASSWORDS_FILE": str(passwords_file(state_dir, database)),
                "VITA_KEY_PROVIDER": key_provider(state_dir),
            }
        )
        exclusive = infrastructure.routes["postgres"] != "environment"
        installation = replace(installation, access=replace(installation.access, exclusive=exclusive))
        with display.step("Database") as result:
            await prepare_ledger(installation)
            result.append(f"{installation.database}: roles, migrations")
        with display.step("Rights on Kafka") as result:
            result.append(await prepare_rights(installation))
        with display.step("Topics") as result:
            created = await prepare_topics(installation)
            result.append(f"created {', '.join(created)}" if created else "as the catalogue says")
        with display.step("Views") as result:
            rebuilt = await prepare_views(installation, display.rebuilding)
            result.append("ready" if rebuilt is None else f"rebuilt from {rebuilt.events:,} events")
    except NotPrepared as failure:
        raise StackFailure(str(failure), failure.advice) from failure
    return installation


def kafka_passwords(state_dir: Path, infrastructure: Infrastructure) -> dict[str, str]:
    """Return the services' passwords in Kafka, made once; none where Vita cannot create users."""
    own = infrastructure.routes["kafka"] != "environment"
    if not own and infrastructure.kafka.sasl.mechanism not in SCRAM:
        return {}
    mechanism = {"VITA_KAFKA_SERVICES_MECHANISM": MECHANISM} if own else {}
    return kept_passwords(state_dir / "keys" / "kafka.passwords") | mechanism


async def _ensure_services(
    local: LocalStack, installation: Installation, display: Display, domain: str
) -> Stack:
    stack = Stack(
        state_dir=local.state.path,
        kafka_bootstrap=installation.kafka.bootstrap,
        postgres_admin_url=installation.postgres_admin_url,
        database=installation.database,
        management_url="",
        ingest_url="",
        topic_prefix=installation.topic_prefix,
        domain=domain,
        kafka_access={
            service: installation.kafka_of(service).environment() for service in installation.principals
        },
    )
    certificates = ensure_certificates(local.state, domain) if domain else None
    async with asyncpg.create_pool(stack.admin_database_url, min_size=1, max_size=len(WORKERS)) as pool:
        launcher = ServiceLauncher(local, stack, pool, certificates)
        with display.step("management") as result:
            result.append((await launcher.ensure_management()).management_url)
        with display.doing("starting ingest and the workers"):
            stack = await _ensure_others(launcher, display)
    remember_stack(stack, local.state)
    return stack


async def _ensure_others(launcher: ServiceLauncher, display: Display) -> Stack:
    """Start the services that do not depend on each other concurrently."""
    await together(
        _timed(launcher.ensure_ingest(), "ingest", display),
        *(_timed(launcher.ensure_worker(worker), worker, display) for worker in WORKERS),
    )
    return launcher.stack


async def _timed(doing: Awaitable[Stack | None], name: str, display: Display) -> None:
    started = time.monotonic()
    result = await doing
    result_text = "running" if result is None else result.ingest_url
    display.done(name, result_text, time.monotonic() - started)


async def _stop(local: LocalStack, display: Display) -> None:
    """Stop the supervisor, then the services, the newest first, and then Kafka and PostgreSQL."""
    running = [info.name for info in local.status() if info.alive]
    services = [name for name in reversed(running) if name not in PARTS]
    services.sort(key=lambda name: name != SUPERVISOR)
    if not running:
        display.say("Nothing was running.")
    for name in [*services, *(part for part in PARTS if part in running)]:
        with display.step(name) as result:
            await local.stop(name)
            result.append("stopped")
    if "docker" in local.state.read().get("routes", {}).values():
        with display.step("containers") as result:
            await Compose(local.state).stop()
            result.append("stopped")
