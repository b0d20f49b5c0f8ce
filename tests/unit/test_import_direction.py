"""Imports go one way: schemas <- projections <- services, and nobody imports deploy or tests."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ALLOWED = {
    "schemas": {"schemas"},
    "projections": {"schemas", "projections"},
    "services": {"schemas", "projections", "services"},
    "deploy": {"schemas", "projections", "services", "deploy"},
}
OURS = {*ALLOWED, "tests"}
EXCEPTIONS = {("services/cli", "deploy")}
"""The command line runs the local stack."""


def imported(source: str) -> Iterator[str]:
    """The dotted names of all modules that the source imports, at whatever depth."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module


def wrong_imports(path: Path) -> list[str]:
    """What the file imports against the direction."""
    relative = path.relative_to(ROOT).as_posix()
    allowed = ALLOWED[relative.partition("/")[0]]
    return [
        f"{relative} imports {module}"
        for module in imported(path.read_text("utf-8"))
        if module.partition(".")[0] in OURS - allowed
        and not any(relative.startswith(place) and module.startswith(name) for place, name in EXCEPTIONS)
    ]


@pytest.mark.parametrize("package", ALLOWED)
def test_imports_go_one_way(package: str) -> None:
    """No module of the package imports what lies above it."""
    assert [wrong for path in sorted((ROOT / package).rglob("*.py")) for wrong in wrong_imports(path)] == []


def test_a_wrong_import_would_be_found() -> None:
    """Imports inside functions and of submodules count too."""
    source = "def late():\n    from services.runtime import topics\n    import deploy.database\n"
    assert list(imported(source)) == ["services.runtime", "deploy.database"]
