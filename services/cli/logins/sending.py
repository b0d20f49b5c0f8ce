"""Sends lines to ingest in batches, retries when ingest asks for it, and records the result of every line."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import IO, Any, Final, NamedTuple, Self

import httpx

from schemas.formats import exact_json
from schemas.logins.raw_login import MAX_BYTES
from services.cli import addresses
from services.cli.access import is_local
from services.cli.failure import STATUS, CommandFailed, unreachable
from services.cli.output import out, print_json, safe, stderr_console
from services.cli.users.management_api import rejection

BATCH_LINES: Final = 500
BATCH_BYTES: Final = 4_000_000
PATIENCE_SECONDS: Final = 120.0
_LATER: Final = (429, 503)
_SHOWN: Final = 20


class Line(NamedTuple):
    """A line that is not blank, with its number counted from 1."""

    number: int
    text: bytes


@dataclass(slots=True)
class Summary:
    """The results of all lines."""

    accepted: int = 0
    rejections: list[dict[str, Any]] = field(default_factory=list)
    warnings: dict[str, int] = field(default_factory=dict)
    """Number of the first line with a warning, by the warning's text."""
    seconds: float = 0.0

    def reject(self, line: Line, reason: str, detail: str, event_id: str | None = None) -> None:
        """Add a line that ingest will not accept, however often it is sent."""
        self.rejections.append({"line": line.number, "id": event_id, "reason": reason, "detail": detail})

    def show(self, as_json: bool) -> None:
        """Print all results as JSON, or the first rejections and the counts."""
        if as_json:
            counts = {"accepted": self.accepted, "rejected": len(self.rejections)}
            warnings = [{"line": line, "warning": text} for text, line in self.warnings.items()]
            found = {"rejections": self.rejections, "warnings": warnings}
            print_json({**counts, "seconds": round(self.seconds, 3), **found})
            return
        for text, line in list(self.warnings.items())[:_SHOWN]:
            out().print(safe(f"warning, first at line {line}: {text}"), markup=False)
        for one in self.rejections[:_SHOWN]:
            out().print(safe(f"line {one['line']}: {one['reason']}: {one['detail']}"), markup=False)
        if len(self.rejections) > _SHOWN:
            out().print(f"… and {len(self.rejections) - _SHOWN} more; --json lists all of them")
        out().print(f"{self.accepted:,} accepted, {len(self.rejections):,} rejected in {self.seconds:.1f} s")


class Ingest:
    """A client of the ingest API with its token."""

    def __init__(self, url: str, token: str) -> None:
        headers = {"authorization": f"Bearer {token}", "content-type": "application/x-ndjson"}
        self._url, self._reached = url, False
        self._client = httpx.Client(
            base_url=url,
            headers=headers,
            timeout=60,
            trust_env=not is_local(url),
            verify=addresses.tls_context(url),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_failure: object) -> None:
        self._client.close()

    def send(self, batch: list[Line], summary: Summary) -> None:
        """Send a batch until every line of it is accepted or rejected.

        Raises CommandFailed when ingest cannot be reached, refuses the request, or asks for retries for
        longer than `PATIENCE_SECONDS`.
        """
        deadline = time.monotonic() + PATIENCE_SECONDS
        while batch:
            response = self._attempt(batch)
            results = _results(response)
            if response is None or response.status_code in _LATER:
                if time.monotonic() > deadline:
                    raise CommandFailed(
                        f"ingest has accepted nothing more after {summary.accepted:,} logins",
                        f"send the file again later (no event counts twice); {STATUS}",
                    )
                batch = _record_results(batch, results, summary)
                time.sleep(retry_delay(response))
            elif results is None:
                raise rejection(response)
            else:
                batch = _record_results(batch, results, summary)

    def _attempt(self, batch: list[Line]) -> httpx.Response | None:
        try:
            response = self._client.post("/ingest/v1/logins", content=b"\n".join(line.text for line in batch))
        except httpx.TransportError as error:
            if self._reached:
                return None
            raise unreachable(self._url, error) from None
        self._reached = True
        return response


def send_all(ingest: Ingest, lines: IO[bytes], size: int | None, *, shows: bool) -> Summary:
    """Send all lines of a file, with a progress bar on a terminal.

    `size` is the file's size in bytes, or None if it is not known. Raises CommandFailed as `Ingest.send`
    does.
    """
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    summary, started = Summary(), time.monotonic()
    columns = (TextColumn("publishing"), BarColumn(), TaskProgressColumn(), TextColumn("{task.description}"))
    with Progress(*columns, TimeElapsedColumn(), console=stderr_console(), disable=not shows) as progress:
        task = progress.add_task("", total=size)
        for batch in batches(lines):
            ingest.send(within_limit(batch, summary), summary)
            done = f"{summary.accepted:,} accepted, {len(summary.rejections):,} rejected"
            progress.update(task, advance=sum(len(line.text) + 1 for line in batch), description=done)
        progress.update(task, completed=size)
    summary.seconds = time.monotonic() - started
    return summary


def batches(lines: Iterable[bytes]) -> Iterator[list[Line]]:
    """Group the lines that are not blank, in order, into batches that one request may carry."""
    batch: list[Line] = []
    size = 0
    for number, raw in enumerate(lines, 1):
        text = raw.removeprefix(b"\xef\xbb\xbf").strip() if number == 1 else raw.strip()
        if not text:
            continue
        if len(batch) == BATCH_LINES or (batch and size + len(text) > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(Line(number, text))
        size += len(text) + 1
    if batch:
        yield batch


def within_limit(batch: list[Line], summary: Summary) -> list[Line]:
    """Return the lines that a request can carry, and reject larger ones."""
    for line in batch:
        if len(line.text) > BATCH_BYTES:
            summary.reject(
                line, "too_large", f"the event has {len(line.text)} bytes; the limit is {MAX_BYTES}"
            )
    return [line for line in batch if len(line.text) <= BATCH_BYTES]


def retry_delay(response: httpx.Response | None) -> float:
    """Return the seconds to wait before the next attempt: the response's `Retry-After`, at most 30."""
    value = response.headers.get("retry-after", "1") if response is not None else "1"
    return min(float(value) if value.replace(".", "", 1).isdigit() else 1.0, 30.0)


def _results(response: httpx.Response | None) -> list[dict[str, Any]] | None:
    try:
        answer = exact_json.loads(response.content) if response is not None else None
    except ValueError:
        return None
    results = answer.get("results") if isinstance(answer, dict) else None
    return results if isinstance(results, list) else None


def _record_results(batch: list[Line], results: list[dict[str, Any]] | None, summary: Summary) -> list[Line]:
    """Record the result of each line, and return the lines to send again."""
    if results is None:
        return batch
    retries = []
    for line, result in zip(batch, results, strict=True):
        match result["status"]:
            case "accepted":
                summary.accepted += 1
                for warning in result.get("warnings", ()):
                    summary.warnings.setdefault(warning, line.number)
            case "retry":
                retries.append(line)
            case _:
                summary.reject(line, result["reason"], result["detail"], result["id"])
    return retries
