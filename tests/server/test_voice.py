"""Voice frames (protocol.md section 6), on one node with a real port."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from server.wire import voice
from tests.guest import FIRST, LAST, Guest, fetch, frame
from tests.nodes import Served, Serving

WRONG: dict[str, Callable[[int], bytes]] = {
    "no packet": lambda ssrc: frame(ssrc, packet=b""),
    "half a header": lambda ssrc: frame(ssrc)[:9],
    "nothing": lambda ssrc: b"",
    "another kind": lambda ssrc: frame(ssrc, kind=0x50),
    "the flag of whispers": lambda ssrc: frame(ssrc, flags=0x10),
    "a reserved flag": lambda ssrc: frame(ssrc, flags=0x04),
    "a reserved flag beside a good one": lambda ssrc: frame(ssrc, flags=0x81),
    "another codec": lambda ssrc: frame(ssrc, codec=0x12),
    "no frame length": lambda ssrc: frame(ssrc, codec=0x00),
    "10 ms": lambda ssrc: frame(ssrc, codec=0x01),
    "30 ms": lambda ssrc: frame(ssrc, codec=0x03),
    "a strange ssrc": lambda ssrc: frame(ssrc ^ 1),
    "an unknown target": lambda ssrc: frame(ssrc, target=1),
}


async def room_of(served: Served, *names: str) -> tuple[list[Guest], list[int]]:
    """Clients in the lobby and their ssrcs."""
    guests = [await served.enter(name) for name in names]
    ssrcs = [(await guest.join())["ssrc"] for guest in guests]
    for guest in guests:
        await guest.settle()
        guest.unread.clear()
    return guests, ssrcs


def dropped(served: Served, reason: str) -> int:
    return served.node.counters.voice_dropped[reason]


async def test_a_frame_reaches_the_others_byte_for_byte_and_not_its_sender(served: Served) -> None:
    (ann, bob, cid), (ssrc, _, _) = await room_of(served, "Ann", "Bob", "Cid")
    sent = frame(ssrc, flags=FIRST, level=0xFF, codec=0x06, seq=65535, ts=2**32 - 1, packet=bytes(range(256)))
    await ann.send_raw(sent)
    assert await bob.voice() == await cid.voice() == sent
    await ann.settle()
    assert not ann.heard()


async def test_frames_arrive_in_order(served: Served) -> None:
    (ann, bob), (ssrc, _) = await room_of(served, "Ann", "Bob")
    frames = [frame(ssrc, seq=seq) for seq in range(20)]
    for sent in frames:
        await ann.send_raw(sent)
    assert [await bob.voice() for _ in frames] == frames


async def test_a_frame_stays_in_its_room(served: Served) -> None:
    (ann, bob), (ssrc, _) = await room_of(served, "Ann", "Bob")
    others = [(await served.members(room, room=room))[0] for room in ("lobby2", "lobb", "Lobby")]
    await bob.join("lobby2")
    await ann.send_raw(frame(ssrc))
    await bob.voice()
    for guest in (*others, bob):
        await guest.settle()
        assert not guest.heard()


async def test_the_ssrc_chooses_the_room(served: Served) -> None:
    (ann,) = await served.members("Ann")
    bob, cid = (await served.members("Bob"))[0], (await served.members("Cid", room="second"))[0]
    second = (await ann.join("second"))["ssrc"]
    await ann.send_raw(frame(second))
    assert await cid.voice() == frame(second)
    await bob.settle()
    assert not bob.heard()


@pytest.mark.parametrize("codec", [0x02, 0x04, 0x06])
@pytest.mark.parametrize("flags", [0, FIRST, LAST, FIRST | LAST])
async def test_every_form_that_is_allowed_is_relayed(served: Served, codec: int, flags: int) -> None:
    (ann, bob), (ssrc, _) = await room_of(served, "Ann", "Bob")
    await ann.send_raw(frame(ssrc, codec=codec, flags=flags))
    assert await bob.voice() == frame(ssrc, codec=codec, flags=flags)


@pytest.mark.parametrize("kind", WRONG)
async def test_a_wrong_frame_is_dropped_counted_and_answered(served: Served, kind: str) -> None:
    (ann, bob), (ssrc, _) = await room_of(served, "Ann", "Bob")
    await ann.send_raw(WRONG[kind](ssrc))
    error = await ann.next("error")
    assert error["code"] == "bad_request"
    assert "id" not in error
    await bob.settle()
    assert not bob.heard()
    assert dropped(served, "wrong") == 1
    metrics = await fetch(served.url, "/metrics")
    assert b'switchboard_voice_dropped_total{reason="wrong"} 1.0' in metrics.body
    await ann.send_raw(frame(ssrc))
    assert await bob.voice() == frame(ssrc)


async def test_the_ssrc_of_somebody_else_is_a_wrong_frame(served: Served) -> None:
    (ann, bob, cid), (_, ssrc, _) = await room_of(served, "Ann", "Bob", "Cid")
    await ann.send_raw(frame(ssrc))
    assert (await ann.next("error"))["code"] == "bad_request"
    for guest in (bob, cid):
        await guest.settle()
        assert not guest.heard()


async def test_after_leaving_the_ssrc_is_wrong(served: Served) -> None:
    (ann, bob), (ssrc, _) = await room_of(served, "Ann", "Bob")
    await ann.ask("leave", room="lobby")
    await ann.send_raw(frame(ssrc))
    assert (await ann.next("error"))["code"] == "bad_request"
    await bob.settle()
    assert not bob.heard()


async def test_wrong_frames_are_answered_once_a_second_and_never_close(served: Served) -> None:
    served.clock.stop()
    (ann, bob), (ssrc, _) = await room_of(served, "Ann", "Bob")
    for _ in range(50):
        await ann.send_raw(b"\x51")
    await ann.settle()
    assert len(ann.seen("error")) == 1
    served.advance(1.01)
    for _ in range(50):
        await ann.send_raw(b"\x51")
    await ann.settle()
    assert len(ann.seen("error")) == 2
    assert dropped(served, "wrong") == 100
    await ann.send_raw(frame(ssrc))
    assert await bob.voice() == frame(ssrc)


# Who speaks


async def test_members_are_told_who_speaks_and_who_stopped(served: Served) -> None:
    (ann, bob), (ssrc, _) = await room_of(served, "Ann", "Bob")
    await ann.send_raw(frame(ssrc, flags=FIRST))
    for guest in (ann, bob):
        assert await guest.next("speaking") == {
            "type": "speaking",
            "room": "lobby",
            "on": [ann.session],
            "off": [],
        }
    cid = await served.enter("Cid")
    members = {member["name"]: member["speaking"] for member in (await cid.join())["members"]}
    assert members == {"Ann": True, "Bob": False, "Cid": False}
    await ann.send_raw(frame(ssrc, flags=LAST))
    for guest in (ann, bob, cid):
        assert await guest.next("speaking") == {
            "type": "speaking",
            "room": "lobby",
            "on": [],
            "off": [ann.session],
        }


async def test_300_ms_without_a_frame_end_a_speech(served: Served) -> None:
    served.clock.stop()
    (ann, bob), (ssrc, _) = await room_of(served, "Ann", "Bob")
    await ann.send_raw(frame(ssrc))
    await ann.settle()
    served.advance(0.29)
    assert (await bob.next("speaking"))["on"] == [ann.session]
    await bob.settle()
    assert not bob.seen("speaking")
    served.advance(0.02)
    assert (await bob.next("speaking"))["off"] == [ann.session]


async def test_who_leaves_speaks_no_more(served: Served) -> None:
    (ann, bob), (ssrc, _) = await room_of(served, "Ann", "Bob")
    await ann.send_raw(frame(ssrc))
    await bob.next("speaking", on=[ann.session])
    await ann.ask("leave", room="lobby")
    await bob.next("speaking", off=[ann.session])


async def test_eight_may_speak_at_once_and_a_ninth_is_dropped(served: Served) -> None:
    served.clock.stop()
    guests, ssrcs = await room_of(served, *(f"g{number}" for number in range(9)))
    *speakers, ninth = guests
    for speaker, ssrc in zip(speakers, ssrcs, strict=False):
        await speaker.send_raw(frame(ssrc))
        await speaker.settle()
    for _ in range(3):
        await ninth.send_raw(frame(ssrcs[8]))
    await ninth.settle()
    assert [error["code"] for error in ninth.seen("error")] == ["room_full"]
    assert len(ninth.heard()) == 8
    await speakers[0].settle()
    assert [heard[4:8] for heard in speakers[0].heard()] == [ssrc.to_bytes(4, "big") for ssrc in ssrcs[1:8]]
    assert dropped(served, "speakers") == 3

    await speakers[0].send_raw(frame(ssrcs[0], flags=LAST))
    await speakers[0].settle()
    await ninth.send_raw(frame(ssrcs[8]))
    assert await speakers[0].take(lambda heard: heard == frame(ssrcs[8]))


async def test_a_place_among_the_speakers_is_free_after_300_ms_of_silence(served: Served) -> None:
    served.clock.stop()
    guests, ssrcs = await room_of(served, *(f"g{number}" for number in range(9)))
    for speaker, ssrc in zip(guests[:8], ssrcs, strict=False):
        await speaker.send_raw(frame(ssrc))
        await speaker.settle()
    served.advance(0.31)
    await guests[8].send_raw(frame(ssrcs[8]))
    await guests[0].take(lambda heard: heard == frame(ssrcs[8]))


async def test_the_limit_of_speakers_is_each_rooms_own(served: Served) -> None:
    guests, ssrcs = await room_of(served, *(f"g{number}" for number in range(8)))
    for speaker, ssrc in zip(guests, ssrcs, strict=True):
        await speaker.send_raw(frame(ssrc))
    second = (await guests[0].join("second"))["ssrc"]
    (listener,) = await served.members("Listener", room="second")
    await guests[0].send_raw(frame(second))
    assert await listener.voice() == frame(second)


# How fast


async def test_27_frames_may_come_at_once_and_55_a_second(served: Served) -> None:
    served.clock.stop()
    (ann, bob), (ssrc, _) = await room_of(served, "Ann", "Bob")
    for seq in range(29):
        await ann.send_raw(frame(ssrc, seq=seq))
    await ann.settle()
    assert [error["code"] for error in ann.seen("error")] == ["rate_limited"]
    assert dropped(served, "rate") in (1, 2)
    await bob.settle()
    assert [heard[9] for heard in bob.heard()][:27] == list(range(27))

    bob.unread.clear()
    for seq in range(110):
        served.clock.advance(1 / 55)
        await ann.send_raw(frame(ssrc, seq=seq))
        await ann.settle()
    await bob.settle()
    assert len(bob.heard()) == 110


# How old


@pytest.mark.parametrize("ticked", [False, True], ids=["before the tick", "after it"])
@pytest.mark.parametrize(("frames", "packet"), [(30, b"opus"), (500, bytes(60))], ids=["few", "many"])
async def test_what_waited_while_the_node_stood_still_is_dropped_when_it_is_older_than_200_ms(
    served: Served, frames: int, packet: bytes, ticked: bool
) -> None:
    served.clock.stop()
    (ann, bob), (ssrc, _) = await room_of(served, "Ann", "Bob")
    served.clock.advance(1.0)
    if ticked:
        assert served.gateway._timer is not None
        served.gateway._timer.cancel()
        served.gateway._tick(served.gateway._due)
    waited = [frame(ssrc, seq=seq, ts=(seq * 960 - 9600) % 2**32, packet=packet) for seq in range(frames)]
    said = json.dumps({"type": "say", "id": 7, "room": "lobby", "text": "not old"}).encode()
    ann.socket.transport.write(
        b"".join(
            Frame(opcode, data).serialize(mask=True)
            for opcode, data in [*((Opcode.BINARY, each) for each in waited), (Opcode.TEXT, said)]
        )
    )
    await ann.settle()
    await bob.settle()
    assert bob.heard() == waited[-11:]
    assert [event["text"] for event in bob.seen("message")] == ["not old"]
    assert dropped(served, "late") == frames - 11
    assert ann.seen("error") == []


async def test_a_burst_that_comes_while_the_node_is_well_is_not_too_old(served: Served) -> None:
    served.clock.stop()
    (ann, bob), (ssrc, _) = await room_of(served, "Ann", "Bob")
    burst = [frame(ssrc, seq=seq, ts=seq * 960) for seq in range(27)]
    ann.socket.transport.write(b"".join(Frame(Opcode.BINARY, each).serialize(mask=True) for each in burst))
    await ann.settle()
    await bob.settle()
    assert bob.heard() == burst


async def test_without_a_limit_all_frames_pass(serve: Serving) -> None:
    served = await serve(voice_fps=0)
    served.clock.stop()
    (ann, bob), (ssrc, _) = await room_of(served, "Ann", "Bob")
    for seq in range(200):
        await ann.send_raw(frame(ssrc, seq=seq))
        if seq % 10 == 9:  # in small lots, so that the listener is no slow receiver
            await ann.settle()
            await bob.settle()
    assert len(bob.heard()) == 200


# The pure check


def test_the_check_tells_the_ssrc_of_a_good_frame() -> None:
    assert voice.check(frame(0xFFFFFFFE, flags=FIRST, packet=b"x" * 400)) == 0xFFFFFFFE
    assert voice.check(frame(1, level=0, packet=b"x")) == 1


@pytest.mark.parametrize("kind", [kind for kind in WRONG if kind != "a strange ssrc"])
def test_the_check_refuses_a_wrong_frame(kind: str) -> None:
    assert voice.check(WRONG[kind](5)) == -1


@given(st.binary(max_size=500))
def test_the_check_takes_any_bytes(data: bytes) -> None:
    ssrc = voice.check(data)
    if ssrc != -1:
        assert 17 <= len(data) <= 416
        assert data[0] == 0x51
        assert data[1] & 0xFC == 0
        assert data[3] in (2, 4, 6)
        assert data[4:8] == ssrc.to_bytes(4, "big")
        assert data[10:12] == b"\0\0"
