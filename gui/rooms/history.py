"""What was done to somebody before: the newest acts of the audit on that user, read when a card is opened."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from gui.audit import words
from server.ledger import Wanted
from server.wire.native import Refused

if TYPE_CHECKING:
    from gui.rooms.card import MemberCard
    from gui.views import Context
    from server.views import ActView

SHOWN = 5
"""Acts that are read; one more would say that there are more."""


class History:
    """Fills in the card of whoever it shows; an answer for somebody else comes too late and is not shown."""

    def __init__(self, context: Context, card: MemberCard) -> None:
        self._context = context
        self._card = card
        self._task: asyncio.Task[None] | None = None

    def read(self, user: str) -> None:
        """Look what was done to this user."""
        if self._task is not None:
            self._task.cancel()
        self._card.show_history(None)
        self._task = self._context.tasks.start(self._read(user), "read what was done before")

    async def _read(self, user: str) -> None:
        try:
            page = await self._context.desk.audit_page(Wanted(user=user), limit=SHOWN + 1)
        except Refused as refused:
            self._card.show_history(f"Not known: {refused.message}")
            return
        member = self._card.member
        if member is not None and member.user == user:
            self._card.show_history(line(page.acts, words.now_ms()))


def line(acts: Sequence[ActView], now: int) -> str:
    """Earlier acts in one line, the newest first: ``Mute 10 min 14:31:02 by Lena  ·  Kick 3 Nov 09:12 by Ann``."""
    if not acts:
        return "Nothing was done before"
    shown = [f"{words.action(act)} {words.moment(act.at, now)} by {words.by(act)}" for act in acts[:SHOWN]]
    more = ["and more"] if len(acts) > SHOWN else []
    return "  ·  ".join([*shown, *more])
