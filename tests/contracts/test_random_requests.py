"""Random requests of every operation, made from the OpenAPI document: no 5xx, and answers as documented."""

import itertools
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
from services.management.http.openapi.document import document
from services.management.http.operation import Operation, Public
from tests.support.pages import loaded_by
from tests.worlds.management import Site

DOCUMENT: Final = document(OPERATIONS, PUBLIC, "http://vita/")
SCHEMA: Final = schemathesis.openapi.from_dict(DOCUMENT)
EXPECTED: Final = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
NUMBERS: Final = itertools.count()
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


@pytest_asyncio.fixture(loop_scope="session")
async def known(api: httpx.AsyncClient, operation: Operation | Public) -> str | None:
    """The id of something of the operation's family, made from the example of the family's own POST."""
    collection, found, _ = operation.path.partition("/{id}")
    described = DOCUMENT["paths"].get(collection, {}).get("post") if found else None
    if described is None:
        return None
    example = described["requestBody"]["content"]["application/json"]["example"]
    own = {
        "name": f"n{next(NUMBERS)}",
        "identifier": f"urn:{next(NUMBERS)}",
        "email": f"{next(NUMBERS)}@a.co",
    }
    body = {**example, **{name: value for name, value in own.items() if name in example}}
    made = (await api.post(collection, json=body)).json()
    return next((made[name] for name in ("id", "user_id", "client_id") if name in made), None)


def cases(operation: Operation | Public, known: str | None) -> st.SearchStrategy[Case]:
    """Requests that fit the document, of what is there and of anything; and requests that break it."""
    described = SCHEMA[operation.path][operation.method]
    found = [described.as_strategy(generation_mode=mode) for mode in MODES]
    if known is not None:
        found.append(described.as_strategy(path_parameters={"id": quote(known, safe="")}))
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


@EVERY
@settings(max_examples=6, **RANDOM)
@given(data=st.data())
async def test_random_requests_get_documented_answers(
    api: httpx.AsyncClient, operation: Operation | Public, known: str | None, data: st.DataObject
) -> None:
    """A few random requests to each operation, with a fixed seed."""
    await replay(api, data.draw(cases(operation, known)))


@pytest.mark.slow
@pytest.mark.timeout(600)
@EVERY
@settings(max_examples=200, **{**RANDOM, "derandomize": False})
@given(data=st.data())
async def test_many_random_requests_get_documented_answers(
    api: httpx.AsyncClient, operation: Operation | Public, known: str | None, data: st.DataObject
) -> None:
    """Hundreds of each, other ones every time."""
    await replay(api, data.draw(cases(operation, known)))


async def test_the_document_and_its_page_are_served(site: Site, api: httpx.AsyncClient) -> None:
    """The document and the page need no token, the page has a restrictive policy, and every file that it
    names is served."""
    served = await api.get("/openapi.json", headers={"authorization": ""})
    assert served.json() == document(OPERATIONS, PUBLIC, site.service.settings.token_issuer)
    page = await api.get("/docs", headers={"authorization": ""})
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert "<title>Vita Management API</title>" in page.text
    for address in loaded_by(page.text):
        assert (await api.get(address, headers={"authorization": ""})).status_code == 200
