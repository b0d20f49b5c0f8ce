"""Another issuer of tokens: real keys, and a real HTTP server that publishes them."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

Key = RSAKey | ECKey


def rsa_key(kid: str) -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": kid})


@dataclass
class Issuer:
    """What it publishes and how it behaves can be changed while it serves."""

    url: str = ""
    keys: list[Key] = field(default_factory=lambda: [rsa_key("first")])
    extra: list[Any] = field(default_factory=list)
    status: int = 200
    padding: int = 0
    hanging: threading.Event | None = None
    reads: int = 0

    def document(self) -> bytes:
        """The key set, as it is served."""
        shown = [{**key.as_dict(private=False), "use": "sig"} for key in self.keys]
        return json.dumps({"keys": [*self.extra, *shown], "pad": "x" * self.padding}).encode()

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Claims of a good token, changed; `...` leaves one out."""
        now = int(time.time())
        claims = {
            "iss": self.url, "sub": "auth0|jane", "aud": "https://vita.example/api", "azp": "app",
            "iat": now, "exp": now + 600, "scope": "read:users read:connections", "org": "acme",
        } | changes  # fmt: skip
        return {name: value for name, value in claims.items() if value is not ...}

    def token(self, key: Key | None = None, algorithm: str = "RS256", **changes: Any) -> str:
        """A token signed with the newest key, or another one."""
        signer = key or self.keys[-1]
        header = {"alg": algorithm, "kid": signer.kid}
        return jws.serialize_compact(header, json.dumps(self.claims(**changes)).encode(), signer, [algorithm])


@contextmanager
def serving_issuer() -> Iterator[Issuer]:
    """An issuer at an address of this machine."""
    issuer = Issuer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.reads += 1
            if issuer.hanging is not None:
                issuer.hanging.wait(30)
            body = issuer.document()
            self.send_response(issuer.status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            with suppress(OSError):
                self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    issuer.url = f"http://127.0.0.1:{server.server_address[1]}/"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield issuer
    finally:
        if issuer.hanging is not None:
            issuer.hanging.set()
        server.shutdown()
        thread.join()
        server.server_close()
