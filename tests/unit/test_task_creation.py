"""Tasks are started only in services/runtime, so that every failure is handled."""

import ast

from tests.support.repository import ROOT

STARTERS = {"create_task", "ensure_future"}
HOME = "services/runtime/background.py"


def starts(source: str) -> bool:
    """Whether the source starts a task by itself."""
    return any(
        isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", None)) in STARTERS
        for node in ast.walk(ast.parse(source))
    )


def test_tasks_are_started_in_one_place() -> None:
    """All other code uses `start_task`, `Background` or `Periodic`."""
    found = [
        path.relative_to(ROOT).as_posix()
        for package in ("schemas", "projections", "services")
        for path in sorted((ROOT / package).rglob("*.py"))
        if starts(path.read_text("utf-8"))
    ]
    assert found == [HOME]


def test_a_task_started_elsewhere_would_be_found() -> None:
    """However it is spelled."""
    assert starts("task = asyncio.create_task(work())")
    assert starts("create_task(work())")
    assert starts("group.create_task(work())")
    assert starts("loop.ensure_future(work())")
    assert not starts("start_task(work())")
