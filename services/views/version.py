"""The version of the views: the tables and the code that make a generation what it is."""

import ast
import hashlib
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Final

import projections
import schemas
from projections.registry import FOLDERS

_DOCUMENTED: Final = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


@cache
def definition() -> str:
    """Return a hash of the statements that create the tables of a generation."""
    texts = [view_text(view, file) for view in FOLDERS for file in ("table.sql", "view.sql")]
    return hashlib.sha256("\x00".join(texts).encode()).hexdigest()


@cache
def code() -> str:
    """Return a hash of the code that determines what rows hold: events, folds and normalization. Comments,
    docstrings and layout do not change it."""
    found = hashlib.sha256()
    for package in (schemas, projections):
        root = Path(str(files(package)))
        for path in sorted(root.rglob("*.py")):
            tree = ast.parse(path.read_text("utf-8"))
            for node in ast.walk(tree):
                if isinstance(node, _DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
                    node.body = node.body[1:]
            found.update(f"{path.relative_to(root)}\x00{ast.dump(tree)}\x00".encode())
    return found.hexdigest()


def view_text(view: str, file: str) -> str:
    """Return a file of a view's folder."""
    return (files(projections) / view / file).read_text("utf-8")
