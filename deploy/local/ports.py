"""Chooses ports: the pinned one, otherwise the one of the last start, the well-known one, or the next free
one."""

import contextlib
import errno
import os
import random
import socket
from collections.abc import Callable, Collection
from typing import Any

import psutil

from deploy.local.failure import StackFailure

HOST = "127.0.0.1"
SEARCH_WIDTH = 200
NEXT_CANDIDATES = 10

PREFERRED = {
    "management": 8080,
    "ingest": 8081,
    "management_tls": 8443,
    "ingest_tls": 8444,
    "management_metrics": 9464,
    "ingest_metrics": 9465,
    "normalizer_metrics": 9466,
    "projector_metrics": 9467,
    "auditor_metrics": 9468,
    "postgres": 5432,
    "kafka": 9092,
    "kafka_controller": 9093,
}
PINS = {
    "management": "VITA_MANAGEMENT_PORT",
    "management_tls": "VITA_MANAGEMENT_PORT",
    "ingest": "VITA_INGEST_PORT",
    "ingest_tls": "VITA_INGEST_PORT",
    "management_metrics": "VITA_MANAGEMENT_METRICS_PORT",
    "ingest_metrics": "VITA_INGEST_METRICS_PORT",
    "normalizer_metrics": "VITA_NORMALIZER_METRICS_PORT",
    "projector_metrics": "VITA_PROJECTOR_METRICS_PORT",
    "auditor_metrics": "VITA_AUDITOR_METRICS_PORT",
    "postgres": "VITA_POSTGRES_PORT",
    "kafka": "VITA_KAFKA_PORT",
}
"""The variable that pins the port of a part."""


class PortTaken(StackFailure):
    """Another program listens on a chosen port. Another port may work."""


def is_lost(failure: StackFailure) -> bool:
    """Return whether a start failed because another program had one of the ports, if only for a moment.

    The process's log says so.
    """
    return isinstance(failure, PortTaken) or os.strerror(errno.EADDRINUSE).lower() in str(failure).lower()


def pinned(name: str) -> int | None:
    """Return the port that the environment pins for the part, or None.

    Raises StackFailure when the variable is not a port number.
    """
    variable = PINS.get(name, "")
    value = os.environ.get(variable)
    if not value:
        return None
    if not (value.isascii() and value.isdigit() and len(value) <= 5 and 0 < int(value) < 65_536):
        raise StackFailure(
            f"{variable} is {value!r}", f"set {variable} to a number from 1 to 65535, or unset it"
        )
    return int(value)


def check_pins_differ() -> None:
    """Raises StackFailure when the environment pins one port for two parts."""
    pinning: dict[str, list[str]] = {}
    for variable in dict.fromkeys(PINS.values()):
        if value := os.environ.get(variable):
            pinning.setdefault(value, []).append(variable)
    for value, variables in pinning.items():
        if len(variables) > 1:
            raise StackFailure(f"{' and '.join(variables)} pin the same port {value}", "pin different ports")


def refuse_pinned(name: str, port: int) -> StackFailure:
    """Return the failure for a pinned port that another program uses."""
    return StackFailure(
        f"port {port}, which {PINS[name]} pins, is taken by {_holders(port)}",
        f"end that program, or set {PINS[name]} to another port",
    )


def is_free(port: int) -> bool:
    """Return whether no program listens on the port, on the loopback address or on all addresses."""
    if _answers(port):
        return False
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def choose(
    name: str,
    remembered: int | None,
    taken: Collection[int] = (),
    free: Callable[[int], bool] = is_free,
    lost: Collection[int] = (),
) -> int:
    """Return a free port for the part, the same at each start unless another program takes it.

    `lost` are ports that another program took during this start. If it starts at the same moment, it may
    look for the next port too; the choice among the next ports is therefore random.
    """
    first = PREFERRED[name]
    candidates = ([] if remembered is None else [remembered]) + list(range(first, first + SEARCH_WIDTH))
    found: list[int] = []
    for port in candidates:
        if port not in taken and port not in lost and free(port):
            found.append(port)
        if len(found) > (NEXT_CANDIDATES if lost else 0):
            break
    return random.choice(found) if found else _any_free()


def listens(pid: int, port: int) -> bool:
    """Return whether the process, or a child of it, listens on the port."""
    return bool(_listeners(port) & _family(pid))


def is_contested(pid: int, port: int) -> bool:
    """Return whether another program listens on the port too: no error reports ports that are shared."""
    return bool(_listeners(port) - _family(pid))


def _holders(port: int) -> str:
    """Return the programs that listen on the port, as far as the system names them."""
    named = []
    for pid in sorted(pid for pid in _listeners(port) if pid is not None):
        with contextlib.suppress(psutil.Error):
            named.append(f"{psutil.Process(pid).name()} (process {pid})")
    return ", ".join(named) or "another program"


def _listeners(port: int) -> set[int | None]:
    try:
        connections = psutil.net_connections("tcp")
    except psutil.AccessDenied:
        return _own_listeners(port)
    return {connection.pid for connection in connections if _is_listening(connection, port)}


def _own_listeners(port: int) -> set[int | None]:
    """Return the user's processes that listen on the port, for systems that do not show all connections."""
    found: set[int | None] = set()
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if any(_is_listening(connection, port) for connection in process.net_connections("tcp")):
                found.add(process.pid)
    return found


def _is_listening(connection: Any, port: int) -> bool:
    return bool(connection.status == psutil.CONN_LISTEN and connection.laddr.port == port)


def _family(pid: int) -> set[int | None]:
    try:
        process = psutil.Process(pid)
        return {pid, *(child.pid for child in process.children(recursive=True))}
    except psutil.NoSuchProcess:
        return {pid}


def _answers(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(0.2)
        return probe.connect_ex((HOST, port)) == 0


def _any_free() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
