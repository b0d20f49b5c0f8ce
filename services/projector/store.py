"""The views in PostgreSQL: what a batch touches comes in with one statement per table, and goes back the same
way."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

from projections.client.fold import Client
from projections.connection.fold import Connection, Connections
from projections.connection.identity import maps_identity
from projections.profile.document import ordered
from projections.profile.sealed import dump_holdings, load_holdings, opened, sealed
from projections.profile.state import Memory, Profile, dump_memory, load_memory
from projections.secret_leaves import seal_leaves
from projections.setting.fold import Setting
from schemas.formats import exact_json
from schemas.formats.identifiers import tenant_subject
from schemas.formats.instants import render
from schemas.sealing.keys import Keyring, SubjectKeys
from services.ledger.keys.subject_keys import wrapped_keys
from services.projector.batch import Change, Claims, ClientKey, Outcome, Person, SettingKey, Views
from services.projector.event_views import DERIVED, Wave, Write
from services.projector.statement_batches import side_by_side
from services.runtime.postgres.named_queries import load

Columns = list[list[Any]]


async def read_people(
    connection: asyncpg.Connection, keyring: Keyring, people: Sequence[Person]
) -> tuple[dict[Person, SubjectKeys], dict[Person, Profile], set[Person]]:
    """Keys of the owners (people and tenants), the profiles there are, and those of them as whom logins
    failed, in one round trip."""
    query = load("projections.profile")["read_people"]
    rows = await connection.fetch(query, [person[0] for person in people], [person[1] for person in people])
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


def profile_of(row: Mapping[str, Any], person: Person, keys: SubjectKeys | None) -> Profile:
    """A person from their row."""
    document = None if row["document"] is None else exact_json.loads(row["document"])
    secrets = opened(row["secrets"], person, keys)
    holdings = {} if row["holdings"] is None else load_holdings(row["holdings"], person, keys)
    return Profile(row["revision"], document, load_memory(row["memory"]), secrets, holdings)


async def read_connections(connection: asyncpg.Connection, tenants: Sequence[str]) -> dict[str, Connections]:
    """All connections of these tenants, with their secrets sealed: no change looks into those before it."""
    found: dict[str, dict[str, Connection]] = {tenant: {} for tenant in tenants}
    for row in await connection.fetch(load("projections.connection")["read_connections"], tenants):
        found[row["tenant"]][row["id"]] = Connection(
            row["id"], row["name"], row["strategy"], row["revision"], exact_json.loads(row["document"]),
            str(row["event_id"]), row["deleted"],
        )  # fmt: skip
    return dict(found)


async def read_settings(
    connection: asyncpg.Connection, asked: Sequence[SettingKey]
) -> dict[SettingKey, Setting]:
    """Those of these settings that there are, with their secrets sealed."""
    rows = await connection.fetch(load("projections.setting")["read_settings"], *_columns(asked))
    return {(row["tenant"], row["kind"], row["id"]): setting_of(row) for row in rows}


def setting_of(row: asyncpg.Record) -> Setting:
    """A setting from its row."""
    return Setting(
        row["kind"], row["id"], row["name"], row["revision"], exact_json.loads(row["document"]),
        str(row["event_id"]), render(row["created_at"]), render(row["updated_at"]), row["deleted"],
    )  # fmt: skip


async def read_clients(connection: asyncpg.Connection, asked: Sequence[ClientKey]) -> dict[ClientKey, Client]:
    """Those of these API clients that there are, with their secrets sealed."""
    rows = await connection.fetch(load("projections.client")["read_clients"], *_columns(asked))
    return {(row["tenant"], row["client_id"]): client_of(row) for row in rows}


def client_of(row: asyncpg.Record) -> Client:
    """An API client from its row."""
    return Client(
        row["client_id"], row["name"], row["secret_hash"], tuple(row["scopes"]), str(row["event_id"]),
        row["deleted"], row["revision"], exact_json.loads(row["settings"]),
    )  # fmt: skip


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
            [
                (*person, *_profile_row(change.after, person, keys.get(person)))
                for person, change in changes.items()
            ],
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
            [_connection_row(tenant, one, _of_tenant(keys, tenant)) for tenant, one in outcome.connections],
        ),
        (
            load("projections.client")["write_clients"],
            [_client_row(*item, _of_tenant(keys, item[0][0])) for item in outcome.clients.items()],
        ),
        (
            load("projections.setting")["write_settings"],
            [_setting_row(*item, _of_tenant(keys, item[0][0])) for item in outcome.settings.items()],
        ),
        (
            load("projections.quarantined_login")["write_quarantined"],
            [(tenant, dump_memory(told).decode()) for tenant, told in outcome.quarantined.items()],
        ),
    )


def claim_writes(claims: Claims) -> list[Wave]:
    """The statements that settle uniqueness claims; those confirmed here may be given up here."""
    queries = load("services.projector")
    released = [(*owner, kind, place, kept) for (owner, kind, place), kept in claims.released.items()]
    settled = _non_empty(
        (queries["drop_claims"], [(event_id,) for event_id in claims.dropped]),
        (queries["confirm_claims"], [(event_id,) for event_id in claims.confirmed]),
    )
    given_up = _non_empty((queries["release_claims"], released))
    return [settled, given_up] if claims.intertwined else [[*settled, *given_up]]


def _columns(rows: Sequence[Sequence[Any]]) -> Columns:
    return [list(column) for column in zip(*rows, strict=True)]


def _non_empty(*writes: Write) -> list[Write]:
    return [write for write in writes if write[1]]


def _profile_row(profile: Profile, person: Person, keys: SubjectKeys | None) -> tuple[Any, ...]:
    document = profile.document
    return (
        None if document is None else document["user_id"],
        profile.revision,
        None if document is None else exact_json.dumps(ordered(document)).decode(),
        dump_memory(profile.memory).decode(),
        sealed(profile.secrets, person, keys),
        dump_holdings(profile.holdings, person, keys).decode() if profile.holdings else None,
    )


def _of_tenant(keys: Mapping[Person, SubjectKeys], tenant: str) -> SubjectKeys | None:
    return keys.get((tenant, tenant_subject(tenant)))


def _connection_row(tenant: str, connection: Connection, keys: SubjectKeys | None) -> tuple[Any, ...]:
    document = seal_leaves(connection.document, keys, "connection", tenant, connection.id)
    return (
        tenant, connection.id, connection.name, connection.strategy, connection.revision,
        exact_json.dumps(document).decode(), maps_identity(connection.document),
        connection.event_id, connection.deleted,
    )  # fmt: skip


def _client_row(key: ClientKey, client: Client, keys: SubjectKeys | None) -> tuple[Any, ...]:
    settings = seal_leaves(client.settings, keys, "client", *key)
    scopes = "{" + ",".join(f'"{scope}"' for scope in client.scopes) + "}"
    return (
        *key, client.name, client.secret_hash, scopes, client.event_id, client.deleted, client.revision,
        exact_json.dumps(settings).decode(),
    )  # fmt: skip


def _setting_row(key: SettingKey, setting: Setting, keys: SubjectKeys | None) -> tuple[Any, ...]:
    document = seal_leaves(setting.document, keys, "setting", *key)
    return (
        *key, setting.name, setting.revision, exact_json.dumps(document).decode(), setting.event_id,
        setting.created_at, setting.updated_at, setting.deleted, setting.default_picture,
        setting.log_retention_days,
    )  # fmt: skip
