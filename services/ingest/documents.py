"""What ingest publishes about itself: JSON Schema of the raw login, AsyncAPI and OpenAPI documents."""

from functools import cache
from typing import Any, Final

import yaml
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.requests import Request
from starlette.responses import Response

from projections.login_guard.verdict import SUSPICIOUS_IP, TOO_MANY_ATTEMPTS, USER_BLOCKED
from schemas import asyncapi
from schemas.formats import exact_json
from schemas.logins.raw_login import MAX_BYTES as LARGEST_EVENT
from schemas.logins.raw_login import MAX_DEPTH, RawLogin
from services.ingest.errors import MAX_BYTES, MAX_EVENTS, MEDIA_TYPES, SCOPE
from services.ingest.login_checks import CHECK_SCOPE, MAX_CHECKS, ChecksEndpoint, LoginCheck

LOGINS: Final = "/ingest/v1/logins"
LOGIN_CHECKS: Final = "/ingest/v1/login-checks"
SCHEMA: Final = "/ingest/v1/schema/login.json"
_JSON: Final = "application/json"
_ANSWERS: Final = {
    "202": "Every acceptable event is acknowledged by all replicas.",
    "400": "No event was acceptable, or the body cannot be read.",
    "401": "No valid token.",
    "403": f"The token lacks the scope {SCOPE}.",
    "408": "The body did not arrive in time.",
    "413": f"More than {MAX_EVENTS} events or {MAX_BYTES} bytes.",
    "415": "Another media type.",
    "429": "Too much at once; come back after `Retry-After` seconds.",
    "503": "The event log is away or did not confirm everything; sending everything again is safe.",
}
_DECISIONS: Final = {
    "200": "A decision for each check, in their order.",
    "400": "A check is not valid, or the body cannot be read.",
    "401": "No valid token.",
    "403": f"The token lacks the scope {CHECK_SCOPE}, or {SCOPE}.",
    "408": "The body did not arrive in time.",
    "413": f"More than {MAX_CHECKS} checks or {MAX_BYTES} bytes.",
    "415": "Another media type.",
    "429": "Too much at once; come back after `Retry-After` seconds.",
    "503": "The database does not answer: the gateway decides by itself.",
}


@cache
def login_schema() -> dict[str, Any]:
    """The JSON Schema of an event sent to ingest, which fills in an absent `tenant` from the token."""
    schema = RawLogin.model_json_schema()
    schema["description"] = (
        f"{schema['description']} Beyond this schema, an event has at most {LARGEST_EVENT} bytes and"
        f" {MAX_DEPTH} levels of nesting, and no text in it contains U+0000."
    )
    schema["required"] = [name for name in schema["required"] if name != "tenant"]
    schema["properties"]["tenant"]["description"] = "The token's tenant; filled in when absent."
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA, **schema}


def add_documents(app: FastAPI) -> None:
    """The routes of all documents; the application's OpenAPI document then knows the hot path as well."""

    @app.get(SCHEMA, summary="JSON Schema of a login event", tags=["documents"])
    async def schema(request: Request) -> Response:
        return Response(exact_json.dumps(login_schema()), media_type="application/schema+json")

    @app.get("/asyncapi.json", summary="AsyncAPI document", tags=["documents"])
    async def asyncapi_json(request: Request) -> Response:
        return Response(exact_json.dumps(asyncapi.document()), media_type=_JSON)

    @app.get("/asyncapi.yaml", summary="AsyncAPI document", tags=["documents"])
    async def asyncapi_yaml(request: Request) -> Response:
        text = yaml.safe_dump(asyncapi.document(), sort_keys=False, allow_unicode=True)
        return Response(text, media_type="application/yaml")

    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]  # FastAPI's documented way to extend it


def _openapi(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        document["paths"][LOGINS] = {"post": _logins_operation()}
        document["paths"][LOGIN_CHECKS] = {"post": _checks_operation()}
        components = document.setdefault("components", {})
        components["securitySchemes"] = {
            "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
        }
        app.openapi_schema = document
    return app.openapi_schema


def _logins_operation() -> dict[str, Any]:
    event = {"$ref": SCHEMA}
    one_or_many = {"schema": _one_or_many(event, MAX_EVENTS)}
    lines = {"schema": {"type": "string", "description": "One event per line."}}
    content = {kind: lines if "ndjson" in kind else one_or_many for kind in MEDIA_TYPES}
    return {
        "summary": "Publish login events",
        "operationId": "publish_logins",
        "description": "One event, an array of events, or one event per line.",
        "tags": ["logins"],
        "security": [{"bearer": [SCOPE]}],
        "requestBody": {"required": True, "content": content},
        "responses": {
            status: {"description": text, "content": {_JSON: {"schema": _answer_schema(status)}}}
            for status, text in _ANSWERS.items()
        },
    }


def _checks_operation() -> dict[str, Any]:
    check, decision = LoginCheck.model_json_schema(), _decision_schema()
    return {
        "summary": "Ask whether somebody may be let in",
        "operationId": "check_logins",
        "description": "One check or an array of checks; the answer has a decision for each, in order.",
        "tags": ["logins"],
        "security": [{"bearer": [scope]} for scope in ChecksEndpoint.scopes],
        "requestBody": {"required": True, "content": {_JSON: {"schema": _one_or_many(check, MAX_CHECKS)}}},
        "responses": {
            status: {
                "description": text,
                "content": {_JSON: {"schema": decision if status == "200" else _answer_schema(status)}},
            }
            for status, text in _DECISIONS.items()
        },
    }


def _decision_schema() -> dict[str, Any]:
    decision = {
        "type": "object",
        "required": ["decision"],
        "properties": {
            "decision": {"enum": ["allow", "deny"]},
            "reason": {"enum": [ban.reason for ban in (USER_BLOCKED, TOO_MANY_ATTEMPTS, SUSPICIOUS_IP)]},
            "description": {"type": "string"},
            "monitored": {"type": "array", "items": {"type": "string"}},
        },
    }
    return _one_or_many(decision, MAX_CHECKS)


def _one_or_many(item: dict[str, Any], most: int) -> dict[str, Any]:
    return {"oneOf": [item, {"type": "array", "items": item, "maxItems": most}]}


def _answer_schema(status: str) -> dict[str, Any]:
    results = {
        "accepted": {"type": "integer"},
        "rejected": {"type": "integer"},
        "results": {"type": "array", "items": _result_schema()},
    }
    error = {
        "statusCode": {"type": "integer"},
        "error": {"type": "string"},
        "message": {"type": "string"},
        "errorCode": {"type": "string"},
    }
    properties = {"202": results, "400": error | results, "503": error | results}.get(status, error)
    return {"type": "object", "properties": properties}


def _result_schema() -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["id", "status"],
        "properties": {
            "id": {"type": ["string", "null"]},
            "status": {"enum": ["accepted", "rejected", "retry"]},
            "reason": {"type": "string"},
            "detail": {"type": "string", "description": "What is wrong, where, and what is expected."},
            "warnings": {
                "type": "array",
                "items": {"type": "string"},
                "description": "What Vita ignores in an accepted event.",
            },
        },
    }
