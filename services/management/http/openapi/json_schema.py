"""JSON schemas of requests and responses, generated from the models that validate them, with examples."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Final

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue
from pydantic_core import core_schema

Schema = Mapping[str, Any]
COMPONENTS: Final = "#/components/schemas/"
_BY_FORMAT: Final[Mapping[str, str]] = {
    "email": "jane@example.com",
    "uri": "https://example.com/jane.png",
    "date-time": "2026-11-23T10:00:00.000Z",
    "date": "20261123",
}
_BOUNDS: Final[Mapping[str, str]] = {
    "ge": "minimum",
    "le": "maximum",
    "gt": "exclusiveMinimum",
    "lt": "exclusiveMaximum",
    "min_length": "minLength",
    "max_length": "maxLength",
}


class _Generator(GenerateJsonSchema):
    """Generates schemas without redundant titles and without the defaults of optional members."""

    def generate_inner(self, schema: Any) -> JsonSchemaValue:
        """Rename the bounds of values that are parsed from text, which have pydantic's names until here."""
        found = super().generate_inner(schema)
        return {_BOUNDS.get(name, name): value for name, value in found.items()}

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Return False: a title that repeats the field's name is redundant."""
        return False

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """Omit the default of a member that is absent from responses or that requests may omit but not set to
        null."""
        found = super().default_schema(schema)
        if self.mode == "serialization" or found.get("default", schema) is None:
            found.pop("default", None)
        return found


def shapes_of(
    requests: Mapping[Hashable, Any], results: Mapping[Hashable, Any]
) -> tuple[Mapping[Hashable, Any], Mapping[Any, Any]]:
    """Return the schema of each request and result by its key, and the named schemas that they refer to."""
    modes: tuple[tuple[JsonSchemaMode, Mapping[Hashable, Any]], ...] = (
        ("validation", requests),
        ("serialization", results),
    )
    inputs = [
        (key, mode, TypeAdapter(kind).core_schema) for mode, kinds in modes for key, kind in kinds.items()
    ]
    found, shapes = _Generator(ref_template=COMPONENTS + "{model}").generate_definitions(inputs)
    return {key: schema for (key, _), schema in found.items()}, dict(shapes)


def members_of(model: type[BaseModel]) -> tuple[dict[str, Any], Sequence[str]]:
    """Return the schemas of a flat model's members, without null, and the names of the required members."""
    schema = model.model_json_schema(schema_generator=_Generator)
    members = {name: _without_null(part) for name, part in schema.get("properties", {}).items()}
    return members, schema.get("required", ())


def example_of(schema: Schema, shapes: Mapping[str, Schema]) -> Any:
    """Return an example value of this schema, with all required members and those that have examples."""
    if "$ref" in schema:
        return example_of(shapes[schema["$ref"].removeprefix(COMPONENTS)], shapes)
    for known in ("examples", "enum"):
        if schema.get(known):
            return schema[known][0]
    for choice in ("anyOf", "oneOf", "allOf"):
        if schema.get(choice):
            return example_of(schema[choice][0], shapes)
    return schema["const"] if "const" in schema else _typed(schema, shapes)


def _typed(schema: Schema, shapes: Mapping[str, Schema]) -> Any:
    match schema.get("type"):
        case "object":
            return _object(schema, shapes)
        case "array":
            wanted = schema.get("minItems") or _tells(schema.get("items", {}), shapes)
            return [example_of(schema["items"], shapes)] if wanted else []
        case "string":
            text = _BY_FORMAT.get(schema.get("format", ""), "text")
            return text.ljust(schema.get("minLength", 0), "x")[: schema.get("maxLength")]
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return True
    return None


def _object(schema: Schema, shapes: Mapping[str, Schema]) -> dict[str, Any]:
    members: Mapping[str, Schema] = schema.get("properties", {})
    required = schema.get("required", ())
    names = [name for name, part in members.items() if name in required or _tells(part, shapes)]
    spare = [name for name in members if name not in names]
    names += spare[: max(0, schema.get("minProperties", 0) - len(names))]
    return {name: example_of(members[name], shapes) for name in names}


def _tells(schema: Schema, shapes: Mapping[str, Schema]) -> bool:
    """Whether the schema, or a part of it, has an example."""
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(COMPONENTS)
        return any("examples" in part for part in shapes[name].get("properties", {}).values())
    return "examples" in schema or any(
        _tells(part, shapes) for part in (*schema.get("anyOf", ()), schema.get("items", {})) if part
    )


def _without_null(schema: Schema) -> dict[str, Any]:
    choices = [part for part in schema.get("anyOf", ()) if part != {"type": "null"}]
    if len(choices) != 1:
        return dict(schema)
    return {**choices[0], **{name: value for name, value in schema.items() if name != "anyOf"}}
