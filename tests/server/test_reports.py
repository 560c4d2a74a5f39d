"""Members report, moderators of every node hear it, and work on each report one at a time (section 7)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bus.interface import PeerState
from server.desk import Desk
from server.inbox import KEPT_SECONDS, OWN, WAITS_SECONDS
from server.wire.native import Refused
from tests.cluster.nodes import eventually
from tests.guest import Event, Guest, fetch
from tests.nodes import Served, Serving, token, without


async def trio(serve: Serving, **options: Any) -> list[Served]:
    """Three nodes that know each other."""
    nodes = [await serve(*(["m:1"] if number > 1 else []), address=f"m:{number}", **options) for number in (1, 2, 3)]
    await eventually(lambda: all(len(served.node.cards.urls_of_others()) == 2 for served in nodes))
    return nodes


async def moderator(served: Served, user: str = "mo", *, rooms: tuple[str, ...] | None = None) -> Guest:
    return await served.enter(None, token=token("moderator", user=user, name=user.title(), rooms=rooms))


async def filed(by: Guest, **fields: Any) -> Event:
    """Report something in the lobby."""
    return await by.ask("report", **{"room": "lobby", "text": "he insults me", **fields})


async def inbox(guest: Guest, **fields: Any) -> list[Event]:
    listed = await guest.ask("list", what="reports", **fields)
    assert listed["type"] == "listed", listed
    items: list[Event] = listed["items"]
    return items


# What members report.


async def test_a_report_reaches_the_moderators_of_every_node_and_their_inbox(serve: Serving) -> None:
    a, b, c = await trio(serve)
    ann, bob = await a.members("Ann", "Bob")
    moderators = [await moderator(served, f"mo{number}") for number, served in enumerate((a, b, c))]
    cid = await b.enter("Cid")
    answer = await filed(ann, id=5, session=bob.session, text="he insults \x07me")
    assert answer == {"type": "ok", "id": 5}
    told = [await guest.next("reported") for guest in moderators]
    assert told[0] == told[1] == told[2]
    (said,) = told[:1]
    assert said.pop("report")
    assert said.pop("at") > 1_600_000_000_000
    assert said == {
        "type": "reported",
        "from": {"session": ann.session, "user": ann.welcome["user"], "name": "Ann"},
        "session": bob.session,
        "user": bob.welcome["user"],
        "name": "Bob",
        "room": "lobby",
        "text": "he insults me",
        "message": None,
    }
    for guest in moderators:
        (item,) = await inbox(guest)
        assert without(item, "report", "at") == without(said, "type") | {
            "state": "open",
            "by": None,
            "note": "",
            "worked": None,
        }
    for guest in (ann, bob, cid):
        await guest.settle()
        assert not guest.seen("reported")
        assert (await guest.ask("list", what="reports"))["code"] == "forbidden"


async def test_a_report_brings_along_the_last_minute_of_the_room_and_what_is_known(served: Served) -> None:
    ann, bob = await served.members("Ann", "Bob")
    await bob.join("other")
    await bob.say("long ago")
    served.advance(61)
    await bob.say("you fool")
    await bob.say("elsewhere", room="other")
    await ann.say("stop it")
    mo = await moderator(served)
    await mo.ask("mute", session=bob.session, room="other", seconds=5, reason="shouting")
    await filed(ann, session=bob.session)
    (item,) = await inbox(mo)
    found = await mo.ask("report_read", report=item["report"])
    assert (found["type"], found["report"], found["shortened"]) == ("report_evidence", item["report"], False)
    assert [(line["from"]["name"], line["text"], line["whisper"]) for line in found["lines"]] == [
        ("Bob", "you fool", False),
        ("Ann", "stop it", False),
    ]
    facts = found["facts"]
    assert (facts["role"], facts["node"], facts["ip"], facts["state"]) == ("user", "n1", "127.0.0.1", "online")
    assert (facts["muted"], facts["speaking"], facts["sessions"]) == (False, False, 1)
    assert facts["joined"] >= facts["connected"]
    (earlier,) = found["earlier"]
    assert (earlier["action"], earlier["by"], earlier["room"], earlier["reason"]) == (
        "mute",
        "Mo",
        "other",
        "shouting",
    )


async def test_a_message_is_reported_by_its_place_however_old_it_is(served: Served) -> None:
    ann, bob = await served.members("Ann", "Bob")
    place = await bob.say("you fool")
    served.advance(3600)
    await ann.say("hello?")
    mo = await moderator(served)
    where = {"origin": place["origin"], "seq": place["seq"]}
    assert (await filed(ann, session=bob.session, **where))["type"] == "ok"
    told = await mo.next("reported")
    assert told["message"] == where
    found = await mo.ask("report_read", report=told["report"])
    assert [line["text"] for line in found["lines"]] == ["you fool", "hello?"]


async def test_the_longest_report_is_taken_too(served: Served) -> None:
    ann, bob = await served.members("Ann", "Bob")
    mo, long = await moderator(served), "\U0001f600" * 4000
    place = await bob.say(long)
    for _ in range(22):
        done = await mo.ask("mute", user=bob.welcome["user"], seconds=600, reason=long)
        assert done["type"] == "done", done
    served.advance(61)
    for _ in range(5):
        await ann.say(long)
    answer = await filed(ann, session=bob.session, text=long, origin=place["origin"], seq=place["seq"])
    assert answer["type"] == "ok", answer
    (item,) = await inbox(mo)
    found = await mo.ask("report_read", report=item["report"])
    assert item["text"] == found["lines"][0]["text"] == long
    assert (found["shortened"], len(found["earlier"])) == (True, 20)
    assert found["earlier"][0]["reason"] == long[:99] + "…"


async def test_metrics_say_how_many_wait(served: Served) -> None:
    _, mo, report = await one_report(served)

    async def counted() -> list[str]:
        body = (await fetch(served.url, "/metrics")).body.decode()
        return [line for line in body.splitlines() if line.startswith("switchboard_reports{")]

    states = ["open", "taken", "closed"]
    assert await counted() == [f'switchboard_reports{{state="{state}"}} {float(state == "open")}' for state in states]
    await mo.ask("report_take", report=report)
    assert await counted() == [
        f'switchboard_reports{{state="{state}"}} {float(state == "taken")}' for state in states
    ]


async def test_each_step_stands_in_the_audit(serve: Serving) -> None:
    a, b, c = await trio(serve)
    _, mo, report = await one_report(a)
    await mo.ask("report_take", report=report)
    await mo.ask("report_close", report=report, note="warned him")
    admin = await c.enter_as("admin")

    async def steps() -> list[tuple[str, str, str, str]]:
        items = (await admin.ask("audit"))["items"]
        return sorted((item["action"], item["by"], item["reason"], item["node"]) for item in items)

    wanted = [
        (action, by, reason, node)
        for action, by, reason in (
            ("report", "Ann", "he insults me"),
            ("report_close", "Mo", "warned him"),
            ("report_take", "Mo", ""),
        )
        for node in ("n1", "n2", "n3")
    ]

    async def are_there() -> bool:
        return await steps() == wanted

    await eventually(are_there)


async def test_a_message_of_somebody_who_is_gone_can_be_reported(served: Served) -> None:
    ann, bob = await served.members("Ann", "Bob")
    place = await bob.say("you fool")
    await bob.leave_for_good()
    await ann.next("member_left")
    mo = await moderator(served)
    answer = await filed(ann, session=bob.session, origin=place["origin"], seq=place["seq"])
    assert answer["type"] == "ok"
    told = await mo.next("reported")
    assert (told["session"], told["name"]) == (bob.session, "Bob")
    found = await mo.ask("report_read", report=told["report"])
    assert found["facts"] is None
    assert (await filed(ann, user=bob.welcome["user"], text="and he went"))["type"] == "ok", "who has said something"


async def test_a_whisper_is_shown_by_the_one_to_whom_it_was(served: Served) -> None:
    ann, bob, cid = await served.members("Ann", "Bob", "Cid")
    place = await bob.whisper("you fool", session=ann.session)
    where = {"origin": place["origin"], "seq": place["seq"]}
    assert (await filed(cid, session=bob.session, **where))["code"] == "not_found"
    mo = await moderator(served)
    assert (await filed(ann, session=bob.session, **where))["type"] == "ok"
    found = await mo.ask("report_read", report=(await mo.next("reported"))["report"])
    assert [(line["text"], line["whisper"]) for line in found["lines"]] == [("you fool", True)]


async def test_a_user_is_reported_in_the_room_where_they_are(served: Served) -> None:
    ann, _ = await served.members("Ann", "Cid")
    elsewhere, here = [await served.enter("Bob", user="bob") for _ in range(2)]
    await elsewhere.join("other")
    await here.join()
    mo = await moderator(served)
    assert (await filed(ann, user="bob"))["type"] == "ok"
    assert (await mo.next("reported"))["session"] == here.session


async def test_what_cannot_be_reported(served: Served) -> None:
    ann, bob = await served.members("Ann", "Bob")
    away = await served.enter("Cid")
    own = await ann.say("hello")
    other = await bob.say("hello")
    far = {"origin": "f" * 16 + ".1", "seq": 1}
    for by, fields, code in (
        (ann, {}, "bad_request"),
        (ann, {"session": bob.session, "user": "bob"}, "bad_request"),
        (ann, {"session": ann.session}, "bad_request"),
        (ann, {"session": bob.session, "text": " "}, "bad_request"),
        (ann, {"session": bob.session, "text": "x" * 4001}, "too_large"),
        (ann, {"session": bob.session, "room": "a/b"}, "bad_request"),
        (ann, {"session": bob.session, "seq": 1}, "bad_request"),
        (ann, {"session": bob.session, "origin": own["origin"], "seq": own["seq"]}, "bad_request"),
        (ann, {"session": away.session}, "not_found"),
        (ann, {"session": away.session, **far}, "not_found"),
        (ann, {"session": "nobody"}, "not_found"),
        (ann, {"user": "nobody"}, "not_found"),
        (ann, {"session": bob.session, "room": "other"}, "not_found"),
        (away, {"session": bob.session}, "not_found"),
        (away, {"session": bob.session, "origin": other["origin"], "seq": other["seq"]}, "not_found"),
    ):
        assert (await filed(by, **fields)).get("code") == code, fields
    mo = await moderator(served)
    assert await inbox(mo) == []
    for origin in ("f" * 16 + ".1", "x" * 5000, ""):
        answer = await filed(ann, session=bob.session, text=f"of {origin[:5]}", origin=origin, seq=-(2**63))
        assert answer["type"] == "ok", "the person is there, the message is not"
        assert (await mo.next("reported"))["message"] is None


async def test_the_same_sent_twice_is_one_report(served: Served) -> None:
    ann, bob = await served.members("Ann", "Bob")
    mo = await moderator(served)
    for id in (1, 1, 2):
        assert await filed(ann, id=id, session=bob.session) == {"type": "ok", "id": id}
    (item,) = await inbox(mo)
    await mo.ask("report_close", report=item["report"])
    await filed(ann, session=bob.session)
    assert len(await inbox(mo)) == 2, "what is closed can come again"


async def test_nobody_floods_the_inbox(served: Served) -> None:
    ann, bob = await served.members("Ann", "Bob")
    answers = [await filed(ann, session=bob.session, text=f"again {number}") for number in range(6)]
    assert [answer["type"] for answer in answers] == ["ok"] * 5 + ["error"]
    assert (answers[-1]["code"], answers[-1]["retry_after_ms"] > 0) == ("rate_limited", True)
    served.advance(20)
    assert (await filed(ann, session=bob.session, text="once more"))["type"] == "ok"


async def test_whose_reports_wait_waits_too(serve: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.reports.USER", (0.0, 0))  # as if they had come over a day
    served = await serve()
    ann, bob = await served.members("Ann", "Bob")
    mo = await moderator(served)
    for number in range(OWN):
        assert (await filed(ann, session=bob.session, text=f"again {number}"))["type"] == "ok"
    assert (await filed(ann, session=bob.session))["code"] == "unavailable"
    assert (await filed(bob, session=ann.session))["type"] == "ok", "others may report"
    await mo.ask("report_close", report=(await inbox(mo))[-1]["report"])
    assert (await filed(ann, session=bob.session))["type"] == "ok"


# What moderators do with them.


async def one_report(served: Served) -> tuple[Guest, Guest, str]:
    """A member who reported, a moderator, and the report."""
    ann, bob = await served.members("Ann", "Bob")
    mo = await moderator(served)
    await filed(ann, session=bob.session)
    return ann, mo, str((await mo.next("reported"))["report"])


async def test_a_moderator_takes_a_report_closes_it_with_a_note_and_opens_it_again(serve: Serving) -> None:
    a, b, c = await trio(serve)
    _, mo, report = await one_report(a)
    mia = await moderator(c, "mia")
    await eventually(lambda: bool(c.node.reports.all(Desk(c.node, "Ops").operator)))
    for type, fields, state, note in (
        ("report_take", {}, "taken", ""),
        ("report_close", {"note": "warned them"}, "closed", "warned them"),
        ("report_reopen", {}, "open", ""),
    ):
        done = await mo.ask(type, report=report, **fields)
        assert {result["node"]: result["outcome"] for result in done["results"]} == dict.fromkeys(
            ("n1", "n2", "n3"), "done"
        )
        assert all(result["ms"] >= 0 for result in done["results"])
        for guest in (mo, mia):
            told = await guest.next("report_updated")
            assert told.pop("at") > 1_600_000_000_000
            assert told == {
                "type": "report_updated",
                "report": report,
                "room": "lobby",
                "state": state,
                "by": {"session": mo.session, "user": "mo", "name": "Mo"},
                "note": note,
            }
            (item,) = await inbox(guest)
            assert (item["state"], item["by"]["name"], item["note"]) == (state, "Mo", note)


async def test_nobody_works_on_what_somebody_else_works_on_without_knowing_it(serve: Serving) -> None:
    a, b, c = await trio(serve)
    _, mo, report = await one_report(a)
    mia = await moderator(b, "mia")
    await mo.ask("report_take", report=report)
    again = await mo.ask("report_take", report=report)
    assert again["type"] == "done", "it is theirs already"
    for type in ("report_take", "report_close", "report_reopen"):
        refused = await mia.ask(type, report=report)
        assert (refused["code"], "Mo" in refused["message"]) == ("already", True)
    assert (await mia.ask("report_take", report=report, over=True))["type"] == "done"
    refused = await mo.ask("report_close", report=report)
    assert (refused["code"], "Mia" in refused["message"]) == ("already", True)
    assert (await mia.ask("report_close", report=report))["type"] == "done"
    for type in ("report_take", "report_close"):
        assert "Mia" in (await mo.ask(type, report=report))["message"]
    assert (await mo.ask("report_reopen", report=report))["type"] == "done"
    assert (await mia.ask("report_reopen", report=report))["code"] == "already"


async def test_what_one_has_done_can_be_asked_for_again(served: Served) -> None:
    _, mo, report = await one_report(served)
    for type, fields in (("report_take", {}), ("report_close", {"note": "warned"}), ("report_reopen", {})):
        for _ in range(2):
            assert (await mo.ask(type, report=report, **fields))["type"] == "done"
    await mo.settle()
    assert len(mo.seen("report_updated")) == 3
    await mo.ask("report_close", report=report, note="warned")
    assert (await mo.ask("report_close", report=report, note="another note"))["code"] == "already"


async def test_of_two_who_take_it_at_once_one_has_it_and_the_other_is_told(serve: Serving) -> None:
    a, b, c = await trio(serve)
    _, mo, report = await one_report(a)
    mia = await moderator(b, "mia")
    await eventually(lambda: bool(b.node.reports.all(Desk(b.node, "Ops").operator)))
    answers = await asyncio.gather(*(guest.ask("report_take", report=report) for guest in (mo, mia)))
    worker = (await inbox(mo))[0]["by"]["name"]
    assert worker == (await inbox(mia))[0]["by"]["name"]
    for name, answer in zip(("Mo", "Mia"), answers, strict=True):
        if name == worker:
            assert answer["type"] == "done"
        else:
            assert (answer.get("code"), worker in answer.get("message", "")) == ("already", True)


async def test_who_may_work_on_reports(served: Served) -> None:
    ann, _, report = await one_report(served)
    admin = await served.enter_as("admin")
    near = await moderator(served, "near", rooms=("lob*",))
    far = await moderator(served, "far", rooms=("other",))
    requests: tuple[tuple[str, dict[str, str]], ...] = (
        ("report_read", {"report": report}),
        ("report_take", {"report": report}),
        ("report_close", {"report": report}),
        ("report_reopen", {"report": report}),
    )
    for guest in (ann, far):
        for type, fields in requests:
            assert (await guest.ask(type, **fields))["code"] == "forbidden"
    assert await inbox(far) == []
    assert (await far.ask("list", what="reports", room="lobby"))["code"] == "forbidden"
    for guest in (admin, near):
        for type, fields in requests:
            assert (await guest.ask(type, **fields))["type"] in {"done", "report_evidence"}
        assert len(await inbox(guest)) == len(await inbox(guest, room="lobby")) == 1
    assert await inbox(admin, room="other") == []
    await far.settle()
    assert not far.seen("reported")
    assert not far.seen("report_updated")
    for type, _ in requests:
        assert (await admin.ask(type, report="r_none"))["code"] == "not_found"
        assert (await ann.ask(type, report="r_none"))["code"] == "forbidden"
        assert (await admin.ask(type))["field"] == "report"


async def test_the_inbox_is_told_in_pages_the_newest_first(served: Served) -> None:
    ann, bob, cid, dan = await served.members("Ann", "Bob", "Cid", "Dan")
    mo = await moderator(served)
    for by, whom in ((ann, bob), (bob, ann), (cid, dan), (dan, cid), (ann, cid)):
        await filed(by, session=whom.session, text="ä" * 4000)
        await asyncio.sleep(0.002)  # each has a time of its own
    found: list[Event] = []
    after: dict[str, str] = {}
    while True:
        listed = await mo.ask("list", what="reports", limit=2, **after)
        assert 0 < len(listed["items"]) <= 2
        found += listed["items"]
        if listed["next"] is None:
            break
        after = {"after": listed["next"]}
    assert [item["at"] for item in found] == sorted((item["at"] for item in found), reverse=True)
    assert len({item["report"] for item in found}) == 5


async def test_what_was_closed_leaves_the_inbox_of_all_after_a_day(serve: Serving) -> None:
    nodes = await trio(serve)
    _, mo, report = await one_report(nodes[0])
    await mo.ask("report_close", report=report)
    operator = Desk(nodes[2].node, "Ops").operator
    await eventually(lambda: [view.state for view in nodes[2].node.reports.all(operator)] == ["closed"])
    for served in nodes:
        served.clock.advance(KEPT_SECONDS + 2)
    await eventually(lambda: all(not served.node.reports.all(operator) for served in nodes))
    await eventually(lambda: all(not served.node.rulings.of("report") for served in nodes))


async def test_what_nobody_closes_leaves_after_a_month(serve: Serving) -> None:
    nodes = await trio(serve)
    _, mo, report = await one_report(nodes[0])
    await mo.ask("report_take", report=report)
    operator = Desk(nodes[2].node, "Ops").operator
    await eventually(lambda: [view.state for view in nodes[2].node.reports.all(operator)] == ["taken"])
    for served in nodes:
        served.clock.advance(WAITS_SECONDS + 2)
    await eventually(lambda: all(not served.node.reports.all(operator) for served in nodes))
    await eventually(lambda: all(not served.node.rulings.of("report") for served in nodes))


async def test_a_node_that_comes_later_has_the_inbox(serve: Serving) -> None:
    a = await serve(address="m:1")
    _, mo, report = await one_report(a)
    await mo.ask("report_take", report=report)
    b = await serve("m:1", address="m:2")
    mia = await moderator(b, "mia")
    (item,) = await inbox(mia)
    assert (item["report"], item["state"], item["by"]["name"]) == (report, "taken", "Mo")
    assert (await mia.ask("report_read", report=report))["type"] == "report_evidence"


async def test_a_report_stands_though_a_node_does_not_answer(serve: Serving) -> None:
    a, b, c = await trio(serve)
    ann, bob = await a.members("Ann", "Bob")
    mo = await moderator(a)
    await c.gateway.drain(0)
    await c.node.stop()
    assert (await filed(ann, session=bob.session))["type"] == "ok"
    assert len(await inbox(mo)) == 1
    assert a.node.cards.state_of(b.node.node_id) is PeerState.UP


# The operator's desk.


async def test_a_console_has_the_inbox_and_works_on_it(serve: Serving) -> None:
    a, b, _ = await trio(serve)
    desk = Desk(b.node, "Lena")
    told: list[tuple[str, str]] = []
    desk.watch(lambda what, key: told.append((what, key)) if what == "report" else None)
    ann, bob = await a.members("Ann", "Bob")
    mo = await moderator(a)
    await bob.say("you fool")
    await filed(ann, session=bob.session)
    await eventually(lambda: bool(told))
    (view,) = desk.reports()
    assert told == [("report", view.report)]
    assert (view.target.name, view.reporter.name, view.state) == ("Bob", "Ann", "open")
    assert [line.text for line in desk.evidence(view.report).lines] == ["you fool"]
    await desk.take_report(desk.operator, report=view.report)
    assert "Lena" in (await mo.ask("report_take", report=view.report))["message"]
    other = Desk(a.node, "Lena")
    with pytest.raises(Refused, match="Lena works on it"):
        await other.take_report(other.operator, report=view.report)
    await desk.close_report(desk.operator, report=view.report, note="talked to him")
    assert (await inbox(mo))[0]["note"] == "talked to him"
    await desk.reopen_report(desk.operator, report=view.report)
    with pytest.raises(Refused, match="no such report"):
        desk.evidence("r_none")
