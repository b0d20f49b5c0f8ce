"""API clients as they are made, changed and shown."""

from typing import Any

import pytest

from projections.client.fold import ClientState
from services.commands.settings import decide_client as decide
from services.management.clients.models import CreateClient, UpdateClient
from services.management.clients.present import shown
from services.management.clients.routes import given_settings

LOGINS = ["authorization_code", "implicit", "refresh_token"]


def made(**body: Any) -> dict[str, Any]:
    return decide.new_settings(given_settings(CreateClient.model_validate({"name": "App", **body})))


@pytest.mark.parametrize(
    ("app_type", "grants", "method"),
    [
        (None, [*LOGINS, "client_credentials"], "client_secret_post"),
        ("regular_web", [*LOGINS, "client_credentials"], "client_secret_post"),
        ("native", LOGINS, "none"),
        ("spa", LOGINS, "none"),
        ("non_interactive", ["client_credentials"], "client_secret_post"),
        ("resource_server", [], "client_secret_post"),
    ],
)
def test_what_a_new_client_may_do(app_type: str | None, grants: list[str], method: str) -> None:
    """The grant types depend on the type of the client; public clients have no secret."""
    settings = made(**({} if app_type is None else {"app_type": app_type}))
    assert (settings["grant_types"], settings["token_endpoint_auth_method"]) == (grants, method)
    assert decide.has_secret(settings) is (method != "none")
    assert decide.may_ask_for_itself(settings) is ("client_credentials" in grants)


def test_given_values_replace_defaults() -> None:
    """The name is none of the settings."""
    settings = made(
        grant_types=["implicit"], token_endpoint_auth_method="client_secret_basic", sso_disabled=True
    )
    assert settings["grant_types"] == ["implicit"]
    assert settings["token_endpoint_auth_method"] == "client_secret_basic"
    assert (settings["sso_disabled"], settings["is_first_party"]) == (True, True)
    assert (settings["oidc_conformant"], settings["cross_origin_authentication"]) == (True, False)
    assert settings["custom_login_page_on"] is True
    assert settings["jwt_configuration"] == {
        "alg": "RS256", "lifetime_in_seconds": 36000, "secret_encoded": False,
    }  # fmt: skip
    assert "name" not in settings


def test_a_client_without_settings_asks_for_itself() -> None:
    """It was made for nothing else."""
    assert decide.may_ask_for_itself({})
    assert decide.has_secret({})


def changed(current: dict[str, Any], **body: Any) -> dict[str, Any]:
    return decide.changed_settings(current, given_settings(UpdateClient.model_validate(body)))


def test_a_change_replaces_what_it_names() -> None:
    """Metadata key by key; null removes one."""
    current = {"sso_disabled": False, "client_metadata": {"a": "1", "b": "2"}}
    assert changed(current, sso_disabled=True) == {**current, "sso_disabled": True}
    after = changed(current, client_metadata={"b": None, "c": "3"})
    assert after["client_metadata"] == {"a": "1", "c": "3"}
    assert changed({}, sso_disabled=True) == {"sso_disabled": True}
    assert changed({"client_metadata": {"a": "1"}}, client_metadata={"a": None}) == {"client_metadata": {}}


def test_credentials_get_ids() -> None:
    """Each that has none, wherever a client holds some; anything else is left as it is."""
    settings = {
        "signed_request_object": {
            "required": True,
            "credentials": [{"pem": "x"}, {"id": "old", "pem": "y"}, "z"],
        },
        "client_authentication_methods": {"private_key_jwt": {"credentials": [{"pem": "x"}]}, "other": None},
        "token_vault_privileged_access": {"credentials": "none"},
    }
    found = decide.with_credential_ids(settings, lambda: "new")
    assert found == {
        "signed_request_object": {
            "required": True,
            "credentials": [{"id": "new", "pem": "x"}, {"id": "old", "pem": "y"}, "z"],
        },
        "client_authentication_methods": {
            "private_key_jwt": {"credentials": [{"id": "new", "pem": "x"}]},
            "other": None,
        },
        "token_vault_privileged_access": {"credentials": "none"},
    }
    odd = {"client_authentication_methods": "none"}
    assert decide.with_credential_ids(odd, lambda: "new") == odd


def test_a_secret_is_shown_once() -> None:
    """The secret is shown only if it was just created."""
    client = ClientState(
        client_id="app",
        name="App",
        secret_hash=None,
        scopes=(),
        event_id="e",
        deleted=False,
        settings={"sso_disabled": True},
    )
    assert shown("demo", client) == {
        "tenant": "demo",
        "global": False,
        "is_token_endpoint_ip_header_trusted": False,
        "name": "App",
        "client_id": "app",
        "sso_disabled": True,
    }
    assert shown("demo", client, "s3")["client_secret"] == "s3"
