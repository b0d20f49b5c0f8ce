"""The API's queries."""

from pathlib import Path

import services.management
from services.runtime.sql import load


def test_every_query_is_used() -> None:
    """A name nobody mentions is dead."""
    folder = Path(services.management.__file__).parent
    sources = "".join(path.read_text("utf-8") for path in folder.rglob("*.py"))
    assert [name for name in load("services.management") if f'"{name}"' not in sources] == []
