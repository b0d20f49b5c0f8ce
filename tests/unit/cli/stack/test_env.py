"""`vita env` for shells."""

import json
import os
import subprocess
from dataclasses import replace

import pytest

from deploy.local.services import Stack, remember_stack
from deploy.local.state import StateFolder
from services.cli import addresses
from services.cli.stack.env import forget_exports
from services.runtime.kafka.access import KafkaAccess, SaslCredentials
from tests.unit.cli.conftest import Vita

_NAMES = ("MANAGEMENT_URL", "INGEST_URL", "TENANT", "CLIENT_ID", "CLIENT_SECRET", "TOKEN", "KAFKA_BOOTSTRAP")


def test_a_shell_reads_the_exports(vita: Vita, local: Stack) -> None:
    """Every variable arrives in a shell exactly, quotes in secrets included."""
    ran = vita("env")
    assert ran.code == 0
    assert all(line.startswith("export VITA_") for line in ran.out.splitlines())
    script = ran.out + "\n".join(f'printf "%s\\n" "$VITA_{name}"' for name in _NAMES)
    shown = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=True, env={})
    assert shown.stdout.splitlines() == [
        local.management_url, local.ingest_url, "demo", "c1", "s'1", "h.t.s", local.kafka_bootstrap,
    ]  # fmt: skip


def test_json_holds_the_same_variables(vita: Vita, local: Stack) -> None:
    """Programs get pure JSON."""
    assert json.loads(vita("env", "--json").out)["VITA_TENANT"] == "demo"


def test_a_gateway_gets_its_own_credentials(
    vita: Vita, local: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scripts get the gateway's name and password on Kafka and no other principal's; commands go on as the
    operator, and the next start makes up its own."""
    broker = KafkaAccess(local.kafka_bootstrap, "SASL_PLAINTEXT", SaslCredentials("SCRAM-SHA-512", "", ""))
    access = {
        name: broker.as_user(f"vita-{name}", f"of-{name}").environment() for name in ("gateway", "operator")
    }
    state = StateFolder(local.state_dir)
    with state.lock():
        remember_stack(replace(local, kafka_access=access), state)
    shown = json.loads(vita("env", "--json").out)
    assert shown["VITA_GATEWAY_KAFKA_USERNAME"] == "vita-gateway"
    assert shown["VITA_GATEWAY_KAFKA_PASSWORD"] == "of-gateway"
    assert "of-operator" not in str(shown)
    for name, value in shown.items():
        monkeypatch.setenv(name, value)
    assert addresses.kafka(os.environ["VITA_KAFKA_BOOTSTRAP"]).sasl.username == "vita-operator"
    assert addresses.kafka(None).sasl.username == "vita-operator"
    assert addresses.kafka("elsewhere:9092") == KafkaAccess("elsewhere:9092")
    forget_exports()
    assert "VITA_GATEWAY_KAFKA_PASSWORD" not in os.environ


def test_without_a_stack_nothing_is_exported(vita: Vita) -> None:
    """`eval "$(vita env)"` of nothing runs nothing."""
    ran = vita("env")
    assert (ran.code, ran.out) == (1, "")
    assert "vita up" in ran.err


def test_an_exported_address_is_not_taken_for_a_wish(
    vita: Vita, local: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After `eval "$(vita env)"`, `vita up` starts the stack's own broker again instead of waiting for it."""
    for name, value in json.loads(vita("env", "--json").out).items():
        monkeypatch.setenv(name, value)
    forget_exports()
    assert "VITA_KAFKA_BOOTSTRAP" not in os.environ


def test_an_address_of_the_operators_stays_one(
    vita: Vita, local: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broker that the operator named is used again, also after `vita env`."""
    state = StateFolder(local.state_dir)
    with state.lock():
        state.update(routes={"kafka": "environment"})
    for name, value in json.loads(vita("env", "--json").out).items():
        monkeypatch.setenv(name, value)
    forget_exports()
    assert os.environ["VITA_KAFKA_BOOTSTRAP"] == local.kafka_bootstrap
