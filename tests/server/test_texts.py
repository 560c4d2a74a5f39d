"""Messages and whispers (protocol.md section 5), on one node with a real port."""

from __future__ import annotations

import time

import pytest

from bus.memory import MemoryNetwork
from tests.guest import Guest
from tests.nodes import Served, Serving, without


async def test_a_message_reaches_the_others_of_the_room(served: Served) -> None:
    ann, bob, cid = await served.members("Ann", "Bob", "Cid")
    before = int(time.time() * 1000)
    sent = await ann.ask("say", id="c-17", room="lobby", text="hi")
    assert list(sent) == ["type", "id", "room", "origin", "seq", "at", "copies"]
    assert without(sent, "origin", "seq", "at") == {"type": "sent", "id": "c-17", "room": "lobby", "copies": 1}
    assert before <= sent["at"] <= time.time() * 1000
    for guest in (bob, cid):
        assert await guest.next("message") == {
            "type": "message",
            "room": "lobby",
            "origin": sent["origin"],
            "seq": sent["seq"],
            "id": "c-17",
            "at": sent["at"],
            "from": {"session": ann.session, "user": ann.welcome["user"], "name": "Ann"},
            "text": "hi",
        }
    await ann.settle()
    assert not ann.unread


@pytest.mark.parametrize("id", [0, -1, 17, "17", "", "ä"])
async def test_a_message_carries_the_id_as_it_was_given(served: Served, id: str | int) -> None:
    ann, bob = await served.members("Ann", "Bob")
    assert (await ann.ask("say", id=id, room="lobby", text="hi"))["id"] == id
    said = await bob.next("message")
    assert said["id"] == id
    assert type(said["id"]) is type(id)
    assert (await (await served.enter("Cid")).join())["history"][0]["id"] == id
    await ann.ask("whisper", id=f"w{id}", to={"session": bob.session}, text="hi")
    assert (await bob.next("whisper"))["id"] == f"w{id}"


async def test_a_whisper_carries_an_integer_id(served: Served) -> None:
    ann, bob = await served.members("Ann", "Bob")
    await ann.ask("whisper", id=0, to={"session": bob.session}, text="hi")
    assert (await bob.next("whisper"))["id"] == 0


async def test_messages_of_one_sender_arrive_in_order_with_rising_seq(served: Served) -> None:
    ann, bob = await served.members("Ann", "Bob")
    for number in range(50):
        await ann.send("say", id=number, room="lobby", text=str(number))
    seqs = []
    for number in range(50):
        said = await bob.next("message")
        assert said["text"] == str(number)
        seqs.append(said["seq"])
        assert (await ann.answer(number))["seq"] == said["seq"]
    assert seqs == sorted(set(seqs))


async def test_two_talk_across_each_other_and_all_see_one_order(served: Served) -> None:
    ann, bob, cid = await served.members("Ann", "Bob", "Cid")
    for number in range(20):
        await ann.send("say", id=number, room="lobby", text=f"a{number}")
        await bob.send("say", id=number, room="lobby", text=f"b{number}")
    heard = [(await cid.next("message")) for _ in range(40)]
    assert [said["seq"] for said in heard] == sorted(said["seq"] for said in heard)
    assert [said["text"] for said in heard if said["from"]["name"] == "Ann"] == [f"a{n}" for n in range(20)]
    assert [said["text"] for said in heard if said["from"]["name"] == "Bob"] == [f"b{n}" for n in range(20)]


async def test_the_same_id_is_answered_by_the_first_sent_and_shown_once(served: Served) -> None:
    ann, bob = await served.members("Ann", "Bob")
    first = await ann.ask("say", id="x", room="lobby", text="once")
    assert await ann.ask("say", id="x", room="lobby", text="once") == first
    assert await ann.ask("say", id="x", room="lobby", text="something else") == first
    await ann.say("after")
    assert (await bob.next("message"))["text"] == "once"
    assert (await bob.next("message"))["text"] == "after"


async def test_say_and_whisper_share_their_ids(served: Served) -> None:
    ann, bob = await served.members("Ann", "Bob")
    first = await ann.ask("say", id="x", room="lobby", text="said")
    assert await ann.ask("whisper", id="x", to={"session": bob.session}, text="whispered") == first
    await ann.say("after")
    assert (await bob.next("message"))["text"] == "said"
    await bob.next("message")
    assert not bob.seen("whisper")


async def test_one_and_1_are_two_ids(served: Served) -> None:
    ann, bob = await served.members("Ann", "Bob")
    one = await ann.ask("say", id=1, room="lobby", text="number")
    other = await ann.ask("say", id="1", room="lobby", text="string")
    assert one["seq"] < other["seq"]
    assert [(await bob.next("message"))["text"] for _ in range(2)] == ["number", "string"]


async def test_the_last_256_ids_are_remembered(served: Served) -> None:
    ann, bob = await served.members("Ann", "Bob")
    served.clock.stop()  # else a slow machine would make them look silent
    first = await ann.ask("say", id=0, room="lobby", text="0")
    for number in range(1, 256):
        served.clock.advance(0.05)
        await ann.ask("say", id=number, room="lobby", text=str(number))
        if number % 50 == 0:
            await bob.settle()  # or he has no time for the pings of a clock that runs so fast
    assert await ann.ask("say", id=0, room="lobby", text="0") == first
    await ann.say("end")
    assert [(await bob.next("message"))["text"] for _ in range(257)][-2:] == ["255", "end"]


async def test_two_sessions_may_use_the_same_id(served: Served) -> None:
    ann, bob = await served.members("Ann", "Bob")
    await ann.ask("say", id="x", room="lobby", text="of Ann")
    await bob.ask("say", id="x", room="lobby", text="of Bob")
    assert (await bob.next("message"))["text"] == "of Ann"
    assert (await ann.next("message"))["text"] == "of Bob"


async def test_a_refused_request_has_not_used_up_its_id(served: Served) -> None:
    ann, bob = await served.members("Ann", "Bob")
    assert (await ann.ask("say", id="x", room="lobby", text=" "))["code"] == "bad_request"
    assert (await ann.ask("say", id="x", room="nowhere", text="hi"))["code"] == "not_found"
    assert (await ann.ask("whisper", id="x", to={"user": "nobody"}, text="hi"))["code"] == "not_found"
    assert (await ann.ask("say", id="x", room="lobby", text="hi"))["type"] == "sent"
    assert (await bob.next("message"))["text"] == "hi"


async def test_saying_where_one_is_no_member_is_not_found(served: Served) -> None:
    ann, bob = await served.members("Ann", "Bob")
    eve = await served.enter("Eve")
    assert (await eve.ask("say", room="lobby", text="hi"))["code"] == "not_found"
    await bob.ask("leave", room="lobby")
    assert (await bob.ask("say", room="lobby", text="hi"))["code"] == "not_found"
    await ann.settle()
    assert not ann.seen("message")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb\tc", "a\nb\tc"),
        ("  spaces stay  ", "  spaces stay  "),
        ("a\x00b\x1bc\x7fd\x9be\r", "abcde"),
        ("<b>&amp;</b>", "<b>&amp;</b>"),
        ("e\u0301 stays as it is", "e\u0301 stays as it is"),
        ("👩‍👩‍👧 שלום", "👩‍👩‍👧 שלום"),
    ],
)
async def test_a_text_loses_its_control_characters_and_nothing_else(served: Served, text: str, shown: str) -> None:
    ann, bob = await served.members("Ann", "Bob")
    await ann.say(text)
    assert (await bob.next("message"))["text"] == shown
    await ann.whisper(text, session=bob.session)
    assert (await bob.next("whisper"))["text"] == shown


@pytest.mark.parametrize("text", ["", "   ", "\n\t", "\x00\x1b", " \x07 ", "\u3000", "a\ud800b", 5, None])
async def test_an_empty_text_or_none_is_a_bad_request(served: Served, text: object) -> None:
    ann, bob = await served.members("Ann", "Bob")
    assert (await ann.ask("say", room="lobby", text=text))["code"] == "bad_request"
    assert (await ann.ask("whisper", to={"session": bob.session}, text=text))["code"] == "bad_request"
    await bob.settle()
    assert not bob.unread


async def test_the_last_50_messages_are_the_history(served: Served) -> None:
    ann, bob = await served.members("Ann", "Bob")
    for number in range(51):
        await ann.say(f"{number}")
    seen = [await bob.next("message") for _ in range(51)]
    cid = await served.enter("Cid")
    joined = await cid.join()
    assert joined["history"] == seen[1:]
    await cid.settle()
    assert not cid.unread
    assert joined["cursors"][seen[-1]["origin"]] >= seen[-1]["seq"]


async def test_the_history_of_a_room_has_nothing_of_another(served: Served) -> None:
    (ann,) = await served.members("Ann")
    await ann.join("second")
    await ann.say("here")
    await ann.say("there", room="second")
    assert [said["text"] for said in (await (await served.enter("Bob")).join())["history"]] == ["here"]


async def test_history_and_live_traffic_meet_without_a_gap_or_a_double(served: Served) -> None:
    (ann,) = await served.members("Ann")
    bob = await served.enter("Bob")
    for number in range(30):
        await ann.send("say", id=number, room="lobby", text=str(number))
        if number == 15:
            await bob.send("join", id="j", room="lobby")
    joined = await bob.answer("j")
    await ann.answer(29)
    await bob.settle()
    texts = [said["text"] for said in joined["history"] + bob.seen("message")]
    assert texts == [str(number) for number in range(30)]


async def test_cursors_are_never_ahead_of_what_follows(served: Served) -> None:
    ann, bob = await served.members("Ann", "Bob")
    sent = await ann.say("before")
    await bob.settle()
    cursors = (await bob.join("second"))["cursors"]
    assert cursors[sent["origin"]] >= sent["seq"]
    assert (await ann.say("after"))["seq"] > cursors[sent["origin"]]


# Whispers


async def test_a_whisper_reaches_one_session_and_nobody_else(served: Served) -> None:
    ann, bob, cid = await served.members("Ann", "Bob", "Cid")
    sent = await ann.ask("whisper", id="c-18", to={"session": bob.session}, text="psst")
    assert without(sent, "origin", "seq", "at") == {"type": "sent", "id": "c-18", "delivered": 1, "copies": 1}
    assert await bob.next("whisper") == {
        "type": "whisper",
        "id": "c-18",
        "from": {"session": ann.session, "user": ann.welcome["user"], "name": "Ann"},
        "to": {"session": bob.session},
        "origin": sent["origin"],
        "seq": sent["seq"],
        "at": sent["at"],
        "text": "psst",
    }
    for guest in (ann, cid):
        await guest.settle()
        assert not guest.unread
    assert (await (await served.enter("Dan")).join())["history"] == []


async def test_a_whisper_to_a_user_reaches_every_session_of_it(served: Served) -> None:
    ann = await served.enter("Ann")
    bobs = [await served.enter("Bob", user="bob") for _ in range(2)]
    other = await served.enter("Bob", user="bobby")
    for guest in (ann, *bobs, other):
        await guest.join()
    assert (await ann.whisper("psst", user="bob"))["delivered"] == 2
    for bob in bobs:
        whisper = await bob.next("whisper")
        assert (whisper["to"], whisper["text"]) == ({"user": "bob"}, "psst")
    await other.settle()
    assert not other.seen("whisper")


async def test_whispers_and_messages_of_one_origin_arrive_in_rising_seq(served: Served) -> None:
    ann, bob = await served.members("Ann", "Bob")
    for number in range(10):
        await ann.send("say", id=f"s{number}", room="lobby", text="x")
        await ann.send("whisper", id=f"w{number}", to={"session": bob.session}, text="x")
    seqs = [(await bob.next(type))["seq"] for _ in range(10) for type in ("message", "whisper")]
    assert seqs == sorted(set(seqs))


async def test_a_whisper_to_nobody_is_not_found(served: Served) -> None:
    (ann,) = await served.members("Ann")
    assert (await ann.ask("whisper", to={"session": "nobody"}, text="x"))["code"] == "not_found"
    assert (await ann.ask("whisper", to={"user": "nobody"}, text="x"))["code"] == "not_found"


async def test_a_user_may_whisper_only_to_somebody_who_shares_a_room(served: Served) -> None:
    (ann,) = await served.members("Ann")
    (eve,) = await served.members("Eve", room="elsewhere")
    assert (await ann.ask("whisper", to={"session": eve.session}, text="x"))["code"] == "forbidden"
    assert (await ann.ask("whisper", to={"user": eve.welcome["user"]}, text="x"))["code"] == "forbidden"
    await eve.settle()
    assert not eve.unread
    await eve.join()
    assert (await ann.whisper("x", session=eve.session))["delivered"] == 1


async def test_a_moderator_may_whisper_to_anybody(served: Served) -> None:
    (eve,) = await served.members("Eve")
    moderator = await served.enter_as("moderator")
    assert (await moderator.whisper("x", session=eve.session))["delivered"] == 1
    assert (await eve.next("whisper"))["from"]["name"] == "mod"


@pytest.mark.parametrize("to", [{}, {"session": "s", "user": "u"}, None, "bob", {"session": 5}, {"user": None}])
async def test_a_whisper_names_a_session_or_a_user(served: Served, to: object) -> None:
    (ann,) = await served.members("Ann")
    error = await ann.ask("whisper", to=to, text="x")
    assert (error["code"], error["field"]) == ("bad_request", "to")


# A second copy


async def two_nodes(serve: Serving) -> tuple[Guest, Guest, list[bool]]:
    """Ann and Bob on two nodes, and a switch that keeps the nodes from hearing each other."""
    cut: list[bool] = [False]
    serve.network = MemoryNetwork(fate=lambda source, target: () if cut[0] else (0.0,))
    a = await serve(address="a:1")
    b = await serve("a:1", address="b:1")
    ann, bob = await a.enter("Ann"), await b.enter("Bob")
    await bob.join()
    await ann.join()
    await bob.next("member_joined")
    return ann, bob, cut


async def test_a_text_that_two_nodes_hold_is_sent_with_copies_2(serve: Serving) -> None:
    ann, bob, _ = await two_nodes(serve)
    assert (await ann.say("hi"))["copies"] == 2
    assert (await bob.next("message"))["text"] == "hi"


async def test_a_text_without_a_second_copy_is_unavailable_and_may_be_repeated(serve: Serving) -> None:
    """The answer comes within 8 s; the peer is back before it counts as down, so nothing was shown."""
    ann, bob, cut = await two_nodes(serve)
    a = serve.served[0]
    cut[0] = True
    await ann.send("say", id="x", room="lobby", text="hi")
    await ann.settle()
    a.advance(7.5)
    error = await ann.answer("x")
    assert (error["type"], error["code"]) == ("error", "unavailable")
    cut[0] = False
    sent = await ann.ask("say", id="x", room="lobby", text="hi")
    assert sent["type"] == "sent"
    assert await ann.ask("say", id="x", room="lobby", text="hi") == sent
    assert (await bob.next("message"))["seq"] == sent["seq"]
    await ann.say("after")
    assert (await bob.next("message"))["text"] == "after"


async def test_a_text_said_twice_before_it_is_held_is_shown_once(serve: Serving) -> None:
    ann, bob, cut = await two_nodes(serve)
    cut[0] = True
    for _ in range(2):
        await ann.send("say", id="x", room="lobby", text="hi")
    await ann.settle()
    assert not ann.seen("sent")
    cut[0] = False
    sent = await ann.answer("x")
    assert (sent["type"], sent["copies"]) == ("sent", 2)
    await ann.say("after")
    assert [(await bob.next("message"))["text"] for _ in range(2)] == ["hi", "after"]


async def test_who_is_there_is_told_that_something_is_held_by_nobody_any_more(served: Served) -> None:
    ann = (await served.members("Ann", "Bob"))[0]
    origin = "0123456789abcdef.1"
    served.node.on_gap(origin, 7)
    assert await ann.next("gap") == {"type": "gap", "rooms": ["lobby"]}
    served.node.on_gap(origin, 7)
    await ann.settle()
    assert not ann.seen("gap")
    assert (await (await served.enter("Cid")).join())["cursors"][origin] == 7
