"""Very many people for searches: made up fast, from numbers, with values as common and as rare as they are
in life."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import asyncpg

from schemas.formats.instants import render
from tests.support.seeding import seed

GIVEN: Final = (
    "Jane", "John", "Maria", "Wei", "Olga", "Amir", "Sofia", "Kenji", "Fatima", "Lars", "Chloé", "Pedro",
    "Ingrid", "Tomasz", "Aisha", "Noah", "Emma", "Luca", "Yara", "Ravi",
)  # fmt: skip
FAMILY: Final = (
    "Smith", "Müller", "García", "Tanaka", "Ivanova", "Haddad", "Rossi", "Nowak", "Silva", "Larsen", "Dubois",
    "Okafor", "Khan", "Johansson", "Novák", "Papadopoulos", "Kim", "Nguyen", "Cohen", "O'Brien",
)  # fmt: skip
SYLLABLES: Final = (
    "ba", "cor", "del", "fin", "gar", "hol", "jun", "kel", "lom", "mar", "nor", "pol", "quin", "ros", "san",
    "tor",
)  # fmt: skip
DOMAINS: Final = 5000
PLANS: Final = ("free",) * 12 + ("silver",) * 5 + ("gold",) * 2 + ("platinum",)
CITIES: Final = 2000
FIRST: Final = datetime(2020, 1, 1, tzinfo=UTC)
TABLES: Final = ("profile", "search", "activity", "search_leaf")


def subject(number: int) -> str:
    """Ascending, as those of people who came one after the other are."""
    return f"sub_{number:032x}"


def drawn(number: int, what: int) -> int:
    """32 bits that look drawn, others for each attribute."""
    bits = (number * 0x9E37_79B9 + what * 0x85EB_CA6B) & 0xFFFF_FFFF
    bits = (bits ^ bits >> 16) * 0x7FEB_352D & 0xFFFF_FFFF
    bits = (bits ^ bits >> 15) * 0x846C_A68B & 0xFFFF_FFFF
    return bits ^ bits >> 16


def surname(number: int) -> str:
    """One of 81,920: a common family name and three syllables."""
    bits = drawn(number, 1)
    parts = "".join(SYLLABLES[bits >> shift & 15] for shift in (0, 4, 8))
    return f"{FAMILY[(bits >> 12) % len(FAMILY)]}-{parts.capitalize()}"


def email(number: int) -> str:
    """Return an email address that no other person has."""
    return f"{GIVEN[number % 20].lower()}.{number}@mail{drawn(number, 2) % DOMAINS}.example.com"


def user_id(number: int) -> str:
    """Return a user id that no other person has."""
    return f"{'google-oauth2' if number % 3 == 0 else 'auth0'}|{drawn(number, 3):08x}{number:08x}"


def document(number: int) -> dict[str, Any]:
    """The profile of the person with this number."""
    created = FIRST + timedelta(minutes=2 * number)
    identity = user_id(number)
    provider, _, own = identity.partition("|")
    given, family = GIVEN[number % 20], surname(number)
    found: dict[str, Any] = {
        "user_id": identity,
        "created_at": render(created),
        "email": email(number),
        "email_verified": drawn(number, 4) % 4 != 0,
        "family_name": family,
        "given_name": given,
        "identities": [
            {
                "connection": "google-oauth2" if provider == "google-oauth2" else "users",
                "isSocial": provider == "google-oauth2",
                "provider": provider,
                "user_id": own,
            }
        ],
        "name": f"{given} {family}",
        "nickname": f"{given.lower()}.{number}",
        "picture": f"https://cdn.example.com/{own}.png",
        "updated_at": render(created + timedelta(days=drawn(number, 5) % 400)),
        "user_metadata": {
            "address": {"city": f"City {drawn(number, 6) % CITIES}"},
            "theme": ["dark", "light"][drawn(number, 7) % 2],
            "tags": [f"t{drawn(number, 8) % 50}", f"t{drawn(number, 9) % 77}"],
        },
        "app_metadata": {
            "plan": PLANS[drawn(number, 10) % 20],
            "seats": drawn(number, 11) % 1000,
            "customer": f"cus_{number:07}",
        },
    }
    if drawn(number, 12) % 5:
        found |= {
            "last_ip": f"198.51.{drawn(number, 13) % 256}.{number % 256}",
            "last_login": found["updated_at"],
            "logins_count": 1 + drawn(number, 14) % 300,
        }
    if drawn(number, 15) % 1000 == 0:
        found["blocked"] = True
    return found


def people(count: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Return this many people, in order of creation."""
    return ((subject(number), document(number)) for number in range(count))


async def fill(connection: asyncpg.Connection, tenant: str, count: int) -> None:
    """Write this many people to the views; the indexes are built afterwards, which is faster."""
    async with _indexed_afterwards(connection):
        await seed(connection, tenant, people(count))
    await connection.execute("VACUUM ANALYZE", timeout=3600)


@asynccontextmanager
async def _indexed_afterwards(connection: asyncpg.Connection) -> AsyncIterator[None]:
    keys = await connection.fetch(
        "SELECT conrelid::regclass::text AS name, conname, pg_get_constraintdef(oid) AS made"
        " FROM pg_constraint WHERE contype = 'p' AND conrelid = ANY ($1::text[]::regclass[])",
        [f"view_1.{table}" for table in TABLES],
    )
    for key in keys:
        await connection.execute(f"ALTER TABLE {key['name']} DROP CONSTRAINT {key['conname']}")
    indexes = await connection.fetch(
        "SELECT indexname, indexdef FROM pg_indexes"
        " WHERE schemaname = 'view_1' AND tablename = ANY ($1::text[])",
        list(TABLES),
    )
    for index in indexes:
        await connection.execute(f"DROP INDEX view_1.{index['indexname']}")
    yield
    await connection.execute("SET maintenance_work_mem = '512MB'")
    for key in keys:
        await connection.execute(
            f"ALTER TABLE {key['name']} ADD CONSTRAINT {key['conname']} {key['made']}", timeout=3600
        )
    for index in indexes:
        await connection.execute(index["indexdef"], timeout=3600)
