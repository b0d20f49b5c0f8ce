"""Restoring decided: who can be restored, in which order, and which values are needed again."""

from datetime import timedelta
from typing import Any

import pytest

from projections.connection.fold import ConnectionState
from projections.profile.state import NO_PROFILE, Profile
from schemas.events import IdentityLinked, IdentityLinkedData, UserDeleted, UserDeletedData, UserUndeleted
from services.commands.links.decide import Participant, Steps
from services.commands.undo import decide_restore as decide
from services.commands.user_rejections import NO_SUCH_USER
from services.ledger.reservations import Reservation
from services.runtime.rejection import Rejection
from tests.samples.profile_events import SUBJECT, at, creation, event, login, person

OTHER = f"sub_{2:032x}"
DELETION = "0190a1b2-c3d4-7e5f-8a9b-0000000000d1"
GRACE = decide.GracePeriod(30, at(60))


def connection(name: str, strategy: str) -> ConnectionState:
    return ConnectionState(
        id=f"con_{name}",
        name=name,
        strategy=strategy,
        revision=1,
        document={"options": {}},
        event_id=DELETION,
    )


CONNECTIONS = {
    name: connection(name, strategy)
    for name, strategy in (("users", "auth0"), ("google-oauth2", "google-oauth2"))
}


def gone(*events: Any, together_with: str | None = None) -> Profile:
    deletion = UserDeletedData(together_with=together_with)
    return person([*events, event(UserDeleted, deletion, 10, causationid=DELETION)])


def linking(**changes: Any) -> Any:
    given = {
        "secondary": OTHER, "connection": "users", "provider": "auth0", "idp_id": "7", "is_social": False,
        "means": "admin", "profile_data": {"email": "Other@x.com", "username": "other"},
    }  # fmt: skip
    return event(IdentityLinked, IdentityLinkedData(**{**given, **changes}), 5)


@pytest.mark.parametrize(
    ("profile", "rejection"),
    [
        (None, NO_SUCH_USER),
        (NO_PROFILE, NO_SUCH_USER),
        (person([creation()]), decide.NOT_DELETED),
        (gone(creation())._replace(secrets={}), decide.NOTHING_KEPT),
        (gone(creation()), None),
    ],
)
def test_who_can_be_restored(profile: Profile | None, rejection: Rejection | None) -> None:
    """A user who was deleted within the grace period, of whom something is left."""
    assert decide.restore_rejection(profile, SUBJECT, GRACE) == rejection


def test_the_grace_period_ends_on_its_last_day() -> None:
    """A user deleted exactly as many days ago as the tenant allows is gone."""
    user = gone(creation())
    for days, is_over in ((29.9, False), (30, True), (4000, True)):
        grace = decide.GracePeriod(30, at(10) + timedelta(days=days))
        rejection = decide.restore_rejection(user, SUBJECT, grace)
        assert (rejection is not None and rejection.kind == "gone") is is_over


def test_each_subject_needs_its_own_values_again() -> None:
    """Values of database connections only, those of a linked identity for its subject, the primary first."""
    user = creation(attributes={"email": "Joe@x.com", "username": "joe", "name": "Joe"})
    profile = gone(user, linking(), together_with=SUBJECT)
    other = Participant(OTHER, gone(creation(subject=OTHER)))
    steps = decide.decide_restore(Participant(SUBJECT, profile), [other], CONNECTIONS)
    assert isinstance(steps, Steps)
    assert [(subject, draft.event) for subject, draft in steps.events] == [
        (SUBJECT, UserUndeleted), (OTHER, UserUndeleted),
    ]  # fmt: skip
    assert set(steps.reservations) == {
        Reservation("users", "email", "joe@x.com", 0),
        Reservation("users", "username", "joe", 0),
        Reservation("users", "email", "other@x.com", 1),
        Reservation("users", "username", "other", 1),
    }


def test_logins_of_a_social_connection_reserve_nothing() -> None:
    """Two users of a social connection may have one address."""
    steps = decide.decide_restore(Participant(SUBJECT, gone(login())), [], CONNECTIONS)
    assert isinstance(steps, Steps)
    assert steps.reservations == ()


def test_a_linked_identity_that_lives_is_in_the_way() -> None:
    """Also one that was deleted by itself since."""
    profile = gone(creation(), linking(), together_with=SUBJECT)
    living = person([creation(subject=OTHER)])
    for other in (living, person([event(UserDeleted, UserDeletedData())], living)):
        found = decide.decide_restore(Participant(SUBJECT, profile), [Participant(OTHER, other)], CONNECTIONS)
        assert found == decide.IDENTITY_LIVES
