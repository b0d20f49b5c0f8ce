"""The response to login events: one result per event, in the order in which they were sent."""

from collections.abc import Iterator, Sequence
from typing import Any

from schemas.formats import exact_json
from services.ingest.errors import error_body
from services.ingest.logins.decide import RejectedLogin
from services.ingest.logins.signing import SignedLogin
from services.ingest.responses import JsonResponse


def results_response(
    verdicts: Sequence[SignedLogin | RejectedLogin], written: Sequence[bool]
) -> JsonResponse:
    """Return the response to events. `written` contains for each accepted event, in order, whether all
    replicas have it.

    The status is 202 when every accepted event is written, 503 when one is not (its result is `retry`; the
    request can be repeated safely, because an event counts once), and 400 when no event was accepted.
    """
    results = list(_results(verdicts, written))
    counts: dict[str, Any] = {
        "accepted": sum(written),
        "rejected": len(verdicts) - len(written),
        "results": results,
    }
    if not written:
        return JsonResponse(400, error_body(400, "No event was accepted.", "invalid_body", **counts))
    if not all(written):
        return JsonResponse(
            503, error_body(503, "The event log did not confirm every event in time.", **counts)
        )
    return JsonResponse(202, exact_json.dumps(counts))


def _results(
    verdicts: Sequence[SignedLogin | RejectedLogin], written: Sequence[bool]
) -> Iterator[dict[str, Any]]:
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
