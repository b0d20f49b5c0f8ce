"""Errors of the Kafka client turned into ours."""

from collections.abc import Iterator
from contextlib import contextmanager

from aiokafka.errors import KafkaError

from schemas.errors import Transient


@contextmanager
def kafka_failures() -> Iterator[None]:
    """Re-raises what the Kafka client and the network raise as Transient, named by its type."""
    try:
        yield
    except (KafkaError, OSError) as error:
        raise Transient(f"kafka: {type(error).__name__}") from error
