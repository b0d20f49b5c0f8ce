"""`python -m deploy.local infrastructure --state DIR`: runs Kafka and PostgreSQL without the services."""

import argparse
import asyncio
import sys
from pathlib import Path

from deploy.local.failure import StackFailure, together
from deploy.local.servers import artifacts
from deploy.local.stack import LocalStack


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code, 0 if it succeeded."""
    options = _parser().parse_args(arguments)
    try:
        asyncio.run(options.run(options))
    except StackFailure as failure:
        print(failure, file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.local", description=__doc__)
    commands = parser.add_subparsers(required=True)
    for name, run, text in (
        (
            "infrastructure",
            _infrastructure,
            "start Kafka and PostgreSQL, and print their addresses as shell exports",
        ),
        ("status", _status, "print the processes"),
        ("stop", _stop, "stop everything that was started"),
        ("lock", _lock, "resolve Kafka's jars and write the lock file"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("--state", type=Path, default=Path(".vita"), help="the state folder")
        command.set_defaults(run=run)
    return parser


async def _infrastructure(options: argparse.Namespace) -> None:
    stack = LocalStack(options.state)
    with stack.state.lock():
        access, admin_url = await together(stack.ensure_kafka(_progress), stack.ensure_postgres())
    for name, value in {**access.environment(), "VITA_POSTGRES_ADMIN_URL": admin_url}.items():
        print(f"export {name}={value}")


async def _status(options: argparse.Namespace) -> None:
    for info in LocalStack(options.state).status():
        print(f"{info.name:12} {'running' if info.alive else 'stopped'} {info.pid or '-':>8} {info.log_path}")


async def _stop(options: argparse.Namespace) -> None:
    stack = LocalStack(options.state)
    with stack.state.lock():
        for name in await stack.stop_all():
            print(f"stopped {name}")


async def _lock(_options: argparse.Namespace) -> None:
    found = artifacts.resolve(artifacts.KAFKA_ENDPOINT)
    artifacts.KAFKA_LOCK.write_text(artifacts.render_lock(artifacts.KAFKA_ENDPOINT, found))
    print(f"{len(found)} jars written to {artifacts.KAFKA_LOCK.name}")


def _progress(done: int, total: int) -> None:
    tenths = done * 10 // total
    if tenths != (done - artifacts.CHUNK_BYTES) * 10 // total:
        print(f"Kafka: {tenths * 10} % of {total // 1_000_000} MB", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
