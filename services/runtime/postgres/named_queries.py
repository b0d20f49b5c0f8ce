"""Named queries from `.sql` files: `-- name: x`, a one-line purpose, one statement.

A statement may have placeholders, `/*{name*/ default /*name}*/`: as it stands it runs with the defaults, and
`fill` puts other SQL in their place.
"""

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType

_NAME = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)
_PLACEHOLDER = re.compile(r"/\*\{(\w+)\*/.*?/\*\1\}\*/", re.DOTALL)


@cache
def load(package: str, file: str = "queries.sql") -> Mapping[str, str]:
    """Query name -> statement, of a file inside a package. Raises ValueError on a name used twice."""
    pieces = _NAME.split((files(package) / file).read_text("utf-8"))
    names, texts = pieces[1::2], pieces[2::2]
    if len(set(names)) != len(names):
        raise ValueError(f"{package}/{file} names a query twice")
    return MappingProxyType({name: text.strip() for name, text in zip(names, texts, strict=True)})


def fill(statement: str, **parts: str) -> str:
    """Return the statement with these parts in place of the defaults of its placeholders; placeholders that
    are not given keep their defaults. Parts must be SQL of our own: values of callers are parameters.

    Raises ValueError unless the statement has each given placeholder exactly once.
    """
    found = [match[1] for match in _PLACEHOLDER.finditer(statement)]
    for name in parts:
        if found.count(name) != 1:
            raise ValueError(f"the placeholder {name} is there {found.count(name)} times, not once")
    return _PLACEHOLDER.sub(lambda match: parts.get(match[1], match[0]), statement)
