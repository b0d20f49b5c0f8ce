"""Authorization by scopes; some scopes reach only the caller's own profile (fact sheet §0.1)."""

import re
from functools import lru_cache
from typing import Final

from services.management.http.errors import OTHER_SUBJECT, ErrorResponse, insufficient_scope
from services.runtime.auth.tokens import BAD_FORMAT, InvalidToken, Principal
from services.runtime.rejection import Rejected

IDP_TOKENS: Final = "read:user_idp_tokens"
_ACTOR: Final = re.compile(r"[A-Za-z0-9._~/-]{1,96}(@[a-z0-9][a-z0-9-]{0,30})?")
"""A client id, optionally with the name of its external issuer. Any other client id in a token may be a
person's address, which events must not contain in plain text."""
_OF_ONESELF: Final = ":current_user"


def unauthorized(error: InvalidToken) -> ErrorResponse:
    """Return the response to an invalid token: 400 if it is not a token at all, otherwise 401."""
    if error.message == BAD_FORMAT:
        return ErrorResponse(400, error.message, error.error_code)
    return ErrorResponse(
        error.status,
        error.message,
        error.error_code,
        {"WWW-Authenticate": "Bearer"},
        {"error": error.message},
    )


def granted(principal: Principal, scopes: tuple[str, ...]) -> frozenset[str]:
    """Return those of the operation's scopes that the caller has. Scopes in one text (`a b`) are needed
    together. Raises Rejected if there are none."""
    found = principal.scopes.intersection(scopes)
    if not found:
        together = (frozenset(text.split()) for text in scopes if " " in text)
        found = next((names for names in together if names <= principal.scopes), found)
    if not found:
        raise Rejected(insufficient_scope(*scopes))
    return found


def reaching(scopes: frozenset[str], principal: Principal, user_id: str) -> frozenset[str]:
    """Return the scopes that apply to this user: `current_user` scopes apply only to the token's subject.
    Raises Rejected if none applies."""
    if principal.subject == user_id:
        return scopes
    others = _scopes_for_any_user(scopes)
    if not others:
        raise Rejected(OTHER_SUBJECT)
    return others


@lru_cache(maxsize=256)
def _scopes_for_any_user(scopes: frozenset[str]) -> frozenset[str]:
    return frozenset(scope for scope in scopes if _OF_ONESELF not in scope)


def sees_tokens(principal: Principal) -> bool:
    """Whether lists include identity providers' tokens for the caller."""
    return IDP_TOKENS in principal.scopes


def actor(principal: Principal) -> str:
    """Return the actor of the events that the caller causes."""
    known = _ACTOR.fullmatch(principal.client_id) is not None
    return f"client:{principal.client_id}" if known else "client:external"
