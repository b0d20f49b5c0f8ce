"""Vita's services as processes of the local stack: their environment, and when they count as ready."""

import hashlib
import os
import ssl
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote

import asyncpg
import httpx

from deploy.database import database_url
from deploy.local.failure import StackFailure
from deploy.local.ports import HOST
from deploy.local.processes import ProcessCommand, Ready
from deploy.local.stack import Launch, LocalStack, Ports
from deploy.local.state import CHECKOUT, StateFolder
from deploy.local.tls.certificates import Certificates, authority_of
from deploy.roles import Passwords, role_name, role_url, variable
from services.runtime.kafka.access import KafkaAccess
from services.runtime.settings import kafka_from

HTTP_SERVICES = ("management", "ingest")
WORKERS = ("normalizer", "projector", "auditor")
SERVICES = HTTP_SERVICES + WORKERS
CODE_FOLDERS = ("schemas", "projections", "services")


@dataclass(frozen=True, kw_only=True)
class Stack:
    """A running stack, as the command line and the tests use it."""

    state_dir: Path
    kafka_bootstrap: str
    postgres_admin_url: str
    database: str
    management_url: str
    ingest_url: str
    topic_prefix: str = ""
    domain: str = ""
    """The host name of its HTTPS certificates; empty for plain HTTP."""
    metrics_urls: Mapping[str, str] = field(default_factory=dict)
    """Where each service answers `/metrics`, `/livez` and `/readyz`, by service."""
    kafka_access: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)
    """The variables by which each service connects to Kafka, by service."""

    @property
    def authority(self) -> Path | None:
        """The file of the certificate authority; None for plain HTTP."""
        return authority_of(self.state_dir) if self.domain else None

    @property
    def admin_database_url(self) -> str:
        """The administrator's URL of Vita's database."""
        return database_url(self.postgres_admin_url, self.database)

    @property
    def key_provider(self) -> str:
        """The provider of this stack's key-encryption key."""
        return key_provider(self.state_dir)

    @property
    def passwords(self) -> Passwords:
        """The passwords of the database roles."""
        return Passwords(os.environ, passwords_file(self.state_dir, self.database))

    def kafka(self, service: str) -> KafkaAccess:
        """Return how a service connects to Kafka; the command line is "operator"."""
        known = self.kafka_access.get(service)
        return KafkaAccess(self.kafka_bootstrap) if known is None else kafka_from(known)

    def database_url(self, role: str) -> str:
        """Return the URL of a login role, for example `operator`.

        Raises StackFailure when its password is not known.
        """
        password = self.passwords.known(role)
        if password is None:
            raise StackFailure(
                f"the server has the role {role_name(self.database, role)}, and its password is not in"
                f" {self.passwords.file}",
                f"set {variable(role)}, or make new passwords for the role and all services that use it:"
                f" `python -m deploy prepare --rotate --passwords {self.passwords.file}`",
            )
        return role_url(self.postgres_admin_url, role_name(self.database, role), password, self.database)

    def environment(self, service: str) -> dict[str, str]:
        """Return the variables of a service, or of a command that acts as one. Raises StackFailure as
        above."""
        return {
            **self.kafka(service).environment(),
            "VITA_DATABASE_URL": self.database_url(service),
            "VITA_TOPIC_PREFIX": self.topic_prefix,
            "VITA_KEY_PROVIDER": self.key_provider,
            "VITA_LOGIN_SIGNING_KEY": f"file:{self.state_dir / 'keys' / 'ingest'}",
            "VITA_TOKEN_ISSUER": f"{self.management_url}/",
            "VITA_TOKEN_AUDIENCE": f"{self.management_url}/api/v2/",
            "VITA_LOG_FORMAT": "json",
        }


def key_provider(state_dir: Path) -> str:
    """Return the provider of the key-encryption key in a state folder."""
    return f"file:{state_dir / 'keys' / 'kek'}"


def passwords_file(state_dir: Path, database: str) -> Path:
    """Return the file with the passwords of a database's roles."""
    return state_dir / "keys" / f"{quote(database, safe='')}.passwords"


def read_stack(state: StateFolder) -> Stack | None:
    """Return the stack that was last started in this state folder, running or not, or None."""
    known = state.read().get("stack")
    return None if known is None else Stack(state_dir=state.path, **known)


def remember_stack(stack: Stack, state: StateFolder) -> None:
    """Write what `read_stack` reads."""
    known = {name: value for name, value in vars(stack).items() if name != "state_dir"}
    state.update(stack=known)


class ServiceLauncher:
    """Starts the services of a stack. `pool` is the administrator's; it reads the workers' heartbeats."""

    def __init__(
        self, local: LocalStack, stack: Stack, pool: asyncpg.Pool, certificates: Certificates | None = None
    ) -> None:
        self._local = local
        self._stack = stack
        self._pool = pool
        self._certificates = certificates
        self._code = code_fingerprint()

    @property
    def stack(self) -> Stack:
        """The stack with the addresses of the services that are ready."""
        return self._stack

    async def ensure_management(self) -> Stack:
        """Start management unless it runs, and return the stack with its address, which other services
        need."""
        chosen = await self._local.launch("management", self._launch("management"))
        self._stack = replace(self._stack, management_url=self._url("management", chosen))
        self._note_metrics("management", chosen)
        return self._stack

    async def ensure_ingest(self) -> Stack:
        """Start ingest unless it runs, and return the stack with its address."""
        chosen = await self._local.launch("ingest", self._launch("ingest"))
        self._stack = replace(self._stack, ingest_url=self._url("ingest", chosen))
        self._note_metrics("ingest", chosen)
        return self._stack

    async def ensure_worker(self, worker: str) -> None:
        """Start the worker unless it runs."""
        self._note_metrics(worker, await self._local.launch(worker, self._launch(worker)))

    def _launch(self, service: str) -> Launch:
        api = (self._port_name(service),) if service in HTTP_SERVICES else ()
        return Launch(
            (*api, _metrics_name(service)),
            lambda chosen: self._command(service, chosen),
            lambda chosen: self._ready(service, chosen),
        )

    def _command(self, service: str, chosen: Ports) -> ProcessCommand:
        stack = self._stack
        if service == "management":
            stack = replace(stack, management_url=self._url("management", chosen))
        env = {
            **stack.environment(service),
            "VITA_CODE": self._code,
            "VITA_METRICS_HOST": HOST,
            "VITA_METRICS_PORT": str(chosen[_metrics_name(service)]),
        }
        if service in HTTP_SERVICES:
            env |= {"VITA_HTTP_HOST": HOST, "VITA_HTTP_PORT": str(chosen[self._port_name(service)])}
            env |= self._tls_environment()
        return ProcessCommand((sys.executable, "-m", f"services.{service}"), env)

    def _ready(self, service: str, chosen: Ports) -> Ready:
        if service in HTTP_SERVICES:
            scheme = "https" if self._certificates else "http"
            url = f"{scheme}://{HOST}:{chosen[self._port_name(service)]}/readyz"
            return lambda _pid: answers_ok(url, self._stack.authority)
        return lambda pid: has_beaten(self._pool, service, pid)

    def _note_metrics(self, service: str, chosen: Ports) -> None:
        url = f"http://{HOST}:{chosen[_metrics_name(service)]}"
        self._stack = replace(self._stack, metrics_urls={**self._stack.metrics_urls, service: url})

    def _tls_environment(self) -> dict[str, str]:
        if self._certificates is None:
            return {}
        return {
            "VITA_TLS_CERTIFICATE": str(self._certificates.certificate),
            "VITA_TLS_KEY": str(self._certificates.key),
        }

    def _port_name(self, service: str) -> str:
        """Return the name of the service's port; HTTP and HTTPS have separate ones so that they are not
        confused."""
        return f"{service}_tls" if self._certificates else service

    def _url(self, service: str, chosen: Ports) -> str:
        port = chosen[self._port_name(service)]
        return f"https://{self._stack.domain}:{port}" if self._certificates else f"http://{HOST}:{port}"


def _metrics_name(service: str) -> str:
    """Return the name of the port at which a service serves its metrics."""
    return f"{service}_metrics"


async def answers_ok(url: str, authority: Path | None = None) -> bool:
    """Return whether the HTTP service is healthy; over HTTPS with a certificate of this authority."""
    verify = True if authority is None else ssl.create_default_context(cafile=authority)
    async with httpx.AsyncClient(trust_env=False, timeout=2, verify=verify) as client:
        try:
            return (await client.get(url)).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False


async def has_beaten(pool: asyncpg.Pool, worker: str, pid: int) -> bool:
    """Return whether the worker's process has written a heartbeat."""
    query = "SELECT true FROM ledger.heartbeat WHERE worker = $1 AND pid = $2 LIMIT 1"
    return await pool.fetchval(query, worker, pid) is True


def code_fingerprint(root: Path = CHECKOUT) -> str:
    """Return a hash of the services' code, so that a changed service is restarted."""
    files = sorted(path for folder in CODE_FOLDERS for path in (root / folder).rglob("*") if _is_code(path))
    seen = "\n".join(f"{path}:{path.stat().st_mtime_ns}:{path.stat().st_size}" for path in files)
    return hashlib.sha256(seen.encode()).hexdigest()[:16]


def _is_code(path: Path) -> bool:
    return path.suffix in (".py", ".sql", ".yaml", ".json", ".html") and "__pycache__" not in path.parts
