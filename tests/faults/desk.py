"""Starts a console as main.py does, without a screen, that tells what its window shows.

    python -m tests.faults.desk '{}' --port 0 ...

Each line on its standard input asks; where it is a path, a picture of the window is kept there. The answer is a line
of JSON, read from the widgets of the window. It ends with its standard input.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import main
from gui import app
from gui.nodes.facts import Fact
from tests.faults.node import go_through_proxies

if TYPE_CHECKING:
    from gui.app import Console

MARKS = dict.fromkeys(map(ord, "\u2066\u2067\u2068\u2069"))
"""What keeps a name in its direction on a screen."""


class Desk:
    """An open console, and who asks what it shows."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._rest = b""
        self._asked: list[asyncio.Task[None]] = []
        console.window.resize(1440, 900)
        console.window.show_view(console.nodes)
        console.nodes.show_details(console.context.desk.node_id)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(0, self._read)

    def _read(self) -> None:
        data = os.read(0, 65536)
        if not data:
            self._loop.remove_reader(0)
            self._console.window.close()
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._asked = [task for task in self._asked if not task.done()]
        self._asked += [self._loop.create_task(self._answer(line.decode())) for line in lines]

    async def _answer(self, picture: str) -> None:
        if picture:
            from tests.gui.looks import grab

            (await grab(self._console)).save(picture)
        os.write(1, json.dumps(self.shown()).encode() + b"\n")

    def shown(self) -> dict[str, Any]:
        """What the window shows of nodes and strangers now."""
        console = self._console
        details, model, banners = console.nodes.details, console.nodes.model, console.context.banners
        strip = banners.strip
        rows = [model.at(place) for place in range(model.rowCount())]
        return {
            "banner": [plain(strip.title.text()), plain(strip.detail.text())] if strip.isVisible() else [],
            "notices": [plain(notice.title) for notice in banners._notices.values()],
            "alarm": plain(console.window.status_bar.alarm.text()),
            "nodes": {row.name: row.standing.name.lower() for row in rows},
            "key": dict(told(details.mesh.facts)).get("Key", ""),
            "certificate": dict(told(details.door.facts)),
            "refused": by_address(details.refused.facts) if details.sections["refused"].isVisible() else {},
        }


def plain(text: str) -> str:
    """A text as it is read."""
    return text.translate(MARKS)


def told(facts: Sequence[Fact]) -> list[tuple[str, str]]:
    """Captions and values."""
    return [(plain(fact.caption), plain(fact.value)) for fact in facts]


def by_address(facts: Sequence[Fact]) -> dict[str, list[str]]:
    """The reasons that stand below each address."""
    found: dict[str, list[str]] = {}
    for fact in facts:
        if fact.inner:
            found[list(found)[-1]].append(plain(fact.caption))
        else:
            found[plain(fact.caption)] = []
    return found


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    if "net" in given:
        go_through_proxies(given["net"], int(given["host"]))
    opened, desks = app.open_console, list[Desk]()

    def open_console(*parts: Any) -> Console:
        """The real one, and somebody who may ask."""
        console = opened(*parts)
        desks.append(Desk(console))
        return console

    vars(app)["open_console"] = open_console
    sys.exit(main.main(sys.argv[2:]))
