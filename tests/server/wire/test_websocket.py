"""Frames made once for all receivers, read by the library that clients use."""

from __future__ import annotations

import pytest
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.uri import parse_uri

from server.wire.websocket import binary_frame, text_frame


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65535, 65536, 100_000])
def test_a_frame_of_any_size_is_read_as_it_was_meant(size: int) -> None:
    protocol = ClientProtocol(parse_uri("ws://localhost/"), state=State.OPEN)
    payload = bytes(number & 0xFF for number in range(size))
    protocol.receive_data(binary_frame(payload) + text_frame(b"t" * size))
    first, second = protocol.events_received()
    assert isinstance(first, Frame)
    assert isinstance(second, Frame)
    assert (first.opcode, first.fin, bytes(first.data)) == (Opcode.BINARY, True, payload)
    assert (second.opcode, second.fin, bytes(second.data)) == (Opcode.TEXT, True, b"t" * size)
    assert protocol.state is State.OPEN
