"""Named queries from `.sql` files: `-- name: x`, a one-line purpose, one statement."""

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType

_NAME = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)


@cache
def load(package: str, file: str = "queries.sql") -> Mapping[str, str]:
    """Query name -> statement, of a file inside a package. Raises ValueError on a name used twice."""
    pieces = _NAME.split((files(package) / file).read_text("utf-8"))
    names, texts = pieces[1::2], pieces[2::2]
    if len(set(names)) != len(names):
        raise ValueError(f"{package}/{file} names a query twice")
    return MappingProxyType({name: text.strip() for name, text in zip(names, texts, strict=True)})
