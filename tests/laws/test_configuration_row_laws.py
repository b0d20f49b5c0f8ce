"""Laws of the rows of settings, clients and connections: what is written is what is read."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from projections.client.fold import ClientState
from projections.client.row import client_of, client_row
from projections.connection.fold import ConnectionState
from projections.connection.row import connection_of, connection_row
from projections.secret_leaves import open_leaves
from projections.setting.fold import KINDS, MAX_RETENTION_DAYS, Setting
from projections.setting.row import setting_of, setting_row
from schemas.events.fields import Scope
from schemas.formats import exact_json
from schemas.formats.instants import render
from services.runtime.postgres.named_queries import load
from tests.laws.events import TENANT, event_id, instants, near_values, text, values
from tests.laws.tables import KEYS

MARKER: Final = "a secret of the tenant"
_INSERTED: Final = re.compile(r"INSERT INTO \w+ \(([^)]+)\)")
_ELEMENT: Final = re.compile(r'"((?:[^"\\]|\\.)*)"(?:,|$)')

names = st.sampled_from(("options", "client_secret", "signing_keys", "default_picture", "log_retention_days"))
days = st.sampled_from((0, 1, MAX_RETENTION_DAYS, MAX_RETENTION_DAYS + 1, True))
documents = st.dictionaries(names | text, near_values | values | days, max_size=5)
event_ids = st.integers(0, 9).map(event_id)
revisions = st.integers(1, 2**63 - 1)
scopes = st.lists(st.from_regex(TypeAdapter(Scope).json_schema()["pattern"], fullmatch=True), max_size=3)

settings = st.builds(
    Setting,
    kind=st.sampled_from(KINDS),
    id=st.sampled_from(("rol_1", "settings", "a-b.c~d")),
    name=st.none() | text,
    revision=revisions,
    document=documents,
    event_id=event_ids,
    created_at=instants.map(render),
    updated_at=instants.map(render),
    deleted=st.booleans(),
)
clients = st.builds(
    ClientState,
    client_id=st.sampled_from(("app", "a-b.c~d")),
    name=text,
    secret_hash=st.none() | text,
    scopes=scopes.map(tuple),
    event_id=event_ids,
    deleted=st.booleans(),
    revision=revisions,
    settings=documents,
)
connections = st.builds(
    ConnectionState,
    id=st.sampled_from(("con_1", "con_2")),
    name=text,
    strategy=st.sampled_from(("auth0", "samlp")),
    revision=revisions,
    document=documents,
    event_id=event_ids,
    deleted=st.booleans(),
)


def stored(view: str, written: Sequence[Any]) -> dict[str, Any]:
    """The row as PostgreSQL returns it once the columns of a view's statement are written: by the names of
    the columns, with its own types."""
    statement = load(f"projections.{view}")[f"write_{view}s"]
    found = _INSERTED.search(statement)
    assert found is not None
    return {
        column: _READ[column](value) if column in _READ else value
        for column, value in zip(map(str.strip, found[1].split(",")), written, strict=True)
    }


def elements(literal: str) -> list[str]:
    """The texts in the literal of an array."""
    return [re.sub(r"\\(.)", r"\1", element) for element in _ELEMENT.findall(literal[1:-1])]


_READ: Final = {
    "event_id": UUID,
    "created_at": datetime.fromisoformat,
    "updated_at": datetime.fromisoformat,
    "scopes": elements,
}


def opened(row: Mapping[str, Any], column: str, *place: str) -> dict[str, Any]:
    """A document of a row with its secrets in the clear."""
    return open_leaves(exact_json.loads(row[column]), KEYS, *place)


def same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Equality of JSON: in Python, `True` equals 1 and 1 equals 1.0."""
    return exact_json.dumps(one) == exact_json.dumps(other)


@given(settings)
def test_a_setting_is_read_as_it_was_written(setting: Setting) -> None:
    """Nothing of a setting is lost or changed on the way through its row."""
    key = TENANT, setting.kind, setting.id
    row = stored("setting", setting_row(key, setting, KEYS))
    read = setting_of(row, opened(row, "document", "setting", *key))
    assert read == setting
    assert same(read.document, setting.document)


@given(settings)
def test_the_columns_that_statements_read_agree_with_the_setting(setting: Setting) -> None:
    """The default picture and the retention are those of the tenant's document, None for other kinds."""
    row = stored("setting", setting_row((TENANT, setting.kind, setting.id), setting, KEYS))
    assert row["default_picture"] == setting.default_picture
    assert row["log_retention_days"] == setting.log_retention_days
    assert setting.kind == "tenant" or (row["default_picture"], row["log_retention_days"]) == (None, None)


@given(clients)
def test_a_client_is_read_as_it_was_written(client: ClientState) -> None:
    """Nothing of a client is lost or changed, and no valid scope needs an escape in the array."""
    key = TENANT, client.client_id
    row = stored("client", client_row(key, client, KEYS))
    read = client_of(row, opened(row, "settings", "client", *key))
    assert read == client
    assert same(read.settings, client.settings)


@given(connections)
def test_a_connection_is_read_as_it_was_written(connection: ConnectionState) -> None:
    """Nothing of a connection is lost or changed on the way through its row."""
    row = stored("connection", connection_row(TENANT, connection, KEYS))
    read = connection_of(row, opened(row, "document", "connection", TENANT, connection.id))
    assert read == connection
    assert same(read.document, connection.document)


@given(settings, clients, connections)
def test_secrets_stay_sealed_until_they_are_opened(
    setting: Setting, client: ClientState, connection: ConnectionState
) -> None:
    """A state that is read without an opened document shows no secret, and all else as it was written."""
    secret = {"client_secret": MARKER, "plain": "readable"}
    for document in (
        setting_of(
            stored(
                "setting",
                setting_row((TENANT, setting.kind, setting.id), replace(setting, document=secret), KEYS),
            )
        ).document,
        client_of(
            stored("client", client_row((TENANT, client.client_id), replace(client, settings=secret), KEYS))
        ).settings,
        connection_of(
            stored("connection", connection_row(TENANT, replace(connection, document=secret), KEYS))
        ).document,
    ):
        assert document["plain"] == "readable"
        assert MARKER not in str(document["client_secret"])
