"""A raw login in a Kafka record, in either content mode of CloudEvents' Kafka protocol binding: structured
(the value is the event) or binary (the value is its data, `ce_` headers are its attributes)."""

from typing import Any, Final

from aiokafka import ConsumerRecord

from schemas import exact_json
from schemas.errors import InvalidEvent
from schemas.raw_login import MAX_BYTES, RawLogin, check_raw_login, parse_raw_login

_ATTRIBUTE: Final = "ce_"
_STRUCTURED: Final = b"application/cloudevents"
_CONTENT_TYPE: Final = "content-type"


def read_login(record: ConsumerRecord) -> RawLogin:
    """The login in a record. Raises InvalidEvent."""
    value = record.value or b""
    if not _is_binary(record):
        return parse_raw_login(value)
    if len(value) > MAX_BYTES:
        raise InvalidEvent("too_large", f"{len(value)} bytes, at most {MAX_BYTES}")
    document = _attributes(record)
    try:
        document["data"] = exact_json.loads(value)
    except ValueError as error:
        raise InvalidEvent("not_json") from error
    return check_raw_login(document, value)


def signed_body(record: ConsumerRecord) -> bytes:
    """What a signature covers: the value; in binary mode a line `name:value` for each `ce_` header, sorted,
    and an empty line stand before it. Raises InvalidEvent."""
    value = record.value or b""
    if not _is_binary(record):
        return value
    attributes = [(name, text) for name, text in record.headers if name.startswith(_ATTRIBUTE)]
    lines = sorted(f"{name}:{_text(text)}" for name, text in attributes if text is not None)
    if any("\n" in line for line in lines):
        raise InvalidEvent("contract", "a CloudEvents header holds a line break")
    return "\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape") + value


def _is_binary(record: ConsumerRecord) -> bool:
    names = {name for name, _ in record.headers}
    if f"{_ATTRIBUTE}specversion" not in names:
        return False
    return not any(
        name.lower() == _CONTENT_TYPE and (value or b"").lower().startswith(_STRUCTURED)
        for name, value in record.headers
    )


def _attributes(record: ConsumerRecord) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in record.headers:
        if value is None:
            continue
        if name.lower() == _CONTENT_TYPE:
            found["datacontenttype"] = _text(value).partition(";")[0].strip().lower()
        elif name.startswith(_ATTRIBUTE):
            attribute = name.removeprefix(_ATTRIBUTE)
            if attribute in found:
                raise InvalidEvent("contract", "a CloudEvents attribute has more than one header")
            found[attribute] = _text(value)
    return found


def _text(value: bytes) -> str:
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidEvent("contract", "a CloudEvents header is not UTF-8") from None
    if "\x00" in text:
        raise InvalidEvent("nul_character", "U+0000 cannot be stored")
    return text
