"""Who may read what is sealed: the token says so, checked as every service checks it."""

from typing import Final

from services.cli import places
from services.cli.failure import CommandFailed
from services.runtime.database import open_pool
from services.runtime.signing_keys import key_source
from services.runtime.token_verifier import TokenVerifier, Trust
from services.runtime.tokens import InvalidToken, Principal

SCOPE: Final = "read:events"


async def admitted(ledger: places.Ledger, management_url: str, token: str, scope: str = SCOPE) -> Principal:
    """Who the token names. Raises CommandFailed when it is not good or lacks the scope."""
    pool = await open_pool(ledger.url, max_size=1)
    verifier = TokenVerifier(
        key_source(pool), Trust(places.issuer(management_url), places.audience(management_url))
    )
    try:
        principal = await verifier.verify(token)
    except InvalidToken as error:
        raise CommandFailed(error.message, 'take a fresh token: eval "$(vita env)"') from None
    finally:
        pool.terminate()
    if scope not in principal.scopes:
        raise CommandFailed(
            f"the token lacks the scope {scope}",
            f"use a client that has it: vita clients create --tenant {principal.tenant} --scope {scope}",
        )
    return principal
