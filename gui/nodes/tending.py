"""What can be done to a node from its row: drain, restart, stop or remove it, say; asked first where it hurts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMenu, QWidget

from gui import wording
from gui.nodes.drain import DrainSheet
from gui.nodes.rows import NodeRow
from gui.nodes.stop import StopSheet
from gui.nodes.table import Tool
from gui.widgets.labels import entry
from server.child import Child, ChildState
from server.launcher import LaunchError

if TYPE_CHECKING:
    from gui.views import Context


class Tending(QObject):
    """Acts on the node of a row; each is bound to the row that it is given."""

    def __init__(self, context: Context, parent: QWidget) -> None:
        """Make it for a view."""
        super().__init__(parent)
        self._context = context
        self._view = parent
        self._sheet: StopSheet | DrainSheet | None = None
        self._asked = ""

    @property
    def asked(self) -> str:
        """The id of the row about which a sheet asks; empty where none does."""
        return self._asked

    def use(self, row: NodeRow, tool: Tool) -> None:
        """Do what a tool says."""
        child = self._child(row.child)
        if tool is Tool.COPY:
            if row.url:
                QGuiApplication.clipboard().setText(row.url)
                self._context.toasts.say(f"Address of {wording.within(row.name)} copied", row.url, icon="copy")
        elif tool is Tool.REMOVE:
            if row.removable:
                self._remove(row, child)
        elif tool is Tool.DRAIN:
            if row.drainable:
                self._ask_drain(row)
        elif tool is Tool.KEEP:
            if row.keepable:
                self.keep(row.node, row.name)
        elif child is not None and (row.restartable if tool is Tool.RESTART else row.stoppable):
            if row.sessions and child.state is not ChildState.EXITED:
                self._confirm(row, child, again=tool is Tool.RESTART)
            else:
                self._do(child, again=tool is Tool.RESTART)

    def restart(self, id: str) -> None:
        """Start a launched node again that has ended."""
        child = self._child(id)
        if child is not None and child.state is ChildState.EXITED:
            self._do(child, again=True)

    def keep(self, node: str, name: str) -> None:
        """Let a node that drains take sessions again."""
        desk, toasts = self._context.desk, self._context.toasts

        async def keep() -> None:
            await desk.cancel_drain(desk.operator, node=node)
            toasts.say(f"{wording.within(name)} takes sessions again", "Who was told to go may stay.", icon="sign-in")

        self._context.tasks.start(keep(), f"cancel the drain of {wording.name(name)}")

    def count(self, sessions: int) -> None:
        """Say in the sheet how many sessions its node has now."""
        if self._sheet is not None:
            self._sheet.count(sessions)

    def menu(self, row: NodeRow) -> QMenu:
        """The menu of a row; what is chosen there acts on that row."""
        made = QMenu(self._view)
        name = entry(wording.name(row.name))
        for tool, words, offered in (
            (Tool.COPY, f"Copy address of {name}", bool(row.url)),
            (Tool.RESTART, f"Restart {name}" + (" now" if row.waiting else ""), row.restartable),
            (Tool.DRAIN, f"Drain {name}", row.drainable),
            (Tool.KEEP, f"Cancel the drain of {name}", row.keepable),
            (Tool.STOP, f"Do not restart {name}" if row.waiting else f"Stop {name}", row.stoppable),
            (Tool.REMOVE, f"Remove {name}", row.removable),
        ):
            if offered:
                made.addAction(words).triggered.connect(lambda _=False, tool=tool: self.use(row, tool))
        return made

    def _child(self, id: str) -> Child | None:
        return next((child for child in self._context.launcher.children if child.id == id), None)

    def _remove(self, row: NodeRow, child: Child | None) -> None:
        if child is not None:
            self._context.launcher.forget(child)
        if row.node:
            self._context.desk.excuse(row.node)

    def _confirm(self, row: NodeRow, child: Child, *, again: bool) -> None:
        if self._sheet is not None:
            return
        seconds = self._context.config.drain_seconds
        sheet = StopSheet(self._view.window(), row.name, row.sessions, seconds, again=again, drainable=row.drainable)

        def close(result: int) -> None:
            self._close()
            if result == StopSheet.DRAIN:
                self._ask_drain(row)
            elif result:
                self._do(child, again=again)

        self._open(sheet, row.id, close)

    def _ask_drain(self, row: NodeRow) -> None:
        if self._sheet is not None:
            return
        sheet = DrainSheet(self._view.window(), row.name, row.sessions)

        def close(result: int) -> None:
            seconds = sheet.seconds.value()
            self._close()
            if result:
                desk = self._context.desk
                work = desk.drain(desk.operator, node=row.node, seconds=seconds)
                self._context.tasks.start(work, f"drain {wording.name(row.name)}")

        self._open(sheet, row.id, close)

    def _open(self, sheet: StopSheet | DrainSheet, id: str, close: Callable[[int], None]) -> None:
        sheet.finished.connect(close)
        self._sheet, self._asked = sheet, id
        sheet.open()

    def _close(self) -> None:
        self._sheet, self._asked = None, ""

    def _do(self, child: Child, *, again: bool) -> None:
        name, desk = wording.within(child.spec.name), self._context.desk

        async def restart() -> None:
            try:
                with desk.acting(desk.operator, "restart", child.spec.name):
                    await self._context.launcher.restart(child)
            except LaunchError as error:
                self._context.toasts.warn(str(error))
                return
            if child.state is not ChildState.EXITED:
                self._context.toasts.say(f"{name} starts again", icon="arrow-clockwise")

        async def stop() -> None:
            waited = child.state is ChildState.EXITED
            with desk.acting(desk.operator, "stop", child.spec.name):
                await self._context.launcher.stop(child)
            if not child.restarting:
                self._context.toasts.say(
                    f"{name} is not started again" if waited else f"{name} stopped", icon="power"
                )

        verb, work = ("restart", restart()) if again else ("stop", stop())
        self._context.tasks.start(work, f"{verb} {wording.name(child.spec.name)}")
