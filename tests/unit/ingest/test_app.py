"""The application around the endpoints."""

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from services.ingest.app import build
from services.ingest.documents import LOGIN_CHECKS, LOGINS
from services.ingest.settings import Settings

SETTINGS = Settings(
    database_url="postgresql://nowhere/vita", kafka_bootstrap="nowhere:9092", raw_logins="trusted"
)


async def broken(_scope: Scope, _receive: Receive, _send: Send) -> None:
    raise ZeroDivisionError


def client_of(*, endpoint: object, framework: object = None) -> httpx.AsyncClient:
    app = build(SETTINGS)
    app.state.endpoints = {LOGINS: endpoint, LOGIN_CHECKS: endpoint}
    if framework is not None:
        app.middleware_stack = framework  # type: ignore[assignment]
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://ingest")


@pytest.mark.parametrize("path", [LOGINS, LOGIN_CHECKS])
async def test_what_gateways_call_does_not_pass_the_framework(path: str) -> None:
    """A POST reaches its endpoint at once, within the layer of request ids; all else is the framework's."""

    async def empty(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 202, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def teapot(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 418, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async with client_of(endpoint=empty, framework=teapot) as client:
        answer = await client.post(path)
        assert (answer.status_code, "x-request-id" in answer.headers) == (202, True)
        assert (await client.get(path)).status_code == 418
        assert (await client.post(f"{path}/more")).status_code == 418


@pytest.mark.parametrize("path", [LOGINS, LOGIN_CHECKS])
async def test_an_internal_error_has_the_documented_shape(path: str) -> None:
    """500 with nothing of the error in it, under a request id."""
    async with client_of(endpoint=broken) as client:
        answer = await client.post(path)
    assert answer.status_code == 500
    assert answer.json()["errorCode"] == "internal_error"
    assert "x-request-id" in answer.headers
