"""A profile and its row: revision, document, memory, secrets and holdings."""

from typing import Any

from projections.profile.document import ordered
from projections.profile.sealed import Person, dump_holdings, load_holdings, opened, sealed
from projections.profile.state import Profile, dump_memory, load_memory
from projections.row import Row
from schemas.formats import exact_json
from schemas.sealing.keys import SubjectKeys


def profile_of(row: Row, person: Person, keys: SubjectKeys | None) -> Profile:
    """Return the profile in a row. Secrets are opened at the first look; there are none when `keys` is None
    or the person's key has been destroyed."""
    document = None if row["document"] is None else exact_json.loads(row["document"])
    holdings = {} if row["holdings"] is None else load_holdings(row["holdings"], person, keys)
    secrets = opened(row["secrets"], person, keys)
    return Profile(row["revision"], document, load_memory(row["memory"]), secrets, holdings)


def profile_row(person: Person, profile: Profile, keys: SubjectKeys | None) -> tuple[Any, ...]:
    """Return the columns of `write_people`: tenant, subject, user_id, revision, document, memory, secrets,
    holdings. Secrets are sealed with `keys`, and left out where the person's key has been destroyed."""
    document = profile.document
    return (
        *person,
        None if document is None else document["user_id"],
        profile.revision,
        None if document is None else exact_json.dumps(ordered(document)).decode(),
        dump_memory(profile.memory).decode(),
        sealed(profile.secrets, person, keys),
        dump_holdings(profile.holdings, person, keys).decode() if profile.holdings else None,
    )
