"""What opens over the window, and the first screen: nothing cut, covered or faint, in both themes and two sizes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from PySide6.QtWidgets import QWidget

from gui.appearance import Look
from gui.frame.join import JoinSheet
from tests.gui.legibility import faults
from tests.gui.looks import NARROW, WIDE, grab
from tests.gui.test_rooms import select, until_members

if TYPE_CHECKING:
    from gui.app import Console
    from tests.gui.conftest import Cluster


def first_run(console: Console) -> QWidget:
    """Nothing over the first screen."""
    return console.window


def keys(console: Console) -> QWidget:
    console.context.actions.keys.trigger()
    return console.window


def settings(console: Console) -> QWidget:
    console.context.actions.settings.trigger()
    return console.window


def join(console: Console) -> QWidget:
    console.context.actions.join.trigger()
    (sheet,) = console.window.findChildren(JoinSheet)
    sheet.address.setText("192.0.2.1:1")
    return console.window


def news(console: Console) -> QWidget:
    console.context.toasts.say("kestrel kicked", "Connection on fra-1 closed in 12 ms", icon="sign-out")
    console.context.toasts.warn("No node has answered at 127.0.0.1:8766 in 4 s. Does it run there?")
    console.context.actions.news.trigger()
    return console.overlays.panel.card


def palette(console: Console) -> QWidget:
    console.overlays.open_palette("")
    return console.window


def palette_of_nothing(console: Console) -> QWidget:
    console.overlays.open_palette("qqzzxx")
    return console.window


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize("look", [Look.DARK, Look.LIGHT])
@pytest.mark.parametrize("show", [first_run, keys, settings, join, news, palette, palette_of_nothing])
async def test_everything_can_be_read(
    console: Console, show: Callable[[Console], QWidget], look: Look, size: tuple[int, int]
) -> None:
    await grab(console, look, size)
    window = show(console)
    await grab(console, look, size)
    assert faults(window) == []


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize("look", [Look.DARK, Look.LIGHT])
async def test_the_palette_can_be_read_with_people_in_it(
    console: Console, cluster: Cluster, look: Look, size: tuple[int, int]
) -> None:
    (ann, *_) = await cluster.members("lobby", "Ann", "Annika with a name that is long", "ann_88")
    await until_members(console, "Ann", "ann_88", "Annika with a name that is long")
    select(console, ann)
    await grab(console, look, size)
    for typed in ("", "ann", "mute ann", "#lob"):
        console.overlays.open_palette(typed)
        await grab(console, look, size)
        assert faults(console.window) == [], typed
