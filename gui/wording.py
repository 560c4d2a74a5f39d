"""Values as people read them: names that cannot deceive, ages, rates, times; no Qt here."""

from __future__ import annotations

import datetime
import functools
import re
import unicodedata

_GAP = "\u00a0"
"""Before a unit, so that no line breaks there."""

_LATEST = 253_000_000_000_000
"""In the year 9987: times come from other nodes, and no calendar goes on for ever."""


@functools.lru_cache(maxsize=8192)
def name(text: str) -> str:
    """A name on one line, in which what cannot be seen is shown as a mark such as ``[200B]``."""
    return "".join(_mark(sign) for sign in " ".join(text.split()) or "?")


def within(text: str) -> str:
    """A name for use inside a sentence: isolated, so that its writing direction does not turn the rest around."""
    return f"\u2068{name(text)}\u2069"


def paragraph(text: str) -> str:
    """A text of several lines, in which what cannot be seen is shown as a mark, line ends and tabs excepted."""
    return "".join(sign if sign in "\n\t\u200d\ufe0f" else _mark(sign) for sign in text)


def _mark(sign: str) -> str:
    # Joiners and variation selectors make emoji and scripts; alone they are harmless in a paragraph, not in a name.
    if sign.isascii():
        return sign if sign.isprintable() else f"[{ord(sign):02X}]"
    if unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") or sign in _BLANK:
        return f"[{ord(sign):04X}]"
    return sign


_BLANK = frozenset("\u00a0\u115f\u1160\u2800\u3164\uffa0\u034f\u17b4\u17b5")
"""Signs that are letters or spaces by category and look like nothing."""


def keys(sequence: str) -> str:
    """A key as it is shown: ``Ctrl K`` for ``Ctrl+K``, ``Ctrl +`` for ``Ctrl++``."""
    shown = re.sub(r"(?<=[^+\s])\+(?=.)", " ", sequence)
    return shown.replace("Return", "Enter")


def age(milliseconds: int) -> str:
    """A span as ``h:mm:ss``, above a day as ``9 d 4 h``."""
    seconds = max(0, milliseconds) // 1000
    days, rest = divmod(seconds, 86_400)
    if days:
        return f"{days} d {rest // 3600} h"
    return f"{rest // 3600}:{rest // 60 % 60:02d}:{rest % 60:02d}"


def span(milliseconds: int) -> str:
    """A span in words for a sentence: ``12 s``, ``3 min``, ``2 h 14 min``, ``9 d 4 h``."""
    seconds = max(0, milliseconds) // 1000
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min"
    if seconds < 86_400:
        return f"{seconds // 3600} h {seconds // 60 % 60} min"
    return f"{seconds // 86_400} d {seconds // 3600 % 24} h"


def length(seconds: int) -> str:
    """For how long something holds: ``10 min``, ``24 h``, ``7 days``."""
    for size, unit in ((86_400, "days"), (3600, "h"), (60, "min")):
        if seconds % size == 0 and seconds >= size * (2 if unit == "days" else 1):
            return f"{seconds // size}{_GAP}{unit}"
    return span(seconds * 1000)


def moment(milliseconds: int) -> str:
    """A span that is short as a rule, to a tenth below a minute: ``0.4 s``, ``12.0 s``, ``3 min``."""
    return f"{max(0, milliseconds) / 1000:.1f}{_GAP}s" if milliseconds < 59_950 else span(milliseconds)


def minutes(seconds: float) -> str:
    """A short span as ``m:ss``."""
    whole = max(0, int(seconds))
    return f"{whole // 60}:{whole % 60:02d}"


def count(number: int) -> str:
    """A whole number with thousands parted: ``1,284``."""
    return f"{number:,}"


def short(number: float) -> str:
    """A figure in three digits: ``0``, ``3.4``, ``217``, ``4.2k``, ``80.5k``, ``1.05M``."""
    if number < 9.95:
        whole = round(number, 1)
        return f"{whole:.0f}" if whole == int(whole) else f"{whole:.1f}"
    if number < 999.5:
        return f"{number:.0f}"
    for unit, size in (("k", 1e3), ("M", 1e6), ("G", 1e9)):
        scaled = number / size
        if scaled < 999.5:
            digits = 2 if scaled < 9.995 and unit != "k" else 1 if scaled < 99.95 else 0
            return f"{scaled:.{digits}f}{unit}"
    return f"{number / 1e9:.0f}G"


def milliseconds(value: float | None) -> str:
    """A round trip or lag: ``18 ms``, ``0.4 ms``; a dash where it is not known."""
    if value is None:
        return "–"
    return f"{value:.1f}{_GAP}ms" if value < 0.95 else f"{value:.0f}{_GAP}ms"


def size(octets: int) -> str:
    """Memory: ``512 MB``, ``1.2 GB``."""
    mega = octets / 1_000_000
    return f"{mega:.0f}{_GAP}MB" if mega < 1000 else f"{mega / 1000:.1f}{_GAP}GB"


def percent(share: float) -> str:
    """A share of one: ``46 %``."""
    return f"{share * 100:.0f}{_GAP}%"


def clock(at: int, seconds: bool = False) -> str:
    """A time of day in this place; `at` in ms since 1970."""
    local = datetime.datetime.fromtimestamp(max(0, min(at, _LATEST)) / 1000, datetime.UTC).astimezone()
    return local.strftime("%H:%M:%S" if seconds else "%H:%M")


def plural(number: int, one: str, many: str = "") -> str:
    """A count with its noun: ``1 member``, ``24 members``."""
    return f"{count(number)} {one if number == 1 else many or one + 's'}"


def listed(names: tuple[str, ...], most: int = 3) -> str:
    """Names beside each other: ``Ana, Wojtek +2``."""
    shown = ", ".join(within(each) for each in names[:most])
    return f"{shown} +{len(names) - most}" if len(names) > most else shown
