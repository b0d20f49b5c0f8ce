"""The table of Auth0's operations against the official SDK and against what Vita has."""

import re
from contextlib import suppress
from importlib import import_module
from pkgutil import walk_packages
from typing import Any

import auth0.management
import httpx
import pytest
from auth0.management.client import Auth0

from services.management.app import OPERATIONS
from services.management.not_built import names_at, operations, refusal_for

BUILT = {(one.method, re.sub(r"{\w+}", "{}", one.path)) for one in OPERATIONS}
LISTED = {(method, path): name for path, names in operations() for method, name in names.items()}


def calls() -> list[tuple[str, str]]:
    """Each method of each of the SDK's clients, as `family.name` and its module."""
    found = []
    for module in walk_packages(auth0.management.__path__, "auth0.management."):
        if not module.name.endswith(".raw_client"):
            continue
        family = module.name.removeprefix("auth0.management.").removesuffix(".raw_client")
        client = next(
            kind
            for name, kind in vars(import_module(module.name)).items()
            if re.fullmatch(r"Raw\w+Client", name)
        )
        found += [(family, name) for name in vars(client) if not name.startswith("_")]
    return found


def request_of(sdk: Any, sent: list[httpx.Request], family: str, name: str) -> tuple[str, str] | None:
    """The method and path that a call of the SDK asks for; ids are marked."""
    client = sdk
    for part in family.split("."):
        client = getattr(client, part)
    call = getattr(client.with_raw_response, name)
    code = call.__func__.__code__
    wanted = code.co_varnames[1 : code.co_argcount]
    keywords = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    required = [one for one in keywords if one not in (call.__func__.__kwdefaults__ or {})]
    with suppress(Exception):  # whatever the SDK makes of the answer, the request is what counts
        call(*("ID" for _ in wanted), **dict.fromkeys(required, "x"))
    if not sent:
        return None
    request = sent.pop()
    return request.method, request.url.path.replace("/ID", "/{}")


def test_every_operation_of_the_sdk_is_listed_or_built() -> None:
    """Whatever the SDK can ask for is answered by a route or by a 501 with a name."""
    sent: list[httpx.Request] = []

    def note(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(500, json={})

    with httpx.Client(transport=httpx.MockTransport(note)) as http:
        sdk = Auth0(base_url="http://vita/api/v2", token="t", httpx_client=http, max_retries=0)
        asked = {(family, name): request_of(sdk, sent, family, name) for family, name in calls()}
    found = {request for request in asked.values() if request is not None}
    assert len(found) > 400
    assert {one for one in found if one not in BUILT and one not in LISTED} == set()


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("GET", "/api/v2/rules", "rules.list"),
        ("POST", "/api/v2/hooks", "hooks.create"),
        ("DELETE", "/api/v2/actions/actions/a%2Fb", "actions.delete"),
        ("POST", "/api/v2/connections/con_1/keys/rotate", "connections.keys.rotate"),
    ],
)
def test_a_path_finds_its_operation(method: str, path: str, name: str) -> None:
    """Ids match any segment; the refusal names the operation."""
    refusal = refusal_for(method, path)
    assert refusal is not None
    assert (refusal.status, refusal.error_code) == (501, "operation_not_implemented")
    assert name in refusal.message


def test_other_paths_have_none() -> None:
    """Neither unknown paths nor empty ids are operations."""
    for path in ("/api/v2/nothing", "/api/v2/rules/", "/api/v2//", "/rules", "/api/v2/rules/a/b", "/"):
        assert not names_at(path), path
    assert refusal_for("PUT", "/api/v2/rules") is None
