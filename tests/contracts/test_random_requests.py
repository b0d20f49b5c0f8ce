"""Random requests of every operation, made from the OpenAPI document: no 5xx, and answers as documented."""

from collections.abc import AsyncIterator
from typing import Any, Final
from urllib.parse import quote

import httpx
import pytest
import pytest_asyncio
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode, checks

from services.management.app import OPERATIONS, PUBLIC
from services.management.describing import document
from services.management.endpoint import Operation, Public
from tests.management import Site, new_user, running_site
from tests.stack import Stack

SCHEMA: Final = schemathesis.openapi.from_dict(document(OPERATIONS, PUBLIC, "http://vita/"))
EXPECTED: Final = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
KNOWN: Final = "auth0|known"
MODES: Final = tuple(GenerationMode)
NEVER_SENT: Final = ("Vita-At-Least",)
"""A position that is well-formed but far ahead is waited for: its 503 is right and slow."""
EVERY: Final = pytest.mark.parametrize(
    "operation", [*OPERATIONS, *PUBLIC], ids=lambda item: f"{item.method} {item.path}"
)
RANDOM: Final[dict[str, Any]] = {
    "deadline": None,
    "derandomize": True,
    "database": None,
    "phases": (Phase.generate,),
    "suppress_health_check": list(HealthCheck),
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(stack: Stack) -> AsyncIterator[Site]:
    """One installation for this file."""
    async with running_site(stack, view_wait_seconds=30) as running:
        yield running


@pytest.fixture(scope="module")
def api(site: Site) -> httpx.AsyncClient:
    return site.client()


def cases(operation: Operation | Public) -> st.SearchStrategy[Case]:
    """Requests that fit the document, of somebody who is there and of anybody; and requests that break it."""
    described = SCHEMA[operation.path][operation.method]
    found = [described.as_strategy(generation_mode=mode) for mode in MODES]
    if operation.path.startswith("/api/v2/users/{id}"):
        found.append(described.as_strategy(path_parameters={"id": quote(KNOWN, safe="")}))
    return st.one_of(*found)


async def replay(api: httpx.AsyncClient, case: Case) -> None:
    """Sends a case and holds the answer against the document."""
    for name in NEVER_SENT:
        case.headers.pop(name, None)
    try:
        asked = requests.Request(**case.as_transport_kwargs(base_url="http://vita")).prepare()
        request = httpx.Request(
            asked.method or "GET", asked.url or "", content=asked.body or b"",
            headers={**asked.headers, "authorization": api.headers["authorization"]},
        )  # fmt: skip
    except (UnicodeError, ValueError, requests.RequestException, httpx.InvalidURL):
        return  # no client could send it
    case.validate_response(await api.send(request), checks=EXPECTED)


async def some(api: httpx.AsyncClient, operation: Operation | Public, data: st.DataObject) -> None:
    """One request of an operation, with somebody to be found."""
    await api.post("/api/v2/users", json=new_user(user_id=KNOWN.partition("|")[2]))
    await replay(api, data.draw(cases(operation)))


@EVERY
@settings(max_examples=12, **RANDOM)
@given(data=st.data())
async def test_random_requests_get_documented_answers(
    api: httpx.AsyncClient, operation: Operation | Public, data: st.DataObject
) -> None:
    """A dozen of each."""
    await some(api, operation, data)


@pytest.mark.slow
@pytest.mark.timeout(600)
@EVERY
@settings(max_examples=300, **{**RANDOM, "derandomize": False})
@given(data=st.data())
async def test_many_random_requests_get_documented_answers(
    api: httpx.AsyncClient, operation: Operation | Public, data: st.DataObject
) -> None:
    """Some hundreds of each, other ones every time."""
    await some(api, operation, data)
