"""The database roles of an installation, named after its database, and their passwords."""

import base64
import hashlib
import hmac
import os
import secrets
import string
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg

SERVICES: Final = ("ingest", "normalizer", "projector", "auditor", "management")
OPERATOR: Final = "operator"
KEYMASTER: Final = "keymaster"
"""The only login role that may add wrapping keys and signing keys."""

LOGINS: Final = (*SERVICES, OPERATOR, KEYMASTER)
OWNER: Final = "owner"
NAME_LIMIT_BYTES: Final = 63
_SCRAM_ITERATIONS: Final = 4096
_PASSWORD_CHARACTERS: Final = frozenset(string.printable) - frozenset(string.whitespace)


class RolesRefused(Exception):
    """Roles or passwords cannot be used as given. The text says what to do."""


class Passwords:
    """The known passwords: from VITA_<SERVICE>_PASSWORD, otherwise from a private file.

    The file has a line VITA_<SERVICE>_PASSWORD=… per role, as `docker compose --env-file` reads it.
    Raises RolesRefused when other users may read the file, or when it holds an unusable password.
    """

    def __init__(self, environment: Mapping[str, str], file: Path | None = None) -> None:
        self.file = file
        self._kept = {} if file is None else _read(file)
        given = {login: environment.get(variable(login)) for login in LOGINS}
        self._known = self._kept | {login: password for login, password in given.items() if password}
        for login, password in self._known.items():
            if not set(password) <= _PASSWORD_CHARACTERS:
                raise RolesRefused(
                    f"{variable(login)} may contain only printable ASCII characters without blanks"
                )

    def known(self, login: str) -> str | None:
        """Return the password of a role, or None if it is not known here."""
        return self._known.get(login)

    def make(self, logins: Collection[str]) -> dict[str, str]:
        """Make random passwords for these roles, and write them to the file before anyone uses them."""
        made = {login: secrets.token_urlsafe(24) for login in logins}
        if made and self.file is not None:
            self._kept |= made
            lines = "".join(f"{variable(login)}={password}\n" for login, password in self._kept.items())
            _write(self.file, lines)
        self._known |= made
        return made


def variable(login: str) -> str:
    """Return the name of the environment variable that holds a role's password."""
    return f"VITA_{login.upper()}_PASSWORD"


def role_name(database: str, login: str) -> str:
    """Return the name of a role. Roles belong to the whole server, so each database has its own.

    Raises RolesRefused when PostgreSQL would truncate the name.
    """
    name = f"{database}_{login}"
    if len(name.encode()) > NAME_LIMIT_BYTES:
        longest = NAME_LIMIT_BYTES - max(len(each) for each in (*LOGINS, OWNER)) - 1
        raise RolesRefused(
            f"the database name {database} is too long: at most {longest} bytes, so that role names fit"
        )
    return name


def role_url(admin_url: str, role: str, password: str, database: str) -> str:
    """Return the URL of a database on the administrator's server for one role."""
    parts = urlsplit(admin_url)
    location = parts.netloc.rpartition("@")[2]
    user = f"{quote(role, safe='')}:{quote(password, safe='')}"
    return urlunsplit(parts._replace(netloc=f"{user}@{location}", path=f"/{quote(database, safe='')}"))


async def ensure_roles(
    server: asyncpg.Connection, prefix: str, passwords: Passwords, rotate: Collection[str] = ()
) -> dict[str, str]:
    """Create missing roles, and set the passwords that are known or have to be made.

    Returns the passwords that were made: those of new roles with an unknown password, and of roles to
    rotate. An existing role with an unknown password keeps it, so that running services are not locked
    out.
    """
    names = {login: role_name(prefix, login) for login in (*LOGINS, OWNER)}
    found = await server.fetch(
        "SELECT rolname FROM pg_roles WHERE rolname = ANY ($1::text[])", [*names.values()]
    )
    existing = {row["rolname"] for row in found}
    unknown = [login for login in LOGINS if names[login] not in existing and passwords.known(login) is None]
    made = passwords.make(list(dict.fromkeys([*unknown, *rotate])))
    async with server.transaction():
        if names[OWNER] not in existing:
            await server.execute(f"CREATE ROLE {quoted(names[OWNER])} NOLOGIN")
        for login in LOGINS:
            await _ensure_login(server, names[login], names[login] in existing, passwords.known(login))
        if not await server.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = current_user"):
            await server.execute(f"GRANT {quoted(names[OWNER])} TO CURRENT_USER WITH SET TRUE, INHERIT TRUE")
    return made


async def drop_roles(server: asyncpg.Connection, prefix: str) -> None:
    """Drop the roles of a database that was dropped."""
    for login in (*LOGINS, OWNER):
        await server.execute(f"DROP ROLE IF EXISTS {quoted(role_name(prefix, login))}")


async def _ensure_login(server: asyncpg.Connection, name: str, exists: bool, password: str | None) -> None:
    role = quoted(name)
    if not exists:
        await server.execute(f"CREATE ROLE {role} NOLOGIN")
    if password is not None:
        await server.execute(f"ALTER ROLE {role} LOGIN PASSWORD '{scram_verifier(password, os.urandom(16))}'")


def scram_verifier(password: str, salt: bytes) -> str:
    """Return PostgreSQL's verifier of a password (RFC 5803), so that the password never reaches a server
    log."""
    salted = hashlib.pbkdf2_hmac("sha256", password.encode("ascii"), salt, _SCRAM_ITERATIONS)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    encoded = [base64.b64encode(part).decode() for part in (salt, stored, server)]
    return f"SCRAM-SHA-256${_SCRAM_ITERATIONS}:{encoded[0]}${encoded[1]}:{encoded[2]}"


def quoted(identifier: str) -> str:
    """Return an identifier quoted for SQL."""
    return '"' + identifier.replace('"', '""') + '"'


def _read(file: Path) -> dict[str, str]:
    try:
        if file.stat().st_mode & 0o077:
            raise RolesRefused(f"{file} is readable by other users: run chmod 600 on it")
        lines = file.read_text("utf-8").splitlines()
    except FileNotFoundError:
        return {}
    pairs = dict(line.partition("=")[::2] for line in lines if line and not line.startswith("#"))
    return {login: pairs[variable(login)] for login in LOGINS if pairs.get(variable(login))}


def _write(file: Path, text: str) -> None:
    """Replace the file atomically; only its owner may read it."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
            opened.write(text)
            opened.flush()
            os.fsync(opened.fileno())
        fresh.replace(file)
    finally:
        fresh.unlink(missing_ok=True)
