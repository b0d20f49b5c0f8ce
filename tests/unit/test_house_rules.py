"""Rules of the house that no linter knows."""

import ast
import importlib
import inspect
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest
from pydantic import BaseModel

from tests.support.repository import ROOT

PACKAGES = [
    "deploy",
    "schemas",
    "projections",
    *(f"services/{path.parent.name}" for path in sorted((ROOT / "services").glob("*/__init__.py"))),
]
MODULES_PER_FOLDER = 12
POSITIONAL_ARGUMENTS = 6
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


@cache
def imported(path: Path) -> ModuleType:
    return importlib.import_module(".".join(path.with_suffix("").parts).removesuffix(".__init__"))


def classes(package: str) -> Iterator[tuple[Path, type]]:
    """The classes that the modules of a package define at their top level."""
    for path, tree in modules(package):
        if path.stem != "__main__":
            module = imported(path)
            for node in tree.body:
                if isinstance(node, ast.ClassDef):
                    yield path, getattr(module, node.name)


def positional(made: type) -> list[str]:
    """The parameters of a class's constructor that can be given by position; none if the class constructs
    its objects as a built-in class without a signature does, for example `ValueError`."""
    by_position = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    try:
        parameters = inspect.signature(made).parameters.values()
    except ValueError:
        return []
    return [parameter.name for parameter in parameters if parameter.kind in by_position]


def is_named_tuple(made: type) -> bool:
    return issubclass(made, tuple) and hasattr(made, "_fields")


@pytest.mark.parametrize("package", PACKAGES)
def test_a_constructor_takes_few_positional_arguments(package: str) -> None:
    """At most six parameters of a constructor can be given by position. Named tuples are excepted, and
    pydantic models, whose fields are keywords in any case."""
    many = [
        f"{path} {made.__name__}: {', '.join(names)}"
        for path, made in classes(package)
        if not is_named_tuple(made) and not issubclass(made, BaseModel)
        if len(names := positional(made)) > POSITIONAL_ARGUMENTS
    ]
    assert not many, f"use kw_only=True, a bare `*`, or group the parameters: {many}"


def test_a_wide_named_tuple_is_constructed_by_keyword() -> None:
    """Rows and states that are made for every event are named tuples, which are constructed in less than
    half the time of a frozen dataclass but cannot demand keywords: those with more than six fields are
    constructed by keyword all the same."""
    wide = {
        made
        for package in PACKAGES
        for _, made in classes(package)
        if is_named_tuple(made) and len(positional(made)) > POSITIONAL_ARGUMENTS
    }
    by_position = [
        f"{path}:{node.lineno} {node.func.id}"
        for package in PACKAGES
        for path, tree in modules(package)
        if path.stem != "__main__"
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args
        if getattr(imported(path), node.func.id, None) in wide
    ]
    assert not by_position, f"name the fields: {by_position}"


def imports(tree: ast.Module) -> Iterator[str]:
    """The full names of what a module imports, at its top level or within functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module or ''}.{alias.name}" for alias in node.names)


def test_no_test_module_is_imported() -> None:
    """What two test modules share is in a module of its own, so that each can be read, run and moved
    alone."""
    tests = {".".join(path.with_suffix("").parts) for path, _ in modules("tests") if path.match("test_*.py")}
    found = [
        f"{path}: {name}"
        for path, tree in modules("tests")
        for name in imports(tree)
        if name in tests or name.rpartition(".")[0] in tests
    ]
    assert not found, f"move it to tests/support, tests/samples or tests/worlds: {found}"
