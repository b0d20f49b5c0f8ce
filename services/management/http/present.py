"""Documents with the fields that a caller requests; the stored bytes if all are requested."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from projections.row import Row
from schemas.formats import exact_json
from services.management.http.models.query import Selected

_TOKENS: Final = ("access_token", "access_token_secret", "refresh_token")


Tokens = Mapping[str, Any]
"""Identity providers' tokens by identity (`provider|user_id`)."""
TokensOf = Callable[[Row], Tokens]
"""Returns the identity providers' tokens in a person's row."""


def field_names(fields: str | None) -> frozenset[str]:
    """Return the names in a comma-separated list."""
    return frozenset(name.strip() for name in (fields or "").split(",") if name.strip())


def present(
    text: str, names: frozenset[str] = frozenset(), include: bool = True, tokens: Tokens | None = None
) -> str | bytes:
    """Return a stored document with only the named root fields, or without them if not `include`; the whole
    document if `names` is empty. `tokens` are added to the identities."""
    if not names and not tokens:
        return text
    document = exact_json.loads(text)
    if tokens:
        _add_tokens(document, tokens)
    if names:
        document = {name: value for name, value in document.items() if (name in names) is include}
    return exact_json.dumps(document)


def shown(rows: Iterable[Row], query: Selected, tokens_of: TokensOf | None) -> bytes:
    """Return a JSON array of users with the selected fields. `tokens_of` is None if the caller may not see
    tokens."""
    names = field_names(query.fields)
    return array(
        present(row["document"], names, query.include_fields, None if tokens_of is None else tokens_of(row))
        for row in rows
    )


def array(items: Iterable[str | bytes]) -> bytes:
    """Return a JSON array of serialized documents."""
    return b"[" + b",".join(_bytes(item) for item in items) + b"]"


def wrapped(parts: Mapping[str, Any], ready: Mapping[str, bytes]) -> bytes:
    """Return a JSON object with the members of `parts`, in order. Members in `ready` are already
    serialized."""
    members = (
        exact_json.dumps(name) + b":" + (ready[name] if name in ready else exact_json.dumps(value))
        for name, value in parts.items()
    )
    return b"{" + b",".join(members) + b"}"


def _bytes(item: str | bytes) -> bytes:
    return item.encode() if isinstance(item, str) else item


def _add_tokens(document: dict[str, Any], tokens: Tokens) -> None:
    for identity in document.get("identities", ()):
        known = tokens.get(f"{identity['provider']}|{identity['user_id']}")
        if isinstance(known, Mapping):
            identity.update((name, known[name]) for name in _TOKENS if name in known)
