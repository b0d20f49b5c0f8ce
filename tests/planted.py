"""Secrets that tests plant through the API, and the search for them in everything that is stored."""

import base64
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any, Final, get_args

import asyncpg
from aiokafka import ConsumerRecord

from projections.connection.strategies import Strategy
from schemas.sealing.blobs import associated_data, unseal
from schemas.topics import Topic
from services.ledger.keys.subject_keys import read_keys
from tests.flow import Flow
from tests.management import Site

MARK: Final = "PlantedAtRest"
_SOME_BYTES: Final = 3
"""A base64 text begins a new group of letters after so many bytes."""
SECRET_OPTIONS: Final[Mapping[str, Mapping[str, Any]]] = {
    "ad": {"provisioning_ticket_url": "url", "certs": ["shown"]},
    "adfs": {"decryptionKey": {"key": "key", "cert": "certificate"}},
    "apple": {"app_secret": "app", "kid": "shown"},
    "auth0": {
        "configuration": {"DB_PASSWORD": "database", "ANY": "other"},
        "bareConfiguration": {"API": "bare"},
        "authentication_methods": {"password": {"enabled": True}},
    },
    "custom": {"apiKey": "api", "basic": {"username": "shown", "password": "basic"}},
    "email": {
        "email": {"provider": {"credentials": {"smtp_host": "host", "smtp_pass": "pass", "api_key": "mail"}}}
    },
    "google-apps": {
        "client_secret": "client", "admin_access_token": "access", "admin_refresh_token": "refresh",
    },
    "oauth1": {"client_secret": "client", "consumerSecret": "consumer", "consumerKey": "shown"},
    "oauth2": {"client_secret": "client", "customHeaders": {"X-Anything": "header"}},
    "oidc": {"client_secret": "client", "upstream": {"request_signing_key": {"pem": "pem"}}},
    "okta": {"client_secret": "client", "api_token": "api"},
    "pingfederate": {"signingKey": "signing", "decryptionKey": {"key": "key"}},
    "samlp": {
        "signing_key": {"key": "signing", "cert": "cert"},
        "signingKey": {"key": "own"},
        "decryptionKey": {"key": "decryption"},
        "idpinitiated": {"client_id": "shown"},
    },
    "sms": {
        "twilio_token": "twilio", "twilio_sid": "shown",
        "gateway_authentication": {"method": "bearer-shown", "secret": "gateway"},
    },
    "waad": {"client_secret": "client", "ext_access_token": "access", "ext_refresh_token": "refresh"},
}  # fmt: skip
"""What a strategy's connections are given besides its users; texts that hold `shown` are no secrets."""
STRATEGIES: Final = tuple(name for name in get_args(Strategy) if name != "ip")
"""Addresses alone prove who somebody is there."""
ADDONS: Final[Mapping[str, Any]] = {
    "azure_blob": {"accountName": "shown", "storageAccessKey": "blob"},
    "azure_sb": {"sasKeyName": "shown", "sasKey": "bus"},
    "firebase": {"secret": "firebase", "private_key": "private", "private_key_id": "shown"},
    "layer": {"providerId": "shown", "privateKey": "layer"},
    "sap_api": {"clientid": "shown", "servicePassword": "sap"},
    "wams": {"masterkey": "media"},
}


def planted(value: Any, place: str) -> Any:
    """The value with a text of its own, which can be recognised, for every secret in it."""
    match value:
        case dict():
            return {name: planted(member, f"{place}-{name}") for name, member in value.items()}
        case list():
            return [planted(item, place) for item in value]
        case str() if "shown" not in value:
            return f"{MARK}-{place}-{value}"
    return value


def options_of(strategy: str) -> dict[str, Any]:
    """Options of a connection of that strategy, with every secret that it takes."""
    made: dict[str, Any] = planted(SECRET_OPTIONS.get(strategy, {"client_secret": "client"}), strategy)
    return {"client_id": "shown", **made}


def forms(secret: str | bytes) -> set[bytes]:
    """A secret as it may lie somewhere: as it is, in hexadecimal, in base64 wherever it begins there."""
    raw = secret.encode() if isinstance(secret, str) else secret
    found = {raw, raw.hex().encode(), raw.hex().upper().encode()}
    for skipped in range(_SOME_BYTES):
        whole = raw[skipped : skipped + (len(raw) - skipped) // _SOME_BYTES * _SOME_BYTES]
        found |= {base64.b64encode(whole), base64.urlsafe_b64encode(whole)}
    return found


async def readable_in_database(url: str, secrets: Iterable[str | bytes]) -> list[str]:
    """Every column of every table in which one of the secrets can be read."""
    wanted = {form for secret in secrets for form in forms(secret)}
    connection = await asyncpg.connect(url)
    try:
        return [place async for place, stored in _columns(connection) if _holds(stored, wanted)]
    finally:
        await connection.close()


async def readable_on_log(site: Site, secrets: Iterable[str | bytes]) -> list[str]:
    """Every record of `profile.events` in which one of the secrets can be read."""
    wanted = {form for secret in secrets for form in forms(secret)}
    flow = Flow(site.stack, site.database, site.prefix, site.service.keyring)
    records = await flow.logged(Topic.PROFILE_EVENTS)
    assert records
    return [f"{one.partition}/{one.offset}" for one in records if _holds(_stored(one), wanted)]


async def kept_results(site: Site) -> AsyncIterator[tuple[str, bytes]]:
    """The results that are kept for the tenant demo, opened, the oldest first, each with whose key sealed it;
    without those whose key is gone."""
    async with site.service.database.connection("demo") as connection:
        rows = await connection.fetch(
            "SELECT * FROM ledger.idempotency WHERE result IS NOT NULL ORDER BY started_at"
        )
        owners = {("demo", row["owner"]) for row in rows}
        keys = await read_keys(connection, site.service.keyring, owners)
    for row in rows:
        owner = keys.get(("demo", row["owner"]))
        if owner is not None and owner.profile is not None:
            place = "demo", row["owner"], row["place"].hex(), row["request"].hex()
            yield row["owner"], unseal(owner.profile, row["result"], associated_data("idempotency", *place))


async def readable_in_results(site: Site, secrets: Iterable[str | bytes]) -> list[str]:
    """Every kept result that, once opened, holds one of the secrets."""
    wanted = {form for secret in secrets for form in forms(secret)}
    results = [result async for _, result in kept_results(site)]
    return [f"result {number}" for number, result in enumerate(results) if _holds(result, wanted)]


def _stored(record: ConsumerRecord) -> bytes:
    parts = (record.key, record.value, *(value for _, value in record.headers))
    return b"\n".join(part for part in parts if part is not None)


def _holds(stored: bytes, wanted: Iterable[bytes]) -> bool:
    return any(form in stored for form in wanted)


async def _columns(connection: asyncpg.Connection) -> AsyncIterator[tuple[str, bytes]]:
    """Every column of every table, with all that it holds, as bytes."""
    columns = await connection.fetch(
        "SELECT c.table_schema AS schema, c.table_name AS name, c.column_name AS column, c.data_type AS type"
        " FROM information_schema.columns AS c JOIN information_schema.tables AS t"
        " USING (table_schema, table_name) WHERE t.table_type = 'BASE TABLE'"
        " AND c.table_schema NOT IN ('pg_catalog', 'information_schema')"
    )
    assert len(columns) > 50
    for column in columns:
        name = f'"{column["column"]}"'
        stored = name if column["type"] == "bytea" else f"convert_to({name}::text, 'UTF8')"
        rows = await connection.fetch(
            f'SELECT {stored} AS stored FROM "{column["schema"]}"."{column["name"]}" WHERE {name} IS NOT NULL'
        )
        yield f"{column['schema']}.{column['name']}.{column['column']}", b"\n".join(r["stored"] for r in rows)
