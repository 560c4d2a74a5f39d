"""How casts are packed and how their age is judged."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bus.casts import BATCH_BYTES, STALE_MS, Ages, key_of, pack, unpack

SENDER = b"12345678"


@given(st.lists(st.binary(max_size=500), min_size=1), st.integers(0, 1 << 40))
def test_frames_come_out_as_they_went_in(frames: list[bytes], stamp: int) -> None:
    messages = list(pack(key_of("t"), SENDER, stamp, frames))
    assert [unpack(message) for message in messages] == [(key_of("t"), SENDER, stamp % (1 << 32), frames)]


def test_much_is_split_into_several_messages_in_order() -> None:
    frames = [bytes([n % 256]) * 60_000 for n in range(5)] + [b"", b"x"]
    messages = list(pack(key_of("t"), SENDER, 0, frames))
    assert len(messages) > 1
    assert max(map(len, messages)) < BATCH_BYTES + 1000
    unpacked = [unpack(message) for message in messages]
    assert [frame for cast in unpacked if cast is not None for frame in cast[3]] == frames


@given(st.binary(max_size=100))
def test_garbage_never_raises(data: bytes) -> None:
    unpack(data)


def test_what_is_cut_short_is_nothing() -> None:
    (message,) = pack(key_of("t"), SENDER, 0, [b"frame"])
    assert [unpack(message[:end]) for end in range(len(message)) if end != 20] == [None] * (len(message) - 1)
    assert unpack(message + b"x") is None


def test_no_key_is_the_prefix_of_another() -> None:
    keys = {key_of(topic) for topic in ("lobby", "lobby2", "lob", "", "voice/lobby")}
    assert {len(key) for key in keys} == {8}
    assert len(keys) == 5


def test_age_is_what_a_message_waited_beyond_the_fastest() -> None:
    ages = Ages()
    assert ages.age(SENDER, 1000, 900_000) == 0
    assert ages.age(SENDER, 1020, 900_025) == 5
    assert ages.age(SENDER, 1040, 900_038) == 0
    assert ages.age(SENDER, 1060, 900_258) == 200 > STALE_MS
    assert ages.age(b"somebody", 7, 900_000) == 0


def test_age_survives_the_wrap_of_a_stamp() -> None:
    ages = Ages()
    assert ages.age(SENDER, (1 << 32) - 10, 5_000) == 0
    assert ages.age(SENDER, 10, 5_020) == 0
    assert ages.age(SENDER, 30, 5_140) == 100


def test_clocks_may_drift_apart_slowly() -> None:
    ages = Ages()
    ages.age(SENDER, 0, 0)
    for second in range(1, 3600):
        ages.drift(1.0)
        assert ages.age(SENDER, second * 1000, second * 1001) <= 1
    for _ in range(10):
        ages.drift(0.125)
    assert ages.age(SENDER, 4_000_000, 4_000_000 * 1001 // 1000 + 500) > STALE_MS


def test_many_senders_are_not_remembered_for_ever() -> None:
    ages = Ages()
    for number in range(5000):
        ages.age(number.to_bytes(8, "big"), 0, 0)
    assert len(ages._least) <= 1024
