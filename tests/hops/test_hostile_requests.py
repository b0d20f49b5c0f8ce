"""What no client should send, to every operation: a documented no, never a 5xx, and nothing is written."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Any, Final

import pytest
import pytest_asyncio
from starlette.types import Message

from schemas.formats.positions import Position
from services.management.http.operation import Operation
from tests.support.operations import (
    EVERY_SCOPE,
    OPERATIONS,
    WITH_BODY,
    WITH_PARAMETER,
    WITH_QUERY,
    is_an_error,
    path_of,
    reaches,
    title,
)
from tests.worlds.management import Site

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "BREW")
JSON: Final = b"application/json"
FORM: Final = b"application/x-www-form-urlencoded"
PATHS: Final = sorted({operation.path for operation in OPERATIONS})


@dataclass
class Answer:
    """The part of a response that `is_an_error` reads."""

    status_code: int
    headers: dict[str, str]
    content: bytes

    def json(self) -> Any:
        return json.loads(self.content)


@pytest_asyncio.fixture(loop_scope="session")
async def untouched(site: Site) -> AsyncIterator[None]:
    """Checks in the end that no request wrote to the log."""
    before = await ends(site)
    yield
    assert await ends(site) == before


async def ends(site: Site) -> list[Position]:
    partitions = range(site.storage.log.partitions)
    return list(await asyncio.gather(*(site.storage.log.end.last(partition) for partition in partitions)))


async def send(
    site: Site,
    method: str,
    target: bytes,
    body: Iterable[bytes] = (),
    *,
    media: bytes | None = JSON,
    **headers: bytes,
) -> Answer:
    """A request as bytes, as no well-behaved client library would let it out."""
    path, _, query = target.partition(b"?")
    chunks, sent = [*body], list[Message]()
    given = {b"authorization": b"Bearer " + site.token(EVERY_SCOPE).encode(), b"host": b"vita"}
    given |= {} if media is None else {b"content-type": media}
    given |= {name.replace("_", "-").encode(): value for name, value in headers.items()}
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
        "path": path.decode("latin-1"), "raw_path": path, "query_string": query, "root_path": "",
        "headers": list(given.items()), "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 2),
    }  # fmt: skip

    async def receive() -> Message:
        chunk = chunks.pop(0) if chunks else b""
        return {"type": "http.request", "body": chunk, "more_body": bool(chunks)}

    async def keep(message: Message) -> None:
        sent.append(message)

    await site.app(scope, receive, keep)
    start, *rest = sent
    shown = {name.decode().lower(): value.decode() for name, value in start["headers"]}
    return Answer(start["status"], shown, b"".join(part.get("body", b"") for part in rest))


def nested(levels: int) -> bytes:
    return b'{"user_metadata":' * levels + b"1" + b"}" * levels


BODIES: Final[dict[str, tuple[bytes, bytes]]] = {
    "empty": (JSON, b""),
    "blank": (JSON, b" \n\t"),
    "null": (JSON, b"null"),
    "array": (JSON, b"[]"),
    "number": (JSON, b"7"),
    "text": (JSON, b'"x"'),
    "cut off": (JSON, b'{"name":'),
    "trailing": (JSON, b'{"name":"x"}}'),
    "single quotes": (JSON, b"{'name':'x'}"),
    "not a number": (JSON, b'{"name":NaN}'),
    "bad UTF-8": (JSON, b'{"name":"\xff"}'),
    "UTF-16": (JSON, '{"name":"x"}'.encode("utf-16")),
    "byte order mark": (JSON, b'\xef\xbb\xbf{"name":"x"}'),
    "lone surrogate": (JSON, b'{"name":"\\ud800"}'),
    "surrogate as UTF-8": (JSON, b'{"name":"\xed\xa0\x80"}'),
    "NUL": (JSON, b'{"name":"a\\u0000b"}'),
    "NUL in a key": (JSON, b'{"user_metadata":{"a\\u0000b":1}}'),
    "raw NUL": (JSON, b'{"name":"a\x00b"}'),
    "beyond a double": (JSON, b'{"user_metadata":{"n":1e400}}'),
    "400 digits": (JSON, b'{"shoe_size":' + b"9" * 400 + b"}"),
    "400 digits, in metadata": (JSON, b'{"user_metadata":{"n":' + b"9" * 400 + b"}}"),
    "5,000 digits": (JSON, b'{"user_metadata":{"n":' + b"9" * 5000 + b"}}"),
    "1,000 levels": (JSON, nested(1000)),
    "100,000 levels": (JSON, b"[" * 100_000),
    "10,000 keys": (JSON, json.dumps({f"k{number}": number for number in range(10_000)}).encode()),
    "the same key twice": (JSON, b'{"nonsense":1,"nonsense":2}'),
    "an empty key": (JSON, b'{"":1}'),
    "odd keys": (JSON, b'{"__proto__":1,"a.b":1,"$where":1,"\\"":1,"\\u2028":1}'),
    "more than a megabyte": (JSON, b'{"name":"' + b"x" * 1_100_000 + b'"}'),
    "plain text": (b"text/plain", b'{"name":"x"}'),
    "XML": (b"application/xml", b"<a/>"),
    "multipart": (b"multipart/form-data; boundary=x", b"--x--"),
    "no type at all": (b"", b"name=x"),
    "a type that is none": (b"\xff\x00;;;", b'{"name":"x"}'),
    "form, bad UTF-8": (FORM, b"name=%ff"),
    "form, NUL": (FORM, b"name=%00"),
    "form, two shapes": (FORM, b"a=1&a[b]=2&a[]=3"),
    "form, 70 levels": (FORM, b"a" + b"[b]" * 70 + b"=1"),
    "form, 30,000 fields": (FORM, b"&".join(b"a%d=1" % number for number in range(30_000))),
    "form, brackets astray": (FORM, b"a[=1&]=2&a[b]c]=3&[]=4"),
    "form, empty": (FORM, b""),
}


@pytest.mark.parametrize("operation", WITH_BODY, ids=title)
async def test_bodies(site: Site, untouched: None, operation: Operation) -> None:
    """Any body for a user who does not exist gets a 4xx in the documented shape."""
    wrong = {}
    for name, (media, content) in BODIES.items():
        chunks = [content[start : start + 65_536] for start in range(0, len(content), 65_536)]
        answer = await send(site, operation.method, path_of(operation).encode(), chunks, media=media)
        if not is_an_error(answer, 400, 404, 409, 413, 415):
            wrong[name] = answer
    assert wrong == {}


@pytest.mark.parametrize("operation", WITH_BODY, ids=title)
async def test_bodies_that_lie_about_their_length(site: Site, untouched: None, operation: Operation) -> None:
    """Declared too large, not a number, negative: refused or taken for what came."""
    for length in (b"9999999999999", b"-1", b"x", "٣".encode()):
        answer = await send(
            site, operation.method, path_of(operation).encode(), [b"{"], content_length=length
        )
        assert is_an_error(answer, 400, 413)


IDS: Final = (
    b"%00", b"%", b"%zz", b"%ff", b"%ED%A0%80", b"auth0|raw", b"auth0%7Ca%2Fb", b"..", b"%2e%2e", b"%2F",
    b"a%2F..%2Fb", b"\xe2\x98\x83", b"%E2%98%83", b"%F0%9F%92%A9", b"%E2%80%AE", b"'", b"%22%3B%20DROP",
    b"%5C", b"*", b" ", b"%25", b"%2525", b"null", b"undefined", b"0", b"-1", b"9" * 400, b"a" * 3000,
    b"\x00", b"\xff", b"%0d%0aX-Evil:%201",
)  # fmt: skip


@pytest.mark.parametrize("operation", WITH_PARAMETER, ids=title)
async def test_ids(site: Site, untouched: None, operation: Operation) -> None:
    """Any text in place of an id: not found, refused, or a deletion without effect."""
    wrong = {}
    for identity in IDS:
        parts = operation.path.split("/")
        path = b"/".join(identity if part.startswith("{") else part.encode() for part in parts)
        answer = await send(site, operation.method, path, [b"{}"])
        if not (answer.status_code < 400 or is_an_error(answer, 400, 404, 405)) or "x-evil" in answer.headers:
            wrong[identity] = answer
    assert wrong == {}


QUERIES: Final = (
    b"page=-1", b"page=1e400", b"page=" + b"9" * 400, b"page=99999999999999999999", b"page=x", b"page=",
    b"page=%00", b"page[]=1", b"page=1&page=2", b"per_page=-1", b"per_page=1000", b"per_page=1.5", b"take=0",
    b"take=-1", b"take=" + b"9" * 30, b"from=%00", b"from=%ff", b"from=!!!", b"from=" + b"A" * 5000,
    b"include_totals=maybe", b"fields=%00", b"fields=,,,", b"fields=" + b"a," * 5000, b"include_fields=x",
    b"sort=%00", b"sort=a:b:c", b"sort='", b"q=%00", b"q=" + b"(" * 5000, b"q=%ff", b"%ff=1", b"%00=1", b"=",
    b"&&&", b"a=%", b"\xe2\x98\x83=1", b"&".join(b"p%d=1" % number for number in range(500)),
)  # fmt: skip


@pytest.mark.parametrize("operation", WITH_QUERY, ids=title)
async def test_queries(site: Site, untouched: None, operation: Operation) -> None:
    """Any query gets a result or a documented refusal."""
    wrong = {}
    for query in QUERIES:
        answer = await send(site, operation.method, path_of(operation).encode() + b"?" + query, [b"{}"])
        if not (answer.status_code < 400 or is_an_error(answer, 400, 404)):
            wrong[query] = answer
    assert wrong == {}


@pytest.mark.parametrize("operation", OPERATIONS, ids=title)
async def test_targets_that_are_too_long(site: Site, untouched: None, operation: Operation) -> None:
    """A query of 100 KB and a path of 100 KB: 414."""
    path = path_of(operation).encode()
    for target in (path + b"?q=" + b"a" * 100_000, path + b"a" * 100_000):
        assert is_an_error(await send(site, operation.method, target, [b"{}"]), 414)


@pytest.mark.parametrize("path", PATHS)
async def test_methods_that_are_not_there(site: Site, untouched: None, path: str) -> None:
    """405 and the methods that are, for every other one."""
    target = path_of(next(operation for operation in OPERATIONS if operation.path == path)).encode()
    allowed = {operation.method for operation in OPERATIONS if reaches(operation, target.decode())}
    for method in METHODS:
        if method not in allowed:
            answer = await send(site, method, target, [b"{}"])
            assert is_an_error(answer, 405)
            assert {name.strip() for name in answer.headers["allow"].split(",")} == allowed


@pytest.mark.parametrize("operation", OPERATIONS, ids=title)
async def test_bodies_where_none_is_due(site: Site, untouched: None, operation: Operation) -> None:
    """GET with `null` or `{}` and DELETE with `{}` are taken as if there were none, as clients send them."""
    if operation.body is not None:
        return
    target = path_of(operation).encode()
    without = await send(site, operation.method, target, media=None)
    for content in (b"null", b"{}"):
        answer = await send(site, operation.method, target, [content])
        assert (answer.status_code, answer.content) == (without.status_code, without.content)


@pytest.mark.parametrize("operation", OPERATIONS, ids=title)
async def test_headers(site: Site, untouched: None, operation: Operation) -> None:
    """Headers full of nonsense are refused or ignored."""
    target, odd = (
        path_of(operation).encode(),
        (b"\xff\xfe", b"\x00", b"a" * 20_000, b'"', b"-1:-1", b"0:" + b"9" * 40),
    )
    for value in odd:
        for name in ("vita_at_least", "if_match", "if_none_match", "x_correlation_id", "traceparent"):
            answer = await send(site, operation.method, target, [b"["], **{name: value})
            assert answer.status_code < 500
        answer = await send(site, operation.method, target, [b"["], authorization=b"Bearer " + value)
        assert is_an_error(answer, 400, 401)


async def test_places_that_are_not_there(site: Site, untouched: None) -> None:
    """404 in the documented shape."""
    for target in (
        b"", b"*", b"/", b"//", b"/api/v2", b"/api/v2/", b"/api/v2/userz", b"/api/v2/users/",
        b"/%2e%2e/api/v2/users", b"/api/v2/users/a/b/c/d/e/f", b"http://else/api/v2/users",
    ):  # fmt: skip
        for method in ("GET", "POST", "DELETE"):
            assert is_an_error(await send(site, method, target, [b"{}"]), 404, 405)
