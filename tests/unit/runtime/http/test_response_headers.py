"""Every HTTP answer of every service carries the security headers."""

import httpx
import pytest
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from services.runtime.http.response_headers import SecureHeaders

SHARED = [(b"content-length", b"1")]


async def plain(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["path"] == "/shared":
        await send({"type": "http.response.start", "status": 500, "headers": SHARED})
        await send({"type": "http.response.body", "body": b"x"})
        return
    headers = {"Referrer-Policy": "origin"} if scope["path"] == "/own" else None
    await Response("x", headers=headers)(scope, receive, send)


@pytest.mark.parametrize("tls", [True, False])
async def test_headers_are_added(tls: bool) -> None:
    """`nosniff` and `Referrer-Policy` always, HSTS under TLS only; an answer's own header stays, and a list
    of headers that the application shares between answers is not altered."""
    transport = httpx.ASGITransport(app=SecureHeaders(plain, tls=tls))
    async with httpx.AsyncClient(transport=transport, base_url="http://vita") as http:
        answers = [await http.get(path) for path in ("/", "/own", "/shared")]
    for answer, policy in zip(answers, ("no-referrer", "origin", "no-referrer"), strict=True):
        assert answer.headers.get_list("x-content-type-options") == ["nosniff"]
        assert answer.headers.get_list("referrer-policy") == [policy]
        assert ("strict-transport-security" in answer.headers) is tls
    assert SHARED == [(b"content-length", b"1")]
