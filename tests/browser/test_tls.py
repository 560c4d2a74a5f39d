"""People hear each other over https and wss, under a host name, with a certificate that the helper made."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Playwright, expect

from server.config import CertificateRequest
from server.selfsigned import make
from tests.browser.conftest import FAKE_MICROPHONE, VisitorFactory, launch
from tests.browser.hearing import listen
from tests.browser.nodes import RunningNode
from tests.browser.pin import pin
from tests.browser.speech import Speech

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]

HOST = "voice.test"
"""A name that is not ``localhost``, so that only TLS makes its pages trustworthy (see FLAGS)."""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a certificate and its key."""
    folder = tmp_path_factory.mktemp("tls")
    make(CertificateRequest(hosts=(HOST, "127.0.0.1"), out=folder, force=True))
    return folder


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def secure(
    tmp_path_factory: pytest.TempPathFactory, files: Path
) -> AsyncIterator[tuple[RunningNode, RunningNode]]:
    """Two nodes of one cluster that speak TLS."""
    data = tmp_path_factory.mktemp("secure")
    options = ("--port=0", "--bus-port=0", f"--tls-cert={files / 'cert.pem'}", f"--tls-key={files / 'key.pem'}")
    first = await RunningNode.start(data / "n1", "--name=n1", *options)
    second = await RunningNode.start(data / "n2", "--name=n2", f"--peer={first.bus}", *options)
    yield first, second
    await second.stop()
    await first.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def trusting(playwright: Playwright, speech: Speech, files: Path) -> AsyncIterator[Browser]:
    """A browser that was told of this one key, as a person would tell it, and of no other."""
    browser = await launch(
        playwright,
        FAKE_MICROPHONE,
        f"--use-file-for-fake-audio-capture={speech.path}",
        pin(files / "cert.pem"),
    )
    yield browser
    await browser.close()


def page_of(node: RunningNode, room: str) -> str:
    return f"https://{HOST}:{node.port}/#{room}"


@pytest.mark.alone
async def test_a_listener_on_another_node_hears_what_the_speaker_says(
    secure: tuple[RunningNode, RunningNode], trusting: Browser, visit: VisitorFactory, speech: Speech
) -> None:
    ann, bob = await visit("Ann", browser=trusting), await visit("Bob", browser=trusting)
    for visitor, node in ((ann, secure[0]), (bob, secure[1])):
        await visitor.page.goto(page_of(node, "vault"))
        assert await visitor.page.evaluate("isSecureContext && location.protocol") == "https:"
        await visitor.enter()
    await ann.open_microphone()
    hearing = await listen(bob, speech)
    assert hearing.correlation >= 0.8
    await bob.say("over TLS")
    await expect(ann.line("over TLS")).to_be_visible()


async def test_a_browser_that_was_not_told_of_the_key_stays_away(
    secure: tuple[RunningNode, RunningNode], chromium: Browser
) -> None:
    page = await chromium.new_page()
    with pytest.raises(Exception, match="ERR_CERT_AUTHORITY_INVALID"):
        await page.goto(page_of(secure[0], "vault"))
    await page.close()


async def test_who_asks_for_the_page_without_tls_is_told_where_it_is(
    secure: tuple[RunningNode, RunningNode], chromium: Browser
) -> None:
    page = await chromium.new_page()
    answer = await page.goto(f"http://{HOST}:{secure[0].port}/")
    assert answer is not None
    assert answer.status == 400
    assert "https://" in await page.content()
    await page.close()
