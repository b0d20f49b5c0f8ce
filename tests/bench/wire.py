"""A small HTTP/1.1 client: the load generator shares the machine, so it must cost little."""

import asyncio
import time
from collections.abc import Sequence
from typing import Self
from urllib.parse import urlsplit

from tests.bench.meter import Percentiles, percentiles

_LENGTH = b"\r\ncontent-length:"


def request(method: str, target: str, token: str, body: bytes | None = None) -> bytes:
    """The bytes of a request."""
    lines = [f"{method} {target} HTTP/1.1", "Host: bench", f"Authorization: Bearer {token}"]
    if body is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + (body or b"")


class Wire:
    """One kept connection; enough of the protocol for answers with a Content-Length."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, url: str) -> Self:
        """Connects to the server of an `http://` address."""
        parts = urlsplit(url)
        return cls(*await asyncio.open_connection(parts.hostname, parts.port, limit=1 << 20))

    def close(self) -> None:
        """Disconnects."""
        self._writer.close()

    async def ask(self, sent: bytes) -> tuple[int, bytes]:
        """Status and body of the answer."""
        self._writer.write(sent)
        head = await self._reader.readuntil(b"\r\n\r\n")
        at = head.lower().find(_LENGTH) + len(_LENGTH)
        length = 0 if at < len(_LENGTH) else int(head[at : head.index(b"\r\n", at)])
        return int(head[9:12]), await self._reader.readexactly(length) if length else b""


async def drive(
    url: str, requests: Sequence[bytes], connections: int, seconds: float
) -> tuple[float, Percentiles]:
    """Return requests per second and their latency, with this many connections that each wait for their
    response. Raises RuntimeError for any status other than 200."""
    taken = []
    began = time.perf_counter()

    async def one(place: int) -> None:
        wire = await Wire.open(url)
        while (started := time.perf_counter()) < began + seconds:
            status, body = await wire.ask(requests[place % len(requests)])
            if status != 200:
                raise RuntimeError(f"refused: {status} {body[:80]!r}")
            taken.append(time.perf_counter() - started)
            place += connections
        wire.close()

    await asyncio.gather(*(one(place) for place in range(connections)))
    return len(taken) / (time.perf_counter() - began), percentiles(taken)
