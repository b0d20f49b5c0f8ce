"""The compose file agrees with the local servers."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.local.compose import COMPOSE_FILE
from deploy.local.servers import kafka
from deploy.local.services import SERVICES
from services.runtime.operations import READY
from tests.support.containers import KAFKA_IMAGE, POSTGRES_IMAGE
from tests.support.repository import ROOT

COMPOSE: dict[str, Any] = yaml.safe_load(COMPOSE_FILE.read_text())["services"]


def test_the_images_are_those_of_the_tests() -> None:
    """`make up` and the tests use equal versions of the containers."""
    assert (COMPOSE["kafka"]["image"], COMPOSE["postgres"]["image"]) == (KAFKA_IMAGE, POSTGRES_IMAGE)


def test_the_broker_container_has_the_same_settings() -> None:
    """What holds for the own process holds for the container: limits, no accidental topics, one node."""
    said = COMPOSE["kafka"]["environment"]
    assert said["KAFKA_SUPER_USERS"] == kafka.COMMON["super.users"]
    assert "PLAINTEXT" not in said["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].replace("SASL_PLAINTEXT", "")
    names = (
        "authorizer.class.name",
        "allow.everyone.if.no.acl.found",
        "message.max.bytes",
        "auto.create.topics.enable",
        "offsets.topic.replication.factor",
        "node.id",
    )
    for name in names:
        assert said[f"KAFKA_{name.upper().replace('.', '_')}"] == kafka.COMMON[name]


def test_nothing_is_open_to_the_network() -> None:
    """Every published port is bound to the loopback address."""
    published = [port for part in COMPOSE.values() for port in part.get("ports", [])]
    assert len(published) == 4
    assert all(port.startswith("127.0.0.1:") for port in published)


@pytest.mark.parametrize("service", SERVICES)
def test_each_service_has_its_own_role(service: str) -> None:
    """No service connects with another's role."""
    part = COMPOSE[service]
    assert part["command"] == [f"services.{service}"]
    assert f"//vita_{service}:" in part["environment"]["VITA_DATABASE_URL"]


@pytest.mark.parametrize("service", SERVICES)
def test_each_service_has_its_own_principal_on_kafka(service: str) -> None:
    """No service connects to Kafka with another's credentials, and all are created with those they use."""
    given = COMPOSE[service]["environment"]
    assert given["VITA_KAFKA_USERNAME"] == f"vita-{service}"
    variable = f"VITA_{service.upper()}_KAFKA_PASSWORD"
    assert given["VITA_KAFKA_PASSWORD"] == f"${{{variable}:-}}" == COMPOSE["prepare"]["environment"][variable]
    mechanism = COMPOSE["prepare"]["environment"]["VITA_KAFKA_SERVICES_MECHANISM"]
    assert given["VITA_KAFKA_SASL_MECHANISM"] == mechanism == kafka.MECHANISM


def test_the_image_holds_every_package() -> None:
    """What the services import is copied into the image."""
    dockerfile = Path(COMPOSE_FILE.parent / "Dockerfile").read_text()
    for package in ("schemas", "projections", "services", "deploy"):
        assert f"COPY {package} {package}\n" in dockerfile


@pytest.mark.parametrize("service", SERVICES)
def test_each_service_says_whether_it_is_ready(service: str) -> None:
    """The probe of a container asks for readiness at the port that the service has, with the interpreter of
    the image."""
    interpreter, _, code = COMPOSE[service]["healthcheck"]["test"][1:]
    assert interpreter in (ROOT / "deploy" / "Dockerfile").read_text()
    port = COMPOSE[service]["environment"]["VITA_METRICS_PORT"]
    assert f"http://127.0.0.1:{port}{READY}" in code
