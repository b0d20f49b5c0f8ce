"""Rules of the house that no linter knows."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.repository import ROOT

PACKAGES = [
    "deploy",
    "schemas",
    "projections",
    *(f"services/{path.parent.name}" for path in sorted((ROOT / "services").glob("*/__init__.py"))),
]
MODULES_PER_FOLDER = 12
PER_PROCESS = {"Settings"}

Function = ast.FunctionDef | ast.AsyncFunctionDef
OWN_SCOPE = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)


def modules(package: str) -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted((ROOT / package).rglob("*.py")):
        yield path.relative_to(ROOT), ast.parse(path.read_text())


def public_functions(body: list[ast.stmt]) -> Iterator[Function]:
    """Public functions of a module and public methods of its public classes, not nested functions."""
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from public_functions(node.body)
        if isinstance(node, Function) and not node.name.startswith("_"):
            yield node


def raises(function: Function) -> bool:
    """Whether the function's own body raises a new error; a bare `raise` hands on what it caught."""
    nodes: list[ast.AST] = list(function.body)
    while nodes:
        node = nodes.pop()
        if isinstance(node, OWN_SCOPE):
            continue
        if isinstance(node, ast.Raise) and node.exc is not None:
            return True
        nodes.extend(ast.iter_child_nodes(node))
    return False


def says_so(function: Function) -> bool:
    return re.search(r"\b[Rr]ais(es|ed|ing)\b", ast.get_docstring(function) or "") is not None


@pytest.mark.parametrize("package", PACKAGES)
def test_a_public_function_that_raises_says_so(package: str) -> None:
    """The docstring of a public function whose body raises an error says which one and when."""
    silent = [
        f"{path}:{function.lineno} {function.name}"
        for path, tree in modules(package)
        for function in public_functions(tree.body)
        if raises(function) and not says_so(function)
    ]
    assert not silent, f"add 'Raises X when ...' to the docstrings: {silent}"


FOLDERS = sorted({str(path.parent) for package in PACKAGES for path, _ in modules(package)})


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_can_be_taken_in_at_a_glance(folder: str) -> None:
    """A folder of product code holds at most twelve modules, not counting `__init__` and `__main__`."""
    names = sorted(path.stem for path in (ROOT / folder).glob("*.py") if not path.stem.startswith("__"))
    assert len(names) <= MODULES_PER_FOLDER, f"too many modules, make a subfolder: {names}"


def test_a_class_name_has_one_meaning() -> None:
    """A public class name is defined once in the whole product, except one `Settings` per process."""
    places = defaultdict(list)
    for package in PACKAGES:
        for path, tree in modules(package):
            for node in tree.body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    places[node.name].append(str(path))
    shared = {name: paths for name, paths in places.items() if len(paths) > 1 and name not in PER_PROCESS}
    assert not shared, f"rename the less general class of each: {shared}"
