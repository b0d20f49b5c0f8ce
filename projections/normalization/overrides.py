"""A connection's own mapping, which takes precedence over the strategy's.

- `options.fieldsMap`: `{profile key: claim | [claims, best first]}`, for any strategy (in Auth0: SAML).
- `options.attribute_map`: `{mapping_mode, attributes: {profile key: template}}`, for any strategy (in
  Auth0: OpenID Connect). A template is a literal, `${context.tokenset.<claim>}`,
  `${context.userinfo.<claim>}` (both read the claims of the login),
  `${context.connection.name|strategy}`, or text around those. With the mode `use_map`, only mapped keys
  become leftovers; with `bind_all` or no mode, the other claims do too.

A profile key that is mapped here is read from here only: if the named claims have no value, it has none
(name, nickname and picture then get their defaults). Only `user_id` falls back to the strategy's own
claims, because a login must identify a user. Secrets are never mapped. If both forms map a key,
`fieldsMap` wins. The size of the result is limited, because a claim can occur in any number of keys and
templates.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from projections.normalization.claims.paths import Found, Path, descend, parse, spell
from projections.normalization.claims.values import is_empty
from projections.normalization.claims.views import Claims, Reading, View
from projections.normalization.model import ConnectionSettings, UnmappableLogin
from schemas.formats import exact_json
from schemas.sealing.secret_names import is_secret

_VARIABLE: Final = re.compile(r"\$\{context\.(tokenset|userinfo|connection)\.([^{}]{1,256})\}")
MOST_MAPPED_BYTES: Final = 1 << 20
MOST_NAMES: Final = 500
"""Maximum number of claims that a mapping reads per login."""
_LITERAL: Final[Path] = ("connection:attribute_map",)


class MappingContext(NamedTuple):
    """What a mapping may refer to: the connection, the raw claims, and the strategy's reading of them."""

    connection: ConnectionSettings
    claims: Claims
    reading: Reading
    view: View

    def spelled(self, found: Found) -> str:
        """Return the path of the raw claim from which a value was read, as `sources` shows it."""
        head, *rest = found.path
        raw = self.reading.raw.get(str(head), str(head)) if self.reading.raw else str(head)
        return spell((raw, *rest)) if rest else raw


class Mapped(NamedTuple):
    """The result of a connection's own mapping: a value or None by profile key.

    `is_complete` says that no other claims become leftovers.
    """

    values: Mapping[str, Found | None]
    is_complete: bool


NO_MAPPING: Final = Mapped({}, False)


def apply_mapping(scope: MappingContext) -> Mapped:
    """Apply the connection's own mapping to a login.

    Raises UnmappableLogin when it reads too many claims or its result is too large.
    """
    templates, fields, is_complete = _rules(scope.connection.options)
    if not templates and not fields:
        return NO_MAPPING
    if sum(map(_names_in, (*templates.values(), *fields.values()))) > MOST_NAMES:
        raise _too_many()
    values = {key: _filled(scope, template) for key, template in templates.items()}
    values |= {key: first_claim(scope, names) for key, names in fields.items()}
    _check_size([found.value for found in values.values() if found is not None])
    return Mapped(values, is_complete)


def _names_in(rule: Any) -> int:
    if isinstance(rule, str):
        return max(rule.count("${"), 1)
    return len(rule) if isinstance(rule, list | tuple) else 1


def _check_size(values: Iterable[Any]) -> None:
    """Raises UnmappableLogin when the values are larger than an event can hold.

    A value with several keys is measured once and counts for each of them.
    """
    sizes: dict[int, int] = {}
    room = MOST_MAPPED_BYTES
    for value in values:
        if id(value) not in sizes:
            sizes[id(value)] = len(value if isinstance(value, str) else exact_json.dumps(value))
        room -= sizes[id(value)]
        if room < 0:
            raise _too_much()


def _too_many() -> UnmappableLogin:
    return UnmappableLogin("too_much", f"the connection's mapping names more than {MOST_NAMES} claims")


def _too_much() -> UnmappableLogin:
    return UnmappableLogin("too_much", f"the connection's mapping gives more than {MOST_MAPPED_BYTES} bytes")


def mapped_identity(scope: MappingContext) -> Found | None:
    """Return the `user_id` of the connection's own mapping, or None. A template without a claim maps
    nothing.

    Raises UnmappableLogin when the mapping reads too many claims or its result is too large.
    """
    templates, fields, _ = _rules(scope.connection.options)
    if "user_id" in fields:
        names = fields["user_id"]
        if _names_in(names) > MOST_NAMES:
            raise _too_many()
        return first_claim(scope, names)
    template = templates.get("user_id")
    if _names_in(template) > MOST_NAMES:
        raise _too_many()
    if not isinstance(template, str) or not any(
        match[1] != "connection" for match in _VARIABLE.finditer(template)
    ):
        return None
    return _filled(scope, template)


def _rules(options: Mapping[str, Any]) -> tuple[Mapping[str, Any], Mapping[str, Any], bool]:
    """Return (templates by profile key, claim names by profile key, whether no other claims are kept)."""
    if not options:
        return options, options, False
    attribute_map, fields = options.get("attribute_map"), options.get("fieldsMap")
    templates = attribute_map.get("attributes") if isinstance(attribute_map, dict) else None
    is_complete = isinstance(attribute_map, dict) and attribute_map.get("mapping_mode") == "use_map"
    return (
        templates if isinstance(templates, dict) else {},
        fields if isinstance(fields, dict) else {},
        is_complete and isinstance(templates, dict),
    )


def first_claim(scope: MappingContext, names: Any) -> Found | None:
    """Return the first of the named claims (one name, or a list of names) that has a value, or None."""
    for name in names if isinstance(names, list | tuple) else (names,):
        if isinstance(name, str) and (found := _claim(scope, name)) is not None:
            return found
    return None


def _claim(scope: MappingContext, name: str) -> Found | None:
    if not name or is_secret(name):
        return None
    claims = scope.reading.claims
    for known in (name, scope.view.fold(name)):
        if not is_empty(claims.get(known)):
            return Found(claims[known], (known,), (known,))
    path = _known_path(scope, parse(name))
    value = descend(claims, path)
    if is_empty(value) or any(isinstance(key, str) and is_secret(key) for key in path):
        return None
    return Found(value, path, path)


def _known_path(scope: MappingContext, path: Path) -> Path:
    """Convert a path into the raw claims to a path into the reading, which may have opened wrappers."""
    known = {raw: name for name, raw in scope.reading.raw.items()}
    for length in range(len(path), 0, -1):
        name = known.get(spell(path[:length]))
        if name is not None:
            return (name, *path[length:])
    return (scope.view.fold(str(path[0])), *path[1:])


def _filled(scope: MappingContext, template: Any) -> Found | None:
    if not isinstance(template, str):
        return None if is_empty(template) else Found(template, _LITERAL, _LITERAL)
    whole = _VARIABLE.fullmatch(template)
    if whole:
        return _variable(scope, whole[1], whole[2])
    parts = [(match.span(), _variable(scope, match[1], match[2])) for match in _VARIABLE.finditer(template)]
    text = _joined(template, parts)
    return None if text is None or is_empty(text) else Found(text, _LITERAL, _LITERAL)


def _joined(template: str, parts: Iterable[tuple[tuple[int, int], Found | None]]) -> str | None:
    """Return the template with its variables filled in, or None if one of them has no single value.

    Raises UnmappableLogin when the text is too long.
    """
    text, end = "", 0
    for (start, stop), found in parts:
        if found is None or not isinstance(found.value, str | int):
            return None
        value = str(found.value).lower() if isinstance(found.value, bool) else str(found.value)
        text += template[end:start] + value
        if len(text) > MOST_MAPPED_BYTES:
            raise _too_much()
        end = stop
    return text + template[end:]


def _variable(scope: MappingContext, source: str, name: str) -> Found | None:
    if source != "connection":
        return _claim(scope, name)
    known = {"name": scope.connection.name, "strategy": scope.connection.strategy}
    return Found(known[name], _LITERAL, _LITERAL) if name in known else None
