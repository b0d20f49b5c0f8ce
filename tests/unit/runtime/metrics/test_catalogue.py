"""The catalogue of metrics: names that Prometheus accepts, labels that are bounded, a page that shows it."""

import re

from prometheus_client.parser import text_string_to_metric_families

from services.runtime.metrics.catalogue import ALL, CATALOGUE
from services.runtime.metrics.exposition import as_markdown, exposed
from tests.support.repository import ROOT

BOUNDED = {
    "kind", "loop", "method", "outcome", "partition", "phase", "pool", "reason", "route", "state", "status",
    "topic", "type",
}  # fmt: skip
"""Labels whose values the code, the configuration or the topics determine, and no caller."""
SUFFIX = {"counter": r"_total", "histogram": r"_(seconds|records)", "gauge": r""}


def test_names_follow_the_conventions_of_prometheus() -> None:
    """Each name is there once, begins with `vita_`, and ends as its kind and its unit say."""
    names = [one.name for one in CATALOGUE]
    assert len(names) == len(set(names))
    for one in CATALOGUE:
        assert re.fullmatch(rf"vita_[a-z_]+?{SUFFIX[one.kind]}", one.name), one.name
        assert ("seconds" in one.name) == (one.unit == "seconds"), one.name
        assert bool(one.buckets) == (one.kind == "histogram"), one.name
        assert set(one.services) <= set(ALL)


def test_labels_are_bounded() -> None:
    """No metric has a label for a person, a tenant, a client or an address."""
    assert {label for one in CATALOGUE for label in one.labels} <= BOUNDED


def test_the_page_shows_the_catalogue() -> None:
    """deploy/METRICS.md holds the table."""
    assert as_markdown() in (ROOT / "deploy" / "METRICS.md").read_text(), (
        "replace the table in deploy/METRICS.md by what `python -m services.runtime.metrics` prints"
    )


def test_each_metric_is_counted_somewhere() -> None:
    """No metric of the catalogue is left over."""
    code = "\n".join(
        path.read_text() for path in (ROOT / "services").rglob("*.py") if path.name != "catalogue.py"
    )
    catalogue = (ROOT / "services" / "runtime" / "metrics" / "catalogue.py").read_text()
    constants = re.findall(r"^([A-Z_]+): Final = Metric\(", catalogue, re.MULTILINE)
    assert len(constants) == len(CATALOGUE)
    unused = [
        name
        for name in constants
        if not re.search(rf"(count|observe|adding|observing|show|Phases)\(\s*{name}\b", code)
    ]
    assert unused == []


def test_metrics_are_also_exposed_as_openmetrics() -> None:
    """A caller that accepts OpenMetrics gets it; the metrics of the process are there too."""
    text, media_type = exposed("auditor", "application/openmetrics-text;version=1.0.0")
    assert media_type.startswith("application/openmetrics-text; version=1.0.0")
    assert text.endswith(b"# EOF\n")
    families = {one.name for one in text_string_to_metric_families(exposed("auditor")[0].decode())}
    assert {"process_cpu_seconds", "process_resident_memory_bytes", "python_info"} <= families
