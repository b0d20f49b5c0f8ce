"""`python -m services.projector`"""

import uvloop

from schemas.topics import Topic
from services.projector.consumer import LARGE_BYTES, Projector, Settings
from services.runtime import logs
from services.runtime.operations import serving_operations
from services.runtime.worker.intake import Source
from services.runtime.worker.loop import Worker


def build(settings: Settings) -> Worker:
    """Return the worker with these settings."""
    source = Source(
        kafka=settings.kafka,
        topic=settings.topic(Topic.PROFILE_EVENTS),
        group=f"{settings.topic_prefix}vita-projector",
        watchdog_seconds=settings.watchdog_seconds,
        large_bytes=LARGE_BYTES,
    )
    return Worker(source, Projector(settings))


async def main() -> None:
    """Run until a signal stops the process."""
    settings = Settings()
    logs.configure(settings.log_format)
    worker = build(settings)
    async with serving_operations("projector", settings.operations, worker.obstacle):
        await worker.run()


if __name__ == "__main__":
    uvloop.run(main())
