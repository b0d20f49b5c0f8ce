"""Opens the secrets in a tenant's documents: connections, settings and clients."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from projections.secret_leaves import holds_sealed, open_leaves
from schemas.formats import exact_json
from schemas.formats.identifiers import tenant_subject
from schemas.sealing.keys import Keyring, SubjectKeys
from services.ledger.keys.subject_keys import read_keys
from services.runtime.postgres.pool import DatabaseConnection


@dataclass(frozen=True, slots=True)
class Opener:
    """Opens documents of one tenant. Without `keys` their secrets are left out."""

    tenant: str
    keys: SubjectKeys | None

    def document(self, text: str, kind: str, *identity: str) -> dict[str, Any]:
        """Return a document from its text with its secrets open; without them once the tenant's key has been
        destroyed."""
        found: dict[str, Any] = exact_json.loads(text)
        return open_leaves(found, self.keys, kind, self.tenant, *identity) if holds_sealed(text) else found

    def text(self, text: str, kind: str, *identity: str) -> str:
        """Return the text of a document with its secrets open."""
        if not holds_sealed(text):
            return text
        return exact_json.dumps(self.document(text, kind, *identity)).decode()


async def opener_for(
    connection: DatabaseConnection, keyring: Keyring, tenant: str, texts: Iterable[str]
) -> Opener:
    """Return what opens these documents. The key is read only where one of them holds a secret."""
    if not any(map(holds_sealed, texts)):
        return Opener(tenant, None)
    owner = tenant, tenant_subject(tenant)
    return Opener(tenant, (await read_keys(connection, keyring, [owner])).get(owner))
