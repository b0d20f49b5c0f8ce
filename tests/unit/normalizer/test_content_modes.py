"""A raw login in either content mode of CloudEvents over Kafka."""

from typing import Any

import orjson
import pytest
from aiokafka import ConsumerRecord

from schemas.errors import InvalidEvent
from services.normalizer.content_modes import read_login
from tests.samples.raw_logins import make_event

EVENT = make_event()
BINARY = [
    ("content-type", b"application/json; charset=utf-8"),
    *((f"ce_{name}", EVENT[name].encode()) for name in EVENT if name != "data"),
]


def record(value: bytes | None, headers: list[tuple[str, bytes | None]]) -> ConsumerRecord:
    return ConsumerRecord("logins.raw", 0, 0, 1, 0, b"k", value, None, 1, 1, tuple(headers))


@pytest.mark.parametrize(
    ("value", "headers"),
    [
        (EVENT, []),
        (EVENT, [("content-type", b"application/cloudevents+json; charset=UTF-8"), ("ce_id", b"other")]),
        (EVENT, [("Content-Type", b"application/cloudevents+json"), *BINARY[1:]]),
        (EVENT, [("trace", b"\xff"), ("ce_null", None), ("\udcff", b"x")]),
        (EVENT["data"], BINARY),
        (EVENT["data"], [*BINARY[1:], ("odd", b"\xff"), ("ce_extension", "Jürgen".encode())]),
    ],
)
def test_both_modes_give_the_same_login(value: Any, headers: list[tuple[str, bytes | None]]) -> None:
    """Headers decide the mode; what is not an attribute of the event is not looked at."""
    assert (
        read_login(record(orjson.dumps(value), headers)).model_dump()
        == read_login(record(orjson.dumps(EVENT), [])).model_dump()
    )


@pytest.mark.parametrize(
    ("headers", "value", "reason"),
    [
        ([*BINARY, ("ce_id", b"twice")], b"{}", "contract"),
        ([*BINARY, ("ce_other", b"\xff")], b"{}", "contract"),
        ([*BINARY, ("ce_other", b"a\x00b")], b"{}", "nul_character"),
        ([("content-type", b"text/plain"), *BINARY[1:]], orjson.dumps(EVENT["data"]), "contract"),
        ([one for one in BINARY if one[0] != "ce_tenant"], orjson.dumps(EVENT["data"]), "contract"),
        (BINARY, b"", "not_json"),
        (BINARY, None, "not_json"),
        (BINARY, b'"x"', "contract"),
        (BINARY, b"x" * 800_000, "too_large"),
        (BINARY, b'{"connection": "a\\u0000b"}', "nul_character"),
    ],
)
def test_invalid_logins_have_a_reason(
    headers: list[tuple[str, bytes | None]], value: bytes | None, reason: str
) -> None:
    """Every fault of a binary record has the reason of a dead letter."""
    with pytest.raises(InvalidEvent) as found:
        read_login(record(value, headers))
    assert found.value.reason == reason
