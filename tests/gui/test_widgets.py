"""The small parts: text is literal, buttons follow their action, marks are told apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QSize, Qt
from PySide6.QtGui import QAction, QColor, QFontInfo, QKeySequence
from PySide6.QtWidgets import QApplication, QLabel, QPushButton, QWidget

from gui import theme
from gui.tokens import AVATAR_HUES, DARK_SCHEME, LIGHT_SCHEME, Colour, Scheme, Type
from gui.widgets.buttons import Button, Buttons
from gui.widgets.labels import Label, describe
from gui.widgets.painting import initials, steps
from gui.widgets.sheet import Sheet
from gui.widgets.toast import Toast, Toasts

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

EVIL = '<img src="file:///etc/hostname"><b>x</b>&lt;'


@pytest.fixture(autouse=True)
def _themed(qapp: QApplication) -> None:
    theme.apply(qapp)
    theme.dress(qapp)


def test_a_label_draws_markup_as_it_was_written(qtbot: QtBot) -> None:
    made, known = Label(EVIL), QLabel(EVIL)
    known.setTextFormat(Qt.TextFormat.PlainText)
    known.setFont(theme.font(Type.BODY))
    for label in (made, known):
        qtbot.addWidget(label)
        label.resize(QSize(600, 40))
    assert made.grab().toImage() == known.grab().toImage()


def test_a_label_that_elides_draws_markup_as_it_was_written(qtbot: QtBot) -> None:
    made, known = Label(EVIL, elide=True), Label(EVIL)
    for label in (made, known):
        qtbot.addWidget(label)
        label.resize(QSize(600, 40))
    assert made.grab().toImage() == known.grab().toImage()


def test_a_tooltip_shows_markup_as_it_was_written(qtbot: QtBot) -> None:
    widget = QWidget()
    qtbot.addWidget(widget)
    describe(widget, EVIL, key="K")
    assert "&lt;img" in widget.toolTip()
    assert widget.accessibleName() == EVIL


def test_a_toast_is_as_high_as_its_words(qtbot: QtBot) -> None:
    window = QWidget()
    window.resize(1200, 700)
    qtbot.addWidget(window)
    window.show()
    toasts, fresh = Toasts(window), Toasts(window)
    toasts.say("Somebody muted for 10 min", "Nobody in this room hears what is sent meanwhile")
    for each in (toasts, fresh):
        each.say("Announced")
    heights = {shown.height() for shown in window.findChildren(Toast)}
    assert len(heights) == 1


def test_a_toast_shows_text_as_it_was_written(qtbot: QtBot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    window.resize(QSize(1000, 600))
    toasts = Toasts(window)
    toasts.say(EVIL, EVIL)
    assert toasts.text == f"{EVIL}. {EVIL}"
    assert all(label.textFormat() is Qt.TextFormat.PlainText for label in window.findChildren(QLabel))


def test_a_button_of_an_action_says_its_key_and_follows_it(qtbot: QtBot) -> None:
    action, triggered = QAction("Kick"), []
    action.setShortcut(QKeySequence("K"))
    action.triggered.connect(lambda: triggered.append(True))
    button = Button.of(action)
    qtbot.addWidget(button)
    assert button.toolTip() == "Kick  (K)"
    button.click()
    action.setEnabled(False)
    assert not button.isEnabled()
    button.click()
    assert triggered == [True]


def test_the_fonts_are_those_that_are_bundled(qtbot: QtBot) -> None:
    assert QFontInfo(theme.font(Type.BODY)).family() == "Inter"
    assert QFontInfo(theme.font(Type.CODE)).family() == "JetBrains Mono"


def test_figures_are_tabular(qtbot: QtBot) -> None:
    for kind in Type:
        widths = {theme.metrics(kind).horizontalAdvance(figure) for figure in "0123456789"}
        assert len(widths) == 1, kind


@pytest.mark.parametrize(
    ("name", "letters"),
    [("Mira Halvorsen", "MH"), ("kestrel", "K"), ("小林", "小"), ("Priya N.", "PN"), ("  ", "?"), ("<b>", "<")],
)
def test_initials(name: str, letters: str) -> None:
    assert initials(name) == letters


def test_the_meter_has_seven_steps_and_silence() -> None:
    assert steps(None) == 0
    assert [steps(level) for level in (0, 12, 33, 54, 127)] == [7, 7, 4, 1, 1]


def luminance(colour: str) -> float:
    """Relative luminance as WCAG has it."""
    parts = [value / 255 for value in bytes.fromhex(colour[1:])]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Contrast ratio as WCAG has it."""
    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [DARK_SCHEME, LIGHT_SCHEME], ids=lambda scheme: scheme.name)
def test_text_can_be_read_on_every_ground(scheme: Scheme) -> None:
    words = (Colour.TEXT, Colour.TEXT2, Colour.TEXT3, Colour.ACCENT, Colour.LIVE, Colour.WARN, Colour.DANGER)
    colours = scheme.colours
    for ground in (Colour.BG0, Colour.BG1, Colour.BG2, Colour.BG3, Colour.ACCENT_SOFT):
        for word in words:
            assert contrast(colours[word], colours[ground]) >= 4.5, (word, ground)
    assert contrast(colours[Colour.ON_FILL], colours[Colour.ACCENT_FILL]) >= 4.5
    assert contrast(colours[Colour.ON_FILL], colours[Colour.DANGER_FILL]) >= 4.5
    assert contrast(colours[Colour.FIELD], colours[Colour.BG2]) >= 3


def test_letters_of_avatars_can_be_read() -> None:
    for scheme in (DARK_SCHEME, LIGHT_SCHEME):
        letters = scheme.colours[scheme.avatar_letters]
        for hue in AVATAR_HUES:
            assert contrast(letters, QColor.fromHsl(hue, *scheme.avatar).name()) >= 4.5, (scheme.name, hue)


def test_a_sheet_closes_though_what_had_the_keyboard_is_gone(qtbot: QtBot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    window.resize(QSize(800, 600))
    had = QPushButton(window)
    sheet = Sheet(window, "A question")
    window.show()
    with qtbot.waitActive(window):
        window.activateWindow()
    had.setFocus()
    assert QApplication.focusWidget() is had
    sheet.open()
    had.deleteLater()
    QCoreApplication.sendPostedEvents(had, QEvent.Type.DeferredDelete)
    sheet.reject()
    assert sheet.isHidden()


def test_an_ampersand_on_a_button_is_one_and_no_key(qtbot: QtBot) -> None:
    button = Button("Restart R&D")
    qtbot.addWidget(button)
    assert (button.text(), button.shortcut().toString()) == ("Restart R&D", "")
    button.restyle("Stop R&D", "")
    assert button.shortcut().toString() == ""


def test_buttons_with_too_little_room_lose_their_icons_and_then_their_keys(qtbot: QtBot) -> None:
    buttons = [Button(words, icon="minus", key="M") for words in ("Mute", "Kick", "Ban")]
    row = Buttons(*buttons)
    qtbot.addWidget(row)
    row.show()
    widths = [sum(button.sizeHint().width() for button in buttons) + 16]
    for icon, key in ((False, True), (False, False)):
        for button in buttons:
            button.trim(icon=icon, key=key)
        widths.append(sum(button.sizeHint().width() for button in buttons) + 16)
    assert widths == sorted(widths, reverse=True)
    row.resize(1000, 32)
    for room in widths:
        row.resize(room, 32)
        assert sum(button.sizeHint().width() for button in buttons) + 16 == room


def test_a_toast_offers_to_undo_what_can_be_undone_once(qtbot: QtBot) -> None:
    window, undone = QWidget(), []
    window.resize(1200, 700)
    qtbot.addWidget(window)
    window.show()
    toasts = Toasts(window)
    toasts.say("Bob kicked", undo=lambda: undone.append(True), key="Ctrl Z")
    (toast,) = window.findChildren(Toast)
    assert toasts.undo_button.isVisible()
    assert toast.line.isVisible()
    toasts.undo_button.click()
    assert undone == [True]
    assert not toasts.undo_button.isVisible()
    toasts.say("Bob kicked", undo=lambda: undone.append(True), key="Ctrl Z")
    toasts.say("Announced")
    assert not toasts.undo_button.isVisible()
    assert not toast.line.isVisible()
