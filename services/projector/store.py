"""The views in PostgreSQL: what a batch touches comes in with one statement per table, and goes back the same
way."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

from projections.client.fold import Client
from projections.client.row import ClientKey, client_of, client_row
from projections.connection.fold import Connection, Connections
from projections.connection.row import connection_of, connection_row
from projections.profile.row import profile_of, profile_row
from projections.profile.state import Memory, Profile, dump_memory, load_memory
from projections.setting.fold import Setting
from projections.setting.row import SettingKey, setting_of, setting_row
from schemas.formats.identifiers import tenant_subject
from schemas.sealing.keys import Keyring, SubjectKeys
from services.ledger import reservations
from services.ledger.keys.subject_keys import wrapped_keys
from services.ledger.keys.users import read_owners
from services.projector.batch import Change, Claims, Outcome, Person, Views
from services.projector.event_views import DERIVED, Wave, Write
from services.projector.statement_batches import side_by_side
from services.runtime.postgres.named_queries import load

Columns = list[list[Any]]


async def read_people(
    connection: asyncpg.Connection, keyring: Keyring, people: Sequence[Person]
) -> tuple[dict[Person, SubjectKeys], dict[Person, Profile], set[Person]]:
    """Keys of the owners (people and tenants), the profiles there are, and those of them as whom logins
    failed, in one round trip."""
    rows = await read_owners(connection, people)
    keys: dict[Person, SubjectKeys] = {}
    profiles: dict[Person, Profile] = {}
    guarded: set[Person] = set()
    for row in rows:
        person = row["tenant"], row["owner"]
        if row["version"] is not None:
            keys[person] = keyring.open(*person, wrapped_keys(row, "profile_key", "activity_key"))
        if row["revision"] is not None:
            profiles[person] = profile_of(row, person, keys.get(person))
        if row["guarded"]:
            guarded.add(person)
    return keys, profiles, guarded


async def read_connections(connection: asyncpg.Connection, tenants: Sequence[str]) -> dict[str, Connections]:
    """All connections of these tenants, with their secrets sealed: no change looks into those before it."""
    found: dict[str, dict[str, Connection]] = {tenant: {} for tenant in tenants}
    for row in await connection.fetch(load("projections.connection")["read_connections"], tenants):
        found[row["tenant"]][row["id"]] = connection_of(row)
    return dict(found)


async def read_settings(
    connection: asyncpg.Connection, asked: Sequence[SettingKey]
) -> dict[SettingKey, Setting]:
    """Those of these settings that there are, with their secrets sealed."""
    rows = await connection.fetch(load("projections.setting")["read_settings"], *_columns(asked))
    return {(row["tenant"], row["kind"], row["id"]): setting_of(row) for row in rows}


async def read_clients(connection: asyncpg.Connection, asked: Sequence[ClientKey]) -> dict[ClientKey, Client]:
    """Those of these API clients that there are, with their secrets sealed."""
    rows = await connection.fetch(load("projections.client")["read_clients"], *_columns(asked))
    return {(row["tenant"], row["client_id"]): client_of(row) for row in rows}


async def read_quarantined(connection: asyncpg.Connection, tenants: Sequence[str]) -> dict[str, Memory]:
    """What is remembered of the quarantined logins of these tenants."""
    rows = await connection.fetch(load("projections.quarantined_login")["read_quarantined"], tenants)
    return {row["tenant"]: load_memory(row["memory"]) for row in rows}


@dataclass(frozen=True, slots=True)
class Touched:
    """What a batch is about: owners of keys, tenants whose connections change, settings, clients, tenants
    that have quarantined logins."""

    owners: Sequence[Person]
    tenants: Sequence[str]
    settings: Sequence[SettingKey]
    clients: Sequence[ClientKey]
    quarantined: Sequence[str]


async def read_views(
    connection: asyncpg.Connection, keyring: Keyring, touched: Touched
) -> tuple[dict[Person, SubjectKeys], Views, set[Person]]:
    """Everything a batch starts from but failed logins, and the people who have some."""
    keys, people, guarded = await read_people(connection, keyring, touched.owners)
    connections = await read_connections(connection, touched.tenants) if touched.tenants else {}
    settings = await read_settings(connection, touched.settings) if touched.settings else {}
    clients = await read_clients(connection, touched.clients) if touched.clients else {}
    told = await read_quarantined(connection, touched.quarantined) if touched.quarantined else {}
    return keys, Views(people, connections, settings, clients=clients, quarantined=told), guarded


def writes(outcome: Outcome, keys: Mapping[Person, SubjectKeys]) -> list[list[Write]]:
    """Every statement a batch comes to, wave by wave; secrets are sealed with the keys of the owners."""
    return side_by_side(
        [people_writes(outcome.people, keys)],
        [configuration_writes(outcome, keys)],
        [outcome.guards],
        claim_writes(outcome.claims),
        *(view(outcome.applied) for view in DERIVED),
    )


def people_writes(changes: Mapping[Person, Change], keys: Mapping[Person, SubjectKeys]) -> list[Write]:
    """The statements that put changed people in place."""
    searches = [(*person, *row) for person, change in changes.items() if (row := change.search()) is not None]
    activities = [
        (*person, *moved) for person, change in changes.items() if (moved := change.activity()) is not None
    ]
    vanished = [person for person, change in changes.items() if change.vanished()]
    leaves = [(person, *change.leaves()) for person, change in changes.items()]
    profile, search = load("projections.profile"), load("projections.search")
    return _non_empty(
        (
            profile["write_people"],
            [profile_row(person, change.after, keys.get(person)) for person, change in changes.items()],
        ),
        (search["write_search"], searches),
        (search["write_activity"], activities),
        (
            search["remove_leaves"],
            [(*person, leaf.path, leaf.value) for person, gone, _ in leaves for leaf in gone],
        ),
        (search["write_leaves"], [(*person, *leaf) for person, _, new in leaves for leaf in new]),
        (search["delete_search"], vanished),
        (search["delete_activity"], vanished),
        (search["delete_leaves"], vanished),
    )


def configuration_writes(outcome: Outcome, keys: Mapping[Person, SubjectKeys]) -> list[Write]:
    """The statements that put in place what changed of tenants."""
    return _non_empty(
        (
            load("projections.connection")["write_connections"],
            [connection_row(tenant, one, _of_tenant(keys, tenant)) for tenant, one in outcome.connections],
        ),
        (
            load("projections.client")["write_clients"],
            [client_row(*item, _of_tenant(keys, item[0][0])) for item in outcome.clients.items()],
        ),
        (
            load("projections.setting")["write_settings"],
            [setting_row(*item, _of_tenant(keys, item[0][0])) for item in outcome.settings.items()],
        ),
        (
            load("projections.quarantined_login")["write_quarantined"],
            [(tenant, dump_memory(told).decode()) for tenant, told in outcome.quarantined.items()],
        ),
    )


def claim_writes(claims: Claims) -> list[Wave]:
    """The statements that settle uniqueness claims; those confirmed here may be given up here."""
    released = [(*owner, kind, place, kept) for (owner, kind, place), kept in claims.released.items()]
    settled = _non_empty(reservations.dropped(claims.dropped), reservations.confirmed(claims.confirmed))
    given_up = _non_empty(reservations.replaced(released))
    return [settled, given_up] if claims.intertwined else [[*settled, *given_up]]


def _columns(rows: Sequence[Sequence[Any]]) -> Columns:
    return [list(column) for column in zip(*rows, strict=True)]


def _non_empty(*writes: Write) -> list[Write]:
    return [write for write in writes if write[1]]


def _of_tenant(keys: Mapping[Person, SubjectKeys], tenant: str) -> SubjectKeys | None:
    return keys.get((tenant, tenant_subject(tenant)))
