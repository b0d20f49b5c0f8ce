"""`python -m deploy prepare`: roles, database, migrations, views, topics on the servers given."""

import asyncio
import os
import sys

from deploy.prepare import NotPrepared, Places, prepare_ledger, prepare_topics


def main(arguments: list[str]) -> int:
    """Run the one command; 0 when it went well."""
    if arguments != ["prepare"]:
        print("usage: python -m deploy prepare", file=sys.stderr)
        return 2
    try:
        asyncio.run(_prepare())
    except NotPrepared as failure:
        print(f"{failure}\nWhat to do: {failure.advice}", file=sys.stderr)
        return 1
    return 0


async def _prepare() -> None:
    places = Places.from_environment(os.environ)
    await prepare_ledger(places)
    print(f"database {places.database}: ready")
    created = await prepare_topics(places)
    print(f"topics: {', '.join(created) if created else 'ready'}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
