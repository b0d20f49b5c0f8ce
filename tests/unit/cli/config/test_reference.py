"""`vita config`: the reference of variables is what the services read."""

import json

import pytest

from services.cli.config import reference
from tests.support.repository import ROOT
from tests.unit.cli.conftest import Vita

README = ROOT / "deploy" / "README.md"


def test_every_setting_of_every_service_has_one_meaning() -> None:
    """Each field of each settings model is there once, with a description that all services share."""
    known = {one.name: one for one in reference.variables()}
    for service, model in reference.SERVICES.items():
        for name, field in model.model_fields.items():
            variable = known[f"VITA_{name.upper()}"]
            assert service in variable.services
            assert field.description, f"{service}: {name} has no description"
            assert variable.meaning == field.description, f"{service}: {name} is described in two ways"


def test_the_readme_shows_the_reference(vita: Vita) -> None:
    """deploy/README.md holds the table that the command prints."""
    table = vita("config", "--markdown").out.strip()
    assert table in README.read_text(), (
        "replace the table of variables in deploy/README.md by the output of `vita config --markdown`"
    )


def test_values_are_shown_and_secrets_masked(vita: Vita, monkeypatch: pytest.MonkeyPatch) -> None:
    """What this shell sets is shown, but for secrets; what is empty is not set, as for the services."""
    secret = "postgresql://u:hunter2@h/d"
    for name, value in {
        "DATABASE_URL": secret, "KAFKA_PASSWORD": "hunter2", "KAFKA_OAUTH_CLIENT_SECRET": "hunter2",
        "TOPIC_PREFIX": "acme.", "KAFKA_USERNAME": "",
    }.items():  # fmt: skip
        monkeypatch.setenv(f"VITA_{name}", value)
    table, document = vita("config"), vita("config", "--json")
    assert (table.code, document.code) == (0, 0)
    assert "hunter2" not in table.out + document.out
    found = {one["name"]: one for one in json.loads(document.out)}
    shown = {name: one["value"] for name, one in found.items() if one["value"] is not None}
    assert shown == {
        "VITA_DATABASE_URL": "*****", "VITA_KAFKA_PASSWORD": "*****",
        "VITA_KAFKA_OAUTH_CLIENT_SECRET": "*****", "VITA_TOPIC_PREFIX": "acme.",
    }  # fmt: skip
    assert found["VITA_HTTP_PORT"]["defaults"] == {"ingest": "8081", "management": "8080"}
    assert vita("config", "--json", "--markdown").code == 2
