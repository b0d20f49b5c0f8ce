"""Bodies within a size, a pace and a share; and reading on after an early answer."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from services.runtime.fairness.body_memory import BodyMemory
from services.runtime.fairness.shares import OverShare
from services.runtime.http.request_bodies import (
    BodyBrokenOff,
    BodyTooLarge,
    BodyTooSlow,
    Pace,
    ReadsOn,
    Receive,
    read_body,
)

PACE = Pace(30, 4096)


def sending(pieces: Iterable[bytes], ends: bool = True) -> Receive:
    """A connection that delivers these pieces, then nothing, or waits for ever."""
    messages = iter([{"type": "http.request", "body": piece, "more_body": True} for piece in pieces])

    async def receive() -> Any:
        message = next(messages, None)
        if message is None and not ends:
            await asyncio.Event().wait()
        return message or {"type": "http.request", "body": b"", "more_body": False}

    return receive


async def read(pieces: Iterable[bytes], limit: int = 100, **more: Any) -> bytes:
    memory = more.get("memory", BodyMemory(1000, limit))
    headers: Mapping[str, str] = more.get("headers", {})
    with memory.lease("demo", "abc") as lease:
        return await read_body(
            sending(pieces, more.get("ends", True)), headers, limit, more.get("pace", PACE), lease
        )


async def test_a_body_in_pieces() -> None:
    """It is put together, and what it took is given back."""
    memory = BodyMemory(1000, 100)
    assert await read([b"ab", b"", b"c"], memory=memory) == b"abc"
    assert memory.free == 1000


async def test_received_bytes_count_and_announced_ones_do_not() -> None:
    """A hundred bodies that are announced as large but do not arrive use no memory."""
    memory, headers = BodyMemory(300, 100), {"content-length": "100"}
    waiting = [
        asyncio.create_task(read([b"x"], headers=headers, ends=False, memory=memory)) for _ in range(50)
    ]
    await asyncio.sleep(0)
    assert memory.free == 250
    assert await read([b"x" * 50], memory=memory) == b"x" * 50
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert memory.free == 300


@pytest.mark.parametrize("length", ["101", "0000101", "9" * 5000])
async def test_a_length_beyond_the_limit_is_refused_unread(length: str) -> None:
    """Nothing is received."""
    with pytest.raises(BodyTooLarge):
        await read([], headers={"content-length": length}, ends=False)


async def test_more_than_the_limit_is_refused_while_it_comes() -> None:
    """A body is refused when it exceeds the limit, whatever length was announced."""
    with pytest.raises(BodyTooLarge):
        await read([b"x" * 60, b"x" * 60], headers={"content-length": "7"}, ends=False)


async def test_a_share_that_is_used_up() -> None:
    """OverShare, and what the body took so far is free again."""
    memory = BodyMemory(300, 100)
    with memory.lease("demo", "abc") as others:
        others.take(90)
        with pytest.raises(OverShare):
            await read([b"x"] * 50, memory=memory, ends=False)
        assert memory.free == 210


@pytest.mark.parametrize("pace", [Pace(0.02, 0), Pace(0.02, 1_000_000)])
async def test_a_body_that_stops(pace: Pace) -> None:
    """A body that stops arriving is refused at the deadline, or when its rate falls below the minimum."""
    with pytest.raises(BodyTooSlow):
        await read([b"x"], pace=pace, ends=False)


async def test_the_pace_counts_what_came_lately(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fast beginning does not pay for standing still."""
    monkeypatch.setattr("services.runtime.http.request_bodies.WINDOW_SECONDS", 0.01)
    with pytest.raises(BodyTooSlow):
        await read([b"x" * 90], pace=Pace(3600, 1), ends=False)


async def test_a_body_that_breaks_off() -> None:
    """A connection that ends before the body is distinguished from a short body."""

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    with pytest.raises(BodyBrokenOff), BodyMemory(300, 100).lease() as lease:
        await read_body(receive, {}, 100, PACE, lease)


async def ask(app: Any, pieces: list[bytes], method: str = "POST", **more: Any) -> tuple[list[Any], int]:
    """What was sent, and how many pieces were left unread."""
    left, sent = [*pieces], list[Any]()

    async def receive() -> Any:
        if not left and not more.get("ends", True):
            await asyncio.Event().wait()
        return {"type": "http.request", "body": left.pop(0), "more_body": bool(left)}

    async def send(message: Any) -> None:
        sent.append((message["type"], len(left)))

    scope = {"type": "http", "method": method, "headers": more.get("headers", [])}
    await app(scope, receive, send)
    return sent, len(left)


async def refusing(_scope: Any, _receive: Any, send: Any) -> None:
    """Answers without a look at the body."""
    await send({"type": "http.response.start", "status": 413, "headers": []})


async def reading(_scope: Any, receive: Any, send: Any) -> None:
    """Reads the whole body, then answers."""
    while (await receive())["more_body"]:
        pass
    await send({"type": "http.response.start", "status": 200, "headers": []})


async def test_reading_on_after_the_answer() -> None:
    """The response is sent first; then the rest of the body is read up to the limit, except from a client
    that waits for a 100 Continue."""
    assert await ask(ReadsOn(refusing), [b"x"] * 9) == ([("http.response.start", 9)], 0)
    assert await ask(ReadsOn(refusing, limit_bytes=4), [b"x"] * 9) == ([("http.response.start", 9)], 5)
    assert await ask(ReadsOn(reading), [b"x"] * 9) == ([("http.response.start", 0)], 0)
    expecting = [(b"expect", b"100-continue")]
    assert (await ask(ReadsOn(refusing), [b"x"] * 9, headers=expecting))[1] == 9


async def test_reading_on_has_an_end() -> None:
    """A client that stops sending is not waited for."""

    async def stalled() -> Any:
        await asyncio.Event().wait()

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    await ReadsOn(refusing, seconds=0.01)({"type": "http", "method": "POST", "headers": []}, stalled, send)
    assert len(sent) == 1
