"""What the window says of the key of the mesh, of addresses that were given, and of who is kept out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from bus.interface import Reason
from bus.memory import MemoryBus
from gui.nodes import strangers
from gui.nodes.guard import KEY
from gui.nodes.peers import PeersSheet
from gui.tokens import Colour
from gui.views import Changes
from server.certificates import Certificate
from server.entrance import Refusal
from server.exposure import Exposure
from server.tls import DAY_MS
from server.views import MeshView, RefusalView, SoughtView
from tests.gui.conftest import until
from tests.gui.legibility import faults
from tests.gui.looks import save
from tests.gui.test_nodes_losses import plain
from tests.gui.test_nodes_news import told

if TYPE_CHECKING:
    from gui.app import Console
    from tests.gui.conftest import Cluster

LOOKS = os.environ.get("SWITCHBOARD_LOOKS")
THERE, NOWHERE = "127.0.0.1:7001", "127.0.0.1:7999"
NOON = 1_700_000_000_000


def refusal(**changes: Any) -> RefusalView:
    values: dict[str, Any] = {
        "address": "10.7.1.4", "reason": "key", "count": 3, "first": NOON, "last": NOON + 60_000,
    }  # fmt: skip
    return RefusalView(**(values | changes))


def mesh(*refusals: RefusalView, sought: tuple[SoughtView, ...] = (), fingerprint: str = "") -> MeshView:
    return MeshView(fingerprint, False, sought, refusals)


class TestWords:
    """Without a window."""

    def test_a_mesh_without_a_key_says_that_it_stays_on_this_machine(self) -> None:
        found = {fact.caption: fact.value for fact in strangers.facts(mesh(), "127.0.0.1:8766")}
        assert found["Key"] == "none, this machine only"
        assert found["Peers reach it at"] == "127.0.0.1:8766"

    def test_a_key_is_shown_by_its_fingerprint_and_a_change_of_it_is_said(self) -> None:
        shown = MeshView("1a2b 3c4d 5e6f 7081", True, (), ())
        found = {fact.caption: fact.value for fact in strangers.facts(shown, "10.7.1.1:8766")}
        assert found["Key"] == "1a2b 3c4d 5e6f 7081"
        assert found["Being changed"] == "two keys hold"

    def test_each_address_that_was_given_says_what_it_comes_to(self) -> None:
        sought = (
            SoughtView("10.7.1.2:8766", "10.7.1.2:8766", True),
            SoughtView("10.7.1.3:8766", "10.7.1.3:8766", False),
            SoughtView("node.example:8766", "", False),
        )
        found = [(fact.caption, fact.value) for fact in strangers.facts(mesh(sought=sought), "x") if fact.inner]
        assert [value for _, value in found] == ["connected", "no answer", "name not found"]

    def test_who_is_refused_is_named_with_the_reason(self) -> None:
        recent = strangers.news(mesh(refusal(), refusal(address="10.7.1.9", reason="garbage")), NOON + 60_000)
        assert plain(strangers.headline(recent)) == "10.7.1.4 was kept out of the mesh: wrong key."
        assert strangers.account(recent).startswith("3 times since ")
        assert plain(strangers.account(recent)).endswith("Also: 10.7.1.9.")
        assert plain(strangers.brief(recent)) == "Mesh refused 10.7.1.4, 1 more"

    def test_a_peer_that_does_not_let_this_console_in_is_told_otherwise(self) -> None:
        recent = [refusal(address="10.7.1.2:8766", reason="answer")]
        assert "does not let this console into its mesh" in strangers.headline(recent)
        assert "cluster-key show" in strangers.account(recent)
        assert strangers.account([refusal(count=1)]).startswith("Once, at ")

    def test_who_said_nothing_or_gave_up_long_ago_is_no_news(self) -> None:
        assert not strangers.news(mesh(refusal(reason="silent")), NOON + 60_000)
        assert not strangers.news(mesh(refusal()), NOON + 60_000 + strangers.RECENT)

    def test_more_than_fit_are_counted(self) -> None:
        many = [refusal(address=f"10.7.1.{number}") for number in range(strangers.LISTED + 5)]
        found = strangers.refused(mesh(*many))
        assert len(found) == 2 * strangers.LISTED + 1
        assert found[-1].caption == "5 more"

    def test_the_reasons_of_an_address_stand_below_it(self) -> None:
        found = strangers.refused(mesh(refusal(), refusal(address="10.7.1.9"), refusal(reason="garbage", count=1)))
        assert [(plain(fact.caption), fact.inner) for fact in found] == [
            ("10.7.1.4", False), ("wrong key", True), ("not a node", True), ("10.7.1.9", False), ("wrong key", True),
        ]  # fmt: skip
        assert found[1].value.endswith(", 3 times")
        assert found[2].value.endswith(", 1 time")

    @pytest.mark.parametrize(
        ("exposure", "said", "tone"),
        [
            (Exposure(), "none, this machine only", Colour.TEXT),
            (Exposure(host="0.0.0.0"), "plain text", Colour.WARN),
            (Exposure(host="0.0.0.0", behind=True), "by a proxy", Colour.TEXT),
        ],
    )
    def test_a_port_without_a_certificate_says_whether_that_is_well(
        self, exposure: Exposure, said: str, tone: Colour
    ) -> None:
        (fact,) = strangers.entrance(exposure, NOON)
        assert (fact.caption, fact.value, fact.tone) == ("Encryption", said, tone)

    @pytest.mark.parametrize(
        ("days", "said", "tone"),
        [(300, "300 days", Colour.TEXT), (3, "3 days", Colour.WARN), (-1, "over", Colour.DANGER)],
    )
    def test_a_certificate_says_for_whom_it_is_and_how_long_it_holds(
        self, days: int, said: str, tone: Colour
    ) -> None:
        certificate = Certificate(("voice.example", "10.7.1.1"), "", NOON + days * DAY_MS, "AB:" * 31 + "AB")
        found = {
            fact.caption: fact for fact in strangers.entrance(Exposure(encrypted=True, certificate=certificate), NOON)
        }
        assert found["For"].value == "2 hosts"
        assert [plain(fact.caption) for fact in found.values() if fact.inner] == ["voice.example", "10.7.1.1"]
        assert found["Signed by"].value == "itself"
        assert found["Certificate holds until"].value.endswith(said)
        assert found["Certificate holds until"].tone is tone
        assert found["SHA-256"].value == "AB:AB:AB:AB:AB:AB:AB:AB…"

    def test_who_signed_a_certificate_is_called_by_name_and_many_hosts_are_counted(self) -> None:
        names = tuple(f"{number}.example" for number in range(strangers.NAMES + 2))
        certificate = Certificate(names, "CN=Authority 7,O=Example", NOON + 300 * DAY_MS, "AB:" * 31 + "AB")
        found = strangers.entrance(Exposure(encrypted=True, certificate=certificate), NOON)
        assert [plain(fact.value) for fact in found if fact.caption == "Signed by"] == ["Authority 7"]
        assert found[-1].caption == "2 more"


def bus_of(cluster: Cluster) -> MemoryBus:
    bus = cluster.served[0].node.bus
    assert isinstance(bus, MemoryBus)
    return bus


async def test_who_is_kept_out_stands_in_a_banner_the_status_bar_and_the_details(
    console: Console, cluster: Cluster, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(MemoryBus, "fingerprint", property(lambda self: "1a2b 3c4d 5e6f 7081"))
    bus = bus_of(cluster)
    console.window.show_view(console.nodes)
    await told(console, lambda: KEY not in console.context.banners.keys)
    bus.join(NOWHERE)
    for _ in range(12):
        bus._refusals.note("10.7.1.4", Reason.KEY, now=bus._clock.time())
    bus._refusals.note("10.7.1.5", Reason.SILENT, now=bus._clock.time())
    await told(console, lambda: KEY in console.context.banners.keys)
    strip = console.context.banners.strip
    assert "10.7.1.4" in strip.title.text()
    assert "wrong key" in strip.title.text()
    await told(console, lambda: "10.7.1.4" in console.window.status_bar.alarm.text())
    console.guard.show_node.emit(console.context.desk.node_id)
    details = console.nodes.details
    assert details.isVisible()
    facts = {plain(fact.caption): plain(fact.value) for fact in details.mesh.facts}
    assert facts["Key"] == "1a2b 3c4d 5e6f 7081"
    assert facts[NOWHERE] == "no answer"
    refused = {plain(fact.caption): plain(fact.value) for fact in details.refused.facts}
    assert list(refused) == ["10.7.1.5", "said nothing", "10.7.1.4", "wrong key"]
    assert refused["wrong key"].endswith(", 12 times")
    assert details.sections["refused"].note.text() == "13"
    await save(console, Path(LOOKS or tmp_path) / "strangers.png")
    assert faults(console.window) == []


async def test_a_list_that_grows_has_its_place_before_it_is_painted(console: Console, cluster: Cluster) -> None:
    bus = bus_of(cluster)
    console.window.show_view(console.nodes)
    console.nodes.show_details(console.context.desk.node_id)
    section = console.nodes.details.sections["refused"]
    for number in range(strangers.LISTED):
        bus._refusals.note(f"10.7.1.{number}", Reason.KEY, now=bus._clock.time())
        console.window.flush(Changes.whole())
        assert len(console.nodes.details.refused.facts) == 2 * (number + 1)
        assert section.height() == section.sizeHint().height()


async def test_addresses_that_were_turned_away_stand_in_the_details(
    console: Console, cluster: Cluster, tmp_path: Path
) -> None:
    entrance = cluster.served[0].gateway.entrance
    now = cluster.served[0].node.clock.now()
    for _ in range(3):
        entrance.turn_away("192.0.2.9", Refusal.RATE, now)
    entrance.turn_away("", Refusal.DESCRIPTORS, now)
    console.window.show_view(console.nodes)
    console.nodes.show_details(console.context.desk.node_id)
    details = console.nodes.details
    found = {plain(fact.caption): plain(fact.value) for fact in details.away.facts}
    assert list(found) == ["this machine", "no open file is left", "192.0.2.9", "too many new ones"]
    assert found["too many new ones"].endswith(", 3 times")
    assert details.sections["away"].note.text() == "4"
    await save(console, Path(LOOKS or tmp_path) / "turned-away.png")
    assert faults(console.window) == []


async def test_the_details_of_another_node_say_nothing_of_strangers(console: Console, cluster: Cluster) -> None:
    bravo = await cluster.node("bravo")
    console.window.show_view(console.nodes)
    await told(console, lambda: len(console.context.desk.nodes()) == 2)
    console.nodes.show_details(bravo.node.node_id)
    assert console.nodes.details.sections["mesh"].isHidden()
    assert console.nodes.details.sections["refused"].isHidden()


class TestPeers:
    """Addresses that were given, while the console runs."""

    def opened(self, console: Console) -> PeersSheet:
        QTest.keyClick(console.window, Qt.Key.Key_J, Qt.KeyboardModifier.ShiftModifier)
        (sheet,) = console.window.findChildren(PeersSheet)
        assert sheet.isVisible()
        return sheet

    async def test_what_was_given_is_listed_with_what_it_comes_to_and_can_be_removed(
        self, console: Console, cluster: Cluster, tmp_path: Path
    ) -> None:
        await cluster.node("other", alone_at=THERE)
        bus = bus_of(cluster)
        bus.join(NOWHERE)
        assert await console.context.desk.join(THERE) == "other"
        sheet = self.opened(console)
        assert {given: plain(state.text()) for given, state in sheet._states.items()} == {
            THERE: "connected",
            NOWHERE: "no answer",
        }
        assert faults(console.window) == []
        await save(console, Path(LOOKS or tmp_path) / "peers.png")
        sheet.removes[NOWHERE].click()
        assert list(sheet.removes) == [THERE]
        assert [each.given for each in bus.sought()] == [THERE]
        assert NOWHERE in console.context.toasts.text
        sheet.removes[THERE].click()
        assert sheet.empty.isVisible()
        assert not bus.sought()
        assert len(console.context.desk.nodes()) == 2, "who was found there stays"

    async def test_another_is_added_by_the_sheet_that_joins(self, console: Console) -> None:
        sheet = self.opened(console)
        assert sheet.empty.isVisible()
        sheet.add.click()
        assert not sheet.isVisible()
        await until(lambda: any(child.__class__.__name__ == "JoinSheet" for child in console.window.children()))

    async def test_a_line_follows_what_becomes_of_it(self, console: Console, cluster: Cluster) -> None:
        bus = bus_of(cluster)
        bus.join(THERE)
        sheet = self.opened(console)
        assert sheet._states[THERE].text() == "no answer"
        await cluster.node("other", alone_at=THERE)
        await told(console, lambda: bus.sought()[0].connected)
        sheet.look()
        assert sheet._states[THERE].text() == "connected"
        assert strangers.tone(SoughtView(THERE, THERE, False)) is Colour.WARN
