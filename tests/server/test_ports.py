"""Whether an address can be listened on, and why not."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from server.ports import next_free, obstacle


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield int(listener.getsockname()[1])


def test_a_free_port_has_no_obstacle_and_stays_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = int(listener.getsockname()[1])
    assert obstacle("127.0.0.1", port) is None
    assert obstacle("127.0.0.1", port) is None
    with socket.create_server(("127.0.0.1", port)):
        pass


def test_a_port_in_use_is_named(taken: int) -> None:
    assert obstacle("127.0.0.1", taken) == f"Port {taken} is in use."
    assert obstacle("localhost", taken) == f"Port {taken} is in use."


def test_port_0_stands_for_any_free_one() -> None:
    assert obstacle("127.0.0.1", 0) is None


@pytest.mark.parametrize("port", [-1, 65_536])
def test_a_port_out_of_range_is_refused(port: int) -> None:
    assert obstacle("127.0.0.1", port) == "A port is a number from 0 to 65535."


@pytest.mark.parametrize("host", ["example.org", "127.0.0.256", "", "a; touch x", "\udcff"])
def test_a_name_is_never_looked_up(host: str) -> None:
    assert obstacle(host, 0) == f"{host} is not an IP address."


def test_an_address_of_another_machine_is_named() -> None:
    assert obstacle("192.0.2.1", 0) == "This machine has no address 192.0.2.1."


def test_the_next_free_port_passes_over_those_in_use_and_those_left_out(taken: int) -> None:
    found = next_free("127.0.0.1", taken)
    assert found is not None
    assert found > taken
    other = next_free("127.0.0.1", taken, besides={found})
    assert other is not None
    assert other > found


def test_there_is_no_port_above_the_highest() -> None:
    assert next_free("127.0.0.1", 65_536) is None
