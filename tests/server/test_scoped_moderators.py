"""A moderator who is limited to rooms is one there, and like anybody else in all others."""

from __future__ import annotations

import pytest

from tests.guest import FIRST, Guest, frame
from tests.nodes import Served, token


async def moderator(served: Served) -> Guest:
    return await served.enter(None, token=token("moderator", user="mo", name="Mo", rooms=("team-*",)))


@pytest.mark.parametrize(("room", "passes"), [("team-a", True), ("lobby", False)])
async def test_locks_and_capacity_hold_in_other_rooms(served: Served, room: str, passes: bool) -> None:
    admin, mo = await served.enter_as("admin", user="root"), await moderator(served)
    (ann,) = await served.members("Ann", room=room)
    for setting, code in (({"capacity": 1}, "room_full"), ({"locked": True}, "room_locked")):
        assert (await admin.ask("set_room", room=room, **setting))["type"] == "done"
        answer = await mo.ask("join", room=room)
        assert answer.get("code", answer["type"]) == ("joined" if passes else code)
        if passes:
            await mo.ask("leave", room=room)
    await ann.settle()


@pytest.mark.parametrize(("room", "passes"), [("team-a", True), ("lobby", False)])
async def test_a_muted_room_and_slow_mode_hold_in_other_rooms(served: Served, room: str, passes: bool) -> None:
    admin, mo = await served.enter_as("admin", user="root"), await moderator(served)
    (ann,) = await served.members("Ann", room=room)
    ssrc = (await mo.join(room))["ssrc"]
    await admin.ask("set_room", room=room, slow_seconds=60)
    answers = [await mo.ask("say", room=room, text="again") for _ in range(2)]
    assert [answer.get("code", answer["type"]) for answer in answers] == [
        "sent",
        "sent" if passes else "rate_limited",
    ]
    await admin.ask("set_room", room=room, slow_seconds=0, muted=True)
    answer = await mo.ask("say", room=room, text="and now")
    assert answer.get("code", answer["type"]) == ("sent" if passes else "muted")
    await mo.send_raw(frame(ssrc, flags=FIRST))
    if passes:
        assert await ann.voice() == frame(ssrc, flags=FIRST)
    else:
        assert (await mo.next("error"))["code"] == "muted"
