"""What the bench prints: a table for people, JSON for machines."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from tests.bench.meter import Percentiles


@dataclass(frozen=True)
class Ceiling:
    """The throughput of the bare clients with records of equal size on this machine."""

    name: str
    per_second: float
    record_bytes: int


@dataclass(frozen=True)
class Hop:
    """One measured hop. `cpu` holds processor seconds by process name for `events` events."""

    name: str
    events: int
    per_second: float
    ceiling: float
    ceiling_name: str
    cpu: Mapping[str, float] = field(default_factory=dict)
    complete: bool = True

    @property
    def ratio(self) -> float:
        """The throughput in proportion to the ceiling; 0.0 without one."""
        return self.per_second / self.ceiling if self.ceiling else 0.0

    def cpu_per_thousand(self) -> dict[str, float]:
        """Processor seconds per 1,000 events, by process."""
        return {name: 1000 * seconds / self.events for name, seconds in self.cpu.items() if self.events}


@dataclass(frozen=True)
class Latency:
    """From accepted to visible at a steady load."""

    per_second: float
    seconds: float
    percentiles: Percentiles
    lost: int


@dataclass(frozen=True)
class Report:
    """Everything one run measured."""

    machine: Mapping[str, Any]
    ceilings: Sequence[Ceiling]
    hops: Sequence[Hop]
    latency: Latency | None


def as_json(report: Report) -> dict[str, Any]:
    """The report with the derived figures spelled out."""
    document = asdict(report)
    for entry, hop in zip(document["hops"], report.hops, strict=True):
        entry["ratio"] = hop.ratio
        entry["cpu_seconds_per_1000"] = hop.cpu_per_thousand()
    return document


def show(console: Console, report: Report) -> None:
    """Ceilings, hops, latency."""
    console.print("  ".join(f"{name} {value}" for name, value in report.machine.items()), highlight=False)
    console.print(_ceilings(report.ceilings))
    console.print(_hops(report.hops))
    console.print(_cpu(report.hops))
    if report.latency is not None:
        console.print(_latency(report.latency), highlight=False)


def _ceilings(ceilings: Sequence[Ceiling]) -> Table:
    table = Table(title="bare ceilings", title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("what")
    table.add_column("per second", justify="right")
    table.add_column("bytes each", justify="right")
    for ceiling in ceilings:
        table.add_row(ceiling.name, f"{ceiling.per_second:,.0f}", f"{ceiling.record_bytes:,}")
    return table


def _hops(hops: Sequence[Hop]) -> Table:
    table = Table(title="hops", title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("hop")
    for name in ("events", "events/s", "ratio"):
        table.add_column(name, justify="right")
    table.add_column("of the ceiling")
    for hop in hops:
        events = f"{hop.events:,}" if hop.complete else f"{hop.events:,} (time over)"
        table.add_row(hop.name, events, f"{hop.per_second:,.0f}", f"{hop.ratio:.2f}", hop.ceiling_name)
    return table


def _cpu(hops: Sequence[Hop]) -> Table:
    names = list(dict.fromkeys(name for hop in hops for name in hop.cpu))
    table = Table(title="processor seconds per 1,000 events", title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("hop")
    for name in names:
        table.add_column(name, justify="right")
    for hop in hops:
        spent = hop.cpu_per_thousand()
        table.add_row(hop.name, *(f"{spent[name]:.3f}" if name in spent else "" for name in names))
    return table


def _latency(latency: Latency) -> str:
    found = latency.percentiles
    return (
        f"accepted to visible at {latency.per_second:,.0f} logins/s for {latency.seconds:.0f} s: "
        f"p50 {found.p50:.0f} ms  p95 {found.p95:.0f} ms  p99 {found.p99:.0f} ms  "
        f"({found.count:,} probes, {latency.lost} never seen)"
    )
