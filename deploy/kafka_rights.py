"""The rights on Kafka: one table of principals, topics and operations, and its access control lists."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType
from typing import NamedTuple

from schemas.topics import Topic


class Resource(IntEnum):
    """Kinds of resources by Kafka's numbers."""

    TOPIC = 2
    GROUP = 3


class KafkaOperation(IntEnum):
    """Operations by Kafka's numbers. READ and WRITE include DESCRIBE."""

    READ = 3
    WRITE = 4
    DESCRIBE = 8


class Pattern(IntEnum):
    """How the name of a resource is matched, by Kafka's numbers."""

    LITERAL = 3
    PREFIXED = 4


class Acl(NamedTuple):
    """An entry of an access control list: the principal is allowed the operation from any host."""

    principal: str
    operation: KafkaOperation
    resource: Resource
    name: str
    pattern: Pattern = Pattern.LITERAL


@dataclass(frozen=True, slots=True)
class Rights:
    """The rights of a principal. Topics and groups are without the installation's prefix."""

    reads: frozenset[Topic] = frozenset()
    writes: frozenset[Topic] = frozenset()
    group: str | None = None
    """The consumer group in which it reads."""
    groups: str | None = None
    """The prefix of the consumer groups in which it may read."""
    watches: str | None = None
    """The consumer group of another principal whose offsets it may read."""


RIGHTS: Mapping[str, Rights] = MappingProxyType(
    {
        "gateway": Rights(
            reads=frozenset({Topic.REVOCATIONS}), writes=frozenset({Topic.LOGINS_RAW}), groups="gateway-"
        ),
        "ingest": Rights(writes=frozenset({Topic.LOGINS_RAW})),
        "normalizer": Rights(
            reads=frozenset({Topic.LOGINS_RAW, Topic.LOGINS_RAW_DLQ}),
            writes=frozenset({Topic.PROFILE_EVENTS, Topic.LOGINS_RAW_DLQ}),
            group="vita-normalizer",
        ),
        "projector": Rights(
            reads=frozenset({Topic.PROFILE_EVENTS}),
            writes=frozenset({Topic.PROFILE_EVENTS, Topic.PROFILE_EVENTS_DLQ, Topic.REVOCATIONS}),
            group="vita-projector",
        ),
        "auditor": Rights(reads=frozenset({Topic.PROFILE_EVENTS}), group="vita-auditor"),
        "management": Rights(
            reads=frozenset({Topic.PROFILE_EVENTS}), writes=frozenset({Topic.PROFILE_EVENTS})
        ),
        "operator": Rights(
            reads=frozenset(Topic), writes=frozenset({Topic.PROFILE_EVENTS}), watches="vita-normalizer"
        ),
    }
)
"""Management reads the log for the history of users. The operator is the command line: it reads the log and
the dead letters, and writes what it changes."""


def acls(service: str, principal: str, prefix: str) -> Iterator[Acl]:
    """Yield the entries that give a principal the rights of a service in the installation with this
    prefix."""
    rights = RIGHTS[service]
    user = f"User:{principal}"
    for operation, topics in ((KafkaOperation.READ, rights.reads), (KafkaOperation.WRITE, rights.writes)):
        for topic in sorted(topics):
            yield Acl(user, operation, Resource.TOPIC, prefix + topic.value)
    if rights.group is not None:
        yield Acl(user, KafkaOperation.READ, Resource.GROUP, prefix + rights.group)
    if rights.groups is not None:
        yield Acl(user, KafkaOperation.READ, Resource.GROUP, prefix + rights.groups, Pattern.PREFIXED)
    if rights.watches is not None:
        yield Acl(user, KafkaOperation.DESCRIBE, Resource.GROUP, prefix + rights.watches)


def as_table() -> str:
    """Return the Markdown table in deploy/README.md."""
    head = ["principal", *(f"`{topic.value}`" for topic in Topic), "consumer groups"]
    rows = [head, ["---"] * len(head)]
    for service, rights in RIGHTS.items():
        cells = [_cell(topic in rights.reads, topic in rights.writes) for topic in Topic]
        rows.append([f"`{service}`", *cells, _groups(rights)])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _cell(reads: bool, writes: bool) -> str:
    return ", ".join(word for word, holds in (("read", reads), ("write", writes)) if holds)


def _groups(rights: Rights) -> str:
    if rights.group is not None:
        return f"`{rights.group}`"
    if rights.groups is not None:
        return f"`{rights.groups}…`"
    return f"sees `{rights.watches}`" if rights.watches is not None else ""
