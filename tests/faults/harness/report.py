"""The table of a run: fault, part, how often, what was lost or doubled, how long until all was well again."""

from collections import Counter
from collections.abc import Sequence
from statistics import median
from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table

from tests.faults.harness.fleet import Fleet
from tests.faults.harness.model import Fate, Model
from tests.faults.harness.runner import Outcome, Result, by_kind

MOST_SHOWN: Final = 50


def print_report(result: Result, model: Model, fleet: Fleet) -> None:
    """Print the table and the totals."""
    console = Console()
    console.print(table(result))
    kinds = Counter(one.kind for one in result.violations)
    facts = Counter(fact.fate for fact in (*model.logins, *model.changes))
    console.print(
        f"{len(result.outcomes)} faults; {kinds['lost']} lost, {kinds['doubled']} doubled,"
        f" {kinds['disordered']} disordered; of {facts.total()} logins and changes {facts[Fate.DONE]}"
        f" acknowledged, {facts[Fate.UNKNOWN]} without an answer; {len(model.poison)} bad records;"
        f" {len(fleet.exits)} processes started again"
    )
    for text in (*result.problems, *(f"{one.kind}: {one.text}" for one in result.violations[:MOST_SHOWN])):
        console.print(text, style="red", markup=False)


def table(result: Result) -> Table:
    """Return a row for each kind of fault."""
    made = Table(box=box.SIMPLE_HEAD)
    for name in ("part", "fault"):
        made.add_column(name, no_wrap=True)
    for name in ("faults", "lost", "doubled", "disordered", "seconds to recover", "longest"):
        made.add_column(name, justify="right")
    made.add_column("")
    for part, name, outcomes in by_kind(result.outcomes):
        kinds = Counter(one.kind for outcome in outcomes for one in outcome.violations)
        broken = [str(kinds[kind]) for kind in ("lost", "doubled", "disordered")]
        made.add_row(part, name, str(len(outcomes)), *broken, *_seconds(outcomes), _notes(outcomes))
    return made


def _seconds(outcomes: Sequence[Outcome]) -> tuple[str, str]:
    known = [one.recovered for one in outcomes if one.recovered is not None]
    if not known:
        return "never", "never"
    return f"{median(known):.1f}", f"{max(known):.1f}" if len(known) == len(outcomes) else "never"


def _notes(outcomes: Sequence[Outcome]) -> str:
    counted = Counter(one.fault.note for one in outcomes if one.fault.note)
    return ", ".join(f"{note} ({times})" if len(outcomes) > 1 else note for note, times in counted.items())
