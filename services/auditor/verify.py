"""Recomputes the trail from the log, and compares it with the stored rows and the signatures.

Memory is bounded: log and rows are read in chunks side by side. Verification locks nothing and writes
nothing, so it can run beside an auditor; records that arrive meanwhile are not verified.
"""

from collections.abc import Callable
from time import monotonic

import asyncpg

from services.auditor.report import MISSING, PRESENT, ROW, Difference, Report
from services.auditor.trail import query, verify_query
from services.auditor.verify_checkpoints import TrustedKeys, verify_checkpoints
from services.auditor.verify_partition import verify_partition
from services.runtime.kafka.access import KafkaAccess
from services.runtime.kafka.log_reader import open_log
from services.runtime.postgres.pool import DatabaseConnection

Progress = Callable[[int, int], None]
"""Called with the number of leaves verified so far and their total."""


async def verify(
    kafka: KafkaAccess,
    database_url: str,
    topic: str,
    trusted: TrustedKeys,
    progress: Progress = lambda done, total: None,
) -> Report:
    """Verify the trail of a topic and return the report, which holds all differences.

    Raises LookupError when the topic does not exist, and the client's errors when a connection breaks.
    """
    started = monotonic()
    report = Report(topic)
    connection = await asyncpg.connect(database_url)
    try:
        newest = await connection.fetchval(verify_query("newest_checkpoint_id"))
        async with open_log(kafka, topic) as log:
            advance = _counter(progress, await _leaves(connection))
            for partition in log.partitions:
                report.partitions.append(await verify_partition(connection, log, partition, advance))
            report.stray = await _stray(connection, len(log.partitions))
        await verify_checkpoints(connection, report, trusted, newest)
    finally:
        await connection.close()
    report.seconds = monotonic() - started
    return report


async def _leaves(connection: DatabaseConnection) -> int:
    return sum(row["size_after"] for row in await connection.fetch(query("newest_appends_everywhere")))


async def _stray(connection: DatabaseConnection, partitions: int) -> Difference | None:
    row = await connection.fetchrow(verify_query("stray_partition"), partitions)
    if row is None:
        return None
    return Difference(row["table"], {"partition": row["partition"]}, ROW, MISSING, PRESENT)


def _counter(progress: Progress, total: int) -> Callable[[int], None]:
    done = 0

    def advance(count: int) -> None:
        nonlocal done
        done += count
        progress(done, total)

    return advance
