"""Connections decided: what a new one shows, what a change replaces and what comes back."""

from typing import Any

from services.commands.decision import UNCHANGED
from services.commands.execute import conditional
from services.commands.settings.decide_connection import (
    decide_change,
    decide_clients,
    decide_new,
    decide_removal,
)
from services.commands.users.sources import is_disabled
from services.ledger.reservations import Reservation
from services.management.connections.models import CreateConnection, UpdateConnection
from services.management.connections.routes import change_of, new_connection_of
from tests.samples.stored_documents import make_connection

ALWAYS = {"authentication_methods", "passkey_options", "brute_force_protection"}


def new(**body: Any) -> Any:
    given = CreateConnection.model_validate({"name": "db", "strategy": "auth0", **body})
    accepted = decide_new(new_connection_of(given), "con_1")
    assert accepted.reservations == (Reservation("db", "connection", "db"),)
    return accepted.drafts[0].data


def change(current: Any, **body: Any) -> Any:
    accepted = decide_change(current, change_of(UpdateConnection.model_validate(body)))
    return None if accepted == UNCHANGED else accepted.drafts[0].data


def test_a_new_database_connection_has_the_recorded_defaults() -> None:
    """Options are added in the recorded order around what was given; other strategies get none."""
    data = new(options={"requires_username": True})
    assert list(data.settings["options"]) == [
        "mfa", "passwordPolicy", "strategy_version", "requires_username",
        "authentication_methods", "passkey_options", "brute_force_protection",
    ]  # fmt: skip
    assert data.settings["options"]["passwordPolicy"] == "good"
    assert data.settings["authentication"] == {"active": True}
    assert new(strategy="samlp", options={"a": 1}).settings["options"] == {"a": 1}


def test_flexible_password_options_replace_the_policy() -> None:
    """With password_options there is no passwordPolicy, and passwords have 15 characters or more."""
    options = new(options={"password_options": {}}).settings["options"]
    assert "passwordPolicy" not in options
    assert options["password_options"]["complexity"] == {"min_length": 15}


def test_options_are_replaced_but_for_those_that_come_back() -> None:
    """mfa and passwordPolicy go with the old options; three come back by default."""
    current = make_connection(options={"mfa": {"active": True}, "passwordPolicy": "good", "x": 1})
    data = change(current, options={"y": 2})
    assert set(data.settings["options"]) == {"y"} | ALWAYS
    assert (data.connection_id, data.connection, data.strategy) == (current.id, current.name, "auth0")
    saml = make_connection("samlp", options={"x": 1})
    assert change(saml, options={"y": 2}).settings["options"] == {"y": 2}


def test_other_settings_stay_unless_named() -> None:
    """A change carries the whole configuration."""
    current = make_connection("samlp", options={"x": 1}, realms=["r"], display_name="D")
    data = change(current, display_name="E")
    assert data.settings == {"options": {"x": 1}, "realms": ["r"], "display_name": "E"}
    assert change(current, display_name="D") is None


def test_a_connection_for_no_application_is_disabled() -> None:
    """An empty list given on purpose disables; naming an application enables; saying nothing does neither."""
    disabled = new(enabled_clients=[])
    assert is_disabled(make_connection(**disabled.settings))
    enabled = change(make_connection(**disabled.settings), enabled_clients=["app"])
    assert not is_disabled(make_connection(**enabled.settings))
    assert not is_disabled(make_connection(**new().settings))
    assert not is_disabled(make_connection(enabled_clients=[]))


def test_removal_keeps_no_settings() -> None:
    """What the options held is not carried into the last event."""
    (draft,) = conditional(decide_removal(make_connection(options={"client_secret": "s"})).drafts, 3)
    data = draft.data
    assert (data.deleted, data.settings, data.expected_revision) == (True, {}, 3)


def clients(current: Any, *statuses: tuple[str, bool]) -> Any:
    accepted = decide_clients(current, statuses)
    return None if accepted == UNCHANGED else conditional(accepted.drafts, 3)[0].data


def test_clients_are_enabled_and_disabled_one_by_one() -> None:
    """Others stay; what is so already is no event; without any client the connection is not active."""
    current = make_connection("samlp", enabled_clients=["a", "b"], authentication={"active": True, "x": 1})
    data = clients(current, ("c", True), ("a", False))
    assert (data.settings["enabled_clients"], data.expected_revision) == (["b", "c"], 3)
    assert data.settings["authentication"] == {"active": True, "x": 1}
    assert clients(current, ("a", True), ("d", False)) is None
    none = clients(current, ("a", False), ("b", False))
    assert (none.settings["enabled_clients"], none.settings["authentication"]) == (
        [], {"active": False, "x": 1},
    )  # fmt: skip
    assert clients(make_connection("samlp"), ("a", False)) is None


def test_activity_that_is_named_is_not_derived() -> None:
    """From the applications that may use the connection."""
    data = change(make_connection("samlp"), enabled_clients=[], authentication={"active": True})
    assert data.settings["authentication"] == {"active": True}
    assert change(make_connection("samlp", authentication="odd"), enabled_clients=["a"]).settings[
        "authentication"
    ] == {"active": True}


def test_a_new_enterprise_connection_is_named() -> None:
    """And has no button; no other connection has either."""
    saml = new(strategy="samlp").settings
    assert (saml["display_name"], saml["show_as_button"]) == ("db", False)
    assert (saml["authentication"], saml["connected_accounts"]) == ({"active": True}, {"active": False})
    assert "display_name" not in new().settings
    complexity = new(options={"password_options": {"complexity": {"min_length": 8}}}).settings["options"]
    assert complexity["password_options"]["complexity"] == {"min_length": 8}
    assert complexity["brute_force_protection"] is True
    given = new(options={"brute_force_protection": False}).settings["options"]
    assert given["brute_force_protection"] is False
    assert given["passkey_options"] == {
        "challenge_ui": "both", "progressive_enrollment_enabled": True, "local_enrollment_enabled": True,
    }  # fmt: skip
