"""Request bodies as both HTTP services read them: within a size, a pace and a share of the memory."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, Final

from services.runtime.fairness.body_memory import Lease

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

WINDOW_SECONDS: Final = 5.0
"""A sender's pace is looked at over this time, so that a short pause of a network is no reason to refuse."""
READ_ON_BYTES: Final = 32 * 1024 * 1024
READ_ON_SECONDS: Final = 10.0
_DIGITS_AT_MOST: Final = 19


class BodyRefused(Exception):
    """A body that is not read to its end."""


class BodyTooLarge(BodyRefused):
    """The body is, or is announced to be, larger than allowed."""


class BodyTooSlow(BodyRefused):
    """The body arrives more slowly than allowed."""


class BodyBrokenOff(BodyRefused):
    """The connection ended, or became unreadable, before the body did."""


@dataclass(frozen=True, slots=True)
class Pace:
    """The limits for the arrival of a body: a maximum time in seconds, and a minimum rate in bytes per
    second."""

    seconds: float
    bytes_per_second: int


async def read_body(
    receive: Receive, headers: Mapping[str, str], limit_bytes: int, pace: Pace, lease: Lease
) -> bytes:
    """The whole body; its bytes are taken from the lease as they arrive.

    Raises BodyTooLarge (without reading anything, if the announced length says so), BodyTooSlow,
    BodyBrokenOff, or OverShare.
    """
    announced = headers.get("content-length", "")
    if announced.isascii() and announced.isdecimal() and _exceeds(announced, limit_bytes):
        raise BodyTooLarge
    try:
        return await _read(receive, limit_bytes, pace, lease)
    except TimeoutError:
        raise BodyTooSlow from None


def _exceeds(digits: str, limit_bytes: int) -> bool:
    digits = digits.lstrip("0")
    return len(digits) > _DIGITS_AT_MOST or int(digits or "0") > limit_bytes


async def _read(receive: Receive, limit_bytes: int, pace: Pace, lease: Lease) -> bytes:
    clock = asyncio.get_running_loop().time
    window = min(WINDOW_SECONDS, pace.seconds) if pace.bytes_per_second else pace.seconds
    end = clock() + pace.seconds
    pieces: list[bytes] = []
    size, due = 0, pace.bytes_per_second * window
    async with asyncio.timeout(window) as timer:
        while True:
            message = await receive()
            if message["type"] != "http.request":
                raise BodyBrokenOff
            piece: bytes = message.get("body", b"")
            pieces.append(piece)
            size += len(piece)
            if size > limit_bytes:
                raise BodyTooLarge
            lease.take(len(piece))
            if not message.get("more_body", False):
                return pieces[0] if len(pieces) == 1 else b"".join(pieces)
            if size >= due:
                due = size + pace.bytes_per_second * window
                timer.reschedule(min(end, clock() + window))


class ReadsOn:
    """Reads what is left of a request's body after an early answer, and discards it, within limits.

    Clients that write the whole request before they read would otherwise get a broken connection instead of
    the refusal: the server closes a connection whose request it has not read.
    """

    def __init__(self, app: App, limit_bytes: int = READ_ON_BYTES, seconds: float = READ_ON_SECONDS) -> None:
        self._app, self._limit, self._seconds = app, limit_bytes, seconds

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Has the application answer, then reads on if it left something unread."""
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        unread = True

        async def watched() -> Message:
            nonlocal unread
            message = await receive()
            unread = message["type"] == "http.request" and message.get("more_body", False)
            return message

        await self._app(scope, watched, send)
        if unread and not any(name == b"expect" for name, _ in scope["headers"]):
            await self._read_on(receive)

    async def _read_on(self, receive: Receive) -> None:
        left = self._limit
        try:
            async with asyncio.timeout(self._seconds):
                while left > 0:
                    message = await receive()
                    if message["type"] != "http.request" or not message.get("more_body", False):
                        return
                    left -= len(message.get("body", b""))
        except TimeoutError:
            return
