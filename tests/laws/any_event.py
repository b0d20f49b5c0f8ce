"""One event of any type, for Hypothesis."""

from typing import get_args

from hypothesis import strategies as st

from schemas.errors import DeadLetterReason
from schemas.events import (
    ClientConfigured,
    ClientConfiguredData,
    Event,
    LoginQuarantined,
    LoginQuarantinedData,
)
from schemas.formats.identifiers import tenant_subject
from tests.laws.events import TENANT, connections, event_id, instants, placed, steps, text

_client_configurations = st.builds(
    ClientConfiguredData,
    client_id=st.just("app"),
    scopes=st.sampled_from([(), ("read:users", "update:users")]),
    deleted=st.booleans(),
    name=text,
    secret_hash=st.sampled_from([None, "hash"]),
)


_quarantined = st.builds(
    LoginQuarantinedData,
    reason=st.sampled_from(get_args(DeadLetterReason)),
    record=st.just("logins.raw/0/1"),
    earlier=st.integers(0, 10),
    detail=text,
    login_source=st.none() | text,
    login_id=st.none() | text,
)


@st.composite
def any_events(draw: st.DrawFn) -> Event:
    """One event of any type."""
    kind = draw(st.sampled_from(["person", "connection", "client", "quarantined"]))
    if kind == "person":
        return draw(steps().map(lambda step: placed([step])[0]))
    if kind == "connection":
        made = draw(connections().filter(bool))
        return made[0]
    if kind == "quarantined":
        return draw(quarantined_logins())
    return ClientConfigured(
        id=event_id(1),
        source="/vita/test",
        subject=tenant_subject(TENANT),
        time=draw(instants),
        tenant=TENANT,
        actor="client:admin",
        data=draw(_client_configurations),
    )


@st.composite
def quarantined_logins(draw: st.DrawFn) -> LoginQuarantined:
    """A quarantined login that may be reported to a tenant."""
    offset = draw(st.integers(0, 5))
    return LoginQuarantined(
        id=event_id(offset),
        source="/vita/test",
        subject=tenant_subject(TENANT),
        time=draw(instants),
        tenant=TENANT,
        actor="system:normalizer",
        sourceposition=f"1/{offset % 2}/{offset}",
        data=draw(_quarantined),
    )
