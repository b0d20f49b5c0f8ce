"""The registry of views says what their folders hold."""

import re
from typing import Any

import pytest

from projections.fold_view import FoldView
from projections.registry import FOLD_VIEWS, FOLDERS, VIEWS
from services.runtime.postgres.named_queries import load
from tests.support.repository import ROOT

PROJECTIONS = ROOT / "projections"


def test_every_folder_with_a_table_is_a_view() -> None:
    """A table that no view names would be created but never filled."""
    assert {path.parent.name for path in PROJECTIONS.glob("*/table.sql")} == set(FOLDERS)


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_view_names_its_tables(folder: str) -> None:
    """A rebuild compares the tables that a view names; so they must be all it has."""
    created = re.findall(r"CREATE TABLE (\w+)", (PROJECTIONS / folder / "table.sql").read_text("utf-8"))
    assert created == [table for view in VIEWS if view.name == folder for table in view.tables]


@pytest.mark.parametrize("view", FOLD_VIEWS, ids=lambda view: type(view).__name__)
def test_a_fold_view_reads_its_rows_by_a_query_of_its_own(view: FoldView[Any, Any]) -> None:
    """The query that a fold view names is in its folder."""
    assert view.read is None or view.read in load(f"projections.{view.name}")
