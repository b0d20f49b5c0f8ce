"""The OpenAPI document, from the same models that validate."""

import re
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel, TypeAdapter

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
}
_SHAPES: Final[dict[str, Any]] = {}
"""Schemas of results by name, as operations are described."""
_PATH_NAME: Final = re.compile(r"{(\w+)}")
_IN_PATHS: Final = {"id": "The id, percent-encoded."}
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
        "tags": [operation.tag],
        "status_code": min(operation.answers),
        "responses": {status: _answer(operation, status, text) for status, text in operation.answers.items()},
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
            components["schemas"] = {**_SCHEMAS, **_SHAPES}
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
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": _IN_PATHS.get(name, "Its id, percent-encoded."),
            "schema": {"type": "string", "minLength": 1},
        }
        for name in _PATH_NAME.findall(operation.path)
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


def _answer(operation: Operation, status: int, text: str) -> dict[str, Any]:
    if status in (204, 304):
        return {"description": text}
    if status >= 400:
        return {"description": text, "content": {"application/json": {"schema": _ERROR}}}
    schema: dict[str, Any] = {"type": "object"}
    if operation.result is not None and (status != 202 or operation.method == "DELETE"):
        schema = _result(operation.result)
    described: dict[str, Any] = {"description": text, "content": {"application/json": {"schema": schema}}}
    if operation.method != "GET":
        described["headers"] = _RESPONSE_HEADERS
    return described


def _result(result: Any) -> dict[str, Any]:
    """A result's schema; what it refers to goes to the document's components."""
    schema = TypeAdapter(result).json_schema(
        ref_template="#/components/schemas/{model}", mode="serialization"
    )
    for name, shape in schema.pop("$defs", {}).items():
        _SHAPES[name] = shape
    if "title" in schema and "properties" in schema:
        _SHAPES[schema["title"]] = schema
        return {"$ref": f"#/components/schemas/{schema['title']}"}
    return schema
