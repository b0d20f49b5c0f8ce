"""Brings the servers at hand to what this version needs: roles, database, migrations, views, topics."""

from collections.abc import Mapping
from dataclasses import dataclass

import asyncpg
from pydantic import ValidationError

from deploy.database import (
    DatabaseRefused,
    count_topic_lives,
    database_url,
    prepare_database,
    role_passwords,
)
from schemas.errors import Transient
from services.runtime.addresses import MalformedAddress, check_database_url
from services.runtime.kafka_access import KafkaAccess
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
    passwords: Mapping[str, str]
    topic_prefix: str
    replication: int

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Places":
        """The variables that deploy/README.md lists. Raises NotPrepared where one is missing or wrong."""
        try:
            admin_url = environment["VITA_POSTGRES_ADMIN_URL"]
            check_database_url(admin_url)
            return cls(
                kafka=kafka_from(environment),
                postgres_admin_url=admin_url,
                database=environment.get("VITA_DATABASE_NAME", DATABASE),
                passwords=role_passwords(admin_url, environment),
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
        except ValueError as error:
            raise NotPrepared(f"VITA_TOPIC_REPLICATION: {error}", "set it to a number") from error


async def prepare_ledger(places: Places) -> None:
    """Roles, the database with its extensions, the migrations, the first generation of views."""
    try:
        await prepare_database(places.postgres_admin_url, places.database, places.passwords)
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
