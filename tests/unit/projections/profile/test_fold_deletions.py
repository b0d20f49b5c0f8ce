"""Deletions in the fold, and what undoes them."""

from collections.abc import Mapping
from typing import Any

from projections.profile.changes.deletions import set_aside_by_deletion
from projections.profile.changes.links import links_of, merged_into
from projections.profile.fold import fold
from projections.profile.row import profile_of, profile_row
from projections.profile.state import Profile
from schemas.events import (
    IdentityLinked,
    IdentityLinkedData,
    MfaEnrolled,
    MfaEnrolledData,
    RolesAssigned,
    RolesData,
    UserDeleted,
    UserDeletedData,
    UserMerged,
    UserMergedData,
    UserUndeleted,
    UserUndeletedData,
)
from schemas.sealing.keys import generate_subject_keys
from tests.samples.profile_events import SUBJECT, creation, edit, event, login, metadata, person

OTHER = f"sub_{2:032x}"
DELETION, LINK = "0190a1b2-c3d4-7e5f-8a9b-0000000000d1", "0190a1b2-c3d4-7e5f-8a9b-0000000000a1"
COLUMNS = (
    "tenant", "subject", "user_id", "revision", "document", "memory", "secrets", "associations",
)  # fmt: skip


def deleting(**data: Any) -> Any:
    return event(UserDeleted, UserDeletedData(**data), 10, causationid=DELETION)


def undeleting(deletion: str = DELETION, **data: Any) -> Any:
    return event(UserUndeleted, UserUndeletedData(deletion=deletion, **data), 20)


def whole() -> Profile:
    """A person with everything that a person can have of its own."""
    return person(
        [
            creation(password_hash="$2b$", app_metadata={"plan": "gold"}),
            login(
                1, connection="users", provider="auth0", idp_id="63d17c4a8869daf88ed7db97", is_social=False
            ),
            metadata(2, user_metadata={"a": 1}),
            edit(3, name="Jane"),
            event(RolesAssigned, RolesData(roles=("rol_1",)), 4),
            event(
                MfaEnrolled,
                MfaEnrolledData(
                    factor_id="totp|dev_0123456789abcdef", factor_type="totp", secrets={"s": "x"}
                ),
                5,
            ),
        ]
    )


def without_time(document: Mapping[str, Any] | None) -> dict[str, Any]:
    assert document is not None
    return {name: value for name, value in document.items() if name != "updated_at"}


def assert_as_before(after: Profile, before: Profile) -> None:
    assert without_time(after.document) == without_time(before.document)
    assert after.secrets == before.secrets
    assert after.associations == before.associations
    memory = after.memory
    assert (memory.provenance, memory.marks, memory.linked) == (
        before.memory.provenance, before.memory.marks, before.memory.linked,
    )  # fmt: skip
    assert memory.deleted_at is None


def test_a_deletion_is_undone() -> None:
    """Attributes, metadata, roles, factors and secrets are as before; only `updated_at` is new."""
    before = whole()
    gone = fold(before, deleting())
    assert gone.document is None
    assert not gone.associations
    after = fold(gone, undeleting())
    assert_as_before(after, before)
    assert after.revision == before.revision + 2
    assert after.document is not None
    assert after.document["updated_at"].startswith("2026-11-23T10:20:")


def test_what_is_set_aside_is_sealed_with_the_key() -> None:
    """The row of a deleted person shows nothing of it, survives its bytes, and is unreadable without key."""
    keys, owner = generate_subject_keys(), ("demo", SUBJECT)
    before = whole()
    columns = profile_row(owner, fold(before, deleting()), keys)
    assert not any("jane" in str(column).lower() or "joe@" in str(column) for column in columns)
    row = dict(zip(COLUMNS, columns, strict=True))
    assert_as_before(fold(profile_of(row, owner, keys), undeleting()), before)
    assert set_aside_by_deletion(profile_of(row, owner, None)) is None


def test_another_profile_stays() -> None:
    """Who signed in since, whose deletion was a later one, or who lives is not changed by the event."""
    gone = fold(whole(), deleting())
    again = fold(gone, login(15))
    assert not again.secrets
    for profile, made in (
        (again, undeleting()),
        (gone, undeleting(LINK)),
        (gone, undeleting(expected_revision=1)),
        (whole(), undeleting()),
    ):
        after = fold(profile, made)
        assert after.document == profile.document
        assert after.revision == profile.revision
        assert made.id in after.memory.refused


def test_linked_people_come_back_linked() -> None:
    """Both sides of a link are as they were, with the secrets of the profile that was put by."""
    data = IdentityLinkedData(
        secondary=OTHER, connection="corp", provider="samlp", idp_id="7", is_social=False, means="admin"
    )
    primary = fold(whole(), event(IdentityLinked, data, 6, causationid=LINK))
    secondary = fold(whole(), event(UserMerged, UserMergedData(into=OTHER), 6, causationid=LINK))
    back = [
        fold(fold(profile, deleting(together_with=group)), undeleting())
        for profile, group in ((primary, SUBJECT), (secondary, OTHER))
    ]
    assert_as_before(back[0], primary)
    assert links_of(back[0]) == links_of(primary)
    assert back[1].document is None
    assert merged_into(back[1]) == OTHER
    assert back[1].associations["merged"]["secrets"] == secondary.associations["merged"]["secrets"]
