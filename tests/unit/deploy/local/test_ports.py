"""Ports of the local stack."""

import socket
from collections.abc import Iterator

import pytest

from deploy.local.ports import HOST, PREFERRED, SEARCH_WIDTH, choose, is_free


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A program that listens on some port."""
    with socket.create_server((HOST, 0)) as server:
        yield server


def test_the_remembered_port_is_kept() -> None:
    """From one start to the next a part stays where it was."""
    assert choose("management", 9999, free=lambda port: True) == 9999


def test_the_well_known_port_comes_first() -> None:
    """A first start takes the well-known port."""
    assert choose("management", None, free=lambda port: True) == PREFERRED["management"]


def test_a_port_taken_by_another_program_is_left_to_it() -> None:
    """A remembered or preferred port is not used while another program has it."""
    first = PREFERRED["management"]
    busy = {9999, first, first + 1}
    assert choose("management", 9999, free=lambda port: port not in busy) == first + 2


def test_ports_of_the_same_stack_are_not_given_twice() -> None:
    """A port that another part of the stack remembers is skipped even if no process listens on it."""
    first = PREFERRED["management"]
    assert choose("management", None, taken={first}, free=lambda port: True) == first + 1


def test_a_crowded_machine_still_gets_a_port() -> None:
    """When all well-known ports are taken the system chooses one."""
    port = choose("management", None, free=lambda port: False)
    assert port not in range(PREFERRED["management"], PREFERRED["management"] + SEARCH_WIDTH)
    assert is_free(port)


def test_a_listening_port_is_not_free(listener: socket.socket) -> None:
    """A port is tried on the real machine."""
    port = listener.getsockname()[1]
    assert not is_free(port)
    listener.close()
    assert is_free(port)


def test_a_port_open_to_the_network_is_not_free() -> None:
    """A program that listens on all addresses has the port of the loopback address too."""
    with socket.create_server(("0.0.0.0", 0)) as server:  # noqa: S104 - the case that is tested
        assert not is_free(server.getsockname()[1])
