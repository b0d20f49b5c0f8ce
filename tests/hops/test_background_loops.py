"""Real processes whose background loops fail for an unforeseen reason."""

import socket

import httpx

from tests.support.patience import A_WHILE, soon
from tests.support.processes import HEARD, python
from tests.support.stack import Stack
from tests.worlds.audit_trail import event, publish
from tests.worlds.management import Site, new_user, running_site

USERS = "/api/v2/users"


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


async def test_an_auditor_that_cannot_sign_ends(stack: Stack) -> None:
    """A trail does not grow unsigned: the process exits with an error and leaves the reason in its row."""
    database, prefix = await stack.place()
    async with database.connected() as admin:
        await admin.execute(f"REVOKE INSERT ON trail.checkpoint FROM {database.role('auditor')}")
    await publish(stack.kafka_of("management"), f"{prefix}profile.events", {0: [event(0)]})
    environment = stack.environment("auditor", database, prefix) | {"VITA_CHECKPOINT_SECONDS": "0.1"}
    async with python("-m", "services.auditor", env=environment, stderr=HEARD) as process:
        _, log = await soon(process.communicate(), 40)
    assert process.returncode == 1
    reason = "the background loop checkpoint_signing failed: InsufficientPrivilegeError, see the log"
    assert reason in log.decode()
    async with database.connected() as admin:
        row = await admin.fetchrow("SELECT state, reason FROM ledger.heartbeat WHERE worker = 'auditor'")
    assert tuple(row) == ("failed", reason)


async def test_a_service_whose_position_watch_fails_is_not_ready(stack: Stack) -> None:
    """/healthz of a real process is 503 and names the loop; once the cause is gone writes are seen again."""
    async with running_site(stack) as site:
        port = free_port()
        environment = stack.environment("management", site.database, site.prefix)
        async with (
            python("-m", "services.management", env=environment | {"VITA_HTTP_PORT": str(port)}),
            httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{port}",
                headers={"authorization": f"Bearer {site.token()}"},
                trust_env=False,
                timeout=A_WHILE,
            ) as api,
        ):

            async def health() -> tuple[int, str | None]:
                try:
                    answer = await api.get("/healthz")
                except httpx.TransportError:
                    return 0, None
                return answer.status_code, answer.json()["parts"].get("position_watch")

            async def is_ready() -> bool:
                return await health() == (200, None)

            async def is_failing() -> bool:
                return await health() == (503, "failing")

            await stack.until(is_ready)
            await break_watch(site)
            await stack.until(is_failing)
            async with site.database.connected() as admin:
                await admin.execute(f"GRANT SELECT ON ledger.position TO {site.database.role('management')}")
            await stack.until(is_ready)
            assert (await api.post(USERS, json=new_user())).status_code == 201


async def break_watch(site: Site) -> None:
    """Take a right away that the watch needs, and cut it off so that it has to connect again."""
    async with site.database.connected() as admin:
        await admin.execute(f"REVOKE SELECT ON ledger.position FROM {site.database.role('management')}")
        await admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'vita position watch' AND datname = current_database()"
        )
