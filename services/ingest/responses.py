"""Responses of endpoints for gateways, sent without a framework."""

from dataclasses import dataclass

from services.ingest.errors import headers_of


@dataclass(frozen=True, slots=True)
class JsonResponse:
    """An HTTP status and a JSON body."""

    status: int
    body: bytes

    def headers(self) -> list[tuple[bytes, bytes]]:
        """Return the headers as ASGI takes them."""
        more = [(name.encode(), value.encode()) for name, value in headers_of(self.status).items()]
        return [
            (b"content-type", b"application/json; charset=utf-8"),
            (b"content-length", str(len(self.body)).encode()),
            *more,
        ]
