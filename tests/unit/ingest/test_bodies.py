"""From a request's body to the events in it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.bodies import NOT_JSON, events_in, json_in
from services.ingest.errors import MAX_EVENTS, MEDIA_TYPES, RejectedRequest


def read(body: bytes, content_type: str = "application/json", **headers: str) -> list[Any]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return list(events_in({"content-type": content_type, **named}, body))


def refusal(body: bytes, content_type: str = "application/json", **headers: str) -> tuple[int, str]:
    with pytest.raises(RejectedRequest) as caught:
        read(body, content_type, **headers)
    return caught.value.status, caught.value.message


@pytest.mark.parametrize("content_type", [kind for kind in MEDIA_TYPES if "ndjson" not in kind])
def test_one_event_or_an_array(content_type: str) -> None:
    """The JSON decides between one event and several, whatever the media type calls itself."""
    assert read(b'{"id":"1"}', content_type) == [{"id": "1"}]
    assert read(b' [{"id":"1"}, 7]', content_type) == [{"id": "1"}, 7]


@pytest.mark.parametrize("content_type", ["application/x-ndjson", "application/ndjson; charset=utf-8"])
def test_lines(content_type: str) -> None:
    """Each line is an event; blank lines and carriage returns do no harm, a broken or cut line spoils
    only itself."""
    assert read(b'{"id":"1"}\r\n\n  \n{"id":\n"x"\n{"id":"2"', content_type) == [
        {"id": "1"},
        NOT_JSON,
        "x",
        NOT_JSON,
    ]


def test_binary_mode() -> None:
    """CloudEvents context attributes may come as `ce-` headers, percent-encoded, with the body as data."""
    event = read(b'{"connection":"x"}', ce_specversion="1.0", ce_id="1", ce_source="%C3%BC", ce_tenant="demo")
    assert event == [
        {
            "specversion": "1.0",
            "id": "1",
            "source": "ü",
            "tenant": "demo",
            "datacontenttype": "application/json",
            "data": {"connection": "x"},
        }
    ]


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jsonx",
        "multipart/form-data",
    ],
)
def test_other_media_types_are_refused(content_type: str) -> None:
    """415, and the answer lists what would do."""
    status, message = refusal(b"{}", content_type)
    assert status == 415
    assert all(kind in message for kind in MEDIA_TYPES)


def test_other_encodings_are_refused() -> None:
    """415 instead of reading compressed bytes or another charset as JSON; the answer names what would do."""
    assert refusal(b"{}", content_encoding="gzip") == (
        415,
        "This Content-Encoding is not supported. Send one of: identity.",
    )
    charset = "This charset is not supported. Send one of: utf-8."
    assert refusal(b"{}", "application/json; charset=utf-16") == (415, charset)


def test_an_endpoint_names_its_own_media_types() -> None:
    """An endpoint that takes JSON only does not offer the media types of events."""
    for content_type in ("", "text/plain", "application/cloudevents+json"):
        with pytest.raises(RejectedRequest) as caught:
            json_in({"content-type": content_type}, b"{}", "one check")
        assert (caught.value.status, caught.value.message) == (
            415,
            "This Content-Type is not supported. Send one of: application/json.",
        )


@pytest.mark.parametrize("content_type", MEDIA_TYPES)
@pytest.mark.parametrize("body", [b"", b"  \r\n ", b"\n\n"])
def test_empty_bodies_are_refused(content_type: str, body: bytes) -> None:
    """400 when there is nothing."""
    assert refusal(body, content_type)[0] == 400


@pytest.mark.parametrize(
    "body",
    [
        b"[]", b"7", b"null", b'"x"', b"{", b"[1,]", b"\xff\xfe{}", b'{"a":"\xff"}', b'"\\ud800"',
        b"[NaN]", b"{}{}", b"[" * 100_000, b"[" * 2000 + b"]" * 2000, b"1e999", b"[-Infinity]", b"[" +
        b"9" * 5000 + b"]",
    ],
)  # fmt: skip
def test_invalid_json_is_refused(body: bytes) -> None:
    """400 for every body that is not an object or a filled array of strict JSON."""
    expected = "expected one event or an array of events"
    assert refusal(body) in {
        (400, "Payload validation error: 'The array is empty: expected at least one event'."),
        (400, f"Payload validation error: 'The body is not JSON in UTF-8: {expected}'."),
        *(
            (400, f"Payload validation error: 'Found type {found} in the body: {expected}'.")
            for found in ("integer", "null", "string")
        ),
    }


def test_too_many_events_are_refused() -> None:
    """413 beyond the limit, in arrays and lines alike."""
    assert len(read(b"[" + b",".join([b"1"] * MAX_EVENTS) + b"]")) == MAX_EVENTS
    assert refusal(b"[" + b",".join([b"1"] * (MAX_EVENTS + 1)) + b"]")[0] == 413
    assert refusal(b"1\n" * (MAX_EVENTS + 1), "application/ndjson")[0] == 413


@given(st.binary(max_size=200), st.sampled_from(MEDIA_TYPES))
def test_any_bytes_get_an_answer(body: bytes, content_type: str) -> None:
    """No bytes whatever make reading fail in any other way."""
    status = None
    try:
        found = read(body, content_type)
    except RejectedRequest as error:
        found, status = [], error.status
    assert found or status in (400, 413)
