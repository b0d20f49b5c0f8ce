"""The OpenAPI document, from the same models that validate."""

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from services.management.endpoint import Operation
from services.management.models.oauth import TokenRequest

_ERROR: Final = {"$ref": "#/components/schemas/Error"}
_SCHEMAS: Final[dict[str, Any]] = {
    "Error": {
        "type": "object",
        "required": ["statusCode", "error", "message"],
        "properties": {
            "statusCode": {"type": "integer"},
            "error": {"type": "string"},
            "message": {"type": "string"},
            "errorCode": {"type": "string"},
            "attributes": {"type": "object", "additionalProperties": {"type": "string"}},
        },
    },
    "User": {
        "type": "object",
        "properties": {
            "user_id": {"type": "string", "examples": ["auth0|63d17c4a8869daf88ed7db97"]},
            "email": {"type": "string"},
            "email_verified": {"type": "boolean"},
            "name": {"type": "string"},
            "nickname": {"type": "string"},
            "picture": {"type": "string"},
            "identities": {"type": "array", "items": {"type": "object"}},
            "created_at": {"type": "string", "format": "date-time"},
            "updated_at": {"type": "string", "format": "date-time"},
            "user_metadata": {"type": "object"},
            "app_metadata": {"type": "object"},
        },
    },
    "Connection": {
        "type": "object",
        "properties": {
            "id": {"type": "string", "examples": ["con_c5zI4XDdzzbD0qav"]},
            "name": {"type": "string"},
            "strategy": {"type": "string"},
            "options": {"type": "object"},
            "enabled_clients": {"type": "array", "items": {"type": "string"}},
            "realms": {"type": "array", "items": {"type": "string"}},
        },
    },
}
_HEADERS: Final = (
    ("If-Match", "The revision to change; any other is refused with 412.", ("PATCH", "DELETE")),
    ("If-None-Match", "The revision the caller has; the same one answers 304.", ("GET",)),
    ("Vita-At-Least", "A position the views must have reached before they are read.", ("GET",)),
)
_RESPONSE_HEADERS: Final = {
    "ETag": {"description": "The revision.", "schema": {"type": "string"}},
    "Vita-Position": {"description": "Where the write stands on the log.", "schema": {"type": "string"}},
}


def describe(operation: Operation) -> dict[str, Any]:
    """What FastAPI is told about an operation."""
    tag = "connections" if "connections" in operation.path else "users"
    extra: dict[str, Any] = {
        "security": [{"oauth2": [scope]} for scope in operation.scopes],
        "parameters": [
            *_path_parameters(operation),
            *_query_parameters(operation),
            *_header_parameters(operation),
        ],
    }
    if operation.body is not None:
        schema = _schema(operation.body)
        media = ("application/json", "application/x-www-form-urlencoded")
        extra["requestBody"] = {"required": True, "content": {name: {"schema": schema} for name in media}}
    return {
        "summary": operation.summary,
        "operation_id": f"{operation.method.lower()}_{operation.handler.__name__}",
        "tags": [tag],
        "status_code": min(operation.answers),
        "responses": {
            status: _answer(operation, tag, status, text) for status, text in operation.answers.items()
        },
        "openapi_extra": extra,
    }


def describe_public(method: str, path: str, summary: str) -> dict[str, Any]:
    """What FastAPI is told about what needs no token."""
    described: dict[str, Any] = {"summary": summary, "tags": ["service"], "openapi_extra": {"security": []}}
    if method == "POST":
        schema = _schema(TokenRequest)
        media = ("application/json", "application/x-www-form-urlencoded")
        content = {name: {"schema": schema} for name in media}
        described["openapi_extra"]["requestBody"] = {"required": True, "content": content}
    described["operation_id"] = path.strip("/").replace("/", "_").replace(".", "").replace("-", "_")
    return described


def tidy(app: FastAPI) -> None:
    """Builds the document once, with the shared shapes and the security scheme."""
    scopes: dict[str, str] = {}

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(
                title=app.title, version=app.version, description=app.description, routes=app.routes
            )
            components = document.setdefault("components", {})
            components["schemas"] = dict(_SCHEMAS)
            for path in document["paths"].values():
                for operation in path.values():
                    operation.get("responses", {}).pop("422", None)
                    scopes.update(
                        (name, name) for item in operation.get("security", ()) for name in item["oauth2"]
                    )
            flow = {"tokenUrl": "/oauth/token", "scopes": scopes}
            components["securitySchemes"] = {
                "oauth2": {"type": "oauth2", "flows": {"clientCredentials": flow}}
            }
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _schema(model: type[BaseModel]) -> dict[str, Any]:
    return model.model_json_schema()


def _path_parameters(operation: Operation) -> list[dict[str, Any]]:
    if "{id}" not in operation.path:
        return []
    about = "The id, percent-encoded."
    return [
        {"name": "id", "in": "path", "required": True, "description": about, "schema": {"type": "string"}}
    ]


def _query_parameters(operation: Operation) -> list[dict[str, Any]]:
    if operation.query is None:
        return []
    schema = _schema(operation.query)
    required = schema.get("required", ())
    return [
        {
            "name": name,
            "in": "query",
            "required": name in required,
            "description": part.get("description", ""),
            "schema": {key: value for key, value in part.items() if key not in ("title", "description")},
        }
        for name, part in schema["properties"].items()
    ]


def _header_parameters(operation: Operation) -> list[dict[str, Any]]:
    single = "{id}" in operation.path
    return [
        {"name": name, "in": "header", "required": False, "description": about, "schema": {"type": "string"}}
        for name, about, methods in _HEADERS
        if operation.method in methods and (single or name == "Vita-At-Least")
    ]


def _answer(operation: Operation, tag: str, status: int, text: str) -> dict[str, Any]:
    if status in (204, 304):
        return {"description": text}
    if status >= 400:
        return {"description": text, "content": {"application/json": {"schema": _ERROR}}}
    one = {"$ref": f"#/components/schemas/{'User' if tag == 'users' else 'Connection'}"}
    many = {"oneOf": [{"type": "array", "items": one}, {"type": "object"}]}
    listed = operation.method == "GET" and "{id}" not in operation.path
    schema: dict[str, Any] = {"type": "object"} if status == 202 else many if listed else one
    described: dict[str, Any] = {"description": text, "content": {"application/json": {"schema": schema}}}
    if not listed:
        described["headers"] = _RESPONSE_HEADERS
    return described
