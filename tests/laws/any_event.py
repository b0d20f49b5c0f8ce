"""One event of any type, for Hypothesis."""

from hypothesis import strategies as st

from schemas.events import ClientConfigured, ClientConfiguredData, Event
from schemas.identifiers import tenant_subject
from tests.laws.events import TENANT, connections, event_id, instants, placed, steps, text

_client_configurations = st.builds(
    ClientConfiguredData,
    client_id=st.just("app"),
    scopes=st.sampled_from([(), ("read:users", "update:users")]),
    deleted=st.booleans(),
    name=text,
    secret_hash=st.sampled_from([None, "hash"]),
)


@st.composite
def any_events(draw: st.DrawFn) -> Event:
    """One event of any type."""
    kind = draw(st.sampled_from(["person", "connection", "client"]))
    if kind == "person":
        return draw(steps().map(lambda step: placed([step])[0]))
    if kind == "connection":
        made = draw(connections().filter(bool))
        return made[0]
    return ClientConfigured(
        id=event_id(1),
        source="/vita/test",
        subject=tenant_subject(TENANT),
        time=draw(instants),
        tenant=TENANT,
        actor="client:admin",
        data=draw(_client_configurations),
    )
