"""Bodies with every key that the types of the official SDK know, made from the types themselves."""

import types
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel

from schemas.formats.exact_json import same

Path = tuple[str, ...]


def body_of(method: Any, given: Mapping[str, Any], left_out: Sequence[str] = ()) -> dict[str, Any]:
    """Arguments for a method of the SDK: those given, and a value of its type for each of the others."""
    hints = get_type_hints(method)
    skipped = {"return", "request_options", "id", *left_out}
    return {
        name: given.get(name, sample(hint, (name,), given))
        for name, hint in hints.items()
        if name not in skipped
    }


def sample(hint: Any, path: Path, given: Mapping[str, Any]) -> Any:
    """A value of a type; `given` has those that must be something special, by the name of their key."""
    if path[-1] in given:
        return given[path[-1]]
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        kinds = [one for one in inner if one is not type(None) and one is not Any]
        return sample(kinds[0] if kinds else str, path, given)
    if origin is Literal:
        return inner[0]
    if str(origin).startswith("typing.Annotated") or hasattr(hint, "__metadata__"):
        return sample(inner[0], path, given)
    if origin in (list, Sequence, set, tuple):
        return [sample(inner[0], path, given)]
    if origin in (dict, Mapping):
        return {"key": sample(inner[1], (*path, "key"), given)}
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return _model(hint, path, given)
    return _PLAIN.get(hint, "text")


def _model(model: type[BaseModel], path: Path, given: Mapping[str, Any]) -> Any:
    if path.count(path[-1]) > 1:
        return {}
    values = {
        field.alias or name: sample(field.annotation, (*path, name), given)
        for name, field in model.model_fields.items()
    }
    return {_wire_name(model, name): value for name, value in values.items()}


def _wire_name(model: type[BaseModel], name: str) -> str:
    """The key on the wire, which the SDK keeps in an annotation."""
    field = model.model_fields.get(name)
    for mark in () if field is None else field.metadata:
        if alias := getattr(mark, "alias", None):
            return str(alias)
    return name


_PLAIN: Mapping[Any, Any] = {bool: True, int: 60, float: 60, str: "text", Any: "text"}


def missing(sent: Any, shown: Any, path: str = "") -> list[str]:
    """The paths at which a response lacks a value that was sent, or has another one."""
    if isinstance(sent, dict):
        if not isinstance(shown, dict):
            return [path]
        return [
            fault
            for name, value in sent.items()
            for fault in missing(value, shown.get(name, _ABSENT), f"{path}.{name}")
        ]
    if isinstance(sent, list) and isinstance(shown, list) and len(sent) == len(shown):
        return [
            fault
            for place, (value, found) in enumerate(zip(sent, shown, strict=True))
            for fault in missing(value, found, f"{path}.{place}")
        ]
    return [] if same(sent, shown) else [path]


_ABSENT = object()
