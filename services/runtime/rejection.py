"""Why a command or a query cannot be carried out, in terms that every protocol can translate."""

from dataclasses import dataclass, field
from typing import Final, Literal

Kind = Literal[
    "not_found", "gone", "conflict", "stale_revision", "invalid", "forbidden", "unavailable", "too_large"
]


@dataclass(frozen=True, slots=True)
class Rejection:
    """The reason for which something was not done.

    `kind` is what a protocol translates, `message` what a person reads, `code` what a client compares. The
    message may quote the caller's own input, so it is never logged.
    """

    kind: Kind
    message: str = field(repr=False)
    code: str | None = None


class Rejected(Exception):
    """Carries a rejection to the caller of a command or a query."""

    def __init__(self, rejection: Rejection) -> None:
        super().__init__(rejection.kind, rejection.code)
        self.rejection = rejection


def invalid(message: str, code: str | None = None) -> Rejection:
    """Return the rejection of input that breaks a rule."""
    return Rejection("invalid", message, code)


def invalid_body(reason: str, path: str | None = None, description: str | None = None) -> Rejection:
    """Return the rejection of a document that breaks its schema, in the documented words."""
    return invalid(violation("Payload", reason, path, description), "invalid_body")


def violation(place: str, reason: str, path: str | None = None, description: str | None = None) -> str:
    """Return `<place> validation error: '<reason>' on property <path> (<description>).`"""
    where = "" if path is None else f" on property {path}"
    what = "" if path is None or description is None else f" ({description})"
    return f"{place} validation error: '{reason}'{where}{what}."


def unavailable(message: str, code: str | None = None) -> Rejection:
    """Return the rejection of a request that will succeed later without a change."""
    return Rejection("unavailable", message, code)


NOT_FOUND: Final = Rejection("not_found", "Not Found")
