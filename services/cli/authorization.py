"""Authorization of commands that read sealed data: the token is verified as every service verifies it."""

from typing import Final

from services.cli import addresses
from services.cli.failure import CommandFailed
from services.ledger.keys.signing_keys import key_source
from services.runtime.auth.token_verifier import TokenVerifier, Trust
from services.runtime.auth.tokens import InvalidToken, Principal
from services.runtime.postgres.pool import open_pool

SCOPE: Final = "read:events"


async def require_scope(
    ledger: addresses.Ledger, management_url: str, token: str, scope: str = SCOPE
) -> Principal:
    """Return the principal that the token names.

    Raises CommandFailed when the token is invalid or lacks `scope`.
    """
    pool = await open_pool(ledger.url, max_size=1)
    verifier = TokenVerifier(
        key_source(pool), Trust(addresses.issuer(management_url), addresses.audience(management_url))
    )
    try:
        principal = await verifier.verify(token)
    except InvalidToken as error:
        raise CommandFailed(error.message, 'fetch a new token: eval "$(vita env)"') from None
    finally:
        pool.terminate()
    if scope not in principal.scopes:
        raise CommandFailed(
            f"the token lacks the scope {scope}",
            f"use a client that has it: vita clients create --tenant {principal.tenant} --scope {scope}",
        )
    return principal
