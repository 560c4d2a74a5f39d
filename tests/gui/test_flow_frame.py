"""What stands in the bytes of a message, and what a chart makes of figures."""

from __future__ import annotations

import json
import struct

from hypothesis import given
from hypothesis import strategies as st

from gui.flow.frame import Ink, Span, hex_lines, innermost, is_voice, json_parts, lines, members, pieces, voice_parts
from gui.flow.path import picked, slowest
from gui.flow.rows import Column
from gui.flow.series import Track, ceiling, columns, stretches, ticks
from gui.flow.terms import narrowed, term
from server.flow import FIELDS, FlowRow
from server.query import parse
from server.trace import Hop

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=20,
)


@given(value=st.dictionaries(st.text(max_size=6), JSON, max_size=5))
def test_the_pieces_of_json_are_its_bytes(value: dict[str, object]) -> None:
    data = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    found = pieces(data)
    assert b"".join(data[piece.span.start : piece.span.end] for piece in found) == data
    shown = "".join(piece.text for line in lines(found) for piece in line.pieces)
    assert json.loads(shown) == json.loads(data)
    there = members(found)
    assert len(there) == len(value)
    for text, span in there.values():
        json.loads(text)
        assert json.loads(b"{" + data[span.start : span.end] + b"}")


def test_a_member_is_on_its_line_and_moved_by_depth() -> None:
    found = lines(pieces(b'{"type":"message","from":{"name":"Ann","tags":[]},"seq":7}'))
    assert [(line.indent, "".join(piece.text for piece in line.pieces)) for line in found] == [
        (0, "{"),
        (2, '"type":"message",'),
        (2, '"from":{'),
        (4, '"name":"Ann",'),
        (4, '"tags":['),
        (4, "]"),
        (2, "},"),
        (2, '"seq":7'),
        (0, "}"),
    ]
    assert found[1].pieces[0].ink is Ink.KEY


def test_a_field_has_the_bytes_of_its_member() -> None:
    data = b'{"room":"lobby","seq":42}'
    parts = json_parts(pieces(data), {"kind": "chat", "room": "lobby", "seq": "42", "id": ""})
    assert [(part.name, data[part.span.start : part.span.end]) for part in parts] == [
        ("kind", b""),
        ("room", b'"room":"lobby"'),
        ("seq", b'"seq":42'),
    ]


def test_a_voice_frame_is_read_field_by_field() -> None:
    data = struct.pack("!BBBBIHHI", 0x51, 3, 0x80 | 20, 2, 0x1234, 7, 0, 960) + b"opus"
    assert is_voice(data)
    parts = {part.name: part for part in voice_parts(data)}
    assert parts["flags"].value == "0x03 first, last"
    assert parts["level"].value == "-20 dBov, speech"
    assert parts["codec"].value == "Opus, 20 ms"
    assert parts["ssrc"].span == Span(4, 4)
    assert (parts["opus"].span, parts["packet"].span) == (Span(16, 1), Span(17, 3))
    assert sorted(at for part in parts.values() for at in range(part.span.start, part.span.end)) == list(
        range(len(data))
    )


def test_a_byte_stands_for_the_shortest_part_that_has_it() -> None:
    spans = [Span(0, 20), Span(4, 8), Span(6, 2)]
    assert innermost(spans, 6) == Span(6, 2)
    assert innermost(spans, 5) == Span(4, 8)
    assert innermost(spans, 30) == Span(30, 1)


@given(data=st.binary(max_size=100), width=st.integers(1, 16))
def test_bytes_are_shown_whole(data: bytes, width: int) -> None:
    found = hex_lines(data, width)
    assert bytes.fromhex("".join("".join(digits) for _, digits, _ in found)) == data
    assert all(len(digits) == len(letters) for _, digits, letters in found)


# The chart.


def test_gaps_are_gaps() -> None:
    track = Track(100, (1.0, 3.0, None, None, 5.0, 7.0))
    assert columns(track, 100, 6, 600) == [1.0, 3.0, None, None, 5.0, 7.0]
    assert columns(track, 100, 6, 3) == [2.0, None, 6.0]
    assert stretches([None, 1.0, 2.0, None, None, 3.0]) == [(1, [1.0, 2.0]), (5, [3.0])]
    assert columns(Track(), 0, 300, 10) == [None] * 10


@given(values=st.lists(st.floats(0, 1e7), max_size=8))
def test_an_axis_has_room_for_what_it_shows(values: list[float]) -> None:
    top = ceiling(values)
    assert top >= max(values, default=0)
    assert top % 2 == 0
    assert top <= max(4, 2 * max(values, default=0))


def test_times_are_whole_minutes_of_this_place() -> None:
    assert ticks(1_000_000, 300) == [1_000_020, 1_000_080, 1_000_140, 1_000_200, 1_000_260]
    assert len(ticks(1_000_000, 900)) <= 6
    assert len(ticks(1_000_000, 3600)) <= 7
    # Half an hour beside UTC, as in India.
    assert all((tick + 19_800) % 600 == 0 for tick in ticks(1_000_000, 3600, 19_800))


# The way.


def test_the_slow_leg_of_a_way_is_named_where_there_is_one() -> None:
    quick = [Hop("ann", "", 0, None), Hop("n1", "", 1, 1.0), Hop("room", "", 2, 1.0)]
    slow = [Hop("ann", "", 0, None), Hop("n1", "", 1, 1.0), Hop("n2", "", 2, 131.0), Hop("room", "", 2, 6.0)]
    assert slowest(quick) == -1
    assert slowest(slow) == 2
    assert slowest([]) == -1


def test_of_a_long_way_its_ends_and_the_slowest_places_are_shown() -> None:
    hops = [Hop("ann", "", 0, None), Hop("n1", "", 0, 1.0)]
    hops += [Hop(f"n{place}", "", 0, float(place)) for place in range(2, 9)] + [Hop("room", "", 0, 0.1)]
    assert [hop.place for hop in picked(hops)] == ["ann", "n1", "n7", "n8", "room"]


# Cells as filters.


def test_a_cell_is_a_term_that_finds_its_row() -> None:
    row = FlowRow(at=1, node="n 1", kind="chat", room="a,b", sender='O"Hara*', to="room", size=170, latency=171.4)
    for column in (Column.NODE, Column.ROOM, Column.FROM, Column.TO, Column.KIND, Column.BYTES, Column.LATENCY):
        found = term(row, column)
        assert parse(found, FIELDS).matches(row.get), found
        assert parse(narrowed("kind:chat or kind:voice", found, out=False), FIELDS).matches(row.get)
        assert not parse(narrowed("kind:chat or kind:voice", found, out=True), FIELDS).matches(row.get)
    assert term(row, Column.TIME) == ""
    assert narrowed("", "room:x", out=True) == "not room:x"
