"""The fields of a voice frame and their places in its bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.decoding import Field, fields
from tests.guest import FIRST, frame


def test_a_voice_frame_is_sixteen_bytes_of_header_and_an_opus_packet() -> None:
    sent = frame(0x12345678, flags=FIRST, level=0x80 | 23, codec=0x02, seq=2580, ts=96_000, packet=b"\x78abc")
    assert fields(sent) == [
        Field("kind", "0x51 voice", 0, 1),
        Field("flags", "0x01 first", 1, 1),
        Field("level", "-23 dBov, speech", 2, 1),
        Field("codec", "Opus, 20 ms", 3, 1),
        Field("ssrc", "0x12345678", 4, 4),
        Field("seq", "2,580", 8, 2),
        Field("target", "room", 10, 2),
        Field("ts", "96,000", 12, 4),
        Field("opus", "hybrid full band, 20 ms, mono, 1 frame", 16, 1),
        Field("packet", "3 bytes", 17, 3),
    ]


def test_of_a_whispered_frame_only_the_header_is_there() -> None:
    head = frame(1, flags=0x12, level=127, codec=0x06, target=7)[:16]
    found = {field.name: field.value for field in fields(head)}
    assert found["flags"] == "0x12 last, whispered"
    assert found["level"] == "silence"
    assert found["codec"] == "Opus, 60 ms"
    assert found["target"] == "7, whispered"
    assert "opus" not in found


def test_loud_is_zero() -> None:
    assert fields(frame(1, level=0x80))[2].value == "0 dBov, speech"


@pytest.mark.parametrize(
    ("toc", "meaning"),
    [
        (0x00, "SILK narrow band, 10 ms, mono, 1 frame"),
        (0x5F, "SILK wide band, 60 ms, stereo, several frames"),
        (0x60, "hybrid super-wide band, 10 ms, mono, 1 frame"),
        (0x81, "CELT narrow band, 2.5 ms, mono, 2 frames of one size"),
        (0xFC, "CELT full band, 20 ms, stereo, 1 frame"),
    ],
)
def test_the_first_byte_of_the_opus_packet(toc: int, meaning: str) -> None:
    assert fields(frame(1, packet=bytes([toc])))[-1] == Field("opus", meaning, 16, 1)


@given(st.binary(max_size=80))
def test_the_fields_are_all_the_bytes_of_any_frame(data: bytes) -> None:
    covered = [at for field in fields(data) for at in range(field.offset, field.offset + field.length)]
    assert covered == (list(range(len(data))) if len(data) >= 16 else [])
