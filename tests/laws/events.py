"""Streams of events as the log could hold them, for Hypothesis."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

from schemas.events import (
    AttributesChanged,
    AttributesChangedData,
    ConnectionConfigured,
    ConnectionConfiguredData,
    EmailChanged,
    EmailChangedData,
    IdentityLinked,
    IdentityLinkedData,
    IdentityUnlinked,
    IdentityUnlinkedData,
    LoginBlockReleased,
    LoginBlockReleasedData,
    LoginFailed,
    LoginFailedData,
    LoginSucceeded,
    LoginSucceededData,
    MetadataChanged,
    MetadataChangedData,
    OrganizationData,
    OrganizationJoined,
    OrganizationLeft,
    PasswordChanged,
    PasswordChangedData,
    PermissionsAssigned,
    PermissionsData,
    PermissionsRemoved,
    PersonEvent,
    PhoneChanged,
    PhoneChangedData,
    RolesAssigned,
    RolesData,
    RolesRemoved,
    UserBlocked,
    UserCreated,
    UserCreatedData,
    UserDeleted,
    UserDeletedData,
    UserFlagData,
    UserMerged,
    UserMergedData,
    UserRestored,
    UserRestoredData,
    UserUnblocked,
    UserUndeleted,
    UserUndeletedData,
)
from schemas.formats.identifiers import tenant_subject
from tests.laws.access import HELD_EDITS, shown

TENANT = "demo"
SUBJECTS = [f"sub_{number:032x}" for number in range(4)]
START = datetime(2026, 11, 23, 10, tzinfo=UTC)

text = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), max_size=8)
"""Whatever people are called, in any script; U+0000 and lone surrogates never get this far."""
integers = st.one_of(st.integers(-5, 5), st.integers(-(2**80), 2**80))
floats = st.floats(allow_nan=False, allow_infinity=False)
values: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), integers, floats, text),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(text, inner, max_size=3)),
    max_leaves=5,
)
"""Any JSON value."""
near_values = st.sampled_from(
    [0, 0.0, -0.0, False, 1, 1.0, True, "1", None, [1], [True], {"a": 1}, {"a": 1.0}]
)
"""Values that Python takes for one another and JSON does not."""
objects = st.dictionaries(st.one_of(st.sampled_from("abc"), text), st.one_of(near_values, values), max_size=3)
ids = st.one_of(st.sampled_from(["1", "2", 3, 4]), integers, text.filter(bool))
instants = st.integers(0, 3_600_000).map(lambda ms: START + timedelta(milliseconds=ms))
revisions = st.one_of(st.none(), st.none(), st.integers(0, 4))

_NAMES = st.sampled_from(["name", "nickname", "given_name", "family_name", "picture", "username"])
_ROOT = st.dictionaries(_NAMES, st.sampled_from(["A", "B", "ж", "名"]), max_size=4)
_EMAIL = st.fixed_dictionaries(
    {}, optional={"email": st.sampled_from(["a@x.com", "B@X.com"]), "email_verified": st.booleans()}
)
_PHONE = st.fixed_dictionaries(
    {}, optional={"phone_number": st.sampled_from(["+1", "+22"]), "phone_verified": st.booleans()}
)
attributes = st.tuples(_ROOT, _EMAIL, _PHONE).map(lambda parts: {**parts[0], **parts[1], **parts[2]})
extras = st.dictionaries(st.sampled_from(["locale", "x_1", "名"]), st.one_of(near_values, values), max_size=2)


@st.composite
def sources(draw: st.DrawFn, given: dict[str, Any]) -> dict[str, str]:
    """The sources of attributes: mostly a claim, sometimes a default."""
    claims = {name: draw(st.sampled_from([f"raw.{name}", "default:email", None])) for name in given}
    return {name: claim for name, claim in claims.items() if claim is not None}


@st.composite
def logins(draw: st.DrawFn, person: int = 0) -> LoginSucceededData:
    """A login of one of a person's two identities."""
    given = draw(attributes)
    return LoginSucceededData(
        connection=draw(st.sampled_from(["google-oauth2", "corp"])),
        strategy="oauth2",
        is_social=draw(st.booleans()),
        root_policy=draw(
            st.sampled_from(["on_each_login", "on_first_login", "never_on_login", "unless_edited"])
        ),
        client_id=draw(st.sampled_from([None, "app"])),
        provider="oauth2",
        idp_id=draw(st.sampled_from([person, str(person), person + 100, 2**70])),
        attributes=given,
        extras=draw(extras),
        sources=draw(sources(given)),
        tokens=draw(st.sampled_from([None, {"access_token": "t"}, {"access_token": "u"}])),
        ip=draw(st.sampled_from([None, "192.0.2.1", "2001:db8::1"])),
        **draw(shown),
    )


@st.composite
def creations(draw: st.DrawFn) -> UserCreatedData:
    """A profile made through the API."""
    given = draw(attributes)
    return UserCreatedData(
        connection="users",
        strategy="auth0",
        blocked=draw(st.sampled_from([None, True, False])),
        provider="auth0",
        idp_id=draw(ids),
        attributes=given,
        sources=draw(sources(given)),
        user_metadata=draw(st.one_of(st.none(), objects)),
        app_metadata=draw(st.one_of(st.none(), objects)),
        password_hash=draw(st.sampled_from([None, "$2b$"])),
    )


_edited_connections = st.sampled_from(["users", "google-oauth2", "corp"])
"""The connection of the primary identity, of a secondary one, or of no identity."""


@st.composite
def attribute_edits(draw: st.DrawFn) -> AttributesChangedData:
    """Some attributes set, some removed, at least one of either."""
    given = draw(st.dictionaries(_NAMES, text.filter(bool), max_size=3))
    removed = draw(st.lists(_NAMES.filter(lambda name: name not in given), max_size=2, unique=True))
    if not given and not removed:
        removed = ["nickname"]
    return AttributesChangedData(
        changed=tuple(given),
        removed=tuple(removed),
        connection=draw(st.none() | _edited_connections),
        values=given,
        expected_revision=draw(revisions),
    )


_metadata_edits = st.builds(
    MetadataChangedData,
    merge=st.sampled_from(["first_level", "deep"]),
    user_metadata=objects,
    app_metadata=st.one_of(st.none(), objects),
    expected_revision=revisions,
)
_email_edits = st.builds(
    EmailChangedData,
    connection=_edited_connections,
    email=st.sampled_from([None, "a@x.com", "new@x.com"]),
    email_verified=st.booleans(),
    expected_revision=revisions,
)
_phone_edits = st.builds(
    PhoneChangedData,
    connection=_edited_connections,
    phone_number=st.sampled_from([None, "+1", "+33"]),
    phone_verified=st.booleans(),
    expected_revision=revisions,
)
_flags = st.builds(UserFlagData, expected_revision=revisions)
IDENTIFIERS = st.sampled_from(["a@x.com", "B@X.com"])
_failures = st.builds(
    LoginFailedData,
    connection=st.just("google-oauth2"),
    strategy=st.just("oauth2"),
    reason=st.just("wrong_password"),
    identifier=st.one_of(st.none(), IDENTIFIERS, text),
    claims=st.one_of(st.none(), objects),
    ip=st.sampled_from([None, "192.0.2.1", "2001:DB8::1"]),
)
_passwords = st.builds(
    PasswordChangedData,
    connection=_edited_connections,
    password_hash=st.sampled_from(["$argon2id$", "$2b$"]),
    expected_revision=revisions,
)
_roles = st.builds(
    RolesData,
    roles=st.lists(st.sampled_from([f"rol_{n}" for n in range(60)]), min_size=1, max_size=30).map(tuple),
    expected_revision=revisions,
)
_permissions = st.builds(
    PermissionsData,
    permissions=st.lists(st.sampled_from([f"{7:024x}.{n}" for n in range(3)]), min_size=1).map(tuple),
    names=st.just((("https://api", "read:all"),)),
    expected_revision=revisions,
)
_organizations = st.builds(
    OrganizationData, organization=st.sampled_from(["org_1", "org_2"]), expected_revision=revisions
)
ACCESS: dict[type[Any], st.SearchStrategy[Any]] = {
    RolesAssigned: _roles,
    RolesRemoved: _roles,
    PermissionsAssigned: _permissions,
    PermissionsRemoved: _permissions,
    OrganizationJoined: _organizations,
    OrganizationLeft: _organizations,
}
"""What is given to people and taken from them."""
_releases = st.builds(
    LoginBlockReleasedData,
    identifier=st.one_of(st.none(), IDENTIFIERS),
    expected_revision=revisions,
)
_deletions = st.builds(
    UserDeletedData,
    expected_revision=revisions,
    together_with=st.sampled_from([None, None, *SUBJECTS[:2]]),
)
_others = st.sampled_from(SUBJECTS[:3])
_links = st.builds(
    IdentityLinkedData,
    secondary=_others,
    connection=st.just("corp"),
    is_social=st.booleans(),
    means=st.sampled_from(["admin", "token"]),
    provider=st.just("oauth2"),
    idp_id=st.sampled_from([100, "100", "7"]),
    profile_data=st.builds(lambda given, more: {**given, **more}, attributes, extras),
    tokens=st.sampled_from([None, {"access_token": "v"}]),
    expected_revision=revisions,
)
_unlinks = st.builds(
    IdentityUnlinkedData,
    secondary=_others,
    connection=st.just("corp"),
    provider=st.just("oauth2"),
    idp_id=st.sampled_from([100, "7"]),
    expected_revision=revisions,
)
_restorations = st.builds(
    UserRestoredData,
    parted_from=_others,
    values=attributes,
    removed=st.sampled_from([(), ("x_1",)]),
    tokens=st.sampled_from([None, {"access_token": "w"}]),
    expected_revision=revisions,
)
_undeletions = st.builds(
    UserUndeletedData,
    deletion=st.deferred(lambda: st.integers(0, 2).map(lambda number: event_id(10_000 + number))),
    expected_revision=revisions,
)
EDITS: dict[type[Any], st.SearchStrategy[Any]] = {
    AttributesChanged: attribute_edits(),
    MetadataChanged: _metadata_edits,
    EmailChanged: _email_edits,
    PhoneChanged: _phone_edits,
    PasswordChanged: _passwords,
    UserBlocked: _flags,
    UserUnblocked: _flags,
    **ACCESS,
    LoginBlockReleased: _releases,
    UserDeleted: _deletions,
    IdentityLinked: _links,
    IdentityUnlinked: _unlinks,
    UserMerged: st.builds(UserMergedData, into=_others, expected_revision=revisions),
    UserRestored: _restorations,
    UserUndeleted: _undeletions,
    **HELD_EDITS,
}
"""Edits by administrators and applications of an existing person."""
HAPPENS = [*[LoginSucceeded] * 18, LoginFailed, *[UserCreated] * 6, *EDITS]
"""Kinds of events with weights, so that most histories end with an existing person."""


def event_id(number: int) -> str:
    """The id of the number-th event of a stream."""
    return f"0190a1b2-c3d4-7e5f-8a9b-{number:012x}"


@dataclass(frozen=True, slots=True)
class Step:
    """One event before it is placed: whose, of which type, what, and when."""

    person: int
    model: type[Any]
    data: Any
    time: datetime
    command: int | None = None

    def event(self, number: int, position: str | None) -> Any:
        """The event at this place of the stream."""
        is_login = self.model in (LoginSucceeded, LoginFailed)
        return self.model(
            id=event_id(number),
            source="/vita/test",
            subject=SUBJECTS[self.person],
            time=self.time,
            tenant=TENANT,
            actor=f"connection:{self.data.connection}" if is_login else "client:admin",
            causationid=None if self.command is None else event_id(10_000 + self.command),
            sourceposition=position,
            data=self.data,
        )


@st.composite
def steps(draw: st.DrawFn, people: int = 1) -> Step:
    """An event about one of this many people; mostly logins."""
    person = draw(st.integers(0, people - 1))
    model = draw(st.sampled_from(HAPPENS))
    command = None
    if model is LoginSucceeded:
        data: Any = draw(logins(person))
    elif model is LoginFailed:
        data = draw(_failures)
    elif model is UserCreated:
        data = draw(creations())
    else:
        data, command = draw(EDITS[model]), draw(st.one_of(st.none(), st.integers(0, 2)))
    return Step(person, model, data, draw(instants), command)


def placed(parts: Sequence[Step], partition_of: Callable[[int], int] = lambda person: person) -> list[Any]:
    """The events of these steps in one log: logins carry where their raw login stood."""
    offsets: dict[int, int] = {}
    stream = []
    for number, step in enumerate(parts):
        position = None
        if step.model in (LoginSucceeded, LoginFailed):
            partition = partition_of(step.person)
            offsets[partition] = offsets.get(partition, -1) + 1
            position = f"1/{partition}/{offsets[partition]}"
        stream.append(step.event(number, position))
    return stream


def histories(people: int = 1, max_size: int = 12) -> st.SearchStrategy[list[PersonEvent]]:
    """Histories of this many people, in the order of one partition."""
    return st.lists(steps(people), max_size=max_size).map(placed)


@st.composite
def connections(draw: st.DrawFn) -> list[ConnectionConfigured]:
    """How a tenant's connections were configured, by hand and by logins."""
    made = []
    for number in range(draw(st.integers(0, 8))):
        name = draw(st.sampled_from(["google", "corp"]))
        by_login = draw(st.booleans())
        identity = f"con_{name}" if by_login else draw(st.sampled_from([f"con_{name}", "con_other"]))
        made.append(
            ConnectionConfigured(
                id=event_id(99 if by_login and name == "corp" else 98 if by_login else number),
                source="/vita/test",
                subject=tenant_subject(TENANT),
                time=draw(instants),
                tenant=TENANT,
                actor="system:normalizer" if by_login else "client:admin",
                data=ConnectionConfiguredData(
                    connection_id=identity,
                    connection=name,
                    strategy="oidc",
                    deleted=not by_login and draw(st.booleans()),
                    expected_revision=None if by_login else draw(revisions),
                    settings={} if by_login else {"options": draw(objects), "display_name": draw(text)},
                ),
            )
        )
    return made


def split(stream: Sequence[Any], cuts: Sequence[int]) -> list[Sequence[Any]]:
    """The stream in batches; each number is a place to cut, modulo the places that there are."""
    edges = sorted({0, len(stream), *(cut % (len(stream) + 1) for cut in cuts)})
    return [stream[start:end] for start, end in pairwise(edges)]
