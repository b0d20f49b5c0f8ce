"""Checks addresses before anything is tried with them, and says what is wrong with TLS there.

No message repeats an address, which may hold a password.
"""

import ssl
from typing import Final
from urllib.parse import SplitResult, parse_qs, urlsplit

_DATABASE_SCHEMES: Final = ("postgresql", "postgres")
_HTTP_SCHEMES: Final = ("http", "https")
_TLS_WORDS: Final = {
    "WRONG_VERSION_NUMBER": "it does not speak TLS",
    "RECORD_LAYER_FAILURE": "it does not speak TLS",
    "UNEXPECTED_EOF_WHILE_READING": "it ends the connection during the TLS handshake",
}


class MalformedAddress(ValueError):
    """The text is no address of its kind; the message says what is wrong and what is expected."""


def check_bootstrap(servers: str) -> None:
    """Check a list of Kafka brokers. Raises MalformedAddress."""
    for server in servers.split(","):
        host, colon, port = server.strip().rpartition(":")
        if "/" in server or " " in server.strip():
            raise MalformedAddress("a broker is host:port, without a scheme, a path or a blank")
        if not colon or not host or (":" in host and not (host.startswith("[") and host.endswith("]"))):
            raise MalformedAddress("every broker is host:port, several are separated by commas")
        if not (port.isascii() and port.isdigit() and len(port) <= 5 and 0 < int(port) < 65_536):
            raise MalformedAddress("the port of a broker is a number from 1 to 65535")


def check_database_url(url: str) -> None:
    """Check the address of a PostgreSQL server. Raises MalformedAddress."""
    parts = _parts(url, _DATABASE_SCHEMES, "postgresql://user:password@host:5432/database")
    if not parts.hostname and "host" not in parse_qs(parts.query):
        raise MalformedAddress("the host is missing: postgresql://user:password@host:5432/database")
    if parts.fragment:
        raise MalformedAddress("it holds a #, which is written %23 in a password")


def check_http_url(url: str) -> None:
    """Check the address of an HTTP service. Raises MalformedAddress."""
    parts = _parts(url, _HTTP_SCHEMES, "https://host:port")
    if not parts.hostname:
        raise MalformedAddress("the host is missing: https://host:port")


def words_of_tls(error: BaseException) -> str | None:
    """Say what is wrong with TLS, if that is what the error, or one that led to it, is about; else None."""
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not valid here: {cause.verify_message}"
        if isinstance(cause, ssl.SSLError):
            reason = cause.reason or str(cause)
            return _TLS_WORDS.get(reason, f"TLS fails ({reason.lower().replace('_', ' ')})")
        cause = cause.__cause__ or cause.__context__
    return None


def _parts(url: str, schemes: tuple[str, ...], example: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise MalformedAddress(
            f"the host or the port cannot be read: {example}; in a password / is written %2F, # %23, @ %40"
        ) from None
    if parts.scheme not in schemes:
        begins = " or ".join(f"{scheme}://" for scheme in schemes)
        raise MalformedAddress(f"it does not begin with {begins}, as in {example}")
    if port == 0:
        raise MalformedAddress("the port is a number from 1 to 65535")
    return parts
