"""`python -m tests.bench.kept_claims`: what the claims that events keep cost, in bytes and in processor time.

One process, no servers: what the normalizer computes per login (read, map, seal) and what the projector
computes per event (read, open, fold). Rounds with and without kept claims alternate, so that what else the
machine does falls on both; the medians are compared.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Final

from rich.console import Console

from projections.batch.fold import fold_batch
from projections.batch.views import Views
from projections.logged import Logged
from projections.normalization import ConnectionSettings
from projections.normalization.claims.kept import KEEP_CLAIMS
from schemas.examples import load_example
from schemas.formats import exact_json
from schemas.formats.positions import Position
from schemas.logins.raw_login import parse_raw_login
from schemas.sealing.keys import generate_subject_keys
from schemas.sealing.mapper import Record, open_event, read_sealed, seal_event
from services.normalizer.decide import Arrival, login_succeeded, normalize_login

AT: Final = datetime(2026, 11, 23, 10, tzinfo=UTC)
SUBJECT: Final = f"sub_{1:032x}"
KEYS: Final = generate_subject_keys()
LOGINS: Final = ("vita.login.v1.json", "vita.login.v1.github.json", "vita.login.v1.saml.json")


@dataclass(frozen=True)
class Cost:
    """Medians of one kind of login, without and with kept claims."""

    login: str
    bytes_without: int
    bytes_with: int
    normalizer_without: float
    normalizer_with: float
    projector_without: float
    projector_with: float


def _normalize(raws: Sequence[bytes], settings: ConnectionSettings) -> list[Record]:
    records = []
    for number, raw in enumerate(raws):
        arrival = Arrival(parse_raw_login(raw), f"1/0/{number}", AT)
        person = normalize_login(settings, arrival.login.data)
        records.append(seal_event(login_succeeded(arrival, settings, person, SUBJECT), KEYS))
    return records


def _project(records: Sequence[Record]) -> None:
    events = [
        Logged(open_event(read_sealed(*record), KEYS), Position(0, offset), AT)
        for offset, record in enumerate(records)
    ]
    fold_batch(Views(), events)


def _seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.process_time()
    result = work()
    return time.process_time() - began, result


def measure(name: str, rounds: int, count: int) -> Cost:
    """Measure one example of a raw login."""
    example = load_example(name)
    raws = [exact_json.dumps({**example, "id": f"login-{number}"}) for number in range(count)]
    data = example["data"]
    spent: Mapping[bool, list[tuple[float, float, int]]] = {False: [], True: []}
    for turn in range(2 * rounds + 2):
        keeps = turn % 2 == 1
        settings = ConnectionSettings(data["connection"], data["strategy"], {KEEP_CLAIMS: keeps})
        normalizing, records = _seconds(lambda s=settings: _normalize(raws, s))
        projecting, _ = _seconds(lambda r=records: _project(r))
        size = sum(len(record.key) + len(record.value) for record in records) // count
        if turn > 1:
            spent[keeps].append((normalizing, projecting, size))
    rates = {
        keeps: [count / statistics.median(one[part] for one in found) for part in (0, 1)]
        for keeps, found in spent.items()
    }
    return Cost(
        login=name,
        bytes_without=spent[False][0][2],
        bytes_with=spent[True][0][2],
        normalizer_without=rates[False][0],
        normalizer_with=rates[True][0],
        projector_without=rates[False][1],
        projector_with=rates[True][1],
    )


def main() -> None:
    """Print the costs as lines, or as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="rounds of each kind")
    parser.add_argument("--logins", type=int, default=1000, help="logins per round")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    costs = [measure(name, given.rounds, given.logins) for name in LOGINS]
    if given.json:
        print(json.dumps([asdict(cost) for cost in costs]))
        return
    console = Console(highlight=False)
    for cost in costs:
        more = cost.bytes_with - cost.bytes_without
        console.print(
            f"{cost.login}: {cost.bytes_without:,} bytes per event, {cost.bytes_with:,} with claims"
            f" (+{more:,}, {more / cost.bytes_without:+.0%})"
        )
        for hop, without, with_claims in (
            ("normalizer", cost.normalizer_without, cost.normalizer_with),
            ("projector", cost.projector_without, cost.projector_with),
        ):
            console.print(
                f"  {hop:<10} {without:>8,.0f} logins/s of one processor, {with_claims:>8,.0f} with claims"
                f" ({with_claims / without - 1:+.1%})"
            )


if __name__ == "__main__":
    main()
