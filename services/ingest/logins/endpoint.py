"""`POST /ingest/v1/logins`: decides about each event of a body and writes the accepted ones to the log."""

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any, Protocol

from schemas.errors import Transient
from services.ingest.bodies import events_in
from services.ingest.endpoint import EndpointResources, GatewayEndpoint
from services.ingest.errors import SCOPE, unavailable
from services.ingest.logins.connections import Known, settle
from services.ingest.logins.decide import AcceptedLogin, RejectedLogin, decide
from services.ingest.logins.keying import record_key
from services.ingest.logins.results import results_response
from services.ingest.logins.signing import LoginRecord, SignedLogin, Signer
from services.ingest.responses import JsonResponse
from services.runtime.auth.tokens import Principal
from services.runtime.fairness.current_request import step_seconds
from services.runtime.fairness.loop_shares import in_steps
from services.runtime.metrics.catalogue import LOGINS
from services.runtime.metrics.meters import count


class LoginLog(Protocol):
    """The log that accepted events are written to."""

    async def publish(self, records: list[LoginRecord]) -> list[bool]:
        """Return for each record whether all replicas have it. Raises Transient when no write was tried."""


class ConnectionLookup(Protocol):
    """Looks up the connections that logins name."""

    def remembered(self, tenant: str, name: str) -> Known | None:
        """Return a remembered connection; None when `known` has to read it."""

    async def known(self, tenant: str, names: Collection[str]) -> Mapping[str, Known]:
        """Return connections by name; a name is missing when it could not be read."""


class LoginsEndpoint(GatewayEndpoint):
    """Checks, signs and writes the events of a request, and responds with one result per event."""

    scopes = (SCOPE,)

    def __init__(
        self,
        resources: EndpointResources,
        log: LoginLog,
        signer: Signer,
        connections: ConnectionLookup,
        clock: Callable[[], str],
        handled: Callable[[int], None],
    ) -> None:
        super().__init__(resources)
        self._log, self._signer, self._connections = log, signer, connections
        self._clock, self._handled = clock, handled

    async def handle(self, principal: Principal, headers: Mapping[str, str], body: bytes) -> JsonResponse:
        """Write the acceptable events to the log and return a result for each. Raises RejectedRequest, and
        OverShare when too many large bodies of the tenant wait."""
        arrived, tenant = self._clock(), principal.tenant
        events = await self.read(tenant, body, partial(events_in, headers, body))
        decided = [self._decided(event, tenant, arrived) async for event in in_steps(events, step_seconds)]
        names = {one.login.data.connection for one in decided if isinstance(one, AcceptedLogin)}
        known = await self._connections.known(tenant, names) if names else {}
        verdicts = [
            self._signed(one, known.get(one.login.data.connection)) if isinstance(one, AcceptedLogin) else one
            async for one in in_steps(decided, step_seconds)
        ]
        records = [verdict.record for verdict in verdicts if isinstance(verdict, SignedLogin)]
        try:
            written = await self._log.publish(records) if records else []
        except Transient:
            _count(retry=len(records), rejected=len(verdicts) - len(records))
            raise unavailable("The event log") from None
        accepted = sum(written)
        self._handled(accepted)
        _count(accepted=accepted, retry=len(written) - accepted, rejected=len(verdicts) - len(written))
        return results_response(verdicts, written)

    def _decided(self, event: Any, tenant: str, arrived: str) -> SignedLogin | RejectedLogin | AcceptedLogin:
        """Decide about an event; the result is AcceptedLogin while its connection has to be read first.

        An event is processed from its text to its signature at once, while the processor's caches hold it:
        that takes a quarter less time than one step after the other for all events of a body.
        """
        verdict = decide(event, tenant, arrived, record_key)
        if isinstance(verdict, RejectedLogin):
            return verdict
        about = self._connections.remembered(tenant, verdict.login.data.connection)
        return verdict if about is None else self._signed(verdict, about)

    def _signed(self, accepted: AcceptedLogin, about: Known | None) -> SignedLogin | RejectedLogin:
        verdict = settle(accepted, about)
        return verdict if isinstance(verdict, RejectedLogin) else self._signer.sign(verdict)


def _count(**logins: int) -> None:
    for outcome, number in logins.items():
        if number:
            count(LOGINS, outcome, by=number)
