"""What the browser tests run on: a cluster of two real nodes, Chromium with fake microphones, and its visitors."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Playwright, async_playwright, expect
from websockets.asyncio.client import connect

from tests.browser.moderator import Moderator
from tests.browser.nodes import RunningNode, token
from tests.browser.speech import Speech
from tests.browser.visitor import PATIENCE, Visitor

UNUSED = (
    "AimEnabled,AvoidCorsURLLoaderRestartOnRedirect,AvoidUnnecessaryBeforeUnloadCheckSync,DestroyProfileOnBrowserClose,"
    "HttpsFirstBalancedModeAutoEnable,HttpsUpgrades,LensOverlay,MediaRouter,NetworkTimeServiceQuerying,"
    "OptimizationHints,PaintHolding,PreconnectToSearch,TcpPortRandomizationWin,ThirdPartyStoragePartitioning,"
    "PreloadTopChromeWebUI,SpareRendererForSitePerProcess,WebUIOmniboxAimPopup,WebUIOmniboxPopup"
)
"""What Chromium does without: the first three lines are Playwright's, whose list this one replaces; the last is pages
and processes of the browser's own, which it would start beside each page of a visitor."""
FLAGS = [
    *(
        f"--disable-features={UNUSED}",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
    ),
    *("--disable-component-update", "--disable-sync", "--host-resolver-rules=MAP voice.test 127.0.0.1"),
]
FAKE_MICROPHONE = "--use-fake-device-for-media-stream"

VisitorFactory = Callable[..., Awaitable[Visitor]]


@pytest.fixture(scope="session")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("key") / "auth.key"
    path.write_text("a key for tests only, of more than 32 bytes")
    path.chmod(0o600)
    return path


@pytest.fixture(scope="session")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Speech:
    return Speech.record(tmp_path_factory.mktemp("speech") / "speech.wav")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def cluster(
    tmp_path_factory: pytest.TempPathFactory, key_file: Path
) -> AsyncIterator[tuple[RunningNode, RunningNode]]:
    data = tmp_path_factory.mktemp("nodes")
    options = ("--port", "0", "--bus-port", "0", "--auth-key-file", str(key_file))
    first = await RunningNode.start(data / "n1", "--name", "n1", *options)
    second = await RunningNode.start(data / "n2", "--name", "n2", "--peer", first.bus, *options)
    yield first, second
    await second.stop()
    await first.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def moderator(cluster: tuple[RunningNode, RunningNode], key_file: Path) -> AsyncIterator[Moderator]:
    """Lena, a moderator on the first node."""
    secret = token(key_file, user="lena", role="moderator")
    async with connect(cluster[0].url) as connection:
        moderator = Moderator(connection)
        assert (await moderator.ask("hello", name="Lena", token=secret))["type"] == "welcome"
        yield moderator


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def playwright() -> AsyncIterator[Playwright]:
    expect.set_options(timeout=PATIENCE)
    async with async_playwright() as playwright:
        yield playwright


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium(playwright: Playwright, speech: Speech) -> AsyncIterator[Browser]:
    """A browser whose microphone hears the speech, where a page is allowed to listen to it."""
    browser = await launch(playwright, FAKE_MICROPHONE, f"--use-file-for-fake-audio-capture={speech.path}")
    yield browser
    await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def visit(chromium: Browser) -> AsyncIterator[VisitorFactory]:
    """Makes visitors, each with a fresh profile; whatever their consoles complain about fails the test.

    Whose voice and talk button are not looked at is refused the `microphone`: it costs as much as the rest of a page.
    """
    async with reception(chromium) as visit:
        yield visit


@asynccontextmanager
async def reception(chromium: Browser) -> AsyncIterator[VisitorFactory]:
    """What `visit` is, for as long as it is wanted."""
    visitors: list[Visitor] = []

    async def visit(
        name: str, *, browser: Browser = chromium, microphone: bool = True, phone: bool = False
    ) -> Visitor:
        context = await browser.new_context(
            permissions=["microphone"] if microphone else [],
            viewport={"width": 390, "height": 844} if phone else {"width": 1440, "height": 900},
            has_touch=phone,
            is_mobile=phone,
            reduced_motion="reduce",  # without a GPU each frame of a motion is drawn by the processor
        )
        context.set_default_timeout(PATIENCE)
        visitor = Visitor(await context.new_page(), name)
        visitors.append(visitor)
        return visitor

    yield visit
    for visitor in visitors:
        await visitor.page.context.close()
    assert [complaint for visitor in visitors for complaint in visitor.complaints] == []


async def launch(playwright: Playwright, *flags: str) -> Browser:
    """Debian's Chromium without a window."""
    return await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=[*FLAGS, *flags])
