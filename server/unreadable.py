"""What reading bytes that somebody else wrote may raise; pure."""

from __future__ import annotations

import msgspec

UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""A text within MessagePack may be no UTF-8, which msgspec leaves to Python to say."""
