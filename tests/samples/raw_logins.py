"""Raw logins for tests: valid ones, with any attribute changed, or taken away with `...`."""

from typing import Any


def make_event(**changes: Any) -> dict[str, Any]:
    event: dict[str, Any] = {
        "specversion": "1.0",
        "id": "login-1",
        "source": "//gateway.example/eu-1",
        "type": "vita.login.v1",
        "time": "2026-11-23T10:00:00.000Z",
        "tenant": "demo",
        "data": {
            "connection": "google-oauth2",
            "strategy": "google-oauth2",
            "outcome": "success",
            "claims": {"sub": "104834838475647382910", "email": "jane@example.com"},
        },
    }
    return {name: value for name, value in (event | changes).items() if value is not ...}


def make_data(**changes: Any) -> dict[str, Any]:
    return {name: value for name, value in (make_event()["data"] | changes).items() if value is not ...}
