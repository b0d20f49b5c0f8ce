"""The checker of the fault harness finds what it is there for, on plain data."""

from dataclasses import replace
from typing import Any

import pytest

from tests.faults.harness.checker import LogEntry, Seen, Session, check
from tests.faults.harness.model import Account, Change, Couple, Fate, Login, Model, Poison

PERSON, EMAIL = "google-oauth2|1", "a@example.com"
LEAF = (0, b"h")


def login(number: int, fate: Fate = Fate.DONE, **changes: Any) -> Login:
    given = {"account": PERSON, "address": f"10.0.0.{number}", "moment": number, **changes}
    return Login(f"login-{number}", fate, **given)


def entry(number: int, place: int) -> LogEntry:
    return LogEntry(f"900{place}", "s", PERSON, f"10.0.0.{number}", None)


def model() -> Model:
    account = Account("email|1", EMAIL, True, {5})
    return Model(
        [login(1), login(2), login(3, Fate.UNKNOWN)],
        [Change("change-1", Fate.DONE)],
        {account.user_id: account},
        poison={Poison("t", 1, 2)},
    )


SOUND = Seen(
    entries=[entry(1, 1), entry(2, 2), LogEntry("9003", "sapi", "email|1", None, "change-1")],
    documents={
        PERSON: {"logins_count": 2, "name": "Moment 2"},
        "email|1": {"user_metadata": {"n": 5}},
    },
    counts={PERSON: 2},
    sessions=[Session(PERSON, "login-1"), Session(PERSON, "login-2")],
    listed=[PERSON, "email|1"],
    found={EMAIL: [("email|1", 5)]},
    log={0: [LEAF]},
    trail={0: [LEAF]},
    letters=frozenset({Poison("t", 1, 2)}),
)


def test_what_was_promised_is_sound() -> None:
    """Nothing to say about what is as acknowledged, with an unknown login that did or did not arrive."""
    assert check(model(), SOUND) == []
    arrived = replace(
        SOUND,
        entries=[*SOUND.entries, entry(3, 3)],
        counts={PERSON: 3},
        documents={**SOUND.documents, PERSON: {"logins_count": 3, "name": "Moment 3"}},
    )
    assert check(model(), arrived) == []


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"entries": SOUND.entries[1:]}, "lost"),
        ({"entries": [*SOUND.entries, entry(2, 4)]}, "doubled"),
        ({"entries": [*SOUND.entries, entry(9, 4)]}, "doubled"),
        ({"entries": [entry(2, 1), entry(1, 2), SOUND.entries[2]]}, "disordered"),
        ({"entries": SOUND.entries[:2]}, "lost"),
        ({"counts": {PERSON: 1}}, "lost"),
        ({"counts": {PERSON: 4}}, "doubled"),
        ({"documents": {**SOUND.documents, PERSON: None}}, "lost"),
        ({"documents": {**SOUND.documents, PERSON: {"logins_count": 2, "name": "Moment 1"}}}, "disordered"),
        ({"sessions": SOUND.sessions[:1]}, "lost"),
        ({"listed": [PERSON]}, "lost"),
        ({"listed": [PERSON, "email|1", "email|1"]}, "doubled"),
        ({"found": {EMAIL: [("email|1", 4)]}}, "lost"),
        ({"trail": {}}, "lost"),
        ({"trail": {0: [LEAF, LEAF]}}, "doubled"),
        ({"trail": {0: [(0, b"other")]}}, "disordered"),
        ({"letters": frozenset()}, "lost"),
        ({"wrongly_quarantined": frozenset({Poison("t", 1, 3)})}, "lost"),
    ],
)
def test_what_is_broken_is_found(changes: dict[str, Any], kind: str) -> None:
    """Each way in which something can be lost, doubled or disordered."""
    assert kind in {one.kind for one in check(model(), replace(SOUND, **changes))}


def test_a_link_by_half_is_found() -> None:
    """A secondary account that is shown twice, by nobody, or otherwise than acknowledged."""
    couple = Couple(PERSON, "github|7", linked=True)
    inside = {"identities": [{"provider": "github", "user_id": "7"}]}
    some = Model(couples=[couple])
    assert check(some, Seen(documents={PERSON: inside, "github|7": None})) == []
    assert check(some, Seen(documents={PERSON: inside, "github|7": {}}))
    assert check(some, Seen(documents={PERSON: {}, "github|7": None}))
    assert check(some, Seen(documents={PERSON: {}, "github|7": {}}))
