"""The reference client against a real node."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from websockets.asyncio.server import ServerConnection, serve

from server.client import Client, Closed, Unknown, Voice, history
from server.identity import load_key, mint
from server.session import Role
from server.wire import moderation, native, reporting
from server.wire.moderation import Whom
from server.wire.native import Code, Refused
from tests.processes import Process, node


@pytest.fixture
async def alone(tmp_path: Path) -> AsyncIterator[Process]:
    async with node(tmp_path, "--bus=memory") as process:
        yield process


async def test_two_clients_talk_in_a_room(alone: Process) -> None:
    async with Client(alone.url, name="Ann") as ann, Client(alone.url, name="Bob", user="bob") as bob:
        assert ann.welcome.name == "Ann"
        await ann.join("lobby")
        joined = await bob.join("lobby")
        assert [member.name for member in joined.members] == ["Ann", "Bob"]
        assert (await ann.next(native.MemberJoined)).member.session == bob.session

        sent = await ann.say("lobby", "hello")
        said = await bob.next(native.Said)
        assert (said.text, said.sender.name, said.origin, said.seq) == ("hello", "Ann", sent.origin, sent.seq)
        async with Client(alone.url) as late:
            assert [message.text for message in history(await late.join("lobby"))] == ["hello"]

        assert (await ann.whisper("psst", user="bob")).delivered == 1
        assert (await bob.next(native.Whispered)).text == "psst"
        await bob.leave("lobby")
        assert (await ann.next(native.MemberLeft)).session == late.session
        assert (await ann.next(native.MemberLeft)).session == bob.session


async def test_the_same_id_says_a_text_once(alone: Process) -> None:
    async with Client(alone.url) as ann, Client(alone.url) as bob:
        for client in (ann, bob):
            await client.join("lobby")
        first = await ann.say("lobby", "once", id=7)
        assert await ann.say("lobby", "once", id=7) == first
        await ann.say("lobby", "after")
        assert (await bob.next(native.Said)).text == "once"
        assert (await bob.next(native.Said)).text == "after"


async def test_voice_is_heard_as_it_was_sent(alone: Process) -> None:
    async with Client(alone.url) as ann, Client(alone.url) as bob:
        await ann.join("lobby")
        talk = bob.talk(await bob.join("lobby"), frame_ms=40)
        await talk.send(b"one", level=12, first=True)
        talk.pause(1000)
        await talk.send(b"two", last=True)
        one, two = await ann.next(Voice), await ann.next(Voice)
        assert (one.packet, one.level, one.flags, one.seq, one.ts) == (b"one", 12, 0x01, 0, 0)
        assert (two.packet, two.flags, two.seq, two.ts) == (b"two", 0x02, 1, 1040 * 48)
        assert one.ssrc == two.ssrc


async def test_a_refusal_is_raised_and_the_connection_stays(alone: Process) -> None:
    async with Client(alone.url) as ann:
        with pytest.raises(Refused) as refused:
            await ann.say("nowhere", "hello")
        assert refused.value.code == Code.NOT_FOUND
        with pytest.raises(Refused) as refused:
            await ann.kick(Whom.of(session=ann.session))
        assert refused.value.code == Code.FORBIDDEN
        assert (await ann.list("rooms")).items == []


async def test_a_wrong_token_is_refused(alone: Process) -> None:
    client = Client(alone.url, token="no token")
    with pytest.raises(Refused) as refused:
        await client.open()
    assert refused.value.code == Code.UNAUTHORIZED


async def test_who_is_kicked_learns_why(alone: Process, tmp_path: Path) -> None:
    token = mint(load_key(None, tmp_path), user="mo", role=Role.MODERATOR)
    async with Client(alone.url, token=token) as moderator, Client(alone.url, name="Bob") as bob:
        assert moderator.welcome.role is Role.MODERATOR
        done = await moderator.kick(Whom.of(session=bob.session), reason="too loud")
        assert [result.outcome for result in done.results] == ["done"]
        assert (await bob.next(moderation.Moderated)).reason == "too loud"
        assert [event async for event in bob] == []
        closed = await bob.wait_closed()
        assert closed.code == 4403
        with pytest.raises(Closed) as raised:
            await bob.join("lobby")
        assert raised.value.code == 4403


async def test_a_member_reports_and_a_moderator_works_on_it(alone: Process, tmp_path: Path) -> None:
    token = mint(load_key(None, tmp_path), user="mo", role=Role.MODERATOR, name="Mo")
    async with (
        Client(alone.url, token=token) as mo,
        Client(alone.url, name="Ann") as ann,
        Client(alone.url, name="Bob") as bob,
    ):
        for client in (ann, bob):
            await client.join("lobby")
        said = await bob.say("lobby", "you fool")
        await ann.report("lobby", "he insults me", session=bob.session, origin=said.origin, seq=said.seq)
        told = await mo.next(reporting.Reported)
        assert (told.name, told.message) == ("Bob", reporting.Place(said.origin, said.seq))
        assert [line.text for line in (await mo.read_report(told.report)).lines] == ["you fool"]
        await mo.take_report(told.report)
        assert (await mo.next(reporting.ReportUpdated)).state == "taken"
        await mo.close_report(told.report, note="warned him")
        assert (await mo.next(reporting.ReportUpdated)).note == "warned him"
        await mo.reopen_report(told.report)
        (item,) = (await mo.list("reports")).items
        assert item["state"] == "open"


async def test_requests_under_way_end_with_the_connection(alone: Process) -> None:
    async with Client(alone.url) as ann:
        asked = asyncio.ensure_future(ann.next(native.Said))
        await asyncio.sleep(0)
        assert (await ann.close()).code == 1000
        with pytest.raises(Closed):
            await asked
        with pytest.raises(Closed):
            await ann.join("lobby")


async def test_an_unknown_event_is_handed_on() -> None:
    welcome = native.Welcome(
        session="s",
        user="ann",
        name="Ann",
        role=Role.USER,
        node="n",
        resume="",
        resume_seconds=0,
        urls=[],
        limits={},
        cursors={},
        recovered=None,
        server="switchboard/9.0",
    )

    async def later_version(socket: ServerConnection) -> None:
        hello = json.loads(await socket.recv())
        await socket.send('{"type":"from_the_future","more":1}')
        await socket.send(native.encode(msgspec.structs.replace(welcome, id=hello["id"])).decode())
        await socket.wait_closed()

    async with serve(later_version, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with Client(f"ws://127.0.0.1:{port}/ws") as client:
            assert (await client.next(Unknown)).message == {"type": "from_the_future", "more": 1}


async def test_moderators_mute_and_announce(alone: Process, tmp_path: Path) -> None:
    token = mint(load_key(None, tmp_path), user="mo", role=Role.MODERATOR)
    async with (
        Client(alone.url, token=token) as moderator,
        Client(alone.url, name="Ann") as ann,
        Client(alone.url, name="Bob") as bob,
    ):
        await bob.join("lobby")
        await ann.join("lobby")
        done = await moderator.mute(Whom.of(session=bob.session), room="lobby", seconds=600, reason="too loud")
        assert [result.outcome for result in done.results] == ["done"]
        moderated = await bob.next(moderation.Moderated)
        assert (moderated.action, moderated.reason, moderated.until is None) == ("mute", "too loud", False)
        assert (await ann.next(native.MemberUpdated)).muted
        with pytest.raises(Refused) as refused:
            await bob.say("lobby", "hello?")
        assert refused.value.code == Code.MUTED
        await moderator.unmute(Whom.of(user=bob.welcome.user))
        await bob.say("lobby", "thanks")
        assert (await moderator.announce("all is well", room="lobby")).room == "lobby"
        announced = await bob.next(native.Announced)
        assert (announced.text, announced.room, announced.sender.user) == ("all is well", "lobby", "mo")


async def test_moderators_kick_with_a_grace_move_and_ban(alone: Process, tmp_path: Path) -> None:
    token = mint(load_key(None, tmp_path), user="mo", role=Role.MODERATOR)
    async with (
        Client(alone.url, token=token) as moderator,
        Client(alone.url, name="Ann", user="ann") as ann,
        Client(alone.url, name="Bob", user="bob") as bob,
    ):
        for client in (ann, bob):
            await client.join("lobby")
        await moderator.kick(Whom.of(session=bob.session), grace_seconds=60, block_seconds=60)
        assert (await bob.next(moderation.Moderated)).until is not None
        assert [one.outcome for one in (await moderator.unkick(Whom.of(session=bob.session))).results] == ["done"]
        assert (await bob.next(moderation.Moderated)).action == "unkick"

        done = await moderator.move(Whom.of(sessions=[ann.session, bob.session]), room="lobby", to="second")
        assert [one.outcome for one in done.results] == ["done", "done"]
        for client in (ann, bob):
            moved = await client.next(moderation.Moved)
            assert (moved.room, moved.to) == ("lobby", "second")
            assert client.rooms == ("second",)
            assert client.ssrc("second") == moved.joined.ssrc
        await bob.say("second", "here we are")
        assert (await ann.next(native.Said)).room == "second"

        (result,) = (await moderator.ban(user="bob", seconds=60)).results
        assert (await bob.wait_closed()).code == 4403
        assert [item["user"] for item in (await moderator.bans()).items] == ["bob"]
        await moderator.unban(str(result.ban))
        assert (await moderator.bans()).items == []


async def test_voice_is_whispered_and_not_heard_by_who_is_deafened(alone: Process) -> None:
    async with Client(alone.url) as ann, Client(alone.url) as bob:
        await bob.join("lobby")
        talk = ann.talk(await ann.join("lobby"))
        await ann.voice_target(7, session=bob.session)
        await talk.send(b"psst", target=7)
        await talk.send(b"aloud")
        whispered, aloud = await bob.next(Voice), await bob.next(Voice)
        assert (whispered.packet, whispered.target, whispered.whispered) == (b"psst", 7, True)
        assert (aloud.packet, aloud.target, aloud.whispered) == (b"aloud", 0, False)
        await bob.deafen(True)
        await talk.send(b"unheard")
        await ann.say("lobby", "sent")
        await bob.deafen(False)
        await talk.send(b"heard")
        assert (await bob.next(Voice)).packet == b"heard"
