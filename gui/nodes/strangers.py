"""What stands between this node and strangers, in words, for details and banners; no Qt here."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from gui import wording
from gui.nodes.facts import Fact
from gui.tokens import Colour
from server.exposure import Exposure
from server.tls import DAY_MS, WARN_DAYS
from server.views import MeshView, RefusalView, SoughtView, TurnedAwayView

RECENT = 5 * 60_000
"""ms: who has not tried again for so long is told of in the details alone."""

LISTED = 12
"""Addresses in the details."""

NAMES = 4
"""Hosts of a certificate there."""

REASONS = {
    "key": "wrong key",
    "plain": "other encryption",
    "garbage": "not a node",
    "silent": "said nothing",
    "answer": "refuses this node",
}


AWAY = {
    "full": "this node is full",
    "address": "too many connections",
    "rate": "too many new ones",
    "unheard": "said nothing",
    "descriptors": "no open file is left",
}
"""Why a client's connection was not taken, or not kept."""


def facts(mesh: MeshView, address: str) -> list[Fact]:
    """How this node listens, and where it looks for others because it was told to."""
    found = [Fact("Peers reach it at", address or "nowhere")]
    if mesh.fingerprint:
        found.append(Fact("Key", mesh.fingerprint))
        if mesh.changing:
            found.append(Fact("Being changed", "two keys hold", Colour.WARN, inner=True))
    else:
        found.append(Fact("Key", "none, this machine only"))
    found.append(Fact("Looks for peers at", wording.plural(len(mesh.sought), "address", "addresses")))
    found += [Fact(wording.within(each.given), standing(each), tone(each), inner=True) for each in mesh.sought]
    return found


def standing(sought: SoughtView) -> str:
    """How it is with an address that was given."""
    if sought.connected:
        return "connected"
    return "no answer" if sought.address else "name not found"


def tone(sought: SoughtView) -> Colour:
    """The colour of that."""
    return Colour.TEXT2 if sought.connected else Colour.WARN


def refused(mesh: MeshView) -> list[Fact]:
    """Who was refused, and whom this node cannot get to let it in."""
    return _by_address(
        [(_who(each), REASONS[each.reason], each.last, each.count) for each in mesh.refusals], most=LISTED
    )


def turned_away(views: Sequence[TurnedAwayView]) -> list[Fact]:
    """Whose connections the port for clients has refused."""
    return _by_address(
        [(each.address or "this machine", AWAY[each.reason], each.last, each.count) for each in views], most=LISTED
    )


def _by_address(said: Sequence[tuple[str, str, int, int]], *, most: int) -> list[Fact]:
    """Address, reason, when last and how often, of each; the reasons of an address stand below it."""
    reasons: dict[str, list[Fact]] = {}
    for address, reason, last, count in said:
        words = f"{wording.clock(last, seconds=True)}, {wording.plural(count, 'time')}"
        reasons.setdefault(address, []).append(Fact(reason, words, inner=True))
    found: list[Fact] = []
    for address in list(reasons)[:most]:
        found += [Fact(wording.within(address), ""), *reasons[address]]
    if len(reasons) > most:
        found.append(Fact(f"{wording.count(len(reasons) - most)} more", ""))
    return found


def entrance(exposure: Exposure, now: int) -> list[Fact]:
    """How clients come in: encrypted or not, with which certificate and for how long; `now` in ms since 1970."""
    certificate = exposure.certificate
    if certificate is None:
        where = "by a proxy" if exposure.behind else "plain text" if exposure.is_open else "none, this machine only"
        return [Fact("Encryption", where, Colour.WARN if exposure.is_open else Colour.TEXT)]
    left = certificate.expires - now
    until = datetime.datetime.fromtimestamp(certificate.expires / 1000, datetime.UTC)
    tone = Colour.TEXT if left > WARN_DAYS * DAY_MS else Colour.WARN if left > 0 else Colour.DANGER
    word = f"{until:%Y-%m-%d}, {wording.plural(left // DAY_MS, 'day')}" if left > 0 else f"{until:%Y-%m-%d}, over"
    names = [Fact(wording.within(name), "", inner=True) for name in certificate.names]
    if len(names) > NAMES:
        names[NAMES:] = [Fact(f"{wording.count(len(names) - NAMES)} more", "", inner=True)]
    return [
        Fact("Encryption", "TLS"),
        Fact("Certificate holds until", word, tone),
        Fact("Signed by", wording.within(_common_name(certificate.issuer)) if certificate.issuer else "itself"),
        Fact("SHA-256", f"{certificate.fingerprint[:23]}…"),
        Fact("For", wording.plural(len(certificate.names), "host"), Colour.TEXT if names else Colour.WARN),
        *names,
    ]


def _common_name(issuer: str) -> str:
    """Of a name as certificates write it (RFC 4514) what people call it."""
    return issuer.partition("CN=")[2].partition(",")[0] or issuer


def news(mesh: MeshView, now: int) -> list[RefusalView]:
    """Whom somebody should know of, the newest first; `now` in ms since 1970."""
    return [each for each in mesh.refusals if each.reason != "silent" and now - each.last < RECENT]


def headline(recent: Sequence[RefusalView]) -> str:
    """Who it is and what is wrong, in one sentence."""
    first = recent[0]
    who = wording.within(_who(first))
    if first.reason == "answer":
        return f"{who} does not let this console into its mesh."
    return f"{who} was kept out of the mesh: {REASONS[first.reason]}."


def account(recent: Sequence[RefusalView]) -> str:
    """How often it was, what that means, what can be done, and who else there is."""
    means = {
        "key": "It has no part in anything. If it is a node of yours, give it the key file of this one.",
        "plain": "It has no part in anything. If it is a node of yours, start it with the key file of this one.",
        "garbage": "It has no part in anything. It is no node, but something that tries ports.",
        "answer": "Its key is another one: compare what `main.py cluster-key show` says on both machines.",
    }[recent[0].reason]
    count, since = recent[0].count, wording.clock(recent[0].first, seconds=True)
    often = f"Once, at {since}." if count == 1 else f"{wording.plural(count, 'time')} since {since}."
    others = tuple(dict.fromkeys(_who(each) for each in recent[1:] if each.address != recent[0].address))
    return f"{often} {means} Also: {wording.listed(others)}." if others else f"{often} {means}"


def brief(recent: Sequence[RefusalView]) -> str:
    """The newest of it for the status bar."""
    if not recent:
        return ""
    more = f", {len(recent) - 1} more" if len(recent) > 1 else ""
    if recent[0].reason == "answer":
        return f"{wording.within(_who(recent[0]))} refuses this console{more}"
    return f"Mesh refused {wording.within(_who(recent[0]))}{more}"


def _who(refusal: RefusalView) -> str:
    return refusal.address or "an unknown address"
