"""The OpenAPI document says what the API does."""

from typing import Any, cast

from services.management.app import create_app
from services.management.routes import connections, read_users, write_users
from services.management.service import Service

OPERATIONS = (*read_users.OPERATIONS, *write_users.OPERATIONS, *connections.OPERATIONS)


def document() -> dict[str, Any]:
    app = create_app(cast(Service, None))
    found: dict[str, Any] = app._app.openapi()  # type: ignore[attr-defined]
    return found


def test_every_operation_is_described() -> None:
    """With its parameters, its body, its scopes and every status it answers."""
    paths = document()["paths"]
    for operation in OPERATIONS:
        described = paths[operation.path][operation.method.lower()]
        assert {int(status) for status in described["responses"]} == set(operation.answers)
        assert [name for item in described["security"] for name in item["oauth2"]] == list(operation.scopes)
        names = {parameter["name"] for parameter in described["parameters"]}
        assert ("id" in names) == ("{id}" in operation.path)
        if operation.query is not None:
            aliases = {field.alias or name for name, field in operation.query.model_fields.items()}
            assert aliases <= names
        assert ("requestBody" in described) == (operation.body is not None)


def test_errors_share_one_shape() -> None:
    """Every 4xx and 5xx refers to it."""
    found = document()
    for path in found["paths"].values():
        for operation in path.values():
            for status, answer in operation["responses"].items():
                if int(status) >= 400:
                    schema = answer["content"]["application/json"]["schema"]
                    assert schema == {"$ref": "#/components/schemas/Error"}
    assert "Error" in found["components"]["schemas"]


def test_property_names_and_rules_come_from_the_models() -> None:
    """What is documented is what is validated."""
    body = document()["paths"]["/api/v2/users"]["post"]["requestBody"]["content"]
    assert set(body) == {"application/json", "application/x-www-form-urlencoded"}
    schema = body["application/json"]["schema"]
    assert schema["required"] == ["connection"]
    assert schema["additionalProperties"] is False
    assert schema["properties"]["phone_number"]["pattern"] == r"^\+[0-9]{1,15}$"
