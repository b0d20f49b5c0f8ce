"""The AsyncAPI 3.0 document, generated from the topic catalogue, the event models and the examples."""

from collections.abc import Mapping
from functools import cache
from typing import Any, Final, get_args

from pydantic import BaseModel, create_model
from pydantic.json_schema import models_json_schema

from schemas.envelope import CONTENT_TYPE, SPEC_VERSION, Envelope
from schemas.errors import DeadLetterReason
from schemas.events import ACTIVITY, EVENT_TYPES, OPEN, PROFILE, EventData, field_class
from schemas.examples import load_example, names_of
from schemas.logins.raw_login import EVENT_TYPE as LOGIN_TYPE
from schemas.logins.raw_login import RawLogin
from schemas.logins.signature import GATEWAY, ID, SIGNATURE, TIMESTAMP
from schemas.revocation import EVENT_TYPE as REVOCATION_TYPE
from schemas.revocation import Revocation
from schemas.sealing.keys import KEY_CLASSES
from schemas.topics import Topic, TopicSpec, catalogue

_REFERENCE: Final = "#/components/schemas/{model}"
_ILLUSTRATION: Final = "AQABc2VhbGVkIHBlcnNvbmFsIGRhdGEsIG9wZW5lZCB3aXRoIHRoZSBzdWJqZWN0J3Mga2V5"
"""A placeholder for a sealed part in examples. No key opens it."""


@cache
def document() -> dict[str, Any]:
    """Return the AsyncAPI document. The result is cached."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Vita event streams",
            "version": "1.0.0",
            "description": "Gateways report logins; Vita publishes events about users. "
            "Personal data in events is sealed per user.",
        },
        "defaultContentType": "application/json",
        "channels": {_name(topic): _channel(spec) for topic, spec in catalogue().items()},
        "operations": {
            name: operation for spec in catalogue().values() for name, operation in _operations(spec).items()
        },
        "components": {"messages": _messages(), "schemas": _schemas()},
    }


def _name(topic: Topic) -> str:
    return topic.value.replace(".", "_")


def _channel(spec: TopicSpec) -> dict[str, Any]:
    return {
        "address": spec.topic.value,
        "description": spec.summary,
        "messages": {
            name: {"$ref": f"#/components/messages/{name}"} for name in _message_names(spec.contract)
        },
        "bindings": {
            "kafka": {
                "topic": spec.topic.value,
                "partitions": spec.partitions,
                "topicConfiguration": {
                    "cleanup.policy": [spec.cleanup],
                    "retention.ms": spec.retention,
                    "max.message.bytes": spec.max_message_bytes,
                },
                "bindingVersion": "0.5.0",
            }
        },
    }


def _operations(spec: TopicSpec) -> dict[str, dict[str, Any]]:
    channel = {"$ref": f"#/channels/{_name(spec.topic)}"}
    return {
        f"{action}_{_name(spec.topic)}": {
            "action": action,
            "channel": channel,
            "summary": f"{title}: {', '.join(parties)}",
        }
        for action, title, parties in (
            ("send", "Producers", spec.producers),
            ("receive", "Consumers", spec.consumers),
        )
        if parties
    }


def _message_names(contract: str) -> list[str]:
    match contract:
        case "raw_login":
            return [LOGIN_TYPE]
        case "events":
            return list(EVENT_TYPES)
        case "revocation":
            return [REVOCATION_TYPE]
        case _:
            return ["dead_letter"]


def _messages() -> dict[str, dict[str, Any]]:
    events = {event_type: _event_message(event_type, model) for event_type, model in EVENT_TYPES.items()}
    return {
        LOGIN_TYPE: _login_message(),
        **events,
        REVOCATION_TYPE: _revocation_message(),
        "dead_letter": _dead_letter_message(),
    }


def _revocation_message() -> dict[str, Any]:
    return {
        "name": REVOCATION_TYPE,
        "title": "Access that a gateway is to end",
        "description": _purpose(Revocation),
        "contentType": CONTENT_TYPE,
        "payload": _reference(Revocation),
        "bindings": _key_binding(Topic.REVOCATIONS),
        "examples": [{"name": name, "payload": load_example(name)} for name in names_of(REVOCATION_TYPE)],
    }


def _login_message() -> dict[str, Any]:
    return {
        "name": LOGIN_TYPE,
        "title": "A login, as a gateway reports it",
        "contentType": CONTENT_TYPE,
        "payload": _reference(RawLogin),
        "headers": _signature_headers(),
        "bindings": _key_binding(Topic.LOGINS_RAW),
        "examples": [{"name": name, "payload": load_example(name)} for name in names_of(LOGIN_TYPE)],
    }


def _signature_headers() -> dict[str, Any]:
    described = {
        ID: "The event's id.",
        TIMESTAMP: "When the record was signed and sent, in seconds since 1970.",
        SIGNATURE: "`v1,` and the base64 of HMAC-SHA256 over `{webhook-id}.{webhook-timestamp}.{value}`;"
        " several are separated by blanks.",
        GATEWAY: "The id of the gateway whose key signs, from `vita gateways create`.",
    }
    return {
        "type": "object",
        "required": list(described),
        "properties": {name: {"type": "string", "description": text} for name, text in described.items()},
    }


def _event_message(event_type: str, model: type[Envelope]) -> dict[str, Any]:
    opened = [load_example(name) for name in names_of(event_type)]
    return {
        "name": event_type,
        "title": model.__name__,
        "summary": _purpose(model),
        "contentType": CONTENT_TYPE,
        "payload": {"$ref": _REFERENCE.format(model=f"{model.__name__}OnTheLog")},
        "bindings": _key_binding(Topic.PROFILE_EVENTS),
        "examples": [{"name": event_type, "payload": _on_the_log(model, example)} for example in opened],
        "x-opened": _reference(model),
        "x-opened-examples": opened,
    }


def _dead_letter_message() -> dict[str, Any]:
    names = get_args(DeadLetterReason)
    text, number = {"type": "string"}, {"type": "integer"}
    return {
        "name": "dead_letter",
        "title": "A record that could not be processed",
        "contentType": "application/json",
        "payload": {
            "type": "object",
            "required": [
                "reason",
                "detail",
                "topic",
                "partition",
                "offset",
                "timestamp",
                "key_owner",
                "sealed",
            ],
            "properties": {
                "reason": {"enum": list(names)},
                "detail": {
                    **text,
                    "description": "The rule that was broken and where; never a value of the record.",
                },
                "topic": text,
                "partition": number,
                "offset": number,
                "timestamp": number,
                "tenant": {
                    "type": ["string", "null"],
                    "description": "The tenant that the record belongs to, if that is certain.",
                },
                "key_owner": {
                    "type": "array",
                    "prefixItems": [text, text],
                    "description": "Tenant and owner of the key that seals the record: the subject where it "
                    "is known, otherwise the tenant's or the installation's letters of one day.",
                },
                "sealed": {
                    "type": ["string", "null"],
                    "contentEncoding": "base64",
                    "description": "Key, value and headers of the record, sealed under that key; null when "
                    "the key was destroyed before.",
                },
            },
        },
    }


def _key_binding(topic: Topic) -> dict[str, Any]:
    key = {"type": "string", "description": catalogue()[topic].key}
    return {"kafka": {"key": key, "bindingVersion": "0.5.0"}}


def _schemas() -> dict[str, Any]:
    events: list[type[Envelope]] = list(EVENT_TYPES.values())
    models: list[type[BaseModel]] = [RawLogin, Revocation, *events, *(_open_part(model) for model in events)]
    _, generated = models_json_schema([(model, "validation") for model in models], ref_template=_REFERENCE)
    schemas: dict[str, Any] = generated["$defs"]
    for model in EVENT_TYPES.values():
        schemas[f"{model.__name__}OnTheLog"] = _wire_schema(schemas, model)
    return schemas


def _wire_schema(schemas: Mapping[str, Any], model: type[Envelope]) -> dict[str, Any]:
    """Return the schema of an event on the log: the envelope, the open fields and the sealed parts."""
    opened = schemas[model.__name__]
    readable = schemas[_open_part(model).__name__]
    data = {
        **readable,
        "title": f"{model.__name__}Data as it lies on the log",
        "properties": {**readable.get("properties", {}), "sealed": _sealed_schema(model)},
        "required": [*readable.get("required", []), "sealed"],
    }
    frame = {
        "specversion": {"const": SPEC_VERSION},
        "datacontenttype": {"const": "application/json"},
    }
    return {
        "type": "object",
        "title": f"{model.__name__} on the log",
        "description": _purpose(model),
        "properties": {**frame, **opened["properties"], "data": data},
        "required": [
            *frame,
            *dict.fromkeys([*opened["required"], "type", "dataversion", "data"]),
        ],
        "additionalProperties": False,
    }


def _sealed_schema(model: type[Envelope]) -> dict[str, Any]:
    fields = _data_model(model).model_fields
    inside = {
        part: [name for name, info in fields.items() if field_class(info) == part] for part in KEY_CLASSES
    }
    return {
        "type": "object",
        "description": (
            "AES-256-GCM; the associated data of a part are all bytes of the record's value before it, so the"
            " profile part, the last one, authenticates the whole record."
        ),
        "required": ["profile"],
        "properties": {
            part: {
                "type": "string",
                "contentEncoding": "base64",
                "description": f"Holds {', '.join(names) or 'nothing; it authenticates the record'}.",
            }
            for part, names in inside.items()
            if names or part == PROFILE
        },
        "additionalProperties": False,
    }


def _on_the_log(model: type[Envelope], opened: Mapping[str, Any]) -> dict[str, Any]:
    fields = _data_model(model).model_fields
    parts = {name: field_class(info) for name, info in fields.items()}
    data = opened["data"]
    readable = {name: value for name, value in data.items() if parts[name] == OPEN}
    sealed = {
        part: _ILLUSTRATION
        for part in (ACTIVITY, PROFILE)
        if part == PROFILE or any(parts[name] == part for name in data)
    }
    frame = {"specversion": SPEC_VERSION, "datacontenttype": "application/json"}
    return {**frame, **opened, "data": {**readable, "sealed": sealed}}


@cache
def _open_part(model: type[Envelope]) -> type[BaseModel]:
    data = _data_model(model)
    fields: dict[str, Any] = {
        name: (info.rebuild_annotation(), info)
        for name, info in data.model_fields.items()
        if field_class(info) == OPEN
    }
    return create_model(f"{model.__name__}OpenData", __config__=data.model_config, **fields)


def _data_model(model: type[Envelope]) -> type[EventData]:
    annotation: Any = model.model_fields["data"].annotation
    found: type[EventData] = annotation
    return found


def _reference(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": _REFERENCE.format(model=model.__name__)}


def _purpose(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").strip()
