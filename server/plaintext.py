"""Text from elsewhere made safe to show in one line, in the log and on the console; pure."""

from __future__ import annotations

import unicodedata

TEXT_CHARS = 4_000
"""What is longer is cut."""


def plain(text: str) -> str:
    """Make one safe line of a text from elsewhere: control and direction characters are shown as ``\\xNN`` marks."""
    return "".join(
        char if char == " " or unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Zl", "Zp"} else ascii(char)[1:-1]
        for char in text[:TEXT_CHARS]
    )
