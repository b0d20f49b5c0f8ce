"""Laws of linking with concurrent logins, deletions and crashes: every login counts once, and an identity is
in one place."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from projections.batch.effects import Effects
from projections.batch.fold import fold_batch
from projections.batch.views import Views
from projections.logged import Logged
from projections.profile.changes.links import commands_of, forwarded_to, links_of, merged_into
from projections.profile.state import NO_PROFILE, Profile
from projections.profile.view import PROFILE
from schemas.events import LoginSucceeded
from schemas.formats.positions import Position
from services.commands.links.decide import (
    Participant,
    Steps,
    delete,
    link,
    link_rejection,
    linked_subjects,
    unlink,
)
from services.commands.user_rejections import NO_SUCH_USER
from services.projector.relaying import relayed
from services.runtime.rejection import Rejection
from tests.laws.events import SUBJECTS, TENANT, event_id
from tests.samples.profile_events import event, login

PEOPLE = SUBJECTS[:3]
LINKED: list[tuple[Any, ...]] = [("begin", "link", 0, 1), ("come_to_rest",)]


@dataclass
class Saga:
    """A command as the ledger stores it, and the progress of the process that executes it."""

    command: str
    steps: Steps
    events: tuple[Any, ...]
    undo: Any
    number: int = 0
    waits_for: tuple[str, int] | None = None
    undoing: bool = False


@dataclass
class World:
    """A log with a partition for each person, a projector, and those who write."""

    log: dict[str, list[Any]] = field(default_factory=lambda: defaultdict(list))
    applied: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    people: dict[str, Profile] = field(default_factory=lambda: defaultdict(lambda: NO_PROFILE))
    sagas: list[Saga] = field(default_factory=list)
    raw: list[tuple[int, str]] = field(default_factory=list)
    ids: int = 0
    gone: int = 0
    distinct: int = 0

    def new_id(self) -> str:
        """Return a unique id."""
        self.ids += 1
        return event_id(self.ids)

    def append(self, written: Any) -> tuple[str, int]:
        """Append an event to the log and return its position."""
        self.log[written.subject].append(written)
        return written.subject, len(self.log[written.subject]) - 1

    def sign_in(self, person: int) -> None:
        """A login comes in, for the identity's own subject."""
        self.distinct += 1
        self.raw.append((person, self.new_id()))
        self.emit(len(self.raw) - 1)

    def emit(self, offset: int) -> None:
        """The normalizer writes a raw login, perhaps once more."""
        person, identity = self.raw[offset]
        self.append(
            login(
                minute=offset,
                id=identity,
                subject=PEOPLE[person],
                sourceposition=f"1/0/{offset}",
                provider="oauth2",
                idp_id=str(person),
                connection=f"c{person}",
                attributes={"name": f"N{offset}"},
            )
        )

    def retry(self, which: int) -> None:
        """A gateway sends one of its latest logins again."""
        self.raw.append(self.raw[which])
        self.emit(len(self.raw) - 1)

    def project(self, person: int, dies: bool) -> None:
        """The projector takes the next event of a person; it may die before the position moves."""
        subject = PEOPLE[person]
        offset = self.applied[subject]
        if offset >= len(self.log[subject]):
            return
        logged = Logged(self.log[subject][offset], Position(person, offset), login().time)
        before = self.people[subject]
        effects = Effects()
        outcome = fold_batch(Views({PROFILE: {(TENANT, subject): before}}), [logged], effects)
        for item, target in effects.relays:
            self.append(relayed(item, target, 1))
        if dies:
            return
        after = outcome.now.of(PROFILE).get((TENANT, subject), before)
        if after.memory.deleted_at is not None and after.revision > before.revision:
            self.gone += logins_of(before)
        self.people[subject] = after
        self.applied[subject] = offset + 1

    def participant(self, person: int) -> Participant:
        """The current state of a person in the view."""
        return Participant(PEOPLE[person], self.people[PEOPLE[person]])

    def begin(self, kind: str, one: int, other: int) -> None:
        """An administrator starts a command for people without another saga."""
        primary, secondary = self.participant(one), self.participant(other)
        steps = steps_of(kind, primary, secondary)
        involved = {subject for saga in self.sagas for subject, _ in saga.steps.events}
        if steps is None or not involved.isdisjoint(subject for subject, _ in steps.events):
            return
        command = self.new_id()
        made = [self._dressed(command, *step) for step in steps.events]
        undo = None if steps.undo is None else self._dressed(command, *steps.undo)
        self.sagas.append(Saga(command, steps, tuple(made), undo))

    def _dressed(self, command: str, subject: str, draft: Any) -> Any:
        return event(draft.event, draft.data, id=self.new_id(), subject=subject, causationid=command)

    def advance(self, which: int, dies: bool) -> None:
        """The process of a saga takes its next step, or dies and another process starts from the
        beginning."""
        if not self.sagas:
            return
        saga = self.sagas[which % len(self.sagas)]
        if dies:
            saga.number, saga.waits_for, saga.undoing = 0, None, False
            return
        if saga.waits_for is None:
            saga.waits_for = self.append(saga.undo if saga.undoing else saga.events[saga.number])
            return
        subject, offset = saga.waits_for
        if self.applied[subject] <= offset:
            return
        saga.waits_for = None
        if saga.undoing:
            self.sagas.remove(saga)
        elif saga.undo is not None and saga.command not in commands_of(self.people[subject]):
            saga.undoing = True
            if saga.number == 0:
                self.sagas.remove(saga)
        else:
            saga.number += 1
            if saga.number == len(saga.events):
                self.sagas.remove(saga)

    def come_to_rest(self) -> None:
        """Everything that is under way arrives."""
        while self.sagas or any(self.applied[subject] < len(self.log[subject]) for subject in PEOPLE):
            for person in range(len(PEOPLE)):
                self.project(person, dies=False)
            for number in range(len(self.sagas)):
                self.advance(number, dies=False)


def steps_of(kind: str, primary: Participant, secondary: Participant) -> Steps | None:
    """Start the requested command, if possible."""
    document = primary.profile.document
    if kind == "link":
        return None if link_rejection(primary, secondary) is not None else link(primary, secondary, "admin")
    if document is None:
        return None
    linked = linked_subjects(primary.profile)
    if kind == "unlink" and secondary.subject in linked:
        links = links_of(primary.profile).items()
        identity = next(key for key, one in links if one["subject"] == secondary.subject)
        return unlink(primary, secondary, *identity.split("|"))
    return delete(primary, PEOPLE) if kind == "delete" else None


def logins_of(profile: Profile) -> int:
    """The logins of a person, including those of linked secondaries."""
    put_by = profile.associations.get("merged", {}).get("document", {})
    return int((profile.document or {}).get("logins_count", 0)) + int(put_by.get("logins_count", 0))


def counted(world: World) -> int:
    return world.gone + sum(logins_of(profile) for profile in world.people.values())


def places(world: World, person: int) -> list[str]:
    """Whose documents show a person's identity."""
    return [
        subject
        for subject in PEOPLE
        for identity in (world.people[subject].document or {}).get("identities", ())
        if identity["user_id"] == str(person)
    ]


def linked_pairs(world: World) -> list[tuple[int, int]]:
    """Who shows whose identity."""
    return [
        (one, PEOPLE.index(other))
        for one, subject in enumerate(PEOPLE)
        for other in linked_subjects(world.people[subject])
    ]


def live(world: World, random: Random) -> None:
    """One event: a login, a repetition, a command, a step of a saga, or sometimes a crash."""
    person, dies = random.randrange(len(PEOPLE)), random.random() < 0.2
    match random.choices(("sign_in", "again", "retry", "project", "begin", "advance"), (3, 1, 1, 9, 2, 7))[0]:
        case "sign_in":
            world.sign_in(person)
        case "again":
            for offset in range(max(0, len(world.raw) - random.randrange(1, 4)), len(world.raw)):
                world.emit(offset)
        case "retry":
            world.retry(max(0, len(world.raw) - random.randrange(1, 4)))
        case "project":
            world.project(person, dies)
        case "begin":
            kind = random.choice(("link", "unlink", "delete"))
            pairs = linked_pairs(world) if kind != "link" or dies else []
            world.begin(kind, *(random.choice(pairs) if pairs else random.sample(range(len(PEOPLE)), 2)))
        case "advance":
            world.advance(random.randrange(3), dies)


def play(script: Sequence[tuple[Any, ...]]) -> World:
    """Three people have signed in, and then this happened."""
    world = World()
    for person in range(len(PEOPLE)):
        world.sign_in(person)
    world.come_to_rest()
    for name, *details in script:
        getattr(world, name)(*details)
    world.come_to_rest()
    return world


@given(st.randoms(use_true_random=True))
def test_every_login_counts_once_whatever_is_linked_and_dies(random: Random) -> None:
    """Any interleaving of logins, repetitions, links, unlinks, deletions and crashes gives the right sum, and
    each identity is shown by exactly one profile, the right one."""
    world = play([])
    for _ in range(400):
        live(world, random)
    world.come_to_rest()
    assert counted(world) == world.distinct
    for person, subject in enumerate(PEOPLE):
        profile = world.people[subject]
        into = merged_into(profile)
        if into is None:
            assert set(places(world, person)) <= {subject}
        else:
            assert places(world, person) == [into]
            assert subject in linked_subjects(world.people[into])
        for other in linked_subjects(profile):
            assert merged_into(world.people[other]) == subject


def test_a_login_is_handed_on_only_while_linked() -> None:
    """Once linked the primary counts it, once unlinked its own subject does."""
    world = play([*LINKED, ("sign_in", 1)])
    first, second = (world.people[subject] for subject in PEOPLE[:2])
    assert (logins_of(first), logins_of(second)) == (2, 1)
    assert first.document is not None
    assert first.document["identities"][1]["profileData"] == {"name": "N3"}
    world.begin("unlink", 0, 1)
    world.come_to_rest()
    world.sign_in(1)
    world.come_to_rest()
    first, second = (world.people[subject] for subject in PEOPLE[:2])
    assert (logins_of(first), logins_of(second)) == (2, 2)
    assert second.document is not None
    assert second.document["name"] == "N4"
    assert forwarded_to(second, LoginSucceeded.model_validate(login().model_dump())) is None


def test_an_unlinked_profile_has_what_its_logins_brought_meanwhile() -> None:
    """What the identity's provider said while it was another's is in the profile that comes back."""
    world = play([*LINKED, ("sign_in", 1), ("come_to_rest",), ("begin", "unlink", 0, 1)])
    world.come_to_rest()
    document = world.people[PEOPLE[1]].document
    assert document is not None
    assert (document["name"], document["logins_count"]) == ("N3", 1)


def test_a_user_with_links_is_not_linked_again() -> None:
    """No second level: the one with linked identities is refused as a secondary, and so is a linked one."""
    world = play(LINKED)
    for one, other in ((2, 0), (2, 1)):
        assert isinstance(link_rejection(world.participant(one), world.participant(other)), Rejection)
    assert link_rejection(world.participant(1), world.participant(2)) == NO_SUCH_USER
