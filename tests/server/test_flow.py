"""Flow on nodes of one process: what is shown, where it comes from, when the taps are open."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from server.desk import Desk
from server.feed import FlowFeed
from server.flow import FlowRow
from server.query import QueryError
from server.session import Actor, Role
from server.wire.native import Code, Refused
from tests.cluster.nodes import eventually
from tests.guest import frame
from tests.nodes import Served, Serving


class Watcher:
    """Reads a feed, and keeps what it has read."""

    def __init__(self, feed: FlowFeed) -> None:
        self.feed = feed
        self.rows: list[FlowRow] = []
        self.numbers: list[int] = []

    def look(self) -> None:
        for number, row in self.feed.rows():
            self.numbers.append(number)
            self.rows.append(row)

    def of(self, *kinds: str) -> list[FlowRow]:
        self.look()
        return [row for row in self.rows if row.kind in kinds]

    async def until(self, check: Callable[[], bool]) -> None:
        def looked() -> bool:
            self.look()
            return check()

        await eventually(looked)

    async def next(self, *kinds: str, count: int = 1) -> list[FlowRow]:
        """Wait for so many rows of these kinds."""
        await self.until(lambda: len(self.of(*kinds)) >= count)
        return self.of(*kinds)


async def pair(serve: Serving) -> tuple[Served, Served]:
    """Two nodes that know each other."""
    a, b = await serve(address="a"), await serve("a", address="b")
    await eventually(lambda: all(served.node.synced and served.node.cards.urls_of_others() for served in (a, b)))
    return a, b


async def watch(served: Served, query: str = "") -> Watcher:
    """A console at `served` that looks, when all nodes have heard of it."""
    watcher = Watcher(Desk(served.node, "Ops").open_flow(query))
    await watcher.until(lambda: not watcher.feed.silent)
    return watcher


async def test_a_chat_is_shown_once_by_the_node_that_took_it_as_it_was_delivered(serve: Serving) -> None:
    a, b = await pair(serve)
    watcher = await watch(a)
    (ann,) = await a.members("Ann")
    (bob,) = await b.members("Bob")
    for guest, text in ((ann, "from a"), (bob, "from b")):
        await guest.ask("say", id=f"id of {text}", room="lobby", text=text)
    rows = await watcher.next("chat", count=2)
    heard = [await bob.next("message"), await ann.next("message")]
    for row, message, name, node in zip(rows, heard, ("Ann", "Bob"), ("n1", "n2"), strict=True):
        assert json.loads(row.data) == message
        assert (row.node, row.room, row.sender, row.to) == (node, "lobby", name, "room")
        assert (row.origin, row.seq, row.id) == (message["origin"], message["seq"], message["id"])
        assert row.size == len(row.data)
        assert row.at == message["at"]
        assert row.latency is not None
        assert row.latency >= 0
    assert len(watcher.of("chat")) == 2


async def test_of_a_whisper_is_shown_who_and_when_and_never_what(serve: Serving) -> None:
    a, b = await pair(serve)
    watcher = await watch(a)
    (bob, cid) = await b.members("Bob", "Cid")
    await bob.whisper("a secret", session=cid.session)
    (row,) = await watcher.next("whisper")
    heard = await cid.next("whisper")
    assert (row.sender, row.to, row.node, row.at) == ("Bob", "Cid", "n2", heard["at"])
    assert row.data == b""
    assert row.size == len(json.dumps(heard, separators=(",", ":")))
    assert b"secret" not in repr(watcher.rows).encode()


async def test_sessions_and_rooms_are_shown(serve: Serving) -> None:
    a, b = await pair(serve)
    watcher = await watch(a)
    bob = await b.enter("Bob")
    await bob.join()
    await bob.ask("leave", room="lobby")
    await bob.leave_for_good()
    await watcher.next("bye")
    assert [(row.kind, row.room, row.sender, row.node) for row in watcher.of("hello", "join", "leave", "bye")] == [
        ("hello", "", "Bob", "n2"),
        ("join", "lobby", "Bob", "n2"),
        ("leave", "lobby", "Bob", "n2"),
        ("bye", "", "Bob", "n2"),
    ]


async def test_voice_is_shown_with_its_bytes_and_its_latency(serve: Serving) -> None:
    a, b = await pair(serve)
    watcher = await watch(a, "kind:voice")
    (bob, _) = await b.members("Bob", "Cid")
    ssrc = next(iter(b.node.conversations[bob.session].places))
    sent = [frame(ssrc, seq=seq) for seq in range(5)]
    for one in sent:
        await bob.send_raw(one)
    rows = await watcher.next("voice", count=5)
    assert [row.data for row in rows] == sent
    assert [(row.seq, row.ssrc, row.sender, row.node) for row in rows] == [(n, ssrc, "Bob", "n2") for n in range(5)]
    assert all(row.latency is not None and row.latency >= 0 for row in rows)
    assert watcher.feed.matched == 5


async def test_the_nodes_filter_and_count_what_they_saw(serve: Serving) -> None:
    a, b = await pair(serve)
    watcher = await watch(a, "kind:chat text:yes")
    (ann,) = await a.members("Ann")
    (bob,) = await b.members("Bob")
    for guest in (ann, bob):
        await guest.say("yes")
        await guest.say("no")
    await watcher.next("chat", count=2)
    await watcher.until(lambda: watcher.feed.seen == 8)
    assert watcher.feed.matched == 2
    assert [row.text for row in watcher.rows] == ["yes", "yes"]
    assert watcher.numbers == [1, 2]


async def test_a_wrong_filter_opens_nothing(served: Served) -> None:
    with pytest.raises(QueryError):
        Desk(served.node, "Ops").open_flow("latency>")
    assert served.node.tap is None


async def test_taps_are_open_while_somebody_looks(serve: Serving) -> None:
    a, b = await pair(serve)
    assert (a.node.tap, b.node.tap) == (None, None)
    watcher = await watch(a)
    assert a.node.tap is not None
    assert b.node.tap is not None
    watcher.feed.close()
    assert a.node.tap is None
    await watcher.until(lambda: b.node.tap is None)


async def test_a_node_that_comes_later_is_told_too(serve: Serving) -> None:
    a = await serve(address="a")
    watcher = await watch(a)
    b = await serve("a", address="b")
    await watcher.until(lambda: b.node.tap is not None)
    (bob,) = await b.members("Bob")
    await bob.say("late")
    assert [row.node for row in await watcher.next("chat")] == ["n2"]


async def test_the_tap_of_a_console_that_died_ends_by_itself(serve: Serving) -> None:
    a, b = await pair(serve)
    await watch(a)
    serve.network.buses["a"].vanish()
    b.advance(5)
    assert b.node.tap is not None
    b.advance(2)
    assert b.node.tap is None


async def test_the_way_of_a_text_is_told_hop_by_hop(serve: Serving) -> None:
    a, b = await pair(serve)
    desk = Desk(a.node, "Ops")
    watcher = await watch(a)
    (ann,) = await a.members("Ann")
    (bob,) = await b.members("Bob")
    b.node.conversations[bob.session].measured(0.034)
    await bob.say("hi")
    (row,) = await watcher.next("chat")
    await ann.next("message")
    b.advance(1.0)
    await eventually(lambda: a.node.round_trips.of(bob.session) is not None)
    trace = await desk.trace(row.origin, row.seq)
    client, taken, held, shown, room = trace.hops
    assert (client.place, client.label, client.at_ms) == ("Bob", "client", -17.0)
    assert (taken.place, taken.label, taken.at_ms, taken.took_ms) == ("n2", "half of its round trip", 0.0, 17.0)
    assert (held.place, held.label) == ("n2", "held by 2 nodes")
    assert (shown.place, shown.label) == ("n1", "shown")
    assert (room.place, room.label) == ("room", "written to 1 person at n1")
    assert held.at_ms is not None
    assert shown.at_ms is not None
    assert room.at_ms is not None
    assert held.at_ms == row.latency
    assert shown.at_ms + shown.error_ms >= 0
    assert room.at_ms >= shown.at_ms
    assert trace.total_ms == pytest.approx(17.0 + max(held.at_ms, room.at_ms), abs=0.02)


async def test_of_a_message_from_before_nobody_knows_the_way(serve: Serving) -> None:
    a, b = await pair(serve)
    (ann,) = await a.members("Ann")
    sent = await ann.say("before")
    trace = await Desk(a.node, "Ops").trace(sent["origin"], sent["seq"])
    assert [(hop.place, hop.at_ms) for hop in trace.hops] == [("Ann", None), ("n1", None)]
    assert trace.total_ms is None


async def test_a_moderator_reads_a_whisper_with_a_reason_and_everybody_sees_that(
    serve: Serving, caplog: pytest.LogCaptureFixture
) -> None:
    a, b = await pair(serve)
    here, there = await watch(a), await watch(b)
    (bob, cid) = await b.members("Bob", "Cid")
    sent = await bob.whisper("a secret", session=cid.session)
    desk = Desk(a.node, "Ops")
    await here.next("whisper")
    assert await desk.reveal(desk.operator, sent["origin"], sent["seq"], "reported by Cid") == "a secret"
    for watcher in (here, there):
        (row,) = await watcher.next("reveal")
        assert (row.sender, row.node, row.origin, row.seq) == ("Ops", "n1", sent["origin"], sent["seq"])
        assert json.loads(row.data)["reason"] == "reported by Cid"
    logged = [record.getMessage() for record in caplog.records if "reads the whisper" in record.getMessage()]
    assert logged == [f"Ops (console) reads the whisper {sent['origin']}:{sent['seq']}: reported by Cid"]
    assert "secret" not in caplog.text


async def test_a_whisper_is_read_by_nobody_without_a_reason_or_a_role(serve: Serving) -> None:
    a, b = await pair(serve)
    watcher = await watch(a)
    (bob, cid) = await b.members("Bob", "Cid")
    sent = await bob.whisper("a secret", session=cid.session)
    await watcher.next("whisper")
    desk = Desk(a.node, "Ops")
    user = Actor("s", "ann", "Ann", Role.USER)
    for by, seq, reason, code in (
        (desk.operator, sent["seq"], "", Code.BAD_REQUEST),
        (desk.operator, sent["seq"], " \n", Code.BAD_REQUEST),
        (user, sent["seq"], "because", Code.FORBIDDEN),
        (desk.operator, sent["seq"] - 1, "because", Code.NOT_FOUND),
        (desk.operator, sent["seq"] + 999, "because", Code.NOT_FOUND),
    ):
        with pytest.raises(Refused) as refused:
            await desk.reveal(by, sent["origin"], seq, reason)
        assert refused.value.code is code
    assert watcher.of("reveal") == []


async def test_a_whisper_that_is_not_held_here_is_asked_of_its_node(
    serve: Serving, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    a, b = await pair(serve)
    (bob, cid) = await b.members("Bob", "Cid")
    sent = await bob.whisper("a secret", session=cid.session)
    monkeypatch.setattr(a.node.bus, "find", lambda origin, seq: None)
    desk = Desk(a.node, "Ops")
    assert await desk.reveal(desk.operator, sent["origin"], sent["seq"], "reported") == "a secret"
    assert caplog.text.count("reads the whisper") == 2, "at the node that asked and at the one that told"
