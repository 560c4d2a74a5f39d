"""Voice for some and voice for nobody (protocol.md section 6: `voice_target` and `deafen`), on one node."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.desk import Desk
from server.requests import TARGETS
from server.wire import voice
from tests.guest import FIRST, LAST, Guest, frame
from tests.nodes import Served, Serving
from tests.server.test_voice import dropped, room_of

WHISPERED = 0x10


async def aim(guest: Guest, target: int, **to: str) -> None:
    """Let frames of `guest` with this target be for `to`."""
    answer = await guest.ask("voice_target", target=target, to=to)
    assert answer["type"] == "ok", answer


async def nobody_heard(*guests: Guest) -> None:
    for guest in guests:
        await guest.settle()
        assert not guest.heard()


# Whispered voice


async def test_a_frame_with_a_target_goes_to_its_session_only_and_says_so(served: Served) -> None:
    (ann, bob, cid), (ssrc, _, _) = await room_of(served, "Ann", "Bob", "Cid")
    assert await ann.ask("voice_target", id=5, target=9, to={"session": bob.session}) == {"type": "ok", "id": 5}
    sent = frame(ssrc, flags=FIRST, level=0x83, codec=0x04, seq=7, target=9, ts=99, packet=bytes(range(200)))
    await ann.send_raw(sent)
    assert await bob.voice() == frame(
        ssrc, flags=FIRST | WHISPERED, level=0x83, codec=0x04, seq=7, target=9, ts=99, packet=bytes(range(200))
    )
    await nobody_heard(ann, cid)
    await ann.send_raw(frame(ssrc))
    assert await bob.voice() == await cid.voice() == frame(ssrc)


async def test_a_target_may_be_a_user_with_all_sessions(served: Served) -> None:
    (ann, cid), (ssrc, _) = await room_of(served, "Ann", "Cid")
    bobs = [await served.enter("Bob", user="bob") for _ in range(2)]
    await bobs[0].join()
    await aim(ann, 1, user="bob")
    await ann.send_raw(frame(ssrc, target=1))
    for bob in bobs:
        assert await bob.voice() == frame(ssrc, flags=WHISPERED, target=1)
    late = await served.enter("Bob", user="bob")
    await ann.send_raw(frame(ssrc, target=1, seq=1))
    assert await late.voice() == frame(ssrc, flags=WHISPERED, target=1, seq=1)
    await nobody_heard(ann, cid)


async def test_ones_own_sessions_are_no_target_but_the_others_of_the_user_are(served: Served) -> None:
    ann, other = await served.enter("Ann", user="ann"), await served.enter("Ann", user="ann")
    ssrc = (await ann.join())["ssrc"]
    await other.join()
    assert (await ann.ask("voice_target", target=1, to={"session": ann.session}))["code"] == "not_found"
    await aim(ann, 1, user="ann")
    await ann.send_raw(frame(ssrc, target=1))
    await other.voice()
    await nobody_heard(ann)


async def test_a_whisper_is_no_speaking_to_the_room(served: Served) -> None:
    served.clock.stop()
    (ann, bob, cid), (ssrc, _, _) = await room_of(served, "Ann", "Bob", "Cid")
    await aim(ann, 1, session=bob.session)
    await ann.send_raw(frame(ssrc, target=1, flags=FIRST))
    await bob.voice()
    served.advance(0.1)
    for guest in (ann, bob, cid):
        await guest.settle()
        assert not guest.seen("speaking")
    desk = Desk(served.node, "Console")
    assert not any(member.speaking for member in desk.members("lobby"))


async def test_the_limit_of_speakers_does_not_count_whispers(served: Served) -> None:
    guests, ssrcs = await room_of(served, *(f"g{number}" for number in range(9)))
    for guest, ssrc in zip(guests[:8], ssrcs[:8], strict=True):
        await guest.send_raw(frame(ssrc))
    await aim(guests[8], 1, session=guests[0].session)
    await guests[8].send_raw(frame(ssrcs[8], target=1))
    await guests[0].take(lambda heard: heard == frame(ssrcs[8], flags=WHISPERED, target=1))


async def test_a_target_named_again_is_the_new_one(served: Served) -> None:
    (ann, bob, cid), (ssrc, _, _) = await room_of(served, "Ann", "Bob", "Cid")
    await aim(ann, 1, session=bob.session)
    await aim(ann, 1, session=cid.session)
    await ann.send_raw(frame(ssrc, target=1))
    await cid.voice()
    await nobody_heard(bob)


async def test_targets_are_each_sessions_own(served: Served) -> None:
    (ann, bob, cid), (_, ssrc, _) = await room_of(served, "Ann", "Bob", "Cid")
    await aim(ann, 1, session=cid.session)
    await bob.send_raw(frame(ssrc, target=1))
    assert (await bob.next("error"))["code"] == "bad_request"
    assert dropped(served, "wrong") == 1
    await nobody_heard(ann, cid)


@pytest.mark.parametrize("target", [1, 2, 65533, 65534])
async def test_a_target_is_1_to_65534(served: Served, target: int) -> None:
    (ann, bob), (ssrc, _) = await room_of(served, "Ann", "Bob")
    await aim(ann, target, session=bob.session)
    await ann.send_raw(frame(ssrc, target=target))
    assert await bob.voice() == frame(ssrc, flags=WHISPERED, target=target)


@pytest.mark.parametrize("target", [0, -1, 65535, 65536, 1.5, "1", None, True])
async def test_another_target_is_a_bad_request(served: Served, target: object) -> None:
    ann, bob = await served.members("Ann", "Bob")
    error = await ann.ask("voice_target", target=target, to={"session": bob.session})
    assert (error["code"], error["field"]) == ("bad_request", "target")


@pytest.mark.parametrize("to", [{}, {"session": "s", "user": "u"}, {"session": 5}, "bob", None])
async def test_a_target_of_another_form_is_a_bad_request(served: Served, to: object) -> None:
    (ann,) = await served.members("Ann")
    error = await ann.ask("voice_target", target=1, to=to)
    assert error["code"] == "bad_request"


async def test_a_session_has_64_targets_at_most(served: Served) -> None:
    served.clock.stop()
    ann, bob, cid = await served.members("Ann", "Bob", "Cid")
    for number in range(1, TARGETS + 1):
        await aim(ann, number, session=bob.session)
    error = await ann.ask("voice_target", target=TARGETS + 1, to={"session": bob.session})
    assert (error["code"], error["field"]) == ("bad_request", "target")
    await aim(ann, TARGETS, session=cid.session)


@pytest.mark.parametrize("kind", ["no packet", "a strange ssrc", "the flag of whispers", "10 ms"])
async def test_a_wrong_frame_with_a_target_is_a_wrong_frame(served: Served, kind: str) -> None:
    (ann, bob), (ssrc, _) = await room_of(served, "Ann", "Bob")
    await aim(ann, 1, session=bob.session)
    await ann.send_raw(
        {
            "no packet": frame(ssrc, target=1, packet=b""),
            "a strange ssrc": frame(ssrc ^ 1, target=1),
            "the flag of whispers": frame(ssrc, target=1, flags=WHISPERED),
            "10 ms": frame(ssrc, target=1, codec=1),
        }[kind]
    )
    assert (await ann.next("error"))["code"] == "bad_request"
    assert dropped(served, "wrong") == 1
    await nobody_heard(bob)


async def test_whispers_count_towards_the_rate_of_frames(served: Served) -> None:
    served.clock.stop()
    (ann, bob), (ssrc, _) = await room_of(served, "Ann", "Bob")
    await aim(ann, 1, session=bob.session)
    for seq in range(28):
        await ann.send_raw(frame(ssrc, target=seq % 2, seq=seq))
    assert (await ann.next("error"))["code"] == "rate_limited"
    await bob.settle()
    assert len(bob.heard()) == 27


# Whom one may whisper to


async def test_users_whisper_only_to_who_shares_a_room(served: Served) -> None:
    (ann,), (ssrc,) = await room_of(served, "Ann")
    (bob,) = await served.members("Bob", room="second")
    assert (await ann.ask("voice_target", target=1, to={"session": bob.session}))["code"] == "forbidden"
    await ann.send_raw(frame(ssrc, target=1))
    assert (await ann.next("error"))["code"] == "bad_request"
    await nobody_heard(bob)
    await bob.join()
    await aim(ann, 1, session=bob.session)
    await ann.send_raw(frame(ssrc, target=1))
    await bob.voice()


async def test_a_whisper_ends_when_no_room_is_shared_any_more_and_goes_on_when_one_is_again(served: Served) -> None:
    served.clock.stop()
    (ann, bob), (ssrc, _) = await room_of(served, "Ann", "Bob")
    await aim(ann, 1, session=bob.session)
    await bob.ask("leave", room="lobby")
    await ann.send_raw(frame(ssrc, target=1))
    assert (await ann.next("error"))["code"] == "forbidden"
    assert dropped(served, "scope") == 1
    await nobody_heard(bob)
    await bob.join()
    await ann.send_raw(frame(ssrc, target=1, seq=1))
    assert await bob.voice() == frame(ssrc, flags=WHISPERED, target=1, seq=1)
    second = (await ann.join("second"))["ssrc"]
    await ann.ask("leave", room="lobby")
    await ann.send_raw(frame(second, target=1))
    served.advance(1)
    await ann.send_raw(frame(second, target=1))
    assert (await ann.next("error"))["code"] == "forbidden"
    await nobody_heard(bob)


async def test_moderators_whisper_to_everybody(served: Served) -> None:
    (bob,) = await served.members("Bob")
    moderator = await served.enter_as("moderator")
    ssrc = (await moderator.join("second"))["ssrc"]
    await aim(moderator, 1, session=bob.session)
    await moderator.send_raw(frame(ssrc, target=1))
    await bob.voice()


async def test_who_has_left_hears_nothing_and_the_sender_learns_it(served: Served) -> None:
    (ann, bob), (ssrc, _) = await room_of(served, "Ann", "Bob")
    await aim(ann, 1, session=bob.session)
    await bob.leave_for_good()
    await ann.next("member_left")
    await ann.send_raw(frame(ssrc, target=1))
    assert (await ann.next("error"))["code"] == "not_found"
    assert (await ann.ask("voice_target", target=2, to={"session": bob.session}))["code"] == "not_found"


async def test_who_leaves_amid_whispers_breaks_nothing(served: Served) -> None:
    (ann, bob, cid), (ssrc, _, _) = await room_of(served, "Ann", "Bob", "Cid")
    await aim(ann, 1, session=bob.session)
    leaving = asyncio.create_task(bob.leave_for_good())
    for seq in range(10):
        await ann.send_raw(frame(ssrc, target=1, seq=seq))
    await leaving
    await ann.send_raw(frame(ssrc))
    assert await cid.voice() == frame(ssrc)


@pytest.mark.parametrize("where", [{}, {"room": "lobby"}])
async def test_who_is_muted_may_not_whisper_by_voice(served: Served, where: dict[str, Any]) -> None:
    (ann, bob), (ssrc, _) = await room_of(served, "Ann", "Bob")
    moderator = await served.enter_as("moderator")
    await aim(ann, 1, session=bob.session)
    await moderator.ask("mute", session=ann.session, **where)
    await ann.send_raw(frame(ssrc, target=1))
    assert (await ann.next("error"))["code"] == "muted"
    assert dropped(served, "muted") == 1
    await nobody_heard(bob)
    await moderator.ask("unmute", session=ann.session)
    await ann.send_raw(frame(ssrc, target=1))
    await bob.voice()


# Deafened


async def test_who_is_deafened_is_sent_no_voice_and_all_texts(served: Served) -> None:
    (ann, bob, cid), (ssrc, bobs, _) = await room_of(served, "Ann", "Bob", "Cid")
    assert await bob.ask("deafen", id="d", on=True) == {"type": "ok", "id": "d"}
    before = served.node.counters.sent_voice
    await ann.send_raw(frame(ssrc))
    await cid.voice()
    assert served.node.counters.sent_voice == before + 1
    await ann.say("hello")
    assert (await bob.next("message"))["text"] == "hello"
    await nobody_heard(bob)
    await bob.send_raw(frame(bobs))
    assert await ann.voice() == await cid.voice() == frame(bobs)
    assert served.node.counters.sent_voice == before + 3
    await bob.ask("deafen", on=False)
    await ann.send_raw(frame(ssrc, seq=1))
    assert await bob.voice() == frame(ssrc, seq=1)


async def test_deafening_holds_in_rooms_joined_later(served: Served) -> None:
    (ann, cid), (ssrc, _) = await room_of(served, "Ann", "Cid")
    bob = await served.enter("Bob")
    await bob.ask("deafen", on=True)
    await bob.join()
    await ann.send_raw(frame(ssrc))
    await cid.voice()
    await nobody_heard(bob)
    await bob.ask("leave", room="lobby")
    await bob.join()
    await bob.ask("deafen", on=False)
    await ann.send_raw(frame(ssrc, seq=1))
    await bob.voice()


async def test_who_is_deafened_hears_no_whispers_either(served: Served) -> None:
    (ann, bob), (ssrc, _) = await room_of(served, "Ann", "Bob")
    await aim(ann, 1, session=bob.session)
    await ann.send_raw(frame(ssrc, target=1))
    await bob.voice()
    await bob.ask("deafen", on=True)
    await ann.send_raw(frame(ssrc, target=1, seq=1))
    await ann.settle()
    await nobody_heard(bob)
    assert not ann.seen("error")
    await bob.ask("deafen", on=False)
    await ann.send_raw(frame(ssrc, target=1, seq=2))
    assert await bob.voice() == frame(ssrc, flags=WHISPERED, target=1, seq=2)


async def test_of_a_users_sessions_on_another_node_the_deafened_one_hears_no_whispers(serve: Serving) -> None:
    here = await serve(address="m:a")
    there = await serve("m:a", address="m:b")
    ann = await here.enter("Ann")
    ssrc = (await ann.join())["ssrc"]
    bobs = [await there.enter("Bob", user="bob") for _ in range(2)]
    for bob in bobs:
        await bob.join()
        await ann.next("member_joined")
    await bobs[0].ask("deafen", on=True)
    await aim(ann, 1, user="bob")
    await ann.send_raw(frame(ssrc, target=1))
    assert await bobs[1].voice() == frame(ssrc, flags=WHISPERED, target=1)
    await nobody_heard(bobs[0])


async def test_deafening_twice_is_ok_and_written_once(served: Served) -> None:
    (bob,) = await served.members("Bob")
    version = served.node.presence.version
    for _ in range(2):
        assert (await bob.ask("deafen", on=True))["type"] == "ok"
    assert served.node.presence.version == version + 1


@pytest.mark.parametrize("on", [None, 1, "true", []])
async def test_deafen_needs_true_or_false(served: Served, on: object) -> None:
    bob = await served.enter("Bob")
    error = await bob.ask("deafen", on=on)
    assert (error["code"], error["field"]) == ("bad_request", "on")


async def test_a_console_sees_who_is_deafened(served: Served) -> None:
    desk = Desk(served.node, "Console")
    changed: list[tuple[str, str]] = []
    desk.watch(lambda what, key: changed.append((what, key)))
    ann, bob = await served.members("Ann", "Bob")
    changed.clear()
    await bob.ask("deafen", on=True)
    assert {member.name: member.deafened for member in desk.members("lobby")} == {"Ann": False, "Bob": True}
    assert changed == [("room", "lobby")]
    await ann.settle()
    assert not ann.unread


# The form of frames


def test_the_check_of_whispers_tells_ssrc_and_target() -> None:
    assert voice.check_whispered(frame(7, target=9, flags=FIRST | LAST)) == (7, 9)
    assert voice.check_whispered(frame(7, target=9, flags=WHISPERED))[0] == -1
    assert voice.check_whispered(frame(7, target=9, packet=b""))[0] == -1


@given(st.binary(max_size=450))
def test_the_check_of_whispers_takes_any_bytes(data: bytes) -> None:
    ssrc, target = voice.check_whispered(data)
    assert ssrc == -1 or (len(data) >= 17 and target == int.from_bytes(data[10:12], "big"))


def test_marking_a_frame_changes_one_bit() -> None:
    assert voice.as_whispered(frame(7, target=9, flags=LAST)) == frame(7, target=9, flags=LAST | WHISPERED)
