"""Flow on nodes of one process: what is shown, where it comes from, when the taps are open."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable

import msgspec
import pytest

from bus.interface import BusError, PeerState
from bus.memory import MemoryBus
from bus.packets import Packet
from server import flow
from server.desk import Desk
from server.feed import WAITING, FlowFeed
from server.flow import Batch, FlowRow, Lease, as_json, is_sampled, one_in
from server.query import QueryError
from server.session import Actor, Role
from server.tap import TAPS
from server.wire.native import Code, Refused
from tests.cluster.nodes import eventually
from tests.guest import Guest, frame
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


# What it costs, and what it may not show


def traffic(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the buses send from now on: the kind of each packet, the topic of each cast."""
    sent: list[str] = []
    send, send_cast = MemoryBus._send, MemoryBus._send_cast

    def noting_send(bus: MemoryBus, address: str | None, packet: Packet) -> None:
        sent.append(type(packet).__name__)
        send(bus, address, packet)

    def noting_cast(bus: MemoryBus, topic: str, frames: list[bytes]) -> None:
        sent.extend([topic.partition("/")[0]] * len(frames))
        send_cast(bus, topic, frames)

    monkeypatch.setattr(MemoryBus, "_send", noting_send)
    monkeypatch.setattr(MemoryBus, "_send_cast", noting_cast)
    return sent


async def talk(ann: Guest, bob: Guest, ssrc: int, seq: int) -> None:
    """A little of everything, by Ann on one node to Bob on another, and read there."""
    await ann.say("hi")
    await ann.whisper("psst", session=bob.session)
    await ann.send_raw(frame(ssrc, seq=seq))
    await bob.next("message")
    await bob.next("whisper")
    await bob.voice()


async def test_a_closed_flow_costs_the_mesh_nothing(serve: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = await pair(serve)
    (ann,), (bob,) = await a.members("Ann"), await b.members("Bob")
    (ssrc,) = a.node.conversations[ann.session].places
    desk = Desk(b.node, "Ops")
    sent = traffic(monkeypatch)

    await talk(ann, bob, ssrc, 1)
    for served in (a, b):
        served.advance(3.0)
    assert "voice" in sent, "it is real packets that are counted"
    assert not {"Call", "Answer", "flow"} & set(sent)

    watcher = Watcher(desk.open_flow(""))
    await watcher.until(lambda: not watcher.feed.silent)
    await talk(ann, bob, ssrc, 2)
    await watcher.next("voice")
    assert {"Call", "Answer", "flow"} <= set(sent)

    watcher.feed.close()
    await eventually(lambda: a.node.tap is None)
    await ann.settle()
    sent.clear()
    await talk(ann, bob, ssrc, 3)
    for served in (a, b):
        served.advance(3.0)
    assert "voice" in sent
    assert not {"Call", "Answer", "flow"} & set(sent)
    assert (a.node.post.written, b.node.post.written) == (None, None)
    assert watcher.of("chat") == watcher.of("chat")[:1]


async def test_only_the_console_that_looks_is_sent_rows(serve: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = await pair(serve)
    c = await serve("a", address="c")
    await eventually(lambda: len(c.node.cards.urls_of_others()) == 2)
    watcher = await watch(a)
    heard: list[str] = []
    monkeypatch.setattr(c.node, "on_cast", lambda topic, frames: heard.append(topic))
    (bob,) = await b.members("Bob")
    await bob.say("hi")
    monkeypatch.undo()
    await watcher.next("chat")
    assert [topic for topic in heard if topic.startswith("flow")] == []


async def test_what_is_lost_on_the_way_is_sent_again(serve: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = await pair(serve)
    watcher = await watch(a, "kind:chat")
    (bob,) = await b.members("Bob")
    send_cast = MemoryBus._send_cast

    def lossy(bus: MemoryBus, topic: str, frames: list[bytes]) -> None:
        if not topic.startswith("flow"):
            send_cast(bus, topic, frames)

    monkeypatch.setattr(MemoryBus, "_send_cast", lossy)
    for number in range(50):
        await bob.say(str(number))
        b.node.tick(0.0)
    monkeypatch.undo()
    await bob.say("last")
    rows = await watcher.next("chat", count=51)
    assert [row.text for row in rows] == [*map(str, range(50)), "last"]
    assert watcher.numbers == list(range(1, 52))
    assert watcher.feed.lost == 0


async def test_what_is_lost_for_good_is_counted(serve: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = await pair(serve)
    monkeypatch.setattr("server.tap_feed.ROWS", 3)
    watcher = await watch(a, "kind:chat")
    (bob,) = await b.members("Bob")
    for number in range(10):
        await bob.send("say", id=str(number), room="lobby", text=str(number))
    await bob.answer("9")
    await watcher.until(lambda: watcher.feed.matched == 10)
    watcher.look()
    assert watcher.feed.lost > 0
    assert watcher.feed.lost + len(watcher.rows) == 10


async def test_another_filter_begins_with_new_totals(serve: Serving) -> None:
    a, b = await pair(serve)
    watcher = await watch(a, "kind:chat")
    (bob,) = await b.members("Bob")
    await bob.say("one")
    await watcher.next("chat")
    with pytest.raises(QueryError):
        watcher.feed.set_query("text:")
    assert watcher.feed.matched == 1
    watcher.feed.set_query("text:two")
    assert (watcher.feed.seen, watcher.feed.matched) == (0, 0)
    await watcher.until(lambda: not watcher.feed._asking)
    await bob.say("one")
    await bob.say("two")
    await watcher.next("chat", count=2)
    assert [row.text for row in watcher.rows] == ["one", "two"]
    await watcher.until(lambda: watcher.feed.seen == 2)
    assert watcher.feed.matched == 1


async def test_voice_is_sampled_and_the_true_count_is_told(serve: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.flow.ROWS_PER_SECOND", 40)
    a, b = await serve(address="a", voice_fps=0), await serve("a", address="b", voice_fps=0)
    await eventually(lambda: all(one.node.synced and one.node.cards.urls_of_others() for one in (a, b)))
    watcher = await watch(a, "kind:voice")
    bob, cid = await b.members("Bob", "Cid")
    (ssrc,) = b.node.conversations[bob.session].places
    for seq in range(600):
        await bob.send_raw(frame(ssrc, seq=seq))
    await bob.settle()
    await watcher.until(lambda: watcher.feed.matched == 600)
    assert watcher.feed.seen >= 600
    a.advance(1.0)
    assert watcher.feed.sampling >= 16
    await watcher.until(lambda: not watcher.feed._asking)
    watcher.look()
    first = len(watcher.rows)
    assert first < 100
    sampling = watcher.feed.sampling
    for seq in range(600, 632):
        await bob.send_raw(frame(ssrc, seq=seq))
    await bob.settle()
    expected = [seq for seq in range(600, 632) if is_sampled(ssrc, seq, sampling)]
    await watcher.until(lambda: watcher.feed.matched == 632 and len(watcher.rows) - first >= len(expected))
    assert [row.seq for row in watcher.rows[first:]] == expected
    watcher.feed.set_every_voice(True)
    assert watcher.feed.sampling == 1


def test_every_node_samples_the_same_frames() -> None:
    for number in (1, 2, 8, 64):
        shown = [seq for seq in range(65_536) if is_sampled(305_419_896, seq, number)]
        assert len(shown) == 65_536 // number
        assert {later - earlier for earlier, later in itertools.pairwise(shown)} == {number}


def test_sampling_is_the_least_that_keeps_to_the_bound() -> None:
    assert [one_in(rate, 2_000) for rate in (0, 1_999, 2_000, 2_001, 4_001, 7_350)] == [1, 1, 1, 2, 4, 4]


async def test_a_filter_by_latency_counts_every_frame(serve: Serving) -> None:
    a, b = await pair(serve)
    watcher = await watch(a, "kind:voice latency>=0")
    none = await watch(a, "kind:voice is:slow latency>60s")
    bob, _ = await b.members("Bob", "Cid")
    (ssrc,) = b.node.conversations[bob.session].places
    for seq in range(5):
        await bob.send_raw(frame(ssrc, seq=seq))
    await watcher.next("voice", count=5)
    await none.until(lambda: none.feed.seen >= 5)
    assert watcher.feed.matched == 5
    assert none.feed.matched == 0


# Everything else that is shown


async def test_moderation_is_shown_by_the_node_that_has_the_session(serve: Serving) -> None:
    a, b = await pair(serve)
    watcher = await watch(a)
    (bob,) = await b.members("Bob")
    moderator = await a.enter_as("moderator")
    await eventually(lambda: bob.session in a.node.presence.present)
    await moderator.ask("mute", session=bob.session, room="lobby", seconds=600, reason="too loud")
    await moderator.ask("unmute", session=bob.session, room="lobby")
    await watcher.next("unmute")  # what is in the log is shown once another node holds it, the rest at once
    await bob.ask("deafen", on=True)
    await watcher.next("deafen")
    await moderator.ask("kick", session=bob.session, reason="enough")
    await watcher.next("kick")
    told = [
        (row.kind, row.node, row.sender, row.to, row.room) for row in watcher.of("mute", "unmute", "deafen", "kick")
    ]
    assert told == [
        ("mute", "n2", "mod", "Bob", "lobby"),
        ("unmute", "n2", "mod", "Bob", "lobby"),
        ("deafen", "n2", "Bob", "", ""),
        ("kick", "n2", "mod", "Bob", ""),
    ]
    (kick,) = watcher.of("kick")
    moderated = await bob.next("moderated", action="kick")
    assert json.loads(kick.data) == moderated


async def test_an_announcement_is_shown(serve: Serving) -> None:
    a, b = await pair(serve)
    watcher = await watch(a, "kind:announcement text:maintenance")
    (bob,) = await b.members("Bob")
    moderator = await b.enter_as("moderator")
    await moderator.ask("announce", id="x", text="maintenance at noon")
    await moderator.ask("announce", id="y", room="lobby", text="maintenance here")
    rows = await watcher.next("announcement", count=2)
    assert [(row.to, row.room, row.text) for row in rows] == [
        ("all", "", "maintenance at noon"),
        ("room", "lobby", "maintenance here"),
    ]
    assert json.loads(rows[0].data) == await bob.next("announcement")


async def test_of_whispered_voice_nothing_is_shown_that_can_be_heard(serve: Serving) -> None:
    a, b = await pair(serve)
    watcher = await watch(a, "kind:voice to:Ann")
    (ann,), (bob,) = await a.members("Ann"), await b.members("Bob")
    (ssrc,) = b.node.conversations[bob.session].places
    await eventually(lambda: ann.session in b.node.presence.present)
    assert (await bob.ask("voice_target", target=7, to={"session": ann.session}))["type"] == "ok"
    sent = frame(ssrc, target=7, seq=3, packet=b"secret sound")
    await bob.send_raw(sent)
    await bob.send_raw(frame(ssrc, seq=4))
    heard = await ann.voice()
    (row,) = await watcher.next("voice")
    assert (row.sender, row.to, row.room, row.seq, row.size) == ("Bob", "Ann", "lobby", 3, len(heard))
    assert row.data == heard[:16]
    assert "whispered" in row.flags


async def test_a_lost_node_and_who_was_lost_with_it_are_shown(serve: Serving) -> None:
    a, b = await pair(serve)
    watcher = await watch(a)
    await b.members("Bob")
    await eventually(lambda: "lobby" in a.node.rooms)
    serve.network.buses["b"].vanish()
    await eventually(lambda: a.node.cards.state_of(b.node.node_id) is PeerState.DOWN)
    a.wait(31)
    await watcher.next("leave")
    (left,) = watcher.of("leave")
    assert (left.sender, left.node) == ("Bob", "n1")
    assert json.loads(left.data)["reason"] == "lost"
    assert ("n2", "down") in [(row.sender, json.loads(row.data)["state"]) for row in watcher.of("peer")]


async def test_rows_are_exported_as_lines_of_json(serve: Serving) -> None:
    a, b = await pair(serve)
    watcher = await watch(a, "kind:chat,whisper,voice,join")
    bob, cid = await b.members("Bob", "Cid")
    (ssrc,) = b.node.conversations[bob.session].places
    await bob.say('a "quote" \u2028 小')
    await bob.whisper("a secret", session=cid.session)
    await bob.send_raw(frame(ssrc, packet=b"\x00\xff"))
    await watcher.next("voice")
    lines = [as_json(row) for row in watcher.of("join", "chat", "whisper", "voice")]
    assert not any(b"\n" in line for line in lines)
    exported = [json.loads(line) for line in lines]
    assert [line["kind"] for line in exported] == ["join", "join", "chat", "whisper", "voice"]
    assert exported[2]["data"]["text"] == 'a "quote" \u2028 小'
    assert "data" not in exported[3]
    assert bytes.fromhex(exported[4]["data"]) == frame(ssrc, packet=b"\x00\xff")
    assert all(line["node"] == "n2" for line in exported)


async def test_the_way_of_a_voice_frame_is_told(serve: Serving) -> None:
    a, b = await pair(serve)
    desk, watcher = Desk(a.node, "Ops"), await watch(a, "kind:voice")
    (ann,), (bob, _) = await a.members("Ann"), await b.members("Bob", "Cid")
    (ssrc,) = b.node.conversations[bob.session].places
    await eventually(lambda: a.node.bus.wanted("voice/lobby") or b.node.bus.wanted("voice/lobby"))
    await bob.send_raw(frame(ssrc, seq=9))
    await ann.voice()
    (row,) = await watcher.next("voice")
    trace = await desk.trace(row.origin, row.seq, ssrc=row.ssrc)
    assert [(hop.place, hop.label) for hop in trace.hops] == [
        ("Bob", "client"),
        ("n2", "half of its round trip"),
        ("n1", "shown"),
        ("room", trace.hops[-1].label),
    ]
    assert trace.hops[-1].label.startswith("written to 1 person")
    assert trace.hops[-1].at_ms is not None


async def test_a_feed_that_nobody_reads_keeps_the_newest(serve: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.feed.KEPT", 5)
    served = await serve()
    watcher = await watch(served, "kind:chat")
    (ann,) = await served.members("Ann")
    for number in range(8):
        await ann.say(str(number))
    await eventually(lambda: watcher.feed.matched == 8)
    watcher.look()
    assert [row.text for row in watcher.rows] == ["3", "4", "5", "6", "7"]
    assert watcher.numbers == [4, 5, 6, 7, 8]


async def test_rows_stand_in_the_order_of_their_times(serve: Serving) -> None:
    a, b = await pair(serve)
    watcher = await watch(a, "kind:chat,voice")
    (ann,), (bob, _) = await a.members("Ann"), await b.members("Bob", "Cid")
    (ssrc,) = b.node.conversations[bob.session].places
    for seq in range(3):
        await bob.send_raw(frame(ssrc, seq=seq))
        await bob.say("b")
        await ann.say("a")
    await eventually(lambda: watcher.feed.matched == 9)
    watcher.look()
    times = [row.at for row in watcher.rows]
    assert len(times) == 9
    assert times == sorted(times)
    assert watcher.numbers == list(range(1, 10))


async def test_a_node_that_ends_with_its_flow_open_ends_quietly(
    serve: Serving, caplog: pytest.LogCaptureFixture
) -> None:
    a, b = await pair(serve)
    watcher = await watch(a)
    await a.node.stop()
    a.advance(2.0)
    watcher.feed.close()
    b.advance(7.0)
    assert b.node.tap is None
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_a_console_has_taps_of_its_own_only_and_not_too_many(serve: Serving) -> None:
    a, b = await pair(serve)

    def lease(console: str, feed: int) -> bytes:
        return flow.pack_request(Lease(console, feed, query="", epoch=1, sampling=1, most=1))

    for body in (lease(b.node.bus.origin, 1), flow.pack_request(flow.Release(b.node.bus.origin, 1))):
        with pytest.raises(BusError):
            b.node.on_call(a.node.node_id, body)
    assert b.node.tap is None
    refused = []
    for feed in range(TAPS + 1):
        answer = b.node.on_call(a.node.node_id, lease(a.node.bus.origin, feed))
        assert isinstance(answer, bytes)
        held = flow.unpack_answer(answer)
        assert isinstance(held, flow.Held)
        refused.append(held.refused)
    assert refused[:-1] == [""] * TAPS
    assert refused[-1]


async def test_a_batch_that_never_comes_is_given_up(serve: Serving) -> None:
    a, b = await pair(serve)
    watcher = await watch(a)
    topic = flow.topic_of(a.node.bus.origin, 1)
    row = FlowRow(1, "n2", "hello")
    life = b.node.taps.lease(Lease(a.node.bus.origin, 1, query="", epoch=1, sampling=1, most=1)).life

    def come(origin: str, number: int) -> None:
        batch = Batch(origin, life, number, [row], [], number, 1, number, number, 0)
        a.node.on_cast(topic, [msgspec.msgpack.encode(batch)])

    for number in range(2, WAITING + 3):
        come(b.node.bus.origin, number)
        come("00ff00ff00ff00ff.1", number)  # of no node that was asked
    assert len(watcher.of("hello")) == WAITING + 1
    assert watcher.feed.lost == 1


@pytest.mark.parametrize("data", [b"[" * 100_000 + b"]" * 100_000, b'{"a":\n1}', '{"a":1}'.encode("utf-16"), b"\xff"])
def test_what_is_no_line_of_json_is_exported_as_bytes(data: bytes) -> None:
    line = as_json(FlowRow(1, "n1", "chat", data=data))
    assert b"\n" not in line
    assert bytes.fromhex(json.loads(line)["data"]) == data


async def test_who_is_too_slow_for_a_frame_is_not_counted_among_its_receivers(serve: Serving) -> None:
    served = await serve()
    desk, watcher = Desk(served.node, "Ops"), await watch(served, "kind:voice")
    (bob, _, cid) = await served.members("Bob", "Ann", "Cid")
    (ssrc,) = served.node.conversations[bob.session].places
    served.node.conversations[cid.session].outbox.stalled = True
    await bob.send_raw(frame(ssrc, seq=9))
    (row,) = await watcher.next("voice")
    trace = await desk.trace(row.origin, row.seq, ssrc=row.ssrc)
    assert trace.hops[-1].label == "written to 1 person at n1"
