"""Texts as payloads, and the last lines of a room."""

from __future__ import annotations

import json
from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server import texts
from server.texts import History, Text
from server.wire.native import Address


@given(
    st.builds(Text, st.integers(0, 2**53), st.text(), st.text(), st.text(), st.builds(Address, st.text(), st.none()))
)
def test_a_text_comes_back_from_its_bytes(text: Text) -> None:
    assert texts.unpack(texts.pack(text)) == text


def test_the_longest_text_fits_a_record() -> None:
    longest = Text(2**53, "u" * 64, "😀" * 32, "😀" * 4000, Address(user="u" * 64))
    assert len(texts.pack(longest)) < 60 * 1024


@pytest.mark.parametrize("payload", [b"", b"\xc1", b"\x91\x01", msgspec.msgpack.encode(["a"])])
def test_bytes_that_are_no_text_are_refused(payload: bytes) -> None:
    with pytest.raises(msgspec.MsgspecError):
        texts.unpack(payload)


LINES = st.lists(st.tuples(st.sampled_from("ab"), st.text(max_size=5)), max_size=120)


@given(LINES, st.randoms(use_true_random=False))
def test_history_is_the_last_50_of_a_room_however_the_logs_came(said: list[tuple[str, str]], order: Random) -> None:
    """Each log comes in its own order, the two of them in any."""
    lines = [(number, origin, text) for number, (origin, text) in enumerate(said)]
    logs = {origin: [line for line in lines if line[1] == origin] for origin in "ab"}
    history = History()
    while remaining := [log for log in logs.values() if log]:
        lamport, origin, text = order.choice(remaining).pop(0)
        history.add("lobby", json.dumps(text).encode(), lamport=lamport, origin=origin)
        history.add("other", b'"else"', lamport=lamport, origin=origin)
    assert [json.loads(bytes(line)) for line in history.of("lobby")] == [text for _, text in said[-50:]]
    assert history.of("nowhere") == []


def test_lines_of_one_moment_stand_in_the_same_order_everywhere() -> None:
    here, there = History(), History()
    for history, origins in ((here, "abc"), (there, "cab")):
        for origin in origins:
            history.add("lobby", f'"{origin}"'.encode(), lamport=7, origin=origin)
    assert here.of("lobby") == there.of("lobby")


def test_what_was_shown_since_then_stands_in_its_order() -> None:
    history = History()
    for shown, lamport in ((1.0, 1), (2.0, 3), (3.0, 2), (4.0, 4)):
        history.add("lobby", str(lamport).encode(), lamport=lamport, origin="o", shown=shown)
    assert history.since("lobby", 2.0) == [b"2", b"3", b"4"]
    assert history.since("lobby", 5.0) == history.since("nowhere", 0.0) == []


def test_the_room_that_was_silent_longest_is_forgotten_first() -> None:
    history = History()
    for number in range(texts.ROOMS):
        history.add(f"r{number}", b"1", lamport=number, origin="o")
    history.add("r0", b"2", lamport=5000, origin="o")
    history.add("new", b"3", lamport=5001, origin="o")
    assert (len(history.of("r0")), len(history.of("r1")), len(history.of("new"))) == (2, 0, 1)
