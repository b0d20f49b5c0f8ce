"""Why each attribute of a profile has its value: the event that gave it, and the values it was chosen over.
Pure.

`Explainer` takes the steps of a person's history one after the other and keeps what the profile itself does
not: which event changed an attribute last, and what the latest login of each identity offered for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from projections.history.changes import document_changes
from projections.history.steps import HistoryStep
from projections.profile.document import ordered
from projections.profile.identities import identity_key
from projections.profile.marks import mark_of
from projections.profile.provenance import CONNECTION, DEFAULT
from projections.profile.state import NO_PROFILE, Profile
from schemas.events import LoginSucceeded, RootPolicy
from schemas.formats.exact_json import same
from schemas.formats.instants import render

RULES: Final[Mapping[str, str]] = {
    "primary_identity": "The profile shows the values of its primary identity; a linked identity keeps its"
    " own in profileData.",
    "edit_kept": "An edit decided, and the connection does not overwrite what was edited.",
    "never_on_login": "The connection never updates this attribute on a login.",
    "on_first_login": "The connection sets this attribute on the first login only.",
    "edited_later": "An edit decided: it came after the login.",
    "claim_over_default": "A value that a claim or an edit gave decides over one made from other attributes.",
    "later_login": "Of several logins the later one decides, by its own time.",
}
"""The rules by which a value is chosen over another, by name."""


class ValueSource(NamedTuple):
    """An event as the source of a value."""

    event_id: str
    position: str
    type: str
    time: str
    by: str

    def shown(self) -> dict[str, Any]:
        """Return the source as JSON values; what is not known is left out."""
        named = {"event": self.event_id, "type": self.type, "position": self.position}
        return {name: value for name, value in {**named, "time": self.time, "by": self.by}.items() if value}


class Offer(NamedTuple):
    """A value that a login offered for an attribute."""

    value: Any
    claim: str
    source: ValueSource
    policy: RootPolicy
    mark: str


@dataclass(slots=True)
class Explainer:
    """The state of an explanation; `profile` is that after the last step."""

    profile: Profile = NO_PROFILE
    _sources: dict[str, ValueSource] = field(default_factory=dict)
    """Of the events that gave what the profile shows, by event id."""
    _changed: dict[str, ValueSource] = field(default_factory=dict)
    """Attribute -> the event that changed its value last."""
    _offers: dict[str, dict[str, Offer]] = field(default_factory=dict)
    """Identity -> attribute -> what its latest login offered."""

    def take(self, step: HistoryStep) -> None:
        """Add the next step of the history."""
        self.profile = step.after
        if step.after.document is None:
            self._sources, self._changed, self._offers = {}, {}, {}
            return
        if step.verdict != "counts":
            return
        source = _source(step)
        for change in document_changes(step.before.document, step.after.document):
            if change.attribute in step.after.document:
                self._changed[change.attribute] = source
            else:
                self._changed.pop(change.attribute, None)
        if isinstance(step.event, LoginSucceeded):
            self._offer(step.event, source)
        provenance = step.after.memory.provenance
        if step.event.id in provenance:
            self._sources[step.event.id] = source
        if len(self._sources) > len(provenance):
            self._sources = {name: one for name, one in self._sources.items() if name in provenance}

    def explained(self) -> list[dict[str, Any]]:
        """Return the explanation of every attribute of the present document, in the order in which documents
        are answered; nothing when there is no document."""
        document = self.profile.document
        if document is None:
            return []
        return [self._explained(name, value) for name, value in ordered(document).items()]

    def _offer(self, event: LoginSucceeded, source: ValueSource) -> None:
        data, mark = event.data, mark_of(event)
        known = self._offers.setdefault(identity_key(data.provider, data.idp_id), {})
        for name, value in {**data.attributes, **data.extras}.items():
            if name not in known or mark > known[name].mark:
                claim = data.sources.get(name, name)
                known[name] = Offer(value, claim, source, data.root_policy, mark)

    def _explained(self, name: str, value: Any) -> dict[str, Any]:
        claim, source = self._given(name)
        found: dict[str, Any] = {"attribute": name, "value": value}
        if source is not None:
            found |= source.shown()
        if claim is not None:
            found["claim"] = claim
        changed = self._changed.get(name)
        if changed is not None:
            found["since"] = changed.time
        others = self._alternatives(name, value, claim, source)
        return {**found, "alternatives": others} if others else found

    def _given(self, name: str) -> tuple[str | None, ValueSource | None]:
        """Return the claim that gave an attribute and the event that did; for what the profile keeps no claim
        of, no claim and the event that changed it last."""
        for event_id, group in self.profile.memory.provenance.items():
            if (claim := group["claims"].get(name)) is not None:
                known = self._sources.get(event_id)
                return claim, known or ValueSource(event_id, "", "", group["at"], group["by"])
        return None, self._changed.get(name)

    def _alternatives(
        self, name: str, value: Any, claim: str | None, source: ValueSource | None
    ) -> list[dict[str, Any]]:
        document = self.profile.document or {}
        found: list[dict[str, Any]] = []
        for number, identity in enumerate(document["identities"]):
            key = identity_key(identity["provider"], identity["user_id"])
            offer = self._offers.get(key, {}).get(name)
            linked = number > 0
            if linked:
                shown = identity.get("profileData", {})
                if name in shown and not same(shown[name], value):
                    found.append(self._of_linked(name, key, shown[name], identity["connection"], offer))
            elif offer is not None and not same(offer.value, value):
                rule = _rule(offer, claim, source)
                found.append({**_offered(key, offer), **_named(rule)})
        return found

    def _of_linked(
        self, name: str, key: str, value: Any, connection: str, offer: Offer | None
    ) -> dict[str, Any]:
        if offer is not None and same(offer.value, value):
            return {**_offered(key, offer), **_named("primary_identity")}
        found: dict[str, Any] = {"value": value, "identity": key, "by": f"{CONNECTION}{connection}"}
        time, _, event_id = self.profile.memory.linked.get(key, {}).get(name, "").partition(" ")
        if event_id:
            found |= {"event": event_id, "time": time}
        return {**found, **_named("primary_identity")}


def _rule(offer: Offer, claim: str | None, source: ValueSource | None) -> str:
    """Return the name of the rule by which a value was chosen over what the latest login of the primary
    identity offered."""
    edited = source is not None and not source.by.startswith(CONNECTION)
    if offer.policy in ("never_on_login", "on_first_login"):
        return offer.policy
    if edited:
        return "edit_kept" if offer.policy == "unless_edited" else "edited_later"
    if offer.claim.startswith(DEFAULT) and claim is not None and not claim.startswith(DEFAULT):
        return "claim_over_default"
    return "later_login"


def _offered(key: str, offer: Offer) -> dict[str, Any]:
    return {"value": offer.value, "identity": key, "claim": offer.claim, **offer.source.shown()}


def _named(rule: str) -> dict[str, str]:
    return {"rule": rule, "reason": RULES[rule]}


def _source(step: HistoryStep) -> ValueSource:
    event = step.event
    by = event.actor
    if isinstance(event, LoginSucceeded):
        by = f"{CONNECTION}{event.data.connection}"
    return ValueSource(event.id, str(step.logged.position), event.type, render(event.time), by)
