"""`vita whatif`: which profiles would differ if past logins had been mapped in another way."""

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from services.cli import addresses
from services.cli.access import bearer_token
from services.cli.event_loop import run
from services.cli.failure import CommandFailed
from services.cli.options import AsJson, Database, Kafka, KeyProvider, ManagementUrl, Token, TopicPrefix
from services.cli.output import note, out, print_json, print_table, safe, shown, stderr_console

if TYPE_CHECKING:
    from rich.progress import Progress

    from projections.remapping.comparison import ValueChange
    from services.rebuild.what_if.question import Answer, PersonDifference, Question
    from services.runtime.kafka.access import KafkaAccess

EXAMPLES: Final = 5
"""People whose differences are printed."""
SAMPLE: Final = 1000


def register(app: typer.Typer, panel: str) -> None:
    """Add the command."""
    app.command(rich_help_panel=panel)(whatif)


def whatif(
    connection: Annotated[
        str | None, typer.Option("--connection", "-c", metavar="NAME", help="Only logins through it.")
    ] = None,
    mapping: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="JSON file with the options that replace those of the connection, as in a PATCH of the"
            ' Management API: {"fieldsMap": …}. null takes an option away.',
        ),
    ] = None,
    upgrade: Annotated[
        bool,
        typer.Option(
            "--upgrade", help="Map logins with the settings of their time and the code of this version."
        ),
    ] = False,
    sample: Annotated[
        int | None, typer.Option(metavar="N", min=1, help=f"N people drawn at random ({SAMPLE} by default).")
    ] = None,
    everybody: Annotated[bool, typer.Option("--all", help="Everybody, instead of a sample.")] = False,
    show_values: Annotated[
        bool, typer.Option("--show-values", help="Show values instead of their kind and size.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Where to write all differences, one JSON object per person and line (mode 600).",
            show_default="whatif-<time>.ndjson",
        ),
    ] = None,
    as_json: AsJson = False,
    kafka_bootstrap: Kafka = None,
    topic_prefix: TopicPrefix = None,
    management_url: ManagementUrl = None,
    token: Token = None,
    database_url: Database = None,
    key_provider: KeyProvider = None,
) -> None:
    """Show which profiles would differ if past logins had been mapped in another way. Nothing is changed.

    Logins are mapped again from the claims that their events keep, and people's histories are replayed with
    both results. With --mapping, the connection has its present options with those of FILE in their place;
    with --upgrade, only the mapping code differs from the one that wrote the log. The token needs the scope
    read:events; its tenant's users are replayed. The exit code is 0 whether profiles would differ or not.

    Example: vita whatif --connection corp --mapping options.json --all

    Raises CommandFailed when the options contradict each other, and when a file cannot be used.
    """
    if (mapping is None) == (not upgrade):
        raise CommandFailed("the question is not complete", "give either --mapping FILE or --upgrade")
    if mapping is not None and connection is None:
        raise CommandFailed("--mapping needs a connection", "name it with --connection")
    if sample is not None and everybody:
        raise CommandFailed("--sample and --all exclude each other", "give one of them")
    changes = None if mapping is None else _options_in(mapping)
    size = None if everybody else sample or SAMPLE
    url = addresses.management_url(management_url)
    bearer, ledger = bearer_token(token, url), addresses.ledger(database_url, key_provider)
    kafka = addresses.kafka(kafka_bootstrap)
    prefix = addresses.topic_prefix(topic_prefix, kafka)
    path = output or _default_path()
    with _Differences(path, show_values) as differences:
        asked = _ask(ledger, url, bearer, (kafka, prefix), (connection, changes, size), differences.add)
        question, answer = run(asked)
    content = _content(question, answer, differences.examples, path)
    if as_json:
        print_json(content)
    else:
        _show(content, answer, question)


def _options_in(path: Path) -> dict[str, Any]:
    """The options in a file, which may also hold a whole connection as the Management API answers it."""
    from projections.remapping.configurations import MAPPING_OPTIONS
    from schemas.formats import exact_json

    try:
        content: Any = exact_json.loads(path.read_bytes())
    except OSError as error:
        raise CommandFailed(f"{path}: {error.strerror}", "name another file") from None
    except ValueError:
        raise CommandFailed(f"{path} is not JSON", "correct it, for example with `jq . FILE`") from None
    if isinstance(content, dict) and isinstance(content.get("options"), dict):
        content = content["options"]
    if not isinstance(content, dict) or not content.keys() & MAPPING_OPTIONS:
        raise CommandFailed(
            f"{path} holds none of the options that a mapping reads",
            f"expected an object with some of {', '.join(sorted(MAPPING_OPTIONS))}",
        )
    if ignored := sorted(content.keys() - MAPPING_OPTIONS):
        note(f"The mapping does not read these options: {', '.join(ignored)}")
    return content


def _default_path() -> Path:
    from datetime import datetime

    return Path(f"whatif-{datetime.now().astimezone():%Y%m%d-%H%M%S}.ndjson")


class _Differences:
    """Writes the differences to a new file that only its owner may read, and keeps the first as examples."""

    def __init__(self, path: Path, show_values: bool) -> None:
        self._path, self._shows = path, show_values
        self.examples: list[dict[str, Any]] = []

    def __enter__(self) -> "_Differences":
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            raise CommandFailed(
                f"{self._path} exists already", "remove it, or name another file with --output"
            ) from None
        except OSError as error:
            raise CommandFailed(
                f"{self._path}: {error.strerror}", "name another file with --output"
            ) from None
        self._file = os.fdopen(descriptor, "wb")
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._file.close()
        if kind is not None:
            self._path.unlink(missing_ok=True)

    def add(self, found: "PersonDifference") -> None:
        """Write what differs for one person."""
        from schemas.formats import exact_json

        line: dict[str, Any] = {"subject": found.subject}
        if self._shows:
            line["user_id"] = found.user_id
        line["changes"] = {name: self._change(change) for name, change in found.changes.items()}
        self._file.write(exact_json.dumps(line) + b"\n")
        if len(self.examples) < EXAMPLES:
            self.examples.append(line)

    def _change(self, change: "ValueChange") -> dict[str, Any]:
        from projections.remapping.comparison import ABSENT, masked

        sides = {"before": change.before, "after": change.after}
        return {
            side: value if self._shows else masked(value)
            for side, value in sides.items()
            if value is not ABSENT
        }


async def _ask(
    ledger: addresses.Ledger,
    management_url: str,
    token: str,
    source: tuple["KafkaAccess", str],
    asked: tuple[str | None, dict[str, Any] | None, int | None],
    found: Callable[["PersonDifference"], None],
) -> tuple["Question", "Answer"]:
    from schemas.topics import Topic
    from services.cli.authorization import require_scope
    from services.cli.ledger import keyring, operator
    from services.rebuild.what_if.question import Question
    from services.rebuild.what_if.replay import UnknownConnection, WhatIf
    from services.runtime.kafka.log_reader import open_log
    from services.runtime.worker.intake import WorkerFailed

    tenant = (await require_scope(ledger, management_url, token)).tenant
    name, changes, size = asked
    question = Question(tenant=tenant, connection=name, changes=changes, sample=size)
    kafka, prefix = source
    try:
        async with (
            operator(ledger.url) as connection,
            open_log(kafka, addresses.topic(prefix, Topic.PROFILE_EVENTS)) as log,
        ):
            with _progress() as progress:
                replay = WhatIf(
                    connection=connection,
                    keyring=await keyring(connection, ledger.key_provider),
                    log=log,
                    question=question,
                    public_url=addresses.issuer(management_url),
                    report=_reporter(progress),
                    found=found,
                )
                return question, await replay.run()
    except UnknownConnection as error:
        raise CommandFailed(
            f"the tenant {tenant} has no connection {safe(str(name))}",
            f"use one of {', '.join(error.known)}" if error.known else "it has none yet",
        ) from None
    except LookupError as error:
        raise CommandFailed(str(error), "check VITA_KAFKA_BOOTSTRAP and VITA_TOPIC_PREFIX") from None
    except WorkerFailed as error:
        raise CommandFailed(str(error), "use the command line of that version") from None


def _progress() -> "Progress":
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description:<22}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=stderr_console(),
    )


def _reporter(progress: "Progress") -> Callable[[str, int, int], None]:
    phases = {"sampling": "drawing the sample", "replaying": "replaying the log"}
    tasks: dict[str, Any] = {}

    def report(phase: str, done: int, total: int) -> None:
        if phase not in tasks:
            tasks[phase] = progress.add_task(phases[phase], total=total)
        progress.update(tasks[phase], completed=done)

    return report


def _content(
    question: "Question", answer: "Answer", examples: list[dict[str, Any]], path: Path
) -> dict[str, Any]:
    names = sorted(
        answer.changes.keys() | answer.additions.keys() | answer.removals.keys(),
        key=lambda name: (-_people(answer, name), name),
    )
    return {
        "tenant": question.tenant,
        "connection": question.connection,
        "sample": question.sample,
        "people": answer.people,
        "people_changed": answer.changed,
        "people_with_other_origins_only": answer.only_origins,
        "attributes": {
            name: {
                "changed": answer.changes[name],
                "added": answer.additions[name],
                "removed": answer.removals[name],
            }
            for name in names
        },
        "logins": dict(answer.logins),
        "logins_with_another_identity": answer.leads_elsewhere,
        "events": answer.events,
        "unreadable_records": answer.unreadable,
        "examples": examples,
        "file": str(path),
    }


def _people(answer: "Answer", name: str) -> int:
    counters: tuple[Counter[str], ...] = (answer.changes, answer.additions, answer.removals)
    return sum(counter[name] for counter in counters)


def _show(content: dict[str, Any], answer: "Answer", question: "Question") -> None:
    who = "people" if question.sample is None else "people drawn at random"
    out().print(
        f"{answer.changed:,} of {answer.people:,} {who} would change"
        f" ({answer.changed / max(1, answer.people):.1%})."
    )
    if answer.only_origins:
        out().print(f"Of {answer.only_origins:,} more, values would come from other claims.")
    if content["attributes"]:
        print_table(
            ("attribute", "changed", "added", "removed"),
            ((name, *counts.values()) for name, counts in content["attributes"].items()),
            right=("changed", "added", "removed"),
        )
    for example in content["examples"]:
        out().print(safe(f"{example.get('user_id') or example['subject']}"), markup=False)
        for name, change in example["changes"].items():
            before, after = (
                shown(change[side]) if side in change else "absent" for side in ("before", "after")
            )
            out().print(f"  {safe(name)}: {safe(before)} → {safe(after)}", markup=False, soft_wrap=True)
    for text in _remarks(answer):
        out().print(text, soft_wrap=True)
    out().print(f"All differences are in {content['file']}.", markup=False, soft_wrap=True)


def _remarks(answer: "Answer") -> list[str]:
    logins = answer.logins
    found = [f"{sum(logins.values()):,} logins were mapped again; nothing was written."]
    left = {
        "whose events keep no claims (options.keep_claims, or of an earlier version)": logins["not_kept"],
        "whose claims were too large to keep": logins["too_large"],
        "that this mapping refuses": logins["unmappable"],
    }
    found += [f"{count:,} logins {why} stay as they are." for why, count in left.items() if count]
    if answer.leads_elsewhere:
        found.append(
            f"{answer.leads_elsewhere:,} logins would have another identity: with this mapping, new logins of"
            " these people make new users."
        )
    if answer.unreadable:
        found.append(f"{answer.unreadable:,} records could not be read.")
    return found
