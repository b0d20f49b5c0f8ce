"""All named queries of the project, for tests that check each of them."""

from collections.abc import Iterator

from services.runtime.postgres.named_queries import load
from tests.support.repository import ROOT


def named_queries() -> Iterator[tuple[str, str, str]]:
    """(package, file, name) of each query; files of tables and views hold none."""
    for folder in ("services", "projections"):
        for path in sorted((ROOT / folder).rglob("*.sql")):
            if path.name in ("table.sql", "view.sql"):
                continue
            package = ".".join(path.parent.relative_to(ROOT).parts)
            for name in load(package, path.name):
                yield package, path.name, name
