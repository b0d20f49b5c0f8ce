"""What a batch does to reservations of unique values (design D6)."""

from typing import Any

import pytest

from projections.batch.effects import Effects
from projections.batch.fold import fold_batch
from projections.batch.reservations import Reservations
from projections.batch.views import Views
from projections.profile.view import PROFILE
from schemas.events import (
    AttributesChanged,
    AttributesChangedData,
    ClientConfigured,
    ClientConfiguredData,
    RoleDefined,
    SettingData,
    UserBlocked,
    UserDeleted,
)
from schemas.formats.identifiers import tenant_subject
from schemas.reservation import PERSONAL
from tests.samples.profile_events import (
    SUBJECT,
    address,
    creation,
    edit,
    event,
    flag,
    login,
    metadata,
    on_the_log,
)

ME = ("demo", SUBJECT)


def reservations_of(*events: Any) -> Reservations:
    effects = Effects()
    fold_batch(Views(), on_the_log(events), effects)
    return effects.reservations


def username(name: str) -> Any:
    data = AttributesChangedData(changed=("username",), values={"username": name}, connection="users")
    return event(AttributesChanged, data)


def test_a_creation_keeps_its_reservations_and_no_others() -> None:
    """Its own are confirmed; whatever else the person held in the connection is given up."""
    made = creation()
    found = reservations_of(made)
    assert (found.confirmed, found.dropped) == ([made.id], [])
    assert found.released == {(ME, kind, "users"): made.id for kind in PERSONAL}


def test_of_several_changes_the_last_keeps_its_reservation() -> None:
    """In one batch as in several: per kind only the last event's reservation stays."""
    made, first, last, named = creation(), address("a@x.com"), address("b@x.com"), username("joe")
    found = reservations_of(made, first, last, named)
    assert found.confirmed == [made.id, first.id, last.id, named.id]
    assert found.released == {
        (ME, "email", "users"): last.id,
        (ME, "username", "users"): named.id,
        (ME, "phone_number", "users"): made.id,
        (ME, "user_id", "users"): made.id,
    }


def test_a_deletion_gives_everything_up() -> None:
    """No reservation outlives the person."""
    gone = flag(UserDeleted)
    assert reservations_of(creation(), gone).released == {(ME, kind, "users"): gone.id for kind in PERSONAL}


@pytest.mark.parametrize("refused", [creation(), address("a@x.com"), username("joe")])
def test_what_the_fold_refuses_is_dropped(refused: Any) -> None:
    """A second creation, and changes of a deleted user, leave no reservation."""
    start = [creation()] if refused.type == "profile.user.created" else [creation(), flag(UserDeleted)]
    found = reservations_of(*start, refused)
    assert found.dropped == [refused.id]
    assert refused.id not in found.confirmed


def test_a_duplicate_settles_nothing_twice() -> None:
    """An event seen again neither drops nor confirms."""
    made = creation()
    found = reservations_of(made, made)
    assert (found.confirmed, found.dropped) == ([made.id], [])


def test_a_login_touches_no_reservations() -> None:
    """Logins reserve nothing."""
    assert reservations_of(login(), login()) == Reservations()


@pytest.mark.parametrize("other", [metadata(user_metadata={}), flag(UserBlocked), edit(name="x")])
def test_other_commands_touch_no_unique_values(other: Any) -> None:
    """Metadata, flags and names are not unique: nothing is given up. The event itself may be reserved by the
    request that made it, which is confirmed."""
    assert reservations_of(login(), other) == Reservations(confirmed=[other.id])


@pytest.mark.parametrize(
    "made",
    [
        event(RoleDefined, SettingData(setting_id="r1", name="a"), subject=tenant_subject("demo")),
        event(ClientConfigured, ClientConfiguredData(client_id="c1"), subject=tenant_subject("demo")),
    ],
)
def test_a_repeated_configuration_keeps_its_reservation(made: Any) -> None:
    """A record that is on the log twice is a duplicate, not a refused command."""
    found = reservations_of(made, made)
    assert (found.confirmed, found.dropped) == ([made.id], [])


def test_nothing_follows_outside_of_the_views_without_effects_or_from_a_replay() -> None:
    """A rebuild has no effects; neither has an event that an earlier generation had."""
    made = creation()
    (logged,) = on_the_log([made])
    effects = Effects()
    folded = fold_batch(Views(), [logged._replace(replayed=True)], effects)
    assert folded.changes(PROFILE).keys() == fold_batch(Views(), [logged]).changes(PROFILE).keys() == {ME}
    assert effects == Effects()


def test_a_command_that_comes_to_nothing_is_dropped() -> None:
    """A change of a deleted user leaves no reservation for its request."""
    late = flag(UserBlocked)
    assert reservations_of(creation(), flag(UserDeleted), late).dropped == [late.id]
