"""`python -m services.normalizer`"""

import uvloop

from schemas.topics import Topic
from services.normalizer.consumer import Normalizer, Settings
from services.runtime import logs
from services.runtime.operations import serving_operations
from services.runtime.worker.intake import Source
from services.runtime.worker.loop import Worker


def build(settings: Settings) -> Worker:
    """Return the worker for these settings."""
    source = Source(
        kafka=settings.kafka,
        topic=settings.topic(Topic.LOGINS_RAW),
        group=f"{settings.topic_prefix}vita-normalizer",
        watchdog_seconds=settings.watchdog_seconds,
    )
    return Worker(source, Normalizer(settings))


async def main() -> None:
    """Run until a signal ends the process."""
    settings = Settings()
    logs.configure(settings.log_format)
    worker = build(settings)
    async with serving_operations("normalizer", settings.operations, worker.obstacle):
        await worker.run()


if __name__ == "__main__":
    uvloop.run(main())
