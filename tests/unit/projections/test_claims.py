"""What a batch does to uniqueness claims (design D6)."""

from typing import Any

import pytest

from schemas.events import AttributesChanged, AttributesChangedData, UserBlocked, UserDeleted
from services.projector.batch import PERSONAL, Claims, Views, fold_batch
from tests.facts import SUBJECT, address, creation, edit, event, flag, login, metadata, on_the_log

ME = ("demo", SUBJECT)


def claims_of(*events: Any) -> Claims:
    return fold_batch(Views(), on_the_log(events)).claims


def username(name: str) -> Any:
    data = AttributesChangedData(changed=("username",), values={"username": name}, connection="users")
    return event(AttributesChanged, data)


def test_a_creation_keeps_its_claims_and_no_others() -> None:
    """Its own are confirmed; whatever else the person held in the connection is given up."""
    made = creation()
    found = claims_of(made)
    assert (found.confirmed, found.dropped) == ([made.id], [])
    assert found.released == {(ME, kind, "users"): made.id for kind in PERSONAL}


def test_of_several_changes_the_last_keeps_its_claim() -> None:
    """In one batch as in several: per kind only the last event's claim stays."""
    made, first, last, named = creation(), address("a@x.com"), address("b@x.com"), username("joe")
    found = claims_of(made, first, last, named)
    assert found.confirmed == [made.id, first.id, last.id, named.id]
    assert found.released == {
        (ME, "email", "users"): last.id,
        (ME, "username", "users"): named.id,
        (ME, "phone_number", "users"): made.id,
        (ME, "user_id", "users"): made.id,
    }


def test_a_deletion_gives_everything_up() -> None:
    """No claim outlives the person."""
    gone = flag(UserDeleted)
    assert claims_of(creation(), gone).released == {(ME, kind, "users"): gone.id for kind in PERSONAL}


@pytest.mark.parametrize("refused", [creation(), address("a@x.com"), username("joe")])
def test_what_the_fold_refuses_is_dropped(refused: Any) -> None:
    """A second creation, and changes of somebody who is gone, leave no claim behind."""
    start = [creation()] if refused.type == "profile.user.created" else [creation(), flag(UserDeleted)]
    found = claims_of(*start, refused)
    assert found.dropped == [refused.id]
    assert refused.id not in found.confirmed


def test_a_duplicate_settles_nothing_twice() -> None:
    """An event seen again neither drops nor confirms."""
    made = creation()
    found = claims_of(made, made)
    assert (found.confirmed, found.dropped) == ([made.id], [])


def test_a_login_touches_no_claims() -> None:
    """Logins claim nothing."""
    assert claims_of(login(), login()) == Claims()


@pytest.mark.parametrize("other", [metadata(user_metadata={}), flag(UserBlocked), edit(name="x")])
def test_other_commands_touch_no_unique_values(other: Any) -> None:
    """Metadata, flags and names are not unique: nothing is given up. The event itself may be claimed by the
    request that made it, which is confirmed."""
    assert claims_of(login(), other) == Claims(confirmed=[other.id])


def test_a_command_that_comes_to_nothing_is_dropped() -> None:
    """A change of somebody who is gone leaves no claim of its request behind."""
    late = flag(UserBlocked)
    assert claims_of(creation(), flag(UserDeleted), late).dropped == [late.id]
