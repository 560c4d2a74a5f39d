"""The fields of a message and their places in its bytes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.decoding import Field, fields
from server.flow import FlowRow
from tests.guest import FIRST, frame


def row(data: bytes, *, voice: bool = False) -> FlowRow:
    return FlowRow(at=0, node="n", kind="voice" if voice else "chat", data=data)


def test_a_voice_frame_is_sixteen_bytes_of_header_and_an_opus_packet() -> None:
    sent = frame(0x12345678, flags=FIRST, level=0x80 | 23, codec=0x02, seq=258, ts=96_000, packet=b"\x78abc")
    assert fields(row(sent, voice=True)) == [
        Field("kind", "0x51 voice", 0, 1),
        Field("flags", "0x01 first", 1, 1),
        Field("level", "speech, -23 dBov", 2, 1),
        Field("codec", "0x02 Opus, 20 ms", 3, 1),
        Field("ssrc", "305419896 (0x12345678)", 4, 4),
        Field("seq", "258", 8, 2),
        Field("target", "0 room", 10, 2),
        Field("ts", "96000 samples, 2.00 s", 12, 4),
        Field("opus", "0x78 hybrid full band, 20 ms, mono, 1 frame", 16, 1),
        Field("packet", "3 bytes of sound", 17, 3),
    ]


def test_of_a_whispered_frame_only_the_header_is_there() -> None:
    head = frame(1, flags=0x12, level=127, target=7)[:16]
    found = {field.name: field.value for field in fields(row(head, voice=True))}
    assert found["flags"] == "0x12 last whispered"
    assert found["level"] == "no speech, silence"
    assert found["target"] == "7 whispered"
    assert "opus" not in found


@pytest.mark.parametrize(
    ("toc", "meaning"),
    [
        (0x00, "0x00 SILK narrow band, 10 ms, mono, 1 frame"),
        (0x5F, "0x5f SILK wide band, 60 ms, stereo, several frames"),
        (0x60, "0x60 hybrid super-wide band, 10 ms, mono, 1 frame"),
        (0x81, "0x81 CELT narrow band, 2.5 ms, mono, 2 frames of one size"),
        (0xFC, "0xfc CELT full band, 20 ms, stereo, 1 frame"),
    ],
)
def test_the_first_byte_of_the_opus_packet(toc: int, meaning: str) -> None:
    assert fields(row(frame(1, packet=bytes([toc])), voice=True))[-1] == Field("opus", meaning, 16, 1)


def test_each_key_of_a_text_is_linked_to_its_bytes() -> None:
    data = '{"type":"message","from":{"name":"Zoë"},"seq":42,"tags":["a",{"b":1}],"text":"a \\"b\\" 小"}'.encode()
    found = fields(row(data))
    assert [(field.name, field.value) for field in found] == [
        ("type", "message"),
        ("from.name", "Zoë"),
        ("seq", "42"),
        ("tags", '["a",{"b":1}]'),
        ("text", 'a "b" 小'),
    ]
    assert [data[field.offset : field.offset + field.length].decode() for field in found] == [
        '"type":"message"',
        '"name":"Zoë"',
        '"seq":42',
        '"tags":["a",{"b":1}]',
        '"text":"a \\"b\\" 小"',
    ]


BROKEN = (b"", b"[1]", b'{"a"', b'{"a":', b'{"a":1', b'{"a" 1}', b'{"a":"\xff"}', b"{,}", b"nope")


@pytest.mark.parametrize("data", BROKEN)
def test_what_cannot_be_read_has_no_fields(data: bytes) -> None:
    assert fields(row(data)) == []


def test_a_short_frame_has_no_fields() -> None:
    assert fields(row(b"\x51" * 15, voice=True)) == []


plain = st.none() | st.booleans() | st.integers() | st.text()
json_values = st.recursive(plain, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))


@given(st.dictionaries(st.text(), json_values), st.sampled_from([None, 1]))
def test_the_bytes_of_each_field_are_its_key_and_value(message: dict[str, object], indent: int | None) -> None:
    data = json.dumps(message, indent=indent, ensure_ascii=False).encode(errors="surrogatepass")
    for field in fields(row(data)):
        pair = json.loads(b"{" + data[field.offset : field.offset + field.length] + b"}")
        ((key, value),) = pair.items()
        assert field.name.endswith(key)
        assert field.value == (value if isinstance(value, str) else field.value)


@given(st.binary(max_size=80), st.booleans())
def test_no_bytes_are_a_fault(data: bytes, voice: bool) -> None:
    for field in fields(row(data, voice=voice)):
        assert 0 <= field.offset < field.offset + field.length <= len(data)
