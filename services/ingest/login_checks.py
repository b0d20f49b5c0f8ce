"""`POST /ingest/v1/login-checks`: decides whether logins may proceed, with one round trip to the database."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from asyncpg import Record
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from projections.login_guard.addresses import Address, address_of
from projections.login_guard.attempts import Tally
from projections.login_guard.protection import brute_force, suspicious_ip
from projections.login_guard.verdict import Facts, IdentifierFailures, LoginVerdict, judge
from projections.normalization import ConnectionSettings, UnmappableLogin, default_strategy, identify
from schemas.errors import Transient
from schemas.events.fields import ConnectionName, Slug
from schemas.formats import exact_json
from schemas.formats.spelling import identifier_key
from schemas.formats.violations import RULE, violations
from schemas.logins.raw_login import Identifier, IpAddress
from services.ingest.bodies import json_in
from services.ingest.endpoint import EndpointResources, GatewayEndpoint
from services.ingest.errors import SCOPE, RejectedRequest, invalid_body, invalid_items, undecided
from services.ingest.responses import JsonResponse
from services.ledger.directory import LoginCheckKey, read_login_checks
from services.runtime.auth.tokens import Principal
from services.runtime.fairness.shares import OverShare
from services.runtime.postgres.tenant_pool import TenantDatabase

CHECK_SCOPE: Final = "check:logins"
MAX_CHECKS: Final = 100


class LoginCheck(BaseModel):
    """The person who tries to log in, named as in a login event, and the IP address."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    ip: IpAddress = Field(description="The IP address of the person.")
    connection: ConnectionName | None = Field(
        None, description="The connection of the login. If absent, all connections are considered."
    )
    strategy: Slug | None = Field(None, description="The kind of identity provider that `claims` come from.")
    identifier: Identifier | None = Field(
        None, description="The e-mail address, username or phone number that the person typed."
    )
    user_id: str | None = Field(
        None, max_length=1152, description="The user's id, or that of one of their identities."
    )
    claims: dict[str, Any] | None = Field(None, description="The claims that the provider returned.")

    @model_validator(mode="after")
    def _names_somebody(self) -> "LoginCheck":
        if not self.identifier and not self.user_id and not self.claims:
            raise PydanticCustomError(RULE, "One of identifier, user_id and claims must identify a person")
        if self.claims and self.connection is None:
            raise PydanticCustomError(RULE, "Missing required property: connection (claims are read by it)")
        return self

    @property
    def identity(self) -> tuple[str, str] | None:
        """Return the provider and the provider's id; None when the check has only an `identifier`, or claims
        that identify no user."""
        if self.user_id is not None:
            provider, _, idp_id = self.user_id.partition("|")
            return provider, idp_id
        if not self.claims or self.connection is None:
            return None
        strategy = self.strategy or default_strategy(self.connection) or self.connection
        try:
            return identify(ConnectionSettings(self.connection, strategy, {}), self.claims, self.identifier)
        except UnmappableLogin:
            return None


_CHECKS: Final = TypeAdapter(list[LoginCheck])


class ChecksEndpoint(GatewayEndpoint):
    """Responds to one check with one decision, and to an array of checks with a decision for each."""

    scopes = (CHECK_SCOPE, SCOPE)

    def __init__(
        self,
        resources: EndpointResources,
        database: TenantDatabase,
        clock: Callable[[], int],
        patience_seconds: float,
    ) -> None:
        super().__init__(resources)
        self._database, self._clock, self._patience = database, clock, patience_seconds

    async def handle(self, principal: Principal, headers: Mapping[str, str], body: bytes) -> JsonResponse:
        """Read the block and failed attempts of each checked person, and return the decisions. Raises
        RejectedRequest (400, 413, 415; 503 when the database does not answer) and OverShare."""
        document, checks = await self.read(principal.tenant, body, partial(_read, headers, body))
        try:
            async with (
                asyncio.timeout(self._patience),
                self._database.connection(principal.tenant) as connection,
            ):
                rows = await read_login_checks(connection, principal.tenant, _keys(checks))
        except OverShare:
            raise
        except (Transient, TimeoutError):
            raise undecided() from None
        found = [present(verdict) for verdict in decide(checks, rows, self._clock())]
        return JsonResponse(200, exact_json.dumps(found if isinstance(document, list) else found[0]))


def _read(headers: Mapping[str, str], body: bytes) -> tuple[Any, list[LoginCheck]]:
    document = json_in(headers, body, "one check or an array of checks")
    return document, checks_in(document, body)


def checks_in(document: Any, body: bytes) -> list[LoginCheck]:
    """Return the checks of a request. Raises RejectedRequest (400, 413)."""
    many = isinstance(document, list)
    items = document if many else [document]
    if not items:
        raise invalid_body("The array is empty: expected at least one check")
    if len(items) > MAX_CHECKS:
        raise RejectedRequest(413, f"Payload holds more checks than maximum allowed: {MAX_CHECKS}.")
    if exact_json.holds_nul(document, body):
        raise invalid_body("Text must not contain U+0000")
    try:
        return _CHECKS.validate_python(items) if many else [LoginCheck.model_validate(document)]
    except ValidationError as error:
        raise invalid_items(violations(error)) from None


def decide(checks: Sequence[LoginCheck], rows: Sequence[Record], now: int) -> list[LoginVerdict]:
    """Return a verdict for each check under the tenant's current settings; `now` is in milliseconds."""
    settings = {} if rows[0]["settings"] is None else exact_json.loads(rows[0]["settings"])
    forced = brute_force(settings.get("brute-force-protection"))
    suspicious = suspicious_ip(settings.get("suspicious-ip-throttling"))
    return [
        judge(_facts(check, row), forced, suspicious, now) for check, row in zip(checks, rows, strict=True)
    ]


def present(verdict: LoginVerdict) -> dict[str, Any]:
    """Return the verdict as a gateway gets it. `monitored` names the protections that would have denied the
    login if they were enforced."""
    answer: dict[str, Any] = {"decision": "allow"}
    if verdict.ban is not None:
        answer = {
            "decision": "deny",
            "reason": verdict.ban.reason,
            "description": verdict.ban.description,
        }
    if verdict.monitored:
        answer["monitored"] = [ban.reason for ban in verdict.monitored]
    return answer


def _keys(checks: Sequence[LoginCheck]) -> list[LoginCheckKey]:
    return [
        (
            check.connection,
            check.identifier and identifier_key(check.identifier),
            *(check.identity or (None, None)),
            address_of(check.ip),
        )
        for check in checks
    ]


def _facts(check: LoginCheck, row: Record) -> Facts:
    ip = address_of(check.ip)
    failures = [] if row["failures"] is None else exact_json.loads(row["failures"])
    addresses = [] if row["addresses"] is None else exact_json.loads(row["addresses"])
    return Facts(
        ip,
        row["blocked"],
        [
            IdentifierFailures(
                (connection, identifier), Tally(count, last), {} if here is None else {ip: Tally(*here)}
            )
            for connection, identifier, count, last, here in failures
        ],
        [Address(tuple(times), released_at) for times, released_at in addresses],
    )
