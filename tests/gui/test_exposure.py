"""What the window says of how clients come in, and the settings page that says who gave what."""

from __future__ import annotations

import dataclasses

import pytest
from PySide6.QtCore import Qt

from gui.app import Console
from gui.frame.exposure import ENDING, PLAIN, REFUSED
from gui.frame.settings import SettingsSheet
from gui.tokens import Colour
from server.certificates import Certificate
from server.exposure import Exposure
from server.tls import DAY_MS

NOW = 1_800_000_000_000
SOON = Certificate(("a.example",), "", NOW + 3 * DAY_MS, "AA:BB")


def show(console: Console, exposure: Exposure, now: int = NOW) -> tuple[str, ...]:
    """The keys of the notices that there are then."""
    console.context.desk._node.exposure = exposure
    console.exposure.look(now)
    return console.context.banners.keys


async def test_on_loopback_nothing_is_said(console: Console) -> None:
    assert show(console, Exposure()) == ()


async def test_plain_text_off_loopback_is_a_calm_notice_that_names_the_ways_out(console: Console) -> None:
    assert show(console, Exposure(host="0.0.0.0")) == (PLAIN,)
    strip = console.context.banners.strip
    assert "0.0.0.0" in strip.title.text()
    for word in ("microphone", "--tls-cert", "--trusted-proxy"):
        assert word in strip.detail.text()
    assert console.overlays.news.unseen == 0
    assert show(console, Exposure(host="0.0.0.0", encrypted=True)) == ()


async def test_a_notice_that_was_closed_stays_closed(console: Console) -> None:
    show(console, Exposure(host="0.0.0.0"))
    console.context.banners.strip.cross.click()
    assert show(console, Exposure(host="0.0.0.0")) == ()


@pytest.mark.parametrize(
    ("days", "said", "tone"),
    [(-11, None, None), (0, "expires in 3 days", Colour.WARN), (3, "has expired, browsers refuse it", Colour.DANGER)],
)
async def test_a_certificate_that_ends_is_told(
    console: Console, days: int, said: str | None, tone: Colour | None
) -> None:
    exposure = Exposure(encrypted=True, certificate=SOON)
    keys = show(console, exposure, NOW + days * DAY_MS - (1 if days < 0 else 0))
    assert keys == (() if said is None else (ENDING,))
    if said is not None:
        assert said in console.context.banners.strip.title.text()
        assert "SIGHUP" in console.context.banners.strip.detail.text()
        assert console.context.banners._notices[ENDING].tone is tone


async def test_a_new_pair_that_is_not_used_is_told_until_it_is(console: Console) -> None:
    good = dataclasses.replace(SOON, expires=NOW + 100 * DAY_MS)
    assert show(console, Exposure(encrypted=True, certificate=good, refused="k.pem holds no key")) == (REFUSED,)
    assert console.context.banners.strip.detail.text() == "k.pem holds no key"
    assert show(console, Exposure(encrypted=True, certificate=good)) == ()


async def test_the_settings_page_says_who_gave_what(console: Console) -> None:
    console.context.actions.settings.trigger()
    (sheet,) = console.window.findChildren(SettingsSheet)
    model = sheet.told.model()
    assert model is not None
    rows = [model.index(row, 0) for row in range(model.rowCount())]
    said = {index.data(): index.data(Qt.ItemDataRole.AccessibleTextRole) for index in rows}
    assert said["voice-fps"] == "voice-fps, 55, default"
    assert {"auth-key-file", "tls-cert", "trusted-proxy"} <= said.keys()
