"""What a peer says that is not readable is logged in a line, and disturbs nobody."""

from __future__ import annotations

import logging

import msgspec
import pytest

from bus.interface import BusError
from bus.record import Kind, Record
from server import departure, flow, refusals, roundtrips, speech
from tests.nodes import Served

NO_UTF8 = b"\x81\xa1\x80\x01"
"""A map with a key that is no UTF-8: what msgspec raises here is no error of its own."""
DEEP = b"\x91" * 5000
JUNK = (NO_UTF8, DEEP, b"", b"\xc1", msgspec.msgpack.encode([1, 2]))


@pytest.mark.parametrize("junk", JUNK)
@pytest.mark.parametrize("topic", [refusals.TOPIC, roundtrips.TOPIC, speech.TOPIC])
async def test_a_cast(served: Served, caplog: pytest.LogCaptureFixture, topic: str, junk: bytes) -> None:
    caplog.set_level(logging.WARNING)
    served.node.on_cast(topic, [junk])
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "not readable" in caplog.text


@pytest.mark.parametrize("junk", JUNK)
@pytest.mark.parametrize("kind", [Kind.SESSION, Kind.TEXT, Kind.MODERATION])
async def test_a_record(served: Served, caplog: pytest.LogCaptureFixture, kind: Kind, junk: bytes) -> None:
    caplog.set_level(logging.WARNING)
    served.node.on_record(Record(1, kind, f"{9:016x}.1", 1, 5, "lobby", "s", "c-1", junk), 2)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "not readable" in caplog.text


@pytest.mark.parametrize("junk", JUNK)
@pytest.mark.parametrize("call", [departure.CALL, flow.CALL, b""])
async def test_a_call(served: Served, call: bytes, junk: bytes) -> None:
    with pytest.raises(BusError, match="not readable"):
        served.node.on_call(f"{9:016x}", call + junk)
