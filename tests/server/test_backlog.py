"""What a client sends before it is heard waits in its order, and within bounds."""

from __future__ import annotations

from server.backlog import HELD, HELD_BYTES, Backlog


def test_it_is_heard_in_its_order_each_in_its_own_way() -> None:
    backlog, heard = Backlog(), list[tuple[str, bytes]]()
    backlog.hold(lambda data: heard.append(("text", data)), b"1")
    backlog.hold(lambda data: heard.append(("voice", data)), b"2")
    backlog.hear()
    backlog.hear()
    assert heard == [("text", b"1"), ("voice", b"2")]


def test_what_comes_while_it_is_heard_waits_again() -> None:
    backlog, heard = Backlog(), list[bytes]()
    backlog.hold(lambda data: backlog.hold(heard.append, data), b"again")
    backlog.hear()
    assert heard == []
    backlog.hear()
    assert heard == [b"again"]


def test_it_is_full_by_its_messages_or_by_their_bytes() -> None:
    many, large = Backlog(), Backlog()
    for _ in range(HELD):
        assert not many.is_full
        many.hold(print, b"")
    assert many.is_full
    large.hold(print, bytes(HELD_BYTES - 1))
    assert not large.is_full
    large.hold(print, b"1")
    assert large.is_full
