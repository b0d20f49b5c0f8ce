"""`python -m deploy prepare`: prepares roles, database, migrations, views, keys, topics, and Kafka users
and rights."""

import argparse
import asyncio
import os
import sys
from dataclasses import replace
from pathlib import Path

from deploy.database import open_databases
from deploy.prepare import Installation, NotPrepared, prepare_ledger, prepare_rights, prepare_topics
from deploy.rebuild import prepare_views
from deploy.roles import LOGINS, variable
from services.rebuild.rebuild import Step


def main(arguments: list[str]) -> int:
    """Run the command and return its exit code, 0 if it succeeded."""
    options = _parser().parse_args(arguments)
    try:
        asyncio.run(_prepare(options))
    except NotPrepared as failure:
        print(f"{failure}\nWhat to do: {failure.advice}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy", description=__doc__)
    prepare = parser.add_subparsers(required=True, metavar="prepare").add_parser(
        "prepare",
        help="prepare the servers named in the environment for this version; may be repeated",
    )
    prepare.add_argument(
        "--passwords",
        type=Path,
        metavar="FILE",
        help="store the roles' passwords in this file (mode 600) instead of printing new ones once",
    )
    prepare.add_argument(
        "--rotate",
        nargs="*",
        choices=LOGINS,
        metavar="ROLE",
        help=f"make new passwords for these roles, or for all if none is named  ({', '.join(LOGINS)})",
    )
    prepare.add_argument(
        "--exclusive",
        action="store_true",
        help="only Vita uses the PostgreSQL server: revoke CONNECT on its other databases from PUBLIC",
    )
    return parser


async def _prepare(options: argparse.Namespace) -> None:
    environment = dict(os.environ)
    if options.passwords is not None:
        environment["VITA_PASSWORDS_FILE"] = str(options.passwords)
    installation = Installation.from_environment(environment)
    rotate = () if options.rotate is None else tuple(options.rotate or LOGINS)
    installation = replace(
        installation, access=replace(installation.access, rotate=rotate, exclusive=options.exclusive)
    )
    _show_passwords(await prepare_ledger(installation), installation)
    print(f"database {installation.database}: ready")
    await _show_open_databases(installation)
    print(f"rights on Kafka: {await prepare_rights(installation)}")
    created = await prepare_topics(installation)
    print(f"topics: {', '.join(created) if created else 'ready'}")
    rebuilt = await prepare_views(installation, _show_step)
    print("views: ready" if rebuilt is None else f"views: rebuilt from {rebuilt.events:,} events")


def _show_step(step: Step) -> None:
    print(f"views: {step.phase} {step.done:,}/{step.total:,}", file=sys.stderr)


def _show_passwords(made: dict[str, str], installation: Installation) -> None:
    file = installation.access.passwords.file
    if made and file is not None:
        print(f"new passwords of {', '.join(made)}: in {file}")
    elif made:
        print("New passwords, shown once. Store them where the services' VITA_DATABASE_URL is configured:")
        for login, password in made.items():
            print(f"{variable(login)}={password}")


async def _show_open_databases(installation: Installation) -> None:
    if found := await open_databases(installation.postgres_admin_url, installation.database):
        print(
            f"Every role of this server may connect to {', '.join(found)}, Vita's included. If the server"
            " is Vita's alone, run this with --exclusive; else REVOKE CONNECT ON DATABASE ... FROM PUBLIC."
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
