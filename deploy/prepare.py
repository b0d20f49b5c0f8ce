"""Prepares the servers for this version: roles, database, migrations, views, topics."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
from pydantic import ValidationError

from deploy.database import Access, DatabaseRefused, begin_topic_epochs, database_url, prepare_database
from deploy.kafka_principals import (
    KafkaPrincipal,
    NoAuthorizer,
    RightsRefused,
    create_users,
    grant,
    mechanism_of,
    principals,
)
from deploy.roles import Passwords, RolesRefused
from schemas.errors import Transient
from services.ledger.keys.subject_keys import provider_from
from services.runtime.addresses import MalformedAddress, check_database_url
from services.runtime.kafka.access import KafkaAccess, Mechanism
from services.runtime.kafka.topics import TopicMismatch, ensure_topics
from services.runtime.settings import kafka_from, sentences

DATABASE = "vita"


class NotPrepared(Exception):
    """A server cannot be prepared. `advice` is the next step to take."""

    def __init__(self, problem: str, advice: str) -> None:
        super().__init__(problem)
        self.advice = advice


@dataclass(frozen=True, kw_only=True)
class Installation:
    """The addresses of the servers, and the names of the installation on them."""

    kafka: KafkaAccess
    """The administrator's access."""
    postgres_admin_url: str
    database: str
    access: Access
    key_provider: str
    topic_prefix: str
    replication: int
    principals: Mapping[str, KafkaPrincipal] = field(default_factory=dict)
    """Each service's identity in Kafka."""
    mechanism: Mechanism | None = None
    """The mechanism by which services authenticate to Kafka; None if they share the administrator's
    identity."""

    def kafka_of(self, service: str) -> KafkaAccess:
        """Return how a service connects to Kafka."""
        return self.principals[service].access(self.kafka, self.mechanism)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Installation":
        """Read the variables that deploy/README.md lists. Raises NotPrepared when one is missing or
        malformed."""
        try:
            admin_url = environment["VITA_POSTGRES_ADMIN_URL"]
            check_database_url(admin_url)
            kept = environment.get("VITA_PASSWORDS_FILE")
            kafka, prefix = kafka_from(environment), environment.get("VITA_TOPIC_PREFIX", "")
            return cls(
                kafka=kafka,
                postgres_admin_url=admin_url,
                database=environment.get("VITA_DATABASE_NAME", DATABASE),
                access=Access(Passwords(environment, Path(kept) if kept else None)),
                key_provider=environment["VITA_KEY_PROVIDER"],
                topic_prefix=prefix,
                replication=int(environment.get("VITA_TOPIC_REPLICATION", "1")),
                principals=principals(environment, prefix),
                mechanism=mechanism_of(kafka, environment.get("VITA_KAFKA_SERVICES_MECHANISM")),
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
            raise NotPrepared(str(error), "correct it, or unset it to have a random password made") from error
        except ValueError as error:
            raise NotPrepared(f"VITA_TOPIC_REPLICATION: {error}", "set it to a number") from error


async def prepare_ledger(installation: Installation) -> dict[str, str]:
    """Prepare the roles, the database with its extensions, the migrations, the views, the rights and the
    keys.

    Returns the passwords that were made, by login role. Raises NotPrepared when something is in the way.
    """
    try:
        provider = provider_from(installation.key_provider)
    except ValueError as error:
        raise NotPrepared(
            f"VITA_KEY_PROVIDER: {error}", "set it to the value that the services use"
        ) from error
    try:
        return await prepare_database(
            installation.postgres_admin_url, installation.database, provider, installation.access
        )
    except (DatabaseRefused, asyncpg.PostgresError) as error:
        raise NotPrepared(
            f"the database {installation.database} could not be prepared: {error}",
            "follow the hint above, or name another database in VITA_DATABASE_NAME"
            " (`make clean` empties a development stack)",
        ) from error


async def prepare_rights(installation: Installation) -> str:
    """Create the services' Kafka users whose passwords are known, and their rights; return a summary.

    Raises NotPrepared when Kafka refuses; its advice contains the commands to run by hand.
    """
    if installation.kafka.protocol == "PLAINTEXT":
        return "none: the brokers do not authenticate clients"
    everybody = installation.principals.values()
    try:
        created = await create_users(installation.kafka, everybody, installation.mechanism)
        await grant(installation.kafka, everybody, installation.topic_prefix)
    except NoAuthorizer as error:
        return f"none: {error}"
    except Transient as error:
        raise NotPrepared(f"Kafka's rights could not be prepared: {error}", "check the broker") from error
    except RightsRefused as error:
        commands = "\n  ".join(error.commands)
        raise NotPrepared(
            f"Kafka refused to create users or rights: {error}",
            f"set VITA_KAFKA_USERNAME to a user with these rights, or run as such a user:\n  {commands}",
        ) from error
    return f"{len(installation.principals)} principals" + (
        f", {len(created)} of them users" if created else ""
    )


async def prepare_topics(installation: Installation) -> list[str]:
    """Create the topics of the catalogue and return the names of those that were missing.

    The ledger must be prepared before. Raises NotPrepared when a topic has other settings or Kafka
    refuses.
    """
    try:
        created = await ensure_topics(installation.kafka, installation.topic_prefix, installation.replication)
    except (TopicMismatch, Transient) as error:
        raise NotPrepared(
            f"the topics could not be prepared: {error}",
            "correct the topic, or name another VITA_TOPIC_PREFIX (`make clean` empties a development stack)",
        ) from error
    names = [installation.topic_prefix + topic for topic in created]
    await begin_topic_epochs(database_url(installation.postgres_admin_url, installation.database), names)
    return names
