"""A profile and its row: revision, document, memory, secrets and associations."""

from typing import Any

from projections.profile.document import ordered
from projections.profile.sealed import UserKey, dump_associations, load_associations, opened, sealed
from projections.profile.state import Profile, dump_memory, load_memory
from projections.row import Row
from schemas.formats import exact_json
from schemas.sealing.keys import SubjectKeys


def profile_of(row: Row, user: UserKey, keys: SubjectKeys | None) -> Profile:
    """Return the profile in a row. Secrets are decrypted at the first access; there are none if `keys` is
    None or the user's key is destroyed."""
    document = None if row["document"] is None else exact_json.loads(row["document"])
    associations = {} if row["associations"] is None else load_associations(row["associations"], user, keys)
    secrets = opened(row["secrets"], user, keys)
    return Profile(row["revision"], document, load_memory(row["memory"]), secrets, associations)


def profile_row(user: UserKey, profile: Profile, keys: SubjectKeys | None) -> tuple[Any, ...]:
    """Return the columns of `write_people`: tenant, subject, user_id, revision, document, memory, secrets,
    associations. Secrets are sealed with `keys`; they are left out if the user's key is destroyed."""
    document = profile.document
    return (
        *user,
        None if document is None else document["user_id"],
        profile.revision,
        None if document is None else exact_json.dumps(ordered(document)).decode(),
        dump_memory(profile.memory).decode(),
        sealed(profile.secrets, user, keys),
        dump_associations(profile.associations, user, keys).decode() if profile.associations else None,
    )
