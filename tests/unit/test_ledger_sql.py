"""SQL about the schema `ledger` lives in `services/ledger` only: one module and one file beside it each."""

import ast
import re
from collections.abc import Iterator

import pytest

from tests.support.repository import ROOT

HOME = "services/ledger/"
EXCEPTIONS: dict[str, str] = {}
"""File that may hold such SQL -> why it cannot do without."""
_OBJECT = re.compile(r"(?<![\w.])ledger\.[a-z_]+")
_COMMENT = re.compile(r"--[^\n]*")


def ledger_objects(path: str, text: str) -> Iterator[str]:
    """The objects of the schema that a file names in SQL: in a Python file in any text but a docstring."""
    if path.endswith(".sql"):
        yield from _OBJECT.findall(_COMMENT.sub("", text))
        return
    tree = ast.parse(text)
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield from _OBJECT.findall(node.value)


def sources(*folders: str) -> Iterator[tuple[str, str]]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in (".py", ".sql"):
                yield path.relative_to(ROOT).as_posix(), path.read_text("utf-8")


def test_no_other_package_holds_sql_about_the_ledger() -> None:
    """Apart from the named exceptions, each of which needs to be one."""
    found = {
        path
        for path, text in sources("services", "projections")
        if not path.startswith(HOME) and any(ledger_objects(path, text))
    }
    assert found == set(EXCEPTIONS)


def test_no_other_package_loads_statements_of_the_ledger() -> None:
    """Callers call functions."""
    loading = re.compile(r"load\(\s*\"services\.ledger")
    assert [
        path
        for path, text in sources("services", "projections")
        if not path.startswith(HOME) and loading.search(text)
    ] == []


def test_each_file_has_its_module() -> None:
    """A module of the ledger loads the statements of the file beside it and no others."""
    files = {path.removesuffix(".sql") for path, _ in sources(HOME) if path.endswith(".sql")}
    loaded = {}
    for path, text in sources(HOME):
        if path.endswith(".py") and (found := re.findall(r"load\(\s*\"([\w.]+)\", \"(\w+)\.sql\"\)", text)):
            loaded[path.removesuffix(".py")] = {
                f"{package.replace('.', '/')}/{name}" for package, name in found
            }
    assert loaded == {file: {file} for file in files}


@pytest.mark.parametrize(
    ("path", "text", "found"),
    [
        ("a.sql", "-- name: a\n-- About ledger.tenant.\nSELECT 1 FROM views.profile;", []),
        ("a.sql", "-- name: a\n-- It.\nSELECT 1 FROM\nledger.tenant;", ["ledger.tenant"]),
        ("a.py", '"""ledger.tenant"""\nX = 1\n"""ledger.tenant"""\n', []),
        ("a.py", 'def f():\n    x(f"DELETE FROM ledger.tenant WHERE {a}")\n', ["ledger.tenant"]),
        ("a.py", 'import services.ledger.keys\nload("services.ledger.keys", ledger.url)\n', []),
    ],
)
def test_sql_about_the_ledger_would_be_found(path: str, text: str, found: list[str]) -> None:
    """The check finds SQL in both kinds of files and ignores prose."""
    assert list(ledger_objects(path, text)) == found
