"""Linking in the fold: what each event does, and what late and repeated ones do not."""

from typing import Any

from projections.profile.changes.links import links_of, merged_into
from projections.profile.fold import fold
from projections.profile.memory import RECENT
from projections.profile.state import Profile
from schemas.events import (
    IdentityLinked,
    IdentityLinkedData,
    IdentityUnlinked,
    IdentityUnlinkedData,
    UserCreated,
    UserDeleted,
    UserDeletedData,
    UserMerged,
    UserMergedData,
    UserRestored,
    UserRestoredData,
)
from tests.samples.profile_events import SUBJECT, creation, event, login, person

OTHER = f"sub_{2:032x}"
FIRST, SECOND, THIRD = (f"0190a1b2-c3d4-7e5f-8a9b-00000000000{n}" for n in "abc")
DATA: dict[str, Any] = {"connection": "corp", "provider": "samlp", "idp_id": "7"}


def linking(command: str = FIRST, **changes: Any) -> IdentityLinked:
    given = {"secondary": OTHER, "is_social": False, "means": "admin", "profile_data": {"name": "J"}}
    data = IdentityLinkedData(**{**DATA, **given, **changes})
    made: IdentityLinked = event(IdentityLinked, data, 1, causationid=command)
    return made


def unlinking(command: str = SECOND) -> IdentityUnlinked:
    data = IdentityUnlinkedData(secondary=OTHER, **DATA)
    made: IdentityUnlinked = event(IdentityUnlinked, data, 2, causationid=command)
    return made


def merging(command: str = FIRST, into: str = OTHER) -> UserMerged:
    made: UserMerged = event(UserMerged, UserMergedData(into=into), 1, causationid=command)
    return made


def restoring(command: str = SECOND, **changes: Any) -> UserRestored:
    data = UserRestoredData(parted_from=OTHER, **changes)
    made: UserRestored = event(UserRestored, data, 2, causationid=command)
    return made


def deleting(together_with: str | None, command: str = THIRD) -> UserDeleted:
    made: UserDeleted = event(
        UserDeleted, UserDeletedData(together_with=together_with), 3, causationid=command
    )
    return made


def later(profile: Profile) -> Profile:
    """The person after enough logins that no earlier id is remembered."""
    return person([login(5) for _ in range(RECENT + 1)], profile)


def again(made: Any) -> Any:
    """A repeated event of the command, after its id was forgotten."""
    return made.model_copy(update={"id": event(type(made), made.data).id})


def test_a_link_is_shown_and_taken_back() -> None:
    """The identity follows the others with its profile data; after the unlink only the history has it."""
    before = person([login(tokens={"access_token": "own"})])
    linked = fold(before, linking(tokens={"access_token": "other"}))
    assert linked.document is not None
    assert linked.document["identities"][1] == {
        "profileData": {"name": "J"}, "connection": "corp", "user_id": "7", "provider": "samlp",
        "isSocial": False,
    }  # fmt: skip
    assert linked.secrets["tokens"]["samlp|7"] == {"access_token": "other"}
    after = fold(linked, unlinking())
    assert after.document is not None
    assert before.document is not None
    assert after.document["identities"] == before.document["identities"]
    assert after.secrets == before.secrets
    assert [entry["type"] for entry in after.associations["links"]] == ["linked", "unlinked"]
    assert not links_of(after)


def test_a_link_taken_back_by_its_own_command_never_was() -> None:
    """No entry in the history, and the command has no effect any more."""
    after = fold(person([login(), linking()]), unlinking(FIRST))
    assert not after.associations
    assert fold(later(after), again(linking())).associations == {}


def test_a_repeated_link_is_no_other_link() -> None:
    """A repeated command neither counts nor is refused; another command for the identity is refused."""
    linked = later(person([login(), linking()]))
    repeated = fold(linked, again(linking()))
    assert (repeated.revision, repeated.memory.refused) == (linked.revision, ())
    other = fold(linked, linking(SECOND))
    assert (other.revision, other.memory.refused) == (linked.revision, (SECOND,))


def test_what_has_ended_stays_ended() -> None:
    """Late events of a link that was undone, and of what undid it, find it refused on either side."""
    primary = fold(fold(later(person([login(), linking(), unlinking()])), again(linking())), linking(THIRD))
    assert links_of(primary)["samlp|7"]["command"] == THIRD
    assert links_of(fold(later(primary), again(unlinking()))) == links_of(primary)
    secondary = later(person([login(), merging(), restoring()]))
    assert merged_into(fold(secondary, again(merging()))) is None
    merged = fold(secondary, merging(THIRD))
    assert merged_into(fold(later(merged), again(restoring()))) == OTHER


def test_what_was_put_by_comes_back() -> None:
    """Document, secrets, provenance and what else was held; then what the provider said since."""
    before = person([login(extras={"hd": "x"}, tokens={"access_token": "t"}, sources={"name": "raw.name"})])
    merged = fold(before, merging())
    assert (merged.document, dict(merged.secrets), dict(merged.memory.provenance)) == (None, {}, {})
    back = fold(merged, restoring(values={"name": "New"}, removed=("hd",), tokens={"access_token": "u"}))
    assert back.document is not None
    assert (back.document["name"], "hd" in back.document) == ("New", False)
    assert back.document["email"] == "jane@example.com"
    assert back.secrets["tokens"] == {"google-oauth2|117": {"access_token": "u"}}
    assert not back.associations


def test_a_merged_person_takes_nothing() -> None:
    """Logins are handed on, edits and creations are refused; who has links cannot be merged."""
    merged = person([login(), merging()])
    assert fold(merged, login(2)).document is None
    created: UserCreated = creation(2, provider="google-oauth2", idp_id="117")
    assert fold(merged, created).memory.refused == (created.id,)
    assert merged_into(person([login(), linking(), merging(SECOND)])) is None


def test_people_who_are_linked_go_together() -> None:
    """A plain deletion of either is refused; one for both takes either, and once only."""
    primary, secondary = person([login(), linking()]), person([login(), merging()])
    assert fold(primary, deleting(None)).document is not None
    assert merged_into(fold(secondary, deleting(None))) == OTHER
    gone = fold(primary, deleting(SUBJECT)), fold(secondary, deleting(OTHER))
    assert [(one.document, dict(one.associations)) for one in gone] == [(None, {}), (None, {})]
    new = later(gone[0])
    assert fold(new, again(deleting(SUBJECT))).document is not None
    assert fold(new, again(linking())).document == new.document


def test_a_login_handed_on_needs_its_link() -> None:
    """A relayed login of an identity that is not linked creates no profile and does not count."""
    stray = login(provider="samlp", idp_id="7", sourceposition="relay-1/3/9")
    assert person([stray]).document is None
    counted = person([login(), linking(), stray]).document
    assert counted is not None
    assert counted["logins_count"] == 2


def test_profile_data_holds_what_was_supplied() -> None:
    """Defaults are left out, what a provider leaves out stays, a verified state goes with its address."""
    first = login(
        1, provider="samlp", idp_id="7", sources={"nickname": "default:email"}, extras={"a": 1},
        attributes={"name": "J", "nickname": "j", "email": "j@x.com", "email_verified": True},
    )  # fmt: skip
    second = login(2, provider="samlp", idp_id="7", attributes={"email": "k@x.com"})
    late = login(
        0, provider="samlp", idp_id="7", attributes={"name": "L", "email": "l@x.com"}, extras={"b": 2}
    )
    linked = person([login(), linking(profile_data={})])
    made = fold(linked, first).document
    assert made is not None
    assert made["identities"][1]["profileData"] == {
        "name": "J", "email": "j@x.com", "email_verified": True, "a": 1,
    }  # fmt: skip
    for logins in ((late, first, second), (first, second, late), (second, late, first)):
        made = person([login(), linking(profile_data={}), *logins]).document
        assert made is not None
        assert made["identities"][1]["profileData"] == {"name": "J", "email": "k@x.com"}
