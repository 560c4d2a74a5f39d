"""The short way for a voice frame reads what the library would read, and leaves all else to it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol

from server.gateway import _sole_payload
from server.wire.native import BINARY_BYTES


def read_by_library(data: bytes) -> list[bytes]:
    wire = ServerProtocol(state=State.OPEN)
    wire.receive_data(data)
    return [event.data for event in wire.events_received() if isinstance(event, Frame)]


@given(st.binary(max_size=BINARY_BYTES))
def test_a_whole_binary_message_is_read_as_the_library_reads_it(payload: bytes) -> None:
    data = Frame(Opcode.BINARY, payload).serialize(mask=True)
    assert _sole_payload(data) == payload
    assert read_by_library(data) == [payload]


@given(st.binary(max_size=300), st.integers(min_value=1, max_value=20), st.binary(min_size=1, max_size=20))
def test_a_part_of_a_message_or_more_than_one_is_left_to_the_library(payload: bytes, cut: int, more: bytes) -> None:
    data = Frame(Opcode.BINARY, payload).serialize(mask=True)
    assert _sole_payload(data[:-cut]) is None
    assert _sole_payload(data + more) is None


@given(st.integers(min_value=BINARY_BYTES + 1, max_value=70_000))
def test_a_long_message_is_left_to_the_library(size: int) -> None:
    assert _sole_payload(Frame(Opcode.BINARY, bytes(size)).serialize(mask=True)) is None


@given(st.binary(max_size=300))
def test_an_unmasked_message_is_left_to_the_library(payload: bytes) -> None:
    assert _sole_payload(Frame(Opcode.BINARY, payload).serialize(mask=False)) is None


@given(st.binary(max_size=60))
def test_whatever_is_read_the_library_reads_alike(rest: bytes) -> None:
    data = b"\x82" + rest
    payload = _sole_payload(data)
    if payload is not None:
        assert read_by_library(data) == [payload]
