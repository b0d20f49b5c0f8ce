"""The Kafka principals of an installation: their names, passwords, users and rights."""

import hashlib
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import IncompatibleBrokerVersion, KafkaError
from aiokafka.protocol.admin import CreateAclsRequest_v1
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    CompactArray,
    CompactBytes,
    CompactString,
    Int8,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)

from deploy.kafka_rights import RIGHTS, Acl, Pattern, Resource, acls
from deploy.private_files import write_private
from schemas.errors import Transient
from services.runtime.kafka.access import SCRAM, KafkaAccess, Mechanism

ITERATIONS: Final = 4096
"""The minimum that Kafka accepts. Passwords are random, so that more iterations would add time and no
safety."""
ALLOW: Final = 3
SECURITY_DISABLED: Final = 54
_MECHANISMS: Final[Mapping[str, tuple[int, str]]] = MappingProxyType(
    {"SCRAM-SHA-256": (1, "sha256"), "SCRAM-SHA-512": (2, "sha512")}
)


class RightsRefused(Exception):
    """The cluster does not let this administrator create users or rights. `commands` are the manual
    alternative."""

    def __init__(self, reason: str, commands: Sequence[str]) -> None:
        super().__init__(reason)
        self.commands = commands


class NoAuthorizer(Exception):
    """The cluster has no authorizer and so enforces no rights."""


@dataclass(frozen=True, slots=True)
class KafkaPrincipal:
    """A service's identity in Kafka."""

    service: str
    name: str
    password: str | None = field(repr=False)
    """None if the cluster has the password already."""

    def access(self, administrator: KafkaAccess, mechanism: Mechanism | None) -> KafkaAccess:
        """Return how the service connects. Without a password it uses the administrator's identity."""
        if mechanism is None or self.password is None:
            return administrator
        return administrator.as_user(self.name, self.password, mechanism)


def principals(environment: Mapping[str, str], prefix: str = "") -> dict[str, KafkaPrincipal]:
    """Return the principal of each service.

    Its name is `<prefix>vita-<service>`, or the one in VITA_<SERVICE>_KAFKA_USERNAME with the password in
    VITA_<SERVICE>_KAFKA_PASSWORD.
    """
    return {
        service: KafkaPrincipal(
            service,
            environment.get(_variable(service, "USERNAME")) or f"{prefix}vita-{service}",
            environment.get(_variable(service, "PASSWORD")) or None,
        )
        for service in RIGHTS
    }


def new_passwords() -> dict[str, str]:
    """Return a random password for every service, by the variables that `principals` reads."""
    return {_variable(service, "PASSWORD"): secrets.token_hex(24) for service in RIGHTS}


def kept_passwords(file: Path) -> dict[str, str]:
    """Return the passwords in a private file of lines VITA_<SERVICE>_KAFKA_PASSWORD=….

    Missing passwords are made and written first.
    """
    lines = file.read_text().splitlines() if file.exists() else []
    known = dict(line.partition("=")[::2] for line in lines)
    complete = new_passwords() | known
    if complete != known:
        text = "".join(f"{name}={password}\n" for name, password in complete.items())
        write_private(file, text.encode())
    return complete


def mechanism_of(administrator: KafkaAccess, named: str | None) -> Mechanism | None:
    """Return the mechanism by which the services authenticate.

    It is `named`, or the administrator's if that one uses passwords; None for any other.
    """
    if not administrator.uses_sasl:
        return None
    for mechanism in (*SCRAM, "PLAIN"):
        if mechanism == (named or administrator.sasl.mechanism):
            return mechanism
    return None


async def create_users(
    administrator: KafkaAccess, people: Iterable[KafkaPrincipal], mechanism: Mechanism | None
) -> list[str]:
    """Set the SCRAM credentials of every principal that has a password, and return their names.

    Raises RightsRefused when the administrator may not, and Transient when the cluster does not answer.
    """
    known = [one for one in people if one.password is not None]
    if mechanism not in SCRAM or not known:
        return []
    commands = list(_user_commands(administrator, known, mechanism))
    answer = await _sent(administrator, _AlterUsers(known, mechanism), commands)
    _check(((result[1], result[2]) for result in answer.results), commands)
    return [one.name for one in known]


async def grant(administrator: KafkaAccess, people: Iterable[KafkaPrincipal], prefix: str) -> None:
    """Grant the principals their rights on the topics and groups with this prefix. May be repeated.

    Raises NoAuthorizer when the cluster enforces no rights, RightsRefused when the administrator may not
    grant them, and Transient when the cluster does not answer.
    """
    entries = [acl for one in people for acl in acls(one.service, one.name, prefix)]
    commands = [_acl_command(administrator, acl) for acl in entries]
    answer = await _sent(administrator, _CreateAcls(entries), commands)
    _check(answer.creation_responses, commands)


async def _sent(administrator: KafkaAccess, request: Any, commands: Sequence[str]) -> Any:
    client = AIOKafkaClient(**administrator.arguments(), request_timeout_ms=30_000)
    try:
        await client.bootstrap()
        controller = client.cluster.controller
        node = client.get_random_node() if controller is None else controller.nodeId
        return await client.send(node, request)
    except (IncompatibleBrokerVersion, NotImplementedError) as error:
        raise RightsRefused(f"the cluster does not know this request ({error})", commands) from error
    except (KafkaError, OSError) as error:
        raise Transient(f"kafka: {type(error).__name__}") from error
    finally:
        await client.close()


def _check(results: Iterable[tuple[int, str | None]], commands: Sequence[str]) -> None:
    for code, message in results:
        if code == SECURITY_DISABLED:
            raise NoAuthorizer("the cluster has no authorizer: it enforces no rights")
        if code != 0:
            raise RightsRefused(message or f"Kafka's error {code}", commands)


class _CreateAcls(Request[CreateAclsRequest_v1]):  # type: ignore[misc]  # aiokafka ships no types
    """A request with many entries, which aiokafka's own builder does not support."""

    API_KEY = CreateAclsRequest_v1.API_KEY

    def __init__(self, entries: Sequence[Acl]) -> None:
        self._entries = entries

    def build(self, request_struct_class: Any) -> Any:
        """Return the request in its wire format."""
        return request_struct_class(
            [
                (acl.resource, acl.name, acl.pattern, acl.principal, "*", acl.operation, ALLOW)
                for acl in self._entries
            ]
        )


class _AlterUsersResponse(Response):  # type: ignore[misc]  # aiokafka ships no types
    API_KEY = 51
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "results",
            CompactArray(
                ("user", CompactString("utf-8")),
                ("error_code", Int16),
                ("error_message", CompactString("utf-8")),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class _AlterUsersRequest(RequestStruct):  # type: ignore[misc]  # aiokafka ships no types
    """AlterUserScramCredentials, KIP-554."""

    FLEXIBLE_VERSION = True
    API_KEY = 51
    API_VERSION = 0
    RESPONSE_TYPE = _AlterUsersResponse
    SCHEMA = Schema(
        (
            "deletions",
            CompactArray(("name", CompactString("utf-8")), ("mechanism", Int8), ("tags", TaggedFields)),
        ),
        (
            "upsertions",
            CompactArray(
                ("name", CompactString("utf-8")),
                ("mechanism", Int8),
                ("iterations", Int32),
                ("salt", CompactBytes),
                ("salted_password", CompactBytes),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class _AlterUsers(Request[_AlterUsersRequest]):  # type: ignore[misc]  # aiokafka ships no types
    API_KEY = _AlterUsersRequest.API_KEY

    def __init__(self, people: Sequence[KafkaPrincipal], mechanism: str) -> None:
        self._people, self._mechanism = people, mechanism

    def build(self, request_struct_class: Any) -> Any:
        """Return the request in its wire format. It holds salted passwords rather than passwords."""
        number, algorithm = _MECHANISMS[self._mechanism]
        users: list[tuple[Any, ...]] = []
        for one in self._people:
            salt = secrets.token_bytes(32)
            salted = hashlib.pbkdf2_hmac(algorithm, (one.password or "").encode(), salt, ITERATIONS)
            users.append((one.name, number, ITERATIONS, salt, salted, {}))
        return request_struct_class([], users, {})


def _user_commands(
    administrator: KafkaAccess, people: Iterable[KafkaPrincipal], mechanism: str
) -> Iterator[str]:
    """Yield the equivalent commands for an operator; passwords stay in variables."""
    for one in people:
        password = f"${_variable(one.service, 'PASSWORD')}"
        yield (
            f"kafka-configs.sh --bootstrap-server {administrator.bootstrap} --command-config admin.properties"
            f" --alter --entity-type users --entity-name {one.name}"
            f' --add-config "{mechanism}=[password={password}]"'
        )


def _acl_command(administrator: KafkaAccess, acl: Acl) -> str:
    kind = "--topic" if acl.resource is Resource.TOPIC else "--group"
    pattern = " --resource-pattern-type prefixed" if acl.pattern is Pattern.PREFIXED else ""
    return (
        f"kafka-acls.sh --bootstrap-server {administrator.bootstrap} --command-config admin.properties"
        f" --add --allow-principal '{acl.principal}' --operation {acl.operation.name.capitalize()}"
        f" {kind} '{acl.name}'{pattern}"
    )


def _variable(service: str, what: str) -> str:
    return f"VITA_{service.upper()}_KAFKA_{what}"
