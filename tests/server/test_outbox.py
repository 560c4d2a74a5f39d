"""What waits to be written to each client: order, one write a turn, voice dropped first."""

from __future__ import annotations

from server.outbox import Outbox, Post


class Socket:
    """A client's socket, as its outbox sees it."""

    def __init__(self, post: Post) -> None:
        self.writes: list[bytes] = []
        self.checks = 0
        self.outbox = Outbox(post, write=self.writes.append, check=self._check)

    def _check(self) -> None:
        self.checks += 1


class Turns:
    """An event loop's part: runs the post when it asked for it."""

    def __init__(self) -> None:
        self.post = Post()
        self.asked = 0
        self.held = 0
        self.post.schedule = self._ask
        self.post.hold = self._hold

    def _ask(self) -> None:
        self.asked += 1

    def _hold(self) -> None:
        self.held += 1

    def sockets(self, count: int) -> list[Socket]:
        return [Socket(self.post) for _ in range(count)]


def test_a_turn_is_written_in_one_go_and_in_order() -> None:
    turns = Turns()
    a, b = turns.sockets(2)
    a.outbox.text(b"1")
    turns.post.voice([a.outbox, b.outbox], b"2", None)
    a.outbox.text(b"3")
    assert turns.asked == 1
    assert a.writes == []
    turns.post.flush()
    assert (a.writes, b.writes) == ([b"123"], [b"2"])
    turns.post.flush()
    assert (a.writes, b.writes) == ([b"123"], [b"2"])


def test_every_turn_asks_for_its_own_flush() -> None:
    turns = Turns()
    (a,) = turns.sockets(1)
    for turn in range(1, 4):
        turns.post.voice([a.outbox], b"v", None)
        turns.post.voice([a.outbox], b"v", None)
        assert turns.asked == turn
        turns.post.flush()
        assert a.writes == [b"vv"] * turn


def test_where_several_speak_their_voice_is_one_write() -> None:
    turns = Turns()
    a, b = turns.sockets(2)
    turns.post.voice([a.outbox, b.outbox], b"1", a.outbox, alone=False)
    turns.post.voice([a.outbox, b.outbox], b"2", b.outbox, alone=False)
    turns.post.voice([a.outbox, b.outbox], b"3", a.outbox, alone=False)
    assert (turns.asked, turns.held, b.writes) == (0, 1, [])
    turns.post.flush_held()
    assert (a.writes, b.writes) == ([b"2"], [b"13"])
    turns.post.voice([a.outbox, b.outbox], b"4", a.outbox, alone=False)
    assert turns.held == 2


def test_a_text_does_not_wait_with_the_voice_before_it() -> None:
    turns = Turns()
    a, b = turns.sockets(2)
    turns.post.voice([a.outbox, b.outbox], b"v", None, alone=False)
    a.outbox.text(b"t")
    assert (turns.asked, turns.held) == (1, 1)
    turns.post.flush()
    assert a.writes == [b"vt"]
    turns.post.flush_held()
    assert (a.writes, b.writes) == ([b"vt"], [b"v"])


def test_the_sender_does_not_hear_himself() -> None:
    turns = Turns()
    a, b = turns.sockets(2)
    turns.post.voice([a.outbox, b.outbox], b"v", a.outbox)
    turns.post.flush()
    assert (a.writes, b.writes) == ([], [b"v"])


def test_a_stalled_receiver_loses_voice_and_keeps_texts() -> None:
    turns = Turns()
    a, b = turns.sockets(2)
    a.outbox.stalled = True
    assert turns.post.voice([a.outbox, b.outbox], b"v", None) == 1
    a.outbox.text(b"t")
    turns.post.flush()
    assert (a.writes, b.writes) == ([b"t"], [b"v"])
    assert (a.checks, b.checks) == (1, 0)
    a.outbox.stalled = False
    turns.post.voice([a.outbox], b"w", None)
    turns.post.flush()
    assert a.writes == [b"t", b"w"]


def test_a_closed_outbox_takes_nothing_more() -> None:
    turns = Turns()
    (a,) = turns.sockets(1)
    a.outbox.text(b"s")
    a.outbox.end()
    a.outbox.text(b"t")
    assert turns.post.voice([a.outbox], b"v", None) == 1
    turns.post.flush()
    assert a.writes == []


def test_a_socket_that_cannot_be_written_costs_the_others_nothing() -> None:
    turns = Turns()
    a, b, c = turns.sockets(3)

    def write(data: bytes) -> None:
        raise RuntimeError("the transport is closed")

    b.outbox = Outbox(turns.post, write=write, check=b._check)
    reports: list[None] = []
    turns.post.report = lambda: reports.append(None)
    for turn in range(1, 3):
        turns.post.voice([a.outbox, b.outbox, c.outbox], b"v", None)
        turns.post.flush()
        assert (a.writes, c.writes) == ([b"v"] * turn, [b"v"] * turn)
    assert b.outbox.closed
    assert reports == [None]


def test_what_is_flushed_ahead_of_the_turns_end_is_written_once_and_first() -> None:
    turns = Turns()
    (a,) = turns.sockets(1)
    a.outbox.text(b"1")
    a.outbox.flush()
    a.writes.append(b"close")
    a.outbox.text(b"2")
    turns.post.flush()
    assert a.writes == [b"1", b"close", b"2"]


def test_a_write_that_leads_to_more_is_written_in_the_next_turn() -> None:
    turns = Turns()
    a, b = turns.sockets(2)

    def write(data: bytes) -> None:
        a.writes.append(data)
        b.outbox.text(b"after " + data)

    a.outbox = Outbox(turns.post, write=write, check=a._check)
    a.outbox.text(b"1")
    turns.post.flush()
    assert (a.writes, b.writes) == ([b"1"], [])
    assert turns.asked == 2
    turns.post.flush()
    assert b.writes == [b"after 1"]
