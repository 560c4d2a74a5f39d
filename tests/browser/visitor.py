"""One person at one page of the browser client, who uses it as people do: by label, by button, by key."""

from __future__ import annotations

import asyncio
from typing import Any

from playwright.async_api import ConsoleMessage, Locator, Page, expect

from tests.browser.nodes import RunningNode

PATIENCE = 20_000
"""How long a page may take for anything, in ms; on a busy machine much is slow and nothing is wrong."""


class Visitor:
    """A page, and what its console complained about."""

    def __init__(self, page: Page, name: str) -> None:
        self.page = page
        self.name = name
        self.complaints: list[str] = []
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _note(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    async def follow_link(self, node: RunningNode, room: str, *, host: str = "127.0.0.1") -> None:
        """Open the link to a room."""
        await self.page.goto(f"http://{host}:{node.port}/#{room}")

    async def join(self, node: RunningNode, room: str) -> None:
        """Come into a room by its link."""
        await self.follow_link(node, room)
        await self.enter()

    async def enter(self) -> None:
        """Give the name and join."""
        await self.page.get_by_label("Your name").fill(self.name)
        await self.page.get_by_role("button", name="Join").click()
        await expect(self.member(self.name)).to_be_visible()

    async def say(self, text: str) -> None:
        """Write and send to whom the composer is set."""
        await self.page.get_by_role("textbox").fill(text)
        await self.page.keyboard.press("Enter")

    async def open_microphone(self) -> None:
        """Choose the open microphone, and wait until there is one."""
        await self.page.get_by_role("radio", name="Open mic").check(force=True)
        await self.until("state => state.microphone.state === 'ready'")

    async def hurry(self) -> None:
        """Let the page believe that the network is back, so that it does not wait for its next try."""
        await self.page.evaluate("void window.dispatchEvent(new Event('online'))")

    def member(self, name: str) -> Locator:
        """Somebody's row among the members."""
        return self.page.get_by_role("region", name="Members").get_by_role("listitem").filter(has_text=name)

    def notes(self) -> Locator:
        """The grey lines of the chat: who came and went, what is missing."""
        return self.page.locator(".info")

    def line(self, text: str) -> Locator:
        """The lines of the chat with this text."""
        return self.page.get_by_role("log").get_by_role("listitem").filter(has_text=text)

    def forgive_browser(self) -> None:
        """A browser complains on its own of connections that are refused, and of sound before the first click."""
        own = ("WebSocket connection to", "AudioContext was not allowed to start")
        self.complaints = [text for text in self.complaints if not any(part in text for part in own)]

    async def stats(self) -> dict[str, Any]:
        """What the page tells of itself; see the end of app.js."""
        return dict(await self.page.evaluate("switchboard.stats()"))

    async def until(self, condition: str, *, patience: int = PATIENCE) -> None:
        """Wait until this function of `stats()` is true, `patience` ms at most.

        The loop runs in the page, compiled once: Playwright's own wait evaluates strings, which the page forbids.
        """
        async with asyncio.timeout(patience / 1000):
            await self.page.evaluate(f"""async () => {{
                while (!({condition})(switchboard.stats())) await new Promise((next) => setTimeout(next, 50));
            }}""")
