"""The catalogue of metrics: name, kind, unit, labels and meaning of each, and the services that expose it.

A label has few values, and none is personal data: no subject, user, address or client is ever a label. Names
are an interface: dashboards and alerts of operators depend on them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

UNKNOWN_TYPE: Final = "unknown"
"""The label of events whose type is none of the catalogue of events, or is not verified."""

MetricKind = Literal["counter", "gauge", "histogram"]

HTTP: Final = ("ingest", "management")
WORKERS: Final = ("normalizer", "projector", "auditor")
ALL: Final = (*HTTP, *WORKERS)

REQUEST_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
WAIT_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
BATCH_RECORDS: Final = (1.0, 10.0, 50.0, 100.0, 250.0, 500.0, 1_000.0, 2_000.0, 4_000.0)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Metric:
    """A metric as it is exposed. `buckets` are the upper bounds of a histogram, in its unit."""

    name: str
    kind: MetricKind
    unit: str
    labels: tuple[str, ...]
    meaning: str
    services: tuple[str, ...]
    buckets: tuple[float, ...] = ()


HTTP_REQUESTS: Final = Metric(
    name="vita_http_requests_total",
    kind="counter",
    unit="requests",
    labels=("method", "route", "status"),
    meaning="HTTP requests that were answered, by the template of the route; `none` for an unknown path,"
    " and status"
    " 0 for a connection that ended before the response.",
    services=HTTP,
)
HTTP_REQUEST_SECONDS: Final = Metric(
    name="vita_http_request_seconds",
    kind="histogram",
    unit="seconds",
    labels=("method", "route"),
    meaning="Time from the arrival of an HTTP request to the end of its response.",
    services=HTTP,
    buckets=REQUEST_SECONDS,
)
LOGINS: Final = Metric(
    name="vita_logins_total",
    kind="counter",
    unit="logins",
    labels=("outcome",),
    meaning="Logins that gateways sent: `accepted`; `rejected`, as they are not valid; `retry`, as the log"
    " did not"
    " confirm them in time.",
    services=("ingest",),
)
EVENTS: Final = Metric(
    name="vita_events_total",
    kind="counter",
    unit="events",
    labels=("type", "outcome"),
    meaning="Events by type: `appended` to the log, `applied` to the views, `audited` into the trail, or"
    " not opened as their keys are `destroyed`. The type `unknown` stands for what is not verified.",
    services=("management", *WORKERS),
)
LAG_RECORDS: Final = Metric(
    name="vita_worker_lag_records",
    kind="gauge",
    unit="records",
    labels=("partition",),
    meaning="Records between the last one that the worker has brought to its end and the end of the topic,"
    " for each"
    " partition assigned to the process.",
    services=WORKERS,
)
LAG_SECONDS: Final = Metric(
    name="vita_worker_lag_seconds",
    kind="gauge",
    unit="seconds",
    labels=("partition",),
    meaning="Age of the oldest record that the worker has not brought to its end, by the broker's time; 0"
    " if none"
    " waits.",
    services=WORKERS,
)
BATCH_SIZE: Final = Metric(
    name="vita_batch_records",
    kind="histogram",
    unit="records",
    labels=(),
    meaning="Records in a batch that was applied.",
    services=WORKERS,
    buckets=BATCH_RECORDS,
)
BATCH_PHASE_SECONDS: Final = Metric(
    name="vita_batch_phase_seconds",
    kind="histogram",
    unit="seconds",
    labels=("phase",),
    meaning="Time that each phase of a batch takes. Projector: `read` (keys and rows), `open`, `fold`,"
    " `write`, for"
    " each transaction of at most 500 records, while the next one is read. Normalizer: `read`, `normalize`,"
    " `seal`, `append`. Auditor: `read`, `write`.",
    services=WORKERS,
    buckets=WAIT_SECONDS,
)
RETRIES: Final = Metric(
    name="vita_worker_retries_total",
    kind="counter",
    unit="failures",
    labels=(),
    meaning="Failures of the broker or the database after which the worker tried again.",
    services=WORKERS,
)
DEAD_LETTERS: Final = Metric(
    name="vita_dead_letters_total",
    kind="counter",
    unit="records",
    labels=("reason",),
    meaning="Records that were quarantined, by reason; one of a batch that is repeated counts again.",
    services=("normalizer", "projector"),
)
APPEND_SECONDS: Final = Metric(
    name="vita_append_seconds",
    kind="histogram",
    unit="seconds",
    labels=("topic", "outcome"),
    meaning="Time from the sending of a batch to a topic until all replicas have it (`written`), or until"
    " that"
    " failed (`failed`).",
    services=("ingest", "management", "normalizer", "projector"),
    buckets=WAIT_SECONDS,
)
VIEW_WAIT_SECONDS: Final = Metric(
    name="vita_view_wait_seconds",
    kind="histogram",
    unit="seconds",
    labels=("outcome",),
    meaning="Time that a request waits until the views show a position: `visible`, or `late` if they did"
    " not in"
    " time.",
    services=("management",),
    buckets=WAIT_SECONDS,
)
CONNECTIONS: Final = Metric(
    name="vita_database_connections",
    kind="gauge",
    unit="connections",
    labels=("pool", "state"),
    meaning="Open database connections of a pool, `idle` or `in_use`.",
    services=ALL,
)
MOST_CONNECTIONS: Final = Metric(
    name="vita_database_connections_max",
    kind="gauge",
    unit="connections",
    labels=("pool",),
    meaning="Maximum number of database connections of a pool.",
    services=ALL,
)
CONNECTION_WAITS: Final = Metric(
    name="vita_database_waiting",
    kind="gauge",
    unit="requests",
    labels=("pool",),
    meaning="Requests that wait for a database connection of a pool.",
    services=HTTP,
)
BACKGROUND_FAILURES: Final = Metric(
    name="vita_background_failures_total",
    kind="counter",
    unit="failures",
    labels=("loop", "kind"),
    meaning="Failed rounds of background loops: `transient` ones are expected to pass, `unknown` ones make"
    " the"
    " process not ready.",
    services=ALL,
)
REBUILD_PHASE: Final = Metric(
    name="vita_rebuild_phase",
    kind="gauge",
    unit="boolean",
    labels=("phase",),
    meaning="1 for the phase of the rebuild of the views that is under way, 0 for the others.",
    services=("projector",),
)
REBUILD_EVENTS_DONE: Final = Metric(
    name="vita_rebuild_events_done",
    kind="gauge",
    unit="events",
    labels=(),
    meaning="Events that the rebuild of the views has replayed; 0 if none is under way.",
    services=("projector",),
)
REBUILD_EVENTS_EXPECTED: Final = Metric(
    name="vita_rebuild_events_expected",
    kind="gauge",
    unit="events",
    labels=(),
    meaning="Events that the rebuild of the views replays in all; 0 if none is under way.",
    services=("projector",),
)
CHECKPOINT_AGE: Final = Metric(
    name="vita_checkpoint_age_seconds",
    kind="gauge",
    unit="seconds",
    labels=(),
    meaning="Time since a signed checkpoint covered every leaf of the trail.",
    services=("auditor",),
)

CATALOGUE: Final[Sequence[Metric]] = (
    HTTP_REQUESTS,
    HTTP_REQUEST_SECONDS,
    LOGINS,
    EVENTS,
    LAG_RECORDS,
    LAG_SECONDS,
    BATCH_SIZE,
    BATCH_PHASE_SECONDS,
    RETRIES,
    DEAD_LETTERS,
    APPEND_SECONDS,
    VIEW_WAIT_SECONDS,
    CONNECTIONS,
    MOST_CONNECTIONS,
    CONNECTION_WAITS,
    BACKGROUND_FAILURES,
    REBUILD_PHASE,
    REBUILD_EVENTS_DONE,
    REBUILD_EVENTS_EXPECTED,
    CHECKPOINT_AGE,
)
