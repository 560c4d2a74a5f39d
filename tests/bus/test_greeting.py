"""What somebody says at the door of a mesh, and for whose key."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
import zmq
from hypothesis import given
from hypothesis import strategies as st
from zmq.utils import z85

from bus.greeting import FIRST_BYTES, GREETING_BYTES, OURS, SIGNATURE_BYTES, WHOLE_BYTES, Said, hello_of, judge
from bus.hello import is_made_for

SIGNATURE = b"\xff" + bytes(8) + b"\x7f"


def greeting(mechanism: bytes = b"CURVE", version: int = 3) -> bytes:
    return SIGNATURE + bytes([version, 1]) + mechanism.ljust(20, b"\0") + bytes(32)


HELLO = b"\x04\xc8" + b"\x05HELLO" + bytes(194)


def test_our_own_greeting_is_one() -> None:
    assert len(OURS) == GREETING_BYTES
    assert judge(OURS) is Said.GREETING


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", Said.TOO_LITTLE),
        (b"\xff", Said.TOO_LITTLE),
        (SIGNATURE, Said.TOO_LITTLE),
        (greeting()[:63], Said.TOO_LITTLE),
        (greeting(), Said.GREETING),
        ((greeting() + HELLO)[:-1], Said.GREETING),
        (greeting() + HELLO, Said.HELLO),
        (greeting() + HELLO + b"more", Said.HELLO),
        (greeting(b"NULL"), Said.PLAIN),
        (greeting(b"PLAIN"), Said.PLAIN),
        (greeting(b"NOSUCH"), Said.GARBAGE),
        (greeting(version=1), Said.GARBAGE),
        (greeting() + b"\x05\xc8", Said.GARBAGE),
        (greeting() + b"\x04\xc7", Said.GARBAGE),
        (b"GET / HTTP/1.1\r\n", Said.GARBAGE),
        (b"\xff" + bytes(9), Said.GARBAGE),
        (b"\0", Said.GARBAGE),
    ],
)
def test_the_first_bytes_are_judged(data: bytes, said: Said) -> None:
    assert judge(data) is said


@given(st.binary(max_size=2 * WHOLE_BYTES))
def test_whatever_comes_is_judged_and_what_was_wrong_stays_wrong(data: bytes) -> None:
    said = [judge(data[:at]) for at in range(len(data) + 1)]
    if Said.GARBAGE in said:
        assert set(said[said.index(Said.GARBAGE) :]) == {Said.GARBAGE}


@given(st.binary(min_size=200, max_size=200), st.binary(min_size=32, max_size=32))
def test_no_bytes_are_made_for_a_key_by_chance(hello: bytes, secret: bytes) -> None:
    assert not is_made_for(secret, hello)
    assert not is_made_for(secret, b"\x05HELLO" + hello[6:])
    assert not is_made_for(secret, hello[:-1])


def test_a_point_of_low_order_is_no_key() -> None:
    assert not is_made_for(b"s" * 32, b"\x05HELLO" + bytes(194))


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        sock.settimeout(10)
        yield sock


def said_by_zeromq(listener: socket.socket, server: bytes | None, *, upto: int) -> bytes:
    """What a ZeroMQ client says to whom it takes for a server with this key."""
    with zmq.Context[zmq.Socket[bytes]]() as context, context.socket(zmq.DEALER) as dealer:
        dealer.setsockopt(zmq.LINGER, 0)
        if server is not None:
            public, secret = zmq.curve_keypair()
            dealer.setsockopt(zmq.CURVE_SERVERKEY, server)
            dealer.setsockopt(zmq.CURVE_PUBLICKEY, public)
            dealer.setsockopt(zmq.CURVE_SECRETKEY, secret)
        dealer.connect(f"tcp://127.0.0.1:{listener.getsockname()[1]}")
        sock, _ = listener.accept()
        with sock:
            sock.settimeout(10)
            sock.sendall(OURS[:FIRST_BYTES])
            data = b""
            while len(data) < min(upto, GREETING_BYTES):
                data += sock.recv(1000)
            sock.sendall(OURS[FIRST_BYTES:])
            while len(data) < upto:
                data += sock.recv(1000)
            return data


def test_what_zeromq_says_is_made_for_the_key_that_it_meant_and_no_other(listener: socket.socket) -> None:
    public, secret = zmq.curve_keypair()
    data = said_by_zeromq(listener, public, upto=WHOLE_BYTES)
    assert judge(data) is Said.HELLO
    hello = hello_of(data)
    assert is_made_for(z85.decode(secret), hello)
    assert not is_made_for(z85.decode(zmq.curve_keypair()[1]), hello)
    for at in (80, 112, 120, 199):
        assert not is_made_for(z85.decode(secret), hello[:at] + bytes([hello[at] ^ 1]) + hello[at + 1 :])


def test_a_zeromq_without_encryption_says_so_when_it_has_our_first_bytes(listener: socket.socket) -> None:
    assert judge(said_by_zeromq(listener, None, upto=GREETING_BYTES)) is Said.PLAIN
    assert FIRST_BYTES > SIGNATURE_BYTES
