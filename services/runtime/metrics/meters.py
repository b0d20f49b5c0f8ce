"""Counts what a process does, in the metrics of the catalogue.

There is one set of meters for a process, as Prometheus reads processes. Counting takes about a microsecond.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache

import prometheus_client
from prometheus_client.metrics import MetricWrapperBase

from services.runtime.metrics.catalogue import Metric

Meter = prometheus_client.Counter | prometheus_client.Gauge | prometheus_client.Histogram


@cache
def meter(metric: Metric) -> Meter:
    """Return the meter of a metric, the same one each time."""
    match metric.kind:
        case "counter":
            return prometheus_client.Counter(metric.name, metric.meaning, metric.labels, registry=None)
        case "gauge":
            return prometheus_client.Gauge(metric.name, metric.meaning, metric.labels, registry=None)
        case "histogram":
            return prometheus_client.Histogram(
                metric.name, metric.meaning, metric.labels, registry=None, buckets=metric.buckets
            )


def count(metric: Metric, *labels: str, by: float = 1) -> None:
    """Add to a counter."""
    adding(metric, *labels)(by)


def observe(metric: Metric, value: float, *labels: str) -> None:
    """Add a value to a histogram."""
    observing(metric, *labels)(value)


@cache
def adding(metric: Metric, *labels: str) -> Callable[[float], None]:
    """Return what adds to a counter: for code that runs so often that finding the counter matters."""
    counter = _labelled(metric, labels)
    assert isinstance(counter, prometheus_client.Counter)
    return counter.inc


@cache
def observing(metric: Metric, *labels: str) -> Callable[[float], None]:
    """Return what adds a value to a histogram, as `adding` does for a counter."""
    histogram = _labelled(metric, labels)
    assert isinstance(histogram, prometheus_client.Histogram)
    return histogram.observe


def show(metric: Metric, values: Mapping[tuple[str, ...], float]) -> None:
    """Set a gauge to these values by labels; no others remain."""
    gauge = meter(metric)
    assert isinstance(gauge, prometheus_client.Gauge)
    if not metric.labels:
        gauge.set(values.get((), 0))
        return
    for gone in set(_label_values(gauge)) - values.keys():
        gauge.remove(*gone)
    for labels, value in values.items():
        gauge.labels(*labels).set(value)


class Phases:
    """Measures the phases of one piece of work; a phase may have several parts."""

    def __init__(self, metric: Metric) -> None:
        self._metric = metric
        self._seconds: defaultdict[str, float] = defaultdict(float)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Measure a part of a phase."""
        begin = time.perf_counter()
        yield
        self._seconds[name] += time.perf_counter() - begin

    def end(self) -> None:
        """Count the phases of work that went well."""
        for name, seconds in self._seconds.items():
            observe(self._metric, seconds, name)


def _labelled(metric: Metric, labels: tuple[str, ...]) -> Meter:
    found = meter(metric)
    return found.labels(*labels) if labels else found


def _label_values(gauge: MetricWrapperBase) -> list[tuple[str, ...]]:
    (family,) = gauge.collect()
    return [tuple(sample.labels.values()) for sample in family.samples]
