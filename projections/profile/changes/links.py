"""Linking and unlinking of profiles (design D16).

The primary's associations contain the linked identities (`linked`) and the history of links (`links`). The
secondary's former profile is kept under `merged` in its associations. The secondary keeps its own events, and
its logins are relayed to the primary. Both sides record the command of the link, so that a repeated command
has no further effect. When a link ends, its command and the command that ended it are recorded as refused, so
that their late events have no effect.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from projections.profile.document import ordered
from projections.profile.identities import identity_key, identity_of, is_same_identity
from projections.profile.marks import PRIMARY, TOKENS, mark_of
from projections.profile.memory import REFUSED, is_refused, refuse
from projections.profile.provenance import Provenance, credit
from projections.profile.revisions import advance
from projections.profile.state import Memory, Profile
from schemas.envelope import RELAYED
from schemas.events import (
    IdentityLinked,
    IdentityUnlinked,
    LoginFailed,
    LoginSucceeded,
    PersonEvent,
    UserMerged,
    UserRestored,
)
from schemas.formats.instants import render

REMEMBERED: Final = 100
"""The maximum number of links and unlinks in a person's history."""


def merged_into(profile: Profile) -> str | None:
    """Return the subject that this person is linked to as secondary; None for all other people."""
    merged = profile.associations.get("merged")
    return None if merged is None else merged["into"]


def forwarded_to(profile: Profile, event: PersonEvent) -> str | None:
    """Return the primary subject that an event of this person is relayed to; None if it is not relayed."""
    return merged_into(profile) if isinstance(event, LoginSucceeded | LoginFailed) else None


def takes(profile: Profile, event: LoginSucceeded) -> bool:
    """Whether a login changes this profile. A relayed login does only while its identity is linked."""
    relayed = event.sourceposition is not None and event.sourceposition.startswith(RELAYED)
    return not relayed or identity_key(event.data.provider, event.data.idp_id) in links_of(profile)


def links_of(profile: Profile) -> Mapping[str, Mapping[str, Any]]:
    """Return the links of a primary: identity -> `subject` and `command`."""
    found: Mapping[str, Mapping[str, Any]] = profile.associations.get("linked", {})
    return found


def commands_of(profile: Profile) -> list[str]:
    """Return the commands of this person's links, as primary or as secondary."""
    merged = profile.associations.get("merged")
    links = [link["command"] for link in links_of(profile).values()]
    return links if merged is None else [merged["command"]]


def owner_of(profile: Profile, identity: Mapping[str, Any], subject: str) -> str:
    """Return the subject that owns the unique values of an identity. A linked identity's values belong to the
    secondary."""
    link = links_of(profile).get(identity_key(identity["provider"], identity["user_id"]))
    return subject if link is None else link["subject"]


def linked(profile: Profile, event: IdentityLinked) -> Profile:
    """Return the primary after an identity was linked."""
    data, key, command = event.data, identity_key(event.data.provider, event.data.idp_id), command_of(event)
    if links_of(profile).get(key, {}).get("command") == command:
        return profile
    identity = identity_of(data.connection, data.provider, data.idp_id, is_social=data.is_social)
    document = profile.document
    if (
        document is None
        or is_turned_down(profile, event)
        or data.secondary == event.subject
        or any(is_same_identity(known, identity) for known in document["identities"])
    ):
        return refuse(profile, event)
    entry = {**_entry("linked", event), "isSocial": data.is_social, "means": data.means}
    associations = {
        **profile.associations,
        "linked": {**links_of(profile), key: {"subject": data.secondary, "command": command}},
        "links": [*profile.associations.get("links", ()), entry][-REMEMBERED:],
    }
    secrets, marks = profile.secrets, dict(data.marks)
    token_mark = marks.pop(TOKENS, mark_of(event))
    memory = profile.memory._replace(linked={**profile.memory.linked, key: marks})
    if data.tokens is not None:
        secrets = {**secrets, "tokens": {**secrets.get("tokens", {}), key: data.tokens}}
        memory = memory._replace(marks={**memory.marks, TOKENS + key: token_mark})
    identities = [*document["identities"], {"profileData": data.profile_data, **identity}]
    return advance(
        profile._replace(associations=associations, secrets=secrets, memory=memory),
        {**document, "identities": identities},
        render(event.time),
    )


def unlinked(profile: Profile, event: IdentityUnlinked) -> Profile:
    """Return the primary after an identity was unlinked. If the command that created the link undoes it, the
    history has no entry of either."""
    key, document = identity_key(event.data.provider, event.data.idp_id), profile.document
    link = links_of(profile).get(key)
    if (
        document is None
        or link is None
        or link["subject"] != event.data.secondary
        or is_turned_down(profile, event)
    ):
        return refuse(profile, event)
    gone = {"provider": event.data.provider, "user_id": event.data.idp_id}
    identities = [known for known in document["identities"] if not is_same_identity(known, gone)]
    history = profile.associations.get("links", ())
    if link["command"] == command_of(event):
        history = [entry for entry in history if entry["command"] != link["command"]]
    else:
        history = [*history, _entry("unlinked", event)][-REMEMBERED:]
    associations = {
        **profile.associations,
        "linked": {name: one for name, one in links_of(profile).items() if name != key},
        "links": history,
    }
    secrets = dict(profile.secrets)
    for kind in ("tokens", "passwords"):
        if left := {name: one for name, one in secrets.pop(kind, {}).items() if name != key}:
            secrets[kind] = left
    return advance(
        profile._replace(
            associations={name: value for name, value in associations.items() if value},
            secrets=secrets,
            memory=_without(ended(profile.memory, [link["command"], command_of(event)]), key),
        ),
        {**document, "identities": identities},
        render(event.time),
    )


def merged(profile: Profile, event: UserMerged) -> Profile:
    """Return the secondary after it was linked. A person with linked identities is not merged."""
    known = profile.associations.get("merged")
    if known is not None and known["command"] == command_of(event):
        return profile
    alone = not links_of(profile) and event.data.into != event.subject
    if profile.document is None or not alone or is_turned_down(profile, event):
        return refuse(profile, event)
    kept = {
        "into": event.data.into,
        "command": command_of(event),
        "document": ordered(profile.document),
        "secrets": dict(profile.secrets),
        "associations": dict(profile.associations),
        "provenance": dict(profile.memory.provenance),
        "marks": dict(profile.memory.marks),
    }
    memory = profile.memory._replace(provenance={}, marks={}, linked={})
    return Profile(profile.revision + 1, None, memory, associations={"merged": kept})


def restored(profile: Profile, event: UserRestored) -> Profile:
    """Return the secondary after it was unlinked: its former profile with the changes by later logins and
    edits."""
    kept, now, data = profile.associations.get("merged"), render(event.time), event.data
    if kept is None or kept["into"] != data.parted_from or is_turned_down(profile, event):
        return refuse(profile, event)
    document = {
        name: value for name, value in {**kept["document"], **data.values}.items() if name not in data.removed
    }
    secrets, marks = dict(kept["secrets"]), {**kept["marks"], PRIMARY: data.marks.get("", mark_of(event))}
    if data.tokens is not None:
        secrets["tokens"] = {**secrets.get("tokens", {}), _own_key(document): data.tokens}
        marks[TOKENS + _own_key(document)] = data.marks.get(TOKENS, mark_of(event))
    if data.password_hash is not None:
        secrets["password_hash"] = data.password_hash
    memory = ended(profile.memory, [kept["command"], command_of(event)])._replace(
        provenance=_credited(kept["provenance"], event), marks=marks
    )
    return advance(Profile(profile.revision, None, memory, secrets, kept["associations"]), document, now)


def _credited(provenance: Provenance, event: UserRestored) -> Provenance:
    """Return the provenance with the changes since the merge, attributed to the events that made them."""
    for name in (*event.data.values, *event.data.removed):
        at, _, event_id = event.data.marks.get(name, mark_of(event)).partition(" ")
        provenance = credit(provenance, event_id, at, event.actor, {name: "profileData"})
    return provenance


def is_turned_down(profile: Profile, event: Any) -> bool:
    """Return whether a command does not count, with or without a document: another revision was expected,
    or an event of the same command was turned down before."""
    expected = event.data.expected_revision
    return is_refused(profile, event) or (expected is not None and expected != profile.revision)


def ended(memory: Memory, commands: Iterable[str]) -> Memory:
    """Return the memory of a person for whom these commands are over: their events have no more effect."""
    return memory._replace(refused=(*memory.refused, *commands)[-REFUSED:])


def _without(memory: Memory, key: str) -> Memory:
    """Return the memory without the marks of an identity's logins."""
    linked = {name: marks for name, marks in memory.linked.items() if name != key}
    marks = {name: mark for name, mark in memory.marks.items() if name != TOKENS + key}
    return memory._replace(linked=linked, marks=marks)


def command_of(event: PersonEvent) -> str:
    """Return the command of an event; one without a cause is its own."""
    return event.causationid or event.id


def _own_key(document: Mapping[str, Any]) -> str:
    primary = document["identities"][0]
    return identity_key(primary["provider"], primary["user_id"])


def _entry(what: str, event: IdentityLinked | IdentityUnlinked) -> dict[str, Any]:
    return {
        "type": what,
        "date": render(event.time),
        "actor": event.actor,
        "connection": event.data.connection,
        "provider": event.data.provider,
        "user_id": event.data.idp_id,
        "command": command_of(event),
    }
