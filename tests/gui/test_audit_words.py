"""How acts and bans read."""

from __future__ import annotations

import pytest

from gui import wording
from gui.audit import words
from gui.audit.undoing import Way, ways
from gui.reports.view import ReportsView
from server.views import ActView, BanView, ResultView

NOW = 1_800_000_000_000
ANN = ("s_ann", "ann", "Ann")
BOB = ("s_bob", "bob", "Bob")


def act(
    action: str = "kick",
    *people: tuple[str, str, str],
    id: str = "a1",
    room: str | None = None,
    seconds: float | None = None,
    by_user: str = "lena",
    target: str = "",
    reason: str = "",
    detail: str = "",
    results: tuple[ResultView, ...] = (ResultView("n1", "done", 2.0, ""),),
) -> ActView:
    return ActView(
        act=id,
        at=NOW,
        by="Lena",
        by_user=by_user,
        action=action,
        target=target,
        people=people,
        room=room,
        reason=reason,
        detail=detail,
        until=None if seconds is None else NOW + round(seconds * 1000) - 3,
        node="n1",
        results=results,
    )


def ban(*, until: int | None = None, user: str = "ann", ip: str = "", act: str = "") -> BanView:
    return BanView(ban="b_1", user=user, ip=ip, room=None, by="Lena", reason="spam", at=NOW, until=until, act=act)


@pytest.mark.parametrize(
    ("given", "words_"),
    [
        (act("kick", ANN), "Kick"),
        (act("mute", ANN, seconds=600), "Mute 10 min"),
        (act("ban", ANN, seconds=604_800), "Ban 7 days"),
        (act("ban", ANN, seconds=86_400), "Ban 24 h"),
        (act("move", ANN, BOB), "Move, 2 people"),
        (act("frobnicate_room"), "Frobnicate room"),
        (act("set_room", detail="locked on"), "Lock"),
        (act("set_room", detail="capacity 20"), "Set room"),
    ],
)
def test_an_act_says_what_it_is_and_for_how_long(given: ActView, words_: str) -> None:
    assert words.action(given).replace("\N{NO-BREAK SPACE}", " ") == words_


def test_who_asked_is_the_system_where_nobody_did() -> None:
    assert words.by(act("ban_ended", ANN, by_user="")) == "System"
    assert words.by(act("kick", ANN)) == "Lena"


def test_what_came_of_it_is_said_unless_all_went_well() -> None:
    assert words.came(act("kick", ANN)) == ""
    assert words.came(act("kick", ANN, results=())) == "not known"
    assert words.came(act("kick", ANN, results=(ResultView("n1", "gone", 1.0, ""),))) == "already gone"
    mixed = (ResultView("n1", "done", 1.0, ""), ResultView("n2", "failed", 1.0, ""))
    assert words.came(act("kick", ANN, BOB, results=mixed)) == "done in part"
    assert words.came(act("kick", ANN, results=mixed[1:])) == "failed"


@pytest.mark.parametrize("action", ["report_take", "report_close", "report_reopen"])
def test_work_on_a_report_says_who_was_reported_and_by_whom(action: str) -> None:
    worked = act(action, target="r_1", detail="Bob, reported by Ann", reason="settled")
    assert (words.on(worked), words.why(worked)) == ("Bob", "reported by Ann  ·  settled")
    assert words.on(act(action, target="r_1")) == "r_1"


def test_a_report_has_a_flag() -> None:
    assert words.icon("report")[0] == words.icon("report_take")[0] == ReportsView.icon


def test_a_name_that_could_mislead_is_shown_as_marks() -> None:
    assert "[202E]" in words.on(act("kick", ("s", "u", "evil\u202eeman")))


@pytest.mark.parametrize(
    ("ms", "said"),
    [(599_000, "9 min 59 s"), (13_200_000, "3 h 40 min"), (604_799_000, "6 d 23 h"), (9_000, "9 s"), (0, "0 s")],
)
def test_what_is_left_is_said_in_two_units(ms: int, said: str) -> None:
    assert words.remaining(ms).replace("\N{NO-BREAK SPACE}", " ") == said


def test_a_ban_without_an_end_says_so_and_has_all_of_its_time() -> None:
    assert words.left(ban(), NOW) == "No end"
    assert words.share(ban(), NOW) == 1.0
    assert words.share(ban(until=NOW + 1000), NOW + 250) == 0.75
    assert words.share(ban(until=NOW + 1000), NOW + 5000) == 0.0
    assert words.scope(ban(user="", ip="192.0.2.0/24")).startswith("Address range")


def test_a_ban_in_force_is_lifted_a_mute_that_holds_and_a_kick_to_come_are_undone() -> None:
    acts = [
        act("ban", ANN, id="one"),
        act("mute", ANN, id="two", room="lobby"),
        act("mute", BOB, id="three", room="lobby"),
        act("kick", ANN, id="four", seconds=5),
        act("kick", ANN, id="five"),
    ]
    muted = {"s_ann": ("lobby",), "s_bob": (None,)}
    found = ways(acts, [ban(act="one")], muted, NOW)
    assert found == {
        "one": Way("Lift", ban="b_1"),
        "two": Way("Undo", sessions=("s_ann",), room="lobby"),
        "four": Way("Undo", sessions=("s_ann",), kick=True),
    }
    assert "four" not in ways(acts, [], muted, NOW + 6000)
    assert ways(acts, [], {}, NOW + 6000) == {}


def test_lengths_read_as_people_say_them() -> None:
    said = [
        wording.length(seconds).replace("\N{NO-BREAK SPACE}", " ") for seconds in (45, 600, 3600, 86_400, 172_800)
    ]
    assert said == ["45 s", "10 min", "1 h", "24 h", "2 days"]


def test_a_kick_that_was_undone_is_not_to_be_undone_again() -> None:
    again, back, first = (
        act("kick", ANN, id="again", seconds=5),
        act("unkick", ANN, id="back"),
        act("kick", ANN, BOB, id="first", seconds=5),
    )
    assert ways([back, first], [], {}, NOW)["first"].sessions == ("s_bob",)
    assert ways([again, back, act("kick", ANN, id="first", seconds=5)], [], {}, NOW).keys() == {"again"}
