"""The audit (protocol.md section 7: `audit`): what was done, by whom, and what came of it; on every node the same."""

from __future__ import annotations

import asyncio
import json
from functools import partial
from typing import Any

import pytest

from bus.interface import BusError
from bus.record import Kind
from server import chain, ledger
from server.acts import Mute
from server.chain import Asked, Began, Came
from server.desk import Desk
from server.events import PeerTurned
from server.intent import Intent
from server.ledger import Ledger, Wanted
from server.session import Actor, Role
from server.wire.moderation import Whom
from tests.bus.ear import eventually
from tests.guest import Event, Guest
from tests.nodes import Served, Serving, without

KEYS = {"at", "by", "action", "target", "room", "reason", "node", "outcome"}
"""What protocol.md promises of each item."""


async def listed(guest: Guest, **how: Any) -> list[Event]:
    """What the node of `guest` lists."""
    answer = await guest.ask("audit", **how)
    assert (answer["type"], answer["what"]) == ("listed", "audit"), answer
    return list(answer["items"])


async def cluster(serve: Serving, count: int = 3) -> list[Served]:
    """Nodes that know each other."""
    addresses = [f"m:{number}" for number in range(count)]
    nodes = [await serve(*addresses[:number], address=address) for number, address in enumerate(addresses)]
    await eventually(lambda: all(len(served.node.cards.urls_of_others()) == count - 1 for served in nodes))
    return nodes


async def test_what_was_done_is_listed_newest_first(served: Served) -> None:
    (bob,) = await served.members("Bob")
    mo = await served.enter_as("moderator", user="mo")
    before = served.node.clock.wall_ms()
    await mo.ask("mute", session=bob.session, room="lobby", seconds=60, reason="too loud")
    await mo.ask("kick", user=bob.welcome["user"], reason="still too loud")
    kick, mute = await listed(mo)
    for item in (kick, mute):
        assert item.keys() >= KEYS
        assert item.pop("at") >= before
        assert item.pop("ms") >= 0
        assert item.pop("act")
    assert mute.pop("until") >= before + 60_000
    assert mute == {
        "by": "mo",
        "by_user": "mo",
        "action": "mute",
        "target": bob.session,
        "session": bob.session,
        "user": bob.welcome["user"],
        "name": "Bob",
        "room": "lobby",
        "reason": "too loud",
        "detail": "",
        "node": "n1",
        "outcome": "done",
    }
    assert without(kick, "target", "session", "user", "name") == {
        "by": "mo",
        "by_user": "mo",
        "action": "kick",
        "room": None,
        "reason": "still too loud",
        "detail": "",
        "until": None,
        "node": "n1",
        "outcome": "done",
    }


async def test_pages_follow_each_other_without_a_gap(served: Served) -> None:
    mo = await served.enter_as("moderator", user="mo")
    guests = [await served.enter(f"Guest {number}") for number in range(7)]
    for guest in guests:
        await mo.ask("mute", session=guest.session)
    seen: list[str] = []
    after: dict[str, str] = {}
    for size in (3, 3, 1):
        page = await mo.ask("audit", limit=3, **after)
        seen += [item["session"] for item in page["items"]]
        assert len(page["items"]) == size
        after = {"after": page["next"]}
    assert after == {"after": None}
    assert seen == [guest.session for guest in reversed(guests)]


@pytest.mark.parametrize("how", [{"after": "1"}, {"after": "1:2:3:4:5"}, {"after": "x:y:1:1"}, {"limit": 0}])
async def test_what_is_no_page_is_refused(served: Served, how: dict[str, Any]) -> None:
    mo = await served.enter_as("moderator")
    assert (await mo.ask("audit", **how))["code"] == "bad_request"
    assert await listed(mo) == []


async def test_users_may_not_read_it(served: Served) -> None:
    ann = await served.enter("Ann")
    assert (await ann.ask("audit"))["code"] == "forbidden"


async def test_what_was_refused_was_not_done(served: Served) -> None:
    admin = await served.enter_as("admin", user="ada")
    mo = await served.enter_as("moderator", user="mo")
    assert (await mo.ask("kick", session=admin.session))["code"] == "forbidden"
    assert (await mo.ask("kick", session="nobody"))["code"] == "not_found"
    assert await listed(mo) == []


async def test_every_node_knows_the_same_lines(serve: Serving) -> None:
    nodes = await cluster(serve)
    guests = [await served.enter(f"Guest {at}") for at, served in enumerate(nodes)]
    await eventually(lambda: all(len(served.node.presence.present) == 3 for served in nodes))
    mo = await nodes[0].enter_as("moderator", user="mo")
    mia = await nodes[2].enter_as("moderator", user="mia")
    for moderator, guest in ((mo, guests[2]), (mia, guests[0]), (mo, guests[1])):
        assert (await moderator.ask("mute", session=guest.session))["type"] == "done"
    await eventually(lambda: len({served.node.audit.summary for served in nodes}) == 1)
    pages = [await listed(guest) for guest in (mo, await nodes[1].enter_as("moderator", user="max"), mia)]
    assert pages[0] == pages[1] == pages[2]
    found = sorted((item["by"], item["node"]) for item in pages[0])  # two may be of one millisecond
    assert found == [("mia", "n1"), ("mo", "n2"), ("mo", "n3")]


def knows_alike(one: Served, other: Served) -> bool:
    """Whether the other knows the chain of this one as far as it was written."""
    origin = one.node.bus.origin
    return other.node.audit.known(origin) == one.node.audit.known(origin)


async def test_what_came_later_is_listed_later_although_clocks_are_somewhat_apart(
    serve: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = await cluster(serve, 2)
    monkeypatch.setattr(a.node.clock, "wall_ms", lambda: 1_000_000)
    monkeypatch.setattr(b.node.clock, "wall_ms", lambda: 996_000)
    for number, (one, other) in enumerate([(a, b), (b, a), (a, b), (b, a)]):
        one.node.audit.happened(Intent("test", target=f"{number}"))
        await eventually(partial(knows_alike, one, other))
    items = await a.node.audit.page(Wanted(), limit=9)
    assert [(item.asked.target, item.line.at) for item in items] == [
        ("3", 1_000_003),
        ("2", 1_000_002),
        ("1", 1_000_001),
        ("0", 1_000_000),
    ]
    monkeypatch.setattr(b.node.clock, "wall_ms", lambda: 900_000)
    b.node.audit.happened(Intent("test", target="an hour ago"))
    assert (await b.node.audit.page(Wanted(), limit=9))[-1].line.at == 900_000


async def test_what_became_of_it_is_not_known_when_its_node_does_not_answer(
    serve: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = await cluster(serve, 2)
    bob = await b.enter("Bob")
    await eventually(lambda: bob.session in a.node.presence.present)
    mo = await a.enter_as("moderator", user="mo")

    async def silent(*_: object, **__: object) -> bytes:
        raise BusError("it does not answer")

    monkeypatch.setattr(a.node.bus, "call", silent)
    assert (await mo.ask("kick", session=bob.session))["code"] == "unavailable"
    (item,) = await listed(mo)
    assert (item["outcome"], item["node"], item["ms"]) == ("unknown", "n1", None)


async def test_a_node_that_dies_between_asking_and_hearing_leaves_what_it_asked(
    serve: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b, c = await cluster(serve)
    bob = await b.enter("Bob")
    await eventually(lambda: bob.session in a.node.presence.present)
    mo = await a.enter_as("moderator", user="mo")
    asked = asyncio.Event()

    async def never(*_: object, **__: object) -> bytes:
        asked.set()
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(a.node.bus, "call", never)
    await mo.send("kick", session=bob.session, reason="spam")
    await asked.wait()
    serve.network.buses["m:0"].vanish()
    mia = await c.enter_as("moderator", user="mia")
    await eventually(lambda: c.node.audit.known(a.node.bus.origin) == 2)
    (item,) = await listed(mia)
    assert (item["action"], item["by"], item["reason"], item["outcome"]) == ("kick", "mo", "spam", "unknown")


async def test_lines_are_written_ahead(serve: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    """What another node is asked to do stands in the log of who asks before it is asked."""
    a, b = await cluster(serve, 2)
    bob = await b.enter("Bob")
    await eventually(lambda: bob.session in a.node.presence.present)
    mo = await a.enter_as("moderator", user="mo")
    call = a.node.bus.call
    seen: list[str] = []

    async def watched(*how: Any, **more: Any) -> bytes:
        seen.extend(item.asked.action for item in await a.node.audit.page(Wanted(), limit=9))
        return await call(*how, **more)

    monkeypatch.setattr(a.node.bus, "call", watched)
    await mo.ask("kick", session=bob.session)
    assert seen == ["kick"]


async def test_the_end_of_a_mute_is_told_as_what_time_did(served: Served) -> None:
    (bob,) = await served.members("Bob")
    mo = await served.enter_as("moderator", user="mo")
    await mo.ask("mute", session=bob.session, seconds=5)
    served.wait(6)
    over, _ = await listed(mo)
    assert (over["action"], over["by"], over["by_user"], over["name"]) == ("unmute", "System", "", "Bob")


async def test_what_becomes_of_a_room_is_told_but_for_its_password(served: Served) -> None:
    mo = await served.enter_as("moderator", user="mo")
    how = {"locked": True, "capacity": 20, "title": "Night Shift", "password": "a secret word"}
    assert (await mo.ask("set_room", room="lobby", reason="staff only", **how))["type"] == "done"
    await mo.ask("set_room", room="lobby", password=None)
    second, first = await listed(mo)
    assert (second["detail"], second["outcome"]) == ("password removed", "done")
    assert (first["action"], first["target"], first["room"]) == ("set_room", "lobby", "lobby")
    assert first["detail"] == "locked on, capacity 20, title Night Shift, password set"
    assert "secret word" not in json.dumps(first)


async def test_it_is_told_where_to_somebody_was_moved(served: Served) -> None:
    (bob,) = await served.members("Bob")
    mo = await served.enter_as("moderator", user="mo")
    await mo.ask("move", session=bob.session, room="lobby", to="second")
    (item,) = await listed(mo)
    assert (item["action"], item["room"], item["detail"], item["outcome"]) == ("move", "lobby", "second", "done")


async def test_bans_and_their_end_are_told(served: Served) -> None:
    mo = await served.enter_as("moderator", user="mo")
    (result,) = (await mo.ask("ban", ip="203.0.113.0/24", reason="flood", seconds=5))["results"]
    (other,) = (await mo.ask("ban", user="eve", room="lobby"))["results"]
    await mo.ask("unban", ban=other["ban"], reason="a mistake")
    served.wait(6)
    ended, lifted, eve, flood = await listed(mo)
    assert (flood["action"], flood["target"], flood["reason"]) == ("ban", "203.0.113.0/24", "flood")
    assert flood["until"] > flood["at"]
    assert (eve["action"], eve["target"], eve["user"], eve["room"]) == ("ban", "eve", "eve", "lobby")
    assert (lifted["action"], lifted["target"], lifted["user"]) == ("unban", other["ban"], "eve")
    assert (ended["action"], ended["target"], ended["by"]) == ("ban_ended", result["ban"], "System")


async def test_an_announcement_is_told(served: Served) -> None:
    await served.members("Ann")
    mo = await served.enter_as("moderator", user="mo")
    assert (await mo.ask("announce", text="a break at noon"))["type"] == "sent"
    assert (await mo.ask("announce", room="lobby", text="quiet, please"))["type"] == "sent"
    assert (await mo.ask("announce", room="nowhere", text="hello"))["code"] == "not_found"
    second, first = await listed(mo)
    assert (first["action"], first["reason"], first["room"], first["outcome"]) == (
        "announce", "a break at noon", None, "done",
    )  # fmt: skip
    assert (second["target"], second["room"]) == ("lobby", "lobby")


async def test_a_drain_is_told_also_when_it_cannot_be(serve: Serving) -> None:
    a, b = await cluster(serve, 2)
    desk = Desk(a.node, "Olga")
    await desk.drain(desk.operator, node=b.node.node_id)
    await desk.cancel_drain(desk.operator, node=b.node.node_id)
    items = await a.node.audit.page(Wanted(), limit=9)
    assert [(item.asked.action, item.asked.target, item.asked.by.name) for item in items] == [
        ("cancel_drain", "n2", "Olga"),
        ("drain", "n2", "Olga"),
    ]
    assert [item.results[0].outcome for item in items] == ["done", "done"]


async def test_the_loss_of_a_node_is_told_once(serve: Serving) -> None:
    a, b, c = await cluster(serve)
    serve.network.buses["m:1"].vanish()
    for served in (a, c):
        served.node.audit.look(await turned_down(served, b))
    await eventually(lambda: c.node.audit.known(a.node.bus.origin) == 3)
    items = await c.node.audit.page(Wanted(), limit=9)
    assert [(item.asked.action, item.asked.target, item.line.node) for item in items] == [("node_lost", "n2", "n1")]


async def turned_down(served: Served, other: Served) -> PeerTurned:
    """What a node is told when another is down."""
    await eventually(lambda: str(served.node.cards.state_of(other.node.node_id)) != "up")
    return PeerTurned(other.node.node_id, other.node.name, "down")


async def test_a_line_that_does_not_follow_is_told(serve: Serving, caplog: pytest.LogCaptureFixture) -> None:
    a, b = await cluster(serve, 2)
    a.node.audit.happened(Intent("test", target="one"))
    origin = a.node.bus.origin
    await eventually(lambda: b.node.audit.known(origin) == 3)
    line = chain.Line(4, "f" * 64, 1, "n1", Came("act", ()))
    a.node.bus.append(Kind.AUDIT, chain.encode(line))
    await eventually(lambda: "does not follow" in caplog.text)


async def test_a_mute_of_many_is_one_act(served: Served) -> None:
    people = [await served.enter(f"Guest {number}") for number in range(3)]
    whom = Whom(sessions=tuple(guest.session for guest in people), many=True)
    by = Actor("s", "mo", "Mo", Role.MODERATOR)
    outcomes = await served.node.moderation.order(Mute(by=by, id="x", room=None), whom)
    items = await served.node.audit.page(Wanted(), limit=9)
    assert len({item.asked.act for item in items}) == 1
    assert {item.asked.person.session for item in items if item.asked.person} == {guest.session for guest in people}
    assert sorted(result.session for item in items for result in item.results) == sorted(
        str(outcome.session) for outcome in outcomes
    )


async def test_the_same_act_is_written_once(served: Served) -> None:
    by = Actor("s", "mo", "Mo", Role.MODERATOR)
    for _ in range(2):
        assert served.node.audit.asked(Intent("kick", by=by, target="bob", act="the same")) == "the same"
    assert len(await served.node.audit.page(Wanted(), limit=9)) == 1


# What a console sees.


async def test_a_console_sees_acts_each_whole(served: Served) -> None:
    people = [await served.enter(f"Guest {number}") for number in range(5)]
    records = [served.node.presence.present[guest.session] for guest in people]
    desk = Desk(served.node, "Olga")
    mo = await served.enter_as("moderator", user="mo")
    await mo.ask("mute", session=people[0].session)
    done = await mo.ask("mute", sessions=[guest.session for guest in people], reason="noise")
    await mo.ask("kick", session=people[4].session)
    first = await desk.audit_page(Wanted(), limit=3)
    (kick,) = first.acts
    assert (kick.action, kick.by_user, [name for _, _, name in kick.people]) == ("kick", "mo", ["Guest 4"])
    second = await desk.audit_page(Wanted(), limit=3, after=first.next)
    (many,) = second.acts
    assert [session for session, _, _ in many.people] == [record.session for record in records]
    assert [result.session for result in many.results] == [result["session"] for result in done["results"]]
    third = await desk.audit_page(Wanted(), limit=3, after=second.next)
    assert [len(act.people) for act in third.acts] == [1]
    assert third.next is None
    assert [act.act for act in (await desk.audit_page(Wanted())).acts] == [
        page.acts[0].act for page in (first, second, third)
    ]


async def test_a_console_counts_acts_and_knows_who_acted(served: Served) -> None:
    (bob,) = await served.members("Bob")
    desk, before = Desk(served.node, "Olga"), served.node.clock.wall_ms()
    assert (desk.audit_since(before), desk.moderators()) == ((0, 0), [])
    for user in ("mo", "Ann", "mo"):
        moderator = await served.enter_as("moderator", user=user)
        await moderator.ask("mute", session=bob.session, seconds=5)
    assert desk.audit_since(before) == (3, 2)
    assert desk.audit_since(before + 3_600_000) == (0, 0)
    assert desk.moderators() == [("Ann", "Ann"), ("mo", "mo")]


async def test_a_console_hears_of_acts_and_of_bans(served: Served) -> None:
    desk = Desk(served.node, "Olga")
    told: list[tuple[str, str]] = []
    desk.watch(lambda what, key: told.append((what, key)))
    mo = await served.enter_as("moderator", user="mo")
    (result,) = (await mo.ask("ban", user="eve", reason="flood", seconds=60))["results"]
    assert {("audit", "acts"), ("audit", "bans")} <= set(told)
    (ban,) = desk.bans()
    assert (ban.ban, ban.user, ban.ip, ban.room, ban.by, ban.reason) == (
        result["ban"],
        "eve",
        "",
        None,
        "mo",
        "flood",
    )
    assert ban.until is not None
    assert ban.until > ban.at
    await mo.ask("unban", ban=ban.ban)
    assert desk.bans() == []


async def test_what_an_operator_does_with_nodes_is_told_also_when_it_fails(served: Served) -> None:
    desk = Desk(served.node, "Olga")
    with desk.acting(desk.operator, "launch", "birch"):
        (item,) = await served.node.audit.page(Wanted(), limit=9)
        assert item.results == []
    with pytest.raises(ZeroDivisionError), desk.acting(desk.operator, "stop", "cedar"):
        raise ZeroDivisionError
    second, first = (await desk.audit_page(Wanted())).acts
    assert (first.action, first.target, first.by, first.results[0].outcome) == ("launch", "birch", "Olga", "done")
    assert (second.action, second.target, second.results[0].outcome) == ("stop", "cedar", "failed")


# What is looked for.


def book(*texts: str) -> Ledger:
    """A ledger with acts of these reasons."""
    found = Ledger(kept=5)
    found.note("a.1", chain.Line(1, chain.NOTHING, 0, "n1", Began(None)))
    for n, text in enumerate(texts, 2):
        found.note("a.1", chain.Line(n, "0" * 64, n, "n1", asked(text, n)))
    return found


def asked(text: str, n: int) -> Asked:
    by = Actor("s", "mo" if n % 2 else "mia", "Mo", Role.MODERATOR)
    person = chain.Person("s_bob", "bob", "Bob der Bär")
    return Asked(act=f"act {n}", by=by, action="kick", target="bob", person=person, room=f"room {n}", reason=text)


@pytest.mark.parametrize(
    ("wanted", "reasons"),
    [
        (Wanted(), ["Too LOUD", "spam", "loud"]),
        (Wanted(text="loud"), ["Too LOUD", "loud"]),
        (Wanted(text="BÄR"), ["Too LOUD", "spam", "loud"]),
        (Wanted(text="room 3"), ["spam"]),
        (Wanted(by="mo"), ["spam"]),
        (Wanted(room="room 4"), ["Too LOUD"]),
        (Wanted(user="bob", action="kick"), ["Too LOUD", "spam", "loud"]),
        (Wanted(user="ann"), []),
        (Wanted(action="mute"), []),
        (Wanted(since=3), ["Too LOUD", "spam"]),
        (Wanted(until=3), ["loud"]),
    ],
)
def test_what_is_wanted_is_found(wanted: Wanted, reasons: list[str]) -> None:
    found = book("loud", "spam", "Too LOUD").page(wanted, limit=9)
    assert [item.asked.reason for item in found] == reasons


def test_a_ledger_keeps_the_newest() -> None:
    found = book(*"abcdefg")
    assert [item.asked.reason for item in found.page(Wanted(), limit=9)] == list("gfedc")
    assert found.floor == (3, "a.1", 3)
    assert found.of_act("act 3") == []
    assert [item.asked.reason for item in found.page(Wanted(), limit=1, before=(6, "a.1", 6))] == ["d"]


def test_a_cursor_is_read_as_it_was_written() -> None:
    cursor = ((1_700_000_000_000, "a" * 16 + ".1", 7), 2)
    assert ledger.read_cursor(ledger.cursor_text(cursor)) == cursor
