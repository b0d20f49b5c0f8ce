"""The authorized and validated request that a handler receives."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeVar
from urllib.parse import unquote_to_bytes

from starlette.requests import Request

from schemas.sealing.keys import Keyring
from services.commands.context import WriteStatus
from services.commands.pending import Pending
from services.commands.service import Commands
from services.management.container import Service
from services.runtime.auth.tokens import Principal
from services.runtime.postgres.pool import DatabaseConnection
from services.runtime.rejection import Rejected, invalid

_BAD_PATH: Final = invalid("Path validation error: 'Not valid UTF-8 text' on property id.", "invalid_uri")
Result = TypeVar("Result")


class OperationFacts(Protocol):
    """The properties of an operation that handlers use."""

    @property
    def method(self) -> str:
        """The HTTP method."""

    @property
    def path(self) -> str:
        """The path template."""

    @property
    def summary(self) -> str:
        """The operation's name in log entries."""

    @property
    def success(self) -> int:
        """The status of a successful response."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request whose token, rate, query and body are checked. `scopes` are those of the operation's scopes
    that the caller has."""

    service: Service
    request: Request
    principal: Principal
    scopes: frozenset[str]
    query: Any
    body: Any
    operation: OperationFacts
    sent: Any = None
    """The parsed body before validation; None if the request has no body."""
    pending: Pending | None = None
    """The idempotent request that is being executed; None without an Idempotency-Key."""
    status: WriteStatus = field(default_factory=WriteStatus)

    @property
    def tenant(self) -> str:
        """The caller's tenant."""
        return self.principal.tenant

    @property
    def commands(self) -> Commands:
        """The commands that write events."""
        return self.service.commands

    @property
    def keyring(self) -> Keyring:
        """The keys that decrypt stored data."""
        return self.service.storage.keyring

    def connection(self) -> AbstractAsyncContextManager[DatabaseConnection]:
        """Borrow a database connection that can access only this tenant. Raises Transient."""
        return self.service.storage.database.connection(self.tenant)

    async def computed(self, work: Callable[[], Result]) -> Result:
        """Run work that would block the event loop for too long in a thread, and return its result.

        Raises the errors of the work, OverShare when too many requests of the tenant wait for the thread, and
        Transient when the thread does not become free in time.
        """
        return await self.service.limits.computing.run(self.tenant, work)

    def path(self, name: str) -> str:
        """Return a path parameter, percent-decoded. Raises Rejected (invalid) if it is not UTF-8."""
        return path_parameter(self.request, name)


def path_parameter(request: Request, name: str) -> str:
    """Return a path parameter, percent-decoded. Raises Rejected (invalid) if it is not UTF-8."""
    raw: str = request.path_params[name]
    try:
        return unquote_to_bytes(raw.encode("latin-1")).decode("utf-8")
    except UnicodeError:
        raise Rejected(_BAD_PATH) from None
