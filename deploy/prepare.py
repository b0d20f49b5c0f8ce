"""Brings the servers at hand to what this version needs: roles, database, migrations, views, topics."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import asyncpg
from pydantic import ValidationError

from deploy.database import Access, DatabaseRefused, count_topic_lives, database_url, prepare_database
from deploy.roles import Passwords, RolesRefused
from schemas.errors import Transient
from services.runtime.addresses import MalformedAddress, check_database_url
from services.runtime.kafka_access import KafkaAccess
from services.runtime.key_store import provider_from
from services.runtime.settings import kafka_from, sentences
from services.runtime.topics import TopicMismatch, ensure_topics

DATABASE = "vita"


class NotPrepared(Exception):
    """Something on a server is in the way; `advice` is the next step to take."""

    def __init__(self, problem: str, advice: str) -> None:
        super().__init__(problem)
        self.advice = advice


@dataclass(frozen=True)
class Places:
    """Where the servers are and what Vita's things are called there."""

    kafka: KafkaAccess
    """The administrator's."""
    postgres_admin_url: str
    database: str
    access: Access
    key_provider: str
    topic_prefix: str
    replication: int

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Places":
        """The variables that deploy/README.md lists. Raises NotPrepared where one is missing or wrong."""
        try:
            admin_url = environment["VITA_POSTGRES_ADMIN_URL"]
            check_database_url(admin_url)
            kept = environment.get("VITA_PASSWORDS_FILE")
            return cls(
                kafka=kafka_from(environment),
                postgres_admin_url=admin_url,
                database=environment.get("VITA_DATABASE_NAME", DATABASE),
                access=Access(Passwords(environment, Path(kept) if kept else None)),
                key_provider=environment["VITA_KEY_PROVIDER"],
                topic_prefix=environment.get("VITA_TOPIC_PREFIX", ""),
                replication=int(environment.get("VITA_TOPIC_REPLICATION", "1")),
            )
        except KeyError as error:
            raise NotPrepared(f"{error.args[0]} is not set", f"set {error.args[0]}") from error
        except ValidationError as error:
            raise NotPrepared(sentences(error), "correct the variables VITA_KAFKA_…") from error
        except MalformedAddress as error:
            raise NotPrepared(
                f"VITA_POSTGRES_ADMIN_URL: {error}", "correct VITA_POSTGRES_ADMIN_URL"
            ) from None
        except RolesRefused as error:
            raise NotPrepared(
                str(error), "correct it, or leave it out to have a random password made"
            ) from error
        except ValueError as error:
            raise NotPrepared(f"VITA_TOPIC_REPLICATION: {error}", "set it to a number") from error


async def prepare_ledger(places: Places) -> dict[str, str]:
    """Roles, the database with its extensions, the migrations, the views, the rights and the keys.

    Returns the passwords that were made, by login role.
    """
    try:
        provider = provider_from(places.key_provider)
    except ValueError as error:
        raise NotPrepared(f"VITA_KEY_PROVIDER: {error}", "set it as services have it") from error
    try:
        return await prepare_database(places.postgres_admin_url, places.database, provider, places.access)
    except (DatabaseRefused, asyncpg.PostgresError) as error:
        raise NotPrepared(
            f"the database {places.database} could not be prepared: {error}",
            "follow the hint above, or name another database in VITA_DATABASE_NAME"
            " (`make clean` empties a development stack)",
        ) from error


async def prepare_topics(places: Places) -> list[str]:
    """The topics of the catalogue; the names of those that were created. The ledger must be prepared."""
    try:
        created = await ensure_topics(places.kafka, places.topic_prefix, places.replication)
    except (TopicMismatch, Transient) as error:
        raise NotPrepared(
            f"the topics could not be prepared: {error}",
            "correct the topic, or name another VITA_TOPIC_PREFIX (`make clean` empties a development stack)",
        ) from error
    names = [places.topic_prefix + topic for topic in created]
    await count_topic_lives(database_url(places.postgres_admin_url, places.database), names)
    return names
