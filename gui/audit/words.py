"""Acts of the audit and bans as people read them; no Qt here."""

from __future__ import annotations

import datetime
import time
from collections.abc import Sequence

from gui import wording
from gui.tokens import Colour
from server.views import ActView, BanView

NAMES = {
    "kick": ("Kick", "sign-out"),
    "unkick": ("Kick undone", "arrow-counter-clockwise"),
    "mute": ("Mute", "microphone-slash"),
    "unmute": ("Unmute", "microphone"),
    "ban": ("Ban", "prohibit"),
    "unban": ("Ban lifted", "shield-check"),
    "ban_ended": ("Ban ended", "shield-check"),
    "move": ("Move", "arrow-right"),
    "set_room": ("Set room", "lock-simple-fill"),
    "drain": ("Drain", "sign-out"),
    "cancel_drain": ("Drain cancelled", "arrow-counter-clockwise"),
    "launch": ("Launch", "plus"),
    "restart": ("Restart", "arrow-clockwise"),
    "stop": ("Stop", "power"),
    "node_lost": ("Node lost", "warning-circle"),
    "audit_lost": ("Audit lost", "warning-circle"),
    "audit_changed": ("Audit changed", "warning-circle"),
    "announce": ("Announce", "megaphone"),
    "reveal": ("Whisper read", "eye"),
    "report": ("Report", "flag"),
    "report_take": ("Report taken", "flag"),
    "report_close": ("Report closed", "check"),
    "report_reopen": ("Report reopened", "arrow-counter-clockwise"),
}
"""By action: its name, and a file of resources/icons."""

LOCKS = {"locked on": "Lock", "locked off": "Unlock"}
"""What `set_room` is called where it does but that, by the detail."""

HURTING = frozenset({"kick", "ban", "node_lost", "audit_lost", "audit_changed"})
"""Actions whose icon is in the colour of danger."""

OF_NODES = frozenset(
    {"drain", "cancel_drain", "launch", "restart", "stop", "node_lost", "audit_lost", "audit_changed", "reveal"}
)
"""Actions that concern no room."""

OF_REPORTS = frozenset({"report_take", "report_close", "report_reopen"})
"""Actions whose target is the id of a report; their detail says who was reported and by whom."""

REPORTED = ", reported by "
"""What stands between the two there."""

LASTING = frozenset({"mute", "ban"})
"""Actions that hold for a time, or for good."""


def action(act: ActView) -> str:
    """What was done: ``Ban 7 days``, ``Kick``, ``Move 6 people``."""
    words = LOCKS.get(act.detail, kind(act.action)) if act.action == "set_room" else kind(act.action)
    if act.action in LASTING and act.until is not None:
        words = f"{words} {wording.length(round((act.until - act.at) / 1000))}"
    if len(act.people) > 1:
        words = f"{words}, {wording.plural(len(act.people), 'person', 'people')}"
    return words


def kind(name: str) -> str:
    """The name of an action, also of one that a later version writes."""
    known = NAMES.get(name)
    return known[0] if known else wording.name(name.replace("_", " ").capitalize())


def why(act: ActView) -> str:
    """The reason, and what else was said of it: which settings of a room are others, say."""
    detail = "" if act.detail in LOCKS else _text(act.detail)
    if act.action in OF_REPORTS and REPORTED in act.detail:
        detail = f"reported by {wording.name(act.detail.rpartition(REPORTED)[2])}"
    return "  ·  ".join(part for part in (detail, _text(act.reason)) if part)


def icon(name: str) -> tuple[str, Colour]:
    """The icon of an action and its colour."""
    known = NAMES.get(name)
    return known[1] if known else "info", Colour.DANGER if name in HURTING else Colour.TEXT2


def by(act: ActView) -> str:
    """Who asked; ``System`` where time was over, or a node lost."""
    return wording.name(act.by) if act.by_user else "System"


def on(act: ActView) -> str:
    """To whom or what; of a report, who was reported."""
    if act.action in OF_REPORTS and (whom := act.detail.rpartition(REPORTED)[0]):
        return wording.name(whom)
    if len(act.people) > 1:
        first = [name for _, _, name in act.people]
        return wording.listed(tuple(first), 2)
    if act.people:
        return wording.name(act.people[0][2])
    return _text(act.target)


def where(act: ActView) -> str:
    """In which room."""
    if act.room:
        return wording.name(act.room)
    if act.action in OF_NODES or (act.people and not act.people[0][0] and "." in act.people[0][2]):
        return ""
    return "All rooms" if act.people or act.action == "announce" else ""


def came(act: ActView) -> str:
    """What came of it, in a word or two; nothing where all went well."""
    if not act.results:
        return "not known"
    outcomes = {result.outcome for result in act.results}
    if outcomes == {"done"}:
        return ""
    if outcomes == {"gone"}:
        return "already gone"
    return "failed" if "failed" in outcomes and "done" not in outcomes else "done in part"


def slowest(act: ActView) -> float | None:
    """Milliseconds until the last node had done it; None where nobody said."""
    return max((result.ms for result in act.results), default=None)


def moment(at: int, now: int) -> str:
    """When it was: the time of day, with the day where that was not today."""
    return wording.clock(at, seconds=True) if day_of(at) == day_of(now) else f"{_day(at)} {wording.clock(at)}"


def day_of(at: int) -> int:
    """The first millisecond since 1970 of the day in this place."""
    local = datetime.datetime.fromtimestamp(at / 1000, datetime.UTC).astimezone()
    return int(local.replace(hour=0, minute=0, second=0, microsecond=0).timestamp() * 1000)


def whom(ban: BanView) -> str:
    """The user, or the address or network."""
    return wording.name(ban.user) if ban.user else ban.ip


def scope(ban: BanView) -> str:
    """Where it holds and why."""
    parts = ["Address range" if "/" in ban.ip else "Address"] if ban.ip else []
    parts.append(wording.name(ban.room) if ban.room else "All rooms")
    if ban.reason:
        parts.append(wording.name(ban.reason))
    return "  ·  ".join(parts)


def left(ban: BanView, now: int) -> str:
    """How long it still holds."""
    return "No end" if ban.until is None else f"{remaining(max(0, ban.until - now))} left"


def remaining(ms: int) -> str:
    """A time in its two greatest units: ``6 d 23 h``, ``3 h 40 min``, ``9 min 59 s``."""
    seconds = ms // 1000
    for size, unit, below, small in ((86_400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if seconds >= size:
            return f"{seconds // size}\N{NO-BREAK SPACE}{unit} {seconds % size // below}\N{NO-BREAK SPACE}{small}"
    return f"{seconds}\N{NO-BREAK SPACE}s"


def share(ban: BanView, now: int) -> float:
    """How much of its time is left, 0 to 1; 1 for one without an end."""
    if ban.until is None:
        return 1.0
    return min(1.0, max(0.0, (ban.until - now) / max(1, ban.until - ban.at)))


def described(act: ActView, now: int) -> str:
    """A whole act, for those who listen."""
    parts = (f"{by(act)}: {action(act)}", on(act), where(act), why(act), came(act))
    return ", ".join(part for part in (*parts, moment(act.at, now)) if part)


def ban_described(ban: BanView, now: int) -> str:
    """A whole ban, for those who listen."""
    return f"{whom(ban)}, {scope(ban)}, {left(ban, now)}, by {wording.name(ban.by)}"


def sentence(counts: tuple[int, int] | None) -> str:
    """What was done today, for the top bar."""
    if counts is None:
        return "more than 1,000 actions today"
    acts, people = counts
    if not acts:
        return "nothing was done today"
    whose = f" by {wording.plural(people, 'moderator')}" if people else ""
    return f"today, {wording.plural(acts, 'action')}{whose}"


def now_ms() -> int:
    """The clock on the wall, ms since 1970."""
    return int(time.time() * 1000)


def results(act: ActView) -> Sequence[str]:
    """What came of it at each node, a line each."""
    if not act.results:
        return (f"Asked at {wording.name(act.node)}. What came of it is not known.",)
    words = {"done": "done", "gone": "already gone", "failed": "failed"}
    return tuple(
        f"{wording.name(result.node)}: {words.get(result.outcome, wording.name(result.outcome))}"
        f" in {wording.milliseconds(result.ms)}"
        for result in act.results
    )


def _text(text: str) -> str:
    """What a person wrote on one line; nothing where that is nothing."""
    return wording.name(text) if text.strip() else ""


def _day(at: int) -> str:
    local = datetime.datetime.fromtimestamp(at / 1000, datetime.UTC).astimezone()
    return f"{local.day} {local:%b}"
