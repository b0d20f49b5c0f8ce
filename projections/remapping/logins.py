"""One login mapped again."""

from typing import Literal, NamedTuple, cast

from projections.normalization import UnmappableLogin, remap
from projections.remapping.configurations import MappingSettings
from schemas.events import LoginSucceeded
from schemas.formats.exact_json import same

Outcome = Literal["unchanged", "changed", "not_kept", "too_large", "unmappable"]
"""`not_kept` and `too_large`: the event keeps no claims, or could not. `unmappable`: this mapping refuses the
claims. In all three cases, and when nothing changes, the event stays as it is."""


class RemappedLogin(NamedTuple):
    """The event of a login as this mapping makes it; the very same one unless its `outcome` is `changed`.

    `leads_elsewhere` says that a new login with these claims would have another identity.
    """

    event: LoginSucceeded
    outcome: Outcome
    leads_elsewhere: bool = False


def remap_login(event: LoginSucceeded, settings: MappingSettings) -> RemappedLogin:
    """Map a login again, for the identity that it has.

    With the settings and the code that mapped it, the result is the event itself.
    """
    data = event.data
    if data.claims is None:
        return RemappedLogin(event, cast(Outcome, data.claims_omitted or "not_kept"))
    identity = data.provider, data.idp_id
    try:
        again = remap(settings.connection, data.claims, identity, data.identifier, settings.pictures)
    except UnmappableLogin:
        return RemappedLogin(event, "unmappable")
    person = again.person
    if (
        same(person.attributes, data.attributes)
        and same(person.extras, data.extras)
        and same(person.sources, data.sources)
    ):
        return RemappedLogin(event, "unchanged", again.leads_elsewhere)
    update = {"attributes": person.attributes, "extras": person.extras, "sources": person.sources}
    changed = event.model_copy(update={"data": data.model_copy(update=update)})
    return RemappedLogin(changed, "changed", again.leads_elsewhere)
