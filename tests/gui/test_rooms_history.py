"""What was done to somebody before, on the card: read when it is opened, from the audit of all nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import Qt

from gui.rooms.history import SHOWN, line
from server.views import ActView
from server.wire.moderation import Whom
from server.wire.native import Code, Refused
from tests.gui.conftest import until
from tests.gui.test_rooms import select, until_members

if TYPE_CHECKING:
    from gui.app import Console
    from tests.gui.conftest import Cluster

NOW = 1_790_000_000_000


def act(action: str, number: int = 0) -> ActView:
    """An act of Lena on Bob, a second before."""
    return ActView(
        act=f"a{number}",
        at=NOW - 1000,
        by="Lena",
        by_user="lena",
        action=action,
        target="",
        people=(("s1", "bob", "Bob"),),
        room=None,
        reason="",
        detail="",
        until=None,
        node="alpha",
        results=(),
    )


def test_earlier_acts_are_one_line_that_says_when_there_are_more() -> None:
    assert line((), NOW) == "Nothing was done before"
    assert line((act("kick"), act("unmute")), NOW).count("by Lena") == 2
    many = line([act("kick", number) for number in range(SHOWN + 1)], NOW)
    assert many.count("Kick") == SHOWN
    assert many.endswith("and more")


async def test_the_card_tells_what_was_done_on_any_node_and_reads_it_once(
    console: Console, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = await cluster.node("beta")
    (bob,) = await cluster.members("lobby", "Bob", at=other)
    (ann,) = await cluster.members("lobby", "Ann")
    await until_members(console, "Ann", "Bob")
    desk, asked = console.context.desk, []
    page = desk.audit_page

    async def noted(*args: Any, **rest: Any) -> object:
        asked.append(args)
        return await page(*args, **rest)

    monkeypatch.setattr(desk, "audit_page", noted)
    await desk.mute(desk.operator, Whom.of(session=bob.session), room="lobby", seconds=600)
    card = console.rooms.pane.members.card
    shown = console.context.actions.whisper.changed
    select(console, bob)
    looked = console.window.looked
    await until(lambda: card.history.text().startswith("Mute 10"), looked, shown)
    assert card.history.text().endswith("by Lena")
    assert card.history.textFormat() is Qt.TextFormat.PlainText
    console.rooms.pane.refresh(chat=False)
    assert len(asked) == 1
    select(console, ann)
    assert card.history.text() == "–"
    await until(lambda: card.history.text() == "Nothing was done before", looked, shown)


async def test_what_cannot_be_read_is_said(
    console: Console, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    (ann,) = await cluster.members("lobby", "Ann")
    await until_members(console, "Ann")

    async def refused(*args: object, **rest: object) -> object:
        raise Refused(Code.UNAVAILABLE, "the store does not answer")

    monkeypatch.setattr(console.context.desk, "audit_page", refused)
    select(console, ann)
    card = console.rooms.pane.members.card
    await until(lambda: card.history.text() == "Not known: the store does not answer", console.window.looked)
