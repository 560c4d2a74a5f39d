"""Newcomers are taken in turns, so that a flood of them holds up nobody who is in."""

from __future__ import annotations

import asyncio

import pytest

from server import gateway
from server.connection import Connection
from server.door import Door
from tests.guest import PATIENCE, fetch
from tests.nodes import Serving


def door() -> Door[str]:
    """A door that is open for a second of each turn; one turn has begun at 10."""
    door: Door[str] = Door(1.0)
    door.open(10.0)
    return door


def test_visitors_come_in_until_the_time_is_over() -> None:
    one = door()
    assert [one.enter(name, now) for name, now in (("a", 10.0), ("b", 10.9), ("c", 11.0))] == [True, True, False]


def test_one_comes_in_however_little_time_there_is() -> None:
    one = door()
    assert one.enter("a", 12.0)
    assert not one.enter("b", 12.0)
    one.open(12.0)
    assert one.next(14.0) == "b"


def test_who_waits_comes_first_and_in_order() -> None:
    one = door()
    for name in "abc":
        one.enter(name, 12.0)
    one.open(13.0)
    assert not one.enter("d", 13.0)
    assert [one.next(13.0) for _ in range(4)] == ["b", "c", "d", None]
    assert not one.has_line
    assert one.enter("e", 13.0)


async def test_a_flood_of_newcomers_is_served_one_in_a_turn(serve: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway, "NEWCOMERS_SECONDS", 0.0)
    served = await serve()
    async with asyncio.timeout(PATIENCE):
        guests = await asyncio.gather(*(served.enter(f"Guest {number}") for number in range(30)))
        answers = await asyncio.gather(*(fetch(served.url, "/healthz", Connection="close") for _ in range(30)))
    for guest in guests:
        await guest.join()
        await guest.say("hello")
    assert [answer.status for answer in answers] == [200] * 30


@pytest.mark.parametrize(("error", "logged"), [(OSError("hung up"), 0), (RuntimeError("a fault"), 1)])
async def test_who_fails_in_line_holds_up_nobody_behind(
    serve: Serving,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
    logged: int,
) -> None:
    monkeypatch.setattr(gateway, "NEWCOMERS_SECONDS", 0.0)
    served = await serve()
    read_held, failed = Connection.read_held, list[Connection]()

    def fail_first(self: Connection) -> None:
        if not failed:
            failed.append(self)
            raise error
        read_held(self)

    monkeypatch.setattr(Connection, "read_held", fail_first)
    async with asyncio.timeout(PATIENCE):
        answers = await asyncio.gather(
            *(fetch(served.url, "/healthz", Connection="close") for _ in range(10)), return_exceptions=True
        )
    assert [answer.status for answer in answers if not isinstance(answer, BaseException)] == [200] * 9
    assert failed[0] not in served.gateway.connections
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == [
        "a client could not be read"
    ] * logged


async def test_who_leaves_while_waiting_is_forgotten(serve: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway, "NEWCOMERS_SECONDS", 0.0)
    served = await serve()
    guests = [await served.connect() for _ in range(10)]
    for guest in guests:
        await guest.send("hello")
        guest.vanish()
    await (await served.enter("Ann")).join()
