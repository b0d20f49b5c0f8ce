"""The line that each request leaves in the log."""

import asyncio
import json
from datetime import UTC, datetime

from services.runtime.http.access_log import AccessLog

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


async def test_lines_are_json_and_go_together() -> None:
    """Each request has a complete line; concurrent lines are written together without an explicit flush."""
    written: asyncio.Queue[str] = asyncio.Queue()
    log = AccessLog("json", written.put_nowait, lambda: NOON)
    log.record("GET", "/api/v2/users/{id}", 200, 1.2345)
    log.record('G"T', "none", 404, 20)
    assert written.empty()
    text = await written.get()
    assert [json.loads(line) for line in text.splitlines()] == [
        {
            "method": "GET",
            "route": "/api/v2/users/{id}",
            "status": 200,
            "milliseconds": 1.23,
            "event": "http_request",
            "level": "info",
            "timestamp": "2026-11-23T12:00:00.000000Z",
        },
        {
            "method": 'G"T',
            "route": "none",
            "status": 404,
            "milliseconds": 20,
            "event": "http_request",
            "level": "info",
            "timestamp": "2026-11-23T12:00:00.000000Z",
        },
    ]


async def test_nothing_waits_at_the_end() -> None:
    """All earlier lines are written by the end, once."""
    written: list[str] = []
    log = AccessLog("json", written.append, lambda: NOON)
    log.record("GET", "none", 404, 1)
    log.flush()
    log.flush()
    assert len(written) == 1
