"""One line of log for every request, with nothing personal in it.

Where lines are JSON they are put together here and written a few at a time: a renderer and a write for each
cost as much as a tenth of a read.
"""

import asyncio
import json
import re
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Final, Literal

import structlog

WAIT_SECONDS: Final = 0.05
"""How long a line may wait for others."""
_EVENT: Final = "http_request"
_PLAIN: Final = re.compile(r"[A-Za-z0-9._:|@/-]*")
_log = structlog.get_logger()


class AccessLog:
    """Logs requests in the format of all other log lines."""

    def __init__(
        self,
        log_format: Literal["console", "json"],
        write: Callable[[str], object] | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._in_lines = log_format == "json"
        self._write, self._clock = write, clock
        self._waiting: list[str] = []

    def record(
        self,
        method: str,
        route: str,
        status: int,
        milliseconds: float,
        facts: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Log a completed request within `WAIT_SECONDS`. `facts` are further members of the line."""
        took = round(milliseconds, 2)
        if not self._in_lines:
            _log.info(_EVENT, method=method, route=route, status=status, milliseconds=took, **facts)
            return
        if not self._waiting:
            asyncio.get_running_loop().call_later(WAIT_SECONDS, self.flush)
        at = self._clock().isoformat(timespec="microseconds").replace("+00:00", "Z")
        self._waiting.append(
            f'{_beginning(method, route, status)}, "milliseconds": {took}, {_members(facts)}'
            f'"event": "{_EVENT}", "level": "info", "timestamp": "{at}"}}\n'
        )

    def flush(self) -> None:
        """Writes what waits."""
        if self._waiting:
            lines, self._waiting = "".join(self._waiting), []
            stream = sys.stderr
            (self._write or stream.write)(lines)
            stream.flush()


@lru_cache(maxsize=1024)
def _beginning(method: str, route: str, status: int) -> str:
    return json.dumps({"method": method, "route": route, "status": status}).removesuffix("}")


def _members(facts: Mapping[str, str]) -> str:
    return "".join(f'"{name}": {_quoted(value)}, ' for name, value in facts.items())


def _quoted(value: str) -> str:
    """As JSON; most values are of a kind that needs no escapes."""
    return f'"{value}"' if _PLAIN.fullmatch(value) else json.dumps(value)
