"""Flags before environment before the local stack; the stack's secrets stay with its addresses."""

from dataclasses import replace

import pytest

from deploy.local.services import Stack, remember_stack
from deploy.local.state import StateFolder
from services.cli import addresses
from services.cli.failure import CommandFailed
from services.runtime.kafka.access import KafkaAccess
from tests.support.fake_vita import FakeVita
from tests.unit.cli.conftest import Vita

_EMPTY = {"start": 0, "limit": 50, "length": 0, "total": 0, "users": []}


def test_the_local_stack_is_the_default(vita: Vita, local: Stack, fake: FakeVita) -> None:
    """Without options, commands use the checkout's stack and its client."""
    fake.answers("GET", "/api/v2/users", 200, _EMPTY)
    assert vita("users", "list").code == 0
    token = fake.requests("POST", "/oauth/token")[0].document
    assert (token["client_id"], token["audience"]) == ("c1", f"{fake.url}/api/v2/")
    assert fake.requests("GET", "/api/v2/users")[0].headers["authorization"] == "Bearer h.t.s"


def test_the_environment_goes_before_the_stack_and_flags_before_it(
    vita: Vita, fake: FakeVita, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A flag wins over its variable."""
    fake.answers("GET", "/api/v2/users", 200, _EMPTY)
    monkeypatch.setenv("VITA_MANAGEMENT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("VITA_TOKEN", "e.n.v")
    assert vita("users", "list").code == 1
    assert vita("users", "list", "--management-url", fake.url, "--token", "f.l.g").code == 0
    assert fake.requests("GET", "/api/v2/users")[0].headers["authorization"] == "Bearer f.l.g"


def test_a_client_in_the_environment_fetches_its_token(
    vita: Vita, fake: FakeVita, monkeypatch: pytest.MonkeyPatch
) -> None:
    """VITA_CLIENT_ID and VITA_CLIENT_SECRET will do instead of a token."""
    fake.answers("POST", "/oauth/token", 200, {"access_token": "n.e.w"})
    fake.answers("GET", "/api/v2/users", 200, _EMPTY)
    for name, value in (("MANAGEMENT_URL", fake.url + "/"), ("CLIENT_ID", "c2"), ("CLIENT_SECRET", "s2")):
        monkeypatch.setenv(f"VITA_{name}", value)
    assert vita("users", "list").code == 0
    assert fake.requests("POST", "/oauth/token")[0].document["client_id"] == "c2"


def test_the_stacks_secret_is_not_sent_to_another_address(vita: Vita, local: Stack) -> None:
    """Another Management API gets no token and no secret of the local stack."""
    with FakeVita() as other:
        ran = vita("users", "list", "--management-url", other.url)
        assert ran.code == 1
        assert "VITA_TOKEN" in ran.err
        assert other.asked == []


def test_the_stacks_token_is_not_sent_to_another_ingest(vita: Vita, local: Stack) -> None:
    """Another ingest gets no token of the local stack."""
    with FakeVita() as other:
        assert vita("logins", "send", "-", "--ingest-url", other.url, stdin="{}").code == 1
        assert other.asked == []


def test_a_database_given_needs_its_own_key(local: Stack) -> None:
    """The local stack's key-encryption key is never used for another database."""
    with pytest.raises(CommandFailed, match="VITA_KEY_PROVIDER"):
        _ = addresses.ledger("postgresql://elsewhere/vita").key_provider
    assert addresses.ledger("postgresql://elsewhere/vita", "env:KEK").key_provider == "env:KEK"
    assert addresses.ledger(None).key_provider == local.key_provider


def test_the_stacks_topic_prefix_goes_with_its_broker(local: Stack) -> None:
    """Commands find the topics of the stack as it was started; another broker has its own names."""
    state = StateFolder(local.state_dir)
    with state.lock():
        remember_stack(replace(local, topic_prefix="mine."), state)
    assert addresses.topic_prefix(None, local.kafka("operator")) == "mine."
    assert addresses.topic_prefix("", local.kafka("operator")) == ""
    assert addresses.topic_prefix(None, KafkaAccess("elsewhere:9092")) == ""


def test_a_rejected_client_has_its_own_message(vita: Vita, local: Stack, fake: FakeVita) -> None:
    """A wrong secret names the client and the way out, not the secret."""
    fake._answers.clear()
    fake.answers(
        "POST", "/oauth/token", 401, {"error": "invalid_client", "error_description": "Unauthorized"}
    )
    ran = vita("users", "list")
    assert ran.code == 1
    assert "c1" in ran.err
    assert "Unauthorized" in ran.err
    assert "s'1" not in ran.err
