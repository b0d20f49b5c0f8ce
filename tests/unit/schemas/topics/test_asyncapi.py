"""The AsyncAPI document is whole, and true to the catalogue, the models and the examples."""

from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from schemas.asyncapi import document
from schemas.events import EVENT_TYPES, Event, event_adapter
from schemas.examples import load_example, names_of
from schemas.formats import exact_json
from schemas.sealing.keys import generate_subject_keys
from schemas.sealing.mapper import seal_event
from schemas.topics import catalogue

DOCUMENT = document()


def references(node: Any) -> Iterator[str]:
    match node:
        case {"$ref": str(target)}:
            yield target
        case dict():
            for value in node.values():
                yield from references(value)
        case list():
            for value in node:
                yield from references(value)


def validator(schema: dict[str, Any]) -> jsonschema.Draft202012Validator:
    """A validator that finds the document's components."""
    return jsonschema.Draft202012Validator({**schema, "components": DOCUMENT["components"]})


def test_every_reference_leads_somewhere() -> None:
    """No `$ref` points at nothing."""
    for target in set(references(DOCUMENT)):
        node = DOCUMENT
        for step in target.removeprefix("#/").split("/"):
            node = node[step]


def test_it_is_json() -> None:
    """The document can be written, and parts of it are not shared between readers by accident."""
    assert exact_json.loads(exact_json.dumps(DOCUMENT)) == DOCUMENT


def test_every_topic_is_a_channel() -> None:
    """Channels carry the catalogue's addresses, partitions and settings; each has its senders."""
    addresses = {channel["address"]: channel for channel in DOCUMENT["channels"].values()}
    assert addresses.keys() == {topic.value for topic in catalogue()}
    for topic, spec in catalogue().items():
        kafka = addresses[topic.value]["bindings"]["kafka"]
        assert kafka["partitions"] == spec.partitions
        assert kafka["topicConfiguration"]["retention.ms"] == spec.retention
        name = topic.value.replace(".", "_")
        assert DOCUMENT["operations"][f"send_{name}"]["channel"] == {"$ref": f"#/channels/{name}"}


def test_every_event_is_a_message() -> None:
    """The event log lists each event type, with at least one example."""
    messages = DOCUMENT["channels"]["profile_events"]["messages"]
    assert messages.keys() == EVENT_TYPES.keys()
    assert all(DOCUMENT["components"]["messages"][name]["examples"] for name in messages)


@pytest.mark.parametrize("name", DOCUMENT["components"]["messages"])
def test_examples_fit_their_schemas(name: str) -> None:
    """What is shown is valid by what is said."""
    message = DOCUMENT["components"]["messages"][name]
    validator(message["payload"]).check_schema(message["payload"])
    for example in message.get("examples", ()):
        validator(message["payload"]).validate(example["payload"])
    for opened in message.get("x-opened-examples", ()):
        validator(message["x-opened"]).validate(opened)


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_written_records_are_valid(event_type: str) -> None:
    """Records as the mapper writes them are valid, and the schema lets no personal field through readable."""
    payload = validator(DOCUMENT["components"]["messages"][event_type]["payload"])
    for name in names_of(event_type):
        event: Event = event_adapter.validate_python(load_example(name))
        written = exact_json.loads(seal_event(event, generate_subject_keys()).value)
        payload.validate(written)
        written["data"]["email"] = "jane@example.com"
        assert not payload.is_valid(written)
