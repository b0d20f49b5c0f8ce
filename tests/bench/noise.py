"""`python -m tests.bench.noise`: a tenant that sends as many requests as it can, in a separate process. The
noise itself costs processor time, which is not the service's; `burn` costs as much and sends no request."""

import argparse
import asyncio
import itertools
import os
import secrets
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Final
from urllib.parse import quote

import uvloop

from schemas.formats import exact_json
from services.ingest.documents import LOGIN_CHECKS, LOGINS
from services.ingest.errors import MAX_BYTES, MAX_EVENTS
from services.ingest.login_checks import MAX_CHECKS
from tests.bench.crowd import email, user_id
from tests.bench.searches import USERS, search
from tests.bench.wire import Wire, request
from tests.samples.raw_logins import make_data, make_event

CONNECTION: Final = "email"
"""Of both tenants."""
TOKEN: Final = "VITA_NOISE_TOKEN"
READY: Final = b"at work\n"
BACK_OFF_SECONDS: Final = 0.05
SLICE_SECONDS: Final = 0.005
_EXPENSIVE: Final = " AND ".join(f"NOT name:*xyz{number}*" for number in range(30))
_WIDE: Final = b'{"user_metadata":{"a":[' + b",".join([b"[]"] * 330_000) + b"]}}"
_BEYOND: Final = " OR ".join(f"name:n{number}" for number in range(2000))

_UNREAD: Final = (408, 413, 429)
"""Answers before the whole request was read: another one needs a new connection."""
Asked = Iterator[tuple[str, bytes]]
"""Address and bytes of one request after the other."""


def _searches(management: str, _ingest: str, token: str) -> Asked:
    return itertools.repeat((management, request("GET", search(q=_EXPENSIVE), token)))


def _refused_searches(management: str, _ingest: str, token: str) -> Asked:
    return itertools.repeat((management, request("GET", search(q=_BEYOND), token)))


def _wide(management: str, _ingest: str, token: str) -> Asked:
    return itertools.repeat(
        (management, request("PATCH", f"{USERS}/{quote(user_id(1), safe='')}", token, _WIDE))
    )


def _large(management: str, _ingest: str, token: str) -> Asked:
    values = {f"k{place}": "v" * 60 for place in range(9_900)}
    for _ in itertools.count():
        email_of_its_own = f"noise-{secrets.token_hex(8)}@example.org"
        body = {"connection": CONNECTION, "email": email_of_its_own, "user_metadata": values}
        yield management, request("POST", USERS, token, exact_json.dumps(body))


def _stalled(_management: str, ingest: str, token: str) -> Asked:
    announced = request("POST", LOGINS, token, b"").replace(b": 0\r", b": %d\r" % MAX_BYTES)
    return itertools.repeat((ingest, announced + b" " * 2_000_000))


def _batches(_management: str, ingest: str, token: str) -> Asked:
    events = [
        make_event(id=f"n{number}", data=make_data(claims={"sub": f"n{number}"}))
        for number in range(MAX_EVENTS)
    ]
    return itertools.repeat((ingest, request("POST", LOGINS, token, exact_json.dumps(events))))


def _checks(_management: str, ingest: str, token: str) -> Asked:
    asked = [{"ip": "192.0.2.1", "identifier": email(number)} for number in range(MAX_CHECKS)]
    return itertools.repeat((ingest, request("POST", LOGIN_CHECKS, token, exact_json.dumps(asked))))


KINDS: Final[dict[str, tuple[int, Callable[[str, str, str], Asked]]]] = {
    "searches": (16, _searches),
    "refused searches": (4, _refused_searches),
    "wide": (2, _wide),
    "large": (2, _large),
    "stalled": (16, _stalled),
    "batches": (2, _batches),
    "checks": (4, _checks),
}
"""How many connections ask at once, and what."""


async def insist(asked: Asked) -> None:
    """One connection that sends requests continuously and waits only briefly after a refusal."""
    while True:
        with suppress(OSError, asyncio.IncompleteReadError):
            address, sent = next(asked)
            wire = await Wire.open(address)
            try:
                while True:
                    status, _ = await wire.ask(sent)
                    if status == 429:
                        await asyncio.sleep(BACK_OFF_SECONDS)
                    if status in _UNREAD:
                        break
                    _, sent = next(asked)
            finally:
                wire.close()


async def make(management: str, ingest: str, kinds: Sequence[str]) -> None:
    """The noise, until the process ends."""
    token = os.environ[TOKEN]
    working: list[Coroutine[None, None, None]] = []
    for connections, asking in (KINDS[kind] for kind in kinds):
        working += [insist(asking(management, ingest, token)) for _ in range(connections)]
    sys.stdout.buffer.write(READY)
    sys.stdout.flush()
    await asyncio.gather(*working)


def burn(share: float) -> None:
    """Uses that share of one processor, until the process ends."""
    sys.stdout.buffer.write(READY)
    sys.stdout.flush()
    while True:
        end = time.thread_time() + share * SLICE_SECONDS
        while time.thread_time() < end:
            pass
        time.sleep((1 - share) * SLICE_SECONDS)


@asynccontextmanager
async def beside(*arguments: str, token: str = "") -> AsyncIterator[int]:
    """This module as a process with these arguments, from when it is at work; its id."""
    running = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.noise", *arguments,
        env={**os.environ, TOKEN: token}, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert running.stdout is not None
        if await running.stdout.readline() != READY:
            raise RuntimeError("the noise did not begin")
        yield running.pid
    finally:
        with suppress(ProcessLookupError):
            running.kill()
        await running.wait()


def burning(share: float) -> AbstractAsyncContextManager[int]:
    """A process that uses that share of one processor; its id."""
    return beside("--burn", f"{share:.3f}")


def main() -> None:
    """Make noise, or burn."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.noise", description=__doc__)
    parser.add_argument("--management", help="address of the Management API")
    parser.add_argument("--ingest", help="address of ingest")
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=list(KINDS))
    parser.add_argument("--burn", type=float, help="share of one processor to use instead")
    options = parser.parse_args()
    if options.burn is not None:
        burn(options.burn)
    else:
        uvloop.run(make(options.management, options.ingest, options.kinds))


if __name__ == "__main__":
    main()
