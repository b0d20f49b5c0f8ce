"""The OpenAPI document covers every operation and agrees with the models."""

import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from services.management.app import OPERATIONS, PUBLIC
from services.management.http.errors import REASONS
from services.management.http.openapi.document import JSON, document
from services.management.http.operation import Operation

DOCUMENT = document(OPERATIONS, PUBLIC, "http://vita/")
EVERY = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda item: f"{item.method} {item.path}")


def described(operation: Operation) -> dict[str, Any]:
    found: dict[str, Any] = DOCUMENT["paths"][operation.path][operation.method.lower()]
    return found


def faults(schema: dict[str, Any], value: Any) -> list[str]:
    """What is wrong with a value by a schema of the document."""
    validator = Draft202012Validator({**schema, "components": DOCUMENT["components"]})
    return [error.message for error in validator.iter_errors(value)]


def test_the_document_is_openapi_3_1() -> None:
    """It validates against the published schema of OpenAPI documents."""
    OPENAPI_31_VALIDATOR.validate(DOCUMENT)


def test_operation_ids_are_unique() -> None:
    """Generators make method names of them."""
    names = [item["operationId"] for path in DOCUMENT["paths"].values() for item in path.values()]
    assert len(names) == len(set(names)) == len(OPERATIONS) + len(PUBLIC)
    assert all(re.fullmatch(r"[a-z0-9_]+", name) for name in names)


def test_every_reference_leads_somewhere() -> None:
    """No schema points at a shape that is not there."""
    kinds = DOCUMENT["components"]
    for kind, name in re.findall(r"'#/components/(\w+)/([^']+)'", str(DOCUMENT)):
        assert name in kinds[kind], name
    assert "#/$defs" not in str(DOCUMENT)


@EVERY
def test_every_parameter_is_described(operation: Operation) -> None:
    """Those of the path and of the query model by name, each with a schema and words."""
    parameters = described(operation)["parameters"]
    places = {(part["in"], part["name"]) for part in parameters}
    assert len(places) == len(parameters)
    wanted = {("path", name) for name in re.findall(r"{(\w+)}", operation.path)}
    if operation.query is not None:
        wanted |= {("query", field.alias or name) for name, field in operation.query.model_fields.items()}
    assert wanted <= places
    for part in parameters:
        assert part["description"], part["name"]
        assert part["schema"], part["name"]
        assert {"type": "null"} not in part["schema"].get("anyOf", []), part["name"]


@EVERY
def test_constraints_are_those_of_json_schema(operation: Operation) -> None:
    """No bound goes by another name, which readers of the document would pass over."""
    for part in described(operation)["parameters"]:
        Draft202012Validator.check_schema(part["schema"])
        assert part["schema"].keys().isdisjoint({"ge", "le", "gt", "lt", "min_length", "max_length"})
        if part["name"] == "per_page":
            assert part["schema"]["maximum"] >= 50


@EVERY
def test_every_body_has_an_example_that_is_taken(operation: Operation) -> None:
    """Valid for the schema and for the model itself. Only JSON is described: of two media types of one schema
    generated clients choose the form, which cannot hold every value."""
    if operation.body is None:
        assert "requestBody" not in described(operation)
        return
    content = described(operation)["requestBody"]["content"]
    assert set(content) == {JSON}
    for media in content.values():
        assert faults(media["schema"], media["example"]) == []
        operation.body.model_validate(media["example"])


@EVERY
def test_every_answer_is_described(operation: Operation) -> None:
    """Each status with a body has a schema and an example that fits it; an error's example is its status'."""
    responses = described(operation)["responses"]
    assert {str(status) for status in operation.responses} <= set(responses)
    assert {"400", "401", "403", "429", "503"} <= set(responses)
    for status, response in responses.items():
        assert response["description"], status
        if status in ("204", "304"):
            assert "content" not in response
            continue
        media = response["content"][JSON]
        assert media["schema"] != {}, f"{status}: what is answered has no type"
        assert faults(media["schema"], media["example"]) == []
        if status >= "400":
            assert media["example"]["statusCode"] == int(status)
            assert media["example"]["error"] == REASONS[int(status)]


def items_of(schema: dict[str, Any]) -> list[dict[str, Any]]:
    """The shapes of what an answer shows: itself, or what it lists."""
    if "$ref" in schema:
        shape = DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        lists = [
            part
            for name, part in shape["properties"].items()
            if name in shape.get("required", ())
            and part.get("type") == "array"
            and part.get("items", {}).get("type", "object") == "object"
        ]
        return items_of(lists[0]) if lists else [shape]
    if schema.get("type") == "object":
        return []
    inner = [*schema.get("anyOf", ()), *([schema["items"]] if "items" in schema else ())]
    return [item for part in inner for item in items_of(part)]


@EVERY
def test_what_can_be_left_out_is_not_required(operation: Operation) -> None:
    """Where the caller selects fields, no field is required; the plan of a search requires all of its
    fields."""
    if operation.query is None or "fields" not in operation.query.model_fields:
        return
    schema = described(operation)["responses"]["200"]["content"][JSON]["schema"]
    chosen = [item for item in items_of(schema) if item["title"] != "Explanation"]
    assert [item["title"] for item in chosen if item.get("required")] == []


@EVERY
def test_every_operation_names_its_scopes(operation: Operation) -> None:
    """Any one of its scopes, each of them known to the security scheme, with a token that the client asks for
    or already has."""
    flow = DOCUMENT["components"]["securitySchemes"]["oauth2"]["flows"]["clientCredentials"]
    assert described(operation)["security"] == [
        {scheme: text.split()} for scheme in ("oauth2", "bearer") for text in operation.scopes
    ]
    assert {scope for text in operation.scopes for scope in text.split()} <= set(flow["scopes"])


@EVERY
def test_every_operation_is_described_for_users_of_the_api(operation: Operation) -> None:
    """Each operation has its own description in full sentences, which names its scopes and, for a write, when
    it returns 202."""
    description = described(operation)["description"]
    first = description.partition("\n\n")[0]
    assert first == operation.description
    assert re.fullmatch(r"[A-Z].+\.", first)
    assert first != operation.handler.__doc__
    for text in operation.scopes:
        assert all(f"`{scope}`" in description for scope in text.split())
    assert ("202" in description) == (202 in operation.responses)


def test_scopes_of_the_current_user_are_explained() -> None:
    """They do not reach other users, and scopes that are only enough together are joined."""
    descriptions = {
        f"{method.upper()} {path}": item.get("description", "")
        for path, items in DOCUMENT["paths"].items()
        for method, item in items.items()
    }
    assert "`read:current_user`" in descriptions["GET /api/v2/users/{id}"]
    assert "only the user whom the access token" in descriptions["GET /api/v2/users/{id}"]
    assert "only the user whom" not in descriptions["GET /api/v2/roles"]
    assert (
        "`read:users` and `read:roles`, or `read:role_members`"
        in descriptions["GET /api/v2/users/{id}/roles"]
    )


def test_rules_come_from_the_models() -> None:
    """What is documented is what is validated: closed, with patterns, minimal sizes and forbidden names."""
    shapes = DOCUMENT["components"]["schemas"]
    created, updated = shapes["CreateUser"], shapes["UpdateUser"]
    assert created["required"] == ["connection"]
    assert created["additionalProperties"] is False
    assert created["properties"]["phone_number"]["pattern"] == r"^\+[0-9]{1,15}$"
    assert created["properties"]["blocked"]["type"] == "boolean"
    assert updated["minProperties"] == 1
    assert {"type": "null"} in updated["properties"]["given_name"]["anyOf"]
    assert faults(updated, {"app_metadata": {"user_id": 1}}) != []
    assert faults(updated, {"user_metadata": {"a.b": 1}}) != []
    assert faults(updated, {"app_metadata": {"plan": None}, "name": None}) == []


def test_schemas_have_public_names() -> None:
    """Schema names contain no module names, and titles are unique."""
    shapes = DOCUMENT["components"]["schemas"]
    assert [name for name in shapes if not re.fullmatch(r"[A-Z][A-Za-z0-9]+", name)] == []
    titles = [shape["title"] for shape in shapes.values() if "title" in shape]
    assert sorted(titles) == sorted(set(titles))
