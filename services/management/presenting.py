"""Documents as a caller wants to see them; untouched bytes where nothing was asked for."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from schemas import exact_json
from services.management.models.users import Selected

_TOKENS: Final = ("access_token", "access_token_secret", "refresh_token")


def field_names(fields: str | None) -> frozenset[str]:
    """The names in a comma-separated list."""
    return frozenset(name.strip() for name in (fields or "").split(",") if name.strip())


def present(
    text: str, names: frozenset[str] = frozenset(), include: bool = True, secrets: str | None = None
) -> str | bytes:
    """A stored document, only with (or without) some root fields, with the identities' tokens when given."""
    if not names and secrets is None:
        return text
    document = exact_json.loads(text)
    if secrets is not None:
        _add_tokens(document, exact_json.loads(secrets).get("tokens", {}))
    if names:
        document = {name: value for name, value in document.items() if (name in names) is include}
    return exact_json.dumps(document)


def shown(rows: Iterable[Mapping[str, Any]], query: Selected, tokens: bool) -> bytes:
    """A JSON array of users, with `document` and `secrets`, as a query selects their fields."""
    names = field_names(query.fields)
    return array(
        present(row["document"], names, query.include_fields, with_tokens(row["secrets"]) if tokens else None)
        for row in rows
    )


def with_tokens(secrets: str | None) -> str | None:
    """The secrets when there are tokens among them."""
    return secrets if secrets is not None and '"tokens"' in secrets else None


def array(items: Iterable[str | bytes]) -> bytes:
    """A JSON array of ready documents."""
    return b"[" + b",".join(_bytes(item) for item in items) + b"]"


def wrapped(parts: Mapping[str, Any], ready: Mapping[str, bytes]) -> bytes:
    """A JSON object in the order of `parts`; members named in `ready` are put in as they are."""
    members = (
        exact_json.dumps(name) + b":" + (ready[name] if name in ready else exact_json.dumps(value))
        for name, value in parts.items()
    )
    return b"{" + b",".join(members) + b"}"


def _bytes(item: str | bytes) -> bytes:
    return item.encode() if isinstance(item, str) else item


def _add_tokens(document: dict[str, Any], tokens: Mapping[str, Any]) -> None:
    for identity in document.get("identities", ()):
        known = tokens.get(f"{identity['provider']}|{identity['user_id']}")
        if isinstance(known, Mapping):
            identity.update((name, known[name]) for name in _TOKENS if name in known)
