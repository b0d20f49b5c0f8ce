"""What a gateway is told: one result per event, in the order they were sent."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from schemas.formats import exact_json
from services.ingest.decide import RejectedLogin
from services.ingest.errors import error_body, headers_of
from services.ingest.signing import Signed


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and a JSON body."""

    status: int
    body: bytes

    def headers(self) -> list[tuple[bytes, bytes]]:
        """As ASGI wants them."""
        more = [(name.encode(), value.encode()) for name, value in headers_of(self.status).items()]
        return [
            (b"content-type", b"application/json; charset=utf-8"),
            (b"content-length", str(len(self.body)).encode()),
            *more,
        ]


def answer_for(verdicts: Sequence[Signed | RejectedLogin], written: Sequence[bool]) -> Answer:
    """`written` says of each accepted event, in order, whether all replicas have it.

    202 when every accepted event is written; 503 when one is not (its status is `retry`; sending
    everything again is safe, an event counts once); 400 when no event was acceptable.
    """
    results = list(_results(verdicts, written))
    counts: dict[str, Any] = {
        "accepted": sum(written),
        "rejected": len(verdicts) - len(written),
        "results": results,
    }
    if not written:
        return Answer(400, error_body(400, "No event was accepted.", "invalid_body", **counts))
    if not all(written):
        return Answer(503, error_body(503, "The event log did not confirm every event in time.", **counts))
    return Answer(202, exact_json.dumps(counts))


def _results(verdicts: Sequence[Signed | RejectedLogin], written: Sequence[bool]) -> Iterator[dict[str, Any]]:
    confirmed = iter(written)
    for verdict in verdicts:
        if isinstance(verdict, RejectedLogin):
            yield {
                "id": verdict.id,
                "status": "rejected",
                "reason": verdict.reason,
                "detail": verdict.detail,
            }
        else:
            result: dict[str, Any] = {"id": verdict.id, "status": "accepted" if next(confirmed) else "retry"}
            if verdict.warnings:
                result["warnings"] = list(verdict.warnings)
            yield result
