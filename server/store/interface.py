"""The store as the rest of a node sees it: what it takes without waiting, and what it gives; pure."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from bus.record import Origin
from server.store.rows import (
    AuditPlace,
    AuditRow,
    HeadRow,
    Row,
    RulingRow,
    Sought,
    StoreState,
    TextRow,
)


class Store(Protocol):
    """Rows to a database and back. A row that is there already stays as it is, so several nodes may share one."""

    @property
    def state(self) -> StoreState:
        """How it stands now."""

    @property
    def failing(self) -> str:
        """Why nothing can be written now, in plain words; empty while it can."""

    @property
    def keeps_texts(self) -> bool:
        """Whether what is said is kept at all."""

    def save(self, row: Row) -> None:
        """Have `row` written soon; never blocks, never raises.

        What cannot be written waits until it can; only texts are dropped, and counted, when too many wait.
        """

    async def settled(self, timeout: float = 2.5) -> None:
        """Return when all that was saved before, but for texts, is on disk. Raises StoreError if it takes longer."""

    async def rulings(self) -> Sequence[RulingRow]:
        """The latest ruling of each key. Raises StoreError, as all that follow."""

    async def heads(self) -> Sequence[HeadRow]:
        """The furthest head seen of each chain; of a chain that was seen in two forms, both."""

    async def audit_page(
        self, sought: Sought, *, limit: int = 100, before: AuditPlace | None = None
    ) -> Sequence[AuditRow]:
        """Lines of the audit, newest first; behind `before` where it is given."""

    async def audit_of(self, acts: Sequence[str]) -> Sequence[AuditRow]:
        """All lines of these acts, by `at`, `chain` and `n`."""

    def chain(self, chain: Origin, first: int = 1) -> AsyncIterator[AuditRow]:
        """All lines of one chain from `first` on, by `n`, a few hundred at a time in memory."""

    async def chains(self) -> Sequence[Origin]:
        """Of which chains there are lines."""

    async def history(
        self, room: str, since: int, until: int, *, limit: int = 1000, user: str = ""
    ) -> Sequence[TextRow]:
        """What was said in `room` from `since` until before `until`, oldest first; the newest `limit` of it."""

    async def actions_on(self, user: str, *, limit: int = 50) -> Sequence[AuditRow]:
        """What was asked to be done to a user, newest first."""
