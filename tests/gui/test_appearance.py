"""Dark and light: the system's or the one that was chosen, live, down to the pixel."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication

from gui import theme
from gui.appearance import Appearance, Look
from gui.tokens import DARK, DARK_SCHEME, LIGHT, LIGHT_SCHEME, Colour, Scheme, Size
from gui.widgets.labels import Label
from gui.widgets.painting import avatar
from tests.gui.looks import grab
from tests.gui.test_rooms import select, until_members

if TYPE_CHECKING:
    from gui.app import Console
    from tests.gui.conftest import Cluster


@pytest.fixture
def appearance(qapp: QApplication) -> Iterator[Appearance]:
    made = Appearance(qapp)
    yield made
    made.stop()
    theme.apply(qapp, DARK_SCHEME)


def test_it_is_dark_where_the_system_does_not_say(appearance: Appearance) -> None:
    assert appearance.system is Qt.ColorScheme.Unknown
    assert theme.scheme() is DARK_SCHEME


def test_it_follows_the_system_live(appearance: Appearance, monkeypatch: pytest.MonkeyPatch) -> None:
    system = {"scheme": Qt.ColorScheme.Light, "contrast": False}
    monkeypatch.setattr(Appearance, "system", property(lambda self: system["scheme"]))
    monkeypatch.setattr(Appearance, "contrast", property(lambda self: system["contrast"]))
    hints = appearance._hints
    hints.colorSchemeChanged.emit(Qt.ColorScheme.Light)
    assert theme.colour(Colour.BG1).name().upper() == LIGHT[Colour.BG1]
    system["scheme"] = Qt.ColorScheme.Dark
    hints.colorSchemeChanged.emit(Qt.ColorScheme.Dark)
    assert theme.colour(Colour.BG1).name().upper() == DARK[Colour.BG1]
    system["contrast"] = True
    appearance._accessibility.contrastPreferenceChanged.emit(Qt.ContrastPreference.HighContrast)
    assert theme.colour(Colour.LINE).name().upper() == DARK[Colour.FIELD]
    assert theme.colour(Colour.TEXT3).name().upper() == DARK[Colour.TEXT2]


def test_what_was_chosen_stands_against_the_system(appearance: Appearance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Appearance, "system", property(lambda self: Qt.ColorScheme.Dark))
    appearance.choose(Look.LIGHT)
    appearance._hints.colorSchemeChanged.emit(Qt.ColorScheme.Dark)
    assert theme.scheme() is LIGHT_SCHEME
    appearance.choose(Look.SYSTEM)
    assert theme.scheme() is DARK_SCHEME


def test_nothing_coloured_is_kept_over_a_switch(appearance: Appearance) -> None:
    def look() -> tuple[object, ...]:
        return (
            theme.pixmap("copy", Colour.TEXT).toImage(),
            avatar("u_1", "K", 28).toImage(),
            theme.pen(Colour.LINE).color().name(),
            theme.icon("copy").pixmap(18).toImage(),
        )

    dark = look()
    appearance.choose(Look.LIGHT)
    light = look()
    assert all(one != other for one, other in zip(dark, light, strict=True))
    appearance.choose(Look.DARK)
    assert look() == dark


async def test_a_switch_changes_the_open_window_at_once_and_back_again_leaves_no_trace(
    console: Console, cluster: Cluster
) -> None:
    (ann,) = await cluster.members("lobby", "Ann")
    await ann.say("lobby", "hello")
    await until_members(console, "Ann")
    select(console, ann)
    before = await grab(console, Look.DARK)
    light = await grab(console, Look.LIGHT)
    rail, pane = QPoint(4, 600), QPoint(Size.RAIL + Size.ROOM_LIST - 40, 700)
    assert light.pixelColor(rail).name().upper() == LIGHT[Colour.BG0]
    assert light.pixelColor(pane).name().upper() == LIGHT[Colour.BG1]
    dark = sum(light.pixelColor(x, y).lightness() < 60 for x in range(0, 1440, 5) for y in range(0, 900, 5))
    assert dark < 0.02 * 288 * 180, "a dark island in the light window"
    after = await grab(console, Look.DARK)
    assert after.pixelColor(rail) == before.pixelColor(rail)
    assert after.pixelColor(pane) == before.pixelColor(pane)


async def test_the_selection_survives_a_switch(console: Console, cluster: Cluster) -> None:
    (ann,) = await cluster.members("lobby", "Ann")
    await until_members(console, "Ann")
    select(console, ann)
    console.appearance.choose(Look.LIGHT)
    chosen = console.rooms.pane.members.selected
    assert chosen is not None
    assert chosen.session == ann.session


async def test_a_switch_needs_no_new_style_sheet_and_reaches_what_is_hidden(
    console: Console, qapp: QApplication
) -> None:
    sheet = qapp.styleSheet()
    console.appearance.choose(Look.LIGHT)
    assert qapp.styleSheet() == sheet
    assert "#" not in sheet
    for view in console.window.views:
        labels = view.findChildren(Label)
        assert labels
        for label in labels:
            assert label.palette().color(label.foregroundRole()).name().upper() == LIGHT[label.tone]


@pytest.mark.parametrize("scheme", [DARK_SCHEME, LIGHT_SCHEME.contrasting()], ids=lambda scheme: scheme.name)
def test_each_role_of_the_palette_has_its_colour(appearance: Appearance, qapp: QApplication, scheme: Scheme) -> None:
    theme.apply(qapp, scheme)
    for role, token in theme.ROLES.items():
        assert qapp.palette().color(role).name().upper() == scheme.colours[token].upper()


async def test_an_open_window_is_under_the_style_sheet(console: Console, qapp: QApplication) -> None:
    field = console.rooms.pane.members.filter.line
    assert qapp.styleSheet()
    assert field.testAttribute(Qt.WidgetAttribute.WA_StyleSheetTarget)
