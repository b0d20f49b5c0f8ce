"""A stand-in for the HTTP services: returns prepared responses and records the requests."""

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


@dataclass
class Asked:
    """One request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        """The body's JSON."""
        return json.loads(self.body)


@dataclass
class FakeVita:
    """Answers in the order they were added for a method and path; the last one again and again."""

    asked: list[Asked] = field(default_factory=list)
    _answers: dict[tuple[str, str], list[tuple[int, Any, dict[str, str]]]] = field(default_factory=dict)

    def answers(self, method: str, path: str, status: int, document: Any = None, **headers: str) -> None:
        """One more answer for requests like this, whatever their query."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._answers.setdefault((method, path), []).append((status, document, named))

    def requests(self, method: str, path: str) -> list[Asked]:
        """The requests to this path."""
        return [one for one in self.asked if one.method == method and one.path.partition("?")[0] == path]

    @property
    def url(self) -> str:
        """The URL at which it listens."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                length = int(self.headers.get("content-length", 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                fake.asked.append(Asked(self.command, self.path, headers, self.rfile.read(length)))
                self._send(*fake._next(self.command, self.path.partition("?")[0]))

            def _send(self, status: int, document: Any, headers: dict[str, str]) -> None:
                content = b"" if document is None else json.dumps(document).encode()
                self.send_response(status)
                for name, value in {"content-length": str(len(content)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_arguments: object) -> None:
                """Nothing is written."""

            do_GET = do_POST = do_PATCH = do_DELETE = _answer  # noqa: N815

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(self, *_failure: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _next(self, method: str, path: str) -> tuple[int, Any, dict[str, str]]:
        known = self._answers.get((method, path))
        if known is None:
            return 404, {"statusCode": 404, "error": "Not Found", "message": "Not Found"}, {}
        return known.pop(0) if len(known) > 1 else known[0]
