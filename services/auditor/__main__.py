"""`python -m services.auditor`"""

import uvloop

from schemas.topics import Topic
from services.auditor.consumer import Auditor, Settings
from services.auditor.signing import signer
from services.runtime import logs
from services.runtime.operations import serving_operations
from services.runtime.worker.intake import Source
from services.runtime.worker.loop import Worker


def build(settings: Settings) -> Worker:
    """Return the worker for these settings; create the checkpoint key if it does not exist."""
    source = Source(
        kafka=settings.kafka,
        topic=settings.topic(Topic.PROFILE_EVENTS),
        group=f"{settings.topic_prefix}vita-auditor",
        watchdog_seconds=settings.watchdog_seconds,
        max_records=settings.audit_batch_records,
    )
    return Worker(source, Auditor(settings, signer(settings.checkpoint_provider)))


async def main() -> None:
    """Run until a signal ends the process."""
    settings = Settings()
    logs.configure(settings.log_format)
    worker = build(settings)
    async with serving_operations("auditor", settings.operations, worker.obstacle):
        await worker.run()


if __name__ == "__main__":
    uvloop.run(main())
