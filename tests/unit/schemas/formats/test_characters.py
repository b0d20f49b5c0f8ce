"""Characters that command a terminal or turn what follows: refused in identifiers, escaped on output."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from projections.normalization import ConnectionSettings, UnmappableLogin, normalize
from schemas.errors import InvalidEvent
from schemas.formats import exact_json
from schemas.formats.characters import escaped, is_safe
from schemas.logins.raw_login import parse_raw_login
from services.cli.output import print_json, safe
from services.management.clients.models import CreateClient, UpdateClient
from services.management.connections.models import CreateConnection, UpdateConnection
from services.management.organizations.models import CreateOrganization, UpdateOrganization
from services.management.resource_servers.models import CreateApi, UpdateApi
from services.management.roles.models import CreateRole, UpdateRole
from services.management.sessions.models import CreateDeviceCredential
from services.management.tenants.models import UpdateTenantSettings
from services.management.users.models import CreateUser
from tests.samples.raw_logins import make_data, make_event

UNSAFE = ["\x07", "\x1b[2J", "\x7f", "\x9b2J", "\u2028", "\u202e", "\u2066", "\u200f", "\ufeff"]
KEY = {"type": "public_key", "value": "key"}
NAMES = [
    "Jane O’Brien",
    "علی\u200cرضا",
    "👩\u200d👩\u200d👧",
    "प्रज्\u200dञा",
    "名\u3000前",
    "Jan\u00e9\u00a0B",
]


@given(st.text())
def test_escaped_text_is_safe(text: str) -> None:
    """Escaping leaves nothing unsafe, and a safe text as it is."""
    assert is_safe(escaped(text))
    assert (escaped(text) == text) == is_safe(text)


@pytest.mark.parametrize("name", NAMES)
def test_names_keep_what_writing_needs(name: str) -> None:
    """Joiners, blanks and scripts of any kind are shown as they are."""
    assert safe(name) == name


@pytest.mark.parametrize("character", UNSAFE)
def test_names_in_settings_are_refused(character: str) -> None:
    """Names of roles, organizations, clients, connections, APIs, tenants and devices hold none; others stay
    as they are."""
    bodies: list[tuple[type[BaseModel], dict[str, Any], str]] = [
        (CreateRole, {}, "name"),
        (UpdateRole, {}, "name"),
        (CreateOrganization, {"name": "acme"}, "display_name"),
        (UpdateOrganization, {}, "display_name"),
        (CreateClient, {}, "name"),
        (UpdateClient, {}, "name"),
        (CreateConnection, {"name": "corp", "strategy": "oidc"}, "display_name"),
        (UpdateConnection, {}, "display_name"),
        (CreateApi, {"identifier": "https://api"}, "name"),
        (CreateApi, {"name": "API"}, "identifier"),
        (UpdateApi, {}, "name"),
        (UpdateTenantSettings, {}, "friendly_name"),
        (CreateDeviceCredential, {**KEY, "device_id": "d"}, "device_name"),
        (CreateDeviceCredential, {**KEY, "device_name": "d"}, "device_id"),
    ]
    for model, body, name in bodies:
        for text in NAMES:
            assert getattr(model.model_validate({**body, name: text}), name) == text
        with pytest.raises(ValidationError, match="bidirectional"):
            model.model_validate({**body, name: f"a{character}b"})


@pytest.mark.parametrize("character", UNSAFE)
def test_texts_of_logins_cost_no_login(character: str) -> None:
    """Audience, scope, organization, device and user agent keep their places without such characters."""
    text = f"a{character}b"
    data = make_data(
        audience=text,
        scope=f"openid {text}",
        organization_id=text,
        user_agent=text,
        session_id="s",
        session={"methods": [{"name": text, "type": text}]},
        refresh_token={"id": "r", "resource_servers": [{"audience": text, "scopes": text}]},
    )
    login = parse_raw_login(exact_json.dumps(make_event(data=data))).data
    shown = [login.audience, login.scope, login.organization_id, login.user_agent]
    assert login.session is not None
    assert login.session.methods is not None
    assert login.refresh_token is not None
    shown += [login.session.methods[0].name, login.refresh_token.resource_servers[0].audience]
    for one in shown:
        assert one is not None
        assert is_safe(one)
        assert one.replace("openid ", "").startswith("a")


@pytest.mark.parametrize("character", UNSAFE)
def test_identifiers_are_refused(character: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Ids of logins, sessions, identities and users hold none; the command line prints none."""
    text = f"a{character}b"
    faulty: list[Any] = [
        make_event(id=text),
        make_event(source=text),
        make_event(data=make_data(session_id=text)),
    ]
    for event in faulty:
        with pytest.raises(InvalidEvent):
            parse_raw_login(exact_json.dumps(event))
    with pytest.raises(UnmappableLogin):
        normalize(ConnectionSettings("github", "github", {}), {"id": text})
    for name in ("user_id", "username"):
        with pytest.raises(ValidationError):
            CreateUser.model_validate({"connection": "db", name: text})
    print_json({"name": text})
    printed = capsys.readouterr().out
    assert all(map(is_safe, printed.splitlines()))
    assert json.loads(printed) == {"name": text}
