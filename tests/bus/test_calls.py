"""Questions that are not answered yet."""

from __future__ import annotations

from bus.calls import Calls
from bus.interface import BusError


def test_an_answer_closes_its_call_once() -> None:
    calls, results = Calls(), list[bytes | BusError]()
    number = calls.ask("n", timeout=3, now=0, done=results.append)
    calls.answer("other", number, b"forged")
    calls.answer("n", number + 1, b"unknown")
    calls.answer("n", number, b"yes")
    calls.answer("n", number, b"again")
    assert (results, len(calls)) == ([b"yes"], 0)


def test_a_call_expires_when_its_own_time_is_over() -> None:
    calls, results = Calls(), list[bytes | BusError]()
    calls.ask("long", timeout=3, now=0, done=results.append)
    calls.ask("short", timeout=0.5, now=0, done=results.append)
    calls.expire(0.4)
    assert results == []
    calls.expire(0.5)
    assert [str(result) for result in results] == ["Node short did not answer within 0.5 s."]
    calls.expire(10)
    assert len(results) == 2


def test_calls_to_a_node_that_is_gone_fail_and_others_stay() -> None:
    calls, results = Calls(), list[bytes | BusError]()
    calls.ask("gone", timeout=3, now=0, done=results.append)
    calls.ask("here", timeout=3, now=0, done=results.append)
    calls.drop("gone")
    assert [str(result) for result in results] == ["Node gone is gone."]
    calls.close()
    assert (len(results), len(calls)) == (2, 0)
