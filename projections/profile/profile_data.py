"""The `profileData` of identities (spec §17): values from claims and edits, without defaults."""

from collections.abc import Mapping
from typing import Any, Final

from projections.profile.marks import PRIMARY
from projections.profile.provenance import DEFAULT, Provenance, of
from projections.profile.state import ADDRESSES, FLAGS, OWN_KEYS, ROOT_ATTRIBUTES, Memory
from schemas.events import LoginSucceededData

ATTRIBUTES: Final = ROOT_ATTRIBUTES | {
    "email",
    "email_verified",
    "username",
    "phone_number",
    "phone_verified",
}


def supplied(document: Mapping[str, Any], provenance: Provenance) -> dict[str, Any]:
    """Return the profile data of a person's primary identity."""
    return {
        name: value
        for name, value in document.items()
        if (name in ATTRIBUTES or name not in OWN_KEYS) and not _is_default(of(provenance, name))
    }


def supplied_marks(document: Mapping[str, Any], memory: Memory) -> dict[str, str]:
    """Return the marks of the events that determined the profile data of the primary identity."""
    names = supplied(document, memory.provenance)
    marks = {
        name: f"{group['at']} {event_id}"
        for event_id, group in memory.provenance.items()
        for name in group["claims"]
        if name in names
    }
    return marks if PRIMARY not in memory.marks else {**marks, "": memory.marks[PRIMARY]}


def refreshed(
    before: Mapping[str, Any], marks: Mapping[str, str], data: LoginSucceededData, mark: str
) -> tuple[dict[str, Any], dict[str, str], bool]:
    """Return the profile data of a linked identity after its login, the marks of the logins that determined
    it, and whether this login is the latest of the identity.

    A later login determines an attribute; attributes that it lacks remain. Leftovers are those of the latest
    login.
    """
    newest = mark > marks.get("", "")
    kept = {name: value for name, value in before.items() if name in ATTRIBUTES or not newest}
    marked = dict(marks)
    for name, value in data.attributes.items():
        default = data.sources.get(name, name).startswith(DEFAULT)
        if name in ADDRESSES or default or mark < marks.get(name, ""):
            continue
        flag = FLAGS.get(name)
        if flag is not None:
            _take_flag(flag, kept, marked, data, mark)
        kept[name], marked[name] = value, mark
    if newest:
        kept.update(data.extras)
        marked[""] = mark
    return kept, marked, newest


def _take_flag(
    flag: str, kept: dict[str, Any], marked: dict[str, str], data: LoginSucceededData, mark: str
) -> None:
    """Update a verified flag together with the address that it refers to."""
    kept.pop(flag, None)
    marked.pop(flag, None)
    if flag in data.attributes and not data.sources.get(flag, flag).startswith(DEFAULT):
        kept[flag], marked[flag] = data.attributes[flag], mark


def _is_default(given: tuple[str, str] | None) -> bool:
    return given is not None and given[1].startswith(DEFAULT)
