"""Responses to requests that read or change settings of a tenant."""

from collections.abc import Callable

from starlette.responses import Response

from projections.setting.fold import Kind, Setting
from services.commands.settings.settings import Changed
from services.management.http import responses
from services.management.http.command_context import has_revision
from services.management.http.requests import Call
from services.runtime.rejection import Rejection

Present = Callable[[Setting], object]


async def find(call: Call, kind: Kind, identity: str, absent: Rejection) -> Setting:
    """Return the setting with this id. Raises Rejected (`absent`) if it does not exist, or Transient."""
    return await call.commands.settings.store.get(call.tenant, kind, identity, absent)


def changed(found: Changed, present: Present, status: int = 200) -> Response:
    """Return the response to a command that changed or created a setting; 202 if the view does not show it
    yet."""
    if found.setting is None:
        assert found.written is not None  # the view does not show the change yet
        return responses.accepted(found.written.position, {"id": found.id})
    position = None if found.written is None else found.written.position
    headers = responses.revision_headers(found.setting.revision, position)
    return responses.value(present(found.setting), status, headers)


def only_changed(found: Changed, present: Callable[[Setting | None], object]) -> Response:
    """Return the response to a change of a singleton setting, which may not exist yet."""
    if found.written is None:
        return responses.value(present(found.setting))
    if not found.written.visible:
        return responses.accepted(found.written.position)
    return responses.value(present(found.setting), 200, {responses.POSITION: str(found.written.position)})


def show(call: Call, setting: Setting, shown: object) -> Response:
    """Return a setting; 304 if the caller has its current revision."""
    headers = responses.revision_headers(setting.revision)
    if has_revision(call.request.headers, setting.revision):
        return responses.nothing(304, headers)
    return responses.value(shown, headers=headers)
