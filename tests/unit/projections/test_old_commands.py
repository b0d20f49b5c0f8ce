"""A copy of an old command, which any party with write access to the log can append, has no effect."""

from typing import Any

from projections.connection.fold import fold as fold_connection
from projections.profile.changes.access import assignments_of
from projections.profile.fold import fold
from projections.profile.memory import COMMANDS, LATE_MILLISECONDS, RECENT
from projections.profile.state import Profile, dump_memory, load_memory
from schemas.events import (
    ConnectionConfigured,
    PasswordChanged,
    PasswordChangedData,
    RolesAssigned,
    RolesData,
    RolesRemoved,
    UserBlocked,
    UserUnblocked,
)
from schemas.formats.identifiers import new_event_id
from services.commands.execute import conditional
from services.commands.settings.decide_connection import decide_change, decide_new, decide_removal
from services.management.connections.models import CreateConnection, UpdateConnection
from services.management.connections.routes import change_of, new_connection_of
from tests.samples.profile_events import at, creation, event, flag, login, person

LATE_MINUTES = LATE_MILLISECONDS // 60_000 + 1


def password(text: str, minute: int) -> Any:
    data = PasswordChangedData(password_hash=text, connection="users")
    return event(PasswordChanged, data, minute, id=new_event_id(at(minute)))


def role(model: type[Any], minute: int) -> Any:
    return event(model, RolesData(roles=("rol_admin",)), minute, id=new_event_id(at(minute)))


def read_back(made: Profile) -> Profile:
    """The person as the table gives them back."""
    return made._replace(memory=load_memory(dump_memory(made.memory)))


def test_logins_push_no_command_out_of_memory() -> None:
    """However many logins follow, a command that has counted does not count again."""
    created = creation(minute=0, id=new_event_id(at(0)))
    commands = [
        password("old", 1), role(RolesAssigned, 2), flag(UserBlocked, 3, id=new_event_id(at(3))),
        flag(UserUnblocked, 4, id=new_event_id(at(4))), password("new", 5), role(RolesRemoved, 6),
        flag(UserBlocked, 7, id=new_event_id(at(7))),
    ]  # fmt: skip
    logins = [login(8, sourceposition=f"1/0/{number}") for number in range(RECENT + 1)]
    made = read_back(person([created, *commands, *logins]))
    assert made.secrets["password_hash"] == "new"
    assert assignments_of(made, "roles") == {}
    assert made.document is not None
    assert made.document["blocked"] is True
    for copy in (created, *commands):
        assert fold(made, copy) is made


def test_a_command_that_is_too_old_counts_as_applied() -> None:
    """Also after its id was dropped from the memory."""
    old = password("old", 1)
    others = [password(str(number), number * LATE_MINUTES) for number in range(1, COMMANDS + 2)]
    made = person([creation(minute=0), old, *others])
    assert fold(made, old) is made


def test_a_command_that_was_overtaken_counts() -> None:
    """Of commands that are given at one time, any number may reach the log before another does."""
    overtaken = password("overtaken", 1)
    others = [password(str(number), 2) for number in range(COMMANDS + 1)]
    made = person([creation(minute=0), *others, overtaken])
    assert made.secrets["password_hash"] == "overtaken"
    assert fold(made, overtaken) is made


def test_a_copy_of_an_old_configuration_restores_no_connection() -> None:
    """Neither its creation nor a change counts again, be the connection there or deleted."""

    def configured(accepted: Any, minute: int) -> Any:
        (draft,) = conditional(accepted.drafts, minute - 1)
        return event(
            ConnectionConfigured,
            draft.data,
            minute,
            subject="ten_demo",
            id=new_event_id(at(minute)),
        )

    body = CreateConnection.model_validate({"name": "corp", "strategy": "oidc", "options": {"secret": "old"}})
    made = configured(decide_new(new_connection_of(body), "con_1"), 1)
    known = fold_connection({}, made)
    edit = UpdateConnection.model_validate({"options": {"secret": "new"}})
    changed = configured(decide_change(known["con_1"], change_of(edit)), 2)
    known = fold_connection(known, changed)
    assert known["con_1"].document["options"] == {"secret": "new"}
    assert fold_connection(known, made) is known
    again = UpdateConnection.model_validate({"options": {"secret": "newest"}})
    known = fold_connection(known, configured(decide_change(known["con_1"], change_of(again)), 3))
    assert fold_connection(known, changed) is known
    known = fold_connection(known, configured(decide_removal(known["con_1"]), 4))
    assert known["con_1"].deleted
    assert all(fold_connection(known, copy) is known for copy in (made, changed))
