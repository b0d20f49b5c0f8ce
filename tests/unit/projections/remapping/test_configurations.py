"""The settings of connections over time, folded from a tenant's events."""

from datetime import UTC, datetime, timedelta
from typing import Any

from projections.logged import Logged
from projections.normalization.defaults import Pictures
from projections.remapping.configurations import Configurations
from schemas.events import (
    ConnectionConfigured,
    ConnectionConfiguredData,
    SettingData,
    TenantConfigured,
    UserAttributeProfileConfigured,
)
from schemas.formats.identifiers import tenant_subject
from schemas.formats.positions import Position
from tests.samples.profile_events import event

START = datetime(2026, 11, 23, 10, tzinfo=UTC)


def at(minutes: int) -> datetime:
    return START + timedelta(minutes=minutes)


def folded(*steps: tuple[int, Any]) -> Configurations:
    """Events that the broker stored so many minutes after the start."""
    found = Configurations("https://vita.example.com/")
    for offset, (minute, one) in enumerate(steps):
        found.take(Logged(one, Position(0, offset), at(minute)))
    return found


def connection(name: str, *, deleted: bool = False, identity: str = "", **options: Any) -> Any:
    data = ConnectionConfiguredData(
        connection_id=identity or f"con_{name}",
        connection=name,
        strategy="samlp",
        deleted=deleted,
        settings={"options": options},
    )
    return event(ConnectionConfigured, data, subject=tenant_subject("demo"))


def setting(model: type[Any], identity: str, **settings: Any) -> Any:
    return event(
        model, SettingData(setting_id=identity, name=None, settings=settings), subject=tenant_subject("demo")
    )


def test_settings_are_those_of_a_time() -> None:
    """What was recorded last by then; now, the last of all; before all, the strategy without options."""
    found = folded((1, connection("corp", a=1)), (5, connection("corp", a=2)))
    options = [found.of("corp", "samlp", at(minute)).connection.options for minute in (0, 1, 4, 5)]
    assert options == [{}, {"a": 1}, {"a": 1}, {"a": 2}]
    assert found.of("corp", "samlp").connection.options == {"a": 2}
    assert found.of("other", "github").connection.strategy == "github"


def test_changes_replace_options_and_take_them_away() -> None:
    """Other options stay; null removes one; the recorded options are left alone."""
    found = folded((1, connection("corp", a=1, b=2)))
    changed = found.of("corp", "samlp", changes={"a": 3, "b": None, "c": 4})
    assert changed.connection.options == {"a": 3, "c": 4}
    assert found.of("corp", "samlp").connection.options == {"a": 1, "b": 2}


def test_an_attribute_profile_counts_from_its_time_on() -> None:
    """The profile that the options name is merged in as it was then; a deleted one is not."""
    entry = {"label": "Name", "auth0_mapping": "name", "saml_mapping": ["full"]}
    profile = setting(UserAttributeProfileConfigured, "uap_1", user_attributes={"name": entry})
    gone = profile.model_copy(
        update={
            "id": "0190a1b2-c3d4-7e5f-8a9b-ffffffffffff",
            "data": profile.data.model_copy(update={"deleted": True}),
        }
    )
    named = connection("corp", user_attribute_profile_id="uap_1")
    found = folded((1, named), (2, profile), (3, gone))
    maps = [found.of("corp", "samlp", at(minute)).connection.options.get("fieldsMap") for minute in (1, 2, 3)]
    assert maps == [None, {"name": ["full"]}, None]


def test_default_pictures_are_the_tenants() -> None:
    """The choice of the time, with the URL of Vita."""
    found = folded((2, setting(TenantConfigured, "settings", default_picture="initials")))
    assert found.of("c", "oidc", at(1)).pictures.choice == "gravatar"
    assert found.of("c", "oidc").pictures == Pictures("initials", "https://vita.example.com/")


def test_an_existing_connection_is_preferred_to_a_deleted_one() -> None:
    """A name may have been used before; only existing connections are listed."""
    found = folded(
        (1, connection("corp", identity="con_1", old=True)),
        (2, connection("corp", identity="con_1", deleted=True, old=True)),
        (3, connection("corp", identity="con_2", new=True)),
        (4, connection("gone", identity="con_3")),
        (5, connection("gone", identity="con_3", deleted=True)),
    )
    assert found.of("corp", "samlp").connection.options == {"new": True}
    assert found.names() == ["corp"]
