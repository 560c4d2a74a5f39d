"""Frames of RFC 6455, class by class: what must be taken is taken, what must not is closed with the right code.

The Autobahn suite (`make autobahn`) has many more; these are its classes, against a node with its own protocol.
"""

from __future__ import annotations

import json
import struct

from tests.guest import Wire, masked, wire
from tests.nodes import Served

LEAVE = b'{"type":"leave","id":7,"room":"nowhere"}'
"""Answered by an error that repeats the id: the frame was taken."""
PIECES = [LEAVE[:9], LEAVE[9:20], LEAVE[20:]]


def raw(first: int, payload: bytes, *, mask: bytes = b"\1\2\3\4", form: int | None = None) -> bytes:
    """A frame whose first byte and form of length (7, 16 or 64 bits) are as told; an empty mask is none."""
    size = len(payload)
    form = form or (7 if size < 126 else 16 if size < 65536 else 64)
    bit = 0x80 if mask else 0
    head = {7: bytes((bit | size & 0x7F,)), 16: bytes((bit | 126,)) + struct.pack("!H", size & 0xFFFF)}.get(
        form, bytes((bit | 127,)) + struct.pack("!Q", size)
    )
    body = bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload)) if mask else payload
    return bytes((first,)) + head + mask + body


async def code_of(served: Served, data: bytes) -> int:
    """The code of the close that data is answered with, after a welcome."""
    async with wire(served.url) as connection:
        await connection.say_hello(name="Eve")
        await connection.send(data)
        return await connection.close_code()


async def is_taken(served: Served, data: bytes) -> None:
    """Whether data holds `LEAVE`, and the connection stays."""
    async with wire(served.url) as connection:
        await connection.say_hello(name="Eve")
        await connection.send(data)
        assert (await connection.read_message())["id"] == 7
        await connection.send(masked(Wire.TEXT, LEAVE))
        assert (await connection.read_message())["id"] == 7


# Reserved bits and opcodes


async def test_reserved_bits_are_1002(served: Served) -> None:
    for bits in range(1, 8):
        for opcode in (Wire.TEXT, Wire.BINARY, Wire.PING, Wire.CLOSE):
            assert await code_of(served, raw(0x80 | bits << 4 | opcode, b"")) == 1002, (bits, opcode)


async def test_opcodes_that_mean_nothing_are_1002(served: Served) -> None:
    for opcode in (0x3, 0x4, 0x5, 0x6, 0x7, 0xB, 0xC, 0xD, 0xE, 0xF):
        for payload in (b"", b"hello"):
            assert await code_of(served, raw(0x80 | opcode, payload)) == 1002, (opcode, payload)


# Control frames


async def test_control_frames_are_whole_and_short(served: Served) -> None:
    for opcode in (Wire.PING, Wire.PONG, Wire.CLOSE):
        assert await code_of(served, raw(opcode, b"")) == 1002, opcode  # not the last fragment
        assert await code_of(served, raw(0x80 | opcode, b"\x03\xe8" + b"x" * 124)) == 1002, opcode


async def test_pongs_that_nobody_asked_for_are_taken(served: Served) -> None:
    await is_taken(served, raw(0x8A, b"") + raw(0x8A, b"x" * 125) + masked(Wire.TEXT, LEAVE))


async def test_control_frames_may_stand_between_fragments(served: Served) -> None:
    between = raw(0x8A, b"pong")
    await is_taken(served, between.join([raw(0x01, PIECES[0]), raw(0x00, PIECES[1]), raw(0x80, PIECES[2])]))


async def test_close_codes_that_may_be_sent_are_repeated(served: Served) -> None:
    for code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999):
        assert await code_of(served, masked(Wire.CLOSE, struct.pack("!H", code) + b"why")) == code


async def test_close_codes_that_may_not_are_1002(served: Served) -> None:
    for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535):
        assert await code_of(served, masked(Wire.CLOSE, struct.pack("!H", code))) == 1002, code


async def test_the_reason_of_a_close_is_utf8(served: Served) -> None:
    for payload, code in (
        (b"\x03", 1002),
        (b"\x03\xe8" + b"x" * 123, 1000),
        (b"\x03\xe8" + "€".encode() * 41, 1000),
        (b"\x03\xe8\xff", 1007),
        (b"\x03\xe8\xe2\x82", 1007),
        (b"\x03\xe8\xed\xa0\x80", 1007),
    ):
        assert await code_of(served, masked(Wire.CLOSE, payload)) == code, payload


# Fragments


async def test_fragments_out_of_order_are_1002(served: Served) -> None:
    for data in (
        raw(0x80, LEAVE),  # nothing to go on with
        raw(0x00, b"x") + raw(0x80, b"y"),
        raw(0x01, b"x") + raw(0x81, LEAVE),  # another message within one
        raw(0x01, b"x") + raw(0x02, b"y"),
        raw(0x81, LEAVE) + raw(0x80, b"more"),
    ):
        assert await code_of(served, data) == 1002, data


async def test_a_message_may_come_in_fragments_of_any_size(served: Served) -> None:
    for size in (1, 2, 7, 40):
        parts = [LEAVE[at : at + size] for at in range(0, len(LEAVE), size)]
        frames = [raw(0x01, parts[0]), *(raw(0x00, part) for part in parts[1:])]
        await is_taken(served, b"".join(frames) + raw(0x80, b""))


async def test_utf8_may_be_cut_within_a_character(served: Served) -> None:
    text = json.dumps({"type": "leave", "id": 7, "room": "a😀"}, ensure_ascii=False).encode()
    for cut in range(1, 4):
        at = text.index("😀".encode()) + cut
        await is_taken(served, raw(0x01, text[:at]) + raw(0x80, text[at:]))


async def test_text_that_is_no_utf8_is_1007_whole_or_cut(served: Served) -> None:
    for bad in (
        b"\x80",
        b"\xc0\xaf",  # longer than it must be
        b"\xc1\xbf",
        b"\xe0\x80\xaf",
        b"\xf0\x80\x80\xaf",
        b"\xed\xa0\x80",  # half of a pair
        b"\xed\xbf\xbf",
        b"\xf4\x90\x80\x80",  # beyond Unicode
        b"\xf8\x88\x80\x80\x80",
        b"\xfe",
        b"\xe2\x82",  # not ended
        b"\xf0\x9f\x98",
    ):
        text = b'{"x":"' + bad
        assert await code_of(served, raw(0x81, text)) == 1007, bad
        assert await code_of(served, raw(0x01, text[:7]) + raw(0x80, text[7:])) == 1007, bad


# Masks and lengths


async def test_any_mask_will_do_but_none(served: Served) -> None:
    for mask in (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x82\x80\x00\x01"):
        await is_taken(served, raw(0x81, LEAVE, mask=mask))
    for first in (0x81, 0x82, 0x89, 0x8A, 0x88):
        assert await code_of(served, raw(first, b"", mask=b"")) == 1002, first


async def test_a_length_in_any_form_is_the_same_length(served: Served) -> None:
    """Longer than it must be is wrong, and taken by most: what counts is that nobody is led astray by it."""
    for form in (7, 16, 64):
        await is_taken(served, raw(0x81, LEAVE, form=form))
        await is_taken(served, raw(0x8A, b"pong", form=form) + raw(0x81, LEAVE))


async def test_lengths_at_the_edges_of_their_forms(served: Served) -> None:
    for size in (125, 126, 127, 65535, 65536):
        text = LEAVE[:-1] + b',"pad":"' + b"x" * (size - len(LEAVE) - 9) + b'"}'
        assert len(text) == size
        await is_taken(served, raw(0x81, text))


async def test_a_length_with_its_highest_bit_is_closed(served: Served) -> None:
    for length in (1 << 63, (1 << 63) + 5, (1 << 64) - 1):
        assert await code_of(served, b"\x81\xff" + struct.pack("!Q", length) + b"mask") in (1002, 1009)
