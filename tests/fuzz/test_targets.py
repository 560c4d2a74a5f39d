"""A little fuzzing of every target, without a look at coverage; `make fuzz` does it for an hour, with one."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import TARGETS

EXAMPLES = 60


def _spoilt(seed: bytes, more: bytes, chance: random.Random) -> bytes:
    """A seed with a few bytes changed, cut out, doubled or put in."""
    data = bytearray(seed)
    for _ in range(chance.randint(1, 4)):
        at = chance.randint(0, len(data))
        match chance.randint(0, 4):
            case 0:
                data[at:at] = more[:8]
            case 1:
                del data[at : at + chance.randint(1, 9)]
            case 2:
                data[at:at] = data[at : at + chance.randint(1, 40)]
            case 3 if at < len(data):
                data[at] ^= 1 << chance.randint(0, 7)
            case _:
                data[at : at + 1] = bytes((chance.choice((0, 1, 0x7F, 0x80, 0xC1, 0xFF)),))
    return bytes(data)


@pytest.mark.parametrize("name", TARGETS)
def test_what_is_well_formed_is_taken(name: str) -> None:
    for seed in TARGETS[name].seeds:
        TARGETS[name].take(seed)


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(number=st.integers(0, 1 << 30), more=st.binary(max_size=64))
@example(number=0, more=b"")
def test_no_bytes_do_harm(name: str, number: int, more: bytes) -> None:
    target = TARGETS[name]
    target.take(more)
    target.take(_spoilt(target.seeds[number % len(target.seeds)], more, random.Random(number)))
