"""Statements that find log entries: one query, with further conditions and another order put in.

Whatever a caller said is a parameter; what is put into the text is ours.
"""

from dataclasses import dataclass, field
from typing import Any, Final

from schemas.formats.spelling import composed
from services.runtime.postgres.named_queries import load

_TENANT: Final = "e.tenant = $1"
_ORDER: Final = "e.log_id DESC"


@dataclass(slots=True)
class Asked:
    """Conditions over the entry `e`, and the values they are about; the first four are the page's own."""

    tenant: str
    oldest: str
    limit: int
    offset: int = 0
    order: str = _ORDER
    tests: list[str] = field(default_factory=list)
    more: list[Any] = field(default_factory=list)

    def add(self, value: Any) -> str:
        """The name of a new parameter."""
        self.more.append(value)
        return f"${4 + len(self.more)}"

    @property
    def values(self) -> tuple[Any, ...]:
        """All parameters in their order."""
        return (self.tenant, self.oldest, self.limit, self.offset, *self.more)

    @property
    def statement(self) -> str:
        """The page's statement with the conditions in it."""
        text = load("services.management")["log_page"]
        return text.replace(_TENANT, " AND ".join((_TENANT, *self.tests))).replace(_ORDER, self.order)


def starting_with(asked: Asked, text: str) -> str:
    """The older search: the beginning of a client's name, a connection or a user's name, in any case and any
    Unicode form."""
    pattern = asked.add(escaped(composed(text.lower())) + "%")
    form = "lower({column})" if text.isascii() else "normalize(lower({column}), NFC)"
    connection, user, client = (
        form.format(column=name) for name in ("e.connection", "e.user_name", "c.name")
    )
    return (
        f"({connection} LIKE {pattern} OR {user} LIKE {pattern} OR e.client_id IN"
        f" (SELECT c.client_id FROM views.client AS c WHERE c.tenant = $1 AND {client} LIKE {pattern}))"
    )


def escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
