"""Chooses ports: the remembered one, else the well-known one, else the next that is free."""

import socket
from collections.abc import Callable, Collection

HOST = "127.0.0.1"
SEARCH_WIDTH = 200

PREFERRED = {
    "management": 8080,
    "ingest": 8081,
    "postgres": 5432,
    "kafka": 9092,
    "kafka_controller": 9093,
}


def is_free(port: int) -> bool:
    """Whether nobody listens on the port of this machine, on the loopback address or on all of them."""
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
) -> int:
    """A free port for the part, stable from one start to the next as long as nobody else takes it."""
    first = PREFERRED[name]
    candidates = ([] if remembered is None else [remembered]) + list(range(first, first + SEARCH_WIDTH))
    for port in candidates:
        if port not in taken and free(port):
            return port
    return _any_free()


def _answers(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(0.2)
        return probe.connect_ex((HOST, port)) == 0


def _any_free() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
