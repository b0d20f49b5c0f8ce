"""Request bodies: JSON or a form, read within limits of size and time."""

import re
from typing import Any, Final, get_args
from urllib.parse import parse_qsl

from pydantic import BaseModel
from starlette.requests import Request

from schemas.formats import exact_json
from schemas.formats.value_count import MOST_VALUES, exceeds, surely_exceeds
from services.management.http.errors import INVALID_JSON, TOO_SLOW, WRONG_MEDIA_TYPE, HttpError
from services.runtime.fairness.body_memory import Lease
from services.runtime.http.request_bodies import BodyBrokenOff, BodyTooLarge, BodyTooSlow, Pace, read_body
from services.runtime.rejection import Rejected, Rejection, invalid_body

JSON: Final = "application/json"
MERGE_PATCH: Final = "application/merge-patch+json"
FORM: Final = "application/x-www-form-urlencoded"
MAX_DEPTH: Final = 64
MAX_FORM_FIELDS: Final = MOST_VALUES
_NUL_ESCAPE: Final = rb"\u0000"
_FORM_KEY: Final = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_NUL: Final = invalid_body("Strings may not contain NUL characters")
_TOO_DEEP: Final = invalid_body(f"Nested more than {MAX_DEPTH} levels deep")
_TOO_MANY: Final = invalid_body(f"More than {MOST_VALUES} values")
_BAD_FORM: Final = invalid_body("Not a valid form")


def media_type(request: Request) -> str:
    """Return the content type without its parameters; JSON if the request has none."""
    return request.headers.get("content-type", JSON).partition(";")[0].strip().lower() or JSON


async def read_raw(request: Request, limit_bytes: int, pace: Pace, lease: Lease) -> bytes:
    """Return the body's bytes.

    Raises Rejected with 413 if the body exceeds the limit, 408 if it arrives too slowly and 400 if it is
    incomplete. Raises OverShare if the caller's share of the memory is in use.
    """
    try:
        return await read_body(request.receive, request.headers, limit_bytes, pace, lease)
    except BodyTooLarge:
        raise Rejected(_too_large(limit_bytes)) from None
    except BodyTooSlow:
        raise HttpError(TOO_SLOW) from None
    except BodyBrokenOff:
        raise Rejected(INVALID_JSON) from None


def parse(raw: bytes, media: str, model: type[BaseModel]) -> Any:
    """Return the value of a body. Raises Rejected if it is neither JSON nor a form, or cannot be stored."""
    if media == FORM:
        return parse_form(raw, model)
    if media != JSON and not media.endswith("+json"):
        raise HttpError(WRONG_MEDIA_TYPE)
    return None if not raw or raw.isspace() else parse_json(raw)


def parse_json(raw: bytes) -> Any:
    """Parse strict JSON with at most 10,000 values, 64 levels and no NUL characters. Raises Rejected."""
    if surely_exceeds(raw):
        raise Rejected(_TOO_MANY)
    try:
        value = exact_json.loads(raw)
    except (ValueError, RecursionError):
        raise Rejected(INVALID_JSON) from None
    if exceeds(value, raw):
        raise Rejected(_TOO_MANY)
    if raw.count(b"{") + raw.count(b"[") > MAX_DEPTH and _depth_exceeds(value):
        raise Rejected(_TOO_DEEP)
    if _NUL_ESCAPE in raw and _holds_nul(value):
        raise Rejected(_NUL)
    return value


def parse_form(raw: bytes, model: type[BaseModel]) -> dict[str, Any]:
    """Return the object that a form describes. `a[b]=c` is a nested member; `true` is a boolean where the
    model has one. Raises Rejected (invalid) if the body is not a form or contains U+0000."""
    try:
        pairs = parse_qsl(
            raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MAX_FORM_FIELDS
        )
    except ValueError:
        raise Rejected(_BAD_FORM) from None
    value: dict[str, Any] = {}
    for name, text in pairs:
        _put(value, name, text)
    if _holds_nul(value):
        raise Rejected(_NUL)
    return {name: _typed(item, model, name) for name, item in value.items()}


def _put(target: dict[str, Any], name: str, text: str) -> None:
    found = _FORM_KEY.fullmatch(name)
    first, rest = (found[1], found[2]) if found else (name, "")
    path = [first, *(part.rstrip("]") for part in rest.split("[")[1:])]
    if len(path) > MAX_DEPTH:
        raise Rejected(_TOO_DEEP)
    for position, key in enumerate(path[:-1]):
        if path[position + 1 :] == [""]:
            target.setdefault(key, [])
            if not isinstance(target[key], list):
                raise Rejected(_BAD_FORM)
            target[key].append(text)
            return
        target = target.setdefault(key, {})
        if not isinstance(target, dict):
            raise Rejected(_BAD_FORM)
    target[path[-1]] = text


def _typed(value: Any, model: type[BaseModel], name: str) -> Any:
    field = model.model_fields.get(name)
    if field is None or value not in ("true", "false"):
        return value
    wants_boolean = field.annotation is bool or bool in get_args(field.annotation)
    return value == "true" if wants_boolean else value


def _depth_exceeds(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [inner for item in level for inner in _children(item)]
        if not level:
            return False
    return any(isinstance(item, (dict, list)) for item in level)


def _holds_nul(value: Any) -> bool:
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, str) and "\x00" in item:
            return True
        if isinstance(item, dict):
            pending.extend(item)
        pending.extend(_children(item))
    return False


def _children(item: Any) -> list[Any]:
    if isinstance(item, dict):
        return list(item.values())
    return item if isinstance(item, list) else []


def _too_large(limit_bytes: int) -> Rejection:
    return Rejection("too_large", f"Payload content length greater than maximum allowed: {limit_bytes}")
