"""The lines that a console keeps of a room: in the order in which they came, words apart from comings and goings."""

from __future__ import annotations

from typing import Literal

from hypothesis import given
from hypothesis import strategies as st

from server.events import Moderated
from server.lines import KICKS, LINES, LINES_CHARS, ROOMS, Lines
from server.session import Actor, Role, SessionRecord
from server.views import ChatView

Kind = Literal["message", "joined", "left", "muted"]


def line(number: int, kind: Kind = "message", text: str = "x") -> ChatView:
    return ChatView(kind=kind, at=number, session="s", user="u", name="Ann", text=text, key=str(number))


@given(st.lists(st.sampled_from(["message", "joined", "left", "muted"]), max_size=60))
def test_lines_are_in_the_order_in_which_they_came(kinds: list[Kind]) -> None:
    lines = Lines()
    for number, kind in enumerate(kinds):
        lines.add(line(number, kind), ["lobby"])
    assert [each.at for each in lines.of("lobby")] == list(range(len(kinds)))


def test_many_who_come_and_go_push_out_nothing_that_was_said() -> None:
    lines = Lines()
    lines.add(line(0), ["lobby"])
    for number in range(1, 2 * LINES):
        lines.add(line(number, "joined"), ["lobby"])
    kept = [each.at for each in lines.of("lobby")]
    assert kept == [0, *range(LINES, 2 * LINES)]


def test_what_was_said_is_bounded_in_lines_and_characters() -> None:
    lines = Lines()
    for number in range(LINES + 5):
        lines.add(line(number), ["lobby"])
    assert [each.at for each in lines.of("lobby")] == list(range(5, LINES + 5))
    for number in range(20):
        lines.add(line(number, text="y" * (LINES_CHARS // 4)), ["lobby"])
    assert sum(len(each.text) for each in lines.of("lobby")) <= LINES_CHARS


def test_the_rooms_that_were_quiet_longest_are_forgotten() -> None:
    lines = Lines()
    for number in range(ROOMS + 1):
        lines.add(line(number), [f"room {number}"])
    assert lines.of("room 0") == []
    assert lines.of(f"room {ROOMS}") != []


ANN = SessionRecord("s-ann", "ann", "Ann", Role.USER, "n1", "birch", 1, 0, "test/1", "::1")
LENA = Actor("desk-n1", "console", "Lena", Role.ADMIN)


def kick(room: str | None, reason: str = "spam") -> Moderated:
    return Moderated("kick", LENA, ANN.session, ANN.name, room, reason, None, 5, "n1-1", 7)


def told(lines: Lines, *rooms: str) -> list[tuple[str, str, str]]:
    return [(line.text, line.by, line.why) for room in rooms for line in lines.of(room)]


def test_who_kicked_is_said_whether_the_act_or_its_effect_is_known_first() -> None:
    lines = Lines()
    lines.left(ANN, "lobby", "kicked", at=5)
    assert told(lines, "lobby") == [("kicked", "", "")]
    key = lines.of("lobby")[0].key
    assert lines.kick(kick("lobby")) == ["lobby"]
    assert told(lines, "lobby") == [("kicked", "Lena", "spam")]
    assert lines.of("lobby")[0].key == key, "it is the same line"
    assert lines.kick(kick("stage")) == []
    lines.left(ANN, "stage", "kicked", at=6)
    assert told(lines, "stage") == [("kicked", "Lena", "spam")]


def test_a_kick_out_of_the_cluster_is_one_out_of_every_room() -> None:
    lines = Lines()
    lines.left(ANN, "lobby", "kicked", at=5)
    assert lines.kick(kick(None)) == ["lobby"]
    lines.left(ANN, "stage", "kicked", at=5)
    assert told(lines, "lobby", "stage") == [("kicked", "Lena", "spam")] * 2


def test_a_kick_explains_no_other_way_of_leaving() -> None:
    lines = Lines()
    lines.kick(kick(None))
    lines.left(ANN, "lobby", "lost", at=6)
    assert told(lines, "lobby") == [("lost", "", "")]
    for number in range(KICKS + 1):
        lines.kick(kick(f"room {number}"))
    lines.left(ANN, "room 0", "kicked", at=6)
    assert told(lines, "room 0") == [("kicked", "", "")], "what is kept is bounded"


def test_who_is_away_and_back_pushes_out_nothing_that_was_said() -> None:
    lines = Lines()
    lines.add(line(0), ["lobby"])
    for at in range(LINES):
        lines.add(lines.coming("away", ANN, at=at), ["lobby"])
        lines.add(lines.coming("back", ANN, at=at, node="cedar", span=40), ["lobby"])
    kept = lines.of("lobby")
    assert (kept[0].key, len(kept), kept[-1].node, kept[-1].span) == ("0", LINES + 1, "cedar", 40)
