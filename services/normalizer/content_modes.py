"""Reads raw logins from Kafka records in both content modes of CloudEvents' Kafka protocol binding.

In structured mode the value is the event. In binary mode the value is its data, and `ce_` headers are its
attributes.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

from aiokafka import ConsumerRecord

from schemas.errors import InvalidEvent
from schemas.formats import exact_json
from schemas.logins.raw_login import MAX_BYTES, RawLogin, check_raw_login, parse_raw_login

_ATTRIBUTE: Final = "ce_"
_STRUCTURED: Final = b"application/cloudevents"
_CONTENT_TYPE: Final = "content-type"
_NAME: Final = re.compile("[a-z0-9]+")


def read_login(record: ConsumerRecord) -> RawLogin:
    """Return the login in a record.

    Raises InvalidEvent when it is not a valid login, or not valid in its content mode.
    """
    value = record.value or b""
    if not _is_binary(record):
        return parse_raw_login(value)
    if len(value) > MAX_BYTES:
        raise InvalidEvent("too_large", f"The event has {len(value)} bytes, maximum {MAX_BYTES}.")
    document = _attributes(record)
    try:
        document["data"] = exact_json.loads(value)
    except ValueError as error:
        raise InvalidEvent("not_json") from error
    return check_raw_login(document, value)


def signed_body(record: ConsumerRecord) -> bytes:
    """Return the bytes that a signature covers.

    In structured mode they are the value. In binary mode a line `name:value` for each `ce_` header,
    sorted, and an empty line precede the value. Raises InvalidEvent when a header is malformed.
    """
    value = record.value or b""
    if not _is_binary(record):
        return value
    lines = sorted(f"{_ATTRIBUTE}{attribute}:{_text(text)}" for attribute, text in _context(record))
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
        if name.lower() == _CONTENT_TYPE and value is not None:
            found["datacontenttype"] = _text(value).partition(";")[0].strip().lower()
    for attribute, value in _context(record):
        if attribute in found:
            raise InvalidEvent("contract", "a CloudEvents attribute has more than one header")
        found[attribute] = _text(value)
    return found


def _context(record: ConsumerRecord) -> Iterator[tuple[str, bytes]]:
    """Yield the attributes in `ce_` headers.

    Raises InvalidEvent when CloudEvents does not allow a name: with a colon in it, a signed line could be
    split at another place than the gateway split it.
    """
    for name, value in record.headers:
        if name.startswith(_ATTRIBUTE) and value is not None:
            attribute = name.removeprefix(_ATTRIBUTE)
            if not _NAME.fullmatch(attribute):
                raise InvalidEvent(
                    "contract", "the name of a CloudEvents header has other characters than a-z0-9"
                )
            yield attribute, value


def _text(value: bytes) -> str:
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidEvent("contract", "a CloudEvents header is not UTF-8") from None
    if "\x00" in text:
        raise InvalidEvent("nul_character", "U+0000 cannot be stored")
    return text
