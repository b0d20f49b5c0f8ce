"""Every service serves its metrics and its health at a port of its own, and the figures move."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import pytest_asyncio
from prometheus_client.parser import text_string_to_metric_families

from schemas.topics import Topic
from services.ingest.errors import SCOPE
from services.runtime.metrics.catalogue import ALL, CATALOGUE, HTTP
from tests.support.processes import free_port, python
from tests.support.stack import Stack
from tests.worlds.management import ALL_SCOPES, DATABASE_CONNECTION, PASSWORD, Site, running_site
from tests.worlds.pipeline import Pipeline, make_pipeline

PEOPLE = 30
PERSONAL = "Ada-Lovelace"
Labels = Mapping[str, str]


@dataclass
class Operated:
    """All services of one installation as processes, and where each serves its metrics."""

    site: Site
    pipeline: Pipeline
    ports: Mapping[str, int]
    apis: Mapping[str, int]
    http: httpx.AsyncClient

    async def text(self, service: str) -> str:
        """What Prometheus reads."""
        answer = await self.http.get(f"http://127.0.0.1:{self.ports[service]}/metrics")
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/plain; version=")
        return answer.text

    async def value(self, service: str, sample: str, **labels: str) -> float:
        """The sum of the samples of this name that have these labels."""
        return sum(
            one.value
            for family in text_string_to_metric_families(await self.text(service))
            for one in family.samples
            if one.name == sample and labels.items() <= one.labels.items()
        )

    async def until(self, least: float, service: str, sample: str, **labels: str) -> None:
        """Waits until a figure is at least that."""

        async def reached() -> bool:
            return await self.value(service, sample, **labels) >= least

        await self.pipeline.stack.until(reached, timeout=60)

    async def probe(self, service: str, path: str) -> int:
        """The status of a probe; 0 when nobody listens."""
        return await status_of(self.http, self.ports[service], path)


async def status_of(http: httpx.AsyncClient, port: int, path: str) -> int:
    try:
        return (await http.get(f"http://127.0.0.1:{port}{path}")).status_code
    except httpx.TransportError:
        return 0


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def operated(stack: Stack) -> AsyncIterator[Operated]:
    """Every service at work, with logins and an edit that have gone through all of them."""
    async with AsyncExitStack() as parts:
        site = await parts.enter_async_context(running_site(stack))
        await site.stop_projector()
        pipeline = await make_pipeline(stack, (site.database, site.prefix))
        http = await parts.enter_async_context(httpx.AsyncClient(trust_env=False, timeout=30))
        ports, apis = {}, {service: free_port() for service in HTTP}
        for service in ALL:
            ports[service] = free_port()
            environment = stack.environment(service, site.database, site.prefix) | {
                "VITA_METRICS_PORT": str(ports[service]),
                "VITA_HTTP_PORT": str(apis.get(service, 0)),
            }
            await parts.enter_async_context(python("-m", f"services.{service}", env=environment))
        running = Operated(site, pipeline, ports, apis, http)

        async def all_ready() -> bool:
            return [await running.probe(service, "/readyz") for service in ALL] == [200] * len(ALL)

        await stack.until(all_ready, timeout=60)
        yield running


def login(pipeline: Pipeline, number: int) -> dict[str, Any]:
    claims = {"sub": f"1{number:020}", "name": PERSONAL, "email": f"{PERSONAL}{number}@example.com"}
    return pipeline.login(data={"claims": claims})


async def test_logins_move_the_figures_of_the_workers(operated: Operated) -> None:
    """Logins and a record that is none are counted by type, reason and phase, and then nothing waits."""
    pipeline = operated.pipeline
    await pipeline.send_raw(*(login(pipeline, number) for number in range(PEOPLE)), b"no login")
    succeeded = {"type": "profile.login.succeeded"}
    await operated.until(PEOPLE, "normalizer", "vita_events_total", **succeeded, outcome="appended")
    await operated.until(PEOPLE, "projector", "vita_events_total", **succeeded, outcome="applied")
    await operated.until(PEOPLE, "auditor", "vita_events_total", **succeeded, outcome="audited")
    assert await operated.value("normalizer", "vita_dead_letters_total") == 1
    for service, phases in (
        ("normalizer", ("read", "normalize", "seal", "append")),
        ("projector", ("read", "open", "fold", "write")),
        ("auditor", ("read", "write")),
    ):
        for phase in phases:
            assert await operated.value(service, "vita_batch_phase_seconds_count", phase=phase) >= 1
        assert await operated.value(service, "vita_batch_records_sum") >= PEOPLE
        assert await operated.value(service, "vita_database_connections", pool="ledger") >= 1

        async def nothing_waits(service: str = service) -> bool:
            records = await operated.value(service, "vita_worker_lag_records")
            return records == await operated.value(service, "vita_worker_lag_seconds") == 0

        await pipeline.stack.until(nothing_waits)
        assert f'vita_worker_lag_records{{partition="{0}"}} 0.0' in await operated.text(service)
    events = pipeline.prefix + Topic.PROFILE_EVENTS.value
    appended = await operated.value(
        "normalizer", "vita_append_seconds_count", topic=events, outcome="written"
    )
    assert appended >= 1
    assert 0 <= await operated.value("auditor", "vita_checkpoint_age_seconds") < 60
    assert await operated.value("projector", "vita_rebuild_phase") == 0


async def test_requests_move_the_figures_of_the_http_services(operated: Operated) -> None:
    """An edit, a login and a request that no route takes are counted by the template of the route."""
    site, http = operated.site, operated.http
    settings = site.service.settings
    headers = {"authorization": f"Bearer {site.token((*ALL_SCOPES, SCOPE))}"}
    management, ingest = (
        f"http://127.0.0.1:{operated.apis[service]}" for service in ("management", "ingest")
    )
    created = await http.post(
        f"{management}/api/v2/users",
        headers=headers,
        json={"connection": DATABASE_CONNECTION, "email": f"{PERSONAL}@example.com", "password": PASSWORD},
    )
    assert created.status_code == 201, created.text
    user = created.json()["user_id"]
    assert (await http.get(f"{management}/api/v2/users/{user}", headers=headers)).status_code == 200
    assert (await http.request("BREW", f"{management}/{PERSONAL}", headers=headers)).status_code == 404
    taken = await http.post(
        f"{ingest}/ingest/v1/logins", headers=headers, json=[login(operated.pipeline, 1), {"no": "login"}]
    )
    assert taken.status_code == 202, taken.text

    requests = "vita_http_requests_total"
    users = {"method": "POST", "route": "/api/v2/users", "status": "201"}
    assert await operated.value("management", requests, **users) == 1
    one = {"method": "GET", "route": "/api/v2/users/{id}"}
    assert await operated.value("management", requests, **one, status="200") == 1
    assert await operated.value("management", "vita_http_request_seconds_count", **one) == 1
    unknown = {"method": "other", "route": "none", "status": "404"}
    assert await operated.value("management", requests, **unknown) == 1
    appended = {"type": "profile.user.created", "outcome": "appended"}
    assert await operated.value("management", "vita_events_total", **appended) == 1
    assert await operated.value("management", "vita_view_wait_seconds_count", outcome="visible") >= 1
    most = await operated.value("management", "vita_database_connections_max", pool="management")
    assert most == settings.pool_connections
    assert await operated.value("management", "vita_database_waiting") == 0
    for outcome in ("accepted", "rejected"):
        assert await operated.value("ingest", "vita_logins_total", outcome=outcome) == 1
    assert await operated.value("ingest", requests, route="/ingest/v1/logins", status="202") == 1
    assert await operated.value("ingest", "vita_append_seconds_count", outcome="written") >= 1


@pytest.mark.parametrize("service", ALL)
async def test_a_service_exposes_what_the_catalogue_says(operated: Operated, service: str) -> None:
    """Names, kinds and labels are those of the catalogue, and all of the service's metrics are there."""
    families = {
        family.name: family
        for family in text_string_to_metric_families(await operated.text(service))
        if family.name.startswith("vita_")
    }
    expected = {one.name.removesuffix("_total"): one for one in CATALOGUE if service in one.services}
    assert families.keys() == expected.keys()
    for name, family in families.items():
        assert (family.type, family.documentation) == (expected[name].kind, expected[name].meaning)
        for sample in family.samples:
            assert sample.labels.keys() - {"le"} == set(expected[name].labels)


@pytest.mark.parametrize("service", ALL)
async def test_metrics_hold_no_personal_data(operated: Operated, service: str) -> None:
    """No name, address, user, subject or tenant is in them."""
    text = await operated.text(service)
    subjects = [
        row["subject"] for row in await operated.pipeline.rows("SELECT subject FROM ledger.directory")
    ]
    assert subjects
    for personal in (PERSONAL, PERSONAL.lower(), "@", "auth0|", "google-oauth2", '"demo"', *subjects):
        assert personal not in text


@pytest.mark.parametrize("service", HTTP)
async def test_the_api_answers_probes_and_hides_metrics(operated: Operated, service: str) -> None:
    """A load balancer finds the probes at the port of the API; metrics are at the other port only."""
    port = operated.apis[service]
    for path, status in (("/livez", 200), ("/readyz", 200), ("/healthz", 200), ("/metrics", 404)):
        assert await status_of(operated.http, port, path) == status


@pytest.mark.parametrize("away", ["database", "broker"])
@pytest.mark.parametrize("service", ALL)
async def test_a_service_without_its_surroundings_lives_and_is_not_ready(
    stack: Stack, service: str, away: str
) -> None:
    """It waits for the database and the broker, which a restart would not bring back."""
    port, nobody = free_port(), free_port()
    database, prefix = await stack.place()
    environment = stack.environment(service, database, prefix) | {
        **(
            {"VITA_DATABASE_URL": f"postgresql://vita@127.0.0.1:{nobody}/vita"}
            if away == "database"
            else {"VITA_KAFKA_BOOTSTRAP": f"127.0.0.1:{nobody}"}
        ),
        "VITA_METRICS_PORT": str(port),
        "VITA_HTTP_PORT": "0",
    }
    async with (
        python("-m", f"services.{service}", env=environment) as process,
        httpx.AsyncClient(trust_env=False, timeout=30) as http,
    ):

        async def lives() -> bool:
            return await status_of(http, port, "/livez") == 200

        await stack.until(lives)
        answer = await http.get(f"http://127.0.0.1:{port}/readyz")
        assert (answer.status_code, answer.json()["status"]) == (503, "not ready")
        assert process.returncode is None


async def test_a_worker_says_that_the_database_went_away(operated: Operated) -> None:
    """While its sessions are refused a worker is not ready, and retries are counted; then it is again."""
    pipeline, role = operated.pipeline, operated.site.database.role("normalizer")
    await pipeline.run(f'ALTER ROLE "{role}" CONNECTION LIMIT 0')
    try:
        await pipeline.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1", role)
        await pipeline.send_raw(login(pipeline, PEOPLE + 1))
        await operated.until(1, "normalizer", "vita_worker_retries_total")
        assert await operated.probe("normalizer", "/livez") == 200

        async def not_ready() -> bool:
            return await operated.probe("normalizer", "/readyz") == 503

        await pipeline.stack.until(not_ready)
    finally:
        await pipeline.run(f'ALTER ROLE "{role}" CONNECTION LIMIT -1')

    async def ready() -> bool:
        return await operated.probe("normalizer", "/readyz") == 200

    await pipeline.stack.until(ready, timeout=60)
