"""The short way for a message that comes alone reads what the library would read, and leaves all else to it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.utils import apply_mask

from server.wire.native import BINARY_BYTES
from server.wire.websocket import Edges, _measure, sole_payload

MESSAGES = st.builds(
    Frame,
    st.sampled_from([Opcode.TEXT, Opcode.BINARY, Opcode.CONT]),
    st.binary(max_size=125) | st.integers(126, 70_000).map(bytes),
    st.booleans(),
)
FRAMES = MESSAGES | st.builds(Frame, st.sampled_from([Opcode.PING, Opcode.PONG]), st.binary(max_size=125))


def sole(data: bytes) -> bytes | None:
    return sole_payload(data, BINARY_BYTES, apply_mask)


def read_by_library(data: bytes) -> list[bytes]:
    wire = ServerProtocol(state=State.OPEN)
    wire.receive_data(data)
    return [bytes(event.data) for event in wire.events_received() if isinstance(event, Frame)]


@given(st.binary(max_size=BINARY_BYTES))
def test_a_whole_binary_message_is_read_as_the_library_reads_it(payload: bytes) -> None:
    data = Frame(Opcode.BINARY, payload).serialize(mask=True)
    assert sole(data) == payload
    assert read_by_library(data) == [payload]


@given(st.binary(max_size=300), st.integers(min_value=1, max_value=5), st.binary(min_size=1, max_size=20))
def test_a_part_of_a_message_or_more_than_one_is_left_to_the_library(payload: bytes, cut: int, more: bytes) -> None:
    data = Frame(Opcode.BINARY, payload).serialize(mask=True)
    assert sole(data[:-cut]) is None
    assert sole(data + more) is None


@given(st.integers(min_value=BINARY_BYTES + 1, max_value=70_000))
def test_a_long_message_is_left_to_the_library(size: int) -> None:
    assert sole(Frame(Opcode.BINARY, bytes(size)).serialize(mask=True)) is None


@given(st.binary(max_size=300), st.sampled_from([Opcode.TEXT, Opcode.PING, Opcode.CONT]))
def test_other_messages_and_unmasked_ones_are_left_to_the_library(payload: bytes, opcode: Opcode) -> None:
    assert sole(Frame(opcode, payload).serialize(mask=True)) is None
    assert sole(Frame(Opcode.BINARY, payload).serialize(mask=False)) is None
    assert sole(Frame(Opcode.BINARY, payload, False).serialize(mask=True)) is None


@given(st.binary(max_size=60))
def test_whatever_is_read_the_library_reads_alike(rest: bytes) -> None:
    payload = sole(b"\x82" + rest)
    if payload is not None:
        assert read_by_library(b"\x82" + rest) == [payload]


@given(st.lists(FRAMES, max_size=5), st.data())
def test_the_edge_is_where_frames_end_however_the_stream_is_cut(frames: list[Frame], data: st.DataObject) -> None:
    whole = [frame.serialize(mask=True) for frame in frames]
    ends, stream = {0}, b""
    for one in whole:
        stream += one
        ends.add(len(stream))
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=8).map(sorted))
    edges, at = Edges(), 0
    for cut in [*cuts, len(stream)]:
        edges.follow(stream[at:cut])
        at = cut
        assert edges.at_edge == (at in ends)


@given(st.lists(FRAMES, max_size=5), st.data())
def test_it_sees_the_whole_frames_ahead_and_goes_nowhere(frames: list[Frame], data: st.DataObject) -> None:
    whole = [frame.serialize(mask=True) for frame in frames]
    stream = b"".join(whole)
    come = data.draw(st.integers(0, len(stream)))
    until = data.draw(st.integers(come, len(stream)))
    begins = [sum(map(len, whole[:number])) for number in range(len(whole))]
    # What begins before and is under way is not ahead, unless so little of it has come that its size is not known.
    ahead = [
        one
        for at, one in zip(begins, whole, strict=True)
        if at + len(one) <= until and (at >= come or _measure(one[: come - at]) == (None, 0))
    ]
    edges = Edges()
    edges.follow(stream[:come])
    assert list(edges.ahead(stream[come:until])) == ahead
    edges.follow(stream[come:])
    assert edges.at_edge
