"""Reads and changes the settings of /attack-protection, and the blocks of /anomaly/blocks/ips/{ip}."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from pydantic import BaseModel
from starlette.responses import Response

from projections.login_guard.addresses import Address, counting
from projections.login_guard.protection import DEFAULTS, ProtectionId, suspicious_ip
from projections.login_guard.verdict import is_suspicious
from projections.setting.fold import Kind, Setting
from schemas.formats import exact_json
from schemas.formats.instants import milliseconds
from schemas.formats.spelling import ip_address
from services.commands.settings.settings import BUSY
from services.management import setting_responses
from services.management.attack_protection.models import (
    AddressSettings,
    BruteForceSettings,
    PasswordSettings,
)
from services.management.http import responses
from services.management.http.command_context import context_of
from services.management.http.models.results import Empty
from services.management.http.operation import Handler, Operation
from services.management.http.requests import Call
from services.queries.login_failures import failures_from_address
from services.queries.settings import find_setting
from services.runtime.rejection import NOT_FOUND, Rejected, invalid, violation

_KIND: Final[Kind] = "attack_protection"


def merged(settings: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings with those in `patch` replaced, also within objects. Lists are replaced as a
    whole."""
    return {**settings} | {
        name: merged(settings.get(name, {}), value) if isinstance(value, Mapping) else value
        for name, value in patch.items()
    }


def reader(name: ProtectionId) -> Handler:
    """Return the handler that reads the settings of one protection."""

    async def handler(call: Call) -> Response:
        """Return the current settings: the tenant's own, otherwise the defaults."""
        return responses.value(_settings(name, await _current(call, name)))

    handler.__name__ = f"get_{name.replace('-', '_')}"
    return handler


def changer(name: ProtectionId) -> Handler:
    """Return the handler that changes the settings of one protection."""

    async def handler(call: Call) -> Response:
        """Change the settings in the body. The change applies from the next login check."""
        patch = call.body.model_dump(by_alias=True, exclude_unset=True)
        changed = await call.commands.settings.set_only(
            context_of(call), _KIND, name, DEFAULTS[name], lambda now: merged(_settings(name, now), patch)
        )
        return setting_responses.only_changed(changed, partial(_settings, name))

    handler.__name__ = f"update_{name.replace('-', '_')}"
    return handler


async def _current(call: Call, name: ProtectionId) -> Setting | None:
    async with call.connection() as connection:
        return await find_setting(connection, call.keyring, call.tenant, _KIND, name)


def _settings(name: ProtectionId, setting: Setting | None) -> dict[str, Any]:
    document = {} if setting is None else setting.document
    return {**DEFAULTS[name], **{key: value for key, value in document.items() if key != "id"}}


async def check_ip(call: Call) -> Response:
    """Return 200 if logins from the address are throttled. Raises Rejected (not_found) if they are not."""
    ip = _ip_of(call)
    setting = await _current(call, "suspicious-ip-throttling")
    protection = suspicious_ip(None if setting is None else exact_json.dumps(setting.document).decode())
    blocking = protection.shield.blocks and protection.shield.applies_to(ip)
    now = milliseconds(datetime.now(UTC))
    if not blocking or not is_suspicious(await _known(call, ip), protection, now):
        raise Rejected(NOT_FOUND)
    return responses.value({})


async def unblock_ip(call: Call) -> Response:
    """Remove the block of an IP address; 204 also if the address is not blocked."""
    ip = _ip_of(call)
    if not counting(await _known(call, ip)):
        return responses.nothing()
    written = await call.commands.protection.unblock_address(context_of(call, guarded=False), ip)
    return responses.after_write(written, responses.nothing())


async def _known(call: Call, ip: str) -> Sequence[Address]:
    async with call.connection() as connection:
        return await failures_from_address(connection, call.tenant, ip)


def _ip_of(call: Call) -> str:
    text = call.path("ip")
    address = ip_address(text)
    if address is None:
        reason = f"Object didn't pass validation for format ipv4 or ipv6: {text[:200]}"
        raise Rejected(invalid(violation("Path", reason, "id", "IP address to check"), "invalid_uri"))
    return address


def _operations(name: ProtectionId, title: str, model: type[BaseModel]) -> tuple[Operation, Operation]:
    path = f"/api/v2/attack-protection/{name}"
    return (
        Operation(
            method="GET",
            path=path,
            handler=reader(name),
            scopes=("read:attack_protection",),
            tag="attack-protection",
            summary=f"Get {title} settings",
            description=f"Returns the {title} settings of the tenant. Settings that were never set have their"
            " defaults.",
            result=model,
            responses={200: "The settings."},
        ),
        Operation(
            method="PATCH",
            path=path,
            handler=changer(name),
            scopes=("update:attack_protection",),
            tag="attack-protection",
            summary=f"Update {title} settings",
            description="Updates the settings that the body names, also within objects; all others remain"
            " unchanged. The change applies from the next login check.",
            body=model,
            result=model,
            responses={
                200: "The settings.",
                202: "Accepted.",
                409: BUSY,
                413: "The body is too large.",
            },
        ),
    )


_IP: Final = "/api/v2/anomaly/blocks/ips/{ip}"
OPERATIONS: Final = (
    *_operations("brute-force-protection", "Brute-force", BruteForceSettings),
    *_operations("suspicious-ip-throttling", "Suspicious IP Throttling", AddressSettings),
    *_operations("breached-password-detection", "Breached Password Detection", PasswordSettings),
    Operation(
        method="GET",
        path=_IP,
        handler=check_ip,
        scopes=("read:anomaly_blocks",),
        tag="anomaly",
        summary="Check if an IP address is blocked",
        description=(
            "Checks whether an IP address is blocked by suspicious IP throttling. Returns 200 if it is and"
            " 404 if it is not."
        ),
        result=Empty,
        responses={200: "The IP address is blocked.", 404: NOT_FOUND},
    ),
    Operation(
        method="DELETE",
        path=_IP,
        handler=unblock_ip,
        scopes=("delete:anomaly_blocks",),
        tag="anomaly",
        summary="Remove the blocked IP address",
        description="Removes the block of an IP address. Returns 204 also if the address is not blocked.",
        responses={204: "The IP address is not blocked.", 202: "Accepted."},
    ),
)
