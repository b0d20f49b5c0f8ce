"""The topic catalogue: one YAML file per topic, read by topic creation, documentation and tests."""

from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Annotated, Any, Final, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict

TIMESTAMPS: Final = "message.timestamp.type"


class Topic(StrEnum):
    """Logical topic names. A deployment may prefix the physical names."""

    LOGINS_RAW = "logins.raw"
    PROFILE_EVENTS = "profile.events"
    LOGINS_RAW_DLQ = "logins.raw.dlq"
    PROFILE_EVENTS_DLQ = "profile.events.dlq"
    REVOCATIONS = "revocations"


def _milliseconds(value: object) -> object:
    if value == "forever":
        return -1
    if isinstance(value, str) and value.endswith(" days"):
        return int(value.removesuffix(" days")) * 86_400_000
    return value


class TopicSpec(BaseModel):
    """The content of a catalogue file. `retention` is in milliseconds; -1 means for ever."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    topic: Topic
    summary: str
    key: str
    partitioner: str
    partitions: int
    retention: Annotated[int, BeforeValidator(_milliseconds)]
    cleanup: Literal["delete"]
    max_message_bytes: int
    timestamps: Literal["broker"] | None = None
    """Whose clock a record's timestamp comes from, if it matters."""
    contract: Literal["raw_login", "events", "dead_letter", "revocation"]
    producers: tuple[str, ...]
    consumers: tuple[str, ...]
    dead_letters: Topic | None = None

    def config(self) -> dict[str, str]:
        """Return the broker settings that the topic must have."""
        stamped = {} if self.timestamps is None else {TIMESTAMPS: "LogAppendTime"}
        return {
            "cleanup.policy": self.cleanup,
            "retention.ms": str(self.retention),
            "retention.bytes": "-1",
            "max.message.bytes": str(self.max_message_bytes),
            **stamped,
        }


@cache
def catalogue() -> dict[Topic, TopicSpec]:
    """Return the specifications of all topics. The result is cached."""
    folder = files("schemas") / "topics"
    return {topic: TopicSpec(**_read(folder / f"{topic.value}.yaml")) for topic in Topic}


def _read(path: Any) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    return content
