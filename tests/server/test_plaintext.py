"""Text from elsewhere: whatever it holds, one line is shown."""

from __future__ import annotations

import pytest

from server.plaintext import TEXT_CHARS, plain


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("x\n2026 ERROR admin", "x\\n2026 ERROR admin"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("\u202eevil\u2066", "\\u202eevil\\u2066"),
        ("a\u2028b\x85c", "a\\u2028b\\x85c"),
        ("夜猫子 Ü", "夜猫子 Ü"),
    ],
)
def test_control_and_direction_characters_are_shown_as_marks(text: str, shown: str) -> None:
    assert plain(text) == shown


def test_a_long_text_is_cut() -> None:
    assert len(plain("x" * 2 * TEXT_CHARS)) == TEXT_CHARS
