"""Documents that ingest publishes: JSON Schema of the raw login, AsyncAPI and OpenAPI."""

from functools import cache
from typing import Any, Final

import yaml
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from projections.login_guard.verdict import SUSPICIOUS_IP, TOO_MANY_ATTEMPTS, USER_BLOCKED
from schemas import asyncapi
from schemas.formats import exact_json
from schemas.logins.raw_login import MAX_BYTES as LARGEST_EVENT
from schemas.logins.raw_login import MAX_DEPTH, RawLogin
from services.ingest.errors import MAX_BYTES, MAX_EVENTS, MEDIA_TYPES, SCOPE
from services.ingest.login_checks import CHECK_SCOPE, MAX_CHECKS, ChecksEndpoint, LoginCheck
from services.runtime.http.routes import route

HEALTH: Final = "/healthz"
READY: Final = "/readyz"
LIVE: Final = "/livez"
LOGINS: Final = "/ingest/v1/logins"
LOGIN_CHECKS: Final = "/ingest/v1/login-checks"
SCHEMA: Final = "/ingest/v1/schema/login.json"
_JSON: Final = "application/json"
_HEALTHY: Final = (
    "Returns 200 while logins can be accepted, and 503 while the broker is unavailable or a background loop"
    " fails for an unknown reason. The response names the loop."
)
_ANSWERS: Final = {
    "202": "All replicas have acknowledged every accepted event.",
    "400": "No event was accepted, or the body cannot be read.",
    "401": "The request has no valid token.",
    "403": f"The token lacks the scope {SCOPE}.",
    "408": "The body did not arrive in time.",
    "413": f"The body has more than {MAX_EVENTS} events or {MAX_BYTES} bytes.",
    "415": "The media type is not supported.",
    "429": "Too many requests; repeat the request after `Retry-After` seconds.",
    "503": "The event log did not confirm every event. The request can be repeated safely.",
}
_DECISIONS: Final = {
    "200": "A decision for each check, in order.",
    "400": "A check is invalid, or the body cannot be read.",
    "401": "The request has no valid token.",
    "403": f"The token has neither the scope {CHECK_SCOPE} nor {SCOPE}.",
    "408": "The body did not arrive in time.",
    "413": f"The body has more than {MAX_CHECKS} checks or {MAX_BYTES} bytes.",
    "415": "The media type is not supported.",
    "429": "Too many requests; repeat the request after `Retry-After` seconds.",
    "503": "The database does not respond. The gateway must decide by itself.",
}


@cache
def login_schema() -> dict[str, Any]:
    """Return the JSON Schema of a login event. `tenant` is optional, because ingest fills it in from the
    token."""
    schema = RawLogin.model_json_schema()
    schema["description"] = (
        f"{schema['description']} Beyond this schema, an event has at most {LARGEST_EVENT} bytes and"
        f" {MAX_DEPTH} levels of nesting, and no text in it contains U+0000."
    )
    schema["required"] = [name for name in schema["required"] if name != "tenant"]
    schema["properties"]["tenant"]["description"] = (
        "The tenant of the token. Ingest fills it in if it is absent."
    )
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA, **schema}


def document_routes() -> list[Route]:
    """Return the routes of all documents."""

    async def schema(_request: Request) -> Response:
        return Response(exact_json.dumps(login_schema()), media_type="application/schema+json")

    async def asyncapi_json(_request: Request) -> Response:
        return Response(exact_json.dumps(asyncapi.document()), media_type=_JSON)

    async def asyncapi_yaml(_request: Request) -> Response:
        text = yaml.safe_dump(asyncapi.document(), sort_keys=False, allow_unicode=True)
        return Response(text, media_type="application/yaml")

    async def openapi_json(_request: Request) -> Response:
        return Response(exact_json.dumps(openapi()), media_type=_JSON)

    return [
        Route("/openapi.json", openapi_json, methods=["GET"]),
        route("GET", SCHEMA, schema),
        route("GET", "/asyncapi.json", asyncapi_json),
        route("GET", "/asyncapi.yaml", asyncapi_yaml),
    ]


@cache
def openapi() -> dict[str, Any]:
    """Return the OpenAPI document of ingest."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Vita ingest",
            "description": "Accepts logins from gateways and decides whether a login may proceed.",
            "version": "1",
        },
        "paths": {
            HEALTH: {"get": _read("Health check", "_health_healthz_get", "health", _HEALTHY)},
            READY: {"get": _read("Readiness check", "_health_readyz_get", "health", _HEALTHY)},
            LIVE: {"get": _read("Liveness check", "_alive_livez_get", "health")},
            SCHEMA: {"get": _read("JSON Schema of a login event", "schema_ingest_v1_schema_login_json_get")},
            "/asyncapi.json": {"get": _read("AsyncAPI document", "asyncapi_json_asyncapi_json_get")},
            "/asyncapi.yaml": {"get": _read("AsyncAPI document", "asyncapi_yaml_asyncapi_yaml_get")},
            LOGINS: {"post": _logins_operation()},
            LOGIN_CHECKS: {"post": _checks_operation()},
        },
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
        },
    }


def _read(
    summary: str, operation_id: str, tag: str = "documents", description: str | None = None
) -> dict[str, Any]:
    """Describe an operation without parameters that needs no token."""
    return {
        "tags": [tag],
        "summary": summary,
        **({} if description is None else {"description": description}),
        "operationId": operation_id,
        "responses": {"200": {"description": "Successful Response", "content": {_JSON: {"schema": {}}}}},
    }


def _logins_operation() -> dict[str, Any]:
    event = {"$ref": SCHEMA}
    one_or_many = {"schema": _one_or_many(event, MAX_EVENTS)}
    lines = {"schema": {"type": "string", "description": "One event per line."}}
    content = {kind: lines if "ndjson" in kind else one_or_many for kind in MEDIA_TYPES}
    return {
        "summary": "Publish login events",
        "operationId": "publish_logins",
        "description": (
            "Publishes login events. The body is one event, an array of events, or one event per line. The"
            " response has a result for each event, in order."
        ),
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
        "summary": "Check whether a login may proceed",
        "operationId": "check_logins",
        "description": (
            "Decides whether logins may proceed. The body is one check or an array of checks. The response"
            " has a decision for each check, in order."
        ),
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
            "detail": {"type": "string", "description": "The error, its location, and the expected value."},
            "warnings": {
                "type": "array",
                "items": {"type": "string"},
                "description": "Members of an accepted event that Vita ignores.",
            },
        },
    }
