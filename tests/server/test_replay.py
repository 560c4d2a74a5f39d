"""A room from a place on, as its node holds it: what a reader would be fed anew."""

from __future__ import annotations

import pytest

from server import replay
from server.desk import Desk
from tests.cluster.nodes import eventually
from tests.nodes import Serving


async def test_a_room_is_replayed_from_a_place_in_the_order_of_the_list_with_its_announcements(
    serve: Serving,
) -> None:
    a = await serve(address="a")
    b = await serve("a", address="b")
    await eventually(lambda: sum(view.state == "up" for view in Desk(a.node, "L").nodes()) == 2)
    (ann,), (bob,) = await a.members("Ann"), await b.members("Bob")
    (cid,) = await a.members("Cid", room="elsewhere")
    desk = Desk(a.node, "Lena")
    fed = [await ann.say("one"), await bob.say("two")]
    await cid.say("not here", room="elsewhere")
    await desk.announce(desk.operator, room=None, text="to all")
    await desk.announce(desk.operator, room="elsewhere", text="to others")
    await ann.whisper("between us", session=bob.session)
    fed.append(await bob.say("three"))
    await ann.next("message", text="three")

    whole = await desk.replay("lobby", fed[0]["origin"], fed[0]["seq"])
    assert [text.text for text in whole.texts] == ["one", "two", "to all", "three"]
    assert [(text.origin, text.seq) for text in whole.texts if text.kind == "message"] == [
        (event["origin"], event["seq"]) for event in fed
    ]
    assert [text.node for text in whole.texts] == ["n1", "n2", "n1", "n2"]
    assert (whole.found, whole.more, whole.floors, whole.node) == (True, False, (), "n1")
    rest = await desk.replay("lobby", fed[1]["origin"], fed[1]["seq"])
    assert rest.texts == whole.texts[1:]


async def test_what_is_no_longer_held_is_said(serve: Serving) -> None:
    served = await serve(log_records=3)
    (ann,) = await served.members("Ann")
    first, second, *_ = [await ann.say(f"text {number}") for number in range(5)]
    gone = await Desk(served.node, "Lena").replay("lobby", first["origin"], first["seq"])
    assert not gone.found
    assert [text.text for text in gone.texts] == ["text 2", "text 3", "text 4"]
    assert gone.floors == (("n1", second["seq"]),)


async def test_a_long_replay_ends_and_says_so(serve: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    served = await serve()
    (ann,) = await served.members("Ann")
    first, *_ = [await ann.say(f"text {number}") for number in range(3)]
    monkeypatch.setattr(replay, "TEXTS", 2)
    found = await Desk(served.node, "Lena").replay("lobby", first["origin"], first["seq"])
    assert ([text.text for text in found.texts], found.more) == (["text 0", "text 1"], True)


async def test_a_replay_changes_nothing_for_anybody(serve: Serving) -> None:
    served = await serve()
    ann, bob = await served.members("Ann", "Bob")
    first = await ann.say("one")
    await Desk(served.node, "Lena").replay("lobby", first["origin"], first["seq"])
    await ann.say("two")
    await bob.settle()
    assert [event["text"] for event in bob.seen("message")] == ["one", "two"]
