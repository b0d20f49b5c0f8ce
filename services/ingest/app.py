"""The ASGI application of ingest."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from functools import partial

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from schemas.formats import exact_json
from schemas.formats.instants import milliseconds, render
from schemas.topics import Topic
from services.ingest.documents import HEALTH, LIVE, LOGIN_CHECKS, LOGINS, READY, document_routes, openapi
from services.ingest.endpoint import EndpointResources, GatewayEndpoint
from services.ingest.errors import MAX_BYTES, error_body, headers_of
from services.ingest.login_checks import ChecksEndpoint
from services.ingest.logins.connections import ConnectionCache
from services.ingest.logins.endpoint import LoginsEndpoint
from services.ingest.logins.publisher import Publisher
from services.ingest.logins.signing import Signer
from services.ingest.settings import Settings
from services.ledger.keys.signing_keys import key_source
from services.ledger.progress.heartbeats import Heartbeat
from services.ledger.tenant_domains import Domains, DomainVerifier
from services.runtime.auth.remote_keys import open_verifier
from services.runtime.auth.token_verifier import Trust
from services.runtime.fairness.body_memory import BodyMemory
from services.runtime.fairness.threads import FairThreads
from services.runtime.http.access_log import AccessLog
from services.runtime.http.docs import docs_routes
from services.runtime.http.request_id import WithRequestId
from services.runtime.http.routes import route
from services.runtime.periodic import Readiness
from services.runtime.postgres.pool import open_pool
from services.runtime.postgres.tenant_pool import TenantPool
from services.runtime.startup import open_when_possible

_JSON = "application/json; charset=utf-8"


class _Ingest(Starlette):
    """The application with request ids for all requests, including failed ones.

    Requests of gateways bypass Starlette's middleware and router.
    """

    requests: WithRequestId
    hot: Mapping[str, ASGIApp]
    """The applications that handle POST requests, by path."""

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Dispatch a request to an endpoint for gateways or to Starlette."""
        is_post = scope["type"] == "http" and scope["method"] == "POST"
        hot = self.hot.get(scope["path"]) if is_post else None
        await (hot or super().__call__)(scope, receive, send)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request under a new request id."""
        await self.requests(scope, receive, send)


def build(settings: Settings) -> Starlette:
    """Return the application. Its resources are open while it is served.

    Starting needs the database, without which no token can be verified (`wait_for_database`). The broker may
    become available later.
    """

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as parts:
            app.state.readiness = Readiness()
            app.state.endpoints, app.state.publisher = await _open(settings, parts, app.state.readiness)
            yield

    app = _Ingest(
        lifespan=lifespan,
        exception_handlers={HTTPException: _http_error, Exception: _internal_error},
    )
    app.requests = WithRequestId(app.answer, AccessLog(settings.log_format))
    app.hot = {
        path: ServerErrorMiddleware(_Hot(app, path), handler=_internal_error)
        for path in (LOGIN_CHECKS, LOGINS)
    }
    app.router.redirect_slashes = False
    app.router.routes += [
        *(route("POST", path, hot) for path, hot in app.hot.items()),  # these reject other methods
        route("GET", HEALTH, _health),
        route("GET", READY, _health),
        route("GET", LIVE, _alive),
        *document_routes(),
        *docs_routes(openapi()["info"]["title"]),
    ]
    return app


async def wait_for_database(settings: Settings) -> None:
    """Return once the database answers, however long that takes."""
    async with AsyncExitStack() as stack:
        await open_when_possible(stack, partial(_connection, settings.database_url.get_secret_value()))


@asynccontextmanager
async def _connection(url: str) -> AsyncIterator[None]:
    pool = await open_pool(url, max_size=1)
    yield
    pool.terminate()


async def _open(
    settings: Settings, parts: AsyncExitStack, readiness: Readiness
) -> tuple[dict[str, GatewayEndpoint], Publisher]:
    url = settings.database_url.get_secret_value()
    pool = await open_pool(url)
    parts.callback(pool.terminate)
    heartbeat = Heartbeat(pool, "ingest", readiness)
    await heartbeat.start()
    parts.push_async_callback(heartbeat.stop)
    topic, signer = settings.topic(Topic.LOGINS_RAW), Signer(settings.signing_secrets)
    publisher = Publisher(settings.kafka, topic, settings.ack_seconds, readiness)
    await publisher.open()
    parts.push_async_callback(publisher.close, settings.drain_seconds)
    trust = Trust(settings.token_issuer, settings.token_audience)
    known = await parts.enter_async_context(open_verifier(key_source(pool), trust, settings.external_issuers))
    verifier = DomainVerifier(Domains(pool), pool, known)
    body_memory = BodyMemory(settings.in_flight_bytes, MAX_BYTES)
    threads = parts.enter_context(FairThreads("reading", 1))
    resources = EndpointResources(verifier, body_memory, settings.pace, threads)
    # Planning the only statement takes several times as long as executing it.
    database = await TenantPool.open(
        url, settings.check_connections, "login checks", {"plan_cache_mode": "force_generic_plan"}
    )
    parts.push_async_callback(database.close)
    connections = ConnectionCache(database, settings.check_seconds)
    endpoints: dict[str, GatewayEndpoint] = {
        LOGINS: LoginsEndpoint(resources, publisher, signer, connections, _now, heartbeat.handled),
        LOGIN_CHECKS: ChecksEndpoint(
            resources, database, lambda: milliseconds(datetime.now(UTC)), settings.check_seconds
        ),
    }
    return endpoints, publisher


class _Hot:
    """Forwards a path to the endpoint that was created when serving began."""

    def __init__(self, app: Starlette, path: str) -> None:
        self._app, self._path = app, path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["vita.route"] = self._path
        endpoint: GatewayEndpoint = self._app.state.endpoints[self._path]
        await endpoint(scope, receive, send)


async def _health(request: Request) -> Response:
    """Return 200 while logins can be accepted; 503 while the broker is unavailable or a background loop fails
    for an unknown reason, with its name."""
    connected, failing = request.app.state.publisher.is_ready, request.app.state.readiness.failing
    ready = connected and not failing
    state = {"status": "ok" if ready else "unavailable", "kafka": "connected" if connected else "away"}
    state |= dict.fromkeys(failing, "failing")
    return Response(exact_json.dumps(state), 200 if ready else 503, headers_of(200 if ready else 503), _JSON)


async def _alive(_request: Request) -> Response:
    """200 as long as the process answers."""
    return Response(exact_json.dumps({"status": "ok"}), 200, headers_of(200), _JSON)


async def obstacle(app: Starlette) -> str | None:
    """Return why logins cannot be taken; None when they can."""
    if not hasattr(app.state, "publisher"):
        return "it is starting"
    failing = [f"{loop} is failing" for loop in app.state.readiness.failing]
    return ", ".join([*failing, *([] if app.state.publisher.is_ready else ["kafka is away"])]) or None


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    headers = {**headers_of(error.status_code), **(error.headers or {})}
    return Response(error_body(error.status_code, error.detail), error.status_code, headers, _JSON)


async def _internal_error(request: Request, error: Exception) -> Response:
    return Response(error_body(500, "An internal error occurred.", "internal_error"), 500, None, _JSON)


def _now() -> str:
    return render(datetime.now(UTC))
