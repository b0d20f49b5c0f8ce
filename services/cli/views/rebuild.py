"""`vita rebuild`: fills a new generation of the views from the log, and makes it live."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli import addresses
from services.cli.event_loop import run
from services.cli.failure import CommandFailed
from services.cli.options import AsJson, Kafka, KeyProvider, TopicPrefix
from services.cli.output import out, print_json

if TYPE_CHECKING:
    from services.rebuild.access import RebuildAccess
    from services.rebuild.rebuild import Rebuilt, Step

AdminUrl = Annotated[
    str | None,
    typer.Option(
        "--postgres-admin-url",
        envvar="VITA_POSTGRES_ADMIN_URL",
        metavar="URL",
        help="PostgreSQL URL with the administrator's role, as for `python -m deploy prepare`.",
        rich_help_panel="Addresses and credentials (default: those of the local stack)",
        show_default=False,
    ),
]
PHASES = {
    "replay": "replaying the log",
    "index": "making indexes",
    "catch_up": "catching up with the live views",
    "compare": "comparing with the live views",
    "ready": "switching",
}


def register(app: typer.Typer, panel: str) -> None:
    """Add the command."""
    app.command(rich_help_panel=panel)(rebuild)


def rebuild(
    rate: Annotated[
        float | None,
        typer.Option(metavar="N", min=1, help="Replay at most N events per second, to spare the servers."),
    ] = None,
    processes: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Replay in N processes.", show_default="one per processor"),
    ] = None,
    accept_differences: Annotated[
        bool,
        typer.Option("--accept-differences", help="Switch although the new views differ from the live ones."),
    ] = False,
    no_switch: Annotated[
        bool, typer.Option("--no-switch", help="Build and compare only; a later run switches.")
    ] = False,
    renormalize: Annotated[
        bool | None,
        typer.Option(
            "--renormalize/--no-renormalize",
            help="Map logins again from the claims that their events keep, with the present settings.",
            show_default="as for the live views",
        ),
    ] = None,
    rollback: Annotated[
        bool, typer.Option("--rollback", help="Make the views live again that were live before.")
    ] = False,
    drop: Annotated[
        bool, typer.Option("--drop", help="Drop the views that are not live, and what a rebuild left.")
    ] = False,
    as_json: AsJson = False,
    kafka: Kafka = None,
    topic_prefix: TopicPrefix = None,
    admin_url: AdminUrl = None,
    key_provider: KeyProvider = None,
) -> None:
    """Rebuild all views from the log beside the live ones, compare the two, and switch.

    The live views stay complete and up to date meanwhile. A rebuild that is interrupted goes on where it
    ended when the command is run again. If any row differs, the command ends with exit code 1 and the live
    views stay. The earlier views are kept for --rollback until --drop, or for seven days.

    With --renormalize, the new views have what past logins would give with the present settings of their
    connections and the mapping code of this version (see `vita whatif`). The differences are listed, and
    --accept-differences switches. Later rebuilds do the same until one has --no-renormalize.

    Example: vita rebuild --rate 5000

    Raises CommandFailed when the servers are not known, and when --rollback and --drop are both given.
    """
    if rollback and drop:
        raise CommandFailed("--rollback and --drop exclude each other", "give one of them")
    access = _access(kafka, topic_prefix, admin_url, key_provider)
    if drop:
        _show(as_json, {"dropped": run(_drop(access))}, "Dropped the generations: {dropped}.")
    elif rollback:
        _show(as_json, {"live": run(_roll_back(access))}, "Generation {live} is live again.")
    else:
        from services.rebuild.rebuild import Options

        given = {} if processes is None else {"processes": processes}
        options = Options(
            rate=rate,
            accept_differences=accept_differences,
            switch=not no_switch,
            renormalize=renormalize,
            **given,
        )
        _show_rebuilt(as_json, run(_rebuild(access, options)))


def _access(
    kafka: str | None, topic_prefix: str | None, admin_url: str | None, key_provider: str | None
) -> "RebuildAccess":
    import os

    from deploy.prepare import DATABASE
    from deploy.rebuild import rebuild_access

    broker = addresses.kafka(kafka)
    stack = addresses.local_stack()
    if admin_url is None and stack is None:
        raise CommandFailed(
            "no database is configured",
            "start the local stack with `vita up`, or set VITA_POSTGRES_ADMIN_URL",
        )
    own = stack is not None and admin_url in (None, stack.postgres_admin_url)
    provider = key_provider or (stack.key_provider if stack and own else None)
    if provider is None:
        raise CommandFailed("the key-encryption key of that database is not known", "set VITA_KEY_PROVIDER")
    database = stack.database if stack and own else os.environ.get("VITA_DATABASE_NAME", DATABASE)
    return rebuild_access(
        kafka=broker,
        topic_prefix=addresses.topic_prefix(topic_prefix, broker),
        admin_url=admin_url or (stack.postgres_admin_url if stack else ""),
        database=database,
        role_prefix=database,
        key_provider=provider,
        public_url=addresses.issuer(stack.management_url) if stack and own else None,
    )


async def _rebuild(access: "RebuildAccess", options: Any) -> "Rebuilt":
    from services.rebuild.rebuild import RebuildRefused, rebuild

    with _Bars() as bars:
        try:
            return await rebuild(access, options, bars.show)
        except RebuildRefused as error:
            raise CommandFailed(str(error), error.advice) from None


async def _roll_back(access: "RebuildAccess") -> int:
    from services.rebuild.rebuild import RebuildRefused, roll_back

    with _Bars() as bars:
        try:
            return await roll_back(access, bars.show)
        except RebuildRefused as error:
            raise CommandFailed(str(error), error.advice) from None


async def _drop(access: "RebuildAccess") -> list[int]:
    from services.rebuild.rebuild import RebuildRefused, drop_others

    try:
        return await drop_others(access)
    except RebuildRefused as error:
        raise CommandFailed(str(error), error.advice) from None


class _Bars:
    """A progress bar for each phase, on standard error."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TaskID,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        self._progress = Progress(
            TextColumn("{task.description:<32}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[speed]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> "_Bars":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, step: "Step") -> None:
        """Move the bar of a phase."""
        if step.phase not in self._tasks:
            for task in self._tasks.values():
                self._progress.update(task, completed=self._progress.tasks[task].total)
            self._tasks[step.phase] = self._progress.add_task(PHASES[step.phase], total=step.total, speed="")
        task = self._tasks[step.phase]
        speed = self._progress.tasks[task].speed
        text = f"{speed:,.0f} events/s" if step.phase == "replay" and speed else ""
        self._progress.update(task, completed=step.done, total=step.total, speed=text)


def _show_rebuilt(as_json: bool, rebuilt: "Rebuilt") -> None:
    rate = rebuilt.events / rebuilt.replay_seconds if rebuilt.replay_seconds else 0.0
    content = {
        "generation": rebuilt.generation,
        "live": rebuilt.is_live,
        "renormalized": rebuilt.renormalized,
        "events": rebuilt.events,
        "events_per_second": round(rate),
        "rows": rebuilt.rows,
        "differences": [
            {"table": one.table, "tenant": one.tenant, "subject": one.subject, "columns": list(one.columns)}
            for one in rebuilt.differences
        ],
    }
    if as_json:
        print_json(content)
        return
    replayed = f"Replayed {rebuilt.events:,} events ({rate:,.0f} events/s)" if rate else "Nothing to replay"
    result = "with differences that were accepted" if rebuilt.differences else "equal to the live views"
    if rebuilt.renormalized:
        out().print("Logins were mapped again, with the present settings of their connections.")
    out().print(
        f"{replayed}; compared {rebuilt.rows:,} rows, {result}.",
        highlight=False,
    )
    for one in rebuilt.differences:
        columns = ", ".join(one.columns) or "row missing"
        out().print(f"  {one.table}  {one.tenant}/{one.subject or '-'}  {columns}", highlight=False)
    if rebuilt.is_live:
        out().print(f"Generation {rebuilt.generation} is live. `vita rebuild --rollback` goes back.")
    else:
        out().print(f"Generation {rebuilt.generation} is ready. `vita rebuild` makes it live.")


def _show(as_json: bool, content: dict[str, Any], text: str) -> None:
    if as_json:
        print_json(content)
        return
    shown = {
        name: ", ".join(map(str, value)) or "none" if isinstance(value, list) else value
        for name, value in content.items()
    }
    out().print(text.format(**shown), highlight=False)
