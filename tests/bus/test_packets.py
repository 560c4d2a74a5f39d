"""Packets and their bytes."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.packets import Ack, Answer, Ask, Bye, Call, Digest, Fill, Packet, Ping, Pong, Records, decode, encode
from bus.record import HIGHEST, PAYLOAD_BYTES, Kind, Record

ME = f"{1:016x}.1700000000000"
THEM = f"{2:016x}.1"


def record(seq: int = 1, payload: bytes = b"hi", room: str = "lobby") -> Record:
    return Record(1, Kind.TEXT, ME, seq, 5, room, "s", "c-1", payload)


GOOD: list[Packet] = [
    Records(ME, [record(), record(2, bytes(PAYLOAD_BYTES))]),
    Ack(ME, ME, HIGHEST),
    Digest(ME, "127.0.0.1:8766", ("127.0.0.1:1", "127.0.0.1:2"), {ME: (0, 7)}, [ME], {THEM: "127.0.0.1:9"}, b"card"),
    Ask(ME, ME, 0),
    Fill(ME, ME, 0, 5, 2, 9, [record(4)]),
    Ping(ME, 1.5),
    Pong(ME, 1.5),
    Bye(ME),
    Call(ME, 1, b"body"),
    Answer(ME, 1, False, b""),
]


@pytest.mark.parametrize("packet", GOOD, ids=lambda packet: type(packet).__name__)
def test_what_is_encoded_is_decoded(packet: Packet) -> None:
    assert decode(encode(packet)) == packet


BAD: list[Packet] = [
    Records("somebody", []),
    Records(ME + "\n", []),
    Records(ME, [record(payload=bytes(PAYLOAD_BYTES + 1))]),
    Records(ME, [record(seq=0)]),
    Records(ME, [record(seq=HIGHEST + 1)]),
    Records(ME, [record(room="r" * 257)]),
    Records(ME, [record()] * 1001),
    Ack(ME, ME, -1),
    Ask(ME, "x", 0),
    Digest(ME, "h" * 81, (), {}, [], {}, b""),
    Digest(ME, "", ("", "", "", "", ""), {}, [], {}, b""),
    Digest(ME, "", (), {"x": (0, 0)}, [], {}, b""),
    Digest(ME, "", (), {}, [ME] * 129, {}, b""),
    Digest(ME, "", (), {}, [], {f"{number:016x}.1": "" for number in range(129)}, b""),
    Digest(ME, "", (), {}, [], {"x": "127.0.0.1:9"}, b""),
    Digest(ME, "", (), {}, [], {}, bytes(1025)),
    Ping(ME, float("inf")),
    Ping(ME, float("nan")),
    Call(ME, 1, bytes(600_000)),
]


@pytest.mark.parametrize("packet", BAD, ids=lambda packet: type(packet).__name__)
def test_what_is_over_its_limits_is_nothing(packet: Packet) -> None:
    assert decode(encode(packet)) is None


@given(st.binary(max_size=200))
def test_garbage_is_nothing(data: bytes) -> None:
    assert decode(data) is None


@given(st.sampled_from(GOOD[2:]), st.data())
def test_a_damaged_packet_is_nothing_or_a_packet(packet: Packet, data: st.DataObject) -> None:
    whole = bytearray(encode(packet))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] = data.draw(st.integers(0, 255))
    decode(bytes(whole))
    assert decode(bytes(whole[:at])) is None


@pytest.mark.parametrize("junk", [b"\x91" * 5000, b"\xdf\xff\xff\xff\xff", msgspec.msgpack.encode([3, "x"]), b"\xc1"])
def test_deep_and_boastful_garbage_is_nothing(junk: bytes) -> None:
    assert decode(junk) is None
