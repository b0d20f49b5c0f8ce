"""Old versions of events are read as the newest one; versions from the future are refused."""

from collections.abc import Mapping
from typing import Any

import pytest

from schemas.errors import InvalidEvent
from schemas.events import EVENT_TYPES, EmailChanged, event_adapter
from schemas.examples import load_example
from schemas.formats import exact_json
from schemas.sealing.keys import generate_subject_keys
from schemas.sealing.mapper import SealedEvent, open_event, parse_sealed, seal_event, seal_value
from schemas.upcasters import UPCASTERS, Upcaster, current_version, upcast

TYPE = "profile.email.changed"
KEYS = generate_subject_keys()


def from_v0(data: Mapping[str, Any]) -> dict[str, Any]:
    """A made-up version 0 called the address `mail` and took every address for verified."""
    rest = {name: value for name, value in data.items() if name != "mail"}
    return {**rest, "email": data["mail"], "email_verified": True}


def from_before(data: Mapping[str, Any]) -> dict[str, Any]:
    """A made-up version before that kept name and domain apart."""
    rest = {name: value for name, value in data.items() if name not in ("user", "domain")}
    return {**rest, "mail": f"{data['user']}@{data['domain']}"}


STEPS: Mapping[tuple[str, int], Upcaster] = {(TYPE, -1): from_before, (TYPE, 0): from_v0}


def on_the_log(version: Any, profile: Mapping[str, Any]) -> SealedEvent:
    """An event of that version as its writer would have left it, all but the connection sealed."""
    event = event_adapter.validate_python(load_example(f"{TYPE}.v1.json"))
    document = exact_json.loads(seal_event(event, KEYS).value)
    del document["data"]["sealed"]
    return parse_sealed(seal_value(document | {"dataversion": version}, {"profile": profile}, KEYS))


def test_an_old_event_is_read_as_the_newest() -> None:
    """A version 0 event goes through its step, sealed fields included."""
    event = open_event(on_the_log(0, {"mail": "ana@example.com"}), KEYS, STEPS)
    assert isinstance(event, EmailChanged)
    assert (event.dataversion, event.data.email, event.data.email_verified) == (1, "ana@example.com", True)


def test_steps_are_chained() -> None:
    """Two versions back takes two steps."""
    event = open_event(on_the_log(-1, {"user": "ana", "domain": "example.com"}), KEYS, STEPS)
    assert isinstance(event, EmailChanged)
    assert event.data.email == "ana@example.com"


def test_a_step_leaves_its_input_alone() -> None:
    """Steps return new data; what was read stays as it was read."""
    data = {"mail": "ana@example.com", "connection": "db"}
    version, newest = upcast(TYPE, 0, data, STEPS)
    assert version == 1
    assert newest is not data
    assert data == {"mail": "ana@example.com", "connection": "db"}


def test_the_newest_version_takes_no_step() -> None:
    """Events of today are read as they are."""
    data = {"any": "thing"}
    assert upcast(TYPE, 1, data, STEPS) == (1, data)


@pytest.mark.parametrize("version", [2, 99, 0, -7])
def test_versions_without_a_step_are_refused(version: int) -> None:
    """An event from the future, or one whose step is missing, is refused by name and version."""
    with pytest.raises(InvalidEvent) as caught:
        open_event(on_the_log(version, {"mail": "x"}), KEYS)
    assert (caught.value.reason, caught.value.detail) == ("unknown_version", f"{TYPE} version {version}")


@pytest.mark.parametrize("version", ["1", 1.0, True, None, [1]])
def test_a_version_is_an_integer(version: Any) -> None:
    """Nothing that only looks like a version counts as one."""
    with pytest.raises(InvalidEvent, match="dataversion must be an integer"):
        open_event(on_the_log(version, {"mail": "x"}), KEYS, STEPS)


def test_an_unknown_type_is_refused() -> None:
    """An unknown type has no newest version."""
    with pytest.raises(InvalidEvent, match="unknown_type"):
        current_version("profile.nobody.knows")


def test_every_past_version_has_its_step() -> None:
    """No version between the first and the newest is without a way up, and no step leads from nowhere."""
    wanted = {
        (event_type, version)
        for event_type in EVENT_TYPES
        for version in range(1, current_version(event_type))
    }
    assert UPCASTERS.keys() == wanted
